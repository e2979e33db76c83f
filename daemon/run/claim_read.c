/* Reads is_pending, in which anyone who can write to the store may have written anything.
 *
 * A body is parsed only if it is as small and as flat as those that progress_write produces, and a
 * claim lasts for its ttl_ms from the moment at which, according to the store, it was written. The
 * elapsed time is measured by the clock of the store alone, since those of the writer's host and of
 * ours may be wrong. The time of expiry in the body is for information only, except that 0 means
 * that the claim was given up. */
#include <stdlib.h>
#include <string.h>

#include "daemon/run/run.h"
#include "lib/json/jpath.h"
#include "lib/json/scan.h"

/* Maximum number of JSON values and keys in a body: enough for the errors of some hundred thousand
 * resources, and a bound on the memory that parsing takes. */
#define VALUES_MAX 2000000
/* The largest claim_ttl of any daemon: see config/table.c. */
#define TTL_MAX_MS (3600 * INT64_C(1000))

/* Returns NULL if the body is not JSON, or is larger than progress_write would make it. */
static json_t *claim_parse(const struct buf *body)
{
    struct scan scan;
    scan_init(&scan, buf_str(body), body->size);
    for (size_t n = 0; n < VALUES_MAX; n++) {
        struct scan_token token = scan_next(&scan);
        if (token.type == SCAN_ERROR)
            return NULL;
        if (token.type == SCAN_END)
            return json_loadb(buf_str(body), body->size, 0, NULL);
    }
    return NULL;
}

/* Returns how long a claim lasts from when it was written. Daemons on one queue may have different
 * values of claim_ttl, for example while it is being changed. If the body contains none, as that of
 * another program, the claim lasts as long as one of ours. */
static int64_t claim_lifetime_ms(const struct run *run, const struct claim *claim)
{
    int64_t ttl_ms = claim->trusted ? jint(claim->body, "ttl_ms", 0) : 0;
    if (ttl_ms <= 0)
        return run->rules->claim_ttl;
    return ttl_ms < TTL_MAX_MS ? ttl_ms : TTL_MAX_MS;
}

/* Returns how long a claim lasts from the response of the store. If the store sends no date, the
 * clock of this host is used. */
static int64_t claim_left_ms(const struct run *run, const struct claim *claim)
{
    const struct clock *clock = run->env->clock;
    int64_t now_ms = claim->meta.now_ms ? claim->meta.now_ms : clock->wall_ms(clock);
    return claim->meta.modified_ms + claim_lifetime_ms(run, claim) - now_ms;
}

bool claim_read(struct run *run, struct http_client *http, struct claim *claim, struct err *err)
{
    const struct store_ops *ops = run->store->ops;
    const char *key = buf_str(&run->claim_key);
    struct buf body = buf_make(CLAIM_MAX);
    *claim = (struct claim){.body = NULL};
    bool ok = ops->get(run->store, http, key, &body, &claim->meta, err);
    if (ok) {
        claim->trusted = claim_signed(run, &body);
        claim->body = claim_parse(&body);
    } else if (err->kind == ERR_LIMIT) {
        /* Too large to be one of ours. */
        *err = ERR_INIT;
        ok = ops->head(run->store, http, key, &claim->meta, NULL, err);
    }
    buf_free(&body);
    if (ok) {
        claim->given_up = jint(claim->body, "expires_ms", -1) == 0;
        claim->left_ms = claim_left_ms(run, claim);
    }
    return ok;
}
