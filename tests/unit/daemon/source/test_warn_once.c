/* Tests of warn_once: each value is warned of once, however the values alternate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "daemon/source/warn_once.h"

static void test_alternating_values_are_warned_of_once_each(void **state)
{
    struct warn_once w = {0};
    (void)state;
    assert_true(warn_once(&w, "bucket-a"));
    assert_true(warn_once(&w, "bucket-b"));
    for (int i = 0; i < 3; i++) {
        assert_false(warn_once(&w, "bucket-a"));
        assert_false(warn_once(&w, "bucket-b"));
    }
    assert_true(warn_once(&w, "bucket"));
    assert_true(warn_once(&w, ""));
    assert_false(warn_once(&w, ""));
}

static void test_the_oldest_value_makes_room(void **state)
{
    struct warn_once w = {0};
    char value[24];
    (void)state;
    for (int i = 0; i <= WARN_ONCE_MAX; i++) {
        snprintf(value, sizeof value, "value-%d", i);
        assert_true(warn_once(&w, value));
    }
    assert_false(warn_once(&w, "value-1"));
    assert_false(warn_once(&w, value));
    assert_true(warn_once(&w, "value-0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alternating_values_are_warned_of_once_each),
        cmocka_unit_test(test_the_oldest_value_makes_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
