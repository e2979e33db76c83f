/* Tests of patience: how the pause grows with failures of one kind, and what begins anew when the
 * kind changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/run/patience.h"
#include "tests/unit/fake_clock.h"

#define MINUTE INT64_C(60000)

static const struct config config = {
    .http = {.max_attempts = 30, .retry_for = 2 * MINUTE, .throttle_patience = 10 * MINUTE}};

/* Notes a failure; the pause before the next try, -1 when there is none. */
static int64_t note(struct patience *p, const struct fake_clock *clock, enum err_kind kind)
{
    struct err err = ERR_INIT;
    int64_t again_ms;
    err_set(&err, kind, "TestFault", "a fault made by the test");
    return patience_note(p, &config, &clock->clock, &err, &again_ms) ? again_ms - clock->now_ms
                                                                     : -1;
}

static void test_each_kind_begins_with_a_short_pause(void **state)
{
    static const enum err_kind kinds[] = {ERR_TRANSIENT, ERR_THROTTLED, ERR_TRANSIENT};
    struct fake_clock clock = fake_clock_make(MINUTE);
    struct patience p = {0};
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        int64_t first = note(&p, &clock, kinds[i]), longest = first;
        assert_in_range(first, 1, 200);
        for (int k = 0; k < 8; k++) {
            int64_t pause = note(&p, &clock, kinds[i]);
            longest = pause > longest ? pause : longest;
        }
        assert_in_range(longest, 201, 20000);
    }
}

static void test_each_kind_has_its_whole_time(void **state)
{
    struct fake_clock clock = fake_clock_make(MINUTE);
    struct patience p = {0};
    (void)state;
    assert_true(note(&p, &clock, ERR_TRANSIENT) > 0);
    clock.now_ms += 2 * MINUTE - 1;
    assert_true(note(&p, &clock, ERR_THROTTLED) > 0);
    clock.now_ms += 10 * MINUTE - 1;
    assert_true(note(&p, &clock, ERR_THROTTLED) > 0);
    assert_true(note(&p, &clock, ERR_TRANSIENT) > 0);
    clock.now_ms += 2 * MINUTE - 1;
    assert_true(note(&p, &clock, ERR_TRANSIENT) > 0);
    clock.now_ms++;
    assert_int_equal(note(&p, &clock, ERR_TRANSIENT), -1);
}

static void test_faults_count_on_over_other_kinds(void **state)
{
    struct fake_clock clock = fake_clock_make(MINUTE);
    struct patience p = {0};
    (void)state;
    for (int i = 1; i < 30; i++) {
        assert_true(note(&p, &clock, ERR_TRANSIENT) > 0);
        assert_true(note(&p, &clock, ERR_THROTTLED) > 0);
        assert_true(note(&p, &clock, ERR_UNAVAILABLE) > 0);
    }
    assert_int_equal(note(&p, &clock, ERR_TRANSIENT), -1);
}

static void test_what_cannot_be_had_is_not_asked_for_within_a_second(void **state)
{
    struct fake_clock clock = fake_clock_make(MINUTE);
    struct patience p = {0};
    (void)state;
    /* What the clock's random bytes would make of it is less. */
    assert_int_equal(note(&p, &clock, ERR_UNAVAILABLE), 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_kind_begins_with_a_short_pause),
        cmocka_unit_test(test_each_kind_has_its_whole_time),
        cmocka_unit_test(test_faults_count_on_over_other_kinds),
        cmocka_unit_test(test_what_cannot_be_had_is_not_asked_for_within_a_second),
    };
    return cmocka_run_group_tests_name("patience", tests, NULL, NULL);
}
