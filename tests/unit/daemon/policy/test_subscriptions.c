/* Tests of the chosen subscriptions: files in data/subscriptions, and what names stand for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/policy/subscriptions.h"
#include "tests/unit/fake_clock.h"

#define DATA  "tests/unit/data/subscriptions/"
#define ONE   "11111111-1111-1111-1111-111111111111"
#define TWO   "22222222-2222-2222-2222-222222222222"
#define OTHER "33333333-3333-3333-3333-333333333333"

/* What Resource Manager would answer. */
struct lister {
    const char *text; /* NULL: it fails */
    int asked;
};

static json_t *list(void *ctx, struct http_client *http, struct err *err)
{
    struct lister *l = ctx;
    (void)http;
    l->asked++;
    if (l->text)
        return json_loads(l->text, 0, NULL);
    err_set(err, ERR_TRANSIENT, "ServiceUnavailable", "not now");
    return NULL;
}

static struct fake_clock the_clock;

static struct subscriptions *open_file(const char *name, const char *standard, struct lister *l,
                                       struct err *err)
{
    char path[200];
    snprintf(path, sizeof path, DATA "%s.csv", name);
    the_clock = fake_clock_make(1000000);
    *err = ERR_INIT;
    return subscriptions_new(
        &(struct subscriptions_options){
            .path = path, .standard = standard, .clock = &the_clock.clock, .list = list, .ctx = l},
        err);
}

static struct subscriptions *must_open(const char *name, const char *standard, struct lister *l)
{
    struct err err;
    struct subscriptions *s = open_file(name, standard, l, &err);
    if (!s)
        fail_msg("%s: %s", name, err.message);
    return s;
}

static void assert_allowed(struct subscriptions *s, const char *id)
{
    struct err err = ERR_INIT;
    if (!subscriptions_allow(s, NULL, id, &err))
        fail_msg("%s is refused: %s", id, err.message);
}

static void assert_refused(struct subscriptions *s, const char *id, enum err_kind kind,
                           const char *message)
{
    struct err err = ERR_INIT;
    assert_false(subscriptions_allow(s, NULL, id, &err));
    assert_string_equal(err.message, message);
    assert_int_equal(err.kind, kind);
}

#define NOT_AMONG(id) "the subscription \"" id "\" is not in azure.subscriptions_file"

static void test_ids_need_no_question(void **state)
{
    struct lister l = {0};
    struct subscriptions *s = must_open("ids", OTHER, &l);
    (void)state;
    assert_allowed(s, ONE);
    assert_allowed(s, TWO);
    assert_allowed(s, OTHER); /* the default one */
    assert_refused(s, "44444444-4444-4444-4444-444444444444", ERR_DENIED,
                   NOT_AMONG("44444444-4444-4444-4444-444444444444"));
    assert_int_equal(l.asked, 0);
    subscriptions_free(s);
}

static void test_letters_of_ids_have_any_case(void **state)
{
    struct lister l = {0};
    struct subscriptions *s = must_open("id_upper_case", NULL, &l);
    (void)state;
    assert_allowed(s, "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee");
    subscriptions_free(s);
}

static void test_without_a_file_all_are_allowed(void **state)
{
    (void)state;
    assert_allowed(NULL, ONE);
}

#define LIST(name1, name2)                                                                         \
    "[{\"subscriptionId\":\"" ONE "\",\"displayName\":\"" name1 "\"},{\"subscriptionId\":\"" TWO   \
    "\",\"displayName\":\"" name2 "\"}]"

/* Every file that says "Production" in some way. */
static void test_names_are_looked_up(void **state)
{
    static const char *const files[] = {"names", "mixed", "lines", "byte_mark", "blanks"};
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct lister l = {.text = LIST("production", "Sandbox")};
        struct subscriptions *s = must_open(files[i], NULL, &l);
        assert_allowed(s, ONE);
        assert_refused(s, OTHER, ERR_DENIED, NOT_AMONG(OTHER));
        subscriptions_free(s);
    }
}

