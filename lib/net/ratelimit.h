/* Token buckets by name, one for each account (or subscription), region and service: open until the
 * service throttles, then slowing down and recovering, so that a hundred workers do not hammer one
 * account.
 *
 * A bucket that was never throttled lets everything pass at the price of one look-up. On throttling
 * its rate becomes a share (0.7) of what was measured to pass; each success then adds to it (as
 * CUBIC in the AWS SDKs' adaptive retry mode), until it is no longer the limit and opens again.
 * Thread-safe: one short lock, held for memory work only. */
#ifndef HGAUTOD_LIB_NET_RATELIMIT_H
#define HGAUTOD_LIB_NET_RATELIMIT_H

#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/clock.h"

struct ratelimit;

struct ratelimit *ratelimit_new(const struct clock *clock) MUST_CHECK;
void ratelimit_free(struct ratelimit *r);
/* Takes a token from bucket `name` (made when new; at most 4,096 buckets, the least used goes).
 * Returns 0: go; or the milliseconds after which to ask again (>= 1): nothing was taken. Waiters
 * are spread by jitter. */
int64_t ratelimit_take(struct ratelimit *r, const char *name);
/* Tells what became of the request: throttled, or not. */
void ratelimit_report(struct ratelimit *r, const char *name, int throttled);

#endif
