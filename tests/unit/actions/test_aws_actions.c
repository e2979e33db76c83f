/* Tests of what AWS actions do before any call: hostile IDs, missing attributes, parameters. No
 * action reaches the network here: struct aws has none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "actions/aws/call.h"
#include "actions/aws/rds.h"
#include "lib/base/clock.h"

/* --- ids --- */

static const char *const hostile[] = {
    "",
    " ",
    "x",
    "i-",
    "../../../etc/passwd",
    "i-0123456789abcdef0/../x",
    "i-0123456789abcdef0?Action=TerminateInstances",
    "i-0123456789abcdef0&Action=TerminateInstances",
    "i-0123456789abcdef0#",
    "i-0123456789abcdef0\r\nX-Amz-Target: x",
    " i-0123456789abcdef0",
    "i-0123456789abcdef0 ",
    "i-0123456789ABCDEF0",
    "i-0123456789abcdef01",
    "i-0123456",
    "I-0123456789abcdef0",
    "vol-0123456789abcdef0g",
    "a/b",
    "a\\b",
    "a%2fb",
    "<x>",
    "${x}",
    "$(x)",
    "'; DROP TABLE x; --",
    "\xC3\xBC\xE2\x98\x85",
    "arn:aws:iam::123456789012:user/",
    "arn:aws:iam::123456789012:user/a?b",
    "arn:aws:iam::123456789012:user/a b",
    "arn:aws:s3:::",
    "arn:aws:s3:::a/b",
    "arn:aws:sqs:us-east-1:123456789012:a b",
    "arn:aws:lambda:us-east-1:123456789012:function:f/../g",
    "https://sqs.us-east-1.amazonaws.com/123456789012/x",
};

struct fixture {
    struct step_ctx ctx;
    json_t *resource;
    json_t *params;
};

/* Every string parameter gets a valid value: the resource is tested. */
static json_t *some_params(const struct action *action)
{
    json_t *given = json_object();
    for (const struct action_param *p = action->params; p && p->name; p++)
        if (p->type == PARAM_STRING)
            json_object_set_new(given, p->name, json_string("something"));
    struct err err = ERR_INIT;
    json_t *params = action_params(action, given, &err);
    json_decref(given);
    assert_non_null(params);
    return params;
}

static struct fixture make(const struct action *action, struct aws *aws, json_t *resource)
{
    struct fixture f = {.resource = resource, .params = some_params(action)};
    f.ctx = (struct step_ctx){
        .action = action,
        .resource = f.resource,
        .params = f.params,
        .state = json_object(),
        .run_id = "run-1",
        .account = "123456789012",
        .region = "us-east-1",
        .partition = "aws",
        .aws = aws,
        .clock = &system_clock,
        .err = ERR_INIT,
    };
    return f;
}

static void drop(struct fixture *f)
{
    json_decref(f->ctx.state);
    json_decref(f->params);
    json_decref(f->resource);
}

static struct aws *aws;

static int set_up(void **state)
{
    static const struct aws_options options = {.region = "us-east-1", .clock = &system_clock};
    struct err err = ERR_INIT;
    (void)state;
    unsetenv("AWS_ENDPOINT_URL");
    unsetenv("AWS_ENDPOINT_URL_SQS");
    setenv("AWS_CONFIG_FILE", "/nonexistent", 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent", 1);
    aws = aws_new(&options, &err);
    if (!aws)
        print_error("%s\n", err.message);
    return aws ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    aws_free(aws);
    return 0;
}

/* A resource that contains the text in every place for an ID. */
static json_t *resource_of(const struct action *action, const char *type, const char *text)
{
    (void)action;
    return json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:s, s:s, s:s, s:s, s:s}}", "id", text, "name",
                     text, "arn", text, "type", type, "attributes", "Instance ID", text, "VPC ID",
                     text, "Group ID", text, "Snapshot ID", text, "Network ACL ID", text,
                     "Queue Url", text);
}

