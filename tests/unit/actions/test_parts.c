/* Tests of resources of many parts: a rejection of the first part does not keep an action from the
 * others, for every action that has parts; and of the state of the parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actions/aws/call.h"
#include "actions/parts.h"
#include "tests/unit/action_world.h"

/* --- the first of two parts is refused --- */

#define XML_REFUSAL                                                                                \
    "<R><Errors><Error><Code>AccessDenied</Code><Message>not for you</Message></Error></Errors>"   \
    "<Error><Code>AccessDenied</Code><Message>not for you</Message></Error>"                       \
    "<RequestId>r-1</RequestId></R>"
#define S3_REFUSAL                                                                                 \
    "<Error><Code>AccessDenied</Code><Message>not for you</Message><RequestId>r-1</RequestId></"   \
    "Error>"
#define JSON_REFUSAL "{\"__type\":\"AccessDeniedException\",\"message\":\"not for you\"}"

#define INSTANCE "{\"id\":\"i-0123456789abcdef0\",\"attributes\":{\"VPC ID\":\"vpc-01234567\"}}"
#define USER     "{\"name\":\"ann\",\"arn\":\"arn:aws:iam::" WORLD_ACCOUNT ":user/ann\"}"
#define CLUSTER  "{\"arn\":\"arn:aws:ecs:us-east-1:" WORLD_ACCOUNT ":cluster/jobs\"}"
#define TASK(id) "arn:aws:ecs:us-east-1:" WORLD_ACCOUNT ":task/jobs/" id

#define GROUP                                                                                      \
    "<R><securityGroupInfo><item><groupId>sg-01234567</groupId></item></securityGroupInfo></R>"
#define ACLS(entries)                                                                              \
    "<R><networkAclSet><item><networkAclId>acl-0000000a</networkAclId><associationSet>"            \
    "<item><networkAclAssociationId>aclassoc-1</networkAclAssociationId>"                          \
    "<subnetId>subnet-1</subnetId></item>"                                                         \
    "<item><networkAclAssociationId>aclassoc-2</networkAclAssociationId>"                          \
    "<subnetId>subnet-2</subnetId></item></associationSet></item>"                                 \
    "<item><networkAclId>acl-0000000b</networkAclId><tagSet><item>"                                \
    "<key>hyperglance:isolation</key></item></tagSet><entrySet>" entries                           \
    "</entrySet></item></networkAclSet></R>"
#define ENTRY(n)                                                                                   \
    "<item><ruleNumber>" n "</ruleNumber><ruleAction>allow</ruleAction><egress>true</egress></"    \
    "item>"
#define KEY(id)                                                                                    \
    "<member><AccessKeyId>" id "</AccessKeyId><Status>Active</Status>"                             \
    "<CreateDate>2020-01-01T00:00:00Z</CreateDate></member>"
#define VERSION(key)                                                                               \
    "<Version><Key>" key "</Key><VersionId>null</VersionId>"                                       \
    "<LastModified>2020-01-01T00:00:00.000Z</LastModified></Version>"
#define ADDRESS(ip, n)                                                                             \
    "<item><publicIp>" ip "</publicIp><allocationId>eipalloc-" n "</allocationId>"                 \
    "<associationId>eipassoc-" n "</associationId></item>"

/* The responses for every row below without its own. */
static const struct world_answer usual[] = {
    {.op = "DescribeSecurityGroups", .body = GROUP},
    {.op = "DescribeSecurityGroupRules", .body = "<R><securityGroupRuleSet/><x>1</x></R>"},
    {.op = "DescribeNetworkInterfaces",
     .body = "<R><networkInterfaceSet>"
             "<item><networkInterfaceId>eni-1</networkInterfaceId></item>"
             "<item><networkInterfaceId>eni-2</networkInterfaceId></item>"
             "</networkInterfaceSet></R>"},
    {.op = "DescribeNetworkAcls", .body = ACLS(ENTRY("1") ENTRY("2"))},
    {.op = "ListUsers",
     .body = "<R><ListUsersResult><Users><member><UserName>bob</UserName></member>"
             "<member><UserName>ann</UserName></member></Users></ListUsersResult></R>"},
    {.op = "ListAccessKeys",
     .body = "<R><ListAccessKeysResult><AccessKeyMetadata>" KEY("AKIA1")
         KEY("AKIA2") "</AccessKeyMetadata></ListAccessKeysResult></R>"},
    {.op = "GetAccessKeyLastUsed",
     .body = "<R><GetAccessKeyLastUsedResult><AccessKeyLastUsed/><UserName>ann</UserName>"
             "</GetAccessKeyLastUsedResult></R>"},
    {.op = "ListTasks", .body = "{\"taskArns\":[\"" TASK("t2") "\",\"" TASK("t1") "\"]}"},
    {.op = "DescribeAddresses",
     .body = "<R><addressesSet>" ADDRESS("192.0.2.1", "1")
         ADDRESS("192.0.2.2", "2") "</addressesSet></R>"},
    {.op = "GET versions",
     .times = 1,
     .body = "<R><IsTruncated>true</IsTruncated><NextKeyMarker>b</NextKeyMarker>"
             "<NextVersionIdMarker>null</NextVersionIdMarker>" VERSION("a") VERSION("b") "</R>"},
    {.op = "GET versions",
     .times = 1,
     .holds = "key-marker=a",
     .body = "<R><IsTruncated>false</IsTruncated>" VERSION("c") "</R>"},
    {.op = "POST delete", .holds = "<Key>c</Key>", .body = "<DeleteResult/>"},
    {NULL},
};