static void test_names_in_quotes(void **state)
{
    struct lister l = {.text = LIST("Sales, Europe", "The \\\"big\\\" one")};
    struct subscriptions *s = must_open("quoted", NULL, &l);
    (void)state;
    assert_allowed(s, ONE);
    assert_allowed(s, TWO);
    subscriptions_free(s);
}

static void test_names_beyond_ascii(void **state)
{
    struct lister l = {.text = LIST("Prüfung", "Sandbox")};
    struct subscriptions *s = must_open("umlaut", NULL, &l);
    (void)state;
    assert_allowed(s, ONE);
    subscriptions_free(s);
}

static void test_a_name_of_two_subscriptions_stands_for_none(void **state)
{
    struct lister l = {.text = LIST("Production", "production")};
    struct subscriptions *s = must_open("names", NULL, &l);
    (void)state;
    assert_refused(s, ONE, ERR_DENIED,
                   "the subscription \"" ONE
                   "\" has a name in azure.subscriptions_file that other subscriptions also have: "
                   "use its ID there");
    subscriptions_free(s);
}

static void test_the_list_is_remembered_for_a_while(void **state)
{
    struct lister l = {.text = LIST("Production", "Sandbox")};
    struct subscriptions *s = must_open("names", NULL, &l);
    (void)state;
    assert_allowed(s, ONE);
    assert_allowed(s, ONE);
    assert_int_equal(l.asked, 1);
    the_clock.now_ms += 10 * 60000;
    l.text = LIST("Renamed", "Sandbox");
    assert_refused(s, ONE, ERR_DENIED, NOT_AMONG(ONE));
    assert_int_equal(l.asked, 2);
    subscriptions_free(s);
}

static void test_a_refresh_that_fails_keeps_the_list_until_it_is_too_old(void **state)
{
    struct lister l = {.text = LIST("Production", "Sandbox")};
    struct subscriptions *s = must_open("names", NULL, &l);
    (void)state;
    assert_allowed(s, ONE);
    l.text = NULL;
    the_clock.now_ms += 10 * 60000 - 1;
    assert_allowed(s, ONE);
    assert_int_equal(l.asked, 2);
    the_clock.now_ms += 1;
    assert_refused(s, ONE, ERR_UNAVAILABLE, "not now");
    assert_int_equal(l.asked, 2);
    subscriptions_free(s);
}

static void test_what_cannot_be_looked_up_is_refused_for_now(void **state)
{
    struct lister l = {0};
    struct subscriptions *s = must_open("mixed", NULL, &l);
    (void)state;
    assert_allowed(s, TWO);
    assert_refused(s, ONE, ERR_UNAVAILABLE, "not now");
    assert_refused(s, ONE, ERR_UNAVAILABLE, "not now");
    assert_int_equal(l.asked, 1); /* a failure is remembered too, for a moment */
    the_clock.now_ms += 60000;
    l.text = LIST("Production", "Sandbox");
    assert_allowed(s, ONE);
    subscriptions_free(s);
}

static void test_answers_that_are_not_as_they_should_be(void **state)
{
    static const char *const answers[] = {
        "[]", "[1, null, {}]", "[{\"subscriptionId\":\"" ONE "\",\"displayName\":7}]",
        "[{\"subscriptionId\":7,\"displayName\":\"Production\"}]"};
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct lister l = {.text = answers[i]};
        struct subscriptions *s = must_open("names", NULL, &l);
        assert_refused(s, ONE, ERR_DENIED, NOT_AMONG(ONE));
        subscriptions_free(s);
    }
}

