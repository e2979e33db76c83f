/* Tests of what an action creates and then uses: it is not visible everywhere at once, so that the
 * service rejects it for a while. The action waits for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actions/aws/call.h"
#include "tests/unit/action_world.h"

#define MINUTE 60000

#define ERROR(code, message)                                                                       \
    "<R><Errors><Error><Code>" code "</Code><Message>" message "</Message></Error></Errors>"       \
    "<Error><Code>" code "</Code><Message>" message "</Message></Error></R>"
#define S3_ERROR(code) "<Error><Code>" code "</Code><Message>not there</Message></Error>"
#define INSTANCE                                                                                   \
    "{\"id\":\"i-0123456789abcdef0\","                                                             \
    "\"attributes\":{\"VPC ID\":\"vpc-01234567\"}}"
#define DATABASE "{\"id\":\"orders\",\"attributes\":{\"VPC ID\":\"vpc-01234567\"}}"
#define VPC      "{\"id\":\"vpc-01234567\"}"
#define USER     "{\"name\":\"ann\",\"arn\":\"arn:aws:iam::" WORLD_ACCOUNT ":user/ann\"}"
#define BUCKET   "{\"id\":\"the-bucket\"}"
#define NO_RULES "<R><securityGroupRuleSet/><requestId>r</requestId></R>"
#define RULES                                                                                      \
    "<R><securityGroupRuleSet><item><securityGroupRuleId>sgr-1</securityGroupRuleId>"              \
    "<isEgress>true</isEgress></item></securityGroupRuleSet></R>"
#define DENY_DOCUMENT                                                                              \
    "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Deny%22%2C"   \
    "%22Action%22%3A%22%2A%22%2C%22Resource%22%3A%22%2A%22%7D%5D%7D"
#define PROFILE(roles)                                                                             \
    "<InstanceProfile><Arn>arn:aws:iam::" WORLD_ACCOUNT                                            \
    ":instance-profile/reader</Arn><Roles>" roles "</Roles></InstanceProfile>"
#define READER "<member><RoleName>reader</RoleName></member>"

/* Nothing that an action creates exists before. */
static const struct world_answer usual[] = {
    {.op = "DescribeSecurityGroups", .body = "<R><securityGroupInfo/><requestId>r</requestId></R>"},
    {.op = "CreateSecurityGroup", .body = "<R><groupId>sg-01234567</groupId></R>"},
    {.op = "DescribeSecurityGroupRules", .body = RULES},
    {.op = "DescribeNetworkInterfaces",
     .body = "<R><networkInterfaceSet><item><networkInterfaceId>eni-1</networkInterfaceId></item>"
             "</networkInterfaceSet></R>"},
    {.op = "DescribeDBInstances",
     .body = "<R><DescribeDBInstancesResult><DBInstances><DBInstance><DBInstanceStatus>available"
             "</DBInstanceStatus></DBInstance></DBInstances></DescribeDBInstancesResult></R>"},
    {.op = "DescribeNetworkAcls",
     .body = "<R><networkAclSet><item><networkAclId>acl-0000000a</networkAclId><associationSet>"
             "<item><networkAclAssociationId>aclassoc-1</networkAclAssociationId>"
             "<subnetId>subnet-1</subnetId></item></associationSet></item></networkAclSet></R>"},
    {.op = "CreateNetworkAcl",
     .body = "<R><networkAcl><networkAclId>acl-0000000b</networkAclId></networkAcl></R>"},
    {.op = "ListUsers",
     .body = "<R><ListUsersResult><Users><member><UserName>ann</UserName></member></Users>"
             "</ListUsersResult></R>"},
    {.op = "GetPolicy",
     .body = "<R><GetPolicyResult><Policy><DefaultVersionId>v1</DefaultVersionId></Policy>"
             "</GetPolicyResult></R>"},
    {.op = "GetPolicyVersion",
     .body = "<R><GetPolicyVersionResult><PolicyVersion><Document>" DENY_DOCUMENT "</Document>"
             "</PolicyVersion></GetPolicyVersionResult></R>"},
    {.op = "ListInstanceProfilesForRole",
     .body = "<R><ListInstanceProfilesForRoleResult><InstanceProfiles/>"
             "</ListInstanceProfilesForRoleResult></R>"},
    {.op = "CreateInstanceProfile",
     .body = "<R><CreateInstanceProfileResult>" PROFILE("") "</CreateInstanceProfileResult></R>"},
    {.op = "GetInstanceProfile",
     .body = "<R><GetInstanceProfileResult>" PROFILE(READER) "</GetInstanceProfileResult></R>"},
    {.op = "DescribeIamInstanceProfileAssociations",
     .body = "<R><iamInstanceProfileAssociationSet/><requestId>r</requestId></R>"},
    {.op = "HEAD ", .status = 404, .body = ""},
    {.op = "GET policy", .status = 404, .body = S3_ERROR("NoSuchBucketPolicy")},
    {NULL},
};

