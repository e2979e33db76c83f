/* Tests of the one way to open files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "tests/unit/scratch_dir.h"

struct place {
    char root[256], path[300];
};

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    scratch_make(p->root);
    snprintf(p->path, sizeof p->path, "%s/file", p->root);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    scratch_remove(p->root);
    free(p);
    return 0;
}

static void write_file(const struct place *p, const char *text, mode_t mode)
{
    FILE *f = fopen(p->path, "w");
    assert_non_null(f);
    assert_int_equal(fchmod(fileno(f), mode), 0);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void expect_read(const char *path, unsigned rules, const char *expected)
{
    struct buf text = buf_make(100);
    struct err err = ERR_INIT;
    if (!file_read(path, rules, &text, NULL, &err))
        fail_msg("%s: %s", path, err.message);
    assert_string_equal(buf_str(&text), expected);
    buf_free(&text);
}

static void expect_refused(const char *path, unsigned rules, enum err_kind kind,
                           const char *message)
{
    struct buf text = buf_make(10);
    struct err err = ERR_INIT;
    assert_false(file_read(path, rules, &text, NULL, &err));
    assert_string_equal(err.message, message);
    assert_int_equal(err.kind, kind);
    buf_free(&text);
}

static void test_a_regular_file_is_read_up_to_the_limit(void **state)
{
    struct place *p = *state;
    struct stat st;
    mode_t mode = 0;
    struct buf text = buf_make(100);
    struct err err = ERR_INIT;
    write_file(p, "0123456789", 0640);
    assert_true(file_read(p->path, 0, &text, &mode, &err));
    assert_string_equal(buf_str(&text), "0123456789");
    assert_int_equal(mode, S_IFREG | 0640);
    buf_free(&text);
    write_file(p, "0123456789a", 0600);
    expect_refused(p->path, 0, ERR_LIMIT, "it is larger than 10 bytes");
    int fd = file_open(AT_FDCWD, p->path, 0, &st);
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    close(fd);
    unlink(p->path);
    expect_refused(p->path, 0, ERR_NOT_FOUND, "No such file or directory");
}

static void test_what_is_not_a_regular_file_is_refused_without_waiting(void **state)
{
    struct place *p = *state;
    expect_refused(p->root, 0, ERR_INVALID, "it is a directory");
    expect_refused(p->root, FILE_STREAMS, ERR_INVALID, "it is a directory");
    assert_int_equal(mkfifo(p->path, 0600), 0);
    expect_refused(p->path, 0, ERR_INVALID, "it is not a regular file");
    expect_refused("/dev/zero", 0, ERR_INVALID, "it is not a regular file");
}

/* As in "-c <(generate)": what the writer has not written yet is waited for. */
static void test_a_stream_is_read_to_its_end_where_it_is_allowed(void **state)
{
    struct place *p = *state;
    assert_int_equal(mkfifo(p->path, 0600), 0);
    int keep = open(p->path, O_RDWR); /* so that the writer need not wait for the reader */
    assert_true(keep >= 0);
    pid_t child = fork();
    if (child == 0) {
        int fd = open(p->path, O_WRONLY);
        bool ok = write(fd, "one", 3) == 3;
        close(keep);
        struct timespec moment = {.tv_nsec = 50000000};
        nanosleep(&moment, NULL);
        _exit(ok && write(fd, "two", 3) == 3 ? 0 : 1);
    }
    struct stat st;
    int fd = file_open(AT_FDCWD, p->path, FILE_STREAMS, &st);
    assert_true(fd >= 0);
    close(keep);
    struct buf text = buf_make(100);
    assert_int_equal(file_read_fd(fd, &text), 0);
    assert_string_equal(buf_str(&text), "onetwo");
    buf_free(&text);
    close(fd);
    expect_read("/dev/null", FILE_STREAMS, "");
}

static void test_links_are_followed_unless_the_rules_say_no(void **state)
{
    struct place *p = *state;
    char link[320];
    struct stat st;
    snprintf(link, sizeof link, "%s.link", p->path);
    write_file(p, "text", 0600);
    assert_int_equal(symlink(p->path, link), 0);
    expect_read(link, FILE_SECRET, "text");
    errno = 0;
    assert_int_equal(file_open(AT_FDCWD, link, FILE_NO_LINKS, &st), -1);
    assert_int_equal(errno, ELOOP);
}

static void test_what_others_may_do(void **state)
{
    struct place *p = *state;
    char message[400];
    write_file(p, "x", 0640);
    expect_read(p->path, FILE_SECRET, "x");
    write_file(p, "x", 0644);
    expect_read(p->path, FILE_KEPT, "x");
    snprintf(message, sizeof message, "others can read or change it (mode 0644): run chmod 600 %s",
             p->path);
    expect_refused(p->path, FILE_SECRET, ERR_INVALID, message);
    write_file(p, "x", 0646);
    snprintf(message, sizeof message, "others can read or change it (mode 0646): run chmod 600 %s",
             p->path);
    expect_refused(p->path, FILE_KEPT, ERR_INVALID, message);
    expect_read(p->path, 0, "x");
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_regular_file_is_read_up_to_the_limit),
        TEST(test_what_is_not_a_regular_file_is_refused_without_waiting),
        TEST(test_a_stream_is_read_to_its_end_where_it_is_allowed),
        TEST(test_links_are_followed_unless_the_rules_say_no),
        TEST(test_what_others_may_do),
    };
    return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