static void test_bad_files(void **state)
{
    static const struct {
        const char *file, *message;
    } bad[] = {
        {"missing",
         "azure.subscriptions_file " DATA "missing.csv cannot be read: No such file or directory"},
        {"empty", "azure.subscriptions_file " DATA
                  "empty.csv contains no subscription, and AZURE_SUBSCRIPTION_ID is not set"},
        {"quote_open", DATA "quote_open.csv:1: a closing quote is missing"},
        {"quote_behind", DATA "quote_behind.csv:1: a comma is missing after \"Test\""},
        {"two_lines_in_quotes",
         DATA "two_lines_in_quotes.csv:2: an entry contains a control character"},
        {"control", DATA "control.csv:1: an entry contains a control character"},
        {"not_utf8", DATA "not_utf8.csv is not UTF-8 text"},
        {"nul", DATA "nul.csv is not UTF-8 text"},
        {"mistyped_short", DATA "mistyped_short.csv:2: \"11111111-1111-1111-1111-11111111111\" is "
                                "not a valid subscription ID, but resembles one"},
        {"mistyped_letter", DATA "mistyped_letter.csv:1: \"11111111-1111-1111-1111-11111111111o\" "
                                 "is not a valid subscription ID, but resembles one"},
        {"mistyped_hyphen", DATA "mistyped_hyphen.csv:1: \"111111111111-1111-1111-111111111111\" "
                                 "is not a valid subscription ID, but resembles one"},
        {"mistyped_pair", DATA "mistyped_pair.csv:1: \"{11111111-1111-1111-1111-111111111111}\" "
                               "is not a valid subscription ID, but resembles one"},
        {"long", DATA "long.csv:1: an entry has more than 256 bytes"},
    };
    struct lister l = {0};
    struct err err;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_null(open_file(bad[i].file, NULL, &l, &err));
        assert_string_equal(err.message, bad[i].message);
    }
}

static void test_the_default_subscription(void **state)
{
    struct lister l = {0};
    struct err err;
    (void)state;
    struct subscriptions *s = must_open("empty", ONE, &l);
    assert_allowed(s, ONE);
    assert_refused(s, TWO, ERR_DENIED, NOT_AMONG(TWO));
    subscriptions_free(s);
    assert_null(open_file("ids", "Production", &l, &err));
    assert_string_equal(err.message, "AZURE_SUBSCRIPTION_ID is \"Production\", which is not a "
                                     "valid subscription ID");
}

/* A name may have hyphens and digits as an id has. */
static void test_names_that_are_no_mistyped_ids(void **state)
{
    struct lister l = {0};
    (void)state;
    struct subscriptions *s = must_open("hyphens", ONE, &l);
    assert_string_equal(subscriptions_entry(s, 0), "platform-shared-services-europe-prod");
    assert_string_equal(subscriptions_entry(s, 1), "dead-beef-cafe-0001");
    assert_string_equal(subscriptions_entry(s, 2), ONE);
    assert_null(subscriptions_entry(s, 3));
    subscriptions_free(s);
}

static void test_the_longest_entry(void **state)
{
    struct lister l = {0};
    (void)state;
    subscriptions_free(must_open("long_256", NULL, &l));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids_need_no_question),
        cmocka_unit_test(test_letters_of_ids_have_any_case),
        cmocka_unit_test(test_without_a_file_all_are_allowed),
        cmocka_unit_test(test_names_are_looked_up),
        cmocka_unit_test(test_names_in_quotes),
        cmocka_unit_test(test_names_beyond_ascii),
        cmocka_unit_test(test_a_name_of_two_subscriptions_stands_for_none),
        cmocka_unit_test(test_the_list_is_remembered_for_a_while),
        cmocka_unit_test(test_a_refresh_that_fails_keeps_the_list_until_it_is_too_old),
        cmocka_unit_test(test_what_cannot_be_looked_up_is_refused_for_now),
        cmocka_unit_test(test_answers_that_are_not_as_they_should_be),
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_the_default_subscription),
        cmocka_unit_test(test_names_that_are_no_mistyped_ids),
        cmocka_unit_test(test_the_longest_entry),
    };
    return cmocka_run_group_tests_name("subscriptions", tests, NULL, NULL);
}
