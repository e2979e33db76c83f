/* Tests of the log: its three forms, the escaping of values, levels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fcntl.h>
#include <jansson.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/log_writer.h"

/* A log that writes into memory. */
struct recorder {
    int fd;
    struct log *log;
    char *text;
};

static struct recorder record(enum log_level level, enum log_format format)
{
    struct recorder r = {.fd = memfd_create("log", 0)};
    assert_true(r.fd >= 0);
    /* As "2>>file" has it: without it some kernels let writes of several threads overwrite each
     * other. */
    assert_int_equal(fcntl(r.fd, F_SETFL, O_APPEND), 0);
    r.log = log_new(r.fd, level, format);
    assert_non_null(r.log);
    return r;
}

/* All that was written so far; valid until recorder_close. */
static const char *recorded(struct recorder *r)
{
    off_t size = lseek(r->fd, 0, SEEK_END);
    assert_true(size >= 0);
    free(r->text);
    r->text = calloc(1, (size_t)size + 1);
    assert_non_null(r->text);
    assert_int_equal(pread(r->fd, r->text, (size_t)size, 0), size);
    return r->text;
}

static void recorder_close(struct recorder *r)
{
    log_free(r->log);
    close(r->fd);
    free(r->text);
}

static void test_text_is_time_level_sentence_fields(void **state)
{
    struct recorder r = record(LOG_DEBUG_LEVEL, LOG_TEXT);
    char stamp[25];
    int64_t written;
    (void)state;
    int64_t before = system_clock.wall_ms(&system_clock);
    log_info(r.log, "the event is done", LOG_STR("run", "42"), LOG_STR("name", "a rule"),
             LOG_STR("absent", NULL), LOG_STR("empty", ""));
    int64_t after = system_clock.wall_ms(&system_clock);
    const char *line = recorded(&r);
    assert_string_equal(line + 24, " INFO  the event is done run=42 name=\"a rule\" empty=\"\"\n");
    memcpy(stamp, line, 24);
    stamp[24] = '\0';
    assert_true(clock_parse(stamp, &written));
    assert_in_range(written, before, after);
    recorder_close(&r);
}

static void test_each_level_has_its_word(void **state)
{
    static const char *const expected[] = {" ERROR x\n", " WARN  x\n", " INFO  x\n", " DEBUG x\n"};

    (void)state;
    for (int level = LOG_ERROR_LEVEL; level <= LOG_DEBUG_LEVEL; level++) {
        struct recorder r = record(LOG_DEBUG_LEVEL, LOG_TEXT);
        log_event(r.log, (enum log_level)level, "x", (const struct log_field[]){LOG_END});
        assert_string_equal(recorded(&r) + 24, expected[level]);
        recorder_close(&r);
    }
}

static void test_journal_has_priorities_and_no_time(void **state)
{
    struct recorder r = record(LOG_DEBUG_LEVEL, LOG_JOURNAL);
    (void)state;
    log_error(r.log, "bad", LOG_STR("key", "value"));
    log_warn(r.log, "odd", LOG_STR("key", "two words"));
    log_info(r.log, "good");
    log_debug(r.log, "dull");
    assert_string_equal(recorded(&r), "<3>bad key=value\n"
                                      "<4>odd key=\"two words\"\n"
                                      "<6>good\n"
                                      "<7>dull\n");
    recorder_close(&r);
}

static void test_lower_levels_are_left_out(void **state)
{
    struct recorder r = record(LOG_WARN_LEVEL, LOG_JOURNAL);
    (void)state;
    assert_true(log_would(r.log, LOG_ERROR_LEVEL));
    assert_true(log_would(r.log, LOG_WARN_LEVEL));
    assert_false(log_would(r.log, LOG_INFO_LEVEL));
    log_info(r.log, "unheard");
    log_warn(r.log, "heard");
    assert_string_equal(recorded(&r), "<4>heard\n");
    recorder_close(&r);
}

static void test_no_log_is_silent(void **state)
{
    (void)state;
    assert_false(log_would(NULL, LOG_ERROR_LEVEL));
    log_error(NULL, "unheard");
    log_free(NULL);
}

