/* The claim: is_pending, put before the first call, renewed while the run lives, deleted after the
 * reports.
 *
 * Conditional writes make it safe: it is put only if absent, renewed and deleted only if unchanged,
 * and taken over, when it has expired, only if unchanged too. A write whose answer was lost may
 * have happened; so whoever finds the condition broken reads the claim and looks for its own name
 * in it.
 *
 * Whether another's has expired is judged by the store's clock alone (claim_read.c): a host whose
 * clock is wrong neither takes live claims over nor waits for dead ones.
 *
 * How long we hold it is counted from before the write was sent, by a clock that goes on while the
 * process, or the host, does not: who wakes up late knows that the claim may be another's. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/run/run.h"
#include "lib/base/log.h"
#include "lib/json/jpath.h"

/* An expired claim is left alone for as long: stores count whole seconds, the machines of one may
 * differ, and so may the clocks of hosts that share a directory. */
#define CLOCK_SKEW_MS 5000
/* What has less than this left is not ours for sure while a request is on its way. */
#define MARGIN_MS 2000
/* An event that another works on is looked at again after this part of claim_ttl, at least after a
 * second. */
#define LOOKS_PER_TTL 10
#define LOOK_MIN_MS   1000

static int64_t wall(const struct run *run)
{
    const struct clock *clock = run->env->clock;
    return clock->wall_ms(clock);
}

static int64_t mono(const struct run *run)
{
    const struct clock *clock = run->env->clock;
    return clock->mono_ms(clock);
}

/* The claim is ours since began_ms, for ttl_ms. */
static void hold(struct run *run, const char etag[128], int64_t began_ms, int64_t ttl_ms)
{
    memcpy(run->claim_etag, etag, sizeof run->claim_etag);
    run->claim_until_ms = began_ms + ttl_ms;
    run->claim_due_ms = began_ms + ttl_ms / 2;
}

/* Writes is_pending. On success the claim holds for ttl_ms. */
static bool put_claim(struct run *run, struct http_client *http, int64_t ttl_ms,
                      enum object_condition condition, const char *etag, struct err *err)
{
    struct buf body = buf_make(CLAIM_MAX);
    char new_etag[128];
    int64_t began_ms = mono(run);
    if (!run->rules->claims)
        condition = OBJECT_ALWAYS;
    bool ok =
        progress_write(run, ttl_ms > 0 ? wall(run) + ttl_ms : 0, &body) && claim_sign(run, &body);
    if (!ok) {
        err_set(err, ERR_INTERNAL, "",
                "the progress of the run takes more memory than there is, or more than %zu bytes",
                CLAIM_MAX);
    } else {
        struct http_body out = {.data = body.data, .size = body.size};
        struct object_put put = {
            .key = buf_str(&run->claim_key), .body = &out, .condition = condition, .etag = etag};
        ok = run->store->ops->put(run->store, http, &put, new_etag, err);
    }
    buf_free(&body);
    if (ok)
        hold(run, new_etag, began_ms, ttl_ms);
    return ok;
}

static bool is_mine(const struct run *run, const struct claim *claim)
{
    const char *owner = jstr(claim->body, "owner");
    return claim->believed && owner && strcmp(owner, run->owner) == 0;
}

/* Another's claim holds for left_ms. */
static enum claim_answer others(struct run *run, int64_t left_ms)
{
    int64_t look_ms = run->rules->claim_ttl / LOOKS_PER_TTL;
    if (left_ms > look_ms)
        left_ms = look_ms;
    run->release_delay_ms = left_ms > LOOK_MIN_MS ? left_ms : LOOK_MIN_MS;
    return CLAIM_OTHERS;
}

static enum claim_answer gone(struct run *run)
{
    others(run, 0);
    return CLAIM_GONE;
}

/* Remembers what the earlier owner had done, if it was with this same action list; the run id goes
 * with it. */
static bool inherit(struct run *run, const struct claim *claim, struct err *err)
{
    const char *id = jstr(claim->body, "run");
    const char *event = jstr(claim->body, "event");
    const json_t *automations = json_object_get(claim->body, "automations");
    if (!id || !*id || strlen(id) >= sizeof run->id || !event ||
        strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(id))
        return true;
    if (!claim->believed) {
        log_warn(run->env->log,
                 "is_pending is not signed with claim_key: its progress is not trusted, and the "
                 "run starts over",
                 LOG_STR("event", run->key), LOG_STR("store", run->store->name),
                 LOG_STR("run", run->id));
        return true;
    }
    run->progress = json_is_array(automations) ? json_deep_copy(automations) : json_array();
    memcpy(run->id, id, strlen(id) + 1);
    snprintf(run->event_etag, sizeof run->event_etag, "%s", event);
    run->inherited_ms = claim->meta.modified_ms;
    return run->progress || err_set(err, ERR_INTERNAL, "", "out of memory while reading the claim");
}

