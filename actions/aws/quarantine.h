/* The security group that quarantine puts a machine or a database in: one in each VPC, without any
 * rule. */
#ifndef HGAUTOD_ACTIONS_AWS_QUARANTINE_H
#define HGAUTOD_ACTIONS_AWS_QUARANTINE_H

#include "actions/aws/common.h"

/* A step's work: finds the group in the VPC or creates it; its id goes into state.group.
 * Permissions: ec2:DescribeSecurityGroups, ec2:CreateSecurityGroup. */
enum verdict quarantine_find_group(struct step_ctx *ctx, const char *vpc);
/* Steps: whatever rules somebody has given to state.group are revoked; a new group has one outbound
 * rule. Permissions: ec2:DescribeSecurityGroupRules, ec2:RevokeSecurityGroupIngress,
 * ec2:RevokeSecurityGroupEgress. */
enum verdict quarantine_revoke_inbound(struct step_ctx *ctx);
enum verdict quarantine_revoke_outbound(struct step_ctx *ctx);

#endif
