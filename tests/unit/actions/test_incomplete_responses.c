/* Tests of responses that lack what each response of the call contains: a key without its ID, an
 * instance without its state. What is missing is neither "none" nor "gone": the call is repeated.
 * */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/action_world.h"

#define ERROR(code)                                                                                \
    "<R><Errors><Error><Code>" code "</Code><Message>no</Message></Error></Errors>"                \
    "<Error><Code>" code "</Code><Message>no</Message></Error></R>"
#define OUR_ACL                                                                                    \
    "<item><networkAclId>acl-0000000a</networkAclId><tagSet><item>"                                \
    "<key>hyperglance:isolation</key></item></tagSet></item>"
#define VERSION(id, is_default)                                                                    \
    "<member>" id "<IsDefaultVersion>" is_default "</IsDefaultVersion>"                            \
    "<CreateDate>2020-01-01T00:00:00Z</CreateDate></member>"
#define PROFILE_OF_ANOTHER                                                                         \
    "<iamInstanceProfile><arn>arn:aws:iam::123456789012:instance-profile/another</arn>"            \
    "</iamInstanceProfile>"
#define TAGGED                                                                                     \
    "{\"id\":\"i-01234567\",\"type\":\"EC2 Instance\","                                            \
    "\"matchedAttributes\":{\"owner\":\"me\"}}"
#define OUR_TAG "<item><resourceId>i-01234567</resourceId><key>owner</key><value>me</value></item>"
#define USER    "{\"name\":\"ann\"}"

struct whole_case {
    const char *action, *resource;
    const char *op;
    const char *broken, *good; /* the first response, and all later ones */
    int status;                /* of the good one */
    const char *change;        /* the call that must have been made in the end; NULL: none */
    const char *holds;
    const char *never; /* the call that must not have been made; NULL: any may */
};

