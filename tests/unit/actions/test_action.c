/* Tests of what every action uses: parameters, verdicts of steps, waits, finding by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "actions/action.h"
#include "lib/base/clock.h"

/* --- parameters --- */

static const struct action_param rows[] = {
    {.name = "Text", .type = PARAM_STRING, .fallback = "preset"},
    {.name = "Flag", .type = PARAM_BOOLEAN, .fallback = "true"},
    {.name = "Count", .type = PARAM_NUMBER, .fallback = "90"},
    {0},
};
static const struct action with_params = {.name = "with_params", .params = rows};

static const struct action_param must[] = {
    {.name = "Key", .type = PARAM_STRING, .fallback = "", .required = true}, {0}};
static const struct action with_required = {.name = "with_required", .params = must};

static const struct action_param undefaulted[] = {
    {.name = "Key Name", .type = PARAM_STRING, .required = true}, {0}};
static const struct action without_default = {.name = "without_default", .params = undefaulted};

/* The parameters in text, as sorted JSON; or the message of the error. The caller frees it. */
static char *params_of(const struct action *action, const char *text)
{
    struct err err = ERR_INIT;
    json_error_t at;
    json_t *given = text ? json_loads(text, JSON_DECODE_ANY, &at) : NULL;
    json_t *params = action_params(action, given, &err);
    json_decref(given);
    if (!params) {
        assert_int_equal(err.kind, ERR_INVALID);
        return strdup(err.message);
    }
    char *dumped = json_dumps(params, JSON_SORT_KEYS | JSON_COMPACT);
    json_decref(params);
    return dumped;
}

static void expect_params(const struct action *action, const char *given, const char *expected)
{
    char *got = params_of(action, given);
    assert_string_equal(got, expected);
    free(got);
}

#define DEFAULTS "{\"Count\":90,\"Flag\":true,\"Text\":\"preset\"}"

static void test_missing_parameters_take_their_defaults(void **state)
{
    (void)state;
    expect_params(&with_params, NULL, DEFAULTS);
    expect_params(&with_params, "{}", DEFAULTS);
    expect_params(&with_params, "{\"Flag\":null,\"Other\":[1]}", DEFAULTS);
}

static void test_booleans_in_all_spellings(void **state)
{
    static const char *const yes[] = {"true",    "\"true\"", "\"TRUE\"", "\"True\"", "\"yes\"",
                                      "\"Yes\"", "\"YES\"",  "\"y\"",    "\"Y\""};
    static const char *const no[] = {"false",  "\"false\"", "\"FALSE\"", "\"False\"", "\"no\"",
                                     "\"No\"", "\"NO\"",    "\"n\"",     "\"N\""};
    char text[64], expected[96];
    (void)state;
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        for (int on = 0; on < 2; on++) {
            snprintf(text, sizeof text, "{\"Flag\":%s}", on ? yes[i] : no[i]);
            snprintf(expected, sizeof expected, "{\"Count\":90,\"Flag\":%s,\"Text\":\"preset\"}",
                     on ? "true" : "false");
            expect_params(&with_params, text, expected);
        }
    }
}

static void test_what_is_no_boolean_is_refused(void **state)
{
    static const char *const given[] = {"\"\"", "\"1\"",   "\"on\"", "\"truee\"", "\" true\"",
                                        "1",    "\"yep\"", "[]",     "{}",        "\"t\""};
    char text[64];
    (void)state;
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        snprintf(text, sizeof text, "{\"Flag\":%s}", given[i]);
        expect_params(&with_params, text,
                      "parameter \"Flag\" is not a boolean (true, false, yes, no, y or n)");
    }
}

static void test_numbers(void **state)
{
    (void)state;
    expect_params(&with_params, "{\"Count\":\"7\"}",
                  "{\"Count\":7,\"Flag\":true,\"Text\":\"preset\"}");
    expect_params(&with_params, "{\"Count\":7}", "{\"Count\":7,\"Flag\":true,\"Text\":\"preset\"}");
    expect_params(&with_params, "{\"Count\":7.0}",
                  "{\"Count\":7,\"Flag\":true,\"Text\":\"preset\"}");
    expect_params(&with_params, "{\"Count\":\"0\"}",
                  "{\"Count\":0,\"Flag\":true,\"Text\":\"preset\"}");
    expect_params(&with_params, "{\"Count\":\"000000000000000012\"}",
                  "{\"Count\":12,\"Flag\":true,\"Text\":\"preset\"}");
}

static void test_what_is_no_number_is_refused(void **state)
{
    static const char *const given[] = {"\"\"",    "\"-1\"", "-1",     "7.5",
                                        "\"7.0\"", "\" 7\"", "\"7d\"", "true",
                                        "\"+7\"",  "1e300",  "[7]",    "\"9999999999999999999\""};
    char text[64];
    (void)state;
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        snprintf(text, sizeof text, "{\"Count\":%s}", given[i]);
        expect_params(&with_params, text,
                      "parameter \"Count\" is not a whole number (digits only)");
    }
}

