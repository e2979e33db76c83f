/* iam_revoke_access_key, iam_delete_access_key and iam_deactivate_unused_access_keys: the access
 * keys of a user, one change each time the step runs. */
#include <string.h>

#include "actions/aws/iam.h"
#include "actions/aws/list.h"
#include "actions/parts.h"
#include "lib/base/clock.h"
#include "lib/json/jpath.h"

#define DAY_MS ((int64_t)86400000)

static const struct aws_op list_access_keys = {.service = &aws_iam, .name = "ListAccessKeys"};
static const struct aws_op last_used = {.service = &aws_iam, .name = "GetAccessKeyLastUsed"};
static const struct aws_op update_access_key = {&aws_iam, "UpdateAccessKey", .changes = true};
static const struct aws_op delete_access_key = {&aws_iam, "DeleteAccessKey", .changes = true};

static const struct act_listing all_keys = {
    .op = &list_access_keys,
    .items = "AccessKeyMetadata",
    .next = "Marker",
    .token = "Marker",
    .more = "IsTruncated",
    .each = {"AccessKeyId"},
};

/* Puts the keys of the user into state.keys as {"id", "created"}; with only_active, only those that
 * are active. */
static enum verdict iam_keys_list(struct step_ctx *ctx, bool only_active)
{
    json_t *found = act_list(ctx, &all_keys, json_pack("{s:s}", "UserName", iam_user(ctx)));
    if (!found)
        return STEP_FAILED;
    json_t *keys = json_array();
    size_t i;
    json_t *key;
    json_array_foreach(found, i, key) {
        const char *status = jstr(key, "Status");
        if (only_active && status && strcmp(status, "Inactive") == 0)
            continue;
        json_array_append_new(keys, json_pack("{s:s, s:s?}", "id", jstr(key, "AccessKeyId"),
                                              "created", jstr(key, "CreateDate")));
    }
    json_decref(found);
    step_state_set(ctx, "keys", keys);
    if (json_array_size(keys) == 0)
        return step_finished(ctx, only_active ? "no active access key" : "no access key");
    return STEP_DONE;
}

static enum verdict iam_keys_list_active(struct step_ctx *ctx)
{
    return iam_keys_list(ctx, true);
}

static enum verdict iam_keys_list_all(struct step_ctx *ctx)
{
    return iam_keys_list(ctx, false);
}

static const struct action_state keys_state[] = {{"keys", NULL}, {"parts", NULL}, {0}};

/* The next key; NULL after the last. */
static const json_t *iam_key_next(const struct step_ctx *ctx)
{
    return json_array_get(json_object_get(ctx->state, "keys"), 0);
}

/* Goes on to the next key if the call for this one has succeeded, the key does not exist, or the
 * rejection is final. */
static enum verdict iam_key_done(struct step_ctx *ctx, bool worked)
{
    const char *id = jstr(iam_key_next(ctx), "id");
    bool done = worked || act_failed_with(ctx, "NoSuchEntity");
    if (parts_settle(ctx, done ? STEP_DONE : STEP_FAILED, id ? id : "a key without ID") !=
        STEP_DONE)
        return STEP_FAILED;
    json_array_remove(json_object_get(ctx->state, "keys"), 0);
    return step_again(ctx, 0);
}

static enum verdict iam_key_deactivate_next(struct step_ctx *ctx)
{
    const json_t *key = iam_key_next(ctx);
    if (!key)
        return parts_conclude(ctx, "access keys");
    return iam_key_done(ctx,
                        act_do(ctx, &update_access_key,
                               json_pack("{s:s, s:s, s:s}", "UserName", iam_user(ctx),
                                         "AccessKeyId", jstr(key, "id"), "Status", "Inactive")));
}

static enum verdict iam_key_delete_next(struct step_ctx *ctx)
{
    const json_t *key = iam_key_next(ctx);
    if (!key)
        return parts_conclude(ctx, "access keys");
    return iam_key_done(ctx, act_do(ctx, &delete_access_key,
                                    json_pack("{s:s, s:s}", "UserName", iam_user(ctx),
                                              "AccessKeyId", jstr(key, "id"))));
}

