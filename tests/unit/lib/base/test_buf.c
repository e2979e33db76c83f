/* Tests of the byte buffer: growth, the maximum, secrets, handing over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/buf.h"

static void test_an_empty_buffer_is_an_empty_string(void **state)
{
    struct buf b = buf_make(10);

    (void)state;
    assert_string_equal(buf_str(&b), "");
    assert_true(buf_ok(&b));
    assert_true(buf_add(&b, NULL, 0));
    assert_string_equal(buf_str(&b), "");
    buf_free(&b);
}

static void test_appends_of_every_kind_follow_each_other(void **state)
{
    struct buf b = buf_make(1000);

    (void)state;
    assert_true(buf_adds(&b, "one"));
    assert_true(buf_addc(&b, ','));
    assert_true(buf_addf(&b, "%d,%s", 2, "three"));
    assert_true(buf_add(&b, "\0x", 2));
    assert_int_equal(b.size, 13);
    assert_memory_equal(b.data, "one,2,three\0x", 14);
    buf_free(&b);
}

static void test_a_buffer_takes_exactly_its_maximum(void **state)
{
    struct buf b = buf_make(5);

    (void)state;
    assert_true(buf_adds(&b, "abcde"));
    assert_true(buf_ok(&b));
    assert_false(buf_addc(&b, 'f'));
    assert_false(buf_ok(&b));
    assert_string_equal(buf_str(&b), "abcde");
    buf_reset(&b);
    assert_true(buf_ok(&b));
    assert_false(buf_addf(&b, "%s", "abcdef"));
    assert_string_equal(buf_str(&b), "");
    buf_reset(&b);
    assert_true(buf_addf(&b, "%s", "abcde"));
    assert_string_equal(buf_str(&b), "abcde");
    buf_free(&b);
}

static void test_a_failure_is_remembered_while_others_succeed(void **state)
{
    struct buf b = buf_make(4);

    (void)state;
    assert_false(buf_adds(&b, "too long"));
    assert_true(buf_adds(&b, "ok"));
    assert_false(buf_ok(&b));
    assert_string_equal(buf_str(&b), "ok");
    assert_null(buf_take(&b));
    buf_free(&b);
}

static void test_sizes_that_overflow_are_refused(void **state)
{
    struct buf b = buf_make(SIZE_MAX);

    (void)state;
    assert_false(buf_reserve(&b, SIZE_MAX));
    assert_true(buf_adds(&b, "x"));
    assert_false(buf_reserve(&b, SIZE_MAX - 1));
    assert_false(buf_reserve(&b, SIZE_MAX));
    assert_string_equal(buf_str(&b), "x");
    buf_free(&b);
}

static void test_growth_keeps_the_contents(void **state)
{
    struct buf b = buf_make(100000);
    struct buf secret = buf_make_secret(100000);

    (void)state;
    for (int i = 0; i < 10000; i++) {
        assert_true(buf_addf(&b, "%d,", i % 10));
        assert_true(buf_addf(&secret, "%d,", i % 10));
    }
    assert_int_equal(b.size, 20000);
    assert_memory_equal(b.data + 19980, "0,1,2,3,4,5,6,7,8,9,", 21);
    assert_string_equal(buf_str(&secret), buf_str(&b));
    buf_free(&b);
    buf_free(&secret);
}

static void test_room_never_passes_the_maximum(void **state)
{
    struct buf b = buf_make(100);

    (void)state;
    for (int i = 0; i < 100; i++)
        assert_true(buf_addc(&b, 'x'));
    assert_in_range(b.room, 101, 101);
    buf_free(&b);
}

static void test_reset_wipes_a_secret(void **state)
{
    static const char zeros[6] = {0};
    struct buf b = buf_make_secret(100);

    (void)state;
    assert_true(buf_adds(&b, "secret"));
    buf_reset(&b);
    assert_int_equal(b.size, 0);
    assert_memory_equal(b.data, zeros, sizeof zeros);
    buf_free(&b);
    assert_true(b.secret);
    assert_int_equal(b.max, 100);
}

static void test_take_hands_over_a_string(void **state)
{
    struct buf b = buf_make(100);

    (void)state;
    assert_true(buf_adds(&b, "text"));
    char *text = buf_take(&b);
    assert_string_equal(text, "text");
    assert_null(b.data);
    assert_int_equal(b.size, 0);
    free(text);

    char *empty = buf_take(&b);
    assert_string_equal(empty, "");
    free(empty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_buffer_is_an_empty_string),
        cmocka_unit_test(test_appends_of_every_kind_follow_each_other),
        cmocka_unit_test(test_a_buffer_takes_exactly_its_maximum),
        cmocka_unit_test(test_a_failure_is_remembered_while_others_succeed),
        cmocka_unit_test(test_sizes_that_overflow_are_refused),
        cmocka_unit_test(test_growth_keeps_the_contents),
        cmocka_unit_test(test_room_never_passes_the_maximum),
        cmocka_unit_test(test_reset_wipes_a_secret),
        cmocka_unit_test(test_take_hands_over_a_string),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