/* The first two calls of op are answered as if what was created did not exist. */
struct created_case {
    const char *action, *resource, *params;
    const char *op;
    const char *body;
    int status;                         /* 0: 200, an answer that does not list it */
    const struct world_answer *instead; /* NULL; else what is answered to another operation */
};

static const struct world_answer exists[] = {
    {.op = "CreatePolicy", .status = 409, .body = ERROR("EntityAlreadyExists", "it exists")},
    {NULL}};
static const struct world_answer profile_exists[] = {
    {.op = "CreateInstanceProfile",
     .status = 409,
     .body = ERROR("EntityAlreadyExists", "it exists")},
    {NULL}};

static const struct created_case created_cases[] = {
    {"ec2_quarantine_instance", INSTANCE, NULL, "DescribeSecurityGroupRules", NO_RULES, 0, NULL},
    {"ec2_quarantine_instance", INSTANCE, NULL, "DescribeSecurityGroupRules",
     ERROR("InvalidGroup.NotFound", "no such group"), 400, NULL},
    {"ec2_quarantine_instance", INSTANCE, NULL, "RevokeSecurityGroupEgress",
     ERROR("InvalidGroup.NotFound", "no such group"), 400, NULL},
    {"ec2_quarantine_instance", INSTANCE, NULL, "ModifyNetworkInterfaceAttribute",
     ERROR("InvalidGroup.NotFound", "no such group"), 400, NULL},
    {"ec2_quarantine_instance", INSTANCE, NULL, "ModifyNetworkInterfaceAttribute",
     ERROR("InvalidSecurityGroupID.NotFound", "no such group"), 400, NULL},
    {"ec2_quarantine_instance", INSTANCE, NULL, "RevokeSecurityGroupEgress",
     ERROR("InvalidGroupId.NotFound", "no such group"), 400, NULL},
    {"rds_quarantine_instance", DATABASE, NULL, "DescribeSecurityGroupRules", NO_RULES, 0, NULL},
    {"rds_quarantine_instance", DATABASE, NULL, "ModifyDBInstance",
     ERROR("InvalidParameterValue", "Invalid security group , groupId= sg-01234567, groupName=."),
     400, NULL},
    {"vpc_isolate", VPC, NULL, "ReplaceNetworkAclAssociation",
     ERROR("InvalidNetworkAclID.NotFound", "no such ACL"), 400, NULL},
    {"vpc_isolate", VPC, NULL, "AttachUserPolicy", ERROR("NoSuchEntity", "no such policy"), 404,
     NULL},
    {"iam_quarantine_user", USER, NULL, "AttachUserPolicy", ERROR("NoSuchEntity", "no such policy"),
     404, NULL},
    {"iam_quarantine_user", USER, NULL, "GetPolicy", ERROR("NoSuchEntity", "no such policy"), 404,
     exists},
    {"iam_quarantine_user", USER, NULL, "GetPolicyVersion", ERROR("NoSuchEntity", "no such policy"),
     404, exists},
    {"ec2_attach_role", INSTANCE, "{\"Role\":\"reader\"}", "GetInstanceProfile",
     ERROR("NoSuchEntity", "no such profile"), 404, profile_exists},
    {"ec2_attach_role", INSTANCE, "{\"Role\":\"reader\"}", "AddRoleToInstanceProfile",
     ERROR("NoSuchEntity", "no such profile"), 404, NULL},
    {"ec2_attach_role", INSTANCE, "{\"Role\":\"reader\"}", "GetInstanceProfile",
     ERROR("NoSuchEntity", "no such profile"), 404, NULL},
    {"ec2_attach_role", INSTANCE, "{\"Role\":\"reader\"}", "AssociateIamInstanceProfile",
     ERROR("InvalidParameterValue", "Invalid IAM Instance Profile"), 400, NULL},
    {"s3_enable_logging", BUCKET, NULL, "GET policy", S3_ERROR("NoSuchBucket"), 404, NULL},
    {"s3_enable_logging", BUCKET, NULL, "PUT policy", S3_ERROR("NoSuchBucket"), 404, NULL},
    {"s3_enable_logging", BUCKET, NULL, "PUT logging", S3_ERROR("InvalidTargetBucketForLogging"),
     400, NULL},
};