/* Whether the key was last used (or, if never used, created) more than MaxDaysUsed days ago. False
 * with ctx->err if that is unknown. */
static bool iam_key_is_unused(struct step_ctx *ctx, const json_t *key, const json_t *usage)
{
    const char *date = jstr(usage, "AccessKeyLastUsed.LastUsedDate");
    int64_t used_ms;
    if (!jget(usage, "AccessKeyLastUsed")) /* of a key never used it says that */
        return err_set(&ctx->err, ERR_TRANSIENT, "UnreadableResponse",
                       "the response from GetAccessKeyLastUsed does not mention access key %s",
                       jstr(key, "id"));
    if (!date)
        date = jstr(key, "created");
    if (!date || !clock_parse(date, &used_ms))
        return err_set(&ctx->err, ERR_PROVIDER, "",
                       "AWS returned no date of creation or last use for access key %s",
                       jstr(key, "id"));
    int64_t days = param_number(ctx, "MaxDaysUsed");
    int64_t age_ms = ctx->clock->wall_ms(ctx->clock) - used_ms;
    /* The first comparison bounds days, so that the product cannot overflow. */
    return age_ms / DAY_MS >= days && age_ms > days * DAY_MS;
}

static enum verdict iam_key_deactivate_next_unused(struct step_ctx *ctx)
{
    const json_t *key = iam_key_next(ctx);
    if (!key)
        return parts_conclude(ctx, "access keys");
    json_t *usage = act_call(ctx, &last_used, json_pack("{s:s}", "AccessKeyId", jstr(key, "id")));
    if (!usage)
        return iam_key_done(ctx, false);
    bool is_unused = iam_key_is_unused(ctx, key, usage);
    json_decref(usage);
    if (ctx->err.kind != ERR_NONE)
        return iam_key_done(ctx, false);
    return is_unused ? iam_key_deactivate_next(ctx) : iam_key_done(ctx, true);
}

const struct action action_iam_revoke_access_key = {
    .name = "iam_revoke_access_key",
    .display_name = "Revoke Access Key",
    .description = "Deactivates every access key of the IAM user.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_STOPS,
    .global = true,
    .resource_types = iam_user_types,
    .permissions = (const char *const[]){"iam:ListAccessKeys", "iam:UpdateAccessKey", NULL},
    .check = iam_check_user,
    .state = keys_state,
    .steps = (const struct action_step[]){{.name = "list", .run = iam_keys_list_active},
                                          {.name = "deactivate", .run = iam_key_deactivate_next},
                                          {0}},
};

const struct action action_iam_delete_access_key = {
    .name = "iam_delete_access_key",
    .display_name = "Delete Access Keys",
    .description = "Deletes every access key of the IAM user.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_DELETES,
    .global = true,
    .resource_types = iam_user_types,
    .permissions = (const char *const[]){"iam:DeleteAccessKey", "iam:ListAccessKeys", NULL},
    .check = iam_check_user,
    .state = keys_state,
    .steps = (const struct action_step[]){{.name = "list", .run = iam_keys_list_all},
                                          {.name = "delete", .run = iam_key_delete_next},
                                          {0}},
};

const struct action action_iam_deactivate_unused_access_keys = {
    .name = "iam_deactivate_unused_access_keys",
    .display_name = "Deactivate Keys",
    .description =
        "Deactivates the access keys of the IAM user that were not used (or, if never used, "
        "not created) in the last MaxDaysUsed days.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_STOPS,
    .global = true,
    .resource_types = iam_user_types,
    .params = (const struct action_param[]){{.name = "MaxDaysUsed",
                                             .type = PARAM_NUMBER,
                                             .fallback = "90",
                                             .help = "Keys used in this number of days are kept."},
                                            {0}},
    .permissions = (const char *const[]){"iam:GetAccessKeyLastUsed", "iam:ListAccessKeys",
                                         "iam:UpdateAccessKey", NULL},
    .check = iam_check_user,
    .state = keys_state,
    .steps = (const struct action_step[]){{.name = "list", .run = iam_keys_list_active},
                                          {.name = "deactivate-unused",
                                           .run = iam_key_deactivate_next_unused},
                                          {0}},
};
