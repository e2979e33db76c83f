/* Tests of the distance of names, and of lines and mdoc for people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

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
    assert_true(text_add_wrapped(&to, SEVENTY_ONE "  12345 j", 2, "# "));
    assert_string_equal(buf_str(&to), SEVENTY_ONE "\n# 12345 j\n");
    buf_reset(&to);
    assert_true(text_add_wrapped(&to, SEVENTY_ONE " 1234 j", 2, "# "));
    assert_string_equal(buf_str(&to), SEVENTY_ONE " 1234\n# j\n");
    buf_free(&to);
}

static void test_mdoc_is_escaped_with_a_line_per_sentence(void **state)
{
    struct buf to = buf_make(1024);

    (void)state;
    assert_true(text_add_mdoc(&to, ".ini files. 'a' or C:\\x? .b"));
    assert_string_equal(buf_str(&to), "\\&.ini files.\n\\&'a' or C:\\ex?\n\\&.b\n");
    buf_free(&to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distance),
        cmocka_unit_test(test_lines_are_broken_between_words),
        cmocka_unit_test(test_mdoc_is_escaped_with_a_line_per_sentence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
