/* Tests of the token buckets, against services that are made of numbers and a clock that is set by
 * hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>

#include "lib/net/ratelimit.h"

struct hand {
    struct clock clock;
    int64_t now_ms;
    uint64_t random;
};

static int64_t hand_ms(const struct clock *c)
{
    return ((const struct hand *)c)->now_ms;
}

/* splitmix64 */
static void hand_random(const struct clock *c, void *to, size_t n)
{
    struct hand *h = (struct hand *)(uintptr_t)c;
    for (size_t i = 0; i < n; i++) {
        uint64_t z = h->random += UINT64_C(0x9e3779b97f4a7c15);
        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        ((uint8_t *)to)[i] = (uint8_t)(z >> 56);
    }
}

static struct hand hand_clock(void)
{
    return (struct hand){{hand_ms, hand_ms, hand_random}, 1000000, 1};
}

/* Sends at that rate for that time without asking. */
static void send_evenly(struct ratelimit *r, struct hand *h, const char *name, int per_second,
                        int seconds)
{
    for (int i = 0; i < per_second * seconds; i++) {
        h->now_ms += 1000 / per_second;
        ratelimit_report(r, name, false);
    }
}

static void test_what_never_throttles_is_never_held(void **state)
{
    struct hand h = hand_clock();
    struct ratelimit *r = ratelimit_new(&h.clock);
    (void)state;
    for (int i = 0; i < 10000; i++) {
        assert_int_equal(ratelimit_take(r, "a"), 0);
        ratelimit_report(r, "a", false);
    }
    ratelimit_free(r);
}

static void test_throttling_holds_one_bucket_and_no_other(void **state)
{
    struct hand h = hand_clock();
    struct ratelimit *r = ratelimit_new(&h.clock);
    (void)state;
    send_evenly(r, &h, "a", 10, 2);
    ratelimit_report(r, "a", true);
    assert_in_range(ratelimit_take(r, "a"), 1, 20000);
    assert_int_equal(ratelimit_take(r, "b"), 0);
    ratelimit_free(r);
}

/* Tokens that pass within a second from now, when nothing is reported. */
static int tokens_in_a_second(struct ratelimit *r, struct hand *h, const char *name)
{
    int taken = 0;
    for (int i = 0; i < 1000; i++) {
        h->now_ms++;
        taken += ratelimit_take(r, name) == 0;
    }
    return taken;
}

static void test_the_rate_becomes_a_share_of_what_passed(void **state)
{
    struct hand h = hand_clock();
    struct ratelimit *r = ratelimit_new(&h.clock);
    (void)state;
    send_evenly(r, &h, "a", 100, 5);
    ratelimit_report(r, "a", true);
    assert_in_range(tokens_in_a_second(r, &h, "a"), 65, 75);
    ratelimit_free(r);
}

static void test_refusals_of_one_moment_cut_once(void **state)
{
    struct hand h = hand_clock();
    struct ratelimit *r = ratelimit_new(&h.clock);
    (void)state;
    send_evenly(r, &h, "a", 100, 5);
    for (int i = 0; i < 100; i++)
        ratelimit_report(r, "a", true);
    assert_in_range(tokens_in_a_second(r, &h, "a"), 65, 75);
    ratelimit_free(r);
}

static void test_a_service_that_refuses_all_is_still_asked(void **state)
{
    struct hand h = hand_clock();
    struct ratelimit *r = ratelimit_new(&h.clock);
    int asked = 0;
    (void)state;
    for (int i = 0; i < 60; i++) {
        if (ratelimit_take(r, "a") == 0) {
            ratelimit_report(r, "a", true);
            asked++;
        }
        h.now_ms += 1000;
    }
    /* The slowest rate is a token in two seconds. */
    assert_in_range(asked, 25, 35);
    ratelimit_free(r);
}

static void test_a_bucket_opens_again(void **state)
{
    struct hand h = hand_clock();
    struct ratelimit *r = ratelimit_new(&h.clock);
    int held_in_last_minute = 0;
    (void)state;
    send_evenly(r, &h, "a", 100, 5);
    ratelimit_report(r, "a", true);
    assert_true(ratelimit_take(r, "a") > 0);
    for (int i = 0; i < 12000; i++) {
        h.now_ms += 10;
        if (ratelimit_take(r, "a") == 0)
            ratelimit_report(r, "a", false);
        else if (i >= 6000)
            held_in_last_minute++;
    }
    assert_int_equal(held_in_last_minute, 0);
    ratelimit_free(r);
}

static void test_a_success_never_slows_down(void **state)
{
    struct hand h = hand_clock();
    struct ratelimit *r = ratelimit_new(&h.clock);
    (void)state;
    send_evenly(r, &h, "a", 100, 5);
    ratelimit_report(r, "a", true);
    /* One success a second: far fewer than the limit lets through. */
    for (int i = 0; i < 3; i++) {
        h.now_ms += 1000;
        ratelimit_report(r, "a", false);
    }
    assert_in_range(tokens_in_a_second(r, &h, "a"), 65, 200);
    ratelimit_free(r);
}

