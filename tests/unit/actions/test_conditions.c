/* Tests of what actions do depending on what they read: a parent that does not exist, a policy with
 * different content, a bucket that fills again, a cluster that cannot be deleted, a response
 * without a list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actions/aws/ec2.h"
#include "tests/unit/action_world.h"

#define ERROR(code, message)                                                                       \
    "<R><Errors><Error><Code>" code "</Code><Message>" message "</Message></Error></Errors>"       \
    "<Error><Code>" code "</Code><Message>" message "</Message></Error></R>"
#define INSTANCE "{\"id\":\"i-0123456789abcdef0\",\"attributes\":{\"VPC ID\":\"vpc-01234567\"}}"
#define USER     "{\"name\":\"ann\",\"arn\":\"arn:aws:iam::" WORLD_ACCOUNT ":user/ann\"}"
#define CLUSTER  "{\"arn\":\"arn:aws:ecs:us-east-1:" WORLD_ACCOUNT ":cluster/jobs\"}"
#define POLICY   "{\"arn\":\"arn:aws:iam::" WORLD_ACCOUNT ":policy/mine\"}"
#define GROUP    "{\"id\":\"sg-01234567\"}"
#define BUCKET   "{\"id\":\"the-bucket\"}"
#define AURORA   "{\"id\":\"shop\"}"

static json_t *parsed(const char *text)
{
    json_t *value = text ? json_loads(text, 0, NULL) : NULL;
    if (text)
        assert_non_null(value);
    return value;
}

/* --- a parent that is not there has no children --- */

/* An empty listing: of a parent without children, and of none. */
static const struct world_answer empty[] = {
    {.op = "DescribeAddresses", .body = "<R><addressesSet/><requestId>r</requestId></R>"},
    {.op = "DescribeSecurityGroupRules",
     .body = "<R><securityGroupRuleSet/><requestId>r</requestId></R>"},
    {.op = "DescribeSecurityGroups", .body = "<R><securityGroupInfo/><requestId>r</requestId></R>"},
    {.op = "DescribeNetworkInterfaces",
     .body = "<R><networkInterfaceSet/><requestId>r</requestId></R>"},
    {.op = "DescribeIamInstanceProfileAssociations",
     .body = "<R><iamInstanceProfileAssociationSet/><requestId>r</requestId></R>"},
    {.op = "DescribeInstances", .body = "<R><reservationSet/><requestId>r</requestId></R>"},
    {.op = "DescribeNetworkAcls", .body = "<R><networkAclSet/><requestId>r</requestId></R>"},
    {NULL},
};

struct parent_case {
    const char *action, *resource, *params;
    struct world_answer refusal; /* the response for the parent that does not exist */
    const char *error;
};

#define NO_USER(op_)                                                                               \
    {                                                                                              \
        .op = op_, .status = 404, .body = ERROR("NoSuchEntity", "no such user")                    \
    }

static const struct parent_case parent_cases[] = {
    {"sg_delete_rules",
     GROUP,
     NULL,
     {.op = "DescribeSecurityGroups",
      .status = 400,
      .body = ERROR("InvalidGroup.NotFound", "no such group")},
     "InvalidGroup.NotFound: no such group (DescribeSecurityGroups)"},
    {"sg_delete_rules",
     GROUP,
     NULL,
     {.op = "none"},
     "there is no security group sg-01234567 in region us-east-1"},
    {"ec2_release_eips",
     INSTANCE,
     NULL,
     {.op = "DescribeInstances",
      .holds = "InstanceId.1=i-0123456789abcdef0",
      .status = 400,
      .body = ERROR("InvalidInstanceID.NotFound", "no such instance")},
     "InvalidInstanceID.NotFound: no such instance (DescribeInstances)"},
    {"ec2_release_eips",
     INSTANCE,
     NULL,
     {.op = "none"},
     "there is no instance i-0123456789abcdef0 in region us-east-1"},
    {"ec2_detach_role",
     INSTANCE,
     "{\"Role\":\"reader\"}",
     {.op = "DescribeInstances",
      .status = 400,
      .body = ERROR("InvalidInstanceID.NotFound", "no such instance")},
     "InvalidInstanceID.NotFound: no such instance (DescribeInstances)"},
    {"ec2_attach_role",
     INSTANCE,
     "{\"Role\":\"reader\"}",
     {.op = "ListInstanceProfilesForRole",
      .status = 404,
      .body = ERROR("NoSuchEntity", "no such role")},
     "NoSuchEntity: no such role (ListInstanceProfilesForRole)"},
    {"ec2_quarantine_instance",
     INSTANCE,
     NULL,
     {.op = "none"},
     "i-0123456789abcdef0 has no network interface; it may be terminated"},
    {"vpc_isolate",
     "{\"id\":\"vpc-01234567\"}",
     NULL,
     {.op = "ModifyVpcAttribute",
      .status = 400,
      .body = ERROR("InvalidVpcID.NotFound", "no such VPC")},
     "InvalidVpcID.NotFound: no such VPC (ModifyVpcAttribute)"},
    {"ecs_stop",
     CLUSTER,
     NULL,
     {.op = "ListTasks",
      .status = 400,
      .body = "{\"__type\":\"ClusterNotFoundException\",\"message\":\"no such cluster\"}"},
     "ClusterNotFoundException: no such cluster (ListTasks)"},
    {"iam_revoke_access_key", USER, NULL, NO_USER("ListAccessKeys"),
     "NoSuchEntity: no such user (ListAccessKeys)"},
    {"iam_delete_access_key", USER, NULL, NO_USER("ListAccessKeys"),
     "NoSuchEntity: no such user (ListAccessKeys)"},
    {"iam_deactivate_unused_access_keys", USER, NULL, NO_USER("ListAccessKeys"),
     "NoSuchEntity: no such user (ListAccessKeys)"},
    {"iam_user_detach_group", USER, "{\"Group\":\"admins\"}", NO_USER("ListGroupsForUser"),
     "NoSuchEntity: no such user (ListGroupsForUser)"},
    {"iam_delete_default_policy_version",
     POLICY,
     NULL,
     {.op = "ListPolicyVersions", .status = 404, .body = ERROR("NoSuchEntity", "no such policy")},
     "NoSuchEntity: no such policy (ListPolicyVersions)"},
    {"rds_quarantine_instance",
     "{\"id\":\"orders\"}",
     NULL,
     {.op = "DescribeDBInstances",
      .status = 404,
      .body = ERROR("DBInstanceNotFound", "no such instance")},
     "DBInstanceNotFound: no such instance (DescribeDBInstances)"},
};

