/* What AWS actions share: making a call from a step, and ids that can be trusted. */
#ifndef HGAUTOD_ACTIONS_AWS_COMMON_H
#define HGAUTOD_ACTIONS_AWS_COMMON_H

#include "actions/action.h"
#include "lib/aws/aws.h"

/* Calls op with params (a NEW reference, which is stolen; NULL: none) for the task's account and region. Returns the answer (a new
 * reference), or NULL with ctx->err set: return STEP_FAILED then. In a dry run a changing op is not sent but written down, and the
 * answer is an empty object. */
json_t *act_call(struct step_ctx *ctx, const struct aws_op *op, json_t *params) MUST_CHECK;
/* The same with all that an aws_call can say; account and region are filled in when NULL. */
json_t *act_call_full(struct step_ctx *ctx, struct aws_call *call, json_t *params) MUST_CHECK;
/* For calls whose answer is of no interest: true when it worked. */
bool act_do(struct step_ctx *ctx, const struct aws_op *op, json_t *params) MUST_CHECK;

/* Whether the last failure was this provider code ("InvalidVolume.NotFound"). */
bool act_failed_with(const struct step_ctx *ctx, const char *code);

/* EC2's DryRun parameter: when it is on and the call answered DryRunOperation, that is success. Turns the failure into
 * STEP_FINISHED("dry run: would have succeeded") or leaves STEP_FAILED. */
enum verdict act_dry_run_verdict(struct step_ctx *ctx);

/* The id in attributes.`attribute`, else in `id`, that matches prefix + [0-9a-f]{8,17} ("i-", "vol-"); NULL with ctx->err
 * naming the attribute. Borrowed from the resource. */
const char *act_ec2_id(struct step_ctx *ctx, const char *attribute, const char *prefix);
/* Whether text is prefix + [0-9a-f]{8,17}. */
bool ec2_id_valid(const char *text, const char *prefix);

#endif
