/* Tests of the table of actions against the catalogue (tests/data/catalogue.json), on which the
 * Hyperglance UI and events are based. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "actions/action.h"

static json_t *catalogue;

static int load(void **state)
{
    json_error_t error;
    (void)state;
    catalogue = json_load_file("tests/data/catalogue.json", 0, &error);
    if (!catalogue)
        print_error("%s:%d: %s (run from the project's root)\n", error.source, error.line,
                    error.text);
    return catalogue ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    json_decref(catalogue);
    return 0;
}

/* The row of an action in the catalogue; NULL if it has none. */
static json_t *row_of(const struct action *action)
{
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(catalogue, cloud_name(action->cloud)), i, row)
        if (strcmp(json_string_value(json_object_get(row, "name")), action->name) == 0)
            return row;
    return NULL;
}

static const char *text_in(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "(none)";
}

static json_t *types_of(const struct action *action)
{
    json_t *types = json_array();
    for (const char *const *t = action->resource_types; *t; t++)
        json_array_append_new(types, json_string(*t));
    return types;
}

static json_t *params_of(const struct action *action)
{
    static const char *const names[] = {"string", "boolean", "number"};
    json_t *params = json_array();
    for (const struct action_param *p = action->params; p && p->name; p++)
        json_array_append_new(params, json_pack("{s:s, s:s, s:s*}", "name", p->name, "type",
                                                names[p->type], "default", p->fallback));
    return params;
}

/* Compares as text, so that a difference is shown. */
static void assert_same(json_t *ours, const json_t *theirs)
{
    char *a = json_dumps(ours, JSON_SORT_KEYS), *b = json_dumps(theirs, JSON_SORT_KEYS);
    assert_string_equal(a, b);
    free(a);
    free(b);
    json_decref(ours);
}

static void test_every_descriptor_is_as_the_catalogue_says(void **state)
{
    (void)state;
    for (const struct action *const *a = action_table; *a; a++) {
        const json_t *row = row_of(*a);
        if (!row)
            fail_msg("%s is not in the catalogue", (*a)->name);
        assert_string_equal((*a)->display_name, text_in(row, "displayName"));
        assert_int_equal((*a)->extra, json_is_true(json_object_get(row, "extra")));
        assert_same(types_of(*a), json_object_get(row, "resourceTypes"));
        assert_same(params_of(*a), json_object_get(row, "params"));
    }
}

static void test_every_aws_action_of_the_catalogue_is_there(void **state)
{
    size_t i;
    json_t *row;
    (void)state;
    json_array_foreach(json_object_get(catalogue, "aws"), i, row) {
        const struct action *found = action_find(text_in(row, "name"));
        assert_string_equal(found ? found->name : "(missing in the table)", text_in(row, "name"));
        assert_int_equal(found ? found->cloud : CLOUD_AZURE, CLOUD_AWS);
    }
}

static void test_the_table_is_sorted_by_cloud_and_name(void **state)
{
    (void)state;
    assert_non_null(action_table[0]);
    for (const struct action *const *a = action_table; a[1]; a++) {
        assert_true(a[0]->cloud <= a[1]->cloud);
        if (a[0]->cloud == a[1]->cloud && strcmp(a[0]->name, a[1]->name) >= 0)
            fail_msg("%s is before %s", a[0]->name, a[1]->name);
    }
}

static void test_what_is_not_in_the_table_is_not_found(void **state)
{
    (void)state;
    assert_null(action_find("no_such_action"));
    assert_null(action_find(""));
    assert_null(action_find(NULL));
    assert_null(action_find("EC2_STOP_INSTANCE"));
}

/* In AWS, resources of IAM have no region; their actions are named after it. In Azure each action
 * specifies what is read to determine the location, and the permissions for that. */
static void test_where_an_action_acts(void **state)
{
    (void)state;
    for (const struct action *const *a = action_table; *a; a++) {
        bool iam = strncmp((*a)->name, "iam_", 4) == 0, azure = (*a)->cloud == CLOUD_AZURE;
        if ((*a)->global != iam)
            fail_msg("%s is %sglobal", (*a)->name, (*a)->global ? "" : "not ");
        if (!(*a)->arm_type != !azure || !(*a)->location_permissions != !azure)
            fail_msg(
                "%s: arm_type and location_permissions are Azure's, and all of Azure's have them",
                (*a)->name);
    }
}

