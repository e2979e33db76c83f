/* Tests of refreshed values: one fetch at a time, refreshes ahead, failures remembered, rejections,
 * with a clock that the test moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/net/fresh.h"

/* Its random bytes make the jitter of ERR_BUSY 71 ms. */
struct moved_clock {
    struct clock clock; /* first */
    int64_t now_ms;
    /* Of the wall clock. */
    int64_t ahead_ms;
};

static int64_t mono_now(const struct clock *c)
{
    return ((const struct moved_clock *)c)->now_ms;
}

static int64_t wall_now(const struct clock *c)
{
    return mono_now(c) + ((const struct moved_clock *)c)->ahead_ms;
}

static void same_bytes(const struct clock *c, void *to, size_t n)
{
    (void)c;
    memset(to, 0x7f, n);
}

/* What is cached. */
struct thing {
    int refs;
    int number;
    char text[16];
    int64_t expires_ms;
};

/* Where things come from. */
struct world {
    struct moved_clock clock;
    struct fresh *fresh;
    int fetches;
    int alive;
    /* What the next fetch returns: an error, or a thing of this text that lives so long. */
    enum err_kind fails;
    int64_t asks_ms;
    const char *text;
    int64_t life_ms;
    /* What happens during the fetch. */
    void (*meanwhile)(struct world *w, const char *key);
};

static void *thing_fetch(void *ctx, struct http_client *http, const char *key, struct err *err)
{
    struct world *w = ctx;
    (void)http;
    w->fetches++;
    if (w->meanwhile)
        w->meanwhile(w, key);
    if (w->fails != ERR_NONE) {
        err_set(err, w->fails, "", "no luck");
        err->retry_after_ms = w->asks_ms;
        return NULL;
    }
    struct thing *t = calloc(1, sizeof *t);
    assert_non_null(t);
    *t = (struct thing){.refs = 1, .number = w->fetches};
    t->expires_ms = w->life_ms == INT64_MAX ? INT64_MAX : w->clock.now_ms + w->life_ms;
    snprintf(t->text, sizeof t->text, "%s", w->text ? w->text : key);
    w->alive++;
    return t;
}

static struct world *the_world;

static void *thing_ref(void *value)
{
    ((struct thing *)value)->refs++;
    return value;
}

static void thing_unref(void *value)
{
    struct thing *t = value;
    if (--t->refs > 0)
        return;
    the_world->alive--;
    free(t);
}

static int64_t thing_expires_ms(const void *value)
{
    return ((const struct thing *)value)->expires_ms;
}

static bool thing_same(const void *a, const void *b)
{
    return strcmp(((const struct thing *)a)->text, ((const struct thing *)b)->text) == 0;
}

static void thing_refusal_stands(const void *value, struct err *err)
{
    (void)value;
    err_set(err, ERR_DENIED, "", "refused for good");
}

static bool thing_renews(const void *old, const void *fetched, int64_t refused_at_ms,
                         struct err *err)
{
    assert_true(refused_at_ms > 0 && refused_at_ms <= the_world->clock.now_ms);
    return !thing_same(old, fetched) || err_set(err, ERR_UNAVAILABLE, "", "no newer ones");
}

#define KIND                                                                                       \
    .what = "the thing", .fetch = thing_fetch, .ref = thing_ref, .unref = thing_unref,             \
    .same = thing_same, .refusal_stands = thing_refusal_stands

static const struct fresh_kind one = {KIND, .max = 1, .expires_ms = thing_expires_ms,
                                      .margin_ms = 10000};
static const struct fresh_kind for_a_while = {KIND, .max = 1, .lifetime_ms = 600000};
static const struct fresh_kind judged = {KIND, .max = 1, .expires_ms = thing_expires_ms,
                                         .renews = thing_renews};
static const struct fresh_kind three = {KIND, .max = 3, .expires_ms = thing_expires_ms};
static const struct fresh_kind three_evicted = {KIND, .max = 3, .evicts = true,
                                                .expires_ms = thing_expires_ms};

static void open_world(struct world *w, const struct fresh_kind *kind)
{
    *w = (struct world){
        .clock = {.clock = {.wall_ms = wall_now, .mono_ms = mono_now, .random = same_bytes},
                  .now_ms = 1},
        .life_ms = 3600000,
        .asks_ms = -1};
    w->fresh = fresh_new(kind, &w->clock.clock, w);
    the_world = w;
}

static void close_world(struct world *w)
{
    fresh_free(w->fresh);
    assert_int_equal(w->alive, 0);
}

/* The number of the fetch that the value comes from. */
static int get_from(struct world *w, const char *key)
{
    struct err err = ERR_INIT;
    struct thing *t = fresh_get(w->fresh, NULL, key, &err);
    if (!t)
        fail_msg("%s", err.message);
    int number = t->number;
    thing_unref(t);
    return number;
}

