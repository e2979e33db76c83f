/* The security group that quarantine puts a machine or a database in: one in each VPC, without any
 * rule. */
#ifndef HGAUTOD_ACTIONS_AWS_QUARANTINE_H
#define HGAUTOD_ACTIONS_AWS_QUARANTINE_H

#include "actions/aws/call.h"
#include "actions/state.h"

/* For the descriptor: what these steps keep in the state. That the group is new cannot be seen of
 * it later. */
#define QUARANTINE_STATE                                                                           \
    {"group", NULL}, {"new_group", state_boolean},                                                 \
    {                                                                                              \
        "rule_seen", state_boolean                                                                 \
    }

/* A step's work: finds the group in the VPC or creates it; its id goes into state.group, and
 * state.new_group says that this task has created it. Permissions: ec2:DescribeSecurityGroups,
 * ec2:CreateSecurityGroup. */
enum verdict quarantine_find_group(struct step_ctx *ctx, const char *vpc);
/* Steps: whatever rules somebody has given to state.group are revoked. A new group has an outbound
 * rule that allows everything; it is waited for, since AWS may not list it at once. Permissions:
 * ec2:DescribeSecurityGroupRules, ec2:RevokeSecurityGroupIngress, ec2:RevokeSecurityGroupEgress. */
enum verdict quarantine_revoke_inbound(struct step_ctx *ctx);
enum verdict quarantine_revoke_outbound(struct step_ctx *ctx);
/* Whether the last failure says that state.group is not known, which passes where it was created a
 * moment ago, by this task or by another of the same VPC. */
bool quarantine_group_unknown(const struct step_ctx *ctx);
/* For tables of state: a list of ids of security groups. */
bool quarantine_groups_valid(struct step_ctx *ctx, const json_t *value);

#endif
