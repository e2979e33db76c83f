/* Computes when to try again: exponential growth with full jitter, and never before the server's
 * Retry-After. Pure; any thread. Source: "Exponential Backoff and Jitter", AWS Architecture Blog.
 */
#ifndef HGAUTOD_LIB_NET_BACKOFF_H
#define HGAUTOD_LIB_NET_BACKOFF_H

#include <stdint.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"

struct backoff {
    /* The longest first pause. */
    int64_t base_ms;
    /* The longest of all. */
    int64_t cap_ms;
};

/* For API calls: 200 ms growing to 20 s. */
extern const struct backoff backoff_calls;
/* For polls and connections that never give up: 1 s growing to 60 s. */
extern const struct backoff backoff_forever;

/* Returns the pause in milliseconds after `attempt` >= 1 failed tries, the last one with err:
 * evenly distributed in [0, min(cap, base * 2^(attempt-1))], but at least 1 and at least
 * err->retry_after_ms, of which an hour is granted. */
int64_t backoff_pause(const struct backoff *b, const struct clock *c, unsigned attempt,
                      const struct err *err);

#endif
