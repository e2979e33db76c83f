/* Tests of reading jansson values by path and of quoting strings. */
#include "tests/unit/aws_folder.h"

#include "lib/json/jpath.h"

static json_t *parse(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    return value;
}

static void check_get(const char *text, const char *path, const char *expected)
{
    json_t *value = parse(text);
    json_t *at = jget(value, path);
    char *is = at != NULL ? json_dumps(at, JSON_ENCODE_ANY | JSON_COMPACT) : strdup("nothing");
    assert_non_null(is);
    assert_string_equal(is, expected);
    free(is);
    json_decref(value);
}

static void test_get(void **state)
{
    (void)state;
    check_get("{\"a\":{\"b\":[1,[2,3]]}}", "a.b[1][0]", "2");
    check_get("{\"a\":{\"b\":[1,[2,3]]}}", "a.b[2]", "nothing");
    check_get("{\"a\":{\"b\":1}}", "a.c.d", "nothing");
    check_get("{\"a\":1}", "", "{\"a\":1}");
    check_get("[{\"a\":7}]", "[0].a", "7");
    check_get("{\"VPC ID\":\"v\"}", "VPC ID", "\"v\"");
    /* One repeated element alone is no list in XML. */
    check_get("{\"set\":{\"id\":\"x\"}}", "set[0].id", "\"x\"");
    check_get("{\"set\":{\"id\":\"x\"}}", "set[1].id", "nothing");
    check_get("{\"set\":\"\"}", "set[0].id", "nothing");
}

static void test_a_malformed_path_leads_nowhere(void **state)
{
    (void)state;
    check_get("{\"a\":[1,2]}", "a[", "nothing");
    check_get("{\"a\":[1,2]}", "a[x]", "nothing");
    check_get("{\"a\":[1,2]}", "a[1", "nothing");
    check_get("{\"a\":[1,2]}", "a[-1]", "nothing");
    check_get("{\"a\":[1,2]}", "a[99999999999999999999999]", "nothing");
    check_get("{\"a\":[1,2]}", "..", "nothing");
    assert_null(jget(NULL, "a"));
}

static void test_strings(void **state)
{
    json_t *value = parse("{\"s\":\"x\",\"n\":1,\"z\":null}");
    (void)state;
    assert_string_equal(jstr(value, "s"), "x");
    assert_null(jstr(value, "n"));
    assert_null(jstr(value, "z"));
    assert_null(jstr(NULL, "s"));
    json_decref(value);
}

static void test_booleans(void **state)
{
    json_t *value =
        parse("{\"t\":true,\"f\":false,\"T\":\"true\",\"F\":\"false\",\"x\":\"yes\",\"n\":1}");
    (void)state;
    assert_true(jbool(value, "t", false));
    assert_true(jbool(value, "T", false));
    assert_false(jbool(value, "f", true));
    assert_false(jbool(value, "F", true));
    assert_true(jbool(value, "x", true));
    assert_false(jbool(value, "x", false));
    assert_true(jbool(value, "n", true));
    assert_false(jbool(value, "absent", false));
    json_decref(value);
}

static void test_integers(void **state)
{
    json_t *value =
        parse("{\"n\":-5,\"s\":\"42\",\"m\":\"-1\",\"x\":\"4x\",\"e\":\"\",\"d\":\"-\","
              "\"big\":\"9223372036854775808\",\"max\":\"9223372036854775807\",\"r\":1.5}");
    (void)state;
    assert_int_equal(jint(value, "n", 7), -5);
    assert_int_equal(jint(value, "s", 7), 42);
    assert_int_equal(jint(value, "m", 7), -1);
    assert_int_equal(jint(value, "max", 7), INT64_MAX);
    assert_int_equal(jint(value, "x", 7), 7);
    assert_int_equal(jint(value, "e", 7), 7);
    assert_int_equal(jint(value, "d", 7), 7);
    assert_int_equal(jint(value, "big", 7), 7);
    assert_int_equal(jint(value, "r", 7), 7);
    assert_int_equal(jint(value, "absent", 7), 7);
    json_decref(value);
}

static void check_list(const char *text, const char *expected)
{
    json_t *value = parse(text);
    json_t *list = jlist(value, "a");
    char *is = json_dumps(list, JSON_COMPACT);
    assert_non_null(is);
    assert_string_equal(is, expected);
    free(is);
    json_decref(list);
    json_decref(value);
}

static void test_lists(void **state)
{
    (void)state;
    check_list("{\"a\":[1,2]}", "[1,2]");
    check_list("{\"a\":{\"b\":1}}", "[{\"b\":1}]");
    check_list("{\"a\":\"x\"}", "[\"x\"]");
    check_list("{\"a\":\"\"}", "[]");
    check_list("{\"a\":null}", "[]");
    check_list("{}", "[]");
}

static void check_quote(const char *text, size_t n, const char *expected)
{
    struct buf to = buf_make(1000);
    assert_true(jquote(&to, text, n));
    assert_string_equal(buf_str(&to), expected);
    json_t *back = json_loads(buf_str(&to), JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    assert_non_null(back);
    json_decref(back);
    buf_free(&to);
}

static void test_quote(void **state)
{
    (void)state;
    check_quote("", 0, "\"\"");
    check_quote("a\"b\\c/", 6, "\"a\\\"b\\\\c/\"");
    check_quote("\b\f\n\r\t\x01\x1f\x7f", 8, "\"\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"");
    check_quote("a\0b", 3, "\"a\\u0000b\"");
    check_quote("\xE2\x82\xAC\xF0\x9F\x98\x80", 7, "\"\xE2\x82\xAC\xF0\x9F\x98\x80\"");
    check_quote("a\xFFz", 3, "\"a\xEF\xBF\xBDz\"");
    check_quote("\xE2\x82", 2, "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

static void test_quote_of_every_byte_is_read_back(void **state)
{
    (void)state;
    for (int c = 1; c < 0x80; c++) {
        struct buf to = buf_make(100);
        char text[] = {(char)c, '\0'};
        assert_true(jquote(&to, text, 1));
        json_t *back = json_loads(buf_str(&to), JSON_DECODE_ANY, NULL);
        assert_string_equal(json_string_value(back), text);
        json_decref(back);
        buf_free(&to);
    }
}

static void test_quote_says_when_it_does_not_fit(void **state)
{
    (void)state;
    for (size_t max = 0; max < 10; max++) {
        struct buf to = buf_make(max);
        assert_false(jquote(&to, "a\x01z\xFF", 4));
        assert_false(buf_ok(&to));
        buf_free(&to);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_a_malformed_path_leads_nowhere),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_booleans),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_quote),
        cmocka_unit_test(test_quote_of_every_byte_is_read_back),
        cmocka_unit_test(test_quote_says_when_it_does_not_fit),
    };
    return cmocka_run_group_tests_name("jpath", tests, NULL, NULL);
}