static void expect_waited(struct action_world *w, const struct created_case *c)
{
    struct world_answer first[4] = {
        {.op = c->op, .times = 2, .status = c->status, .body = c->body}};
    if (c->instead)
        first[1] = c->instead[0];
    world_script(w, first, usual);
    struct world_end end = world_act(w, c->action, json_loads(c->resource, 0, NULL),
                                     c->params ? json_loads(c->params, 0, NULL) : NULL);
    if (end.verdict == STEP_FAILED || world_calls(w, c->op, NULL) < 3)
        fail_msg("%s, %s: %s (%d calls)", c->action, c->op, end.error, world_calls(w, c->op, NULL));
    assert_true(end.took_ms > 0 && end.took_ms < 2 * MINUTE);
}

static void test_what_is_not_known_yet_is_waited_for(void **state)
{
    for (size_t i = 0; i < sizeof created_cases / sizeof *created_cases; i++)
        expect_waited(*state, &created_cases[i]);
}

/* If it never becomes visible: the error of the provider, after a while. */
static void test_what_is_never_known_is_errored(void **state)
{
    struct action_world *w = *state;
    for (size_t i = 0; i < sizeof created_cases / sizeof *created_cases; i++) {
        const struct created_case *c = &created_cases[i];
        if (!c->status)
            continue;
        struct world_answer never[4] = {{.op = c->op, .status = c->status, .body = c->body}};
        if (c->instead)
            never[1] = c->instead[0];
        world_script(w, never, usual);
        struct world_end end = world_act(w, c->action, json_loads(c->resource, 0, NULL),
                                         c->params ? json_loads(c->params, 0, NULL) : NULL);
        if (end.verdict != STEP_FAILED || !end.error[0])
            fail_msg("%s, %s: not errored", c->action, c->op);
        /* If a profile is visible but the role cannot be added, the role does not exist. */
        bool seen = strcmp(c->op, "AddRoleToInstanceProfile") == 0;
        assert_true(end.took_ms >= (seen ? MINUTE / 4 : MINUTE) && end.took_ms <= 3 * MINUTE);
    }
}

/* Whether no later call uses what the permission lets an action create. */
static bool is_never_named(const char *permission)
{
    static const char *const never[] = {"ec2:CreateTags", "ec2:CreateSnapshots",
                                        "rds:CreateDBSnapshot", "rds:CreateDBClusterSnapshot",
                                        "redshift:CreateClusterSnapshot"};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        if (strcmp(never[i], permission) == 0)
            return true;
    return false;
}

static void test_every_action_that_creates_has_a_case(void **state)
{
    (void)state;
    for (const struct action *const *a = action_table; *a; a++)
        for (const char *const *p = (*a)->permissions; *p; p++) {
            bool found = !strstr(*p, ":Create") || is_never_named(*p);
            for (size_t i = 0; i < sizeof created_cases / sizeof *created_cases; i++)
                found = found || strcmp(created_cases[i].action, (*a)->name) == 0;
            if (!found)
                fail_msg("%s calls %s: does it wait for what it creates?", (*a)->name, *p);
        }
}

