/* sg_delete_rules: all rules of a security group, inbound and outbound. */
#include "actions/aws/ec2.h"
#include "lib/json/jpath.h"

static const struct aws_op describe_groups = {&aws_ec2, "DescribeSecurityGroups", .changes = false};

static const char *group(struct step_ctx *ctx)
{
    return act_ec2_id(ctx, "Group ID", "sg-");
}

static bool check(struct step_ctx *ctx)
{
    return group(ctx) != NULL;
}

/* Of a group that is not there, or is in another region, no rules are listed either. */
static enum verdict look(struct step_ctx *ctx)
{
    json_t *answer = act_call(ctx, &describe_groups, json_pack("{s:[s]}", "GroupId", group(ctx)));
    if (!answer)
        return STEP_FAILED;
    bool listed = jstr(answer, "securityGroupInfo[0].groupId") != NULL;
    json_decref(answer);
    return listed ? STEP_DONE
                  : step_invalid(ctx, "there is no security group %s in region %s", group(ctx),
                                 ctx->region);
}

static enum verdict revoke_inbound(struct step_ctx *ctx)
{
    return ec2_revoke_rules(ctx, group(ctx), false);
}

static enum verdict revoke_outbound(struct step_ctx *ctx)
{
    return ec2_revoke_rules(ctx, group(ctx), true);
}

const struct action action_sg_delete_rules = {
    .name = "sg_delete_rules",
    .display_name = "Delete Rules",
    .description = "Removes all inbound and outbound rules from the security group.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_CHANGES,
    .resource_types = (const char *const[]){"Security Group", NULL},
    .permissions =
        (const char *const[]){"ec2:DescribeSecurityGroupRules", "ec2:DescribeSecurityGroups",
                              "ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress",
                              NULL},
    .check = check,
    .steps = (const struct action_step[]){{.name = "look", .run = look},
                                          {.name = "revoke-inbound", .run = revoke_inbound},
                                          {.name = "revoke-outbound", .run = revoke_outbound},
                                          {0}},
};