/* Whether text is one sentence: a capital letter first, a full stop last, none before. */
static bool is_sentence(const char *text)
{
    size_t n = text ? strlen(text) : 0;
    return n > 10 && text[0] >= 'A' && text[0] <= 'Z' && strchr(text, '.') == text + n - 1;
}

static void test_descriptions_are_sentences(void **state)
{
    (void)state;
    for (const struct action *const *a = action_table; *a; a++) {
        if (!is_sentence((*a)->description))
            fail_msg("the description of %s is not a sentence: %s", (*a)->name, (*a)->description);
        for (const struct action_param *p = (*a)->params; p && p->name; p++)
            if (!is_sentence(p->help))
                fail_msg("the help of %s, %s is not a sentence", (*a)->name, p->name);
    }
}

static void test_permissions_are_sorted_names(void **state)
{
    (void)state;
    for (const struct action *const *a = action_table; *a; a++) {
        const char *const *p = (*a)->permissions;
        assert_non_null(p[0]);
        for (; *p; p++) {
            if ((*a)->cloud == CLOUD_AWS && strspn(*p, "abcdefghijklmnopqrstuvwxyz0123456789") !=
                                                (size_t)(strchr(*p, ':') - *p))
                fail_msg("%s: %s is not a permission", (*a)->name, *p);
            if (p[1] && strcmp(p[0], p[1]) >= 0)
                fail_msg("%s: %s is before %s", (*a)->name, p[0], p[1]);
        }
    }
}

static void test_step_names_are_unique_in_their_action(void **state)
{
    (void)state;
    for (const struct action *const *a = action_table; *a; a++) {
        const struct action_step *steps = (*a)->steps;
        assert_non_null(steps[0].name);
        for (size_t i = 0; steps[i].name; i++) {
            assert_true(!steps[i].run != !steps[i].run_all);
            for (size_t k = 0; k < i; k++)
                assert_string_not_equal(steps[i].name, steps[k].name);
        }
    }
}

static bool declares(const struct action *action, const char *member)
{
    for (const struct action_state *row = action->state; row && row->name; row++)
        if (strcmp(row->name, member) == 0)
            return true;
    return false;
}

static void test_calls_are_shared_by_steps_that_can(void **state)
{
    unsigned shared = 0;
    (void)state;
    for (const struct action *const *a = action_table; *a; a++)
        for (const struct action_step *step = (*a)->steps; step->name; step++) {
            if (!step->sharing)
                continue;
            shared++;
            assert_non_null(step->run_all);
            assert_in_range(step->sharing->max, 2, SHARED_CALL_MAX);
            assert_true(!step->sharing->same || declares(*a, step->sharing->same));
        }
    assert_true(shared > 0);
}

static void test_every_default_is_valid_or_asks_for_a_value(void **state)
{
    (void)state;
    for (const struct action *const *a = action_table; *a; a++) {
        struct err err = ERR_INIT;
        bool asks = false;
        for (const struct action_param *p = (*a)->params; p && p->name; p++)
            asks = asks || p->required;
        json_t *params = action_params(*a, NULL, &err);
        if (!params && !asks)
            fail_msg("%s: %s", (*a)->name, err.message);
        json_decref(params);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_descriptor_is_as_the_catalogue_says),
        cmocka_unit_test(test_every_aws_action_of_the_catalogue_is_there),
        cmocka_unit_test(test_the_table_is_sorted_by_cloud_and_name),
        cmocka_unit_test(test_what_is_not_in_the_table_is_not_found),
        cmocka_unit_test(test_where_an_action_acts),
        cmocka_unit_test(test_descriptions_are_sentences),
        cmocka_unit_test(test_permissions_are_sorted_names),
        cmocka_unit_test(test_step_names_are_unique_in_their_action),
        cmocka_unit_test(test_calls_are_shared_by_steps_that_can),
        cmocka_unit_test(test_every_default_is_valid_or_asks_for_a_value),
    };
    return cmocka_run_group_tests_name("action_table", tests, load, unload);
}
