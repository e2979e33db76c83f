/* The claim: a lease on an event, in the object is_pending in the folder of the reports.
 *
 * Only the control job of a run calls these functions, and it alone writes to is_pending. Tasks and
 * their hooks, on any worker, only call claim_holds, which reads two atomic members of the run.
 *
 * MUTUAL EXCLUSION is left to the conditional writes of the store. is_pending is created only if it
 * does not exist, renewed and deleted only if its ETag is the one of our last write, and taken
 * over, after it has expired, only if its ETag is the one that was read. So of several daemons one
 * wins, and a daemon that was suspended cannot overwrite the claim of its successor. A write whose
 * response was lost may have happened: if a condition fails, the claim is read, and it is still
 * ours if it names this run as its owner.
 *
 *     no is_pending ---- create ----> held <---- renew, at half the lifetime
 *     expired, given up - take over -> held ---- reports written --> deleted
 *                                       | +----- given up ---------> may be taken over at once
 *                                       +------- not renewed ------> expires
 *
 * TIME is measured by two clocks. How long a claim of another lasts is judged by the clock of the
 * store alone (claim_read.c), so that a host whose clock is wrong neither takes over live claims
 * nor waits for expired ones. How long we hold ours is counted from before the write was sent, with
 * a monotonic clock that keeps running while the host is suspended: claim_until_ms is thus never
 * later than the moment the store would name. Nothing is changed, reported or deleted while less
 * than MARGIN_MS is left.
 *
 * DURABLE in is_pending: the owner, the ID of the run, the version of the event, and the progress
 * (progress.c). A daemon that takes over inherits the ID and, if the event still has that version,
 * the progress. Without claim_key_file anyone who can write to the store can write any progress:
 * it is validated as input from outside, and discarded if there is a key and no valid signature
 * (claim_sign.c).
 *
 * Without conditional writes (claims = off) the claim is read before it is written; two daemons may
 * then both process an event, which is harmless but wasteful. */
#include <stdlib.h>
#include <string.h>

#include "daemon/run/run.h"
#include "lib/base/log.h"
#include "lib/json/jpath.h"

/* An expired claim is left alone for this long: stores count whole seconds, their machines may
 * differ, and so may the clocks of hosts that share a directory. */
#define CLOCK_SKEW_MS 5000
/* With less than this left, the claim may expire while a request is under way. */
#define MARGIN_MS 2000
/* An event that another daemon processes is tried again after this fraction of claim_ttl, but not
 * sooner than after a second. */
#define RETRIES_PER_TTL 10
#define RETRY_MIN_MS    1000

/* The claim is ours since began_ms, for ttl_ms. */
static void claim_hold(struct run *run, const char etag[OBJECT_ETAG_SIZE], int64_t began_ms,
                       int64_t ttl_ms)
{
    memcpy(run->claim_etag, etag, sizeof run->claim_etag);
    run->claim_until_ms = began_ms + ttl_ms;
    run->claim_due_ms = began_ms + ttl_ms / 2;
}

/* Writes is_pending. On success the claim is held for ttl_ms; 0: it is given up. */
static bool claim_put(struct run *run, struct http_client *http, int64_t ttl_ms,
                      enum object_condition condition, const char *etag, struct err *err)
{
    const struct clock *clock = run->env->clock;
    struct buf body = buf_make(CLAIM_MAX);
    char new_etag[OBJECT_ETAG_SIZE];
    int64_t began_ms = run_mono_ms(run);
    progress_mark_durable(run);
    bool ok = progress_write(run, ttl_ms > 0 ? clock->wall_ms(clock) + ttl_ms : 0, &body) &&
              claim_sign(run, &body);
    if (!ok) {
        err_set(err, ERR_INTERNAL, "", "the progress of the run takes more than %zu bytes",
                CLAIM_MAX);
    } else {
        struct http_body out = {.data = body.data, .size = body.size};
        struct object_put put = {.key = buf_str(&run->claim_key),
                                 .body = &out,
                                 .condition = run->rules->claims ? condition : OBJECT_ALWAYS,
                                 .etag = etag};
        ok = run->store->ops->put(run->store, http, &put, new_etag, err);
    }
    buf_free(&body);
    if (ok)
        claim_hold(run, new_etag, began_ms, ttl_ms);
    return ok;
}

static bool claim_is_ours(const struct run *run, const struct claim *claim)
{
    const char *owner = jstr(claim->body, "owner");
    return claim->trusted && owner && strcmp(owner, run->owner) == 0;
}

/* Another run's claim lasts for left_ms. */
static enum claim_result claim_others(struct run *run, int64_t left_ms)
{
    int64_t retry_ms = run->rules->claim_ttl / RETRIES_PER_TTL;
    if (left_ms > retry_ms)
        left_ms = retry_ms;
    run->release_delay_ms = left_ms > RETRY_MIN_MS ? left_ms : RETRY_MIN_MS;
    return CLAIM_OTHERS;
}

/* Reads is_pending. Returns CLAIM_HELD if it could be read, whoever owns it. */
static enum claim_result claim_read_any(struct run *run, struct http_client *http,
                                        struct claim *claim, struct err *err)
{
    if (claim_read(run, http, claim, err))
        return CLAIM_HELD;
    if (err->kind != ERR_NOT_FOUND)
        return CLAIM_FAILED;
    claim_others(run, 0);
    return CLAIM_GONE;
}

/* --- taking --- */

/* Copies the ID and the progress of an earlier owner, if the body contains them. Whether it is for
 * this version of the event is checked when the event is read. */
