/* Tests of XML as jansson values: documents in data/xml, each beside the value or the error it must
 * yield. */
#include "tests/unit/aws_folder.h"
#include "tests/unit/golden.h"

#include "lib/base/err.h"
#include "lib/json/xml.h"

static void test_document(void **state)
{
    const char *path = *state;
    struct buf expected = buf_make(1000), out = buf_make(1 << 20);
    struct buf text = folder_read(path, "");
    struct err err = ERR_INIT;
    json_t *value = xml_parse(buf_str(&text), text.size, &err);
    char *dump = value != NULL ? json_dumps(value, JSON_INDENT(2)) : NULL;
    if (dump != NULL)
        buf_addf(&out, "%s\n", dump);
    else
        buf_addf(&out, "%s: %s\n", err_kind_name(err.kind), err.message);
    buf_addf(&expected, "%.*s.value", (int)(strlen(path) - strlen(".xml")), path);
    golden_compare(buf_str(&expected), buf_str(&out));
    free(dump);
    json_decref(value);
    buf_free(&text);
    buf_free(&out);
    buf_free(&expected);
}

static void check_depth(size_t depth, enum err_kind kind)
{
    struct buf text = buf_make(10000);
    struct err err = ERR_INIT;
    for (size_t i = 0; i < depth; i++)
        buf_adds(&text, "<a>");
    for (size_t i = 0; i < depth; i++)
        buf_adds(&text, "</a>");
    json_t *value = xml_parse(buf_str(&text), text.size, &err);
    assert_int_equal(err.kind, kind);
    assert_int_equal(value != NULL, kind == ERR_NONE);
    json_decref(value);
    buf_free(&text);
}

static void test_depth(void **state)
{
    (void)state;
    check_depth(XML_MAX_DEPTH, ERR_NONE);
    check_depth(XML_MAX_DEPTH + 1, ERR_LIMIT);
}

static void test_every_beginning_of_a_document_is_an_error(void **state)
{
    static const char whole[] = "<?xml version=\"1.0\"?><a x=\"1\"><b>&amp;\xC3\xA4</b><b/></a>";
    (void)state;
    for (size_t n = 0; n < sizeof whole - 1; n++) {
        struct err err = ERR_INIT;
        assert_null(xml_parse(whole, n, &err));
        assert_int_equal(err.kind, ERR_INVALID);
    }
}

static void test_escape(void **state)
{
    struct buf to = buf_make(1000);
    (void)state;
    assert_true(xml_escape(&to, "a&b<c>d\"e'f\r\n\t\xE2\x82\xAC"));
    assert_string_equal(buf_str(&to), "a&amp;b&lt;c&gt;d&quot;e&apos;f&#13;\n\t\xE2\x82\xAC");
    buf_free(&to);
}

static void test_escape_refuses_what_xml_cannot_hold(void **state)
{
    static const char *const bad[] = {"a\x01",        "\x0B",         "\x1F",        "\xFF",
                                      "\xEF\xBF\xBE", "\xEF\xBF\xBF", "\xED\xA0\x80"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct buf to = buf_make(1000);
        assert_false(xml_escape(&to, bad[i]));
        assert_string_equal(buf_str(&to), "");
        buf_free(&to);
    }
}

static void test_escape_says_when_it_does_not_fit(void **state)
{
    struct buf to = buf_make(5);
    (void)state;
    assert_false(xml_escape(&to, "a&b"));
    assert_false(buf_ok(&to));
    buf_free(&to);
}

int main(void)
{
    struct folder_tests tests = {.count = 0};
    folder_add(&tests, "tests/unit/data/xml", ".xml", test_document);
#define ADD(test) folder_add_test(&tests, #test, test)
    ADD(test_depth);
    ADD(test_every_beginning_of_a_document_is_an_error);
    ADD(test_escape);
    ADD(test_escape_refuses_what_xml_cannot_hold);
    ADD(test_escape_says_when_it_does_not_fit);
    return folder_run("xml", &tests);
}
