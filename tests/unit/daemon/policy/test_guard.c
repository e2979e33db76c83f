/* Tests of the policy. */
#include "tests/unit/aws_folder.h"

#include "daemon/policy/guard.h"

static const struct action stop = {.name = "ec2_stop_instance", .cloud = CLOUD_AWS};
static const struct action vm_start = {.name = "vm_start", .cloud = CLOUD_AZURE};
static const struct action rg_delete = {
    .name = "generic_rg_delete", .cloud = CLOUD_AZURE, .extra = true};

/* A list of the configuration out of constants. */
#define LIST(...)                                                                                  \
    (struct config_list)                                                                           \
    {                                                                                              \
        .at = (char *[]){__VA_ARGS__},                                                             \
        .count = sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)                            \
    }

static void check_action(const struct config *config, const struct action *action,
                         const char *refusal)
{
    struct err err = ERR_INIT;
    bool ok = guard_action(config, action, &err);
    assert_int_equal(ok, refusal == NULL);
    assert_int_equal(err.kind, refusal == NULL ? ERR_NONE : ERR_DENIED);
    assert_string_equal(err.message, refusal == NULL ? "" : refusal);
}

static void test_all_actions_but_extra_ones_are_offered(void **state)
{
    const struct config config = {.path = NULL};
    (void)state;
    check_action(&config, &stop, NULL);
    check_action(&config, &vm_start, NULL);
    check_action(&config, &rg_delete,
                 "the action \"generic_rg_delete\" is not offered unless [guard] enable_actions "
                 "names it");
}

static void test_only_enabled_actions_are_offered(void **state)
{
    char name[] = "ec2_stop_instance", extra[] = "generic_rg_delete";
    struct config config = {.guard = {.enable_actions = LIST(name, extra)}};
    (void)state;
    check_action(&config, &stop, NULL);
    check_action(&config, &rg_delete, NULL);
    check_action(&config, &vm_start, "the action \"vm_start\" is not among [guard] enable_actions");
}

static void test_disabled_wins_over_enabled(void **state)
{
    char name[] = "ec2_stop_instance";
    struct config config = {.guard = {.enable_actions = LIST(name), .disable_actions = LIST(name)}};
    (void)state;
    check_action(&config, &stop,
                 "the action \"ec2_stop_instance\" is disabled by [guard] disable_actions");
    config.guard.enable_actions.count = 0;
    check_action(&config, &stop,
                 "the action \"ec2_stop_instance\" is disabled by [guard] disable_actions");
    check_action(&config, &vm_start, NULL);
}

static void check_resource(const struct config *config, const struct action *action,
                           const char *account, const char *region, const char *resource,
                           const char *refusal)
{
    struct err err = ERR_INIT;
    json_t *value = json_loads(resource, 0, NULL);
    assert_non_null(value);
    bool ok = guard_resource(config, action, account, region, value, &err);
    assert_int_equal(ok, refusal == NULL);
    assert_int_equal(err.kind, refusal == NULL ? ERR_NONE : ERR_DENIED);
    assert_string_equal(err.message, refusal == NULL ? "" : refusal);
    json_decref(value);
}

static void test_nothing_is_refused_without_settings(void **state)
{
    const struct config config = {.path = NULL};
    (void)state;
    check_resource(&config, &stop, "1", "us-east-1", "{\"tags\":5}", NULL);
    check_resource(&config, &vm_start, "s", "", "{}", NULL);
}

static void test_accounts(void **state)
{
    char one[] = "111111111111", two[] = "222222222222", subscription[] = "AB-1";
    struct config config = {
        .guard = {.allow_accounts = LIST(one, two), .allow_subscriptions = LIST(subscription)}};
    (void)state;
    check_resource(&config, &stop, "222222222222", "us-east-1", "{}", NULL);
    check_resource(&config, &stop, "333333333333", "us-east-1", "{}",
                   "the account \"333333333333\" is not among [guard] allow_accounts");
    check_resource(&config, &stop, "", "us-east-1", "{}",
                   "the account \"\" is not among [guard] allow_accounts");
    check_resource(&config, &vm_start, "ab-1", "", "{}", NULL);
    check_resource(&config, &vm_start, "111111111111", "", "{}",
                   "the subscription \"111111111111\" is not among [guard] allow_subscriptions");
}

static void test_regions(void **state)
{
    char aws[] = "us-east-1", azure[] = "westeurope";
    struct config config = {.guard = {.allow_regions = LIST(aws, azure)}};
    (void)state;
    check_resource(&config, &stop, "1", "us-east-1", "{\"region\":\"eu-west-1\"}", NULL);
    check_resource(&config, &stop, "1", "us-east-11", "{\"region\":\"us-east-1\"}",
                   "the region \"us-east-11\" is not among [guard] allow_regions");
    check_resource(&config, &stop, "1", "US-EAST-1", "{}",
                   "the region \"US-EAST-1\" is not among [guard] allow_regions");
    check_resource(&config, &vm_start, "s", "", "{\"region\":\"westeurope\"}", NULL);
    check_resource(&config, &vm_start, "s", "", "{\"region\":\"West Europe\"}", NULL);
    check_resource(&config, &vm_start, "s", "", "{\"region\":\"westeurope2\"}",
                   "the region \"westeurope2\" is not among [guard] allow_regions");
    check_resource(&config, &vm_start, "s", "", "{}",
                   "the region \"\" is not among [guard] allow_regions");
    check_resource(&config, &vm_start, "s", "", "{\"region\":5}",
                   "the region \"\" is not among [guard] allow_regions");
}