static void test_text_values_cannot_forge_lines_or_fields(void **state)
{
    struct recorder r = record(LOG_DEBUG_LEVEL, LOG_JOURNAL);
    (void)state;
    log_info(r.log, "one\nline", LOG_STR("a", "x\n<3>forged"), LOG_STR("b", "x c=y"),
             LOG_STR("d", "say \"hi\""), LOG_STR("e", "back\\slash"), LOG_STR("f", "\x1b[31mred"),
             LOG_STR("g", "\xc3\xa4"), LOG_STR("h", "del\x7f"),
             LOG_STR("i", "\xc2\x9b"
                          "31m"));
    assert_string_equal(recorded(&r),
                        "<6>one line a=\"x\\n<3>forged\" b=\"x c=y\" d=\"say \\\"hi\\\"\" "
                        "e=\"back\\\\slash\" f=\"\\u001b[31mred\" g=\"\xc3\xa4\" h=\"del\\u007f\" "
                        "i=\"\\u009b31m\"\n");
    recorder_close(&r);
}

/* Shown as they are, they would turn "txt.exe" around, or act on the terminal. */
static void test_characters_that_turn_text_or_act_on_terminals_are_escaped(void **state)
{
    static const char hostile[] = "\xd8\x9c \xe2\x80\x8e \xe2\x80\x8f \xe2\x80\xaa \xe2\x80\xae "
                                  "\xe2\x81\xa6 \xe2\x81\xa9 \xc2\x80 \xc2\x9f \x7f \x1b";
    static const char shown[] = "\\u061c \\u200e \\u200f \\u202a \\u202e "
                                "\\u2066 \\u2069 \\u0080 \\u009f \\u007f ";
    char expected[300];
    struct recorder text = record(LOG_DEBUG_LEVEL, LOG_JOURNAL);
    struct recorder json = record(LOG_DEBUG_LEVEL, LOG_JSON);
    (void)state;
    log_info(text.log, hostile, LOG_STR("a", hostile));
    snprintf(expected, sizeof expected, "<6>%s  a=\"%s\\u001b\"\n", shown, shown);
    assert_string_equal(recorded(&text), expected);
    /* A program that reads JSON gets the value as it was. */
    log_info(json.log, "x", LOG_STR("a", hostile));
    snprintf(expected, sizeof expected, "\"a\":\"%s\\u001b\"}\n", shown);
    assert_non_null(strstr(recorded(&json), expected));
    json_t *value = json_loads(recorded(&json), 0, NULL);
    assert_string_equal(json_string_value(json_object_get(value, "a")), hostile);
    json_decref(value);
    recorder_close(&text);
    recorder_close(&json);
}

/* Neighbours of those characters are text like any other. */
static void test_other_characters_are_left_alone(void **state)
{
    struct recorder r = record(LOG_DEBUG_LEVEL, LOG_JOURNAL);
    (void)state;
    log_info(
        r.log,
        "\xd8\x9b \xe2\x80\x8d \xe2\x80\x90 \xe2\x80\xa9 \xe2\x80\xaf \xe2\x81\xa5 \xe2\x81\xaa "
        "\xc2\xa0 \xf0\x9f\x98\x80");
    assert_string_equal(recorded(&r),
                        "<6>\xd8\x9b \xe2\x80\x8d \xe2\x80\x90 \xe2\x80\xa9 \xe2\x80\xaf "
                        "\xe2\x81\xa5 \xe2\x81\xaa \xc2\xa0 \xf0\x9f\x98\x80\n");
    recorder_close(&r);
}

static void test_each_type_is_written_as_what_it_is(void **state)
{
    struct recorder json = record(LOG_DEBUG_LEVEL, LOG_JSON);
    struct recorder text = record(LOG_DEBUG_LEVEL, LOG_JOURNAL);
    struct err err;
    (void)state;
    err_set(&err, ERR_DENIED, "AccessDenied", "not \"allowed\"");
    struct recorder *both[] = {&json, &text};
    for (size_t i = 0; i < 2; i++)
        log_info(both[i]->log, "x", LOG_INT("count", 3), LOG_STR("name", "3"),
                 LOG_INT("least", INT64_MIN), LOG_UINT("most", UINT64_MAX), LOG_MS("took", 1500),
                 LOG_BOOL("yes", true), LOG_BOOL("no", false), LOG_ERR("error", &err),
                 LOG_ERR("no_error", NULL), LOG_STR("last", "y"));
    assert_non_null(strstr(recorded(&json),
                           ",\"count\":3,\"name\":\"3\",\"least\":-9223372036854775808,"
                           "\"most\":18446744073709551615,\"took_ms\":1500,\"yes\":true,"
                           "\"no\":false,\"error\":\"AccessDenied: not \\\"allowed\\\"\","
                           "\"last\":\"y\"}\n"));
    assert_string_equal(recorded(&text),
                        "<6>x count=3 name=3 least=-9223372036854775808 most=18446744073709551615 "
                        "took_ms=1500 yes=true no=false error=\"AccessDenied: not "
                        "\\\"allowed\\\"\" last=y\n");
    recorder_close(&json);
    recorder_close(&text);
}