/* The call for the first part is rejected; the call for the second must be made all the same. */
struct part_case {
    const char *action;
    const char *resource;
    const char *op;
    const char *first, *second; /* what the calls hold */
    const char *refusal;
    int status;
    const char *error;
    const struct world_answer *more; /* instead of `usual` where that has no row; NULL: none */
};

static const struct part_case part_cases[] = {
    {"ec2_quarantine_instance", INSTANCE, "ModifyNetworkInterfaceAttribute", "eni-1", "eni-2",
     XML_REFUSAL, 403,
     "AccessDenied: 1 of 2 network interfaces failed (\"eni-1\"), 1 done; the first error: not for "
     "you "
     "(ModifyNetworkInterfaceAttribute, request id r-1)",
     NULL},
    {"vpc_isolate", "{\"id\":\"vpc-01234567\"}", "DeleteNetworkAclEntry", "RuleNumber=1",
     "RuleNumber=2", XML_REFUSAL, 403,
     "AccessDenied: 1 of 6 network ACL rules, subnets and users failed (\"outbound rule 1 of the "
     "network ACL\"), 5 done; the first error: not for you (DeleteNetworkAclEntry, request id r-1)",
     NULL},
    {"vpc_isolate", "{\"id\":\"vpc-01234567\"}", "ReplaceNetworkAclAssociation", "aclassoc-1",
     "aclassoc-2", XML_REFUSAL, 403,
     "AccessDenied: 1 of 6 network ACL rules, subnets and users failed (\"subnet-1\"), 5 done; the "
     "first error: not for you (ReplaceNetworkAclAssociation, request id r-1)",
     NULL},
    {"vpc_isolate", "{\"id\":\"vpc-01234567\"}", "AttachUserPolicy", "UserName=ann", "UserName=bob",
     XML_REFUSAL, 403,
     "AccessDenied: 1 of 6 network ACL rules, subnets and users failed (\"ann\"), 5 done; the "
     "first "
     "error: not for you (AttachUserPolicy, request id r-1)",
     NULL},
    {"iam_revoke_access_key", USER, "UpdateAccessKey", "AKIA1", "AKIA2", XML_REFUSAL, 403,
     "AccessDenied: 1 of 2 access keys failed (\"AKIA1\"), 1 done; the first error: not for you "
     "(UpdateAccessKey, request id r-1)",
     NULL},
    {"iam_delete_access_key", USER, "DeleteAccessKey", "AKIA1", "AKIA2", XML_REFUSAL, 403,
     "AccessDenied: 1 of 2 access keys failed (\"AKIA1\"), 1 done; the first error: not for you "
     "(DeleteAccessKey, request id r-1)",
     NULL},
    {"iam_deactivate_unused_access_keys", USER, "UpdateAccessKey", "AKIA1", "AKIA2", XML_REFUSAL,
     403,
     "AccessDenied: 1 of 2 access keys failed (\"AKIA1\"), 1 done; the first error: not for you "
     "(UpdateAccessKey, request id r-1)",
     NULL},
    {"iam_deactivate_unused_access_keys", USER, "GetAccessKeyLastUsed", "AKIA1", "AKIA2",
     XML_REFUSAL, 403,
     "AccessDenied: 1 of 2 access keys failed (\"AKIA1\"), 1 done; the first error: not for you "
     "(GetAccessKeyLastUsed, request id r-1)",
     NULL},
    {"ecs_stop", CLUSTER, "StopTask", "/t1", "/t2", JSON_REFUSAL, 400,
     "AccessDeniedException: 1 of 2 tasks failed (\"t1\"), 1 done; the first error: not for you "
     "(StopTask)",
     NULL},
    {"ec2_release_eips", INSTANCE, "DisassociateAddress", "eipassoc-1", "eipassoc-2", XML_REFUSAL,
     403,
     "AccessDenied: 1 of 2 Elastic IP addresses failed (\"192.0.2.1\"), 1 done; the first error: "
     "not "
     "for you (DisassociateAddress, request id r-1)",
     NULL},
    {"ec2_release_eips", INSTANCE, "ReleaseAddress", "eipalloc-1", "eipalloc-2", XML_REFUSAL, 403,
     "AccessDenied: 1 of 2 Elastic IP addresses failed (\"192.0.2.1\"), 1 done; the first error: "
     "not "
     "for you (ReleaseAddress, request id r-1)",
     NULL},
    /* The first page has an object that is held by Object Lock; another page follows. */
    {"s3_clear_bucket", "{\"id\":\"the-bucket\"}", "POST delete", "<Key>a</Key>", "<Key>c</Key>",
     "<DeleteResult><Error><Key>a</Key><Code>AccessDenied</Code><Message>not for you</Message>"
     "</Error></DeleteResult>",
     200,
     "AccessDenied: 1 of 3 objects and versions failed (\"a\"), 2 done; the first error: not for "
     "you "
     "(DeleteObjects)",
     NULL},
};

