/* Tests of comparing texts without regard to case. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/fold.h"

static void test_letters_of_any_alphabet(void **state)
{
    static const char *const same[][2] = {
        {"", ""},
        {"rg-Test_1.(x)", "RG-tEST_1.(X)"},
        {"Gr\xC3\xBC\xC3\x9F"
         "e",
         "GR\xC3\x9C\xC3\x9F"
         "E"},                                                                    /* ü, ß */
        {"\xC5\xBB\xC3\xB3\xC5\x82w", "\xC5\xBC\xC3\x93\xC5\x81W"},               /* Żółw */
        {"\xD0\xBF\xD1\x80\xD0\xBE\xD0\xB4", "\xD0\x9F\xD0\xA0\xD0\x9E\xD0\x94"}, /* прод */
        {"\xCF\x80\xCE\xAC\xCF\x82", "\xCE\xA0\xCE\x86\xCE\xA3"},                 /* πάς */
        {"\xD5\xA1\xD6\x86", "\xD4\xB1\xD5\x96"},                                 /* աֆ */
        {"\xEF\xBD\x81", "\xEF\xBC\xA1"},                                         /* wide a */
        {"\xE1\xBA\xA1\xE1\xBB\xB9", "\xE1\xBA\xA0\xE1\xBB\xB8"},                 /* ạỹ */
        {"\xF0\x90\x90\xA8", "\xF0\x90\x90\x80"},                                 /* Deseret */
        {"\xE6\x97\xA5\xE6\x9C\xAC", "\xE6\x97\xA5\xE6\x9C\xAC"},                 /* 日本 */
        {"A\xFF", "a\xFF"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        if (!fold_equal(same[i][0], same[i][1]) || !fold_equal(same[i][1], same[i][0]))
            fail_msg("\"%s\" and \"%s\" are not the same", same[i][0], same[i][1]);
}

static void test_what_differs(void **state)
{
    static const char *const others[][2] = {
        {"", "a"},
        {"a", "b"},
        {"ab", "a"},
        {"\xC3\xBC", "u"},
        {"\xC3\xB7", "\xC3\x97"}, /* division is not the small multiplication sign */
        {"\xC3\x9F", "SS"},
        {"\xC4\xB1", "i"}, /* the i without a dot is a letter by itself */
        {"@", "`"},
        {"[", "{"},
        {"\xFF"
         "A",
         "\xFF"
         "a"}, /* not UTF-8 */
    };
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (fold_equal(others[i][0], others[i][1]) || fold_equal(others[i][1], others[i][0]))
            fail_msg("\"%s\" and \"%s\" are the same", others[i][0], others[i][1]);
}

static void test_the_locale_does_not_matter(void **state)
{
    static const char *const locales[] = {"C", "C.UTF-8", "tr_TR.UTF-8", ""};
    for (size_t i = 0; i < sizeof locales / sizeof *locales; i++) {
        setlocale(LC_ALL, locales[i]);
        test_letters_of_any_alphabet(state);
        test_what_differs(state);
        assert_true(fold_equal("i", "I"));
    }
    setlocale(LC_ALL, "C");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_letters_of_any_alphabet),
        cmocka_unit_test(test_what_differs),
        cmocka_unit_test(test_the_locale_does_not_matter),
    };
    return cmocka_run_group_tests_name("fold", tests, NULL, NULL);
}