static void test_a_parent_that_is_not_there_is_errored(void **state)
{
    struct action_world *w = *state;
    for (size_t i = 0; i < sizeof parent_cases / sizeof *parent_cases; i++) {
        const struct parent_case *c = &parent_cases[i];
        const struct world_answer refused[] = {c->refusal, {NULL}};
        world_script(w, refused, empty);
        struct world_end end = world_act(w, c->action, parsed(c->resource), parsed(c->params));
        if (end.verdict != STEP_FAILED)
            print_error("%s: processed (%s)\n", c->action, end.note);
        assert_string_equal(end.error, c->error);
    }
}

/* Actions for which an empty listing needs no check of the parent. */
static const char *const needs_none[] = {
    "add_tag",                        /* EC2 rejects tags of what does not exist */
    "update_tag",                     /* a resource without the tag is errored */
    "ebs_delete_volume",              /* what is gone is deleted */
    "ec2_delete_internet_gateway",    /* what is gone is deleted */
    "ec2_snapshot_instance",          /* EC2 rejects snapshots of what does not exist */
    "ec2_terminate_instance",         /* what is gone is terminated */
    "iam_user_attach_policy",         /* IAM rejects an unknown user */
    "rds_aurora_delete_cluster",      /* what is gone is deleted */
    "rds_terminate_instance",         /* what is gone is deleted */
    "redshift_delete_cluster",        /* what is gone is deleted */
    "s3_clear_bucket",                /* a bucket that is gone is empty */
    "s3_enable_logging",              /* S3 rejects it */
    "workspaces_start_workspace",     /* rejected by name */
    "workspaces_stop_workspace",      /* rejected by name */
    "workspaces_terminate_workspace", /* what is gone is terminated */
};

static void test_every_action_that_lists_knows_its_parent(void **state)
{
    (void)state;
    for (const struct action *const *a = action_table; *a; a++)
        for (const char *const *p = (*a)->permissions; (*a)->cloud == CLOUD_AWS && *p; p++) {
            bool found = !strstr(*p, ":List") && !strstr(*p, ":Describe");
            for (size_t i = 0; i < sizeof parent_cases / sizeof *parent_cases; i++)
                found = found || strcmp(parent_cases[i].action, (*a)->name) == 0;
            for (size_t i = 0; i < sizeof needs_none / sizeof *needs_none; i++)
                found = found || strcmp(needs_none[i], (*a)->name) == 0;
            if (!found)
                fail_msg("%s calls %s: what if the parent does not exist?", (*a)->name, *p);
        }
}

static const struct world_answer instance_there[] = {
    {.op = "DescribeInstances",
     .body = "<R><reservationSet><item><instancesSet><item><instanceId>i-0123456789abcdef0"
             "</instanceId></item></instancesSet></item></reservationSet></R>"},
    {.op = "DescribeSecurityGroups",
     .body = "<R><securityGroupInfo><item><groupId>sg-01234567</groupId></item>"
             "</securityGroupInfo></R>"},
    {NULL}};

/* After a takeover, addresses that are disassociated are found by what the earlier owner has
 * stored. One that is associated with something else is left alone. */
