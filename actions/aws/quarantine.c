/* The security group of machines and databases in quarantine: one per VPC, without rules. */
#include "actions/aws/quarantine.h"

#include <string.h>

#include "actions/aws/ec2.h"
#include "actions/aws/list.h"
#include "lib/json/jpath.h"

#define GROUP_NAME "Quarantined_By_Hyperglance"
/* The name in a dry run of a group that would be created. */
#define GROUP_PLANNED "(new security group)"

static const struct aws_op describe_groups = {.service = &aws_ec2,
                                              .name = "DescribeSecurityGroups"};
static const struct aws_op create_group = {&aws_ec2, "CreateSecurityGroup", .changes = true};

static const struct aws_op revoke_egress = {&aws_ec2, "RevokeSecurityGroupEgress", .changes = true};

static const struct act_listing all_groups = {
    .op = &describe_groups,
    .items = "securityGroupInfo",
    .next = "nextToken",
    .token = "NextToken",
};

/* Stores the ID of the group for the next steps. */
static enum verdict quarantine_keep_group(struct step_ctx *ctx, const char *id)
{
    if (!id || !ec2_id_valid(id, "sg-")) {
        if (!ctx->plan) {
            err_set(&ctx->err, ERR_TRANSIENT, "UnreadableResponse",
                    "AWS returned no ID for the security group %s", GROUP_NAME);
            return STEP_FAILED;
        }
        id = GROUP_PLANNED;
    }
    step_state_set(ctx, "group", json_string(id));
    return STEP_DONE;
}

/* The response to a creation may be lost: then the group that is found next time is new too. */
static enum verdict quarantine_group_created(struct step_ctx *ctx, const json_t *response)
{
    if (!response && act_failed_with(ctx, "InvalidGroup.Duplicate"))
        /* Another task of the same VPC has created it: it is found next time. */
        return step_retry(ctx, WAIT_MINUTES(2));
    struct err failure = ctx->err;
    bool perhaps = response || err_is_retryable(&failure);
    if (perhaps && !ctx->plan)
        step_state_set(ctx, "new_group", json_true());
    return response ? quarantine_keep_group(ctx, jstr(response, "groupId")) : STEP_FAILED;
}

static bool quarantine_group_valid(struct step_ctx *ctx, const json_t *value)
{
    const char *id = state_string(value, 32);
    (void)ctx;
    return id && ec2_id_valid(id, "sg-");
}

bool quarantine_groups_valid(struct step_ctx *ctx, const json_t *value)
{
    return state_list(ctx, value, quarantine_group_valid);
}

enum verdict quarantine_find_group(struct step_ctx *ctx)
{
    const char *vpc = step_state_string(ctx, "vpc");
    json_t *groups =
        act_list(ctx, &all_groups,
                 json_pack("{s:[{s:s, s:[s]}, {s:s, s:[s]}]}", "Filter", "Name", "group-name",
                           "Value", GROUP_NAME, "Name", "vpc-id", "Value", vpc));
    if (!groups)
        return STEP_FAILED;
    if (json_array_size(groups) > 0) {
        enum verdict verdict =
            quarantine_keep_group(ctx, jstr(json_array_get(groups, 0), "groupId"));
        json_decref(groups);
        return verdict;
    }
    json_decref(groups);
    json_t *response =
        act_call(ctx, &create_group,
                 json_pack("{s:s, s:s, s:s}", "GroupName", GROUP_NAME, "GroupDescription",
                           "Holds what Hyperglance automations put in quarantine", "VpcId", vpc));
    enum verdict verdict = quarantine_group_created(ctx, response);
    json_decref(response);
    return verdict;
}

/* --- its rules --- */

bool quarantine_group_unknown(const struct step_ctx *ctx)
{
    return act_failed_with(ctx, "InvalidGroup.NotFound") ||
           act_failed_with(ctx, "InvalidGroupId.NotFound") ||
           act_failed_with(ctx, "InvalidSecurityGroupID.NotFound");
}

static bool quarantine_group_is_new(const struct step_ctx *ctx)
{
    return step_state_flag(ctx, "new_group");
}

static enum verdict quarantine_revoke_rules(struct step_ctx *ctx, bool egress)
{
    const char *group = step_state_string(ctx, "group");
    if (group && !ec2_id_valid(group, "sg-")) /* A dry run: the group would have no rules. */
        return STEP_DONE;
    bool any = false;
    enum verdict verdict = ec2_revoke_rules(ctx, group, egress, &any);
    if (verdict == STEP_FAILED && quarantine_group_unknown(ctx))
        return step_retry(ctx, WAIT_MINUTES(2));
    if (any && egress && quarantine_group_is_new(ctx))
        step_state_set(ctx, "rule_seen", json_true());
    return verdict;
}

enum verdict quarantine_revoke_inbound(struct step_ctx *ctx)
{
    return quarantine_revoke_rules(ctx, false);
}

/* Revokes the rule that each new group has, by its content. If it does not exist, an earlier try
 * has revoked it. */
static enum verdict quarantine_revoke_default(struct step_ctx *ctx)
{
    if (act_do(ctx, &revoke_egress,
               json_pack("{s:s, s:[{s:s, s:[{s:s}]}]}", "GroupId", step_state_string(ctx, "group"),
                         "IpPermissions", "IpProtocol", "-1", "IpRanges", "CidrIp", "0.0.0.0/0")))
        return STEP_DONE;
    return act_failed_with(ctx, "InvalidPermission.NotFound") ? STEP_DONE : STEP_FAILED;
}

/* A new group without an outbound rule is one whose rule is not listed yet: with the rule, the
 * machine could reach everything. */
enum verdict quarantine_revoke_outbound(struct step_ctx *ctx)
{
    enum verdict verdict = quarantine_revoke_rules(ctx, true);
    if (verdict != STEP_DONE || !quarantine_group_is_new(ctx) || ctx->plan ||
        json_object_get(ctx->state, "rule_seen"))
        return verdict;
    verdict = step_wait(ctx, WAIT_MINUTES(1), "the new security group's outbound rule");
    return verdict == STEP_FAILED ? quarantine_revoke_default(ctx) : verdict;
}
