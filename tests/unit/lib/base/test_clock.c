/* Tests of clocks, random numbers and the forms of points in time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <time.h>

#include "lib/base/clock.h"

/* A clock whose random bytes are those of a script, over and over. */
struct scripted {
    struct clock clock;
    const uint8_t *bytes;
    size_t size;
    size_t *at;
};

static void scripted_random(const struct clock *c, void *to, size_t n)
{
    const struct scripted *s = (const struct scripted *)c;
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)to)[i] = s->bytes[(*s->at)++ % s->size];
}

static void test_system_clocks_go_on(void **state)
{
    int64_t wall = system_clock.wall_ms(&system_clock);
    int64_t mono = system_clock.mono_ms(&system_clock);
    (void)state;
    assert_in_range(wall, INT64_C(1700000000000), INT64_C(253402300799999));
    assert_true(system_clock.mono_ms(&system_clock) >= mono);
}

static void test_random_below_stays_below_and_reaches_all(void **state)
{
    unsigned seen = 0;
    (void)state;
    for (int i = 0; i < 2000; i++) {
        uint64_t n = clock_random_below(&system_clock, 7);
        assert_in_range(n, 0, 6);
        seen |= 1u << n;
    }
    assert_int_equal(seen, 0x7F);
    assert_int_equal(clock_random_below(&system_clock, 1), 0);
}

static void test_random_below_draws_again_rather_than_be_uneven(void **state)
{
    /* First zero, which is among the 2^64 % 3 = 1 values that are one too many; then eight times
     * 0x01. */
    static const uint8_t bytes[16] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1};
    size_t at = 0;
    struct scripted s = {{.random = scripted_random}, bytes, sizeof bytes, &at};
    (void)state;
    assert_int_equal(clock_random_below(&s.clock, 3), UINT64_C(0x0101010101010101) % 3);
    assert_int_equal(at, 16);
}

static void test_uuid_has_version_and_variant(void **state)
{
    static const uint8_t ones[1] = {0xFF};
    static const uint8_t zeros[1] = {0x00};
    size_t at = 0;
    struct scripted s = {{.random = scripted_random}, ones, 1, &at};
    char text[37];
    (void)state;
    clock_uuid(&s.clock, text);
    assert_string_equal(text, "ffffffff-ffff-4fff-bfff-ffffffffffff");
    s.bytes = zeros;
    clock_uuid(&s.clock, text);
    assert_string_equal(text, "00000000-0000-4000-8000-000000000000");
}

static void test_forms_of_a_point_in_time(void **state)
{
    char basic[17];
    char iso[21];
    char http[30];
    (void)state;
    clock_iso_basic(INT64_C(1440938160999), basic); /* the date of the SigV4 test suite */
    assert_string_equal(basic, "20150830T123600Z");
    clock_iso(INT64_C(1440938160999), iso);
    assert_string_equal(iso, "2015-08-30T12:36:00Z");
    clock_http_date(INT64_C(784111777000), http); /* the example of RFC 9110, section 5.6.7 */
    assert_string_equal(http, "Sun, 06 Nov 1994 08:49:37 GMT");
    clock_iso(-1, iso);
    assert_string_equal(iso, "1969-12-31T23:59:59Z");
    clock_iso(INT64_MAX, iso);
    assert_string_equal(iso, "9999-12-31T23:59:59Z");
    clock_iso(INT64_MIN, iso);
    assert_string_equal(iso, "0000-01-01T00:00:00Z");
}