/* IAM has no regions: "global" or none in the event, and where its calls go says nothing. */
static void test_what_has_no_region_is_in_no_forbidden_one(void **state)
{
    static const struct action iam = {
        .name = "iam_delete_access_key", .cloud = CLOUD_AWS, .global = true};
    char west[] = "eu-west-1", account[] = "111111111111";
    struct config config = {
        .guard = {.allow_regions = LIST(west), .allow_accounts = LIST(account)}};
    (void)state;
    check_resource(&config, &iam, account, "us-east-1", "{\"region\":\"global\"}", NULL);
    check_resource(&config, &iam, account, "us-east-1", "{}", NULL);
    check_resource(&config, &iam, "222222222222", "us-east-1", "{}",
                   "the account \"222222222222\" is not among [guard] allow_accounts");
    check_resource(&config, &stop, account, "us-east-1", "{}",
                   "the region \"us-east-1\" is not among [guard] allow_regions");
}

static void test_only_azure_is_asked_where_a_resource_is(void **state)
{
    char europe[] = "westeurope";
    const struct config config = {.guard = {.allow_regions = LIST(europe)}}, none = {.path = NULL};
    (void)state;
    assert_true(guard_needs_location(&config, &vm_start));
    assert_false(guard_needs_location(&config, &stop));
    assert_false(guard_needs_location(&none, &vm_start));
}

#define PROTECTED(key)                                                                             \
    "the resource has the tag \"" key "\" and is protected by [guard] protect_tags"
#define UNCLEAR                                                                                    \
    "the resource's tags are not an object, so that [guard] protect_tags cannot be checked"

#define UNKNOWN                                                                                    \
    "the event does not contain the tags of the resource, so that [guard] protect_tags cannot be " \
    "checked"

static void test_tags_of_aws(void **state)
{
    char key[] = "keep", pair[] = "env=prod", empty[] = "none=", equals[] = "a=b=c";
    struct config config = {.guard = {.protect_tags = LIST(key, pair, empty, equals)}};
    static const struct {
        const char *resource, *refusal;
    } cases[] = {
        {"{}", UNKNOWN},
        {"{\"tags\":{}}", NULL},
        {"{\"tags\":{\"env\":\"test\",\"Keep\":\"1\",\"keeper\":\"1\",\"kee\":\"1\"}}", NULL},
        {"{\"tags\":{\"x\":\"1\",\"keep\":\"\"}}", PROTECTED("keep")},
        {"{\"tags\":{\"keep\":null}}", PROTECTED("keep")},
        {"{\"tags\":{\"env\":\"prod\"}}", PROTECTED("env")},
        {"{\"tags\":{\"env\":\"Prod\"}}", NULL},
        {"{\"tags\":{\"env\":\"production\"}}", NULL},
        {"{\"tags\":{\"Env\":\"prod\"}}", NULL},
        {"{\"tags\":{\"env\":[\"prod\"]}}", PROTECTED("env")},
        {"{\"tags\":{\"none\":\"\"}}", PROTECTED("none")},
        {"{\"tags\":{\"none\":\"x\"}}", NULL},
        {"{\"tags\":{\"a\":\"b=c\"}}", PROTECTED("a")},
        {"{\"tags\":{\"a=b\":\"c\"}}", PROTECTED("a=b")},
        {"{\"tags\":{\"env=prod\":\"x\"}}", PROTECTED("env=prod")},
        {"{\"tags\":null}", UNCLEAR},
        {"{\"tags\":[]}", UNCLEAR},
        {"{\"tags\":[{\"Key\":\"x\",\"Value\":\"y\"}]}", UNCLEAR},
        {"{\"tags\":\"env=prod\"}", UNCLEAR},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_resource(&config, &stop, "1", "us-east-1", cases[i].resource, cases[i].refusal);
}

static void test_tags_of_azure_have_keys_of_any_case(void **state)
{
    char key[] = "keep", pair[] = "env=prod";
    struct config config = {.guard = {.protect_tags = LIST(key, pair)}};
    (void)state;
    check_resource(&config, &vm_start, "s", "", "{\"tags\":{\"KEEP\":\"1\"}}", PROTECTED("KEEP"));
    check_resource(&config, &vm_start, "s", "", "{\"tags\":{\"Env\":\"prod\"}}", PROTECTED("Env"));
    check_resource(&config, &vm_start, "s", "", "{\"tags\":{\"Env\":\"PROD\"}}", NULL);
    check_resource(&config, &vm_start, "s", "", "{\"tags\":{\"x\":\"keep\"}}", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_actions_but_extra_ones_are_offered),
        cmocka_unit_test(test_only_enabled_actions_are_offered),
        cmocka_unit_test(test_disabled_wins_over_enabled),
        cmocka_unit_test(test_nothing_is_refused_without_settings),
        cmocka_unit_test(test_accounts),
        cmocka_unit_test(test_regions),
        cmocka_unit_test(test_what_has_no_region_is_in_no_forbidden_one),
        cmocka_unit_test(test_only_azure_is_asked_where_a_resource_is),
        cmocka_unit_test(test_tags_of_aws),
        cmocka_unit_test(test_tags_of_azure_have_keys_of_any_case),
    };
    return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
