/* Tests of lib/aws/auth/identity.c: one fetch at a time, refresh ahead, remembered failures; with a
 * clock that the test moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "lib/aws/auth/identity.h"

#define MINUTE ((int64_t)60 * 1000)
#define HOUR   (60 * MINUTE)
#define START  ((int64_t)1700000000 * 1000)

/* A clock whose two times stand still until the test moves them. First member, so that the clock is
 * the whole. */
struct test_clock {
    struct clock clock;
    _Atomic int64_t passed_ms;
};

static int64_t test_wall(const struct clock *c)
{
    return START + ((const struct test_clock *)c)->passed_ms;
}

static int64_t test_mono(const struct clock *c)
{
    return 1000 + ((const struct test_clock *)c)->passed_ms;
}

static void test_random(const struct clock *c, void *to, size_t n)
{
    (void)c;
    memset(to, 0x7f, n);
}

/* What the cache fetches from. */
struct source {
    struct test_clock clock;
    struct aws_identity *identity;
    _Atomic int fetches;
    _Atomic int asks;
    /* 0: for ever. */
    int64_t lifetime_ms;
    /* Of the services' clock. */
    int64_t ahead_ms;
    /* A fetch gives the same keys again and again. */
    bool same;
    /* Kind ERR_NONE: none. */
    struct err failure;
    /* While held, a fetch waits: a test has other threads ask meanwhile. */
    pthread_mutex_t lock;
    pthread_cond_t moved;
    bool held;
    int waiting;
};

static int64_t service_now(void *ctx)
{
    const struct source *s = ctx;
    return test_wall(&s->clock.clock) + s->ahead_ms;
}

static void wait_while_held(struct source *s)
{
    pthread_mutex_lock(&s->lock);
    s->waiting++;
    pthread_cond_broadcast(&s->moved);
    while (s->held)
        pthread_cond_wait(&s->moved, &s->lock);
    s->waiting--;
    pthread_mutex_unlock(&s->lock);
}

static struct aws_creds *fetch(void *ctx, struct http_client *http, const char *account,
                               struct err *err)
{
    struct source *s = ctx;
    char id[64];
    (void)http;
    int n = ++s->fetches;
    wait_while_held(s);
    if (s->failure.kind != ERR_NONE) {
        *err = s->failure;
        return NULL;
    }
    snprintf(id, sizeof id, "%s#%d", *account ? account : "own", s->same ? 1 : n);
    int64_t until = s->lifetime_ms ? service_now(s) + s->lifetime_ms : INT64_MAX;
    struct aws_creds *creds = aws_creds_new(id, "secret", "token", until, "test");
    assert_non_null(creds);
    return creds;
}

static bool fetch_caller(void *ctx, struct http_client *http, struct aws_caller *caller,
                         struct err *err)
{
    struct source *s = ctx;
    (void)http;
    s->asks++;
    if (s->failure.kind != ERR_NONE) {
        *err = s->failure;
        return false;
    }
    *caller =
        (struct aws_caller){.account = "111122223333", .arn = "arn:aws:iam::111122223333:root"};
    return true;
}

static int setup(void **state)
{
    static struct source s;
    s = (struct source){
        .clock.clock = {.wall_ms = test_wall, .mono_ms = test_mono, .random = test_random},
        .lifetime_ms = HOUR,
        .failure = ERR_INIT,
    };
    pthread_mutex_init(&s.lock, NULL);
    pthread_cond_init(&s.moved, NULL);
    s.identity = aws_identity_new(&(struct aws_identity_options){
        .clock = &s.clock.clock,
        .now_ms = service_now,
        .fetch = fetch,
        .fetch_caller = fetch_caller,
        .ctx = &s,
    });
    *state = &s;
    return s.identity ? 0 : -1;
}

static int teardown(void **state)
{
    struct source *s = *state;
    aws_identity_free(s->identity);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->moved);
    return 0;
}

