/* generic_tag, generic_untag and generic_tag_update: each change is one PATCH of the resource's
 * tags that leaves the other tags alone, so that no concurrent change is lost. Source: Azure REST
 * documentation, "Tags - Update At Scope". Names of tags are case-insensitive, values are not. */
#include <string.h>
#include <strings.h>

#include "actions/azure/call.h"
#include "actions/azure/id.h"
#include "actions/state.h"
#include "lib/json/jpath.h"

#define TAGS "Microsoft.Resources/tags"

static const struct arm_op get_tags = {.provider = TAGS,
                                       .name = "tags/get",
                                       .method = "GET",
                                       .suffix = "/providers/Microsoft.Resources/tags/default"};
static const struct arm_op update_tags = {.provider = TAGS,
                                          .name = "tags/update",
                                          .method = "PATCH",
                                          .suffix = "/providers/Microsoft.Resources/tags/default",
                                          .changes = true};

static const char *const vm_types[] = {"Virtual Machine", NULL};
static const char *const permissions[] = {"Microsoft.Resources/tags/read",
                                          "Microsoft.Resources/tags/write", NULL};

/* Of all types whose api-version is known. */
static const char *const location_permissions[] = {"Microsoft.Compute/disks/read",
                                                   "Microsoft.Compute/images/read",
                                                   "Microsoft.Compute/sshPublicKeys/read",
                                                   "Microsoft.Compute/virtualMachines/read",
                                                   "Microsoft.Network/networkInterfaces/read",
                                                   "Microsoft.Network/publicIPAddresses/read",
                                                   NULL};

/* --- the resource's tags --- */

/* The resource may be of any type, which only a full ID contains: a name alone is ambiguous. False
 * with ctx->err. */
static bool az_tag_read_id(struct step_ctx *ctx, struct az_id *id)
{
    const char *text;
    if (!resource_field(ctx, "id", &text))
        return false;
    if (!text)
        return err_set(&ctx->err, ERR_INVALID, "",
                       "the resource's \"id\" is missing; tags need an ARM resource ID "
                       "(/subscriptions/...), which contains the resource's type");
    return az_id_parse(text, id) ||
           err_set(&ctx->err, ERR_INVALID, "",
                   "the resource's \"id\" is \"%.256s\"; tags need an ARM resource ID "
                   "(/subscriptions/...), which contains the resource's type",
                   text);
}

static bool az_tag_check(struct step_ctx *ctx)
{
    struct az_where where;
    struct az_id id;
    if (!az_where(ctx, &where) || !az_tag_read_id(ctx, &id))
        return false;
    bool ok = az_id_name_check(&id, &ctx->err);
    az_id_free(&id);
    return ok;
}

static bool az_tag_path(struct step_ctx *ctx, struct buf *path)
{
    struct az_id id;
    if (!az_tag_read_id(ctx, &id))
        return false;
    bool ok = az_id_path(&id, path);
    az_id_free(&id);
    return ok || err_set(&ctx->err, ERR_LIMIT, "", "the resource's path is too long");
}

/* The present tags: a new object, NULL with ctx->err. */
static json_t *az_tags_read(struct step_ctx *ctx)
{
    struct buf path = buf_make(AZ_PATH_MAX);
    json_t *response = az_tag_path(ctx, &path) ? az_read(ctx, &get_tags, buf_str(&path)) : NULL;
    buf_free(&path);
    if (!response)
        return NULL;
    json_t *tags = json_incref(jget(response, "properties.tags"));
    json_decref(response);
    if (!json_is_object(tags)) {
        json_decref(tags);
        tags = json_object();
    }
    return tags;
}

/* Makes one change. tags is stolen. */
static enum verdict az_tags_patch(struct step_ctx *ctx, const char *operation, json_t *tags)
{
    struct buf path = buf_make(AZ_PATH_MAX);
    json_t *body = json_pack("{s:s, s:{s:o}}", "operation", operation, "properties", "tags", tags);
    enum verdict verdict = STEP_FAILED;
    if (az_tag_path(ctx, &path))
        verdict = az_long(ctx, &update_tags, buf_str(&path), json_incref(body));
    json_decref(body);
    buf_free(&path);
    return verdict;
}

