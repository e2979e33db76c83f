/* Tests of lib/net/flight.c: one fetch at a time, failures remembered, with a clock that the test
 * moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "lib/net/flight.h"

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

/* Ends the flight in vain; retry_after_ms is what the service asks for, -1: nothing. */
static struct err end_asking(struct flight *f, const struct moved_clock *c, enum err_kind kind,
                             int64_t retry_after_ms)
{
    struct err err;
    err_set(&err, kind, "", "no luck");
    err.retry_after_ms = retry_after_ms;
    flight_failed(f, &c->clock, &err);
    return err;
}

static struct err end_with(struct flight *f, const struct moved_clock *c, enum err_kind kind)
{
    return end_asking(f, c, kind, -1);
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
        struct err err = end_with(&f, &c, ERR_TRANSIENT);
        assert_string_equal(err_kind_name(err.kind), "unavailable");
        assert_int_equal(err.retry_after_ms, pauses[i]);
        c.now_ms += 1000;
        expect_refused(&f, &c, ERR_UNAVAILABLE, pauses[i] - 1000, "no luck");
        c.now_ms += pauses[i] - 1000;
    }
    expect_taken(&f, &c);
    flight_landed(&f);
    expect_taken(&f, &c);
    end_with(&f, &c, ERR_TRANSIENT);
    expect_refused(&f, &c, ERR_UNAVAILABLE, 5000, "no luck");
    flight_free(&f);
}

/* The service knows best when it is well again, and so does a flight that this one needed: what
 * that remembers is no further failure here. */
static void test_pause_that_is_asked_for(void **state)
{
    static const struct {
        enum err_kind kind;
        int64_t asks_ms, pause_ms;
    } tests[] = {
        {ERR_THROTTLED, 200, 200},     {ERR_UNAVAILABLE, 4000, 4000},
        {ERR_TRANSIENT, 30000, 30000}, {ERR_TRANSIENT, 3600000, 300000},
        {ERR_TRANSIENT, -1, 5000},     {ERR_THROTTLED, 0, 10000},
    };
    struct moved_clock c = make_clock();
    struct flight f = {0};
    (void)state;
    for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
        expect_taken(&f, &c);
        struct err err = end_asking(&f, &c, tests[i].kind, tests[i].asks_ms);
        assert_int_equal(err.retry_after_ms, tests[i].pause_ms);
        expect_refused(&f, &c, ERR_UNAVAILABLE, tests[i].pause_ms, "no luck");
        c.now_ms += tests[i].pause_ms;
    }
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

/* A refused thing is fetched anew once a minute; what was, stays, whoever refuses it. */
static void test_refused(void **state)
{
    struct moved_clock c = make_clock();
    struct flight f = {0};
    (void)state;
    expect_taken(&f, &c);
    flight_landed(&f);
    assert_false(f.wanted);
    assert_true(flight_refused(&f, &c.clock));
    assert_true(f.wanted);
    assert_true(flight_refused(&f, &c.clock)); /* by another, before anything new has landed */
    expect_taken(&f, &c);
    end_with(&f, &c, ERR_TRANSIENT);
    assert_true(flight_refused(&f, &c.clock));
    c.now_ms += 5000;
    expect_taken(&f, &c);
    flight_landed(&f);
    assert_false(f.wanted);
    c.now_ms += 54999;
    assert_false(
        flight_refused(&f, &c.clock)); /* what has landed since: the request's own matter */
    assert_false(f.wanted);
    expect_taken(&f, &c); /* and nothing is remembered against it */
    flight_landed(&f);
    c.now_ms += 1;
    assert_true(flight_refused(&f, &c.clock)); /* a minute later: another matter */
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
        cmocka_unit_test(test_one_at_a_time),
        cmocka_unit_test(test_failure_is_remembered),
        cmocka_unit_test(test_pause_grows),
        cmocka_unit_test(test_busy_is_no_failure),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_refresh_ahead),
        cmocka_unit_test(test_pause_that_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