/* Asks, and checks the key id that comes. */
static void expect_id(struct source *s, const char *account, const char *id)
{
    struct err err = ERR_INIT;
    struct aws_creds *creds = aws_identity_creds(s->identity, NULL, account, &err);
    assert_string_equal(creds ? creds->access_key_id : err.message, id);
    aws_creds_unref(creds);
}

static void expect_error(struct source *s, const char *account, enum err_kind kind,
                         int64_t retry_after_ms)
{
    struct err err = ERR_INIT;
    struct aws_creds *creds = aws_identity_creds(s->identity, NULL, account, &err);
    assert_null(creds);
    assert_string_equal(err_kind_name(err.kind), err_kind_name(kind));
    assert_int_equal(err.retry_after_ms, retry_after_ms);
}

static void fail_with(struct source *s, enum err_kind kind)
{
    err_set(&s->failure, kind, "AccessDenied", "no");
}

static void test_cached_by_account(void **state)
{
    struct source *s = *state;
    expect_id(s, "", "own#1");
    expect_id(s, "", "own#1");
    expect_id(s, "222233334444", "222233334444#2");
    expect_id(s, "222233334444", "222233334444#2");
    expect_id(s, "", "own#1");
    assert_int_equal(s->fetches, 2);
}

static void test_refreshed_five_minutes_ahead(void **state)
{
    struct source *s = *state;
    expect_id(s, "", "own#1");
    s->clock.passed_ms += 55 * MINUTE - 1;
    expect_id(s, "", "own#1");
    s->clock.passed_ms += 1;
    expect_id(s, "", "own#2");
}

static void test_short_ones_a_tenth_ahead(void **state)
{
    struct source *s = *state;
    s->lifetime_ms = 10 * MINUTE;
    expect_id(s, "", "own#1");
    s->clock.passed_ms += 9 * MINUTE - 1;
    expect_id(s, "", "own#1");
    s->clock.passed_ms += 1;
    expect_id(s, "", "own#2");
}

static void test_for_ever(void **state)
{
    struct source *s = *state;
    s->lifetime_ms = 0;
    expect_id(s, "", "own#1");
    s->clock.passed_ms += (int64_t)100000 * HOUR;
    expect_id(s, "", "own#1");
}

/* A host whose clock is hours ahead, or behind, neither fetches all the time nor goes on with what
 * has expired. */
static void test_expiry_by_the_services_clock(void **state)
{
    struct source *s = *state;
    s->ahead_ms = -2 * HOUR;
    expect_id(s, "", "own#1");
    expect_id(s, "", "own#1");
    s->ahead_ms = 0;
    expect_id(s, "", "own#2");
    s->ahead_ms = 55 * MINUTE;
    expect_id(s, "", "own#3");
}

static void test_failed_early_refresh_keeps_the_old(void **state)
{
    struct source *s = *state;
    expect_id(s, "", "own#1");
    fail_with(s, ERR_TRANSIENT);
    s->clock.passed_ms += 56 * MINUTE;
    expect_id(s, "", "own#1");
    assert_int_equal(s->fetches, 2);
    /* Within the pause nothing is tried. */
    expect_id(s, "", "own#1");
    assert_int_equal(s->fetches, 2);
    s->clock.passed_ms += 5000;
    expect_id(s, "", "own#1");
    assert_int_equal(s->fetches, 3);
    s->clock.passed_ms += 4 * MINUTE;
    expect_error(s, "", ERR_UNAVAILABLE, 20000);
    s->failure = ERR_INIT;
    s->clock.passed_ms += MINUTE;
    expect_id(s, "", "own#5");
}

