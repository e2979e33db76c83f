/* Token buckets by name, one per account (or subscription), region and service: open until the
 * service throttles, then slowing down and recovering, so that a hundred workers do not overload
 * one account.
 *
 * A bucket that was never throttled lets everything pass, at the price of one look-up. After
 * throttling its rate becomes a share (0.7) of what was measured to pass; each success then raises
 * it (as CUBIC does in the AWS SDKs' adaptive retry mode), until it no longer limits anything and
 * the bucket is open again. Touches memory only; any thread, under one short lock. */
#ifndef HGAUTOD_LIB_NET_RATELIMIT_H
#define HGAUTOD_LIB_NET_RATELIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/clock.h"

struct ratelimit;

/* `clock` is borrowed. Never returns NULL. */
struct ratelimit *ratelimit_new(const struct clock *clock) MUST_CHECK;
/* NULL is allowed. */
void ratelimit_free(struct ratelimit *r);
/* Takes a token from bucket `name`, which is created if it is new. Of at most 4,096 buckets the
 * least recently used one is removed. Returns 0 if the request may be sent, or in how many
 * milliseconds (at least 1, with jitter) to ask again; no token was taken then. */
int64_t ratelimit_take(struct ratelimit *r, const char *name);
/* Reports the outcome of a request that was sent. */
void ratelimit_report(struct ratelimit *r, const char *name, bool throttled);

#endif
