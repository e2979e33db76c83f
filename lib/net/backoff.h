/* When to try again: exponential growth with full jitter, and the server's own word (Retry-After)
 * above it. Source: "Exponential Backoff and Jitter", AWS Architecture Blog. Thread-safe. */
#ifndef HGAUTOD_LIB_NET_BACKOFF_H
#define HGAUTOD_LIB_NET_BACKOFF_H

#include <stdint.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"

struct backoff {
    int64_t base_ms; /* the most that the first pause may be */
    int64_t cap_ms;  /* the most that any may be */
};

/* For API calls: 200 ms growing to 20 s. */
extern const struct backoff backoff_calls;
/* For polls and connections that never give up: 1 s growing to 60 s. */
extern const struct backoff backoff_forever;

/* Milliseconds to pause before try number `attempt` + 1, where attempt >= 1 tries have failed, the
 * last one with err: evenly in [0, min(cap, base * 2^(attempt-1))], at least 1, and never less than
 * err->retry_after_ms (at most an hour). */
int64_t backoff_pause(const struct backoff *b, const struct clock *c, unsigned attempt,
                      const struct err *err);

#endif
