/* Tests of lib/flight.c: one fetch at a time, failures remembered, with a clock that the test
 * moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "lib/flight.h"

struct moved_clock {
    struct clock clock; /* first, so that it is the whole */
    int64_t now_ms;
};

static int64_t now(const struct clock *c)
{
    return ((const struct moved_clock *)c)->now_ms;
}

static void same(const struct clock *c, void *to, size_t n)
{
    (void)c;
    memset(to, 0x7f, n);
}

static struct moved_clock make_clock(void)
{
    return (struct moved_clock){.clock = {.wall_ms = now, .mono_ms = now, .random = same},
                                .now_ms = 1};
}

static void expect_taken(struct flight *f, const struct moved_clock *c)
{
    struct err err = ERR_INIT;
    bool taken = flight_take(f, &c->clock, "the thing is", &err);
    assert_string_equal(taken ? "taken" : err.message, "taken");
}

static void expect_refused(struct flight *f, const struct moved_clock *c, enum err_kind kind,
                           int64_t retry_after_ms, const char *message)
{
    struct err err = ERR_INIT;
    assert_false(flight_take(f, &c->clock, "the thing is", &err));
    assert_string_equal(err_kind_name(err.kind), err_kind_name(kind));
    assert_int_equal(err.retry_after_ms, retry_after_ms);
    assert_string_equal(err.message, message);
}

static void end_with(struct flight *f, const struct moved_clock *c, enum err_kind kind)
{
    struct err err;
    err_set(&err, kind, "", "no luck");
    flight_failed(f, &c->clock, &err);
}

static void test_one_at_a_time(void **state)
{
    struct moved_clock c = make_clock();
    struct flight f = {0};
    (void)state;
    expect_taken(&f, &c);
    assert_true(flight_tried(&f, &c.clock));
    expect_refused(&f, &c, ERR_BUSY, 171, "the thing is being fetched by another worker");
    flight_landed(&f);
    assert_false(flight_tried(&f, &c.clock));
    expect_taken(&f, &c);
    flight_free(&f);
}

static void test_failure_is_remembered(void **state)
{
    struct moved_clock c = make_clock();
    struct flight f = {0};
    (void)state;
    expect_taken(&f, &c);
    end_with(&f, &c, ERR_CREDENTIALS);
    expect_refused(&f, &c, ERR_CREDENTIALS, -1, "no luck");
    c.now_ms += 4999;
    assert_true(flight_tried(&f, &c.clock));
    expect_refused(&f, &c, ERR_CREDENTIALS, -1, "no luck");
    c.now_ms += 1;
    assert_false(flight_tried(&f, &c.clock));
    expect_taken(&f, &c);
    flight_free(&f);
}

/* What may pass says how long the pause still is; the pause grows from 5 s to 60 s. */
static void test_pause_grows(void **state)
{
    static const int64_t pauses[] = {5000, 10000, 20000, 40000, 60000, 60000};
    struct moved_clock c = make_clock();
    struct flight f = {0};
    (void)state;
    for (size_t i = 0; i < sizeof(pauses) / sizeof(*pauses); i++) {
        expect_taken(&f, &c);
        end_with(&f, &c, ERR_TRANSIENT);
        c.now_ms += 1000;
        expect_refused(&f, &c, ERR_TRANSIENT, pauses[i] - 1000, "no luck");
        c.now_ms += pauses[i] - 1000;
    }
    expect_taken(&f, &c);
    flight_landed(&f);
    expect_taken(&f, &c);
    end_with(&f, &c, ERR_TRANSIENT);
    expect_refused(&f, &c, ERR_TRANSIENT, 5000, "no luck");
    flight_free(&f);
}

static void test_busy_is_no_failure(void **state)
{
    struct moved_clock c = make_clock();
    struct flight f = {0};
    (void)state;
    expect_taken(&f, &c);
    end_with(&f, &c, ERR_BUSY);
    expect_taken(&f, &c);
    flight_free(&f);
}

static void test_dropped_twice(void **state)
{
    struct moved_clock c = make_clock();
    struct flight f = {0};
    (void)state;
    assert_false(flight_dropped(&f, &c.clock));
    c.now_ms += 60000;
    assert_false(flight_dropped(&f, &c.clock)); /* a minute later: another matter */
    expect_taken(&f, &c);
    flight_landed(&f);
    c.now_ms += 59999;
    assert_true(flight_dropped(&f, &c.clock)); /* what has landed since is no better */
    expect_taken(&f, &c);
    assert_false(flight_dropped(&f, &c.clock)); /* better is on its way */
    flight_free(&f);
}

static void test_refresh_ahead(void **state)
{
    (void)state;
    assert_int_equal(flight_refresh_at(1000, 1000 + 3600000), 1000 + 3600000 - 300000);
    assert_int_equal(flight_refresh_at(1000, 1000 + 60000), 1000 + 54000);
    assert_int_equal(flight_refresh_at(1000, INT64_MAX), INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_at_a_time), cmocka_unit_test(test_failure_is_remembered),
        cmocka_unit_test(test_pause_grows),   cmocka_unit_test(test_busy_is_no_failure),
        cmocka_unit_test(test_dropped_twice), cmocka_unit_test(test_refresh_ahead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
