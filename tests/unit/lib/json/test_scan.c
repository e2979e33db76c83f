/* Tests of the JSON scanner: documents in data/scan, each beside the tokens it must yield. */
#include "tests/unit/aws_folder.h"
#include "tests/unit/golden.h"

#include "lib/json/scan.h"

static const char *const type_names[] = {
    [SCAN_OBJECT] = "object", [SCAN_OBJECT_END] = "object end",
    [SCAN_ARRAY] = "array",   [SCAN_ARRAY_END] = "array end",
    [SCAN_KEY] = "key",       [SCAN_STRING] = "string",
    [SCAN_NUMBER] = "number", [SCAN_TRUE] = "true",
    [SCAN_FALSE] = "false",   [SCAN_NULL] = "null",
    [SCAN_END] = "end",       [SCAN_ERROR] = "error",
};

static void add_text(struct buf *to, const struct scan *s, const struct scan_token *t)
{
    struct buf text = buf_make(1000);
    if (t->type != SCAN_KEY && t->type != SCAN_STRING)
        buf_addf(to, " %.*s", (int)(t->end - t->start), s->text + t->start);
    else if (scan_text(s, t, &text))
        buf_addf(to, "%s <%s>", t->escaped ? " escaped" : "", buf_str(&text));
    else
        buf_addf(to, "%s no text", t->escaped ? " escaped" : "");
    buf_free(&text);
}

static void test_tokens(void **state)
{
    const char *path = *state;
    struct buf text = buf_make(1 << 20), out = buf_make(1 << 20), expected = buf_make(1000);
    struct scan s;
    struct scan_token t;
    golden_read(path, &text);
    scan_init(&s, buf_str(&text), text.size);
    do {
        t = scan_next(&s);
        buf_addf(&out, "%zu-%zu %s", t.start, t.end, type_names[t.type]);
        if (t.type != SCAN_ERROR && t.type != SCAN_END)
            add_text(&out, &s, &t);
        buf_addc(&out, '\n');
    } while (t.type != SCAN_END && t.type != SCAN_ERROR);
    if (t.type == SCAN_ERROR) {
        struct err err = ERR_INIT;
        scan_error(&s, &err);
        assert_int_equal(err.kind, ERR_INVALID);
        buf_addf(&out, "%s\n", err.message);
        assert_int_equal(scan_next(&s).type, SCAN_ERROR);
    }
    buf_addf(&expected, "%.*s.tokens", (int)(strlen(path) - strlen(".json")), path);
    golden_compare(buf_str(&expected), buf_str(&out));
    buf_free(&text);
    buf_free(&out);
    buf_free(&expected);
}

static void check_nesting(size_t depth, enum scan_type last)
{
    struct buf text = buf_make(1000);
    for (size_t i = 0; i < depth; i++)
        buf_adds(&text, i % 2 == 0 ? "[" : "{\"k\":");
    buf_adds(&text, "0");
    for (size_t i = depth; i-- > 0;)
        buf_adds(&text, i % 2 == 0 ? "]" : "}");
    struct scan s;
    struct scan_token t;
    scan_init(&s, buf_str(&text), text.size);
    do
        t = scan_next(&s);
    while (t.type != SCAN_END && t.type != SCAN_ERROR);
    assert_int_equal(t.type, last);
    buf_free(&text);
}

static void test_64_levels_are_read_and_65_are_not(void **state)
{
    (void)state;
    check_nesting(64, SCAN_END);
    check_nesting(65, SCAN_ERROR);
}

static void test_every_beginning_of_a_document_is_an_error(void **state)
{
    static const char whole[] =
        "{\"a\\u00e9\":[1.5e+3,true,false,null,\"\xF0\x9F\x98\x80\"],\"b\":{}}";
    (void)state;
    for (size_t n = 0; n < sizeof whole - 1; n++) {
        struct scan s;
        struct scan_token t;
        char *text = malloc(n + 1); /* its own memory: the sanitizer sees reads beyond */
        assert_non_null(text);
        memcpy(text, whole, n);
        scan_init(&s, text, n);
        do
            t = scan_next(&s);
        while (t.type != SCAN_END && t.type != SCAN_ERROR);
        assert_int_equal(t.type, SCAN_ERROR);
        free(text);
    }
}

/* Every control character, in every place of the eight bytes that are looked at together. */
static void test_a_control_character_is_found_anywhere(void **state)
{
    (void)state;
    for (int c = 0; c < 0x20; c++)
        for (size_t at = 1; at < 19; at++) {
            char text[] = "\"abcdefghijklmnopqr\"";
            struct scan s;
            text[at] = (char)c;
            scan_init(&s, text, sizeof text - 1);
            assert_int_equal(scan_next(&s).type, SCAN_ERROR);
            assert_int_equal(s.at, at);
        }
}