static void expect_others_done(struct action_world *w, const struct part_case *c)
{
    const struct world_answer refused[] = {
        {.op = c->op, .holds = c->first, .status = c->status, .body = c->refusal}, {NULL}};
    world_script(w, refused, usual);
    struct world_end end = world_act(w, c->action, json_loads(c->resource, 0, NULL), NULL);
    if (end.verdict != STEP_FAILED || strcmp(end.error, c->error) != 0)
        print_error("%s, %s rejected:\n", c->action, c->op);
    assert_string_equal(end.error, c->error);
    assert_int_equal(end.verdict, STEP_FAILED);
    assert_int_equal(world_calls(w, c->op, c->first), 1);
    if (world_calls(w, c->op, c->second) != 1)
        fail_msg("%s: %s for the second part came %d times", c->action, c->op,
                 world_calls(w, c->op, c->second));
}

static void test_the_first_of_two_parts_is_refused(void **state)
{
    for (size_t i = 0; i < sizeof part_cases / sizeof *part_cases; i++)
        expect_others_done(*state, &part_cases[i]);
}

/* Actions that list or describe something, but have no independent parts. */
static const char *const whole[] = {
    "add_tag",                           /* reads tags */
    "ebs_delete_volume",                 /* each instance must let go of it, or it stays */
    "ec2_attach_role",                   /* one association */
    "ec2_delete_internet_gateway",       /* one VPC */
    "ec2_detach_role",                   /* one association */
    "ec2_snapshot_instance",             /* one call makes all snapshots */
    "ec2_terminate_instance",            /* one call */
    "iam_delete_default_policy_version", /* two versions, the second change needs the first */
    "iam_user_attach_policy",            /* one policy */
    "iam_user_detach_group",             /* one group */
    "rds_aurora_delete_cluster",         /* with one member left the cluster stays: no more goes */
    "rds_quarantine_instance",           /* one instance */
    "rds_terminate_instance",            /* one instance */
    "redshift_delete_cluster",           /* one cluster */
    "s3_enable_logging",                 /* s3:ListBucket is what HeadBucket needs */
    "sg_delete_rules",                   /* one call revokes all of a direction */
    "update_tag",                        /* one call removes all keys */
    "workspaces_start_workspace",
    "workspaces_stop_workspace",
    "workspaces_terminate_workspace",
};

static bool has_case(const char *action)
{
    for (size_t i = 0; i < sizeof part_cases / sizeof *part_cases; i++)
        if (strcmp(part_cases[i].action, action) == 0)
            return true;
    return false;
}

static bool is_whole(const char *action)
{
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (strcmp(whole[i], action) == 0)
            return true;
    return false;
}

static void test_every_action_that_lists_has_a_case_or_a_reason(void **state)
{
    (void)state;
    for (const struct action *const *a = action_table; *a; a++)
        for (const char *const *p = (*a)->permissions; (*a)->cloud == CLOUD_AWS && *p; p++)
            if ((strstr(*p, ":List") || strstr(*p, ":Describe")) && !has_case((*a)->name) &&
                !is_whole((*a)->name))
                fail_msg("%s calls %s: does it have parts?", (*a)->name, *p);
}

