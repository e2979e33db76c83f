/* Exponential growth with full jitter. */
#include "lib/net/backoff.h"

#define HOUR_MS INT64_C(3600000)

const struct backoff backoff_calls = {.base_ms = 200, .cap_ms = 20000};
const struct backoff backoff_forever = {.base_ms = 1000, .cap_ms = 60000};

int64_t backoff_pause(const struct backoff *b, const struct clock *c, unsigned attempt,
                      const struct err *err)
{
    int64_t longest = b->base_ms;
    for (unsigned i = 1; i < attempt && longest < b->cap_ms; i++)
        longest = longest > b->cap_ms / 2 ? b->cap_ms : longest * 2;
    if (longest > b->cap_ms)
        longest = b->cap_ms;
    int64_t pause = (int64_t)clock_random_below(c, (uint64_t)longest + 1);
    int64_t requested = err->retry_after_ms > HOUR_MS ? HOUR_MS : err->retry_after_ms;
    if (pause < requested)
        pause = requested;
    return pause < 1 ? 1 : pause;
}
