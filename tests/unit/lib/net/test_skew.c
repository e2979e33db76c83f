/* Tests of a clock's correction by what services say the time is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/net/skew.h"

#define NOW  INT64_C(1767225601000) /* Thu, 01 Jan 2026 00:00:01 GMT */
#define HOUR INT64_C(3600000)

static int64_t wall(const struct clock *c)
{
    (void)c;
    return NOW;
}

static const struct clock stands = {.wall_ms = wall};

struct fixture {
    struct skew skew;
    int fds[2];
    struct log *log;
    char said[4096];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_int_equal(pipe(f->fds), 0);
    f->log = log_new(f->fds[1], LOG_DEBUG_LEVEL, LOG_TEXT);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    log_free(f->log);
    close(f->fds[0]);
    close(f->fds[1]);
    free(f);
    return 0;
}

static bool learn(struct fixture *f, const char *date, int64_t signed_ms)
{
    struct http_response response = {.status = 403};
    bool learned;
    if (date)
        assert_true(http_headers_add(&response.headers, "Date", date));
    learned = skew_learn(&f->skew, &stands, f->log, signed_ms, &response);
    http_response_free(&response);
    return learned;
}

static void test_a_clock_that_is_ahead(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(skew_now(&f->skew, &stands), NOW);
    assert_true(learn(f, "Wed, 31 Dec 2025 23:00:01 GMT", NOW));
    assert_int_equal(skew_now(&f->skew, &stands), NOW - HOUR);
}

static void test_a_clock_that_is_behind(void **state)
{
    struct fixture *f = *state;
    assert_true(learn(f, "Thu, 01 Jan 2026 01:00:01 GMT", NOW));
    assert_int_equal(skew_now(&f->skew, &stands), NOW + HOUR);
}

/* A refusal has another reason when the times agree. */
static void test_a_small_difference_is_no_reason(void **state)
{
    struct fixture *f = *state;
    assert_false(learn(f, "Thu, 01 Jan 2026 00:03:01 GMT", NOW));
    assert_true(learn(f, "Thu, 01 Jan 2026 01:00:01 GMT", NOW));
    assert_false(learn(f, "Thu, 01 Jan 2026 01:00:01 GMT", skew_now(&f->skew, &stands)));
    assert_int_equal(skew_now(&f->skew, &stands), NOW + HOUR);
}

static void test_what_teaches_nothing(void **state)
{
    struct fixture *f = *state;
    assert_false(learn(f, NULL, NOW));
    assert_false(learn(f, "", NOW));
    assert_false(learn(f, "yesterday", NOW));
    assert_false(learn(f, "Thu, 01 Jan 1970 00:00:00 GMT", NOW));
    assert_false(learn(f, "Fri, 01 Jan 2100 00:00:00 GMT", NOW));
    assert_int_equal(skew_now(&f->skew, &stands), NOW);
}

/* One who signed before another thread had learned signs again too; it is said once. */
static void test_it_is_said_once(void **state)
{
    struct fixture *f = *state;
    ssize_t n;
    assert_true(learn(f, "Thu, 01 Jan 2026 01:00:01 GMT", NOW));
    assert_true(learn(f, "Thu, 01 Jan 2026 01:00:02 GMT", NOW));
    assert_int_equal(skew_now(&f->skew, &stands), NOW + HOUR);
    log_free(f->log);
    f->log = NULL;
    n = read(f->fds[0], f->said, sizeof f->said - 1);
    assert_true(n > 0);
    assert_non_null(strstr(f->said, "ahead_s=-3600"));
    assert_null(strstr(strstr(f->said, "ahead_s") + 1, "ahead_s"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_clock_that_is_ahead),
        TEST(test_a_clock_that_is_behind),
        TEST(test_a_small_difference_is_no_reason),
        TEST(test_what_teaches_nothing),
        TEST(test_it_is_said_once),
    };
    return cmocka_run_group_tests_name("skew", tests, NULL, NULL);
}