static int get(struct world *w)
{
    return get_from(w, "");
}

static void expect_refused(struct world *w, enum err_kind kind, int64_t retry_after_ms,
                           const char *message)
{
    struct err err = ERR_INIT;
    assert_null(fresh_get(w->fresh, NULL, "", &err));
    assert_string_equal(err_kind_name(err.kind), err_kind_name(kind));
    assert_int_equal(err.retry_after_ms, retry_after_ms);
    assert_string_equal(err.message, message);
}

static void expect_peek(struct world *w, bool there, bool due)
{
    bool is_due;
    struct thing *t = fresh_peek(w->fresh, "", &is_due);
    assert_int_equal(t != NULL, there);
    assert_int_equal(is_due, due);
    if (t)
        thing_unref(t);
}

static void come_meanwhile(struct world *w, const char *key)
{
    (void)key;
    expect_refused(w, ERR_BUSY, 171, "the thing is already being fetched");
    expect_peek(w, false, false);
}

static void test_one_at_a_time(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, &one);
    w.meanwhile = come_meanwhile;
    assert_int_equal(get(&w), 1);
    assert_int_equal(get(&w), 1);
    assert_int_equal(w.fetches, 1);
    close_world(&w);
}

static void use_old_meanwhile(struct world *w, const char *key)
{
    (void)key;
    w->meanwhile = NULL;
    assert_int_equal(get(w), 1);
    expect_peek(w, true, false);
    assert_int_equal(w->fetches, 2);
}

static void test_a_value_is_refreshed_ahead_by_one_while_others_use_the_old(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, &one);
    assert_int_equal(get(&w), 1);
    w.clock.now_ms += 3600000 - 300000 - 1;
    assert_int_equal(get(&w), 1);
    expect_peek(&w, true, false);
    w.clock.now_ms += 1;
    expect_peek(&w, true, true);
    w.meanwhile = use_old_meanwhile;
    assert_int_equal(get(&w), 2);
    close_world(&w);
}

/* A tenth of a short life ahead, and for a twentieth it is not used any more. */
static void test_short_lives(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, &one);
    w.life_ms = 60000;
    assert_int_equal(get(&w), 1);
    w.clock.now_ms += 53999;
    assert_int_equal(get(&w), 1);
    w.clock.now_ms += 1;
    w.fails = ERR_TRANSIENT;
    assert_int_equal(get(&w), 1);
    assert_int_equal(w.fetches, 2);
    w.clock.now_ms += 2999;
    assert_int_equal(get(&w), 1);
    assert_int_equal(w.fetches, 2);
    w.clock.now_ms += 1;
    expect_refused(&w, ERR_UNAVAILABLE, 2000, "no luck");
    expect_peek(&w, false, false);
    close_world(&w);
}

static void test_what_never_expires_is_fetched_once(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, &one);
    w.life_ms = INT64_MAX;
    assert_int_equal(get(&w), 1);
    w.clock.now_ms = INT64_MAX / 2;
    assert_int_equal(get(&w), 1);
    close_world(&w);
}

static void test_a_lifetime_of_the_kind(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, &for_a_while);
    assert_int_equal(get(&w), 1);
    w.clock.now_ms += 540000 - 1;
    assert_int_equal(get(&w), 1);
    w.clock.now_ms += 1;
    assert_int_equal(get(&w), 2);
    w.clock.now_ms += 540000;
    w.fails = ERR_DENIED;
    assert_int_equal(get(&w), 2); /* still good */
    w.clock.now_ms += 60000;
    expect_refused(&w, ERR_DENIED, -1, "no luck");
    close_world(&w);
}

/* What says when it expires does so by the wall clock. */
static void test_a_clock_that_is_set(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, &for_a_while);
    assert_int_equal(get(&w), 1);
    w.clock.ahead_ms = 3600000;
    assert_int_equal(get(&w), 1);
    close_world(&w);
    open_world(&w, &one);
    assert_int_equal(get(&w), 1);
    w.clock.ahead_ms = 3600000;
    assert_int_equal(get(&w), 2);
    w.clock.ahead_ms = 0;
    w.fails = ERR_TRANSIENT;
    assert_int_equal(get(&w), 2);
    close_world(&w);
}

static void test_failure_is_remembered(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, &one);
    w.fails = ERR_CREDENTIALS;
    expect_refused(&w, ERR_CREDENTIALS, -1, "no luck");
    w.fails = ERR_NONE;
    w.clock.now_ms += 4999;
    expect_refused(&w, ERR_CREDENTIALS, -1, "no luck");
    assert_int_equal(w.fetches, 1);
    w.clock.now_ms += 1;
    assert_int_equal(get(&w), 2);
    close_world(&w);
}

