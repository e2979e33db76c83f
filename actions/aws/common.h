/* What AWS actions share: making a call from a step, reading a listing to its end, and (naming.h)
 * ids that can be trusted. */
#ifndef HGAUTOD_ACTIONS_AWS_COMMON_H
#define HGAUTOD_ACTIONS_AWS_COMMON_H

#include "actions/action.h"
#include "actions/aws/naming.h"
#include "lib/aws/aws.h"

/* --- calls --- */

/* Calls op with params (a NEW reference, which is stolen) for the task's account and region.
 * Returns the answer (a new reference), or NULL with ctx->err set: return STEP_FAILED then. In a
 * dry run a changing op is not sent but written down, and the answer is an empty object. params of
 * NULL means that building them failed; an operation without parameters is given json_object(). */
json_t *act_call(struct step_ctx *ctx, const struct aws_op *op, json_t *params) MUST_CHECK;
/* The same with all that an aws_call can say; account and region are filled in when NULL. */
json_t *act_call_full(struct step_ctx *ctx, struct aws_call *call, json_t *params) MUST_CHECK;
/* For calls whose answer is of no interest: true when it worked. */
bool act_do(struct step_ctx *ctx, const struct aws_op *op, json_t *params) MUST_CHECK;
bool act_do_full(struct step_ctx *ctx, struct aws_call *call, json_t *params) MUST_CHECK;
/* A whole step for a call whose answer is of no interest: STEP_DONE, or STEP_FAILED. */
enum verdict act_step(struct step_ctx *ctx, const struct aws_op *op, json_t *params);
/* The same where the provider's code `gone` means that nothing is left to do: STEP_FINISHED with
 * the note. */
enum verdict act_step_unless(struct step_ctx *ctx, const struct aws_op *op, json_t *params,
                             const char *gone, const char *note);

/* Whether the last failure was this provider code ("InvalidVolume.NotFound"). */
bool act_failed_with(const struct step_ctx *ctx, const char *code);
/* STEP_FAILED for want of memory. */
enum verdict act_no_memory(struct step_ctx *ctx);

/* --- EC2's DryRun parameter --- */

/* The action's row for it. */
#define DRY_RUN_PARAM                                                                              \
    {                                                                                              \
        .name = "DryRun", .type = PARAM_BOOLEAN, .fallback = "true",                               \
        .help = "Only ask AWS whether the change would be allowed."                                \
    }

/* params (stolen) with DryRun=true when the parameter is on. */
json_t *act_with_dry_run(struct step_ctx *ctx, json_t *params) MUST_CHECK;
/* When DryRun is on and the call answered DryRunOperation, that is success. Turns the failure into
 * STEP_FINISHED("dry run: would have succeeded") or leaves STEP_FAILED. */
enum verdict act_dry_run_verdict(struct step_ctx *ctx);
/* act_step_unless with DryRun; gone may be NULL. */
enum verdict act_step_dry(struct step_ctx *ctx, const struct aws_op *op, json_t *params,
                          const char *gone, const char *note);

/* --- listings --- */

struct act_listing {
    const struct aws_op *op;
    const char *items; /* the path of the list in an answer: "tagSet" */
    const char *next;  /* the path of the next page's token in an answer: "nextToken" */
    const char *token; /* the parameter that takes it: "NextToken" */
    const char *more;  /* the path of a boolean that says whether there is more (IAM); NULL: a token
                          says so */
    const char *each[3]; /* the paths of strings that each item has, ended by NULL: one without is
                            not passed over, since the answer cannot be the service's */
};

/* One page: the items as a new array. *next is the token of this page (NULL: the first; its
 * reference is taken over) and becomes that of the next (a new reference, NULL after the last).
 * params is stolen. NULL with ctx->err. */
json_t *act_page(struct step_ctx *ctx, const struct act_listing *how, json_t *params,
                 json_t **next) MUST_CHECK;
/* All pages within this step: for what is known to be short. params is stolen. A new array, or NULL
 * with ctx->err. */
json_t *act_list(struct step_ctx *ctx, const struct act_listing *how, json_t *params) MUST_CHECK;

/* The strings at `path` of each element of a list out of an answer: a new array. NULL with ctx->err
 * when one is missing: the answer is not whole. */
json_t *act_texts(struct step_ctx *ctx, const json_t *list, const char *path) MUST_CHECK;

/* Takes the last element off the array state.`name`: a new reference, NULL when it is empty or not
 * there. */
json_t *act_state_pop(struct step_ctx *ctx, const char *name) MUST_CHECK;
/* The string state.`name`, NULL when it is not there. */
const char *act_state_string(const struct step_ctx *ctx, const char *name);
/* Sets state.`name` (value is stolen); false with ctx->err when out of memory. */
bool act_state_set(struct step_ctx *ctx, const char *name, json_t *value) MUST_CHECK;

/* --- calls that several resources share --- */

/* The results of id_of, for a request: a new array. */
json_t *act_ids(struct step_ctx *const *ctxs, size_t count,
                const char *(*id_of)(struct step_ctx *ctx)) MUST_CHECK;

#endif
