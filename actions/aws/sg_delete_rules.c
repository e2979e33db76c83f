/* sg_delete_rules: removes all rules of a security group, inbound and outbound. */
#include "actions/aws/ec2.h"
#include "lib/json/jpath.h"

static const struct aws_op describe_groups = {.service = &aws_ec2,
                                              .name = "DescribeSecurityGroups"};

static const char *sg_id(struct step_ctx *ctx)
{
    return act_ec2_id(ctx, "Group ID", "sg-");
}

static bool sg_check(struct step_ctx *ctx)
{
    return sg_id(ctx) != NULL;
}

/* The listing of rules is also empty for a group that does not exist or is in another region. */
static enum verdict sg_find(struct step_ctx *ctx)
{
    json_t *response = act_call(ctx, &describe_groups, json_pack("{s:[s]}", "GroupId", sg_id(ctx)));
    if (!response)
        return STEP_FAILED;
    bool listed = jstr(response, "securityGroupInfo[0].groupId") != NULL;
    json_decref(response);
    return listed ? STEP_DONE
                  : step_invalid(ctx, "there is no security group %s in region %s", sg_id(ctx),
                                 ctx->region);
}

static enum verdict sg_revoke_inbound(struct step_ctx *ctx)
{
    return ec2_revoke_rules(ctx, sg_id(ctx), false, NULL);
}

static enum verdict sg_revoke_outbound(struct step_ctx *ctx)
{
    return ec2_revoke_rules(ctx, sg_id(ctx), true, NULL);
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
    .check = sg_check,
    .steps = (const struct action_step[]){{.name = "look", .run = sg_find},
                                          {.name = "revoke-inbound", .run = sg_revoke_inbound},
                                          {.name = "revoke-outbound", .run = sg_revoke_outbound},
                                          {0}},
};