static void test_failure_is_remembered(void **state)
{
    struct source *s = *state;
    int64_t pauses[] = {5000, 10000, 20000, 40000, 60000, 60000};
    fail_with(s, ERR_DENIED);
    for (int i = 0; i < (int)(sizeof pauses / sizeof *pauses); i++) {
        expect_error(s, "222233334444", ERR_DENIED, -1);
        assert_int_equal(s->fetches, i + 1);
        s->clock.passed_ms += pauses[i] - 1;
        expect_error(s, "222233334444", ERR_DENIED, -1);
        assert_int_equal(s->fetches, i + 1);
        s->clock.passed_ms += 1;
    }
    s->failure = ERR_INIT;
    expect_id(s, "222233334444", "222233334444#7");
}

static void test_remembered_one_says_when_to_come_back(void **state)
{
    struct source *s = *state;
    fail_with(s, ERR_TRANSIENT);
    expect_error(s, "", ERR_UNAVAILABLE, 5000);
    s->clock.passed_ms += 1000;
    expect_error(s, "", ERR_UNAVAILABLE, 4000);
    assert_int_equal(s->fetches, 1);
}

/* What may pass is told by its own words, and is nobody's failed try: neither the fetch nor the
 * memory of it. */
static void test_outage(void **state)
{
    static const enum err_kind kinds[] = {ERR_TRANSIENT, ERR_THROTTLED, ERR_UNAVAILABLE};
    struct source *s = *state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        fail_with(s, kinds[i]);
        for (int again = 0; again < 2; again++) {
            struct err err = ERR_INIT;
            assert_null(aws_identity_creds(s->identity, NULL, "222233334444", &err));
            assert_string_equal(err_kind_name(err.kind), "unavailable");
            assert_string_equal(err.message, "no");
            assert_string_equal(err.code, "AccessDenied");
            assert_null(aws_identity_get_caller(s->identity, NULL, &err));
            assert_string_equal(err_kind_name(err.kind), "unavailable");
        }
        assert_int_equal(s->fetches, i + 1);
        assert_int_equal(s->asks, i + 1);
        s->clock.passed_ms += MINUTE;
    }
}

static void test_busy_is_not_remembered(void **state)
{
    struct source *s = *state;
    fail_with(s, ERR_BUSY);
    s->failure.retry_after_ms = 77;
    expect_error(s, "", ERR_BUSY, 77);
    expect_error(s, "", ERR_BUSY, 77);
    assert_int_equal(s->fetches, 2);
}

static void test_expired_by_the_service(void **state)
{
    struct source *s = *state;
    struct err err = ERR_INIT;
    struct aws_creds *creds = aws_identity_creds(s->identity, NULL, "", &err);
    aws_identity_expire(s->identity, "", creds);
    expect_id(s, "", "own#2");
    /* A late one that had the old: no matter. */
    aws_identity_expire(s->identity, "", creds);
    expect_id(s, "", "own#2");
    aws_creds_unref(creds);
    assert_int_equal(s->fetches, 2);
}

static void expect_peek(struct source *s, const char *id)
{
    struct aws_creds *creds = aws_identity_peek(s->identity);
    assert_string_equal(creds ? creds->access_key_id : "none", id);
    aws_creds_unref(creds);
}

static struct aws_creds *get(struct source *s)
{
    struct err err = ERR_INIT;
    struct aws_creds *creds = aws_identity_creds(s->identity, NULL, "", &err);
    assert_string_equal(creds ? "" : err.message, "");
    return creds;
}

/* Asks for others after a refusal. *err is the refusal, and what becomes of it. */
static struct aws_creds *renew(struct source *s, const struct aws_creds *refused,
                               enum err_kind kind, struct err *err)
{
    err_set(err, kind, "Refused", "your keys are no good");
    return aws_identity_renew(s->identity, NULL, "", refused, err);
}

static void expect_none(struct source *s, const struct aws_creds *refused, enum err_kind kind,
                        enum err_kind becomes, const char *message)
{
    struct err err;
    assert_null(renew(s, refused, kind, &err));
    assert_string_equal(err_kind_name(err.kind), err_kind_name(becomes));
    assert_string_equal(err.message, message);
}

