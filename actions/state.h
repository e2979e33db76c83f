/* The state of a task: which members an action declares, and which of them are taken over from an
 * earlier owner of the run. The functions are for the worker that runs the task. */
#ifndef HGAUTOD_ACTIONS_STATE_H
#define HGAUTOD_ACTIONS_STATE_H

#include "actions/action.h"

/* The most elements that a list in a stored state may have. */
#define STATE_LIST_MAX 1000

/* Reduces a state that was read from the store to the members that are taken over. ctx: everything
 * but a state; state: borrowed. False with ctx->err (ERR_INVALID, naming the member) if a member is
 * not one of the action's, or one that is taken over is not valid; then nothing of the state may be
 * used. */
bool action_state_admit(struct step_ctx *ctx, json_t *state) MUST_CHECK;

/* Whether the action declares each member that it has put into ctx->state. False with ctx->err
 * (ERR_INTERNAL): a member that is not declared would be lost in a takeover. */
bool action_state_declared(struct step_ctx *ctx) MUST_CHECK;

/* --- for action_state.admit --- */

/* true or false. */
bool state_boolean(struct step_ctx *ctx, const json_t *value);
/* An integer that is not negative. */
bool state_count(struct step_ctx *ctx, const json_t *value);

/* --- for functions in action_state.admit --- */

/* Whether value is an array of at most STATE_LIST_MAX elements, all of which `each` admits. */
bool state_list(struct step_ctx *ctx, const json_t *value,
                bool (*each)(struct step_ctx *ctx, const json_t *value)) MUST_CHECK;
/* The text of a string of at most `max` bytes; NULL if value is not one. Borrowed. */
const char *state_string(const json_t *value, size_t max) MUST_CHECK;
/* Whether value is an object whose members are strings of at most `max` bytes with one of the
 * `names` (ended by NULL); some may be missing. */
bool state_texts(const json_t *value, const char *const *names, size_t max) MUST_CHECK;

#endif