/* Whether the action's check has accepted the resource. */
static bool passes(const struct action *action, const char *type, const char *text)
{
    struct fixture f = make(action, aws, resource_of(action, type, text));
    bool ok = action->check(&f.ctx);
    if (!ok) {
        assert_int_equal(f.ctx.err.kind, ERR_INVALID);
        assert_string_not_equal(f.ctx.err.message, "");
        assert_string_equal(f.ctx.err.code, "");
    }
    drop(&f);
    return ok;
}

/* A name may be valid where an ID of another kind is not ("x" is a user's name), so what is
 * accepted must at least be plain. */
static void expect_plain(const struct action *action, const char *type, const char *text)
{
    if (!passes(action, type, text))
        return;
    if (strpbrk(text, "/?#&%<>$'\"\\ \r\n\t") && strncmp(text, "https://sqs.", 12) != 0)
        fail_msg("%s accepts \"%s\" for a %s", action->name, text, type);
    if (!*text)
        fail_msg("%s accepts a %s without an ID", action->name, type);
}

/* Whether the action reads an ID of the resource: two read only a parameter. */
static bool reads_resource(const struct action *action)
{
    return action->cloud == CLOUD_AWS && strcmp(action->name, "ec2_delete_key_pair") != 0 &&
           strcmp(action->name, "kms_enable_rotation") != 0;
}

static void test_hostile_ids_are_refused_by_every_action(void **state)
{
    (void)state;
    for (const struct action *const *a = action_table; *a; a++) {
        if (!reads_resource(*a))
            continue;
        assert_non_null((*a)->check);
        for (const char *const *type = (*a)->resource_types; *type; type++)
            for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++)
                expect_plain(*a, *type, hostile[i]);
    }
}

static void test_a_resource_without_anything_is_refused_by_every_action(void **state)
{
    (void)state;
    for (const struct action *const *a = action_table; *a; a++) {
        if (!reads_resource(*a))
            continue;
        struct fixture f = make(*a, aws, json_object());
        assert_false((*a)->check(&f.ctx));
        assert_int_equal(f.ctx.err.kind, ERR_INVALID);
        drop(&f);
    }
}

/* --- EC2 ids --- */

static void expect_ec2(json_t *resource, const char *attribute, const char *id, const char *error)
{
    struct step_ctx ctx = {
        .resource = resource,
        .account = "123456789012",
        .region = "us-east-1",
        .partition = "aws",
        .err = ERR_INIT,
    };
    const char *got = act_ec2_id(&ctx, attribute, "i-");
    if (id) {
        assert_non_null(got);
        assert_string_equal(got, id);
    } else {
        assert_null(got);
        assert_int_equal(ctx.err.kind, ERR_INVALID);
        assert_string_equal(ctx.err.message, error);
    }
    json_decref(resource);
}

#define I         "i-0123456789abcdef0"
#define I_ARN     "arn:aws:ec2:us-east-1:123456789012:instance/"
#define NOT_AN_ID "which is not a valid ID of an EC2 instance (i-...)"

/* A resource with these, of which each may be NULL. */
static json_t *instance(const char *attribute, const char *id, const char *arn)
{
    return json_pack("{s:s*, s:s*, s:{s:s*}}", "id", id, "arn", arn, "attributes", "Instance ID",
                     attribute);
}

static void test_an_ec2_id_is_in_its_attribute_in_id_or_in_the_arn(void **state)
{
    (void)state;
    expect_ec2(instance(I, NULL, NULL), "Instance ID", I, NULL);
    expect_ec2(instance(NULL, "i-01234567", NULL), "Instance ID", "i-01234567", NULL);
    expect_ec2(instance("", I, ""), "Instance ID", I, NULL);
    expect_ec2(instance(NULL, NULL, I_ARN I), "Instance ID", I, NULL);
    expect_ec2(instance(I, I, I_ARN I), "Instance ID", I, NULL);
    expect_ec2(instance(I, I_ARN I, I_ARN I), "Instance ID", I, NULL);
    expect_ec2(instance("ignored", I, NULL), NULL, I, NULL);
}

