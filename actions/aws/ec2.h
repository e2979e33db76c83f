/* What actions on EC2 share: the instance, its state, its snapshots, and the rules of security
 * groups. */
#ifndef HGAUTOD_ACTIONS_AWS_EC2_H
#define HGAUTOD_ACTIONS_AWS_EC2_H

#include "actions/aws/call.h"

/* For descriptors. */
extern const char *const ec2_instance_types[];         /* "EC2 Instance" */
extern const struct action_param ec2_dry_run_params[]; /* DryRun alone */

/* The instance's id ("Instance ID", else `id`); NULL with ctx->err. */
const char *ec2_instance(struct step_ctx *ctx);
/* For action.check: whether there is one. */
bool ec2_check_instance(struct step_ctx *ctx);

/* Whether there is such an instance: false with ctx->err when there is none (ERR_NOT_FOUND), or it
 * could not be asked. For where a listing by the instance's id is empty: it is so of an instance in
 * another region too. Permission: ec2:DescribeInstances. */
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

/* The state ("running") of each of the instances, an object by id without those that are gone; a
 * new reference. ids (an array, stolen; NULL: none for want of memory) are at most 200. NULL with
 * ctx->err. Permission: ec2:DescribeInstances. */
json_t *ec2_instance_states(struct step_ctx *ctx, json_t *ids) MUST_CHECK;

/* A step: snapshots of all volumes of the instance, tagged with the run id, made once a run: an
 * earlier try's are found by their tags. A snapshot is a copy of the moment of the call, whatever
 * happens to the volumes afterwards; so a step that follows need not wait for its completion. With
 * DryRun on and allowed: STEP_DONE. Permissions: ec2:DescribeSnapshots, ec2:CreateSnapshots,
 * ec2:CreateTags. */
enum verdict ec2_take_snapshots(struct step_ctx *ctx);

/* A step: takes all inbound (or outbound) rules out of a security group, by one call. Permissions:
 * ec2:DescribeSecurityGroupRules, ec2:RevokeSecurityGroupIngress (ec2:RevokeSecurityGroupEgress).
 * What is removed goes to the audit log. */
enum verdict ec2_revoke_rules(struct step_ctx *ctx, const char *group, bool egress);
/* The same; *any says whether any such rule was listed. */
enum verdict ec2_revoke_listed_rules(struct step_ctx *ctx, const char *group, bool egress,
                                     bool *any);

#endif
