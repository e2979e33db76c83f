/* A clock for tests. */
#ifndef HGAUTOD_TESTS_FAKE_CLOCK_H
#define HGAUTOD_TESTS_FAKE_CLOCK_H

#include <string.h>

#include "lib/base/clock.h"

/* A clock that stands still until the test moves it. */
struct fake_clock {
    struct clock clock; /* first */
    int64_t now_ms;     /* of both clocks */
};

static inline int64_t fake_now(const struct clock *c)
{
    return ((const struct fake_clock *)c)->now_ms;
}

static inline void fake_random(const struct clock *c, void *to, size_t n)
{
    (void)c;
    memset(to, 0x5a, n);
}

static inline struct fake_clock fake_clock_make(int64_t now_ms)
{
    return (struct fake_clock){.clock = {fake_now, fake_now, fake_random}, .now_ms = now_ms};
}

#endif
