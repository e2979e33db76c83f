/* What actions on EC2 share: the instance, its state, its snapshots, and the rules of security
 * groups. */
#ifndef HGAUTOD_ACTIONS_AWS_EC2_H
#define HGAUTOD_ACTIONS_AWS_EC2_H

#include "actions/aws/call.h"

/* For descriptors: "EC2 Instance". */
extern const char *const ec2_instance_types[];
/* For descriptors: DryRun alone. */
extern const struct action_param ec2_dry_run_params[];

/* The ID of the instance, borrowed from the resource; NULL with ctx->err. */
const char *ec2_instance(struct step_ctx *ctx);
/* For action.check: whether the resource has a valid ID of an instance. */
bool ec2_check_instance(struct step_ctx *ctx);

/* Whether the instance exists. False with ctx->err if it does not (ERR_NOT_FOUND), or if that could
 * not be determined. For use after a listing by the ID of the instance that is empty: so is that of
 * an instance in another region. Permission: ec2:DescribeInstances. */
bool ec2_instance_exists(struct step_ctx *ctx) MUST_CHECK;

/* For steps of instances: up to a hundred share a call. */
extern const struct action_sharing ec2_sharing;

/* A change of instances by one call that takes their IDs, and DryRun where that parameter is on. */
struct ec2_change {
    struct aws_op op;
    /* The state before the call in which there was nothing to do; NULL: none. */
    const char *already;
    /* The note for an instance that does not exist; NULL: that is an error. */
    const char *gone;
};
/* For action_step.run_all with a struct ec2_change: an instance is processed when the response
 * lists it. Permission: that of the operation. */
bool ec2_change_instances(struct step_ctx *const *ctxs, size_t count,
                          enum verdict *verdicts) MUST_CHECK;

/* The states ("running") of instances. ids: an array of at most 200, stolen. Returns an object
 * by ID (a new reference) without the instances that do not exist; NULL with ctx->err.
 * Permission: ec2:DescribeInstances. */
json_t *ec2_instance_states(struct step_ctx *ctx, json_t *ids) MUST_CHECK;

/* A step that starts snapshots of all volumes of the instance, once per run: they are tagged with
 * the run ID, by which a later try finds them. A snapshot is a copy of the moment of the call, so
 * later steps need not wait for its completion. STEP_DONE too if DryRun is on and the snapshots are
 * allowed. Permissions: ec2:DescribeSnapshots, ec2:CreateSnapshots, ec2:CreateTags. */
enum verdict ec2_take_snapshots(struct step_ctx *ctx);

/* A step that revokes all inbound (egress: outbound) rules of a security group by one call, and
 * writes them to the audit log. *any (NULL: not needed) becomes whether the group had any.
 * Permissions: ec2:DescribeSecurityGroupRules, ec2:RevokeSecurityGroupIngress
 * (ec2:RevokeSecurityGroupEgress). */
enum verdict ec2_revoke_rules(struct step_ctx *ctx, const char *group, bool egress, bool *any);

#endif
