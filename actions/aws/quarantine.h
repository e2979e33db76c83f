/* The security group of machines and databases in quarantine: one per VPC, without rules. */
#ifndef HGAUTOD_ACTIONS_AWS_QUARANTINE_H
#define HGAUTOD_ACTIONS_AWS_QUARANTINE_H

#include "actions/aws/call.h"
#include "actions/state.h"

/* For the descriptor: what these steps store in the state. That a group is new cannot be found out
 * later. */
#define QUARANTINE_STATE                                                                           \
    {"group", NULL}, {"new_group", state_boolean},                                                 \
    {                                                                                              \
        "rule_seen", state_boolean                                                                 \
    }

/* A step that finds the group in the VPC state.vpc or creates it. Sets state.group to its ID, and
 * state.new_group if this task has created it. Permissions: ec2:DescribeSecurityGroups,
 * ec2:CreateSecurityGroup. */
enum verdict quarantine_find_group(struct step_ctx *ctx);
/* Steps that revoke all rules of state.group. A new group has an outbound rule that allows
 * everything; the step waits for it, because AWS may not list it immediately. Permissions:
 * ec2:DescribeSecurityGroupRules, ec2:RevokeSecurityGroupIngress, ec2:RevokeSecurityGroupEgress. */
enum verdict quarantine_revoke_inbound(struct step_ctx *ctx);
enum verdict quarantine_revoke_outbound(struct step_ctx *ctx);
/* Whether the last failure is that state.group does not exist. That passes if it has just been
 * created, by this task or by another one of the same VPC. */
bool quarantine_group_unknown(const struct step_ctx *ctx);
/* For action_state.admit: a list of IDs of security groups. */
bool quarantine_groups_valid(struct step_ctx *ctx, const json_t *value);

#endif