static void test_addresses_of_an_earlier_owner(void **state)
{
    static const struct world_answer answers[] = {
        {.op = "DescribeAddresses",
         .holds = "allocation-id",
         .body = "<R><addressesSet><item><allocationId>eipalloc-00000001</allocationId></item>"
                 "<item><allocationId>eipalloc-00000002</allocationId>"
                 "<associationId>eipassoc-00000002</associationId></item>"
                 "<item><allocationId>eipalloc-00000003</allocationId>"
                 "<networkInterfaceId>eni-00000003</networkInterfaceId></item>"
                 "</addressesSet></R>"},
        {.op = "DescribeAddresses", .body = "<R><addressesSet/><requestId>r</requestId></R>"},
        {NULL}};
    struct action_world *w = *state;
    world_script(w, answers, instance_there);
    struct world_end end = world_act_from(
        w, "ec2_release_eips", parsed(INSTANCE), NULL,
        parsed("{\"addresses\":[{\"allocation\":\"eipalloc-00000001\"},"
               "{\"allocation\":\"eipalloc-00000002\"},{\"allocation\":\"eipalloc-00000003\"}]}"));
    assert_int_equal(end.verdict, STEP_DONE);
    assert_int_equal(world_calls(w, "ReleaseAddress", "eipalloc-00000001"), 1);
    assert_int_equal(world_calls(w, "ReleaseAddress", NULL), 1);
    assert_int_equal(world_calls(w, "DisassociateAddress", NULL), 0);
}

static void test_a_parent_without_children_is_processed(void **state)
{
    struct action_world *w = *state;
    world_script(w, instance_there, empty);
    struct world_end end = world_act(w, "ec2_release_eips", parsed(INSTANCE), NULL);
    assert_string_equal(end.error, "");
    assert_string_equal(end.note, "the instance has no Elastic IP address");
    end = world_act(w, "ec2_detach_role", parsed(INSTANCE), parsed("{\"Role\":\"reader\"}"));
    assert_string_equal(end.error, "");
    assert_string_equal(end.note, "the instance does not have the role");
    end = world_act(w, "sg_delete_rules", parsed(GROUP), NULL);
    assert_string_equal(end.error, "");
}

/* "NoSuchEntity" may refer to the password or the user. */
static void test_a_user_without_a_password_and_no_user(void **state)
{
    struct action_world *w = *state;
    static const struct world_answer none[] = {
        NO_USER("DeleteLoginProfile"), {.op = "GetUser", .body = "<R><x>1</x></R>"}, {NULL}};
    static const struct world_answer nobody[] = {
        NO_USER("DeleteLoginProfile"), NO_USER("GetUser"), {NULL}};
    world_script(w, none, NULL);
    struct world_end end = world_act(w, "iam_disable_user_console_password", parsed(USER), NULL);
    assert_string_equal(end.error, "");
    assert_string_equal(end.note, "the user has no console password");
    world_script(w, nobody, NULL);
    end = world_act(w, "iam_disable_user_console_password", parsed(USER), NULL);
    assert_string_equal(end.error, "NoSuchEntity: no such user (DeleteLoginProfile)");
}

/* --- addresses of a Local Zone --- */

static void test_an_address_is_released_in_its_border_group(void **state)
{
    struct action_world *w = *state;
    static const struct world_answer local[] = {
        {.op = "DescribeAddresses",
         .body = "<R><addressesSet><item><publicIp>192.0.2.1</publicIp>"
                 "<allocationId>eipalloc-1</allocationId>"
                 "<networkBorderGroup>us-east-1-bos-1</networkBorderGroup></item>"
                 "<item><publicIp>192.0.2.2</publicIp><allocationId>eipalloc-2</allocationId>"
                 "</item></addressesSet></R>"},
        {NULL}};
    world_script(w, local, NULL);
    struct world_end end = world_act(w, "ec2_release_eips", parsed(INSTANCE), NULL);
    assert_string_equal(end.error, "");
    assert_int_equal(world_calls(w, "ReleaseAddress", NULL), 2);
    assert_int_equal(world_calls(w, "ReleaseAddress", "NetworkBorderGroup"), 1);
    assert_int_equal(world_calls(w, "ReleaseAddress", "AllocationId=eipalloc-1"), 1);
    assert_int_equal(world_calls(w, "ReleaseAddress", "NetworkBorderGroup=us-east-1-bos-1"), 1);
}

