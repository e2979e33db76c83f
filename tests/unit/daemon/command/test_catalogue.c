/* Tests of the catalogue: its JSON, the reference, the IAM policy and the Azure role, and the
 * command that prints them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "daemon/command/catalogue.h"
#include "daemon/policy/subscriptions.h"
#include "tests/unit/golden.h"

#define DATA "tests/unit/data/catalogue/"

#define TEXT_MAX (4u << 20)

/* Actions of ours, so that the expected files do not change with the real ones. */
static const struct action stop = {
    .name = "stop",
    .display_name = "Stop It",
    .description = "Stops <it> | at once.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_STOPS,
    .resource_types = (const char *const[]){"A Thing", "Another", NULL},
    .params =
        (const struct action_param[]){
            {.name = "Dry_Run", .type = PARAM_BOOLEAN, .fallback = "true", .help = "Only ask."},
            {.name = "Key", .type = PARAM_STRING, .required = true, .help = "Which."},
            {0}},
    .permissions =
        (const char *const[]){"iam:PassRole", "ec2:StopInstances", "ec2:DescribeInstances", NULL},
};

static const struct action start = {
    .name = "start",
    .display_name = "Start It",
    .description = "Starts it.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_CHANGES,
    .resource_types = (const char *const[]){"A Thing", NULL},
    .permissions = (const char *const[]){"ec2:StartInstances", "ec2:DescribeInstances",
                                         "elasticloadbalancing:DeleteLoadBalancer", NULL},
};

static const struct action drop = {
    .name = "drop",
    .display_name = "Drop It",
    .description = "Drops it.",
    .cloud = CLOUD_AZURE,
    .effect = EFFECT_DELETES,
    .extra = true,
    .resource_types = (const char *const[]){"Disk", NULL},
    .permissions = (const char *const[]){"Microsoft.Compute/disks/delete", NULL},
};

static struct catalogue few(void)
{
    static const struct action *all[] = {&drop, &start, &stop};
    return (struct catalogue){.at = all, .count = 3};
}

static struct config *load(const char *name)
{
    char *nothing[] = {NULL};
    char path[256];
    struct buf problems = buf_make(TEXT_MAX);
    struct config *config;
    snprintf(path, sizeof path, DATA "%s.ini", name);
    config = config_load(path, true, nothing, &problems);
    assert_string_equal(buf_str(&problems), "");
    assert_non_null(config);
    buf_free(&problems);
    return config;
}

static void compare(const char *name, const char *suffix, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, DATA "%s.%s", name, suffix);
    golden_compare(path, text);
}

/* --- the table and its JSON --- */

static json_t *row_named(json_t *rows, const char *name)
{
    json_t *row;
    size_t i;
    json_array_foreach(rows, i, row)
        if (strcmp(json_string_value(json_object_get(row, "name")), name) == 0)
            return row;
    return NULL;
}

/* As text, so that a difference is shown. */
static void assert_same_json(const json_t *ours, const json_t *theirs)
{
    char *a = json_dumps(ours, JSON_SORT_KEYS | JSON_ENCODE_ANY);
    char *b = json_dumps(theirs, JSON_SORT_KEYS | JSON_ENCODE_ANY);
    assert_string_equal(a, b);
    free(a);
    free(b);
}

static void test_the_json_is_the_catalogues(void **state)
{
    const enum cloud cloud = CLOUD_AWS;
    json_t *theirs = json_load_file("tests/data/catalogue.json", 0, NULL);
    json_t *rows = json_object_get(theirs, "aws"), *ours, *row;
    struct config *config = load("none");
    struct catalogue c;
    size_t i;
    (void)state;
    catalogue_select(&c, config, &cloud);
    ours = catalogue_json(&c);
    assert_int_equal(json_array_size(json_object_get(ours, "automations")), json_array_size(rows));
    json_array_foreach(rows, i, row) {
        static const char *const same[] = {"name", "displayName", "resourceTypes", "params"};
        const char *name = json_string_value(json_object_get(row, "name"));
        json_t *mine = row_named(json_object_get(ours, "automations"), name);
        if (!mine)
            fail_msg("%s is not in the JSON", name);
        for (size_t k = 0; k < 4; k++)
            assert_same_json(json_object_get(mine, same[k]), json_object_get(row, same[k]));
        assert_int_equal(json_object_size(mine), 6);
    }
    json_decref(ours);
    json_decref(theirs);
    catalogue_free(&c);
    config_free(config);
}

static void test_a_selection_is_sorted_by_name(void **state)
{
    struct catalogue c;
    (void)state;
    catalogue_select(&c, NULL, NULL);
    for (size_t i = 1; i < c.count; i++)
        if (strcmp(c.at[i - 1]->name, c.at[i]->name) >= 0)
            fail_msg("%s stands before %s", c.at[i - 1]->name, c.at[i]->name);
    catalogue_free(&c);
}