static void test_no_place_of_an_ec2_id_stands_in_for_another(void **state)
{
    (void)state;
    expect_ec2(instance("x", I, I_ARN I), "Instance ID", NULL,
               "attribute \"Instance ID\" is \"x\", " NOT_AN_ID);
    expect_ec2(instance(I, "x", I_ARN I), "Instance ID", NULL,
               "the resource's \"id\" is \"x\", " NOT_AN_ID);
    expect_ec2(instance(NULL, "vol-01234567", NULL), NULL, NULL,
               "the resource's \"id\" is \"vol-01234567\", " NOT_AN_ID);
    expect_ec2(instance(I, "i-01234567", NULL), "Instance ID", NULL,
               "attribute \"Instance ID\" is \"" I "\", but its \"id\" contains \"i-01234567\"");
    expect_ec2(instance(NULL, I, I_ARN "i-01234567"), "Instance ID", NULL,
               "the resource's \"id\" is \"" I "\", but its \"arn\" contains \"i-01234567\"");
    expect_ec2(
        instance(I, I, "arn:aws:ec2:us-east-1:123456789012:volume/vol-01234567"), NULL, NULL,
        "the resource's \"arn\" is \"arn:aws:ec2:us-east-1:123456789012:volume/vol-01234567\", "
        "an ARN of ec2:volume; the action needs an EC2 instance (ec2:instance)");
    expect_ec2(instance(I, I, "x"), NULL, NULL,
               "the resource's \"arn\" is \"x\", which is not a valid ARN");
    expect_ec2(
        json_object(), "Instance ID", NULL,
        "the resource does not identify an EC2 instance: attribute \"Instance ID\", \"id\" and "
        "\"arn\" are missing");
}

static void test_what_an_event_may_tell_beside_the_resource(void **state)
{
    struct step_ctx ctx = {.err = ERR_INIT};
    const char *id;
    json_t *resource = json_pack("{s:s, s:{s:s, s:s, s:i}}", "id", I, "attributes", "VPC ID",
                                 "vpc-01234567", "x", I, "n", 7);
    (void)state;
    ctx.resource = resource;
    assert_true(act_ec2_attribute(&ctx, "VPC ID", "vpc-", &id));
    assert_string_equal(id, "vpc-01234567");
    assert_true(act_ec2_attribute(&ctx, "none", "vpc-", &id)); /* It is not taken from `id`. */
    assert_null(id);
    assert_false(act_ec2_attribute(&ctx, "x", "vpc-", &id));
    assert_string_equal(ctx.err.message,
                        "attribute \"x\" is \"" I "\", which is not a valid ID of a VPC (vpc-...)");
    assert_false(act_ec2_attribute(&ctx, "n", "vpc-", &id));
    json_decref(resource);
}

static void test_ec2_ids(void **state)
{
    (void)state;
    assert_true(ec2_id_valid("vol-01234567", "vol-"));
    assert_true(ec2_id_valid("vol-0123456789abcdef0", "vol-"));
    assert_false(ec2_id_valid("vol-0123456", "vol-"));
    assert_false(ec2_id_valid("vol-0123456789abcdef01", "vol-"));
    assert_false(ec2_id_valid("snap-01234567", "vol-"));
    assert_false(ec2_id_valid("vol-0123456g", "vol-"));
    assert_false(ec2_id_valid("", "vol-"));
}

/* --- names and ARNs --- */

static bool word(const char *name)
{
    return act_name_valid(name, "-", 1, 20);
}

static const struct act_naming things = {
    .what = "a thing",
    .service = "svc",
    .prefix = "thing/",
    .path = true,
    .valid = word,
    .fields = {"id", "name"},
};