/* An address that was released otherwise is done. Any other rejection is reported. */
static void test_an_address_that_is_gone_is_released(void **state)
{
    struct action_world *w = *state;
    static const struct world_answer one[] = {
        {.op = "DescribeAddresses",
         .body = "<R><addressesSet><item><publicIp>192.0.2.1</publicIp>"
                 "<allocationId>eipalloc-1</allocationId></item></addressesSet></R>"},
        {NULL}};
    static const struct world_answer gone[] = {
        {.op = "ReleaseAddress",
         .status = 400,
         .body = ERROR("InvalidAllocationID.NotFound", "no such address")},
        {NULL}};
    static const struct world_answer locked[] = {
        {.op = "ReleaseAddress",
         .status = 400,
         .body = ERROR("InvalidAddress.Locked", "not this one")},
        {NULL}};
    world_script(w, gone, one);
    struct world_end end = world_act(w, "ec2_release_eips", parsed(INSTANCE), NULL);
    assert_string_equal(end.error, "");
    assert_int_equal(world_calls(w, "ReleaseAddress", NULL), 1);
    world_script(w, locked, one);
    end = world_act(w, "ec2_release_eips", parsed(INSTANCE), NULL);
    assert_non_null(strstr(end.error, "InvalidAddress.Locked"));
}

/* --- policies --- */

#define DOCUMENT_ANSWER(document)                                                                  \
    {.op = "CreatePolicy", .status = 409, .body = ERROR("EntityAlreadyExists", "it exists")},      \
        {.op = "GetPolicy",                                                                        \
         .holds = "policy%2Fhyperglance_quarantine_users",                                         \
         .body = "<R><GetPolicyResult><Policy><DefaultVersionId>v3</DefaultVersionId></Policy>"    \
                 "</GetPolicyResult></R>"},                                                        \
        {.op = "GetPolicyVersion",                                                                 \
         .holds = "VersionId=v3",                                                                  \
         .body = "<R><GetPolicyVersionResult><PolicyVersion><Document>" document                   \
                 "</Document></PolicyVersion></GetPolicyVersionResult></R>"},                      \
    {                                                                                              \
        NULL                                                                                       \
    }

static struct world_end quarantine_with(struct action_world *w, const struct world_answer *answers)
{
    world_script(w, answers, NULL);
    return world_act(w, "iam_quarantine_user", parsed(USER), NULL);
}

static void test_a_policy_of_our_name_with_another_content_is_not_attached(void **state)
{
    static const struct world_answer allow[] = {
        DOCUMENT_ANSWER("%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect"
                        "%22%3A%22Allow%22%2C%22Action%22%3A%22%2A%22%2C%22Resource%22%3A%22%2A"
                        "%22%7D%5D%7D")};
    struct world_end end = quarantine_with(*state, allow);
    assert_string_equal(
        end.error,
        "the policy arn:aws:iam::" WORLD_ACCOUNT
        ":policy/hyperglance_quarantine_users exists with different content and was not attached; "
        "delete it, or make this its default version: "
        "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Deny\",\"Action\":\"*\","
        "\"Resource\":\"*\"}]}");
    assert_int_equal(world_calls(*state, "AttachUserPolicy", NULL), 0);
}

static void test_a_policy_of_our_name_that_cannot_be_read_is_not_attached(void **state)
{
    static const struct world_answer broken[] = {DOCUMENT_ANSWER("%7B%22Version%22")};
    struct world_end end = quarantine_with(*state, broken);
    assert_string_equal(end.error, "the document of the policy arn:aws:iam::" WORLD_ACCOUNT
                                   ":policy/hyperglance_quarantine_users cannot be read");
    assert_int_equal(world_calls(*state, "AttachUserPolicy", NULL), 0);
}

/* Order and white space do not matter. */
static void test_a_policy_of_our_name_and_content_is_attached(void **state)
{
    static const struct world_answer same[] = {
        DOCUMENT_ANSWER("%7B%20%22Statement%22%3A%5B%7B%22Resource%22%3A%22%2A%22%2C%22Effect"
                        "%22%3A%22Deny%22%2C%22Action%22%3A%22%2A%22%7D%5D%2C%0A%22Version%22%3A"
                        "%222012-10-17%22%7D")};
    struct world_end end = quarantine_with(*state, same);
    assert_string_equal(end.error, "");
    assert_int_equal(world_calls(*state, "AttachUserPolicy", NULL), 1);
}

static void test_a_vpc_is_not_isolated_by_a_policy_of_somebody_else(void **state)
{
    struct action_world *w = *state;
    static const struct world_answer theirs[] = {
        {.op = "DescribeNetworkAcls", .body = "<R><networkAclSet/><requestId>r</requestId></R>"},
        {.op = "CreateNetworkAcl",
         .body = "<R><networkAcl><networkAclId>acl-0000000b</networkAclId></networkAcl></R>"},
        {.op = "CreatePolicy", .status = 409, .body = ERROR("EntityAlreadyExists", "it exists")},
        {.op = "GetPolicy",
         .body = "<R><GetPolicyResult><Policy><DefaultVersionId>v1</DefaultVersionId></Policy>"
                 "</GetPolicyResult></R>"},
        {.op = "GetPolicyVersion",
         .body = "<R><GetPolicyVersionResult><PolicyVersion><Document>%7B%7D</Document>"
                 "</PolicyVersion></GetPolicyVersionResult></R>"},
        {NULL}};
    world_script(w, theirs, NULL);
    struct world_end end = world_act(w, "vpc_isolate", parsed("{\"id\":\"vpc-01234567\"}"), NULL);
    assert_non_null(strstr(end.error, "policy/isolate_vpc-01234567_access_policy exists with "
                                      "different content and was not attached; delete it, or make "
                                      "this its default version: {\"Version\":\"2012-10-17\""));
    assert_string_equal(end.error + strlen(end.error) - 4, "}}]}");
    assert_int_equal(world_calls(w, "AttachUserPolicy", NULL), 0);
}

