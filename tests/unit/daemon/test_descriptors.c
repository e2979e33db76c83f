/* Tests of the limit of open files: this process's own is lowered, and cannot be raised again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/resource.h>

#include "daemon/descriptors.h"

static void set_limit(rlim_t soft, rlim_t hard)
{
    const struct rlimit limit = {soft, hard};

    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void test_the_soft_limit_is_raised_to_the_hard_one(void **state)
{
    struct rlimit limit;

    (void)state;
    set_limit(100, 512);
    descriptors_raise();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(limit.rlim_cur, 512);
    assert_int_equal(limit.rlim_max, 512);
    descriptors_raise(); /* nothing is left to do */
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(limit.rlim_cur, 512);
}

static void expect_warning(int64_t workers, size_t sources, const char *expected)
{
    const struct config config = {.daemon.workers = workers, .source_count = sources};
    struct buf said = buf_make(1000);

    descriptors_warn(&config, &said);
    assert_string_equal(buf_str(&said), expected);
    buf_free(&said);
}

static void test_more_workers_than_open_files(void **state)
{
    (void)state;
    set_limit(400, 400);       /* also the hard one counts, not the soft one */
    expect_warning(16, 1, ""); /* 16 times 18, and 32, and 64 */
    expect_warning(17, 1,
                   "warning: workers (17) of [daemon] may need 402 open files, and 400 are "
                   "allowed: raise the hard limit (LimitNOFILE of the unit, ulimit -Hn), or lower "
                   "workers\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_soft_limit_is_raised_to_the_hard_one),
        cmocka_unit_test(test_more_workers_than_open_files),
    };

    return cmocka_run_group_tests_name("descriptors", tests, NULL, NULL);
}
