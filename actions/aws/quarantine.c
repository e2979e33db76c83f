/* The security group that quarantine puts a machine or a database in: one in each VPC, without any
 * rule. */
#include "actions/aws/quarantine.h"

#include "actions/aws/ec2.h"
#include "lib/jpath.h"

#define GROUP_NAME "Quarantined_By_Hyperglance"
/* What a dry run calls a group that it did not create. */
#define GROUP_PLANNED "(new security group)"

static const struct aws_op describe_groups = {&aws_ec2, "DescribeSecurityGroups", .changes = false};
static const struct aws_op create_group = {&aws_ec2, "CreateSecurityGroup", .changes = true};

static const struct act_listing all_groups = {
    .op = &describe_groups,
    .items = "securityGroupInfo",
    .next = "nextToken",
    .token = "NextToken",
};

/* Keeps the group's id for the steps that follow. */
static enum verdict keep_group(struct step_ctx *ctx, const char *id)
{
    if (!id || !ec2_id_valid(id, "sg-")) {
        if (!ctx->plan) {
            err_set(&ctx->err, ERR_TRANSIENT, "UnreadableAnswer",
                    "AWS named no id of the security group %s", GROUP_NAME);
            return STEP_FAILED;
        }
        id = GROUP_PLANNED;
    }
    return act_state_set(ctx, "group", json_string(id)) ? STEP_DONE : STEP_FAILED;
}

enum verdict quarantine_find_group(struct step_ctx *ctx, const char *vpc)
{
    json_t *groups =
        act_list(ctx, &all_groups,
                 json_pack("{s:[{s:s, s:[s]}, {s:s, s:[s]}]}", "Filter", "Name", "group-name",
                           "Value", GROUP_NAME, "Name", "vpc-id", "Value", vpc));
    if (!groups)
        return STEP_FAILED;
    if (json_array_size(groups) > 0) {
        enum verdict verdict = keep_group(ctx, jstr(json_array_get(groups, 0), "groupId"));
        json_decref(groups);
        return verdict;
    }
    json_decref(groups);
    json_t *answer =
        act_call(ctx, &create_group,
                 json_pack("{s:s, s:s, s:s}", "GroupName", GROUP_NAME, "GroupDescription",
                           "Holds what Hyperglance automations put in quarantine", "VpcId", vpc));
    if (!answer) /* another task of the same VPC was faster: its group is found the next time */
        return act_failed_with(ctx, "InvalidGroup.Duplicate") ? act_retry(ctx, WAIT_MINUTES(2))
                                                              : STEP_FAILED;
    enum verdict verdict = keep_group(ctx, jstr(answer, "groupId"));
    json_decref(answer);
    return verdict;
}

static enum verdict revoke(struct step_ctx *ctx, bool egress)
{
    const char *group = act_state_string(ctx, "group");
    if (group && !ec2_id_valid(group, "sg-")) /* planned: it will have no rule */
        return STEP_DONE;
    return ec2_revoke_rules(ctx, group, egress);
}

enum verdict quarantine_revoke_inbound(struct step_ctx *ctx)
{
    return revoke(ctx, false);
}

enum verdict quarantine_revoke_outbound(struct step_ctx *ctx)
{
    return revoke(ctx, true);
}