#define LISTED(arn) "<member><PolicyName>readers</PolicyName><Arn>" arn "</Arn></member>"
#define MINE        "arn:aws:iam::" WORLD_ACCOUNT ":policy/readers"
#define THEIRS      "arn:aws:iam::aws:policy/job-function/readers"

static void test_two_policies_of_one_name_are_an_error(void **state)
{
    struct action_world *w = *state;
    static const struct world_answer pages[] = {
        {.op = "ListPolicies",
         .times = 1,
         .body = "<R><ListPoliciesResult><IsTruncated>true</IsTruncated><Marker>m</Marker>"
                 "<Policies>" LISTED(MINE) "</Policies></ListPoliciesResult></R>"},
        {.op = "ListPolicies",
         .holds = "Marker=m",
         .body = "<R><ListPoliciesResult><IsTruncated>false</IsTruncated><Policies>" LISTED(
             THEIRS) "</Policies></ListPoliciesResult></R>"},
        {NULL}};
    world_script(w, pages, NULL);
    struct world_end end =
        world_act(w, "iam_user_attach_policy", parsed(USER), parsed("{\"Policy\":\"readers\"}"));
    assert_string_equal(end.error, "more than one policy is named readers (" MINE ", " THEIRS
                                   "); set the parameter \"Policy\" to the ARN of one of them");
    assert_int_equal(world_calls(w, "AttachUserPolicy", NULL), 0);
    end =
        world_act(w, "iam_user_attach_policy", parsed(USER), parsed("{\"Policy\":\"" THEIRS "\"}"));
    assert_string_equal(end.error, "");
    assert_int_equal(world_calls(w, "AttachUserPolicy", "job-function%2Freaders"), 1);
}

/* --- a global database --- */

#define AURORA_ARN "arn:aws:rds:us-east-1:" WORLD_ACCOUNT ":cluster:shop"
#define GLOBAL(arn)                                                                                \
    {                                                                                              \
        .op = "DescribeGlobalClusters",                                                            \
        .body =                                                                                    \
            "<R><DescribeGlobalClustersResult><GlobalClusters><GlobalClusterMember>"               \
            "<GlobalClusterIdentifier>world</GlobalClusterIdentifier><GlobalClusterMembers>"       \
            "<GlobalClusterMember><DBClusterArn>arn:aws:rds:eu-west-1:" WORLD_ACCOUNT              \
            ":cluster:other</DBClusterArn></GlobalClusterMember><GlobalClusterMember>"             \
            "<DBClusterArn>" arn "</DBClusterArn></GlobalClusterMember></GlobalClusterMembers>"    \
            "</GlobalClusterMember></GlobalClusters></DescribeGlobalClustersResult></R>"           \
    }

static const struct world_answer shop[] = {
    {.op = "DescribeDBClusters",
     .body = "<R><DescribeDBClustersResult><DBClusters><DBCluster><DBClusterArn>" AURORA_ARN
             "</DBClusterArn><DeletionProtection>true</DeletionProtection><DBClusterMembers>"
             "<DBClusterMember><DBInstanceIdentifier>shop-1</DBInstanceIdentifier>"
             "</DBClusterMember></DBClusterMembers></DBCluster></DBClusters>"
             "</DescribeDBClustersResult></R>"},
    {NULL}};

static int changes_of_shop(struct action_world *w)
{
    return world_calls(w, "ModifyDBCluster", NULL) + world_calls(w, "DeleteDBInstance", NULL) +
           world_calls(w, "DeleteDBCluster", NULL);
}

static void test_a_member_of_a_global_database_is_left_alone(void **state)
{
    struct action_world *w = *state;
    static const struct world_answer member[] = {GLOBAL(AURORA_ARN), {NULL}};
    static const struct world_answer denied[] = {{.op = "DescribeGlobalClusters",
                                                  .status = 403,
                                                  .body = ERROR("AccessDenied", "not for you")},
                                                 {NULL}};
    world_script(w, member, shop);
    struct world_end end = world_act(w, "rds_aurora_delete_cluster", parsed(AURORA), NULL);
    assert_string_equal(end.error,
                        "the cluster is a member of the global database world; nothing was "
                        "changed. Remove it from the global database, then delete it");
    assert_int_equal(changes_of_shop(w), 0);
    world_script(w, denied, shop);
    end = world_act(w, "rds_aurora_delete_cluster", parsed(AURORA), NULL);
    assert_string_equal(end.error, "AccessDenied: not for you (DescribeGlobalClusters)");
    assert_int_equal(changes_of_shop(w), 0);
}

