/* Calls of Azure Resource Manager from a step: paths of resources, and long-running operations that
 * are polled from one run of the step to the next. */
#ifndef HGAUTOD_ACTIONS_AZURE_CALL_H
#define HGAUTOD_ACTIONS_AZURE_CALL_H

#include "actions/action.h"
#include "actions/azure/id.h"
#include "lib/azure/arm.h"

/* The longest path: the longest ID, each byte percent-encoded as three. */
#define AZ_PATH_MAX 16384

/* Appends the path of the resource, whose type is op->provider. False with ctx->err. */
bool az_path(struct step_ctx *ctx, const struct arm_op *op, struct buf *path) MUST_CHECK;
/* Appends the path of the resource's group. False with ctx->err. */
bool az_group_path(struct step_ctx *ctx, const struct az_where *where, struct buf *path) MUST_CHECK;
/* For action.check: whether the resource is valid and, as far as its `id` shows, of that type.
 * False with ctx->err. */
bool az_check(struct step_ctx *ctx, const char *type) MUST_CHECK;

/* Reads a resource: the response (a new reference), or NULL with ctx->err. */
json_t *az_read(struct step_ctx *ctx, const struct arm_op *op, const char *path) MUST_CHECK;

/* Makes a call and follows the operation that it starts. body: stolen; NULL: none. STEP_DONE
 * when the operation has succeeded; STEP_AGAIN while it is in progress: the step then makes the
 * same call again, which only polls the operation; STEP_FAILED with ctx->err. The operation is
 * stored in state.poll. A dry run only reports the call. */
enum verdict az_long(struct step_ctx *ctx, const struct arm_op *op, const char *path, json_t *body);
/* For the descriptor of an action whose first step calls az_long: the operation in progress is
 * taken over. */
extern const struct action_state az_operation_state[];
/* The same for an action of which a later step calls az_long: the operation is not taken over,
 * because that of one step must not be mistaken for that of another. Repeating a call does no harm.
 */
#define AZ_OPERATION_AGAIN                                                                         \
    {"poll", NULL},                                                                                \
    {                                                                                              \
        "repeated", NULL                                                                           \
    }
/* For action_state.admit: an operation of az_long in the resource's subscription. */
bool az_operation_valid(struct step_ctx *ctx, const json_t *value);
/* az_long on the resource itself, without a body. */
enum verdict az_act(struct step_ctx *ctx, const struct arm_op *op);

/* For descriptors whose first step has a struct arm_op as its `with`: */

/* For action.check: az_check with the type of the operation. */
bool az_check_step(struct step_ctx *ctx);
/* For action_step.run: az_act with the operation. */
enum verdict az_act_step(struct step_ctx *ctx);
/* The same for a deletion: STEP_FINISHED with a note if the resource does not exist. */
enum verdict az_delete_step(struct step_ctx *ctx);

/* Whether the last failure is that the resource does not exist. An unknown subscription, type or
 * provider does not count: nothing is known of the resource then. */
bool az_gone(const struct step_ctx *ctx);

#endif
