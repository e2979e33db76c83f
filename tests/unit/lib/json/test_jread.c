/* Tests of jread: it makes what json_loadb makes, and accepts nothing that json_loadb refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/json/jread.h"
#include "lib/json/scan.h"

static json_t *by_jansson(const char *text, size_t size)
{
    return json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
}

/* Compares the written forms, which show order and types. */
static void assert_same(const json_t *own, const json_t *other)
{
    char *a = json_dumps(own, JSON_COMPACT);
    char *b = json_dumps(other, JSON_COMPACT);
    assert_non_null(a);
    assert_non_null(b);
    assert_string_equal(a, b);
    free(a);
    free(b);
}

static void test_makes_what_jansson_makes(void **state)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        " [ [ ] , { } ] ",
        "{\"b\":1,\"a\":{\"c\":[true,false,null]},\"\":\"\"}",
        "{\"quote\\\"d\":\"a\\\\b\\/c\\b\\f\\n\\r\\t\"}",
        "{\"\\u00e9\":\"\\ud83d\\ude00 \xC3\xA9 \xF0\x9F\x98\x80\"}",
        "[0,-0,-1,9007199254740993,9223372036854775807,-9223372036854775808]",
        "[0.5,1e3,1E-3,-2.5e+10,1.0]",
        "{\"id\":\"i-0abc\",\"tags\":{\"env\":\"prod\"},\"list\":[\"a\",[\"b\",[\"c\"]]]}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        json_t *own = jread(texts[i], strlen(texts[i]));
        json_t *other = by_jansson(texts[i], strlen(texts[i]));
        assert_non_null(own);
        assert_same(own, other);
        json_decref(own);
        json_decref(other);
    }
}

static void test_refuses_what_jansson_refuses(void **state)
{
    static const char *const texts[] = {
        "",
        "1",
        "\"text\"",
        "null",
        "[",
        "[1,]",
        "{\"a\":1",
        "{\"a\":1,}",
        "{\"a\" 1}",
        "[] []",
        "[01]",
        "['a']",
        "{\"a\":1,\"b\":2,\"a\":3}",
        "{\"a\":{},\"\\u0061\":{}}",
        "[\"\\u0000\"]",
        "{\"\\u0000\":1}",
        "[\"\\ud800\"]",
        "[\"\xC0\x80\"]",
        "[\"\xED\xA0\x80\"]",
        "[99999999999999999999]",
        "[1e999]",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_null(by_jansson(texts[i], strlen(texts[i])));
        assert_null(jread(texts[i], strlen(texts[i])));
    }
}

/* Reads arrays within one another. */
static json_t *read_nested(size_t levels)
{
    char text[2 * (SCAN_MAX_DEPTH + 1)];
    memset(text, '[', levels);
    memset(text + levels, ']', levels);
    return jread(text, 2 * levels);
}

static void test_reads_as_deep_as_the_scanner(void **state)
{
    (void)state;
    json_t *deep = read_nested(SCAN_MAX_DEPTH);
    assert_non_null(deep);
    json_decref(deep);
    assert_null(read_nested(SCAN_MAX_DEPTH + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_makes_what_jansson_makes),
        cmocka_unit_test(test_refuses_what_jansson_refuses),
        cmocka_unit_test(test_reads_as_deep_as_the_scanner),
    };
    return cmocka_run_group_tests_name("jread", tests, NULL, NULL);
}