static void check_member(const json_t *line, const char *key, const char *expected)
{
    const char *value = json_string_value(json_object_get(line, key));
    assert_non_null(value);
    assert_string_equal(value, expected);
}

static void test_json_is_one_object_a_line(void **state)
{
    struct recorder r = record(LOG_DEBUG_LEVEL, LOG_JSON);
    json_error_t error;
    (void)state;
    log_warn(r.log, "say \"hi\"", LOG_STR("a", "x\ny\"z\\"), LOG_STR("b", "bad \xff utf-8"),
             LOG_STR("absent", NULL), LOG_STR("c", "\xf0\x9f\x98\x80"));
    const char *line = recorded(&r);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    json_t *value = json_loads(line, JSON_REJECT_DUPLICATES, &error);
    assert_non_null(value);
    assert_int_equal(json_object_size(value), 6);
    check_member(value, "level", "warn");
    check_member(value, "message", "say \"hi\"");
    check_member(value, "a", "x\ny\"z\\");
    check_member(value, "b", "bad \xef\xbf\xbd utf-8");
    check_member(value, "c", "\xf0\x9f\x98\x80");

    int64_t ms;
    assert_true(clock_parse(json_string_value(json_object_get(value, "time")), &ms));
    json_decref(value);
    recorder_close(&r);
}

static void test_a_long_value_is_cut_and_says_so(void **state)
{
    char *long_value = calloc(1, 100001);
    struct recorder r = record(LOG_DEBUG_LEVEL, LOG_JSON);
    json_error_t error;
    (void)state;
    assert_non_null(long_value);
    memset(long_value, 'x', 100000);
    log_info(r.log, "long", LOG_STR("a", long_value), LOG_STR("b", "behind it"));
    json_t *value = json_loads(recorded(&r), 0, &error);
    assert_non_null(value);
    assert_int_equal(json_string_length(json_object_get(value, "a")), 8192 + 3);
    check_member(value, "b", "behind it");
    json_decref(value);
    recorder_close(&r);
    free(long_value);
}

enum { THREADS = 4, LINES = 200 };

static void *write_lines(void *arg)
{
    for (int i = 0; i < LINES; i++)
        log_info(arg, "a line of some length", LOG_STR("key", "value"),
                 LOG_STR("other", "another value"));
    return NULL;
}

static void test_lines_of_many_threads_stay_whole(void **state)
{
    static const char line[] = "<6>a line of some length key=value other=\"another value\"\n";
    struct recorder r = record(LOG_DEBUG_LEVEL, LOG_JOURNAL);
    pthread_t threads[THREADS];
    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, r.log), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    const char *text = recorded(&r);
    assert_int_equal(strlen(text), THREADS * LINES * (sizeof line - 1));
    for (; *text; text += sizeof line - 1)
        assert_memory_equal(text, line, sizeof line - 1);
    recorder_close(&r);
}

/* --- the writer's thread --- */

#define FEW  20
#define MANY 40000 /* lines of a hundred bytes: more than the queue and the pipe hold */

static void log_many(struct log *log)
{
    static const char padding[] =
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    for (int i = 0; i < MANY; i++)
        log_info(log, "line", LOG_INT("n", i), LOG_STR("padding", padding));
}

/* Nobody reads while all of it is logged: whoever logs does not wait. What was dropped is counted
 * where it is missing. */
