/* Tests of the error type: what is set, how it reads, how it is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/err.h"

static void test_set_fills_every_member(void **state)
{
    struct err err;

    (void)state;
    memset(&err, 0xA5, sizeof err);
    assert_false(err_set(&err, ERR_THROTTLED, "SlowDown", "wait for %d s", 3));
    assert_int_equal(err.kind, ERR_THROTTLED);
    assert_string_equal(err.code, "SlowDown");
    assert_string_equal(err.message, "wait for 3 s");
    assert_string_equal(err.operation, "");
    assert_string_equal(err.request_id, "");
    assert_int_equal(err.http_status, 0);
    assert_int_equal(err.retry_after_ms, -1);
}

static void test_control_characters_become_spaces(void **state)
{
    struct err err;

    (void)state;
    err_set(&err, ERR_INVALID, "A\nB", "one\r\ntwo\x1b[31m\x7f");
    assert_string_equal(err.code, "A B");
    assert_string_equal(err.message, "one  two [31m ");
}

static void test_an_argument_may_be_the_error_itself(void **state)
{
    struct err err;

    (void)state;
    err_set(&err, ERR_INVALID, "First", "first");
    err_set(&err, ERR_PROVIDER, err.code, "second after %s", err.message);
    assert_string_equal(err.code, "First");
    assert_string_equal(err.message, "second after first");
}

static void test_a_long_message_is_cut_at_a_whole_character(void **state)
{
    char text[2000];
    struct err err;

    (void)state;
    memset(text, 'x', sizeof text);
    memcpy(text + sizeof err.message - 3, "\xe2\x82\xac", 3); /* the third byte does not fit */
    text[sizeof text - 1] = '\0';
    err_set(&err, ERR_INVALID, "", "%s", text);
    assert_int_equal(strlen(err.message), sizeof err.message - 3);

    memcpy(text + sizeof err.message - 4, "\xe2\x82\xac", 3); /* all three do */
    err_set(&err, ERR_INVALID, "", "%s", text);
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
    assert_string_equal(err.message + sizeof err.message - 4, "\xe2\x82\xac");
}

static void check_text(const char *code, const char *message, const char *operation, const char *id,
                       const char *expected)
{
    struct err err = ERR_INIT;
    char text[300];

    strcpy(err.code, code);
    strcpy(err.message, message);
    strcpy(err.operation, operation);
    strcpy(err.request_id, id);
    assert_ptr_equal(err_text(&err, text, sizeof text), text);
    assert_string_equal(text, expected);
}

static void test_text_leaves_out_what_is_empty(void **state)
{
    (void)state;
    check_text("Code", "message", "StopInstances", "X1",
               "Code: message (StopInstances, request id X1)");
    check_text("Code", "message", "StopInstances", "", "Code: message (StopInstances)");
    check_text("Code", "message", "", "X1", "Code: message (request id X1)");
    check_text("Code", "message", "", "", "Code: message");
    check_text("", "message", "", "", "message");
    check_text("Code", "", "", "", "Code");
    check_text("", "", "", "", "");
}

static void test_text_fits_into_what_is_given(void **state)
{
    struct err err;
    char text[8] = "unused";

    (void)state;
    err_set(&err, ERR_INVALID, "Code", "\xc3\xa4\xc3\xa4");
    err_text(&err, text, 0);
    assert_string_equal(text, "unused");
    err_text(&err, text, 1);
    assert_string_equal(text, "");
    err_text(&err, text, 8); /* "Code: " and half of a character */
    assert_string_equal(text, "Code: ");
}

static void test_kinds_have_names_and_some_are_retried(void **state)
{
    static const struct {
        enum err_kind kind;
        const char *name;
        bool retryable;
    } kinds[] = {
        {ERR_NONE, "none", false},
        {ERR_INVALID, "invalid", false},
        {ERR_NOT_FOUND, "not_found", false},
        {ERR_CONFLICT, "conflict", false},
        {ERR_PRECONDITION, "precondition", false},
        {ERR_DENIED, "denied", false},
        {ERR_EXPIRED, "expired", false},
        {ERR_CREDENTIALS, "credentials", false},
        {ERR_UNAVAILABLE, "unavailable", true},
        {ERR_THROTTLED, "throttled", true},
        {ERR_TRANSIENT, "transient", true},
        {ERR_BUSY, "busy", true},
        {ERR_LIMIT, "limit", false},
        {ERR_PROVIDER, "provider", false},
        {ERR_INTERNAL, "internal", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct err err = {.kind = kinds[i].kind};
        assert_string_equal(err_kind_name(kinds[i].kind), kinds[i].name);
        assert_int_equal(err_is_retryable(&err), kinds[i].retryable);
    }
    assert_string_equal(err_kind_name((enum err_kind)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_fills_every_member),
        cmocka_unit_test(test_control_characters_become_spaces),
        cmocka_unit_test(test_an_argument_may_be_the_error_itself),
        cmocka_unit_test(test_a_long_message_is_cut_at_a_whole_character),
        cmocka_unit_test(test_text_leaves_out_what_is_empty),
        cmocka_unit_test(test_text_fits_into_what_is_given),
        cmocka_unit_test(test_kinds_have_names_and_some_are_retried),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
