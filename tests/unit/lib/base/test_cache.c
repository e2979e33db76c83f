/* Tests of the table of values by key: what it finds, what it removes, and that threads may share
 * it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cache.h"

static void put(struct cache *c, const char *key, int value)
{
    cache_put(c, key, strlen(key), &value);
}

/* -1: there is none. */
static int get(struct cache *c, const char *key)
{
    int value;
    return cache_get(c, key, strlen(key), &value) ? value : -1;
}

static struct cache *make_ints(size_t max)
{
    const struct cache_options options = {.max = max, .value_size = sizeof(int), .seed = 7};
    return cache_new(&options);
}

static void test_values_are_found_by_their_whole_key(void **state)
{
    struct cache *c = make_ints(100);
    (void)state;
    assert_int_equal(get(c, "a"), -1);
    put(c, "a", 1);
    put(c, "ab", 2);
    put(c, "", 3);
    assert_int_equal(get(c, "a"), 1);
    assert_int_equal(get(c, "ab"), 2);
    assert_int_equal(get(c, ""), 3);
    assert_int_equal(get(c, "b"), -1);
    put(c, "a", 4);
    assert_int_equal(get(c, "a"), 4);
    int value = 5;
    cache_put(c, "a\0b", 3, &value);
    assert_int_equal(get(c, "a"), 4);
    assert_true(cache_get(c, "a\0b", 3, &value));
    assert_int_equal(value, 5);
    cache_free(c);
}

static void test_the_least_recently_used_is_removed(void **state)
{
    struct cache *c = make_ints(3);
    (void)state;
    put(c, "a", 1);
    put(c, "b", 2);
    put(c, "c", 3);
    assert_int_equal(get(c, "a"), 1);
    put(c, "d", 4);
    assert_int_equal(get(c, "b"), -1);
    put(c, "c", 5);
    put(c, "e", 6);
    assert_int_equal(get(c, "a"), -1);
    assert_int_equal(get(c, "c"), 5);
    assert_int_equal(get(c, "d"), 4);
    assert_int_equal(get(c, "e"), 6);
    cache_free(c);
}

/* A cache of one entry, and one with many entries in each chain. */
static void test_each_size_holds_as_many_as_it_says(void **state)
{
    static const size_t sizes[] = {1, 2, 5, 64, 1000};
    char key[16];
    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        struct cache *c = make_ints(sizes[s]);
        for (int i = 0; i < 3000; i++) {
            snprintf(key, sizeof key, "%d", i);
            put(c, key, i);
        }
        int held = 0;
        for (int i = 0; i < 3000; i++) {
            snprintf(key, sizeof key, "%d", i);
            held += get(c, key) == i;
        }
        assert_int_equal(held, sizes[s]);
        cache_free(c);
    }
}

struct owned {
    char *text;
    bool keep;
};

static int dropped;

static void drop(void *value)
{
    const struct owned *o = value;
    free(o->text);
    dropped++;
}

static bool keep(const void *value)
{
    return ((const struct owned *)value)->keep;
}

static void use(struct cache *c, const char *key, bool stays)
{
    struct owned *o = cache_lock(c, key, strlen(key));
    assert_non_null(o);
    if (!o->text)
        o->text = strdup(key);
    assert_string_equal(o->text, key);
    o->keep = stays;
    cache_unlock(c);
}

static bool is_there(struct cache *c, const char *key)
{
    bool there = cache_lock_existing(c, key, strlen(key)) != NULL;
    if (there)
        cache_unlock(c);
    return there;
}

static void test_what_must_be_kept_is_kept(void **state)
{
    const struct cache_options options = {
        .max = 3, .value_size = sizeof(struct owned), .keep = keep, .drop = drop, .secret = true};
    struct cache *c = cache_new(&options);
    (void)state;
    dropped = 0;
    use(c, "kept", true);
    use(c, "b", false);
    use(c, "c", false);
    use(c, "d", false);
    assert_int_equal(dropped, 1);
    assert_true(is_there(c, "kept"));
    assert_false(is_there(c, "b"));
    use(c, "c", true);
    use(c, "d", true);
    assert_null(cache_lock(c, "e", 1)); /* and not locked: the next would wait for ever */
    assert_null(cache_lock_existing(c, "e", 1));
    use(c, "kept", false);
    use(c, "e", false);
    assert_false(is_there(c, "kept"));
    assert_int_equal(dropped, 2);
    cache_free(c);
    assert_int_equal(dropped, 5);
    cache_free(NULL);
}

#define THREADS 4
#define ROUNDS  5000

static void *count_up(void *arg)
{
    char key[2] = "a";
    for (int i = 0; i < ROUNDS; i++) {
        key[0] = (char)('a' + i % 5);
        int *n = cache_lock(arg, key, 1);
        ++*n;
        cache_unlock(arg);
    }
    return NULL;
}

static void test_threads_may_share_it(void **state)
{
    struct cache *c = make_ints(5);
    pthread_t threads[THREADS];
    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_up, c), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (char key[2] = "a"; *key < 'f'; ++*key)
        assert_int_equal(get(c, key), THREADS * ROUNDS / 5);
    cache_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_found_by_their_whole_key),
        cmocka_unit_test(test_the_least_recently_used_is_removed),
        cmocka_unit_test(test_each_size_holds_as_many_as_it_says),
        cmocka_unit_test(test_what_must_be_kept_is_kept),
        cmocka_unit_test(test_threads_may_share_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
