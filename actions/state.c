/* The state of a task. In the process that made it, it is trusted. From the store it is input:
 * anyone who can write next to the reports may have written it. */
#include "actions/state.h"

#include <string.h>

static const struct action_state *state_find_member(const struct action *action, const char *name)
{
    const struct action_state *row = action->state;
    while (row && row->name && strcmp(row->name, name) != 0)
        row++;
    return row && row->name ? row : NULL;
}

bool action_state_admit(struct step_ctx *ctx, json_t *state)
{
    const char *name;
    json_t *value;
    void *next;
    if (!json_is_object(state))
        return err_set(&ctx->err, ERR_INVALID, "", "the stored state is not an object");
    json_object_foreach_safe(state, next, name, value) {
        const struct action_state *row = state_find_member(ctx->action, name);
        if (!row)
            return err_set(
                &ctx->err, ERR_INVALID, "",
                "the stored state has a member \"%.64s\", which the action does not declare", name);
        if (row->admit && !row->admit(ctx, value))
            return err_set(&ctx->err, ERR_INVALID, "",
                           "the member \"%s\" of the stored state is not valid", row->name);
        if (!row->admit)
            json_object_del(state, row->name);
    }
    return true;
}

bool action_state_declared(struct step_ctx *ctx)
{
    const char *name;
    json_t *value;
    json_object_foreach(ctx->state, name, value) {
        if (!state_find_member(ctx->action, name))
            return err_set(&ctx->err, ERR_INTERNAL, "",
                           "the action stores \"%.64s\" in its state, which it does not declare",
                           name);
    }
    return true;
}

bool state_boolean(struct step_ctx *ctx, const json_t *value)
{
    (void)ctx;
    return json_is_boolean(value);
}

bool state_count(struct step_ctx *ctx, const json_t *value)
{
    (void)ctx;
    return json_is_integer(value) && json_integer_value(value) >= 0;
}

bool state_list(struct step_ctx *ctx, const json_t *value,
                bool (*each)(struct step_ctx *ctx, const json_t *value))
{
    size_t count = json_array_size(value);
    if (!json_is_array(value) || count > STATE_LIST_MAX)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!each(ctx, json_array_get(value, i)))
            return false;
    return true;
}

const char *state_string(const json_t *value, size_t max)
{
    return json_is_string(value) && json_string_length(value) <= max ? json_string_value(value)
                                                                     : NULL;
}

bool state_texts(const json_t *value, const char *const *names, size_t max)
{
    size_t known = 0;
    if (!json_is_object(value))
        return false;
    for (const char *const *name = names; *name; name++) {
        const json_t *text = json_object_get(value, *name);
        if (text && !state_string(text, max))
            return false;
        known += text != NULL;
    }
    return known == json_object_size(value);
}