static const struct whole_case cases[] = {
    {"iam_delete_access_key", USER, "ListAccessKeys",
     "<R><ListAccessKeysResult><AccessKeyMetadata><member><Status>Active</Status></member>"
     "</AccessKeyMetadata></ListAccessKeysResult></R>",
     "<R><ListAccessKeysResult><AccessKeyMetadata><member><AccessKeyId>AKIA1</AccessKeyId>"
     "</member></AccessKeyMetadata></ListAccessKeysResult></R>",
     0, "DeleteAccessKey", "AKIA1", NULL},
    {"ec2_terminate_instance", "{\"id\":\"i-01234567\"}", "DescribeInstances",
     "<R><reservationSet><item><instancesSet><item><instanceId>i-01234567</instanceId></item>"
     "</instancesSet></item></reservationSet></R>",
     "<R><reservationSet><item><instancesSet><item><instanceId>i-01234567</instanceId>"
     "<instanceState><name>running</name></instanceState></item></instancesSet></item>"
     "</reservationSet></R>",
     0, "TerminateInstances", "i-01234567", NULL},
    {"ec2_terminate_instance", "{\"id\":\"i-01234567\"}", "DescribeSnapshots",
     "<R><snapshotSet><item><snapshotId>snap-01234567</snapshotId></item></snapshotSet></R>",
     "<R><snapshotSet><item><snapshotId>snap-01234567</snapshotId><status>error</status></item>"
     "</snapshotSet></R>",
     0, NULL, NULL, NULL},
    {"ebs_delete_volume", "{\"id\":\"vol-01234567\"}", "DescribeVolumes",
     "<R><volumeSet><item><volumeId>vol-01234567</volumeId></item></volumeSet></R>",
     ERROR("InvalidVolume.NotFound"), 400, NULL, NULL, NULL},
    {"ebs_delete_volume", "{\"id\":\"vol-01234567\"}", "DescribeVolumes",
     "<R><volumeSet/><requestId>r</requestId></R>", ERROR("InvalidVolume.NotFound"), 400, NULL,
     NULL, NULL},
    {"ec2_attach_role", "{\"id\":\"i-01234567\"}", "ListInstanceProfilesForRole",
     "<R><ListInstanceProfilesForRoleResult><InstanceProfiles><member><InstanceProfileName>other"
     "</InstanceProfileName></member></InstanceProfiles></ListInstanceProfilesForRoleResult></R>",
     "<R><ListInstanceProfilesForRoleResult><InstanceProfiles><member><InstanceProfileName>other"
     "</InstanceProfileName><Arn>arn:aws:iam::123456789012:instance-profile/other</Arn></member>"
     "</InstanceProfiles></ListInstanceProfilesForRoleResult></R>",
     0, "AssociateIamInstanceProfile", "other", NULL},
    {"iam_user_attach_policy", USER, "ListPolicies",
     "<R><ListPoliciesResult><Policies><member><Arn>arn:aws:iam::123456789012:policy/reader</Arn>"
     "</member></Policies></ListPoliciesResult></R>",
     "<R><ListPoliciesResult><Policies><member><PolicyName>reader</PolicyName>"
     "<Arn>arn:aws:iam::123456789012:policy/reader</Arn></member></Policies>"
     "</ListPoliciesResult></R>",
     0, "AttachUserPolicy", "reader", NULL},
    {"iam_user_detach_group", USER, "ListGroupsForUser",
     "<R><ListGroupsForUserResult><Groups><member><GroupId>g</GroupId></member></Groups>"
     "</ListGroupsForUserResult></R>",
     "<R><ListGroupsForUserResult><Groups><member><GroupName>reader</GroupName></member></Groups>"
     "</ListGroupsForUserResult></R>",
     0, "RemoveUserFromGroup", "reader", NULL},
    {"ec2_quarantine_instance", "{\"id\":\"i-01234567\"}", "DescribeNetworkInterfaces",
     "<R><networkInterfaceSet><item><vpcId>vpc-01234567</vpcId></item></networkInterfaceSet></R>",
     "<R><networkInterfaceSet><item><networkInterfaceId>eni-01234567</networkInterfaceId>"
     "<vpcId>vpc-01234567</vpcId></item></networkInterfaceSet></R>",
     0, "ModifyNetworkInterfaceAttribute", "eni-01234567", NULL},
    {"ec2_quarantine_instance", "{\"id\":\"i-01234567\"}", "DescribeSecurityGroups",
     "<R><securityGroupInfo><item><groupName>hg</groupName></item></securityGroupInfo></R>",
     "<R><securityGroupInfo><item><groupId>sg-01234567</groupId></item></securityGroupInfo></R>", 0,
     "ModifyNetworkInterfaceAttribute", "sg-01234567", NULL},
    {"sg_delete_rules", "{\"id\":\"sg-01234567\"}", "DescribeSecurityGroupRules",
     "<R><securityGroupRuleSet><item><isEgress>false</isEgress></item></securityGroupRuleSet></R>",
     "<R><securityGroupRuleSet><item><securityGroupRuleId>sgr-1</securityGroupRuleId>"
     "<isEgress>false</isEgress></item></securityGroupRuleSet></R>",
     0, "RevokeSecurityGroupIngress", "sgr-1", NULL},
    {"rds_aurora_delete_cluster", "{\"id\":\"shop\"}", "DescribeDBClusters",
     "<R><DescribeDBClustersResult><DBClusters/></DescribeDBClustersResult></R>",
     ERROR("DBClusterNotFoundFault"), 404, NULL, NULL, NULL},
    {"rds_quarantine_instance", "{\"id\":\"orders\"}", "DescribeDBInstances",
     "<R><DescribeDBInstancesResult><DBInstances/></DescribeDBInstancesResult></R>",
     ERROR("DBInstanceNotFound"), 404, NULL, NULL, NULL},
    {"vpc_isolate", "{\"id\":\"vpc-01234567\"}", "DescribeNetworkAcls",
     "<R><networkAclSet><item><networkAclId>acl-0000000a</networkAclId><tagSet><item>"
     "<key>hyperglance:isolation</key></item></tagSet><associationSet/><entrySet><item>"
     "<ruleAction>allow</ruleAction><egress>true</egress></item></entrySet></item></"
     "networkAclSet></R>",
     "<R><networkAclSet><item><networkAclId>acl-0000000a</networkAclId><tagSet><item>"
     "<key>hyperglance:isolation</key></item></tagSet><associationSet/"
     "><entrySet><item><ruleNumber>7</ruleNumber>"
     "<ruleAction>allow</ruleAction><egress>true</egress></item></entrySet></item></"
     "networkAclSet></R>",
     0, "DeleteNetworkAclEntry", "RuleNumber=7", NULL},
    {"rds_aurora_delete_cluster", "{\"id\":\"shop\"}", "DescribeGlobalClusters",
     "<R><DescribeGlobalClustersResult><GlobalClusters><GlobalClusterMember><Status>available"
     "</Status></GlobalClusterMember></GlobalClusters></DescribeGlobalClustersResult></R>",
     "<R><DescribeGlobalClustersResult><GlobalClusters><GlobalClusterMember>"
     "<GlobalClusterIdentifier>world</GlobalClusterIdentifier></GlobalClusterMember>"
     "</GlobalClusters></DescribeGlobalClustersResult></R>",
     0, "DeleteDBCluster", "shop", NULL},
    {"vpc_isolate", "{\"id\":\"vpc-01234567\"}", "DescribeNetworkAcls",
     "<R><networkAclSet><item><default>true</default></item></networkAclSet></R>",
     "<R><networkAclSet>" OUR_ACL "<item><networkAclId>acl-0000000b</networkAclId><associationSet>"
     "<item><networkAclAssociationId>aclassoc-1</networkAclAssociationId>"
     "<subnetId>subnet-1</subnetId></item></associationSet></item></networkAclSet></R>",
     0, NULL, NULL, "CreateNetworkAcl"},
    {"vpc_isolate", "{\"id\":\"vpc-01234567\"}", "ListUsers",
     "<R><ListUsersResult><Users><member><Path>/</Path></member></Users></ListUsersResult></R>",
     "<R><ListUsersResult><Users><member><UserName>ann</UserName></member></Users>"
     "</ListUsersResult></R>",
     0, "AttachUserPolicy", "UserName=ann", NULL},
    {"iam_delete_default_policy_version", "{\"arn\":\"arn:aws:iam::123456789012:policy/reader\"}",
     "ListPolicyVersions",
     "<R><ListPolicyVersionsResult><Versions>" VERSION("<VersionId>v2</VersionId>", "true")
         VERSION("", "false") "</Versions></ListPolicyVersionsResult></R>",
     "<R><ListPolicyVersionsResult><Versions>" VERSION("<VersionId>v2</VersionId>", "true")
         VERSION("<VersionId>v1</VersionId>", "false") "</Versions></ListPolicyVersionsResult></R>",
     0, "DeletePolicyVersion", "VersionId=v2", NULL},
    {"ec2_attach_role", "{\"id\":\"i-01234567\"}", "DescribeIamInstanceProfileAssociations",
     "<R><iamInstanceProfileAssociationSet><item>" PROFILE_OF_ANOTHER
     "</item></iamInstanceProfileAssociationSet></R>",
     "<R><iamInstanceProfileAssociationSet><item><associationId>iip-assoc-1</"
     "associationId>" PROFILE_OF_ANOTHER "</item></iamInstanceProfileAssociationSet></R>",
     0, "ReplaceIamInstanceProfileAssociation", "iip-assoc-1", "AssociateIamInstanceProfile"},
    {"update_tag", TAGGED, "DescribeTags",
     "<R><tagSet><item><resourceId>i-01234567</resourceId><value>me</value></item></tagSet></R>",
     "<R><tagSet>" OUR_TAG "</tagSet></R>", 0, "CreateTags", "Owner", NULL},
    {"update_tag", TAGGED, "DescribeTags",
     "<R><tagSet><item><key>owner</key><value>me</value></item></tagSet></R>",
     "<R><tagSet>" OUR_TAG "</tagSet></R>", 0, "CreateTags", "Owner", NULL},
};

