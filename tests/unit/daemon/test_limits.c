/* Tests of limits of input from outside: what just fits is accepted, one more is an error. (The
 * limits of events, claims, messages, HTTP and configuration files are tested with their
 * modules.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/config/config.h"
#include "daemon/policy/subscriptions.h"
#include "daemon/source/sweep.h"
#include "daemon/store/store.h"
#include "lib/aws/auth/profile.h"
#include "lib/base/buf.h"
#include "lib/base/ini.h"
#include "tests/unit/fake_clock.h"

/* A file with a text, at a path of its own. */
static void write_file(char path[64], const struct buf *text)
{
    snprintf(path, 64, "/tmp/hgautod-limits-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, buf_str(text), text->size), (ssize_t)text->size);
    close(fd);
}

/* --- azure.subscriptions_file --- */

static struct subscriptions *open_subscriptions(const struct buf *text, struct err *err)
{
    char path[64];
    struct fake_clock clock = fake_clock_make(0);
    write_file(path, text);
    *err = ERR_INIT;
    struct subscriptions *s = subscriptions_new(
        &(struct subscriptions_options){.path = path, .clock = &clock.clock}, err);
    unlink(path);
    return s;
}

static void test_a_subscriptions_file_has_at_most_2000_entries(void **state)
{
    struct buf text = buf_make(SUBSCRIPTIONS_FILE_MAX);
    struct err err;
    (void)state;
    for (int i = 0; i < SUBSCRIPTIONS_MAX; i++)
        buf_addf(&text, "11111111-1111-1111-1111-%012d\n", i);
    struct subscriptions *s = open_subscriptions(&text, &err);
    assert_non_null(s);
    subscriptions_free(s);
    assert_true(buf_adds(&text, "22222222-1111-1111-1111-111111111111\n"));
    assert_null(open_subscriptions(&text, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    buf_free(&text);
}

static void test_a_subscriptions_file_has_at_most_256_kib(void **state)
{
    struct buf text = buf_make(SUBSCRIPTIONS_FILE_MAX + 1);
    struct err err;
    (void)state;
    buf_adds(&text, "11111111-1111-1111-1111-111111111111");
    while (text.size < SUBSCRIPTIONS_FILE_MAX)
        buf_addc(&text, '\n');
    struct subscriptions *s = open_subscriptions(&text, &err);
    assert_non_null(s);
    subscriptions_free(s);
    buf_addc(&text, '\n');
    assert_null(open_subscriptions(&text, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    buf_free(&text);
}

/* --- lists of the configuration --- */

/* Whether a list of so many entries, one character each, is too long. */
static bool list_is_too_long(int count)
{
    struct buf text = buf_make(INI_LINE_MAX), problems = buf_make(1 << 16);
    char path[64];
    char *none[] = {NULL};
    buf_adds(&text, "[source a]\ntype = s3\nbucket = events\n[guard]\nprotect_tags = a");
    for (int i = 1; i < count; i++)
        buf_adds(&text, ",a");
    assert_true(buf_adds(&text, "\n"));
    write_file(path, &text);
    config_free(config_load(path, false, none, &problems));
    unlink(path);
    bool too_long = strstr(buf_str(&problems), "has more than 4096 entries") != NULL;
    if (!too_long)
        assert_string_equal(buf_str(&problems), "");
    buf_free(&problems);
    buf_free(&text);
    return too_long;
}

static void test_a_list_has_at_most_4096_entries(void **state)
{
    (void)state;
    assert_false(list_is_too_long(4096));
    assert_true(list_is_too_long(4097));
}

/* --- files of the AWS CLI --- */

/* Loads a file of so many sections without settings. */
static bool load_profiles(int count, struct err *err)
{
    struct buf text = buf_make(1 << 20);
    char path[64];
    for (int i = 0; i < count; i++)
        buf_addf(&text, "[profile p%d]\n", i);
    assert_true(buf_ok(&text));
    write_file(path, &text);
    *err = ERR_INIT;
    struct aws_profiles *p = aws_profiles_load(path, "/nonexistent", err);
    unlink(path);
    aws_profiles_free(p);
    buf_free(&text);
    return p != NULL;
}

static void test_a_file_of_the_aws_cli_has_at_most_20000_entries(void **state)
{
    struct err err;
    (void)state;
    assert_true(load_profiles(20000, &err));
    assert_false(load_profiles(20001, &err));
    assert_non_null(strstr(err.message, "too many sections"));
}

/* --- sweeps --- */

/* A store of which only the listing is asked: of so many reports, each in a folder of its own. */
struct large_store {
    struct store store;
    int count;
};

static bool large_list(struct store *s, struct http_client *http, const char *prefix,
                       object_each_fn each, void *ctx, struct err *err)
{
    const struct large_store *l = (const struct large_store *)s;
    struct object_meta meta = {.modified_ms = 1};
    (void)http;
    (void)prefix;
    (void)err;
    for (int i = 0; i < l->count; i++) {
        char key[64];
        snprintf(key, sizeof key, "reports/%d/report_x.json", i);
        if (!each(ctx, key, &meta))
            break;
    }
    return true;
}

static bool sweep_of(int count, struct err *err)
{
    static const struct store_ops ops = {.list = large_list};
    struct large_store l = {.store = {.ops = &ops, .name = "large"}, .count = count};
    struct sweep_rules rules = {
        .prefix = "", .now_ms = 2, .max_age_ms = 3600000, .pending_ttl_ms = 60000};
    struct sweep_result found;
    *err = ERR_INIT;
    bool ok = sweep_list(&l.store, NULL, &rules, &found, err);
    sweep_result_free(&found);
    return ok;
}

static void test_a_sweep_takes_at_most_200000_objects(void **state)
{
    struct err err;
    (void)state;
    assert_true(sweep_of(SWEEP_MAX_RECORDS, &err));
    assert_false(sweep_of(SWEEP_MAX_RECORDS + 1, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_subscriptions_file_has_at_most_2000_entries),
        cmocka_unit_test(test_a_subscriptions_file_has_at_most_256_kib),
        cmocka_unit_test(test_a_list_has_at_most_4096_entries),
        cmocka_unit_test(test_a_file_of_the_aws_cli_has_at_most_20000_entries),
        cmocka_unit_test(test_a_sweep_takes_at_most_200000_objects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