/* --- faults that may pass --- */

static void test_a_fault_that_passes_is_not_put_aside(void **state)
{
    struct action_world *w = *state;
    static const struct world_answer busy[] = {
        {.op = "UpdateAccessKey", .holds = "AKIA1", .times = 2, .status = 503, .body = "<R/>"},
        {NULL}};
    world_script(w, busy, usual);
    struct world_end end = world_act(w, "iam_revoke_access_key", json_loads(USER, 0, NULL), NULL);
    assert_string_equal(end.error, "");
    assert_int_equal(end.verdict, STEP_DONE);
    assert_int_equal(world_calls(w, "UpdateAccessKey", "AKIA1"), 3);
    assert_int_equal(world_calls(w, "UpdateAccessKey", "AKIA2"), 1);
}

/* A page with an object that is held and one that fails temporarily: it is tried again as a whole,
 * and the held one is counted once. */
static void test_a_page_that_is_tried_again_counts_once(void **state)
{
    struct action_world *w = *state;
    static const struct world_answer busy[] = {
        {.op = "POST delete",
         .holds = "<Key>a</Key>",
         .times = 1,
         .body = "<DeleteResult><Error><Key>a</Key><Code>AccessDenied</Code></Error>"
                 "<Error><Key>b</Key><Code>InternalError</Code></Error></DeleteResult>"},
        {.op = "POST delete",
         .holds = "<Key>a</Key>",
         .body = "<DeleteResult><Error><Key>a</Key><Code>AccessDenied</Code></Error>"
                 "</DeleteResult>"},
        {.op = "GET versions",
         .holds = "key-marker=a",
         .body = "<R><IsTruncated>false</IsTruncated></R>"},
        {.op = "GET versions",
         .body = "<R><IsTruncated>true</IsTruncated><NextKeyMarker>b</NextKeyMarker>" VERSION("a")
             VERSION("b") "</R>"},
        {NULL}};
    world_script(w, busy, NULL);
    struct world_end end =
        world_act(w, "s3_clear_bucket", json_loads("{\"id\":\"the-bucket\"}", 0, NULL), NULL);
    assert_string_equal(
        end.error, "AccessDenied: 1 of 2 objects and versions failed (\"a\"), 1 done; the first "
                   "error: not deleted (DeleteObjects)");
}

/* --- the book --- */

static struct step_ctx book_ctx(const struct fake_clock *clock)
{
    return (struct step_ctx){
        .state = json_object(), .clock = &clock->clock, .err = ERR_INIT, .step_since_ms = 1};
}

static void refuse(struct step_ctx *ctx, const char *part)
{
    err_set(&ctx->err, ERR_DENIED, "AccessDenied", "not for you, %s", part);
    assert_int_equal(parts_settle(ctx, STEP_FAILED, part), STEP_DONE);
    assert_int_equal(ctx->err.kind, ERR_NONE);
}

static void test_many_failures_stay_small(void **state)
{
    struct fake_clock clock = fake_clock_make(WORLD_START);
    struct step_ctx ctx = book_ctx(&clock);
    char name[1001], text[2048];
    (void)state;
    memset(name, 'x', 1000);
    name[1000] = '\0';
    for (int i = 0; i < 1000; i++)
        refuse(&ctx, name);
    char *kept = json_dumps(ctx.state, JSON_COMPACT);
    assert_true(strlen(kept) < 2500);
    free(kept);
    assert_int_equal(parts_conclude(&ctx, "things"), STEP_FAILED);
    err_text(&ctx.err, text, sizeof text);
    assert_non_null(strstr(text, "AccessDenied: 1000 of 1000 things failed (\"xxx"));
    assert_non_null(strstr(text, "...\" and 998 more), 0 done; the first error: not for you, xxx"));
    json_decref(ctx.state);
}

static void test_the_names_of_a_few(void **state)
{
    struct fake_clock clock = fake_clock_make(WORLD_START);
    struct step_ctx ctx = book_ctx(&clock);
    (void)state;
    assert_int_equal(parts_conclude(&ctx, "things"), STEP_DONE);
    refuse(&ctx, "a");
    refuse(&ctx, "b");
    assert_int_equal(parts_settle(&ctx, STEP_DONE, "c"), STEP_DONE);
    assert_int_equal(parts_conclude(&ctx, "things"), STEP_FAILED);
    assert_string_equal(
        ctx.err.message,
        "2 of 3 things failed (\"a\", \"b\"), 1 done; the first error: not for you, a");
    assert_int_equal(ctx.err.kind, ERR_PROVIDER);
    json_decref(ctx.state);
}

