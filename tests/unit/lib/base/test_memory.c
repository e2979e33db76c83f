/* Tests of the allocating functions: what they return, and how the process ends without memory. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <jansson.h>
#include <openssl/crypto.h>

#include "lib/base/array.h"
#include "lib/base/buf.h"
#include "lib/base/memory.h"

#define TOO_MUCH (SIZE_MAX / 4)
#define LAST_LINE                                                                                  \
    "hgautod: out of memory; the process ends here, and events under way are resumed from their "  \
    "stored progress\n"

/* The sanitizers' allocators would end the process themselves. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}

/* Sizes that the compiler does not see. */
static volatile size_t too_much = TOO_MUCH;

/* Runs an allocation in a process of its own, which must end by SIGABRT with the line as its
 * last. */
static void expect_death(void (*allocate)(void))
{
    FILE *lines = tmpfile();
    assert_non_null(lines);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        dup2(fileno(lines), STDERR_FILENO);
        allocate();
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    char text[4096];
    rewind(lines);
    size_t size = fread(text, 1, sizeof text - 1, lines);
    text[size] = '\0';
    fclose(lines);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    const char *last = strstr(text, "hgautod:");
    assert_non_null(last);
    assert_string_equal(last, LAST_LINE);
}

static void too_large_malloc(void)
{
    free(xmalloc(too_much));
}

static void too_large_calloc(void)
{
    free(xcalloc(1, too_much));
}

static void overflowing_calloc(void)
{
    free(xcalloc(too_much, 8));
}

static void too_large_realloc(void)
{
    free(xrealloc(xmalloc(1), too_much));
}

static void too_large_memdup(void)
{
    free(xmemdup("", too_much));
}

static void overflowing_array(void)
{
    size_t room = too_much;
    free(array_room(NULL, room, &room, 8));
}

static void array_beyond_size_t(void)
{
    size_t room = SIZE_MAX;
    free(array_room(NULL, room, &room, 1));
}

static void too_large_buffer(void)
{
    struct buf b = buf_make(SIZE_MAX);
    if (buf_reserve(&b, too_much))
        buf_free(&b);
}

static void too_large_secret(void)
{
    struct buf b = buf_make_secret(SIZE_MAX);
    if (buf_reserve(&b, too_much))
        buf_free(&b);
}

static void too_large_json(void)
{
    memory_install_hooks();
    json_decref(json_stringn_nocheck("", too_much));
}

static void too_large_openssl(void)
{
    memory_install_hooks();
    OPENSSL_free(OPENSSL_malloc(too_much));
}

static void too_large_openssl_again(void)
{
    memory_install_hooks();
    OPENSSL_free(OPENSSL_realloc(OPENSSL_malloc(1), too_much));
}

static void test_a_failed_allocation_ends_the_process_with_one_line(void **state)
{
    (void)state;
    expect_death(too_large_malloc);
    expect_death(too_large_calloc);
    expect_death(overflowing_calloc);
    expect_death(too_large_realloc);
    expect_death(too_large_memdup);
    expect_death(overflowing_array);
    expect_death(array_beyond_size_t);
    expect_death(too_large_buffer);
    expect_death(too_large_secret);
}

static void test_the_libraries_allocate_in_the_same_way(void **state)
{
    (void)state;
    expect_death(too_large_json);
    expect_death(too_large_openssl);
    expect_death(too_large_openssl_again);
}

static void test_a_size_of_0_is_memory_too(void **state)
{
    (void)state;
    free(xmalloc(0));
    free(xcalloc(0, 8));
    free(xcalloc(8, 0));
    free(xmemdup(NULL, 0));
    void *emptied = xrealloc(xmalloc(8), 0);
    assert_non_null(emptied);
    free(emptied);
}

static void test_copies_are_complete(void **state)
{
    (void)state;
    char *whole = xstrdup("whole");
    char *part = xstrndup("partial", 4);
    char *formatted = xasprintf("%d of %s", 2, "three");
    char *bytes = xmemdup("a\0b", 3);
    char *zeroes = xcalloc(2, 2);
    assert_string_equal(whole, "whole");
    assert_string_equal(part, "part");
    assert_string_equal(formatted, "2 of three");
    assert_memory_equal(bytes, "a\0b", 3);
    assert_memory_equal(zeroes, "\0\0\0\0", 4);
    free(whole);
    free(part);
    free(formatted);
    free(bytes);
    free(zeroes);
}

static void test_an_array_grows_by_doubling(void **state)
{
    (void)state;
    size_t *at = NULL;
    size_t room = 0;
    size_t moves = 0;
    for (size_t i = 0; i < 1000; i++) {
        size_t before = room;
        at = array_room(at, i, &room, sizeof *at);
        assert_true(room > i);
        moves += room != before;
        at[i] = i;
    }
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(at[i], i);
    assert_int_equal(moves, 8);
    free(at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_failed_allocation_ends_the_process_with_one_line),
        cmocka_unit_test(test_the_libraries_allocate_in_the_same_way),
        cmocka_unit_test(test_a_size_of_0_is_memory_too),
        cmocka_unit_test(test_copies_are_complete),
        cmocka_unit_test(test_an_array_grows_by_doubling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