static void check_utf8(const char *bytes, size_t n, enum scan_type type)
{
    char text[32];
    struct scan s;
    text[0] = '"';
    memcpy(text + 1, bytes, n);
    text[n + 1] = '"';
    scan_init(&s, text, n + 2);
    assert_int_equal(scan_next(&s).type, type);
}

static void test_utf8_must_be_well_formed(void **state)
{
    static const struct {
        const char *bytes;
        enum scan_type type;
    } cases[] = {
        {"\xC2\x80", SCAN_STRING},         {"\xC1\xBF", SCAN_ERROR},
        {"\xE0\xA0\x80", SCAN_STRING},     {"\xE0\x9F\xBF", SCAN_ERROR},
        {"\xED\x9F\xBF", SCAN_STRING},     {"\xED\xA0\x80", SCAN_ERROR},
        {"\xEE\x80\x80", SCAN_STRING},     {"\xEF\xBF\xBF", SCAN_STRING},
        {"\xF0\x90\x80\x80", SCAN_STRING}, {"\xF0\x8F\xBF\xBF", SCAN_ERROR},
        {"\xF4\x8F\xBF\xBF", SCAN_STRING}, {"\xF4\x90\x80\x80", SCAN_ERROR},
        {"\xF5\x80\x80\x80", SCAN_ERROR},  {"\x80", SCAN_ERROR},
        {"\xE2\x82", SCAN_ERROR},          {"\xFF", SCAN_ERROR},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_utf8(cases[i].bytes, strlen(cases[i].bytes), cases[i].type);
}

static void test_skip_ends_behind_the_value(void **state)
{
    static const char text[] = "{\"a\":[{\"b\":[]},\"]\"] ,\"c\" : 12 }";
    struct scan s;
    size_t end = 0;
    (void)state;
    scan_init(&s, text, sizeof text - 1);
    assert_int_equal(scan_next(&s).type, SCAN_OBJECT);
    struct scan_token key = scan_next(&s);
    assert_true(scan_skip(&s, &key, &end));
    assert_int_equal(end, strlen("{\"a\":[{\"b\":[]},\"]\"]"));
    key = scan_next(&s);
    assert_true(scan_equals(&s, &key, "c"));
    assert_true(scan_skip(&s, &key, &end));
    assert_int_equal(end, strlen(text) - 2);
    assert_int_equal(scan_next(&s).type, SCAN_OBJECT_END);
    assert_int_equal(scan_next(&s).type, SCAN_END);
    assert_int_equal(scan_next(&s).type, SCAN_END);
}

static void test_skip_reports_what_is_broken_within(void **state)
{
    static const char text[] = "[\n {\"a\": 01}]";
    struct scan s;
    struct err err = ERR_INIT;
    size_t end;
    (void)state;
    scan_init(&s, text, sizeof text - 1);
    struct scan_token first = scan_next(&s);
    assert_false(scan_skip(&s, &first, &end));
    scan_error(&s, &err);
    assert_string_equal(err.message, "line 2, column 8: number with a leading zero");
}

static void check_equals(const char *text, const char *is, bool expected)
{
    struct scan s;
    scan_init(&s, text, strlen(text));
    struct scan_token t = scan_next(&s);
    assert_int_equal(t.type, SCAN_STRING);
    assert_int_equal(scan_equals(&s, &t, is), expected);
}

static void test_equals_resolves_escapes(void **state)
{
    (void)state;
    check_equals("\"name\"", "name", true);
    check_equals("\"name\"", "nam", false);
    check_equals("\"nam\"", "name", false);
    check_equals("\"n\\u0061me\"", "name", true);
    check_equals("\"n\\u0061me\"", "names", false);
    check_equals("\"n\\u0061mes\"", "name", false);
    check_equals("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", true);
    check_equals("\"\\ud83d\\ude00\\u20AC\"", "\xF0\x9F\x98\x80\xE2\x82\xAC", true);
    check_equals("\"a\\u0000\"", "a", false);
    check_equals("\"a\\ud800\"", "a", false);
}

int main(void)
{
    struct folder_tests tests = {.count = 0};
    folder_add(&tests, "tests/unit/data/scan", ".json", test_tokens);
#define ADD(test) folder_add_test(&tests, #test, test)
    ADD(test_64_levels_are_read_and_65_are_not);
    ADD(test_every_beginning_of_a_document_is_an_error);
    ADD(test_a_control_character_is_found_anywhere);
    ADD(test_utf8_must_be_well_formed);
    ADD(test_skip_ends_behind_the_value);
    ADD(test_skip_reports_what_is_broken_within);
    ADD(test_equals_resolves_escapes);
    return folder_run("scan", &tests);
}