static void test_what_is_disabled_is_left_out(void **state)
{
    struct config *config = load("one");
    struct catalogue c;
    (void)state;
    catalogue_select(&c, config, NULL);
    assert_int_equal(c.count, 1);
    assert_string_equal(c.at[0]->name, "ec2_stop_instance");
    catalogue_free(&c);
    config_free(config);
}

static void test_the_json_of_a_few(void **state)
{
    struct catalogue c = few();
    struct buf text = buf_make(TEXT_MAX);
    (void)state;
    catalogue_add_json(catalogue_json(&c), JSON_INDENT(2), &text);
    assert_true(buf_ok(&text));
    compare("few", "json", buf_str(&text));
    buf_free(&text);
}

/* --- for people --- */

static void test_the_table(void **state)
{
    struct catalogue c = few();
    struct buf text = buf_make(TEXT_MAX);
    (void)state;
    catalogue_table(&c, &text);
    assert_true(buf_ok(&text));
    compare("few", "table", buf_str(&text));
    buf_free(&text);
}

static void test_one_in_full(void **state)
{
    struct config *config = load("none");
    struct buf text = buf_make(TEXT_MAX);
    (void)state;
    catalogue_describe(&stop, config, &text);
    assert_true(buf_ok(&text));
    buf_addc(&text, '\n');
    catalogue_describe(&drop, config, &text);
    assert_true(buf_ok(&text));
    compare("few", "described", buf_str(&text));
    buf_free(&text);
    config_free(config);
}

static void test_markdown_takes_nothing_for_markup(void **state)
{
    struct catalogue c = few();
    struct buf text = buf_make(TEXT_MAX);
    (void)state;
    catalogue_markdown(&c, &text);
    assert_true(buf_ok(&text));
    compare("few", "md", buf_str(&text));
    buf_free(&text);
}

static void test_the_reference_is_the_tables(void **state)
{
    struct catalogue c;
    struct buf text = buf_make(TEXT_MAX);
    (void)state;
    catalogue_select(&c, NULL, NULL);
    catalogue_markdown(&c, &text);
    assert_true(buf_ok(&text));
    golden_compare("docs/actions.md", buf_str(&text));
    buf_free(&text);
    catalogue_free(&c);
}

static void expect_nearest(const char *name, const char *expected)
{
    struct buf near = buf_make(TEXT_MAX);
    catalogue_nearest(name, &near);
    assert_true(buf_ok(&near));
    assert_string_equal(buf_str(&near), expected);
    buf_free(&near);
}

static void test_the_nearest_names(void **state)
{
    (void)state;
    expect_nearest("ad_tag", "add_tag");
    expect_nearest("ec2_stop_instances", "ec2_stop_instance");
    expect_nearest("stop_workspace", "workspaces_stop_workspace");
    expect_nearest("frobnicate", "");
    expect_nearest("", "");
}

/* --- the IAM policy --- */

static void expect_policy(const char *name, struct config *config)
{
    struct catalogue c = few();
    struct buf text = buf_make(TEXT_MAX);
    catalogue_iam_policy(&c, config, &text);
    assert_true(buf_ok(&text));
    compare(name, "policy", buf_str(&text));
    buf_free(&text);
    config_free(config);
}

static void test_policies_by_configuration(void **state)
{
    (void)state;
    unsetenv("AWS_REGION");
    unsetenv("AWS_DEFAULT_REGION");
    expect_policy("none", load("none"));
    expect_policy("sources", load("sources"));
    expect_policy("govcloud", load("govcloud"));
    expect_policy("directory", load("directory"));
}

static void test_the_partition_of_the_environments_region(void **state)
{
    (void)state;
    setenv("AWS_REGION", "cn-north-1", 1);
    expect_policy("china", load("none"));
    unsetenv("AWS_REGION");
}

/* Each permission of an action once, in a catalogue of one action. */
struct many {
    char text[1000][64];
    const char *permissions[1001];
    struct action action;
    const struct action *at[1];
};

static struct catalogue make_many(struct many *m, size_t count)
{
    *m = (struct many){.action = start};
    for (size_t i = 0; i < count; i++) {
        snprintf(m->text[i], sizeof m->text[i], "service%zu:DescribeTheThings%04zu", i / 100, i);
        m->permissions[i] = m->text[i];
    }
    m->action.permissions = m->permissions;
    m->at[0] = &m->action;
    return (struct catalogue){.at = m->at, .count = 1};
}