static void test_a_cluster_of_its_own_is_deleted(void **state)
{
    struct action_world *w = *state;
    static const struct world_answer others[] = {
        GLOBAL("arn:aws:rds:us-east-1:" WORLD_ACCOUNT ":cluster:shop-2"), {NULL}};
    world_script(w, others, shop);
    struct world_end end = world_act(w, "rds_aurora_delete_cluster", parsed(AURORA), NULL);
    assert_string_equal(end.error, "");
    assert_int_equal(changes_of_shop(w), 3);
}

/* --- a bucket that is written to --- */

#define DATE "Date: Tue, 14 Nov 2023 22:13:20 GMT\r\n"
#define VERSION(key, time)                                                                         \
    "<Version><Key>" key "</Key><VersionId>null</VersionId><LastModified>2023-11-14T" time         \
    "Z</LastModified></Version>"
#define PAGE(more, entries) "<R><IsTruncated>" more "</IsTruncated>" entries "</R>"

/* Each listing has an object, since one is written whenever one is deleted. */
static void test_a_bucket_that_fills_again_is_errored(void **state)
{
    struct action_world *w = *state;
    static const struct world_answer filling[] = {
        {.op = "GET versions",
         .times = 1,
         .headers = DATE,
         .body = PAGE("false", VERSION("log-0", "22:13:20.000") VERSION("log-1", "22:13:21.000"))},
        {.op = "GET versions",
         .headers = DATE,
         .body = PAGE("false", VERSION("log-1", "22:13:21.000"))},
        {.op = "POST delete", .body = "<DeleteResult/>"},
        {NULL}};
    world_script(w, filling, NULL);
    struct world_end end = world_act(w, "s3_clear_bucket", parsed(BUCKET), NULL);
    assert_string_equal(end.error,
                        "the bucket is not empty: 1 objects or versions were written while it was "
                        "cleared of 1; find what writes to it, and clear it again");
    assert_int_equal(world_calls(w, "POST delete", "log-0"), 1);
    assert_int_equal(world_calls(w, "POST delete", "log-1"), 0);
}

/* Listings that never end: of objects that were deleted, and of objects that are left. */
static void test_a_listing_that_does_not_go_on_is_errored(void **state)
{
    struct action_world *w = *state;
    static const struct world_answer old[] = {
        {.op = "GET versions", .headers = DATE, .body = PAGE("true", VERSION("a", "22:13:20.000"))},
        {NULL}};
    world_script(w, old, NULL);
    struct world_end end = world_act(w, "s3_clear_bucket", parsed(BUCKET), NULL);
    assert_string_equal(end.error, "the object \"a\" is listed again and again after its deletion");
    static const struct world_answer newer[] = {
        {.op = "GET versions", .headers = DATE, .body = PAGE("true", VERSION("a", "22:13:21.000"))},
        {NULL}};
    world_script(w, newer, NULL);
    end = world_act(w, "s3_clear_bucket", parsed(BUCKET), NULL);
    assert_string_equal(end.error, "ListObjectVersions returns the same page again and again");
    static const struct world_answer policies[] = {
        {.op = "ListPolicies",
         .body = "<R><ListPoliciesResult><IsTruncated>true</IsTruncated><Marker>m</Marker>"
                 "<Policies/></ListPoliciesResult></R>"},
        {NULL}};
    world_script(w, policies, NULL);
    end = world_act(w, "iam_user_attach_policy", parsed(USER), parsed("{\"Policy\":\"readers\"}"));
    assert_string_equal(end.error, "ListPolicies returns the same page again and again");
}

#define LISTING(most, more, entries)                                                               \
    {                                                                                              \
        .op = "GET versions", .holds = "max-keys=" most " ", .headers = DATE, .times = 1,          \
        .body = "<R><EncodingType>url</EncodingType><IsTruncated>" more "</IsTruncated>" entries   \
                "</R>"                                                                             \
    }
#define OLD(key) VERSION(key, "22:13:20.000")

