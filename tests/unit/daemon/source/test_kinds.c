/* Tests of the table of kinds of sources: a row for each type, and what a source must have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/env.h"
#include "daemon/source/kinds.h"

static void test_each_type_has_a_complete_row(void **state)
{
    (void)state;
    for (unsigned t = 0; t < SOURCE_TYPE_COUNT; t++) {
        const struct source_kind *kind = &source_kinds[t];
        assert_true(kind->problem && kind->open_store && kind->open && kind->probe);
        assert_string_equal(source_facts[t].name, source_type_names[t]);
        assert_non_null(source_facts[t].sweep_interval);
        assert_int_equal(source_facts[t].max_messages > 0, source_facts[t].queue);
    }
    assert_null(source_type_names[SOURCE_TYPE_COUNT]);
}

/* Whatever makes a source or its store says first what is missing, and opens nothing. */
static void test_a_source_without_its_settings_is_refused(void **state)
{
    static const char *const problems[SOURCE_TYPE_COUNT] = {
        [SOURCE_SQS] = "queue_url is missing",     [SOURCE_S3] = "bucket is missing",
        [SOURCE_AZURE_QUEUE] = "queue is missing", [SOURCE_AZURE_BLOB] = "container is missing",
        [SOURCE_DIRECTORY] = "path is missing",
    };
    const struct env env = {.config = NULL};
    const struct source_host host = {.env = &env};
    (void)state;
    for (unsigned t = 0; t < SOURCE_TYPE_COUNT; t++) {
        char name[] = "x";
        char expected[100];
        const struct config_source config = {.name = name, .type = (enum source_type)t};
        struct err err = ERR_INIT;
        assert_null(source_store_new(&env, &config, &err));
        assert_int_equal(err.kind, ERR_INVALID);
        assert_string_equal(err.message, problems[t]);
        assert_null(source_new(&host, &config, &err));
        assert_int_equal(err.kind, ERR_INVALID);
        snprintf(expected, sizeof expected, "source \"x\": %s", problems[t]);
        assert_string_equal(err.message, expected);
        struct buf lines = buf_make(1000);
        assert_false(source_probe(&env, &config, NULL, &lines));
        snprintf(expected, sizeof expected, "FAIL  %s: %s\n", source_type_names[t], problems[t]);
        assert_string_equal(buf_str(&lines), expected);
        buf_free(&lines);
    }
}

static void test_a_queue_without_a_bucket_has_no_store(void **state)
{
    const struct env env = {.config = NULL};
    char name[] = "x", url[] = "https://sqs.eu-west-1.amazonaws.com/123456789012/q", any[] = "*";
    const struct config_source config = {
        .name = name, .type = SOURCE_SQS, .queue_url = url, .bucket = any};
    struct err err = ERR_INIT;
    (void)state;
    assert_null(source_store_new(&env, &config, &err));
    assert_int_equal(err.kind, ERR_INVALID);
    assert_string_equal(err.message, "no bucket is set: set bucket to the name of a bucket");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_type_has_a_complete_row),
        cmocka_unit_test(test_a_source_without_its_settings_is_refused),
        cmocka_unit_test(test_a_queue_without_a_bucket_has_no_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