static void claim_inherit(struct run *run, const struct claim *claim)
{
    const char *id = jstr(claim->body, "run");
    const char *event = jstr(claim->body, "event");
    const json_t *automations = json_object_get(claim->body, "automations");
    if (!id || !*id || strlen(id) >= sizeof run->id || !event ||
        strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(id))
        return;
    if (!claim->trusted) {
        log_warn(run->env->log,
                 "is_pending is not signed with claim_key: its progress is not trusted, and the "
                 "run starts over",
                 LOG_STR("event", run->key), LOG_STR("store", run->store->name),
                 LOG_STR("run", run->id));
        return;
    }
    run->progress = json_is_array(automations) ? json_deep_copy(automations) : json_array();
    memcpy(run->id, id, strlen(id) + 1);
    snprintf(run->event_etag, sizeof run->event_etag, "%s", event);
    run->inherited_ms = claim->meta.modified_ms;
}

static void claim_log_takeover(const struct run *run, const struct claim *claim)
{
    const char *owner = jstr(claim->body, "owner");
    const char *message = "Expired claim taken over";
    if (claim->given_up)
        message = "Released claim taken over";
    else if (!owner)
        message = "Old is_pending of another program taken over";
    log_info(run->env->log, message, LOG_STR("event", run->key), LOG_STR("run", run->id),
             LOG_STR("former_owner", owner));
}

/* Decides what an existing claim means: ours after all, another's, or one to take over. */
static enum claim_result claim_take_existing(struct run *run, struct http_client *http,
                                             const struct claim *claim, struct err *err)
{
    if (claim_is_ours(run, claim)) {
        /* Written by us, but when? It is renewed at once. A takeover may have carried progress. */
        claim_hold(run, claim->meta.etag, run_mono_ms(run), 0);
        claim_inherit(run, claim);
        return CLAIM_HELD;
    }
    if (!claim->given_up && claim->left_ms + CLOCK_SKEW_MS > 0)
        return claim_others(run, claim->left_ms + CLOCK_SKEW_MS);
    claim_inherit(run, claim);
    if (claim_put(run, http, run->rules->claim_ttl, OBJECT_IF_MATCH, claim->meta.etag, err)) {
        claim_log_takeover(run, claim);
        return CLAIM_HELD;
    }
    /* If the condition failed, another daemon was quicker. */
    return err->kind == ERR_PRECONDITION ? claim_others(run, 0) : CLAIM_FAILED;
}

static enum claim_result claim_check_existing(struct run *run, struct http_client *http,
                                              struct err *err)
{
    struct claim claim;
    enum claim_result result = claim_read_any(run, http, &claim, err);
    if (result != CLAIM_HELD)
        return result;
    result = claim_take_existing(run, http, &claim, err);
    json_decref(claim.body);
    return result;
}

enum claim_result claim_take(struct run *run, struct http_client *http, struct err *err)
{
    /* Of an earlier attempt. */
    json_decref(run->progress);
    run->progress = NULL;
    if (!run->rules->claims) {
        enum claim_result result = claim_check_existing(run, http, err);
        if (result != CLAIM_GONE)
            return result;
    }
    if (claim_put(run, http, run->rules->claim_ttl, OBJECT_IF_ABSENT, NULL, err))
        return CLAIM_HELD;
    /* CLAIM_GONE: it was deleted between the two requests, so its owner has finished. */
    return err->kind == ERR_PRECONDITION ? claim_check_existing(run, http, err) : CLAIM_FAILED;
}

/* --- renewing and deleting --- */

/* A condition has failed. If that was due to our own earlier write, whose response was lost, the
 * claim is still ours, and the operation is to be retried with its new ETag. */
static enum claim_result claim_check_lost(struct run *run, struct http_client *http,
                                          struct err *err)
{
    struct claim claim;
    enum claim_result result = claim_read_any(run, http, &claim, err);
    if (result != CLAIM_HELD)
        return result;
    if (claim_is_ours(run, &claim)) {
        memcpy(run->claim_etag, claim.meta.etag, sizeof run->claim_etag);
        err_set(err, ERR_TRANSIENT, "", "the response to a write of is_pending was lost");
        result = CLAIM_FAILED;
    } else {
        result = claim_others(run, claim.left_ms + CLOCK_SKEW_MS);
    }
    json_decref(claim.body);
    return result;
}

enum claim_result claim_renew(struct run *run, struct http_client *http, struct err *err)
{
    if (claim_put(run, http, run->rules->claim_ttl, OBJECT_IF_MATCH, run->claim_etag, err))
        return CLAIM_HELD;
    return err->kind == ERR_PRECONDITION ? claim_check_lost(run, http, err) : CLAIM_FAILED;
}

bool claim_give_up(struct run *run, struct http_client *http, struct err *err)
{
    return claim_put(run, http, 0, OBJECT_IF_MATCH, run->claim_etag, err);
}

enum claim_result claim_delete(struct run *run, struct http_client *http, struct err *err)
{
    const char *etag = run->rules->claims ? run->claim_etag : NULL;
    if (run->store->ops->del(run->store, http, buf_str(&run->claim_key), etag, err))
        return CLAIM_GONE;
    return err->kind == ERR_PRECONDITION ? claim_check_lost(run, http, err) : CLAIM_FAILED;
}

bool claim_holds(const struct run *run)
{
    return run_mono_ms(run) + MARGIN_MS < run->claim_until_ms;
}