static void test_what_is_not_the_parts_fault_ends_the_step(void **state)
{
    static const enum err_kind kinds[] = {ERR_TRANSIENT,   ERR_THROTTLED,   ERR_BUSY,
                                          ERR_UNAVAILABLE, ERR_CREDENTIALS, ERR_EXPIRED,
                                          ERR_INTERNAL};
    struct fake_clock clock = fake_clock_make(WORLD_START);
    struct step_ctx ctx = book_ctx(&clock);
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        err_set(&ctx.err, kinds[i], "", "no");
        assert_int_equal(parts_settle(&ctx, STEP_FAILED, "a"), STEP_FAILED);
        assert_int_equal(ctx.err.kind, kinds[i]);
    }
    assert_int_equal(parts_failed(&ctx), 0);
    json_decref(ctx.state);
}

static void test_what_is_final_is_the_parts_own(void **state)
{
    static const enum err_kind kinds[] = {ERR_INVALID,      ERR_NOT_FOUND, ERR_CONFLICT,
                                          ERR_PRECONDITION, ERR_DENIED,    ERR_LIMIT,
                                          ERR_PROVIDER};
    struct fake_clock clock = fake_clock_make(WORLD_START);
    struct step_ctx ctx = book_ctx(&clock);
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        err_set(&ctx.err, kinds[i], "", "no");
        assert_int_equal(parts_settle(&ctx, STEP_FAILED, "a"), STEP_DONE);
        assert_int_equal(parts_failed(&ctx), i + 1);
    }
    json_decref(ctx.state);
}

/* The step is old, but the second part is rejected for the first time. */
static void test_each_part_has_its_own_patience(void **state)
{
    struct fake_clock clock = fake_clock_make(WORLD_START);
    struct step_ctx ctx = book_ctx(&clock);
    (void)state;
    for (int part = 0; part < 2; part++) {
        err_set(&ctx.err, ERR_NOT_FOUND, "InvalidGroup.NotFound", "not yet");
        assert_int_equal(parts_retry(&ctx, 60000), STEP_AGAIN);
        clock.now_ms += 60000;
        assert_int_equal(parts_retry(&ctx, 60000), STEP_FAILED);
        assert_string_equal(ctx.err.code, "InvalidGroup.NotFound");
        assert_int_equal(parts_settle(&ctx, STEP_FAILED, "a"), STEP_DONE);
    }
    assert_int_equal(parts_failed(&ctx), 2);
    assert_int_equal(ctx.step_since_ms, 1);
    json_decref(ctx.state);
}

static void test_a_state_of_nonsense_does_no_harm(void **state)
{
    static const char *const nonsense[] = {
        "{\"parts\":7}",
        "{\"parts\":[]}",
        "{\"parts\":{\"failed\":-1,\"done\":\"x\",\"since\":[]}}",
        "{\"parts\":{\"failed\":3,\"names\":7,\"first\":[]}}",
        "{\"parts\":{\"failed\":1,\"names\":[7,{}],\"first\":{\"code\":7}}}",
    };
    struct fake_clock clock = fake_clock_make(WORLD_START);
    (void)state;
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        struct step_ctx ctx = {
            .state = json_loads(nonsense[i], 0, NULL), .clock = &clock.clock, .err = ERR_INIT};
        err_set(&ctx.err, ERR_DENIED, "x", "no");
        parts_settle(&ctx, STEP_FAILED, "a");
        parts_settle(&ctx, STEP_DONE, "a");
        parts_retry(&ctx, 1000);
        parts_conclude(&ctx, "things");
        json_decref(ctx.state);
    }
}

/* --- */

static struct action_world world;

static int set_up(void **state)
{
    action_world_start(&world);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    action_world_stop(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_first_of_two_parts_is_refused, set_up, tear_down),
        cmocka_unit_test(test_every_action_that_lists_has_a_case_or_a_reason),
        cmocka_unit_test_setup_teardown(test_a_fault_that_passes_is_not_put_aside, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_page_that_is_tried_again_counts_once, set_up,
                                        tear_down),
        cmocka_unit_test(test_many_failures_stay_small),
        cmocka_unit_test(test_the_names_of_a_few),
        cmocka_unit_test(test_what_is_not_the_parts_fault_ends_the_step),
        cmocka_unit_test(test_what_is_final_is_the_parts_own),
        cmocka_unit_test(test_each_part_has_its_own_patience),
        cmocka_unit_test(test_a_state_of_nonsense_does_no_harm),
    };
    return cmocka_run_group_tests_name("parts", tests, NULL, NULL);
}