static void expect_name(json_t *resource, const char *name, const char *error)
{
    struct step_ctx ctx = {
        .resource = resource,
        .account = "123456789012",
        .region = "us-east-1",
        .partition = "aws",
        .err = ERR_INIT,
    };
    const char *got = act_name(&ctx, &things);
    if (name) {
        if (!got)
            fail_msg("%s", ctx.err.message);
        assert_string_equal(got, name);
    } else {
        assert_null(got);
        assert_string_equal(ctx.err.message, error);
    }
    json_decref(resource);
}

#define ARN   "arn:aws:svc:us-east-1:123456789012:thing/"
#define NO_ID "which is not a valid name of a thing"

static void test_a_name_comes_from_the_arn_or_a_field(void **state)
{
    (void)state;
    expect_name(json_pack("{s:s}", "arn", ARN "a"), "a", NULL);
    expect_name(json_pack("{s:s}", "arn", ARN "path/to/a"), "a", NULL);
    expect_name(json_pack("{s:s, s:s}", "arn", ARN "a", "id", "a"), "a", NULL);
    expect_name(json_pack("{s:s, s:s}", "arn", ARN "a", "id", ARN "a"), "a", NULL);
    expect_name(json_pack("{s:s}", "arn", "arn:aws:svc::123456789012:thing/a"), "a", NULL);
    expect_name(json_pack("{s:s}", "id", "a"), "a", NULL);
    expect_name(json_pack("{s:s}", "id", ARN "a"), "a", NULL);
    expect_name(json_pack("{s:s, s:s, s:s}", "id", "", "name", "a", "arn", ""), "a", NULL);
}

/* After an `id`, a `name` is for display only. */
static void test_a_name_for_people_decides_nothing(void **state)
{
    (void)state;
    expect_name(json_pack("{s:s, s:s, s:s}", "arn", ARN "a", "id", "a", "name", "Other one!"), "a",
                NULL);
    expect_name(json_pack("{s:s, s:s}", "id", "a", "name", "b"), "a", NULL);
    expect_name(json_pack("{s:s, s:i}", "id", "a", "name", 7), NULL,
                "the resource's \"name\" is not a string");
}

static void test_what_is_malformed_gives_way_to_nothing(void **state)
{
    (void)state;
    expect_name(json_pack("{s:s, s:s}", "arn", ARN "a", "id", "no name!"), NULL,
                "the resource's \"id\" is \"no name!\", " NO_ID);
    expect_name(json_pack("{s:s, s:s}", "id", "no name!", "name", "a"), NULL,
                "the resource's \"id\" is \"no name!\", " NO_ID);
    expect_name(json_pack("{s:i, s:s}", "id", 7, "arn", ARN "a"), NULL,
                "the resource's \"id\" is not a string");
    expect_name(json_pack("{s:s, s:[s]}", "id", "a", "arn", ARN "a"), NULL,
                "the resource's \"arn\" is not a string");
    expect_name(json_pack("{s:s, s:s}", "arn", "thing/a", "id", "a"), NULL,
                "the resource's \"arn\" is \"thing/a\", which is not a valid ARN");
    expect_name(json_pack("{s:s, s:s}", "name", "no name!", "arn", ARN "a"), NULL,
                "the resource's \"name\" is \"no name!\", " NO_ID);
    expect_name(json_pack("{s:s, s:s}", "name", "b", "arn", ARN "a"), NULL,
                "the resource's \"name\" is \"b\", but its \"arn\" contains \"a\"");
    expect_name(json_pack("{s:s, s:s}", "arn", ARN "p/a", "id", ARN "q/a"), NULL,
                "the resource's \"id\" and its \"arn\" are different ARNs");
}

