/* The claim: is_pending, put before the first call, renewed while the run lives, deleted after the
 * reports.
 *
 * Conditional writes make it safe: it is put only if absent, renewed only if unchanged, and taken
 * over, when it has expired, only if unchanged too. A write whose answer was lost may have
 * happened; so whoever finds the condition broken reads the claim and looks for its own name in it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/run.h"
#include "lib/jpath.h"
#include "lib/log.h"

/* Clocks of hosts may differ by this much: an expired claim is left alone for as long. */
#define CLOCK_SKEW_MS 5000
#define CLAIM_MAX     ((size_t)1 << 30)
/* The first claim is taken before anything is known of the work: room for its renewal is what
 * counts. */
#define RETRY_LATER_MS 1000

static int64_t wall(const struct run *run)
{
    const struct clock *clock = run->engine->options.clock;
    return clock->wall_ms(clock);
}

/* Writes is_pending. On success the claim lasts until expires_ms. */
static bool put_claim(struct run *run, struct http_client *http, int64_t expires_ms,
                      enum store_condition condition, const char *etag, struct err *err)
{
    struct buf body = buf_make(CLAIM_MAX);
    char new_etag[128];
    if (!run->config->claims)
        condition = STORE_ALWAYS;
    bool ok = progress_write(run, expires_ms, &body);
    if (!ok) {
        err_set(err, ERR_INTERNAL, "", "out of memory while writing the progress of the run");
    } else {
        struct http_body out = {.data = body.data, .size = body.size};
        ok = run->store->ops->put(run->store, http, buf_str(&run->claim_key), &out, condition, etag,
                                  new_etag, err);
    }
    buf_free(&body);
    if (ok) {
        memcpy(run->claim_etag, new_etag, sizeof run->claim_etag);
        run->claim_expires_ms = expires_ms;
    }
    return ok;
}

/* What is_pending says. */
struct claim {
    json_t *body; /* NULL when it is not one of ours (or broken) */
    struct store_meta meta;
    int64_t expires_ms;
};

static bool read_claim(struct run *run, struct http_client *http, struct claim *claim,
                       struct err *err)
{
    struct buf body = buf_make(CLAIM_MAX);
    *claim = (struct claim){.body = NULL};
    bool ok =
        run->store->ops->get(run->store, http, buf_str(&run->claim_key), &body, &claim->meta, err);
    if (ok) {
        claim->body = json_loadb(body.data ? body.data : "", body.size, 0, NULL);
        claim->expires_ms = jint(claim->body, "expires_ms", -1);
        /* Somebody else's marker carries no time: it lasts as long as one of ours would. */
        if (claim->expires_ms < 0)
            claim->expires_ms = claim->meta.modified_ms + run->config->claim_ttl;
    }
    buf_free(&body);
    return ok;
}

static bool is_mine(const struct run *run, const struct claim *claim)
{
    const char *owner = jstr(claim->body, "owner");
    return owner && strcmp(owner, run->owner) == 0;
}

static enum claim_answer others(struct run *run, int64_t until_ms)
{
    int64_t left = until_ms - wall(run);
    run->release_delay_ms = left > RETRY_LATER_MS ? left : RETRY_LATER_MS;
    return CLAIM_OTHERS;
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
    run->progress = json_is_array(automations) ? json_deep_copy(automations) : json_array();
    memcpy(run->id, id, strlen(id) + 1);
    snprintf(run->event_etag, sizeof run->event_etag, "%s", event);
    run->inherited_ms = claim->meta.modified_ms;
    return run->progress || err_set(err, ERR_INTERNAL, "", "out of memory while reading the claim");
}