/* %01 is not a character of XML: that key is deleted alone, those before it as a smaller page. */
static void test_a_key_that_xml_cannot_hold_is_deleted_alone(void **state)
{
    struct action_world *w = *state;
    static const struct world_answer pages[] = {
        LISTING("1000", "false", OLD("a") OLD("b%01") OLD("c")),
        LISTING("1", "true", OLD("a")),
        LISTING("1000", "false", OLD("b%01") OLD("c")),
        LISTING("1", "true", OLD("b%01")),
        LISTING("1000", "false", OLD("c")),
        LISTING("1000", "false", ""),
        {NULL}};
    world_script(w, pages, NULL);
    struct world_end end = world_act(w, "s3_clear_bucket", parsed(BUCKET), NULL);
    assert_string_equal(end.error, "");
    assert_string_equal(end.note, "3 objects and versions deleted");
    assert_int_equal(world_calls(w, "POST delete", "<Key>a</Key>"), 1);
    assert_int_equal(world_calls(w, "DELETE versionId", "/the-bucket/b%01"), 1);
    assert_int_equal(world_calls(w, "POST delete", "<Key>c</Key>"), 1);
}

/* --- tags --- */

static struct world_end rename_tag(struct action_world *w, const char *tags, const char *resource)
{
    static struct world_answer answers[2];
    answers[0] = (struct world_answer){.op = "DescribeTags", .body = tags};
    world_script(w, answers, NULL);
    return world_act(w, "update_tag", parsed(resource), parsed("{\"New Key\":\"owner\"}"));
}

#define TAG(key, value)                                                                            \
    "<item><resourceId>i-0123456789abcdef0</resourceId><key>" key "</key><value>" value            \
    "</value></item>"
#define TAGGED(matched)                                                                            \
    "{\"id\":\"i-0123456789abcdef0\",\"type\":\"EC2 Instance\",\"matchedAttributes\":{" matched "}}"

static void test_a_tag_that_has_the_key_already_is_processed(void **state)
{
    struct world_end end = rename_tag(*state, "<R><tagSet>" TAG("owner", "me") "</tagSet></R>",
                                      TAGGED("\"owner\":\"me\""));
    assert_string_equal(end.error, "");
    assert_string_equal(end.note, "the tag has that key already");
    end = rename_tag(*state, "<R><tagSet>" TAG("other", "me") "</tagSet></R>",
                     TAGGED("\"owner\":\"me\""));
    assert_string_equal(end.error, "the resource has none of the tags in its matchedAttributes");
}

/* --- shared calls --- */

#define FIRST  "i-0000000000000000a"
#define SECOND "i-0000000000000000b"

/* Two instances in the first step of an action that stops or terminates them. */
struct two_instances {
    struct step_ctx ctx[2];
    struct step_ctx *ctxs[2];
    enum verdict verdicts[2];
};

static void two_set_up(struct two_instances *two, struct action_world *w, const char *action,
                       unsigned step, bool dry_run)
{
    for (int i = 0; i < 2; i++) {
        two->ctx[i] = (struct step_ctx){
            .action = action_find(action),
            .resource = json_pack("{s:s}", "id", i ? SECOND : FIRST),
            .params = json_pack("{s:b}", "DryRun", dry_run),
            .account = WORLD_ACCOUNT,
            .region = "us-east-1",
            .partition = "aws",
            .aws = w->aws,
            .http = w->http,
            .clock = &w->clock.clock,
            .err = ERR_INIT,
        };
        two->ctx[i].step = &two->ctx[i].action->steps[step];
        two->ctxs[i] = &two->ctx[i];
        two->verdicts[i] = STEP_AGAIN;
    }
}

static bool two_run(struct two_instances *two)
{
    return two->ctx[0].step->run_all(two->ctxs, 2, two->verdicts);
}

static void two_tear_down(struct two_instances *two)
{
    for (int i = 0; i < 2; i++) {
        json_decref((json_t *)two->ctx[i].resource);
        json_decref((json_t *)two->ctx[i].params);
    }
}

/* Nothing is known of an instance that a response does not list, whether it lists others or not:
 * the call is repeated. */
static void test_an_instance_that_a_response_does_not_list_is_not_done(void **state)
{
    static const struct world_answer one[] = {{.op = "StopInstances",
                                               .body = "<R><instancesSet><item><instanceId>" FIRST
                                                       "</instanceId></item></instancesSet></R>"},
                                              {NULL}};
    struct two_instances two;
    two_set_up(&two, *state, "ec2_stop_instance", 0, false);
    world_script(*state, one, NULL);
    assert_true(two_run(&two));
    assert_int_equal(two.verdicts[0], STEP_DONE);
    assert_int_equal(two.verdicts[1], STEP_FAILED);
    assert_int_equal(two.ctx[1].err.kind, ERR_TRANSIENT);
    two.ctx[1].err = ERR_INIT;
    assert_int_equal(step_run(two.ctxs[1], 0), STEP_FAILED);
    assert_int_equal(two.ctx[1].err.kind, ERR_TRANSIENT);
    assert_int_equal(step_run(two.ctxs[0], 0), STEP_DONE);
    two_tear_down(&two);
}