/* --- the outbound rule of a new security group --- */

static void test_the_rule_of_a_new_group_is_revoked_when_it_is_listed(void **state)
{
    struct action_world *w = *state;
    static const struct world_answer late[] = {
        {.op = "DescribeSecurityGroupRules", .times = 3, .body = NO_RULES},
        {.op = "DescribeSecurityGroupRules", .times = 1, .body = RULES},
        {NULL}};
    world_script(w, late, usual);
    struct world_end end =
        world_act(w, "ec2_quarantine_instance", json_loads(INSTANCE, 0, NULL), NULL);
    assert_string_equal(end.error, "");
    assert_int_equal(world_calls(w, "RevokeSecurityGroupEgress", "sgr-1"), 1);
}

static void test_a_rule_that_is_never_listed_is_revoked_by_what_it_says(void **state)
{
    struct action_world *w = *state;
    static const struct world_answer never[] = {
        {.op = "DescribeSecurityGroupRules", .body = NO_RULES}, {NULL}};
    world_script(w, never, usual);
    struct world_end end =
        world_act(w, "ec2_quarantine_instance", json_loads(INSTANCE, 0, NULL), NULL);
    assert_string_equal(end.error, "");
    assert_int_equal(world_calls(w, "RevokeSecurityGroupEgress", "CidrIp=0.0.0.0%2F0"), 1);
    assert_int_equal(world_calls(w, "ModifyNetworkInterfaceAttribute", "sg-01234567"), 1);
}

static void test_a_rule_that_cannot_be_revoked_is_an_error(void **state)
{
    struct action_world *w = *state;
    static const struct world_answer never[] = {
        {.op = "DescribeSecurityGroupRules", .body = NO_RULES},
        {.op = "RevokeSecurityGroupEgress",
         .status = 403,
         .body = ERROR("UnauthorizedOperation", "not for you")},
        {NULL}};
    world_script(w, never, usual);
    struct world_end end =
        world_act(w, "ec2_quarantine_instance", json_loads(INSTANCE, 0, NULL), NULL);
    assert_string_equal(end.error,
                        "UnauthorizedOperation: not for you (RevokeSecurityGroupEgress)");
    assert_int_equal(world_calls(w, "ModifyNetworkInterfaceAttribute", NULL), 0);
}

/* The responses to the creation and the revocation are lost: the group is new, and its rule is
 * gone. The action does not wait for it. */
static void test_lost_answers_of_a_new_group(void **state)
{
    struct action_world *w = *state;
    static const struct world_answer lost[] = {
        {.op = "CreateSecurityGroup", .times = 1, .status = 503, .body = "<R/>"},
        {.op = "DescribeSecurityGroups",
         .times = 1,
         .body = "<R><securityGroupInfo/><requestId>r</requestId></R>"},
        {.op = "DescribeSecurityGroups",
         .body = "<R><securityGroupInfo><item><groupId>sg-01234567</groupId></item>"
                 "</securityGroupInfo></R>"},
        {.op = "DescribeSecurityGroupRules", .times = 2, .body = NO_RULES},
        {.op = "DescribeSecurityGroupRules", .times = 1, .body = RULES},
        {.op = "DescribeSecurityGroupRules", .body = NO_RULES},
        {.op = "RevokeSecurityGroupEgress", .times = 1, .status = 503, .body = "<R/>"},
        {NULL}};
    world_script(w, lost, usual);
    struct world_end end =
        world_act(w, "ec2_quarantine_instance", json_loads(INSTANCE, 0, NULL), NULL);
    assert_string_equal(end.error, "");
    assert_int_equal(world_calls(w, "RevokeSecurityGroupEgress", NULL), 1);
    assert_true(end.took_ms < MINUTE / 2);
}