static void expect_what_was_dropped(int flags)
{
    int fds[2];
    char line[1000];
    int next = 0, dropped = 0;
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(fcntl(fds[1], F_SETFL, flags), 0);
    struct log *log = log_new(fds[1], LOG_INFO_LEVEL, LOG_JOURNAL);
    assert_true(log_start_writer(log));
    log_many(log);
    for (int i = 0; i < FEW; i++)
        log_info(log, "s"); /* there would be room for it, but not in its place */
    FILE *reader = fdopen(fds[0], "r");
    assert_non_null(reader);
    while (dropped == 0 && fgets(line, sizeof line, reader)) {
        int n = -1;
        if (sscanf(line, "<6>line n=%d ", &n) == 1)
            assert_int_equal(n, next++);
        else
            assert_int_equal(sscanf(line,
                                    "<4>Log lines dropped: the reader of standard error was too "
                                    "slow lines=%d",
                                    &dropped),
                             1);
    }
    assert_true(next > 1000);
    assert_int_equal(next + dropped, MANY + FEW);
    log_info(log, "line", LOG_INT("n", -7));
    assert_non_null(fgets(line, sizeof line, reader));
    assert_string_equal(line, "<6>line n=-7\n");
    log_free(log);
    close(fds[1]);
    assert_null(fgets(line, sizeof line, reader));
    fclose(reader);
}

static void test_a_reader_that_sleeps_is_not_waited_for(void **state)
{
    (void)state;
    expect_what_was_dropped(0);
    expect_what_was_dropped(O_NONBLOCK); /* set by somebody who shares the pipe */
}

static void no_notice(void *ctx, uint64_t dropped, struct buf *to)
{
    (void)ctx, (void)dropped, (void)to;
}

/* What a thread is in the middle of writing is not written yet. */
static void test_flushing_waits_for_the_writing(void **state)
{
    enum { SIZE = 300000 }; /* more than a pipe holds */
    static char bytes[SIZE], back[SIZE];
    int fds[2];
    (void)state;
    assert_int_equal(pipe(fds), 0);
    struct log_writer *w = log_writer_new(fds[1], 1 << 20, no_notice, NULL);
    assert_non_null(w);
    memset(bytes, 'x', SIZE);
    log_writer_put(w, bytes, SIZE);
    assert_false(log_writer_flush(w, 100));
    for (size_t n = 0; n < SIZE;) {
        ssize_t got = read(fds[0], back + n, SIZE - n);
        assert_true(got > 0);
        n += (size_t)got;
    }
    assert_true(log_writer_flush(w, 10000));
    assert_memory_equal(back, bytes, SIZE);
    assert_true(log_writer_free(w, 10000));
    close(fds[0]);
    close(fds[1]);
}

static void test_a_file_is_written_at_once(void **state)
{
    struct recorder r = record(LOG_INFO_LEVEL, LOG_JOURNAL);
    (void)state;
    assert_true(log_start_writer(r.log));
    for (int i = 0; i < 100; i++) {
        assert_int_equal(ftruncate(r.fd, 0), 0);
        log_info(r.log, "now");
        assert_string_equal(recorded(&r), "<6>now\n");
    }
    recorder_close(&r);
}

static void test_freeing_the_log_writes_what_waits(void **state)
{
    int fds[2];
    char text[100] = "";
    (void)state;
    assert_int_equal(pipe(fds), 0);
    struct log *log = log_new(fds[1], LOG_INFO_LEVEL, LOG_JOURNAL);
    assert_true(log_start_writer(log));
    log_info(log, "the last word");
    log_free(log);
    assert_int_equal(read(fds[0], text, sizeof text - 1), strlen("<6>the last word\n"));
    assert_string_equal(text, "<6>the last word\n");
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_is_time_level_sentence_fields),
        cmocka_unit_test(test_each_level_has_its_word),
        cmocka_unit_test(test_journal_has_priorities_and_no_time),
        cmocka_unit_test(test_lower_levels_are_left_out),
        cmocka_unit_test(test_no_log_is_silent),
        cmocka_unit_test(test_text_values_cannot_forge_lines_or_fields),
        cmocka_unit_test(test_json_is_one_object_a_line),
        cmocka_unit_test(test_a_long_value_is_cut_and_says_so),
        cmocka_unit_test(test_lines_of_many_threads_stay_whole),
        cmocka_unit_test(test_characters_that_turn_text_or_act_on_terminals_are_escaped),
        cmocka_unit_test(test_other_characters_are_left_alone),
        cmocka_unit_test(test_each_type_is_written_as_what_it_is),
        cmocka_unit_test(test_a_reader_that_sleeps_is_not_waited_for),
        cmocka_unit_test(test_flushing_waits_for_the_writing),
        cmocka_unit_test(test_a_file_is_written_at_once),
        cmocka_unit_test(test_freeing_the_log_writes_what_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