static void test_strings(void **state)
{
    (void)state;
    expect_params(&with_params, "{\"Text\":\"\"}", "{\"Count\":90,\"Flag\":true,\"Text\":\"\"}");
    expect_params(&with_params, "{\"Text\":\" a \"}",
                  "{\"Count\":90,\"Flag\":true,\"Text\":\" a \"}");
    expect_params(&with_params, "{\"Text\":7}", "parameter \"Text\" is not a string");
    expect_params(&with_params, "{\"Text\":true}", "parameter \"Text\" is not a string");
}

static void test_a_required_string_must_say_something(void **state)
{
    static const char empty[] =
        "parameter \"Key\" is empty; give it a value in the rule's automation";
    (void)state;
    expect_params(&with_required, "{\"Key\":\"env\"}", "{\"Key\":\"env\"}");
    expect_params(&with_required, "{\"Key\":\"\"}", empty);
    expect_params(&with_required, "{\"Key\":\" \\t\\n\"}", empty);
    expect_params(&with_required, NULL, empty);
    expect_params(&without_default, "{}", "parameter \"Key Name\" is missing and has no default");
}

static void test_a_long_string_is_refused(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    char text[2050];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    json_t *given = json_pack("{s:s}", "Text", text);
    assert_null(action_params(&with_params, given, &err));
    json_decref(given);
    assert_string_equal(err.message,
                        "parameter \"Text\" is longer than 2,048 bytes or holds a NUL character");
}

static void test_params_must_be_an_object(void **state)
{
    (void)state;
    expect_params(&with_params, "[]", "\"params\" of the automation is not an object");
    expect_params(&with_params, "\"x\"", "\"params\" of the automation is not an object");
}

/* --- answers and waits --- */

static int64_t now_ms, set_ms; /* monotonic; by how much the wall clock was set */

static int64_t test_mono(const struct clock *c)
{
    (void)c;
    return now_ms;
}

static int64_t test_wall(const struct clock *c)
{
    (void)c;
    return now_ms + set_ms;
}

static const struct clock test_clock = {.wall_ms = test_wall, .mono_ms = test_mono};

static void test_a_wait_grows_and_ends(void **state)
{
    static const int64_t pauses[] = {2000, 3000, 4500, 6750, 10125, 15000, 15000, 3625};
    struct step_ctx ctx = {.clock = &test_clock, .step_since_ms = 1000, .err = ERR_INIT};
    (void)state;
    now_ms = 1000;
    for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++) {
        assert_int_equal(step_wait(&ctx, 60000, "the moon"), STEP_AGAIN);
        assert_int_equal(ctx.again_ms, pauses[i]);
        now_ms += ctx.again_ms;
    }
    assert_int_equal(step_wait(&ctx, 60000, "the moon"), STEP_FAILED);
    assert_string_equal(ctx.err.message, "waited 1 min for the moon");
    assert_false(err_is_retryable(&ctx.err));
}

static void test_a_wall_clock_that_is_set_changes_no_wait(void **state)
{
    static const int64_t hour = 3600000;
    struct step_ctx ctx = {.clock = &test_clock, .step_since_ms = 100000, .err = ERR_INIT};
    (void)state;
    for (set_ms = -hour; set_ms <= hour; set_ms += 2 * hour) {
        now_ms = 100000;
        assert_int_equal(step_wait(&ctx, 90000, "the moon"), STEP_AGAIN);
        assert_int_equal(ctx.again_ms, 2000);
        now_ms = 189999;
        assert_int_equal(step_wait(&ctx, 90000, "the moon"), STEP_AGAIN);
        assert_int_equal(ctx.again_ms, 1);
        now_ms = 190000;
        assert_int_equal(step_wait(&ctx, 90000, "the moon"), STEP_FAILED);
        assert_string_equal(ctx.err.message, "waited 90 s for the moon");
    }
    set_ms = 0;
}

static void test_a_dry_run_waits_for_nothing(void **state)
{
    struct step_ctx ctx = {.clock = &test_clock, .plan = true};
    (void)state;
    assert_int_equal(step_wait(&ctx, 60000, "the moon"), STEP_DONE);
}

static void test_answers(void **state)
{
    struct step_ctx ctx = {.err = ERR_INIT};
    (void)state;
    assert_int_equal(step_again(&ctx, 70), STEP_AGAIN);
    assert_int_equal(ctx.again_ms, 70);
    assert_int_equal(step_again(&ctx, -1), STEP_AGAIN);
    assert_int_equal(ctx.again_ms, 0);
    assert_int_equal(step_invalid(&ctx, "no %s", "good"), STEP_FAILED);
    assert_int_equal(ctx.err.kind, ERR_INVALID);
    assert_string_equal(ctx.err.message, "no good");
    assert_string_equal(ctx.err.code, "");
    assert_int_equal(step_finished(&ctx, "already %d", 7), STEP_FINISHED);
    assert_string_equal(ctx.note, "already 7");
}