#define NOT_ACCEPTED                                                                               \
    "your keys are no good; no service has accepted these credentials (test) yet: check this "     \
    "host's clock, and whether the session was revoked"

/* One request's refusal gets it others once; refused again, it is that request's own, and those
 * that all the others use stay. */
static void test_refusal_is_the_requests_own(void **state)
{
    struct source *s = *state;
    struct err err;
    struct aws_creds *first = get(s);
    struct aws_creds *second = renew(s, first, ERR_EXPIRED, &err);
    assert_string_equal(second ? second->access_key_id : err.message, "own#2");
    expect_none(s, second, ERR_EXPIRED, ERR_DENIED, NOT_ACCEPTED);
    aws_creds_accepted(second, 1);
    for (int i = 0; i < 20; i++) {
        expect_none(s, second, ERR_EXPIRED, ERR_DENIED, "your keys are no good");
        expect_none(s, second, ERR_DENIED, ERR_DENIED, "your keys are no good");
        expect_id(s, "", "own#2");
        expect_peek(s, "own#2");
    }
    assert_int_equal(s->fetches, 2);
    /* Another matter: they may have been revoked meanwhile. */
    s->clock.passed_ms += MINUTE;
    struct aws_creds *third = renew(s, second, ERR_EXPIRED, &err);
    assert_string_equal(third ? third->access_key_id : err.message, "own#3");
    /* It still had the old ones. */
    struct aws_creds *late = renew(s, first, ERR_EXPIRED, &err);
    assert_string_equal(late ? late->access_key_id : err.message, "own#3");
    assert_int_equal(s->fetches, 3);
    aws_creds_unref(first);
    aws_creds_unref(second);
    aws_creds_unref(third);
    aws_creds_unref(late);
}

/* Where others cannot be had, those whom the old ones serve go on. */
static void test_refused_in_an_outage(void **state)
{
    struct source *s = *state;
    struct aws_creds *creds = get(s);
    fail_with(s, ERR_TRANSIENT);
    expect_none(s, creds, ERR_EXPIRED, ERR_UNAVAILABLE, "no");
    /* Remembered. */
    expect_none(s, creds, ERR_EXPIRED, ERR_UNAVAILABLE, "no");
    expect_id(s, "", "own#1");
    expect_peek(s, "own#1");
    assert_int_equal(s->fetches, 2);
    s->failure = ERR_INIT;
    s->clock.passed_ms += 5000;
    /* Whoever comes first fetches. */
    expect_id(s, "", "own#3");
    aws_creds_unref(creds);
}

#define NO_NEWER                                                                                   \
    "the credentials (test) are accepted no longer, and where they come from there are no newer "  \
    "ones yet: renew them there"

/* Keys that somebody renews in a file, say: until he has done so, that is nobody's failed try. */
static void test_expired_and_not_renewed(void **state)
{
    struct source *s = *state;
    struct err err;
    s->same = true;
    s->lifetime_ms = 0;
    struct aws_creds *creds = get(s);
    aws_creds_accepted(creds, 1);
    expect_none(s, creds, ERR_EXPIRED, ERR_UNAVAILABLE, NO_NEWER);
    expect_none(s, creds, ERR_EXPIRED, ERR_UNAVAILABLE, NO_NEWER);
    assert_int_equal(s->fetches, 2);
    s->clock.passed_ms += 5000;
    expect_none(s, creds, ERR_EXPIRED, ERR_UNAVAILABLE, NO_NEWER);
    s->same = false;
    s->clock.passed_ms += 10000;
    struct aws_creds *others = renew(s, creds, ERR_EXPIRED, &err);
    assert_string_equal(others ? others->access_key_id : err.message, "own#4");
    aws_creds_unref(others);
    aws_creds_unref(creds);
}