/* Responses to the other calls. */
static const struct world_answer usual[] = {
    {.op = "DescribeDBClusters",
     .body = "<R><DescribeDBClustersResult><DBClusters><DBCluster>"
             "<DBClusterArn>arn:aws:rds:us-east-1:123456789012:cluster:shop</DBClusterArn>"
             "</DBCluster></DBClusters></DescribeDBClustersResult></R>"},
    {.op = "DescribeNetworkAcls", .body = "<R><networkAclSet>" OUR_ACL "</networkAclSet></R>"},
    {.op = "ListInstanceProfilesForRole",
     .body = "<R><ListInstanceProfilesForRoleResult><InstanceProfiles><member>"
             "<InstanceProfileName>other</InstanceProfileName>"
             "<Arn>arn:aws:iam::123456789012:instance-profile/other</Arn></member>"
             "</InstanceProfiles></ListInstanceProfilesForRoleResult></R>"},
    {.op = "DescribeInstances",
     .body = "<R><reservationSet><item><instancesSet><item><instanceId>i-01234567</instanceId>"
             "<instanceState><name>running</name></instanceState></item></instancesSet></item>"
             "</reservationSet></R>"},
    {.op = "DescribeSecurityGroups",
     .body = "<R><securityGroupInfo><item><groupId>sg-01234567</groupId></item>"
             "</securityGroupInfo></R>"},
    {.op = "DescribeSnapshots", .body = "<R><snapshotSet/><requestId>r</requestId></R>"},
    {.op = "CreateSnapshots",
     .body = "<R><snapshotSet><item><snapshotId>snap-01234567</snapshotId><state>pending</state>"
             "</item></snapshotSet></R>"},
    {.op = "TerminateInstances",
     .body =
         "<R><instancesSet><item><instanceId>i-01234567</instanceId></item></instancesSet></R>"},
    {.op = "ListUsers", .body = "<R><ListUsersResult><Users/></ListUsersResult></R>"},
    {.op = "GetGroup",
     .body =
         "<R><GetGroupResult><Group><GroupName>reader</GroupName></Group></GetGroupResult></R>"},
    {.op = "DescribeNetworkInterfaces",
     .body = "<R><networkInterfaceSet><item><networkInterfaceId>eni-01234567</networkInterfaceId>"
             "<vpcId>vpc-01234567</vpcId></item></networkInterfaceSet></R>"},
    {NULL},
};