/* A group without rules, emptied by another run, is not waited for. */
static void test_a_group_that_was_there_is_not_waited_for(void **state)
{
    struct action_world *w = *state;
    static const struct world_answer there[] = {
        {.op = "DescribeSecurityGroups",
         .body = "<R><securityGroupInfo><item><groupId>sg-01234567</groupId></item>"
                 "</securityGroupInfo></R>"},
        {.op = "DescribeSecurityGroupRules", .body = NO_RULES},
        {NULL}};
    world_script(w, there, usual);
    struct world_end end =
        world_act(w, "ec2_quarantine_instance", json_loads(INSTANCE, 0, NULL), NULL);
    assert_string_equal(end.error, "");
    assert_int_equal(end.took_ms, 0);
    assert_int_equal(world_calls(w, "RevokeSecurityGroupEgress", NULL), 0);
}

/* RDS rejects an unknown group like any other invalid parameter. */
static void test_another_parameter_that_rds_refuses_is_not_waited_for(void **state)
{
    struct action_world *w = *state;
    static const struct world_answer other[] = {
        {.op = "ModifyDBInstance",
         .status = 400,
         .body = ERROR("InvalidParameterValue", "Invalid security group , groupId= sg-0fedcba9")},
        {NULL}};
    world_script(w, other, usual);
    struct world_end end =
        world_act(w, "rds_quarantine_instance", json_loads(DATABASE, 0, NULL), NULL);
    assert_string_equal(end.error, "InvalidParameterValue: Invalid security group , groupId= "
                                   "sg-0fedcba9 (ModifyDBInstance)");
    assert_int_equal(world_calls(w, "ModifyDBInstance", NULL), 1);
    assert_int_equal(world_calls(w, "StopDBInstance", NULL), 0);
}

/* --- a profile that holds a role already --- */

static struct world_end attach_to_full(struct action_world *w, const char *holds)
{
    static char profile[512];
    static struct world_answer full[3];
    snprintf(profile, sizeof profile,
             "<R><GetInstanceProfileResult>" PROFILE(
                 "<member><RoleName>%s</RoleName></member>") "</GetInstanceProfileResult></R>",
             holds);
    full[0] = (struct world_answer){.op = "AddRoleToInstanceProfile",
                                    .status = 409,
                                    .body = ERROR("LimitExceeded", "it holds a role")};
    full[1] = (struct world_answer){.op = "GetInstanceProfile", .body = profile};
    world_script(w, full, usual);
    return world_act(w, "ec2_attach_role", json_loads(INSTANCE, 0, NULL),
                     json_loads("{\"Role\":\"reader\"}", 0, NULL));
}

static void test_a_profile_that_holds_the_role_already_is_attached(void **state)
{
    struct action_world *w = *state;
    struct world_end end = attach_to_full(w, "reader");
    assert_string_equal(end.error, "");
    assert_int_equal(world_calls(w, "AssociateIamInstanceProfile", NULL), 1);
}

static void test_a_profile_that_holds_another_role_is_not_attached(void **state)
{
    struct action_world *w = *state;
    struct world_end end = attach_to_full(w, "writer");
    assert_string_equal(end.error, "LimitExceeded: it holds a role (AddRoleToInstanceProfile)");
    assert_int_equal(world_calls(w, "AssociateIamInstanceProfile", NULL), 0);
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

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(test_what_is_not_known_yet_is_waited_for),
        IN_WORLD(test_what_is_never_known_is_errored),
        cmocka_unit_test(test_every_action_that_creates_has_a_case),
        IN_WORLD(test_the_rule_of_a_new_group_is_revoked_when_it_is_listed),
        IN_WORLD(test_a_rule_that_is_never_listed_is_revoked_by_what_it_says),
        IN_WORLD(test_a_rule_that_cannot_be_revoked_is_an_error),
        IN_WORLD(test_lost_answers_of_a_new_group),
        IN_WORLD(test_a_group_that_was_there_is_not_waited_for),
        IN_WORLD(test_another_parameter_that_rds_refuses_is_not_waited_for),
        IN_WORLD(test_a_profile_that_holds_the_role_already_is_attached),
        IN_WORLD(test_a_profile_that_holds_another_role_is_not_attached),
    };
    return cmocka_run_group_tests_name("created", tests, NULL, NULL);
}