/* libc's calendar is the judge, every few days of nine thousand years. */
static void test_calendar_agrees_with_libc(void **state)
{
    (void)state;
    for (int64_t t = INT64_C(-30610224000); t < INT64_C(253402300799); t += 86400 * 37 + 7777) {
        time_t seconds = t;
        struct tm tm;
        char expected[40];
        char iso[21];
        char http[30];
        int64_t parsed = 0;
        gmtime_r(&seconds, &tm);
        strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%SZ", &tm);
        clock_iso(t * 1000, iso);
        assert_string_equal(iso, expected);
        assert_true(clock_parse(iso, &parsed));
        assert_int_equal(parsed, t * 1000);
        strftime(expected, sizeof expected, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        clock_http_date(t * 1000, http);
        assert_string_equal(http, expected);
        /* In the calendar that is in use since 1582. */
        if (tm.tm_year + 1900 < 1583)
            continue;
        assert_true(clock_parse(http, &parsed));
        assert_int_equal(parsed, t * 1000);
    }
}

static void test_parse_understands_each_form(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {
        {"2015-08-30T12:36:00Z", INT64_C(1440938160000)},
        {"20150830T123600Z", INT64_C(1440938160000)},
        {"2015-08-30T12:36:00.5Z", INT64_C(1440938160500)},
        {"2015-08-30T12:36:00.1234567Z", INT64_C(1440938160123)}, /* as Azure writes it */
        {"2015-08-30T14:36:00+02:00", INT64_C(1440938160000)},
        {"2015-08-30T07:06:00-0530", INT64_C(1440938160000)},
        {"2015-08-30T12:36:00+00:00", INT64_C(1440938160000)},
        {"2015-08-30t12:36:00z", INT64_C(1440938160000)},
        {"2015-08-30 12:36:00Z", INT64_C(1440938160000)},
        {"2016-02-29T00:00:00Z", INT64_C(1456704000000)},
        {"2016-12-31T23:59:60Z", INT64_C(1483228800000)},
        {"Sun, 06 Nov 1994 08:49:37 GMT", INT64_C(784111777000)},
        {"Sat, 01 Jan 1583 00:00:00 GMT", INT64_C(-12212553600000)},
        {"Fri, 31 Dec 9999 23:59:59 GMT", INT64_C(253402300799000)},
        {"1440938160", INT64_C(1440938160000)},
        {"1440938160.25", INT64_C(1440938160250)},
        {"0", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t ms = -1;
        if (!clock_parse(good[i].text, &ms))
            fail_msg("\"%s\" was not understood", good[i].text);
        assert_int_equal(ms, good[i].ms);
    }
}

static void test_parse_refuses_everything_else(void **state)
{
    static const char *const bad[] = {
        "",
        "now",
        "-5",
        "1e9",
        "1.",
        ".5",
        "1440938160 ",
        "99999999999999999999",
        "2015-08-30",
        "2015-08-30T12:36:00",
        "2015-08-30T12:36Z",
        "2015-08-30T12:36:00.Z",
        "2015-08-30T12:36:00Z ",
        "2015-08-30T12:36:00+2",
        "2015-08-30T12:36:00+24:00",
        "2015-08-30T24:00:00Z",
        "2015-08-30T12:60:00Z",
        "2015-08-30T12:36:61Z",
        "2015-13-01T00:00:00Z",
        "2015-00-01T00:00:00Z",
        "2015-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2015-0830T12:36:00Z",
        "201508-30T12:36:00Z",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 32 Nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Mon, 06 Nov 1994 08:49:37 GMT",
        "Fri, 31 Dec 1582 23:59:59 GMT",
        "Sat, 01 Jan 10000 00:00:00 GMT",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT and more",
        "06 Nov 1994 08:49:37 GMT",
        "Son, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Okt 1994 08:49:37 GMT",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t ms = 42;
        if (clock_parse(bad[i], &ms))
            fail_msg("\"%s\" was taken for %lld ms", bad[i], (long long)ms);
        assert_int_equal(ms, 42);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_system_clocks_go_on),
        cmocka_unit_test(test_random_below_stays_below_and_reaches_all),
        cmocka_unit_test(test_random_below_draws_again_rather_than_be_uneven),
        cmocka_unit_test(test_uuid_has_version_and_variant),
        cmocka_unit_test(test_forms_of_a_point_in_time),
        cmocka_unit_test(test_calendar_agrees_with_libc),
        cmocka_unit_test(test_parse_understands_each_form),
        cmocka_unit_test(test_parse_refuses_everything_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