/* The name of the tag as it is spelled in tags, and its value; NULL if it is missing. */
static const char *az_tag_find(json_t *tags, const char *key, const char **value)
{
    const char *name;
    json_t *one;
    json_object_foreach(tags, name, one) {
        if (strcasecmp(name, key) == 0) {
            *value = json_string_value(one) ? json_string_value(one) : "";
            return name;
        }
    }
    return NULL;
}

/* --- generic_tag --- */

static enum verdict az_tag_add_to(struct step_ctx *ctx, json_t *tags)
{
    const char *key = param_string(ctx, "Key"), *value = param_string(ctx, "Value");
    const char *now = NULL;
    const char *name = az_tag_find(tags, key, &now);
    if (!name)
        return az_tags_patch(ctx, "Merge", json_pack("{s:s}", key, value));
    if (strcmp(now, value) == 0)
        return step_finished(ctx, "the tag exists already");
    return step_invalid(ctx,
                        "the tag \"%.128s\" exists already with the value \"%.128s\"; it is not "
                        "overwritten",
                        name, now);
}

/* While the operation of a change is polled, the tags are not read. */
static enum verdict az_tag_add(struct step_ctx *ctx)
{
    if (json_object_get(ctx->state, "poll"))
        return az_tags_patch(ctx, "Merge", json_object());
    json_t *tags = az_tags_read(ctx);
    enum verdict verdict = tags ? az_tag_add_to(ctx, tags) : STEP_FAILED;
    json_decref(tags);
    return verdict;
}

const struct action action_generic_tag = {
    .name = "generic_tag",
    .display_name = "Add Tag",
    .description =
        "Adds a tag to the resource; it is an error if the key exists with another value.",
    .cloud = CLOUD_AZURE,
    .effect = EFFECT_TAGS,
    .resource_types = vm_types,
    .params = (const struct action_param[]){{.name = "Key",
                                             .type = PARAM_STRING,
                                             .fallback = "",
                                             .required = true,
                                             .help = "The tag's key, in any case."},
                                            {.name = "Value",
                                             .type = PARAM_STRING,
                                             .fallback = "",
                                             .help = "The tag's value; it may be empty."},
                                            {0}},
    .permissions = permissions,
    .arm_type = "",
    .location_permissions = location_permissions,
    .check = az_tag_check,
    .state = az_operation_state,
    .steps = (const struct action_step[]){{.name = "add", .run = az_tag_add}, {0}},
};

/* --- generic_untag --- */

/* The service requires the value too. */
static enum verdict az_tag_remove_from(struct step_ctx *ctx, json_t *tags, const char *key)
{
    const char *value = NULL;
    const char *name = az_tag_find(tags, key, &value);
    return name ? az_tags_patch(ctx, "Delete", json_pack("{s:s}", name, value))
                : step_finished(ctx, "the resource does not have the tag");
}

static enum verdict az_tag_remove_key(struct step_ctx *ctx, const char *key)
{
    if (json_object_get(ctx->state, "poll"))
        return az_tags_patch(ctx, "Delete", json_object());
    json_t *tags = az_tags_read(ctx);
    enum verdict verdict = tags ? az_tag_remove_from(ctx, tags, key) : STEP_FAILED;
    json_decref(tags);
    return verdict;
}

static enum verdict az_tag_remove(struct step_ctx *ctx)
{
    return az_tag_remove_key(ctx, param_string(ctx, "Key"));
}

const struct action action_generic_untag = {
    .name = "generic_untag",
    .display_name = "Remove Tag",
    .description = "Removes a tag from the resource.",
    .cloud = CLOUD_AZURE,
    .effect = EFFECT_TAGS,
    .resource_types = vm_types,
    .params = (const struct action_param[]){{.name = "Key",
                                             .type = PARAM_STRING,
                                             .fallback = "",
                                             .required = true,
                                             .help = "The tag's key, in any case."},
                                            {0}},
    .permissions = permissions,
    .arm_type = "",
    .location_permissions = location_permissions,
    .check = az_tag_check,
    .state = az_operation_state,
    .steps = (const struct action_step[]){{.name = "remove", .run = az_tag_remove}, {0}},
};

/* --- generic_tag_update --- */

