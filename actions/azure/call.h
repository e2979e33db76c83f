/* What Azure actions share: paths of resources, calls from a step, and long-running operations
 * followed from one run of a step to the next. */
#ifndef HGAUTOD_ACTIONS_AZURE_CALL_H
#define HGAUTOD_ACTIONS_AZURE_CALL_H

#include "actions/action.h"
#include "actions/azure/id.h"
#include "lib/azure/arm.h"

/* The longest path that is built: the longest id, each byte three times as long when encoded. */
#define AZ_PATH_MAX 16384

/* Appends the path of the resource as one of type op->provider. False with ctx->err. */
bool az_path(struct step_ctx *ctx, const struct arm_op *op, struct buf *path) MUST_CHECK;
/* Appends the path of the resource's group. False with ctx->err. */
bool az_group_path(struct step_ctx *ctx, const struct az_where *where, struct buf *path) MUST_CHECK;
/* For action.check: the resource is one of that type, as far as its `id` tells. False with
 * ctx->err. */
bool az_check(struct step_ctx *ctx, const char *type) MUST_CHECK;

/* Reads: the answer (a new reference), or NULL with ctx->err. */
json_t *az_read(struct step_ctx *ctx, const struct arm_op *op, const char *path) MUST_CHECK;

/* Makes a call, body (stolen; NULL: none) and all, and follows the operation that it begins.
 * STEP_DONE when that has succeeded; STEP_AGAIN while it is under way: the step is to do the same
 * call again, which then only looks how it goes. STEP_FAILED with ctx->err. The operation is kept
 * in state.poll. In a dry run the call is written down, and that is all. */
enum verdict az_long(struct step_ctx *ctx, const struct arm_op *op, const char *path, json_t *body);
/* For the descriptor of an action whose first step calls az_long: the operation under way is taken
 * over. Where a later step calls it, AZ_OPERATION_AGAIN is among the rows instead: the operation of
 * one step must not be taken for that of another, and a call may be made once more without harm. */
extern const struct action_state az_operation_state[];
#define AZ_OPERATION_AGAIN                                                                         \
    {"poll", NULL},                                                                                \
    {                                                                                              \
        "repeated", NULL                                                                           \
    }
/* For tables of state: an operation of az_long in the resource's subscription. */
bool az_operation_valid(struct step_ctx *ctx, const json_t *value);
/* az_long on the resource itself, without a body. */
enum verdict az_act(struct step_ctx *ctx, const struct arm_op *op);

/* For descriptors whose first step has a struct arm_op as its `with`. */

/* For action.check: az_check with the type of the operation. */
bool az_check_step(struct step_ctx *ctx);
/* For action_step.run: az_act with the operation. */
enum verdict az_act_step(struct step_ctx *ctx);
/* The same for a deletion: STEP_FINISHED with a note if the resource does not exist any more. */
enum verdict az_delete_step(struct step_ctx *ctx);

/* Whether the last failure says that the thing is not there, though all that leads to it is known:
 * an unknown subscription is another matter. */
bool az_gone(const struct step_ctx *ctx);

#endif