static void say_taken_over(const struct run *run, const struct claim *claim)
{
    const char *owner = jstr(claim->body, "owner");
    const char *sentence = "Expired claim taken over";
    if (claim->given_up)
        sentence = "Released claim taken over";
    else if (!owner)
        sentence = "Old is_pending of another program taken over";
    log_info(run->env->log, sentence, LOG_STR("event", run->key), LOG_STR("run", run->id),
             LOG_STR("former_owner", owner));
}

/* The claim as it was read: ours after all, somebody's, or one to be taken over. */
static enum claim_answer judge(struct run *run, struct http_client *http, const struct claim *claim,
                               struct err *err)
{
    if (is_mine(run, claim)) {
        hold(run, claim->meta.etag, mono(run), 0); /* written by us, but when? Renewed at once */
        return inherit(run, claim, err) ? CLAIM_MINE : CLAIM_FAILED; /* what a takeover carried */
    }
    if (!claim->given_up && claim->left_ms + CLOCK_SKEW_MS > 0)
        return others(run, claim->left_ms + CLOCK_SKEW_MS);
    if (!inherit(run, claim, err))
        return CLAIM_FAILED;
    if (put_claim(run, http, run->rules->claim_ttl, OBJECT_IF_MATCH, claim->meta.etag, err)) {
        say_taken_over(run, claim);
        return CLAIM_MINE;
    }
    return err->kind == ERR_PRECONDITION ? others(run, 0) : CLAIM_FAILED; /* another was quicker */
}

static enum claim_answer look_at_claim(struct run *run, struct http_client *http, struct err *err)
{
    struct claim claim;
    if (!claim_read(run, http, &claim, err))
        return err->kind == ERR_NOT_FOUND ? gone(run) : CLAIM_FAILED;
    enum claim_answer answer = judge(run, http, &claim, err);
    json_decref(claim.body);
    return answer;
}

enum claim_answer claim_take(struct run *run, struct http_client *http, struct err *err)
{
    json_decref(run->progress); /* of a try before */
    run->progress = NULL;
    if (!run->rules->claims) {
        /* Without conditional writes the best that can be done is to look first. */
        enum claim_answer answer = look_at_claim(run, http, err);
        if (answer != CLAIM_GONE)
            return answer;
    }
    if (put_claim(run, http, run->rules->claim_ttl, OBJECT_IF_ABSENT, NULL, err))
        return CLAIM_MINE;
    /* Gone: it went away between our two requests, its owner has finished. */
    return err->kind == ERR_PRECONDITION ? look_at_claim(run, http, err) : CLAIM_FAILED;
}

/* After a lost condition: was it our own write whose answer got lost? Then the claim is still ours,
 * with a new ETag. */
static enum claim_answer still_mine(struct run *run, struct http_client *http, struct err *err)
{
    struct claim claim;
    if (!claim_read(run, http, &claim, err))
        return err->kind == ERR_NOT_FOUND ? gone(run) : CLAIM_FAILED;
    enum claim_answer answer;
    if (is_mine(run, &claim)) {
        memcpy(run->claim_etag, claim.meta.etag, sizeof run->claim_etag);
        answer = CLAIM_FAILED; /* to be tried once more, with this ETag */
        err_set(err, ERR_TRANSIENT, "", "the answer to a write of is_pending was lost");
    } else {
        answer = others(run, claim.left_ms + CLOCK_SKEW_MS);
    }
    json_decref(claim.body);
    return answer;
}

enum claim_answer claim_renew(struct run *run, struct http_client *http, struct err *err)
{
    if (put_claim(run, http, run->rules->claim_ttl, OBJECT_IF_MATCH, run->claim_etag, err))
        return CLAIM_MINE;
    return err->kind == ERR_PRECONDITION ? still_mine(run, http, err) : CLAIM_FAILED;
}

bool claim_give_up(struct run *run, struct http_client *http, struct err *err)
{
    return put_claim(run, http, 0, OBJECT_IF_MATCH, run->claim_etag, err);
}

enum claim_answer claim_delete(struct run *run, struct http_client *http, struct err *err)
{
    const char *etag = run->rules->claims ? run->claim_etag : NULL;
    if (run->store->ops->del(run->store, http, buf_str(&run->claim_key), etag, err))
        return CLAIM_GONE;
    return err->kind == ERR_PRECONDITION ? still_mine(run, http, err) : CLAIM_FAILED;
}

bool claim_holds(const struct run *run)
{
    return mono(run) + MARGIN_MS < run->claim_until_ms;
}
