/* The state of a task: what an action declares of it, and what of it is taken over from an earlier
 * owner of the run. */
#ifndef HGAUTOD_ACTIONS_STATE_H
#define HGAUTOD_ACTIONS_STATE_H

#include "actions/action.h"

/* The most elements that a list in a stored state may have. */
#define STATE_LIST_MAX 1000

/* Reduces a state that was read from the store to what may be acted on: members that are not kept
 * over a takeover are removed. False with ctx->err (ERR_INVALID, naming the member) when a member
 * is not one of the action's, or when a kept one is not valid; nothing of the state may be used
 * then. ctx has everything but a state; `state` is borrowed. */
bool action_state_admit(struct step_ctx *ctx, json_t *state) MUST_CHECK;

/* Whether the action declares each member that it has put into ctx->state. False with ctx->err
 * (ERR_INTERNAL): what is not declared would be lost by a takeover. */
bool action_state_declared(struct step_ctx *ctx) MUST_CHECK;

/* --- for tables: kinds of members --- */

/* true or false. */
bool state_boolean(struct step_ctx *ctx, const json_t *value);
/* A whole number that is not negative. */
bool state_count(struct step_ctx *ctx, const json_t *value);

/* --- for functions in tables --- */

/* Whether value is an array of at most STATE_LIST_MAX elements, of which `each` admits all. */
bool state_list(struct step_ctx *ctx, const json_t *value,
                bool (*each)(struct step_ctx *ctx, const json_t *value)) MUST_CHECK;
/* The text of a string of at most `most` bytes; NULL when the value is not one. Borrowed. */
const char *state_string(const json_t *value, size_t most) MUST_CHECK;
/* Whether value is an object whose members are all strings of at most `most` bytes, and named in
 * `names` (ended by NULL); some may be missing. */
bool state_texts(const json_t *value, const char *const *names, size_t most) MUST_CHECK;

#endif
