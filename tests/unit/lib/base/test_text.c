/* Tests of the distance of names, and of lines and mdoc for people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/text.h"

static void test_distance(void **state)
{
    (void)state;
    assert_int_equal(text_distance("", ""), 0);
    assert_int_equal(text_distance("level", "LEVEL"), 0);
    assert_int_equal(text_distance("levle", "level"), 1);
    assert_int_equal(text_distance("kitten", "sitting"), 3);
    assert_int_equal(text_distance("", "abc"), 3);
    assert_int_equal(text_distance("abc", ""), 3);
    assert_int_equal(text_distance("ca", "abc"), 3); /* each swapped pair is edited once */
}

#define SEVENTY_ONE "a234567 b234567 c234567 d234567 e234567 f234567 g234567 h234567 i234567"

static void test_lines_are_broken_between_words(void **state)
{
    struct buf to = buf_make(1024);
    (void)state;
    text_add_wrapped(&to, SEVENTY_ONE "  12345 j", 2, "# ");
    assert_string_equal(buf_str(&to), SEVENTY_ONE "\n# 12345 j\n");
    buf_reset(&to);
    text_add_wrapped(&to, SEVENTY_ONE " 1234 j", 2, "# ");
    assert_string_equal(buf_str(&to), SEVENTY_ONE " 1234\n# j\n");
    buf_free(&to);
}

static void test_mdoc_is_escaped_with_a_line_per_sentence(void **state)
{
    struct buf to = buf_make(1024);
    (void)state;
    text_add_mdoc(&to, ".ini files. 'a' or C:\\x? .b");
    assert_string_equal(buf_str(&to), "\\&.ini files.\n\\&'a' or C:\\ex?\n\\&.b\n");
    buf_free(&to);
}

static void test_the_most_similar_name_is_found(void **state)
{
    static const struct {
        const char *written, *expected;
    } cases[] = {
        {"chek", "check"},     {"CHECK", "check"},   {"chck", "check"},
        {"action", "actions"}, {"frobnicate", NULL}, {"", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct text_match match = {.written = cases[i].written};
        text_match_offer(&match, "actions");
        text_match_offer(&match, "check");
        text_match_offer(&match, "chunk");
        if (cases[i].expected)
            assert_string_equal(match.name, cases[i].expected);
        else
            assert_null(match.name);
    }
    /* Too long to be compared, however large half of it is. */
    char longest[300] = "";
    memset(longest, 'x', sizeof longest - 1);
    struct text_match match = {.written = longest};
    text_match_offer(&match, "check");
    assert_null(match.name);
}

static void test_what_is_no_line_of_text(void **state)
{
    (void)state;
    assert_null(text_problem("", 0));
    assert_null(text_problem("a\tb \xc3\xa9", 6));
    assert_string_equal(text_problem("a\nb", 3), "contains a control character");
    assert_string_equal(text_problem("a\0b", 3), "contains a control character");
    assert_string_equal(text_problem("\x7f", 1), "contains a control character");
    assert_string_equal(text_problem("\xff", 1), "is not UTF-8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distance),
        cmocka_unit_test(test_lines_are_broken_between_words),
        cmocka_unit_test(test_mdoc_is_escaped_with_a_line_per_sentence),
        cmocka_unit_test(test_the_most_similar_name_is_found),
        cmocka_unit_test(test_what_is_no_line_of_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
