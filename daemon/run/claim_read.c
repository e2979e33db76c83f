/* Reading is_pending: what anybody may have written there.
 *
 * Whoever may write beside the events may write anything into it. So it is taken for no more than
 * it can be: a body is parsed only when it is as small and as flat as those that progress_write
 * makes, and a claim lasts for its ttl_ms since the store says that it was written.
 *
 * How long that is ago is told by the store's clock alone: those of the hosts may be wrong, the
 * writer's and ours. So the time of expiry in the body is for people; only 0 means something. */
#include <stdlib.h>
#include <string.h>

#include "daemon/run/run.h"
#include "lib/json/jpath.h"
#include "lib/json/scan.h"

/* JSON values and keys of a body that is believed: room for the errors of some hundred thousand
 * resources, and a bound on the memory that parsing takes. */
#define VALUES_MAX 2000000
/* The largest claim_ttl that a daemon may have: see config_table.c. */
#define TTL_MAX_MS (3600 * INT64_C(1000))

/* NULL when the body is not JSON, or is larger than what we write. */
static json_t *parse(const struct buf *body)
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

/* How long a claim lasts since it was written. Daemons on one queue may have different claim_ttls,
 * while they are being changed for instance. One that does not say it, as somebody else's marker,
 * lasts as long as one of ours would. */
static int64_t lifetime_ms(const struct run *run, const struct claim *claim)
{
    int64_t said = claim->believed ? jint(claim->body, "ttl_ms", 0) : 0;
    if (said <= 0)
        return run->rules->claim_ttl;
    return said < TTL_MAX_MS ? said : TTL_MAX_MS;
}

/* How long it lasts from when the store answered. Where the store does not tell when that was, this
 * host's clock must do. */
static int64_t left_ms(const struct run *run, const struct claim *claim)
{
    const struct clock *clock = run->env->clock;
    int64_t now_ms = claim->meta.now_ms ? claim->meta.now_ms : clock->wall_ms(clock);
    return claim->meta.modified_ms + lifetime_ms(run, claim) - now_ms;
}

bool claim_read(struct run *run, struct http_client *http, struct claim *claim, struct err *err)
{
    const struct store_ops *ops = run->store->ops;
    const char *key = buf_str(&run->claim_key);
    struct buf body = buf_make(CLAIM_MAX);
    *claim = (struct claim){.body = NULL};
    bool ok = ops->get(run->store, http, key, &body, &claim->meta, err);
    if (ok) {
        claim->believed = claim_signed(run, &body);
        claim->body = parse(&body);
    } else if (err->kind == ERR_LIMIT) {
        *err = ERR_INIT; /* not one of ours */
        ok = ops->head(run->store, http, key, &claim->meta, NULL, err);
    }
    buf_free(&body);
    if (ok) {
        claim->given_up = jint(claim->body, "expires_ms", -1) == 0;
        claim->left_ms = left_ms(run, claim);
    }
    return ok;
}