/* The same when nobody waits for others, as where a request is sent from the main thread. */
static void test_called_expired_and_not_renewed(void **state)
{
    struct source *s = *state;
    s->same = true;
    s->lifetime_ms = 0;
    struct aws_creds *creds = get(s);
    aws_identity_expire(s->identity, "", creds);
    aws_creds_unref(creds);
    /* Others may accept them, but newer ones are still wanted. */
    expect_id(s, "", "own#1");
    assert_int_equal(s->fetches, 2);
    s->same = false;
    s->clock.passed_ms += 5000;
    expect_id(s, "", "own#3");
}

/* The same keys again are as unknown to the service as before, and those that others accept have
 * not expired. */
static void test_refused_and_the_same_again(void **state)
{
    struct source *s = *state;
    struct aws_creds *creds = get(s);
    s->same = true;
    aws_creds_accepted(creds, 1);
    expect_none(s, creds, ERR_DENIED, ERR_DENIED, "your keys are no good");
    aws_creds_unref(creds);
    s->clock.passed_ms += MINUTE;
    creds = get(s);
    aws_creds_accepted(creds, 1000000);
    expect_none(s, creds, ERR_EXPIRED, ERR_DENIED, "your keys are no good");
    assert_int_equal(s->fetches, 3);
    aws_creds_unref(creds);
}

static void test_peek(void **state)
{
    struct source *s = *state;
    expect_peek(s, "none");
    expect_id(s, "", "own#1");
    expect_peek(s, "own#1");
    s->clock.passed_ms += 56 * MINUTE;
    /* Somebody is to refresh them. */
    expect_peek(s, "none");
    fail_with(s, ERR_TRANSIENT);
    expect_id(s, "", "own#1");
    /* It was tried: the old ones are still good. */
    expect_peek(s, "own#1");
    s->clock.passed_ms += 4 * MINUTE;
    expect_peek(s, "none");
}

static void test_caller_is_fetched_once(void **state)
{
    struct source *s = *state;
    struct err err = ERR_INIT;
    assert_null(aws_identity_known_caller(s->identity));
    fail_with(s, ERR_DENIED);
    assert_null(aws_identity_get_caller(s->identity, NULL, &err));
    assert_null(aws_identity_get_caller(s->identity, NULL, &err));
    assert_string_equal(err.code, "AccessDenied");
    assert_int_equal(s->asks, 1);
    s->failure = ERR_INIT;
    s->clock.passed_ms += 5000;
    const struct aws_caller *caller = aws_identity_get_caller(s->identity, NULL, &err);
    assert_string_equal(caller ? caller->account : err.message, "111122223333");
    /* The same for good. */
    assert_ptr_equal(aws_identity_get_caller(s->identity, NULL, &err), caller);
    assert_ptr_equal(aws_identity_known_caller(s->identity), caller);
    assert_int_equal(s->asks, 2);
}

static void test_bounded(void **state)
{
    struct source *s = *state;
    char account[13];
    char id[32];
    expect_id(s, "", "own#1");
    for (int i = 0; i < 8500; i++) {
        snprintf(account, sizeof account, "%012d", i);
        snprintf(id, sizeof id, "%s#%d", account, i + 2);
        expect_id(s, account, id);
    }
    expect_id(s, "000000008499", "000000008499#8501");
    /* Never thrown out. */
    expect_id(s, "", "own#1");
    /* Thrown out, fetched again. */
    expect_id(s, "000000000000", "000000000000#8502");
}

/* --- threads --- */

#define THREADS 8

struct asker {
    struct source *source;
    const char *account;
    char id[64];
    struct err err;
};

static void *ask_once(void *arg)
{
    struct asker *a = arg;
    a->err = ERR_INIT;
    struct aws_creds *creds = aws_identity_creds(a->source->identity, NULL, a->account, &a->err);
    snprintf(a->id, sizeof a->id, "%s", creds ? creds->access_key_id : "");
    aws_creds_unref(creds);
    return NULL;
}

static void hold(struct source *s, bool held)
{
    pthread_mutex_lock(&s->lock);
    s->held = held;
    pthread_cond_broadcast(&s->moved);
    pthread_mutex_unlock(&s->lock);
}

