/* sg_delete_rules: all rules of a security group, inbound and outbound. */
#include "actions/aws/ec2.h"

static const char *group(struct step_ctx *ctx)
{
    return act_ec2_id(ctx, "Group ID", "sg-");
}

static bool check(struct step_ctx *ctx)
{
    return group(ctx) != NULL;
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
        (const char *const[]){"ec2:DescribeSecurityGroupRules", "ec2:RevokeSecurityGroupEgress",
                              "ec2:RevokeSecurityGroupIngress", NULL},
    .check = check,
    .steps = (const struct action_step[]){{"revoke-inbound", revoke_inbound, false},
                                          {"revoke-outbound", revoke_outbound, false},
                                          {0}},
};
