/* Tests of the INI reader: lines, and sections and settings. tests/unit/data/config has more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/buf.h"
#include "lib/base/ini.h"

static void test_lines_without_blanks_and_comments(void **state)
{
    char text[] = "\xef\xbb\xbf  a = 1 \t\r\n\n \t\n; b\n  # c\n\td\0e\nf";
    struct ini_lines lines = ini_lines_begin(text, sizeof text - 1);
    struct ini_line line;
    (void)state;
    assert_true(ini_lines_next(&lines, &line));
    assert_string_equal(line.text, "a = 1");
    assert_int_equal(line.number, 1);
    assert_int_equal(line.indent, 2);
    assert_int_equal(line.size, 5);
    assert_true(ini_lines_next(&lines, &line));
    assert_int_equal(line.number, 6);
    assert_int_equal(line.indent, 1);
    assert_int_equal(line.size, 3);
    assert_memory_equal(line.text, "d\0e", 4);
    assert_true(ini_lines_next(&lines, &line));
    assert_string_equal(line.text, "f");
    assert_int_equal(line.number, 7);
    assert_false(ini_lines_next(&lines, &line));
}

static void add_section(void *ctx, unsigned line, const char *title)
{
    buf_addf(ctx, "%u [%s]\n", line, title ? title : "-");
}

static void add_setting(void *ctx, unsigned line, const char *key, const char *value)
{
    buf_addf(ctx, "%u %s=%s\n", line, key, value);
}

static void add_problem(void *ctx, unsigned line, const char *sentence)
{
    buf_addf(ctx, "%u %s\n", line, sentence);
}

static void expect_events(const char *text, const char *expected)
{
    struct buf events = buf_make(1 << 16);
    char copy[1024];
    const struct ini_events calls = {&events, add_section, add_setting, add_problem};
    snprintf(copy, sizeof copy, "%s", text);
    ini_read(copy, strlen(copy), &calls);
    assert_string_equal(buf_str(&events), expected);
    buf_free(&events);
}

static void test_sections_and_settings(void **state)
{
    (void)state;
    expect_events("", "");
    expect_events("[a]\nb = c d ; e\n  f: g;h\n[empty] ; i\n",
                  "1 [a]\n2 b=c d\n3 f=g;h\n4 [empty]\n");
    expect_events("k =\n k2 = v", "1 k=\n2 k2=v\n");
}

static void test_what_is_malformed_is_reported_by_line(void **state)
{
    static const char expected[] = "1 no key before the '='\n"
                                   "2 expected \"key = value\", \"[section]\" or a comment\n"
                                   "3 the section title has no closing ']'\n3 [-]\n"
                                   "4 text after the section's ']'; a setting needs its own line\n"
                                   "4 [a]\n"
                                   "5 the line is not UTF-8\n"
                                   "6 expected \"key = value\", \"[section]\" or a comment\n";
    (void)state;
    expect_events("= a\nb\n[c\n[a] b = c\n\xff\nlast", expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_without_blanks_and_comments),
        cmocka_unit_test(test_sections_and_settings),
        cmocka_unit_test(test_what_is_malformed_is_reported_by_line),
    };
    return cmocka_run_group_tests_name("ini", tests, NULL, NULL);
}