/* Reads policies, a line each, checks their length, and counts the permissions for all resources.
 */
static size_t read_lines(const char *text, size_t *documents)
{
    size_t found = 0;
    for (*documents = 0; *text; ++*documents) {
        size_t n = strcspn(text, "\n"), i;
        json_t *document = json_loadb(text, n, 0, NULL), *statement;
        assert_non_null(document);
        assert_in_range(n, 1, IAM_POLICY_MAX);
        assert_string_equal(json_string_value(json_object_get(document, "Version")), "2012-10-17");
        json_array_foreach(json_object_get(document, "Statement"), i, statement) {
            if (json_is_string(json_object_get(statement, "Resource")))
                found += json_array_size(json_object_get(statement, "Action"));
            assert_true(json_array_size(json_object_get(statement, "Action")) > 0 ||
                        json_is_string(json_object_get(statement, "Action")));
        }
        json_decref(document);
        text += n + (text[n] ? 1 : 0);
    }
    return found;
}

static void expect_split(size_t permissions, size_t documents)
{
    static struct many many;
    struct catalogue c = make_many(&many, permissions);
    struct config *config = load("sources");
    struct buf text = buf_make(TEXT_MAX);
    size_t lines;
    catalogue_iam_policy(&c, config, &text);
    assert_true(buf_ok(&text));
    assert_int_equal(read_lines(buf_str(&text), &lines), permissions);
    assert_int_equal(lines, documents);
    buf_free(&text);
    config_free(config);
}

static void test_long_policies_lose_white_space_and_are_split(void **state)
{
    (void)state;
    unsetenv("AWS_REGION");
    unsetenv("AWS_DEFAULT_REGION");
    expect_split(140, 1);
    expect_split(200, 2);
    expect_split(1000, 6);
}

/* --- the Azure role --- */

/* What a file of this text stands for. */
static struct subscriptions *read_subscriptions(const char *text)
{
    char path[] = "/tmp/subscriptions-XXXXXX";
    struct subscriptions_options options = {.path = path,
                                            .standard = getenv("AZURE_SUBSCRIPTION_ID")};
    struct err err = ERR_INIT;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    struct subscriptions *s = subscriptions_new(&options, &err);
    if (!s)
        fail_msg("%s", err.message);
    unlink(path);
    return s;
}

/* listed: the text of subscriptions_file; NULL: none. */
static void expect_role(const char *name, struct config *config, const char *listed)
{
    struct catalogue c = few();
    struct buf text = buf_make(TEXT_MAX);
    struct subscriptions *s = listed ? read_subscriptions(listed) : NULL;
    catalogue_azure_role(&c, config, s, &text);
    assert_true(buf_ok(&text));
    compare(name, "role", buf_str(&text));
    subscriptions_free(s);
    buf_free(&text);
}

static void test_roles_by_configuration(void **state)
{
    static const char listed[] = "Production, 99999999-2222-3333-4444-555555555555\r\n"
                                 "99999999-2222-3333-4444-555555555555,"
                                 "\"99999999-2222-3333-4444-aaaaaaaaaaaa\", \"Sales, Europe\"\n";
    struct config *azure = load("azure"), *blob = load("azure-blob"), *none = load("none");
    (void)state;
    unsetenv("AZURE_SUBSCRIPTION_ID");
    expect_role("none", none, NULL);
    expect_role("azure", azure, listed);
    expect_role("azure-blob", blob, listed);
    setenv("AZURE_SUBSCRIPTION_ID", "77777777-2222-3333-4444-555555555555", 1);
    expect_role("default-subscription", blob, "99999999-2222-3333-4444-555555555555");
    expect_role("none", none, NULL);
    unsetenv("AZURE_SUBSCRIPTION_ID");
    blob->sources[0].connection_string = strdup("AccountName=a;AccountKey=b");
    expect_role("connection-string", blob, "none that is an id");
    config_free(azure);
    config_free(blob);
    config_free(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_json_is_the_catalogues),
        cmocka_unit_test(test_a_selection_is_sorted_by_name),
        cmocka_unit_test(test_what_is_disabled_is_left_out),
        cmocka_unit_test(test_the_json_of_a_few),
        cmocka_unit_test(test_the_table),
        cmocka_unit_test(test_one_in_full),
        cmocka_unit_test(test_markdown_takes_nothing_for_markup),
        cmocka_unit_test(test_the_reference_is_the_tables),
        cmocka_unit_test(test_the_nearest_names),
        cmocka_unit_test(test_policies_by_configuration),
        cmocka_unit_test(test_the_partition_of_the_environments_region),
        cmocka_unit_test(test_long_policies_lose_white_space_and_are_split),
        cmocka_unit_test(test_roles_by_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