static void test_those_who_wait_come_back_one_after_the_other(void **state)
{
    struct hand h = hand_clock();
    struct ratelimit *r = ratelimit_new(&h.clock);
    int in_second[21] = {0};
    (void)state;
    send_evenly(r, &h, "a", 10, 5);
    ratelimit_report(r, "a", true);
    for (int i = 0; i < 200; i++) {
        int64_t wait = ratelimit_take(r, "a");
        assert_in_range(wait, 1, 20000);
        in_second[wait / 1000]++;
    }
    /* The rate is 7 a second; those of the far end share its ten seconds evenly. */
    for (int s = 1; s < 9; s++)
        assert_in_range(in_second[s], 3, 12);
    for (int s = 10; s < 20; s++)
        assert_in_range(in_second[s], 3, 40);
    ratelimit_free(r);
}

/* A service with a bucket of its own: ten a second, bursts of ten. */
struct service {
    int64_t filled_ms;
    double tokens;
};

static int service_refuses(struct service *s, int64_t now_ms)
{
    s->tokens += (double)(now_ms - s->filled_ms) / 100;
    s->tokens = s->tokens > 10 ? 10 : s->tokens;
    s->filled_ms = now_ms;
    if (s->tokens < 1)
        return 1;
    s->tokens -= 1;
    return 0;
}

static void test_many_callers_share_a_slow_service(void **state)
{
    enum { CALLERS = 50, SECONDS = 120 };
    struct hand h = hand_clock();
    struct ratelimit *r = ratelimit_new(&h.clock);
    struct service service = {.filled_ms = h.now_ms, .tokens = 10};
    int64_t next[CALLERS];
    int passed = 0;
    int refused = 0;
    (void)state;
    for (int c = 0; c < CALLERS; c++)
        next[c] = h.now_ms;
    for (int ms = 0; ms < SECONDS * 1000; ms++, h.now_ms++) {
        for (int c = 0; c < CALLERS; c++) {
            if (next[c] > h.now_ms)
                continue;
            int64_t wait = ratelimit_take(r, "a");
            int no = wait == 0 ? service_refuses(&service, h.now_ms) : 0;
            if (wait == 0)
                ratelimit_report(r, "a", no);
            passed += wait == 0 && !no;
            refused += no;
            next[c] = h.now_ms + (wait > 0 ? wait : 20);
        }
    }
    print_message("passed %d of %d, refused %d\n", passed, 10 * SECONDS, refused);
    /* Without the limiter, 50 callers would be refused nearly 300,000 times. */
    assert_in_range(passed, 10 * SECONDS * 7 / 10, 10 * SECONDS + 10);
    assert_in_range(refused, 1, passed);
    ratelimit_free(r);
}

static void test_the_oldest_of_too_many_buckets_goes(void **state)
{
    struct hand h = hand_clock();
    struct ratelimit *r = ratelimit_new(&h.clock);
    char name[32];
    (void)state;
    ratelimit_report(r, "kept", true);
    ratelimit_report(r, "forgotten", true);
    for (int i = 0; i < 4095; i++) {
        snprintf(name, sizeof name, "filler %d", i);
        assert_true(ratelimit_take(r, "kept") > 0);
        assert_int_equal(ratelimit_take(r, name), 0);
    }
    assert_int_equal(ratelimit_take(r, "forgotten"), 0);
    assert_true(ratelimit_take(r, "kept") > 0);
    ratelimit_free(r);
}

static void *take_and_report(void *arg)
{
    char name[2] = "a";
    for (int i = 0; i < 2000; i++) {
        name[0] = (char)('a' + i % 7);
        if (ratelimit_take(arg, name) == 0)
            ratelimit_report(arg, name, i % 100 == 0);
    }
    return NULL;
}

static void test_threads_may_share_it(void **state)
{
    struct ratelimit *r = ratelimit_new(&system_clock);
    pthread_t threads[4];
    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_report, r), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(ratelimit_take(r, "untouched"), 0);
    ratelimit_free(r);
    ratelimit_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_never_throttles_is_never_held),
        cmocka_unit_test(test_throttling_holds_one_bucket_and_no_other),
        cmocka_unit_test(test_the_rate_becomes_a_share_of_what_passed),
        cmocka_unit_test(test_refusals_of_one_moment_cut_once),
        cmocka_unit_test(test_a_service_that_refuses_all_is_still_asked),
        cmocka_unit_test(test_a_bucket_opens_again),
        cmocka_unit_test(test_a_success_never_slows_down),
        cmocka_unit_test(test_those_who_wait_come_back_one_after_the_other),
        cmocka_unit_test(test_many_callers_share_a_slow_service),
        cmocka_unit_test(test_the_oldest_of_too_many_buckets_goes),
        cmocka_unit_test(test_threads_may_share_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
