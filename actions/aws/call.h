/* Calls of AWS operations from a step. */
#ifndef HGAUTOD_ACTIONS_AWS_CALL_H
#define HGAUTOD_ACTIONS_AWS_CALL_H

#include "actions/action.h"
#include "actions/aws/naming.h"
#include "lib/aws/aws.h"

/* In each of these functions, params is stolen; an operation without parameters is given
 * json_object(). NULL, which json_pack returns for text that is not valid, is an error. */

/* Calls op for the task's account and region. Returns the response (a new reference), or NULL with
 * ctx->err; the step then returns STEP_FAILED. In a dry run an op that changes something is not
 * sent but reported to ctx->planned, and the response is an empty object. */
json_t *act_call(struct step_ctx *ctx, const struct aws_op *op, json_t *params) MUST_CHECK;
/* act_call with all options of an aws_call; account and region are filled in if NULL. */
json_t *act_call_full(struct step_ctx *ctx, struct aws_call *call, json_t *params) MUST_CHECK;
/* For calls whose response is not needed: true if the call succeeded, false with ctx->err. */
bool act_do(struct step_ctx *ctx, const struct aws_op *op, json_t *params) MUST_CHECK;
bool act_do_full(struct step_ctx *ctx, struct aws_call *call, json_t *params) MUST_CHECK;
/* A whole step that makes one call: STEP_DONE, or STEP_FAILED. */
enum verdict act_step(struct step_ctx *ctx, const struct aws_op *op, json_t *params);
/* act_step, but STEP_FINISHED with the note if the provider's error code is `gone`: then nothing is
 * left to do. */
enum verdict act_step_unless(struct step_ctx *ctx, const struct aws_op *op, json_t *params,
                             const char *gone, const char *note);

/* Whether the last failure has this provider code ("InvalidVolume.NotFound"). */
bool act_failed_with(const struct step_ctx *ctx, const char *code);

/* --- the DryRun parameter of EC2 --- */

/* Its row in the descriptor. */
#define DRY_RUN_PARAM                                                                              \
    {                                                                                              \
        .name = "DryRun", .type = PARAM_BOOLEAN, .fallback = "true",                               \
        .help = "Only check with AWS whether the change would be allowed."                         \
    }

/* params (stolen; NULL: stays NULL) with DryRun=true if the parameter is on. */
json_t *act_with_dry_run(struct step_ctx *ctx, json_t *params) MUST_CHECK;
/* For a call that has failed: DryRunOperation is success if DryRun is on. STEP_FINISHED("dry run:
 * would have succeeded"), or STEP_FAILED. */
enum verdict act_dry_run_verdict(struct step_ctx *ctx);
/* act_step_unless with DryRun; gone may be NULL. */
enum verdict act_step_dry(struct step_ctx *ctx, const struct aws_op *op, json_t *params,
                          const char *gone, const char *note);

/* --- calls that several resources share --- */

/* The results of id_of, for a request: a new array. */
json_t *act_ids(struct step_ctx *const *ctxs, size_t count,
                const char *(*id_of)(struct step_ctx *ctx)) MUST_CHECK;

#endif