/* What may pass says how long the pause still is; the pause grows from 5 s to 60 s, and a success
 * makes it short again. */
static void test_pause_grows(void **state)
{
    static const int64_t pauses[] = {5000, 10000, 20000, 40000, 60000, 60000};
    struct world w;
    (void)state;
    open_world(&w, &one);
    w.fails = ERR_TRANSIENT;
    for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++) {
        expect_refused(&w, ERR_UNAVAILABLE, pauses[i], "no luck");
        w.clock.now_ms += 1000;
        expect_refused(&w, ERR_UNAVAILABLE, pauses[i] - 1000, "no luck");
        w.clock.now_ms += pauses[i] - 1000;
        assert_int_equal(w.fetches, i + 1);
    }
    w.fails = ERR_NONE;
    get(&w);
    w.clock.now_ms += 3600000;
    w.fails = ERR_TRANSIENT;
    expect_refused(&w, ERR_UNAVAILABLE, 5000, "no luck");
    close_world(&w);
}

/* The service knows best when it is well again, and so does a value that this one needed: what that
 * remembers is no further failure here. */
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
    struct world w;
    (void)state;
    open_world(&w, &one);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        w.fails = tests[i].kind;
        w.asks_ms = tests[i].asks_ms;
        expect_refused(&w, ERR_UNAVAILABLE, tests[i].pause_ms, "no luck");
        expect_refused(&w, ERR_UNAVAILABLE, tests[i].pause_ms, "no luck");
        assert_int_equal(w.fetches, i + 1);
        w.clock.now_ms += tests[i].pause_ms;
    }
    close_world(&w);
}

static void test_busy_is_no_failure(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, &one);
    w.fails = ERR_BUSY;
    w.asks_ms = 150;
    expect_refused(&w, ERR_BUSY, 150, "no luck");
    expect_refused(&w, ERR_BUSY, 150, "no luck");
    assert_int_equal(w.fetches, 2);
    close_world(&w);
}

/* --- rejections --- */

static struct thing *must_get(struct world *w)
{
    struct err err = ERR_INIT;
    struct thing *t = fresh_get(w->fresh, NULL, "", &err);
    assert_non_null(t);
    return t;
}

/* The number of the fetch that another value came from; 0: none, and *err. */
static int renew(struct world *w, struct thing *refused, enum err_kind kind, struct err *err)
{
    err_set(err, kind, "", "rejected");
    struct thing *t = fresh_renew(w->fresh, NULL, "", refused, err);
    int number = t ? t->number : 0;
    if (t)
        thing_unref(t);
    return number;
}

/* A rejected value is fetched again once a minute. What was fetched stays, whoever rejects it. */
static void test_rejected_values_are_renewed_once_a_minute(void **state)
{
    struct world w;
    struct err err;
    (void)state;
    open_world(&w, &one);
    w.text = "first";
    struct thing *first = must_get(&w);
    w.text = "second";
    assert_int_equal(renew(&w, first, ERR_EXPIRED, &err), 2);
    /* Another who was rejected with the first one. */
    assert_int_equal(renew(&w, first, ERR_EXPIRED, &err), 2);
    assert_int_equal(w.fetches, 2);
    w.clock.now_ms += 59999;
    struct thing *second = must_get(&w);
    assert_int_equal(renew(&w, second, ERR_EXPIRED, &err), 0);
    assert_string_equal(err.message, "refused for good");
    assert_int_equal(err.kind, ERR_DENIED);
    fresh_expire(w.fresh, "", second);
    expect_peek(&w, true, false);
    assert_int_equal(get(&w), 2);
    w.clock.now_ms += 1;
    w.text = "third";
    assert_int_equal(renew(&w, second, ERR_EXPIRED, &err), 3);
    thing_unref(first);
    thing_unref(second);
    close_world(&w);
}

static void test_the_same_again_lets_the_rejection_stand(void **state)
{
    struct world w;
    struct err err;
    (void)state;
    open_world(&w, &one);
    struct thing *first = must_get(&w);
    assert_int_equal(renew(&w, first, ERR_DENIED, &err), 0);
    assert_string_equal(err.message, "refused for good");
    assert_int_equal(get(&w), 2);
    assert_int_equal(w.fetches, 2);
    thing_unref(first);
    close_world(&w);
}