/* The parameters for an action. */
static json_t *params_of(const char *action)
{
    if (strstr(action, "_tag"))
        return json_pack("{s:s}", "New Key", "Owner");
    if (strstr(action, "_version"))
        return json_object();
    bool role = strstr(action, "_role"), group = strstr(action, "_group");
    const char *name = role                        ? "Role"
                       : group                     ? "Group"
                       : strstr(action, "_policy") ? "Policy"
                                                   : NULL;
    return name ? json_pack("{s:s}", name, "reader") : json_pack("{s:s}", "DryRun", "false");
}

static void test_what_an_answer_lacks_is_asked_for_again(void **state)
{
    struct action_world *w = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct whole_case *c = &cases[i];
        const struct world_answer answers[] = {{.op = c->op, .times = 1, .body = c->broken},
                                               {.op = c->op, .status = c->status, .body = c->good},
                                               {NULL}};
        world_script(w, answers, usual);
        world_act(w, c->action, json_loads(c->resource, 0, NULL), params_of(c->action));
        if (world_calls(w, c->op, NULL) < 2)
            fail_msg("%s accepts an incomplete response from %s: %s", c->action, c->op, c->broken);
        if (c->change)
            assert_int_equal(world_calls(w, c->change, c->holds), 1);
        assert_int_equal(c->change ? 0 : world_calls(w, "TerminateInstances", NULL), 0);
        if (c->never && world_calls(w, c->never, NULL) > 0)
            fail_msg("%s calls %s after: %s", c->action, c->never, c->broken);
    }
}

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
        cmocka_unit_test_setup_teardown(test_what_an_answer_lacks_is_asked_for_again, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests_name("whole answers", tests, NULL, NULL);
}