/* Both keys are the same to Azure: only replacing all tags can change the case. */
static enum verdict az_tag_change_case(struct step_ctx *ctx, const json_t *tags, const char *from,
                                       const char *to)
{
    json_t *all = json_copy((json_t *)tags);
    json_t *value = json_incref(json_object_get(tags, from));
    json_object_del(all, from);
    json_object_set_new(all, to, value);
    step_state_set(ctx, "replace", all);
    return STEP_DONE;
}

/* The old key is missing. If it has been renamed already, by an earlier run or otherwise, the new
 * key has the value that is in the event, if that contains one. */
static enum verdict az_tag_none_to_rename(struct step_ctx *ctx, const char *old_key,
                                          const char *there, const char *now)
{
    const char *former = NULL;
    bool known = az_tag_find(json_object_get(ctx->resource, "tags"), old_key, &former) != NULL;
    /* By an earlier owner of the run. */
    bool found = step_state_flag(ctx, "found");
    if (there && (found || !known || strcmp(former, now) == 0))
        return step_finished(ctx, "the tag has been renamed already");
    return step_invalid(ctx, "the resource has no tag \"%.128s\"", old_key);
}

static enum verdict az_tag_plan_rename(struct step_ctx *ctx, json_t *tags)
{
    const char *old_key = param_string(ctx, "Old Key"), *new_key = param_string(ctx, "New Key");
    const char *value = NULL, *now = NULL;
    const char *from = az_tag_find(tags, old_key, &value);
    const char *there = az_tag_find(tags, new_key, &now);
    if (!from)
        return az_tag_none_to_rename(ctx, old_key, there, now);
    step_state_set(ctx, "found", json_true());
    if (strcmp(from, new_key) == 0)
        return step_finished(ctx, "the tag has that key already");
    if (from == there)
        return az_tag_change_case(ctx, tags, from, new_key);
    if (there && strcmp(now, value) != 0)
        return step_invalid(
            ctx, "the tag \"%.128s\" exists already with the value \"%.128s\", not \"%.128s\"",
            there, now, value);
    step_state_set(ctx, "merge", there ? json_object() : json_pack("{s:s}", new_key, value));
    return STEP_DONE;
}

static enum verdict az_tag_rename_find(struct step_ctx *ctx)
{
    json_t *tags = az_tags_read(ctx);
    enum verdict verdict = tags ? az_tag_plan_rename(ctx, tags) : STEP_FAILED;
    json_decref(tags);
    return verdict;
}

static enum verdict az_tag_rename_add(struct step_ctx *ctx)
{
    json_t *all = json_object_get(ctx->state, "replace");
    json_t *merge = json_object_get(ctx->state, "merge");
    if (all)
        return az_tags_patch(ctx, "Replace", json_incref(all));
    return json_object_size(merge) > 0 ? az_tags_patch(ctx, "Merge", json_incref(merge))
                                       : STEP_DONE;
}

/* A second try after a crash does not find the old key. */
static enum verdict az_tag_rename_remove(struct step_ctx *ctx)
{
    if (json_object_get(ctx->state, "replace"))
        return STEP_DONE;
    return az_tag_remove_key(ctx, param_string(ctx, "Old Key"));
}

const struct action action_generic_tag_update = {
    .name = "generic_tag_update",
    .display_name = "Update Tag",
    .description = "Renames a tag of the resource: its value moves to the new key.",
    .cloud = CLOUD_AZURE,
    .effect = EFFECT_TAGS,
    .resource_types = vm_types,
    .params = (const struct action_param[]){{.name = "Old Key",
                                             .type = PARAM_STRING,
                                             .fallback = "",
                                             .required = true,
                                             .help = "The present key, in any case."},
                                            {.name = "New Key",
                                             .type = PARAM_STRING,
                                             .fallback = "",
                                             .required = true,
                                             .help = "The new key."},
                                            {0}},
    .permissions = permissions,
    .arm_type = "",
    .location_permissions = location_permissions,
    .check = az_tag_check,
    .state =
        (const struct action_state[]){
            {"found", state_boolean}, {"replace", NULL}, {"merge", NULL}, AZ_OPERATION_AGAIN, {0}},
    /* Saved before the first change: a second try finds the old key missing, and must know why. */
    .steps = (const struct action_step[]){{.name = "find", .run = az_tag_rename_find, .save = true},
                                          {.name = "add", .run = az_tag_rename_add},
                                          {.name = "remove", .run = az_tag_rename_remove},
                                          {0}},
};