static void test_an_arn_of_another_kind_is_not_none(void **state)
{
    (void)state;
    expect_name(json_pack("{s:s, s:s}", "arn", "arn:aws:other:us-east-1:123456789012:x", "id", "a"),
                NULL,
                "the resource's \"arn\" is \"arn:aws:other:us-east-1:123456789012:x\", an ARN of "
                "other; the action needs a thing (svc:thing)");
    expect_name(
        json_pack("{s:s, s:s}", "arn", "arn:aws:svc:us-east-1:123456789012:group:a/b", "id", "a"),
        NULL,
        "the resource's \"arn\" is \"arn:aws:svc:us-east-1:123456789012:group:a/b\", an ARN "
        "of svc:group; the action needs a thing (svc:thing)");
    expect_name(
        json_pack("{s:s}", "id", "arn:aws:svc:us-east-1:123456789012:group/a"), NULL,
        "the resource's \"id\" is \"arn:aws:svc:us-east-1:123456789012:group/a\", an ARN of "
        "svc:group; the action needs a thing (svc:thing)");
}

static void test_names_that_cannot_be_trusted(void **state)
{
    (void)state;
    expect_name(json_pack("{s:s, s:s}", "arn", ARN "a", "id", "b"), NULL,
                "the resource's \"id\" is \"b\", but its \"arn\" contains \"a\"");
    expect_name(json_pack("{s:s}", "id", "a/../b"), NULL,
                "the resource's \"id\" is \"a/../b\", " NO_ID);
    expect_name(json_object(), NULL,
                "the resource does not identify a thing: its \"id\", \"name\" and \"arn\" are "
                "missing");
    static const char *const astray[] = {
        "arn:aws:svc:us-east-1:222222222222:thing/a",
        "arn:aws:svc:eu-west-1:123456789012:thing/a",
        "arn:aws-cn:svc:us-east-1:123456789012:thing/a",
        "arn:aws:svc:us-east-1:123456789012:thing/a?b",
        "arn:aws:svc:us-east-1:123456789012:thing/..",
    };
    for (size_t i = 0; i < sizeof astray / sizeof *astray; i++) {
        char error[256];
        snprintf(error, sizeof error,
                 "the resource's \"arn\" is \"%s\", which is not the ARN of a thing in account "
                 "123456789012 and region us-east-1",
                 astray[i]);
        expect_name(json_pack("{s:s, s:s}", "arn", astray[i], "id", "a"), NULL, error);
    }
}

static void test_long_text_is_cut_between_characters(void **state)
{
    char shown[84], text[200];
    (void)state;
    assert_string_equal(act_shown("short", shown), "short");
    memset(text, 'a', sizeof text);
    text[199] = '\0';
    act_shown(text, shown);
    assert_int_equal(strlen(shown), 83);
    assert_string_equal(shown + 80, "...");
    memcpy(text + 79, "\xE2\x98\x85", 3);
    act_shown(text, shown);
    assert_string_equal(shown + 78, "a...");
}

/* --- snapshots of databases --- */

static void test_final_snapshots_have_ids_that_databases_take(void **state)
{
    char id[SNAPSHOT_ID_SIZE];
    struct step_ctx ctx = {.run_id = "0a1b-2c3d"};
    (void)state;
    assert_string_equal(rds_final_snapshot_id(&ctx, "orders", id), "hyperglance-orders-0a1b-2c3d");
    ctx.run_id = "-a--b-";
    assert_string_equal(rds_final_snapshot_id(&ctx, "orders", id), "hyperglance-orders-a-b");
    ctx.run_id = "";
    assert_string_equal(rds_final_snapshot_id(&ctx, "orders", id), "hyperglance-orders");
}

static void test_database_ids(void **state)
{
    (void)state;
    assert_true(rds_id_valid("orders-1"));
    assert_false(rds_id_valid("db-ABCDEFGHIJ"));
    assert_false(rds_id_valid("1orders"));
    assert_false(rds_id_valid(""));
    assert_false(rds_id_valid("a/b"));
}