/* The result of resource_field, or with `attribute` of resource_attribute. NULL: absent. */
static void expect_text(json_t *resource, bool attribute, const char *name, const char *text)
{
    struct step_ctx ctx = {.resource = resource, .err = ERR_INIT};
    const char *got = "(not set)";
    if (!(attribute ? resource_attribute : resource_field)(&ctx, name, &got))
        fail_msg("%s", ctx.err.message);
    if (text)
        assert_string_equal(got, text);
    else
        assert_null(got);
    assert_int_equal(ctx.err.kind, ERR_NONE);
    json_decref(resource);
}

static void expect_malformed(json_t *resource, bool attribute, const char *name, const char *error)
{
    struct step_ctx ctx = {.resource = resource, .err = ERR_INIT};
    const char *got = "(not set)";
    assert_false((attribute ? resource_attribute : resource_field)(&ctx, name, &got));
    assert_null(got);
    assert_int_equal(ctx.err.kind, ERR_INVALID);
    assert_string_equal(ctx.err.message, error);
    json_decref(resource);
}

static json_t *with_attribute(json_t *value)
{
    return json_pack("{s:{s:o}}", "attributes", "A B", value);
}

static void expect_stored(const struct err *err, const char *message, const char *request_id)
{
    json_t *stored = step_error_pack(err);
    struct err again = ERR_INIT;
    assert_non_null(stored);
    step_error_unpack(stored, &again);
    assert_int_equal(again.kind, ERR_PROVIDER);
    assert_string_equal(again.code, err->code);
    assert_string_equal(again.message, message);
    assert_string_equal(again.operation, err->operation);
    assert_string_equal(again.request_id, request_id);
    json_decref(stored);
}

/* A provider's request ID may be any bytes: the error is not lost with it. */
static void test_an_error_is_stored_whatever_its_bytes(void **state)
{
    struct err err = {.kind = ERR_DENIED,
                      .code = "Locked",
                      .message = "a lock",
                      .operation = "disks/delete",
                      .request_id = "r-1"};
    (void)state;
    expect_stored(&err, "a lock", "r-1");
    memcpy(err.request_id, "r-\xff", 4);
    expect_stored(&err, "a lock", "(not valid UTF-8)");
    memcpy(err.message, "\xe2\x82", 3);
    expect_stored(&err, "(not valid UTF-8)", "(not valid UTF-8)");
}

static void test_a_text_of_the_resource_is_there_or_absent(void **state)
{
    (void)state;
    expect_text(json_pack("{s:s}", "id", "i-1"), false, "id", "i-1");
    expect_text(json_pack("{s:s}", "id", ""), false, "id", NULL);
    expect_text(json_pack("{s:n}", "id"), false, "id", NULL);
    expect_text(json_object(), false, "id", NULL);
    expect_text(with_attribute(json_string("x")), true, "A B", "x");
    expect_text(with_attribute(json_string("")), true, "A B", NULL);
    expect_text(with_attribute(json_null()), true, "A B", NULL);
    expect_text(with_attribute(json_string("x")), true, "C", NULL);
    expect_text(with_attribute(json_integer(7)), true, NULL, NULL);
    expect_text(json_pack("{s:n}", "attributes"), true, "A B", NULL);
    expect_text(json_object(), true, "A B", NULL);
}

static void test_what_is_not_a_text_is_never_absent(void **state)
{
    static const char *const values[] = {"7", "0", "7.5", "true", "false", "[]", "[\"i-1\"]", "{}"};
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        json_t *value = json_loads(values[i], JSON_DECODE_ANY, NULL);
        expect_malformed(json_pack("{s:O}", "region", value), false, "region",
                         "the resource's \"region\" is not a string");
        expect_malformed(with_attribute(json_incref(value)), true, "A B",
                         "attribute \"A B\" is not a string");
        if (!json_is_object(value))
            expect_malformed(json_pack("{s:O}", "attributes", value), true, NULL,
                             "the resource's \"attributes\" is not an object");
        json_decref(value);
    }
    expect_malformed(json_pack("{s:o}", "id", json_stringn("i-1\0x", 5)), false, "id",
                     "the resource's \"id\" holds a NUL character");
    expect_malformed(with_attribute(json_stringn("\0", 1)), true, "A B",
                     "attribute \"A B\" holds a NUL character");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_missing_parameters_take_their_defaults),
        cmocka_unit_test(test_booleans_in_all_spellings),
        cmocka_unit_test(test_what_is_no_boolean_is_refused),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_what_is_no_number_is_refused),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_a_required_string_must_say_something),
        cmocka_unit_test(test_a_long_string_is_refused),
        cmocka_unit_test(test_params_must_be_an_object),
        cmocka_unit_test(test_a_wait_grows_and_ends),
        cmocka_unit_test(test_a_wall_clock_that_is_set_changes_no_wait),
        cmocka_unit_test(test_a_dry_run_waits_for_nothing),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_an_error_is_stored_whatever_its_bytes),
        cmocka_unit_test(test_a_text_of_the_resource_is_there_or_absent),
        cmocka_unit_test(test_what_is_not_a_text_is_never_absent),
    };
    return cmocka_run_group_tests_name("action", tests, NULL, NULL);
}