/* EC2 rejects the call for all of them: only one that is alone is known to be gone. */
static void test_an_instance_that_is_gone_is_terminated(void **state)
{
    static const struct world_answer gone[] = {
        {.op = "TerminateInstances",
         .status = 400,
         .body = ERROR("InvalidInstanceID.NotFound", "no such instance")},
        {NULL}};
    struct two_instances two;
    two_set_up(&two, *state, "ec2_terminate_instance", 2, false);
    world_script(*state, gone, NULL);
    assert_false(two_run(&two));
    assert_int_equal(step_run(two.ctxs[0], 2), STEP_FINISHED);
    assert_string_equal(two.ctx[0].note, "already terminated");
    two_tear_down(&two);
    two_set_up(&two, *state, "ec2_stop_instance", 0, false);
    static const struct world_answer unknown[] = {
        {.op = "StopInstances",
         .status = 400,
         .body = ERROR("InvalidInstanceID.NotFound", "no such instance")},
        {NULL}};
    world_script(*state, unknown, NULL);
    assert_int_equal(step_run(two.ctxs[0], 0), STEP_FAILED);
    assert_string_equal(two.ctx[0].err.code, "InvalidInstanceID.NotFound");
    two_tear_down(&two);
}

static void test_dry_run_is_for_all_instances_of_a_call(void **state)
{
    static const struct world_answer allowed[] = {
        {.op = "StopInstances",
         .holds = "DryRun=true",
         .status = 412,
         .body = ERROR("DryRunOperation", "it would have succeeded")},
        {NULL}};
    struct two_instances two;
    two_set_up(&two, *state, "ec2_stop_instance", 0, true);
    world_script(*state, allowed, NULL);
    assert_true(two_run(&two));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(two.verdicts[i], STEP_FINISHED);
        assert_string_equal(two.ctx[i].note, "dry run: would have succeeded");
    }
    assert_int_equal(step_run(two.ctxs[0], 0), STEP_FINISHED);
    two_tear_down(&two);
}

/* --- changes that are under way --- */

static void test_a_change_under_way_is_waited_for(void **state)
{
    struct action_world *w = *state;
    static const struct world_answer busy[] = {
        {.op = "DeleteTable",
         .times = 2,
         .status = 400,
         .body = "{\"__type\":\"ResourceInUseException\",\"message\":\"it is being created\"}"},
        {.op = "PUT ",
         .times = 2,
         .status = 409,
         .headers = "x-amzn-ErrorType: ResourceConflictException\r\n",
         .body = "{\"message\":\"an update is in progress\"}"},
        {NULL}};
    world_script(w, busy, NULL);
    struct world_end end =
        world_act(w, "dynamodb_delete_table", parsed("{\"id\":\"orders\"}"), NULL);
    assert_string_equal(end.error, "");
    assert_int_equal(world_calls(w, "DeleteTable", NULL), 3);
    end = world_act(w, "lambda_disable", parsed("{\"id\":\"f\"}"), NULL);
    assert_string_equal(end.error, "");
    assert_int_equal(world_calls(w, "PUT", NULL), 3);
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
        IN_WORLD(test_a_parent_that_is_not_there_is_errored),
        cmocka_unit_test(test_every_action_that_lists_knows_its_parent),
        IN_WORLD(test_a_parent_without_children_is_processed),
        IN_WORLD(test_addresses_of_an_earlier_owner),
        IN_WORLD(test_a_user_without_a_password_and_no_user),
        IN_WORLD(test_an_address_is_released_in_its_border_group),
        IN_WORLD(test_an_address_that_is_gone_is_released),
        IN_WORLD(test_a_policy_of_our_name_with_another_content_is_not_attached),
        IN_WORLD(test_a_policy_of_our_name_that_cannot_be_read_is_not_attached),
        IN_WORLD(test_a_policy_of_our_name_and_content_is_attached),
        IN_WORLD(test_a_vpc_is_not_isolated_by_a_policy_of_somebody_else),
        IN_WORLD(test_two_policies_of_one_name_are_an_error),
        IN_WORLD(test_a_member_of_a_global_database_is_left_alone),
        IN_WORLD(test_a_cluster_of_its_own_is_deleted),
        IN_WORLD(test_a_bucket_that_fills_again_is_errored),
        IN_WORLD(test_a_listing_that_does_not_go_on_is_errored),
        IN_WORLD(test_a_key_that_xml_cannot_hold_is_deleted_alone),
        IN_WORLD(test_a_tag_that_has_the_key_already_is_processed),
        IN_WORLD(test_an_instance_that_a_response_does_not_list_is_not_done),
        IN_WORLD(test_an_instance_that_is_gone_is_terminated),
        IN_WORLD(test_dry_run_is_for_all_instances_of_a_call),
        IN_WORLD(test_a_change_under_way_is_waited_for),
    };
    return cmocka_run_group_tests_name("looks", tests, NULL, NULL);
}