/* --- calls --- */

static json_t *written;

static void write_down(struct step_ctx *ctx, const char *service, const char *operation,
                       const json_t *params)
{
    (void)ctx;
    json_array_append_new(written, json_pack("[s, s, O]", service, operation, params));
}

static void test_a_dry_run_writes_changes_down(void **state)
{
    static const struct aws_op change = {&aws_ec2, "StopInstances", .changes = true};
    struct step_ctx ctx = {.plan = true, .planned = write_down, .err = ERR_INIT};
    (void)state;
    written = json_array();
    json_t *answer = act_call(&ctx, &change, json_pack("{s:[s]}", "InstanceId", "i-01234567"));
    char *text = json_dumps(written, JSON_COMPACT);
    assert_string_equal(text, "[[\"ec2\",\"StopInstances\",{\"InstanceId\":[\"i-01234567\"]}]]");
    assert_int_equal(json_object_size(answer), 0);
    free(text);
    json_decref(answer);
    json_decref(written);
}

static void test_parameters_that_could_not_be_built_are_not_sent(void **state)
{
    static const struct aws_op change = {&aws_ec2, "StopInstances", .changes = true};
    struct step_ctx ctx = {.err = ERR_INIT};
    (void)state;
    assert_null(act_call(&ctx, &change, NULL));
    assert_int_equal(ctx.err.kind, ERR_INTERNAL);
    err_set(&ctx.err, ERR_INVALID, "", "the reason");
    assert_null(act_call(&ctx, &change, NULL));
    assert_string_equal(ctx.err.message, "the reason");
}

static void test_dry_run_operation_is_success_only_when_asked_for(void **state)
{
    json_t *on = json_pack("{s:b}", "DryRun", 1), *off = json_pack("{s:b}", "DryRun", 0);
    struct step_ctx ctx = {.params = on, .err = ERR_INIT};
    (void)state;
    err_set(&ctx.err, ERR_PROVIDER, "DryRunOperation", "Request would have succeeded");
    assert_int_equal(act_dry_run_verdict(&ctx), STEP_FINISHED);
    ctx.params = off;
    assert_int_equal(act_dry_run_verdict(&ctx), STEP_FAILED);
    ctx.params = on;
    err_set(&ctx.err, ERR_DENIED, "UnauthorizedOperation", "no");
    assert_int_equal(act_dry_run_verdict(&ctx), STEP_FAILED);
    json_decref(on);
    json_decref(off);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile_ids_are_refused_by_every_action),
        cmocka_unit_test(test_a_resource_without_anything_is_refused_by_every_action),
        cmocka_unit_test(test_an_ec2_id_is_in_its_attribute_in_id_or_in_the_arn),
        cmocka_unit_test(test_no_place_of_an_ec2_id_stands_in_for_another),
        cmocka_unit_test(test_what_an_event_may_tell_beside_the_resource),
        cmocka_unit_test(test_ec2_ids),
        cmocka_unit_test(test_a_name_comes_from_the_arn_or_a_field),
        cmocka_unit_test(test_a_name_for_people_decides_nothing),
        cmocka_unit_test(test_what_is_malformed_gives_way_to_nothing),
        cmocka_unit_test(test_an_arn_of_another_kind_is_not_none),
        cmocka_unit_test(test_names_that_cannot_be_trusted),
        cmocka_unit_test(test_long_text_is_cut_between_characters),
        cmocka_unit_test(test_final_snapshots_have_ids_that_databases_take),
        cmocka_unit_test(test_database_ids),
        cmocka_unit_test(test_a_dry_run_writes_changes_down),
        cmocka_unit_test(test_parameters_that_could_not_be_built_are_not_sent),
        cmocka_unit_test(test_dry_run_operation_is_success_only_when_asked_for),
    };
    return cmocka_run_group_tests_name("aws_actions", tests, set_up, tear_down);
}
