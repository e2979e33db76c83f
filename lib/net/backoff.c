/* When to try again: exponential growth with full jitter. */
#include "lib/net/backoff.h"

static const int64_t hour_ms = INT64_C(3600000);

const struct backoff backoff_calls = {.base_ms = 200, .cap_ms = 20000};
const struct backoff backoff_forever = {.base_ms = 1000, .cap_ms = 60000};

int64_t backoff_pause(const struct backoff *b, const struct clock *c, unsigned attempt,
                      const struct err *err)
{
    int64_t most = b->base_ms;

    for (unsigned i = 1; i < attempt && most < b->cap_ms; i++)
        most = most > b->cap_ms / 2 ? b->cap_ms : most * 2;
    if (most > b->cap_ms)
        most = b->cap_ms;

    int64_t pause = (int64_t)clock_random_below(c, (uint64_t)most + 1);
    int64_t asked = err->retry_after_ms > hour_ms ? hour_ms : err->retry_after_ms;
    if (pause < asked)
        pause = asked;
    return pause < 1 ? 1 : pause;
}