static void wait_for_fetcher(struct source *s)
{
    pthread_mutex_lock(&s->lock);
    while (s->waiting == 0)
        pthread_cond_wait(&s->moved, &s->lock);
    pthread_mutex_unlock(&s->lock);
}

/* One thread fetches and is held; the others ask meanwhile. */
static void one_held_others_ask(struct source *s, struct asker *first, struct asker *others)
{
    pthread_t fetcher;
    pthread_t threads[THREADS];
    hold(s, true);
    *first = (struct asker){.source = s, .account = ""};
    assert_int_equal(pthread_create(&fetcher, NULL, ask_once, first), 0);
    wait_for_fetcher(s);
    for (int i = 0; i < THREADS; i++) {
        others[i] = (struct asker){.source = s, .account = ""};
        assert_int_equal(pthread_create(&threads[i], NULL, ask_once, &others[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    hold(s, false);
    pthread_join(fetcher, NULL);
}

static void test_others_are_told_to_come_back(void **state)
{
    struct source *s = *state;
    struct asker first;
    struct asker others[THREADS];
    one_held_others_ask(s, &first, others);
    assert_string_equal(first.id, "own#1");
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(others[i].err.kind, ERR_BUSY);
        assert_in_range(others[i].err.retry_after_ms, 100, 200);
    }
    assert_int_equal(s->fetches, 1);
}

static void test_others_go_on_with_the_old(void **state)
{
    struct source *s = *state;
    struct asker first;
    struct asker others[THREADS];
    expect_id(s, "", "own#1");
    s->clock.passed_ms += 56 * MINUTE;
    one_held_others_ask(s, &first, others);
    assert_string_equal(first.id, "own#2");
    for (int i = 0; i < THREADS; i++)
        assert_string_equal(others[i].id, "own#1");
    assert_int_equal(s->fetches, 2);
}

static void *ask_and_expire(void *arg)
{
    struct source *s = arg;
    char account[13];
    for (int i = 0; i < 500; i++) {
        struct err err = ERR_INIT;
        snprintf(account, sizeof account, "%012d", i % 7);
        struct aws_creds *creds = aws_identity_creds(s->identity, NULL, account, &err);
        if (creds && i % 5 == 0)
            aws_identity_expire(s->identity, account, creds);
        aws_creds_unref(creds);
        aws_creds_unref(aws_identity_peek(s->identity));
        s->clock.passed_ms += 1000;
    }
    return NULL;
}

/* For the thread sanitizer: everything at once, and in the end it still works. */
static void test_all_at_once(void **state)
{
    struct source *s = *state;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_and_expire, s), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    s->clock.passed_ms += HOUR;
    int before = s->fetches;
    char id[64];
    snprintf(id, sizeof id, "000000000003#%d", before + 1);
    expect_id(s, "000000000003", id);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_cached_by_account),
        TEST(test_refreshed_five_minutes_ahead),
        TEST(test_short_ones_a_tenth_ahead),
        TEST(test_for_ever),
        TEST(test_expiry_by_the_services_clock),
        TEST(test_failed_early_refresh_keeps_the_old),
        TEST(test_failure_is_remembered),
        TEST(test_remembered_one_says_when_to_come_back),
        TEST(test_busy_is_not_remembered),
        TEST(test_expired_by_the_service),
        TEST(test_outage),
        TEST(test_refusal_is_the_requests_own),
        TEST(test_refused_in_an_outage),
        TEST(test_expired_and_not_renewed),
        TEST(test_called_expired_and_not_renewed),
        TEST(test_refused_and_the_same_again),
        TEST(test_peek),
        TEST(test_caller_is_fetched_once),
        TEST(test_bounded),
        TEST(test_others_are_told_to_come_back),
        TEST(test_others_go_on_with_the_old),
        TEST(test_all_at_once),
    };
    return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