/* There is a claim. Ours after all, somebody's, or an expired one to be taken over. */
static enum claim_answer look_at_claim(struct run *run, struct http_client *http, struct err *err)
{
    struct claim claim;
    enum claim_answer answer = CLAIM_FAILED;
    if (!read_claim(run, http, &claim, err)) {
        if (err->kind ==
            ERR_NOT_FOUND) /* it went away between our two requests: its owner has finished */
            return others(run, 0);
        return CLAIM_FAILED;
    }
    if (is_mine(run, &claim)) {
        memcpy(run->claim_etag, claim.meta.etag, sizeof run->claim_etag);
        run->claim_expires_ms = claim.expires_ms;
        answer =
            inherit(run, &claim, err) ? CLAIM_MINE : CLAIM_FAILED; /* what a takeover carried on */
    } else if (claim.expires_ms + (claim.expires_ms ? CLOCK_SKEW_MS : 0) > wall(run)) {
        answer = others(run, claim.expires_ms + CLOCK_SKEW_MS);
    } else if (!inherit(run, &claim, err)) {
        answer = CLAIM_FAILED;
    } else if (put_claim(run, http, wall(run) + run->config->claim_ttl, STORE_IF_MATCH,
                         claim.meta.etag, err)) {
        log_info(run->engine->options.log, "Expired claim taken over", "event", run->key, "run",
                 run->id, "former_owner", jstr(claim.body, "owner"));
        answer = CLAIM_MINE;
    } else if (err->kind == ERR_PRECONDITION) {
        answer = others(run, 0); /* another was quicker */
    }
    json_decref(claim.body);
    return answer;
}

enum claim_answer claim_take(struct run *run, struct http_client *http, struct err *err)
{
    json_decref(run->progress); /* of a try before */
    run->progress = NULL;
    if (!run->config->claims) {
        /* Without conditional writes the best that can be done is to look first. */
        enum claim_answer answer = look_at_claim(run, http, err);
        if (answer != CLAIM_OTHERS || run->release_delay_ms > RETRY_LATER_MS)
            return answer;
    }
    if (put_claim(run, http, wall(run) + run->config->claim_ttl, STORE_IF_ABSENT, NULL, err))
        return CLAIM_MINE;
    return err->kind == ERR_PRECONDITION ? look_at_claim(run, http, err) : CLAIM_FAILED;
}

/* After a lost condition: was it our own write whose answer got lost? Then the claim is still ours,
 * with a new ETag. */
static enum claim_answer still_mine(struct run *run, struct http_client *http, struct err *err)
{
    struct claim claim;
    if (!read_claim(run, http, &claim, err))
        return err->kind == ERR_NOT_FOUND ? others(run, 0) : CLAIM_FAILED;
    enum claim_answer answer;
    if (is_mine(run, &claim)) {
        memcpy(run->claim_etag, claim.meta.etag, sizeof run->claim_etag);
        answer = CLAIM_FAILED; /* to be written once more, with this ETag */
        err_set(err, ERR_TRANSIENT, "", "the answer to a write of is_pending was lost");
    } else {
        answer = others(run, claim.expires_ms + CLOCK_SKEW_MS);
    }
    json_decref(claim.body);
    return answer;
}

enum claim_answer claim_renew(struct run *run, struct http_client *http, struct err *err)
{
    if (put_claim(run, http, wall(run) + run->config->claim_ttl, STORE_IF_MATCH, run->claim_etag,
                  err))
        return CLAIM_MINE;
    return err->kind == ERR_PRECONDITION ? still_mine(run, http, err) : CLAIM_FAILED;
}

bool claim_give_up(struct run *run, struct http_client *http, struct err *err)
{
    return put_claim(run, http, 0, STORE_IF_MATCH, run->claim_etag, err);
}

bool claim_delete(struct run *run, struct http_client *http, struct err *err)
{
    return run->store->ops->del(run->store, http, buf_str(&run->claim_key), err);
}

int64_t claim_renew_at(const struct run *run)
{
    const struct clock *clock = run->engine->options.clock;
    int64_t left = run->claim_expires_ms - clock->wall_ms(clock);
    int64_t pause = left - run->config->claim_ttl / 2;
    return clock->mono_ms(clock) + (pause > 1 ? pause : 1);
}