static void test_a_renewal_that_fails_keeps_the_old_value_for_others(void **state)
{
    struct world w;
    struct err err;
    (void)state;
    open_world(&w, &one);
    struct thing *first = must_get(&w);
    w.fails = ERR_TRANSIENT;
    assert_int_equal(renew(&w, first, ERR_EXPIRED, &err), 0);
    assert_string_equal(err.message, "no luck");
    assert_int_equal(err.kind, ERR_UNAVAILABLE);
    assert_int_equal(get(&w), 1);
    expect_peek(&w, true, false);
    assert_int_equal(w.fetches, 2);
    /* The next one who is rejected is told the same, and nothing is fetched. */
    assert_int_equal(renew(&w, first, ERR_EXPIRED, &err), 0);
    assert_string_equal(err.message, "no luck");
    assert_int_equal(w.fetches, 2);
    w.clock.now_ms += 5000;
    expect_peek(&w, false, true);
    w.fails = ERR_NONE;
    assert_int_equal(get(&w), 3);
    expect_peek(&w, true, false);
    thing_unref(first);
    close_world(&w);
}

static void test_an_expired_value_is_due_at_once(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, &one);
    struct thing *first = must_get(&w);
    fresh_expire(w.fresh, "", &w); /* not the one that is there */
    expect_peek(&w, true, false);
    fresh_expire(w.fresh, "unknown", first);
    fresh_expire(w.fresh, "", first);
    expect_peek(&w, false, true);
    assert_int_equal(get(&w), 2);
    thing_unref(first);
    close_world(&w);
}

static void test_a_value_that_is_judged_useless_is_a_failure(void **state)
{
    struct world w;
    struct err err;
    (void)state;
    open_world(&w, &judged);
    w.text = "first";
    struct thing *first = must_get(&w);
    assert_int_equal(renew(&w, first, ERR_EXPIRED, &err), 0);
    assert_string_equal(err.message, "no newer ones");
    assert_int_equal(err.retry_after_ms, 5000);
    assert_int_equal(get(&w), 1);
    w.clock.now_ms += 5000;
    w.text = "second";
    assert_int_equal(get(&w), 3);
    /* Only what was rejected as expired is judged. */
    w.clock.now_ms += 60000;
    struct thing *second = must_get(&w);
    assert_int_equal(renew(&w, second, ERR_DENIED, &err), 0);
    assert_string_equal(err.message, "refused for good");
    assert_int_equal(get(&w), 4);
    thing_unref(first);
    thing_unref(second);
    close_world(&w);
}

/* --- keys --- */

static void test_beyond_the_limit_there_is_an_error(void **state)
{
    struct world w;
    struct err err = ERR_INIT;
    (void)state;
    open_world(&w, &three);
    assert_int_equal(get_from(&w, "a"), 1);
    assert_int_equal(get_from(&w, "b"), 2);
    assert_int_equal(get_from(&w, "c"), 3);
    assert_null(fresh_get(w.fresh, NULL, "d", &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    assert_string_equal(err.message, "cannot fetch the thing: the limit of 3 is reached");
    assert_int_equal(get_from(&w, "a"), 1);
    close_world(&w);
}

static void fill_meanwhile(struct world *w, const char *key)
{
    w->meanwhile = NULL;
    assert_string_equal(key, "a");
    get_from(w, "b");
    get_from(w, "c");
    get_from(w, "d");
}

static void test_beyond_the_limit_the_least_recently_used_is_removed(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, &three_evicted);
    assert_int_equal(get(&w), 1);
    w.meanwhile = fill_meanwhile;
    get_from(&w, "a"); /* being fetched, it stays */
    assert_int_equal(w.fetches, 5);
    get_from(&w, "d");
    get_from(&w, "a");
    assert_int_equal(get(&w), 1); /* so does the one without a name */
    assert_int_equal(w.fetches, 5);
    get_from(&w, "c");
    assert_int_equal(w.fetches, 6);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_at_a_time),
        cmocka_unit_test(test_a_value_is_refreshed_ahead_by_one_while_others_use_the_old),
        cmocka_unit_test(test_short_lives),
        cmocka_unit_test(test_what_never_expires_is_fetched_once),
        cmocka_unit_test(test_a_lifetime_of_the_kind),
        cmocka_unit_test(test_a_clock_that_is_set),
        cmocka_unit_test(test_failure_is_remembered),
        cmocka_unit_test(test_pause_grows),
        cmocka_unit_test(test_pause_that_is_asked_for),
        cmocka_unit_test(test_busy_is_no_failure),
        cmocka_unit_test(test_rejected_values_are_renewed_once_a_minute),
        cmocka_unit_test(test_the_same_again_lets_the_rejection_stand),
        cmocka_unit_test(test_a_renewal_that_fails_keeps_the_old_value_for_others),
        cmocka_unit_test(test_an_expired_value_is_due_at_once),
        cmocka_unit_test(test_a_value_that_is_judged_useless_is_a_failure),
        cmocka_unit_test(test_beyond_the_limit_there_is_an_error),
        cmocka_unit_test(test_beyond_the_limit_the_least_recently_used_is_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
