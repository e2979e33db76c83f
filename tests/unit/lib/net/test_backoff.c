/* Tests of the pauses between tries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/net/backoff.h"

/* Draws zeros. Below a power of two they are not drawn again. */
static void lowest(const struct clock *c, void *to, size_t n)
{
    (void)c;
    memset(to, 0x00, n);
}

static const struct backoff powers = {.base_ms = 255, .cap_ms = 4095};

static int64_t pause_of(const struct clock *c, const struct backoff *b, unsigned attempt,
                        int64_t retry_after_ms)
{
    struct err err = {.kind = ERR_THROTTLED, .retry_after_ms = retry_after_ms};
    return backoff_pause(b, c, attempt, &err);
}

static void test_pauses_reach_from_one_to_the_doubled_base(void **state)
{
    static const int64_t most[] = {255, 510, 1020, 2040, 4080, 4095, 4095};
    (void)state;
    for (unsigned attempt = 1; attempt <= 7; attempt++) {
        int64_t longest = 0;
        for (int i = 0; i < 3000; i++) {
            int64_t pause = pause_of(&system_clock, &powers, attempt, -1);
            assert_in_range(pause, 1, most[attempt - 1]);
            longest = pause > longest ? pause : longest;
        }
        /* That none of 3,000 falls into the upper half has a chance of 2^-3000. */
        assert_in_range(longest, most[attempt - 1] / 2, most[attempt - 1]);
    }
}

static void test_a_pause_is_at_least_one_millisecond(void **state)
{
    static const struct clock c = {.random = lowest};
    static const struct backoff pairs = {.base_ms = 255, .cap_ms = 255};
    (void)state;
    assert_int_equal(pause_of(&c, &pairs, 1, -1), 1);
    assert_int_equal(pause_of(&c, &pairs, 1, 0), 1);
}

static void test_never_less_than_what_the_server_asked_for(void **state)
{
    static const struct clock c = {.random = lowest};
    static const struct backoff pairs = {.base_ms = 255, .cap_ms = 255};
    (void)state;
    assert_int_equal(pause_of(&c, &pairs, 1, 30000), 30000);
    assert_int_equal(pause_of(&c, &pairs, 1, 3600000), 3600000);
    assert_int_equal(pause_of(&c, &pairs, 1, INT64_MAX), 3600000);
}

static void test_any_number_of_attempts_stays_under_the_cap(void **state)
{
    (void)state;
    assert_in_range(pause_of(&system_clock, &backoff_calls, 4000000000u, -1), 1, 20000);
    assert_in_range(pause_of(&system_clock, &backoff_forever, 4000000000u, -1), 1, 60000);
    assert_in_range(pause_of(&system_clock, &backoff_calls, 1, -1), 1, 200);
    assert_in_range(pause_of(&system_clock, &backoff_forever, 1, -1), 1, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pauses_reach_from_one_to_the_doubled_base),
        cmocka_unit_test(test_a_pause_is_at_least_one_millisecond),
        cmocka_unit_test(test_never_less_than_what_the_server_asked_for),
        cmocka_unit_test(test_any_number_of_attempts_stays_under_the_cap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
