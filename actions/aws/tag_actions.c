/* add_tag, remove_tag and update_tag, for all types of resources in tags.c. */
#include <string.h>

#include "actions/aws/tags.h"
#include "actions/state.h"

static const struct action_sharing tags_sharing = {
    .max = SHARED_CALL_MAX,
    .takes = tags_share_calls,
};

/* --- add_tag --- */

/* A tag with this key exists. What it is now decides, not the event: that may be old, and this may
 * be a second try. */
static enum verdict add_tag_exists(struct step_ctx *ctx, const char *now)
{
    const char *key = param_string(ctx, "Key");
    char shown[84], also[84];
    if (strcmp(now, param_string(ctx, "Value")) == 0)
        return step_finished(ctx, "the tag exists already");
    return step_invalid(ctx,
                        "the tag \"%s\" exists already with the value \"%s\"; it is not "
                        "overwritten",
                        act_shown(key, shown), act_shown(now, also));
}

/* One call reads the tags of all, and one adds the tag to those that have no tag with the key. */
static bool add_tag_run(struct step_ctx *const *ctxs, size_t count, enum verdict *verdicts)
{
    const char *key = param_string(ctxs[0], "Key");
    const char *now[SHARED_CALL_MAX];
    struct step_ctx *without[SHARED_CALL_MAX];
    size_t n = 0;
    json_t *tags = tags_read(ctxs, count);
    for (size_t i = 0; tags && i < count; i++) {
        now[i] = json_string_value(json_object_get(json_array_get(tags, i), key));
        if (!now[i])
            without[n++] = ctxs[i];
    }
    bool ok = tags && tags_add(ctxs[0], without, n, key, param_string(ctxs[0], "Value"));
    for (size_t i = 0; ok && i < count; i++)
        verdicts[i] = now[i] ? add_tag_exists(ctxs[i], now[i]) : STEP_DONE;
    json_decref(tags);
    return ok;
}

const struct action action_add_tag = {
    .name = "add_tag",
    .display_name = "Add Tag",
    .description =
        "Adds a tag to the resource; it is an error if the key exists with another value.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_TAGS,
    .resource_types =
        (const char *const[]){"Security Group", "EC2 Instance", "AMI", "Internet Gateway",
                              "Network ACL", "Network Interface", "Route Table", "EBS Snapshot",
                              "EBS Volume", "Subnet", "VPC", "SNS Topic", "SQS Queue", NULL},
    .params = (const struct action_param[]){{.name = "Key",
                                             .type = PARAM_STRING,
                                             .fallback = "",
                                             .required = true,
                                             .help = "The tag's key."},
                                            {.name = "Value",
                                             .type = PARAM_STRING,
                                             .fallback = "",
                                             .help = "The tag's value; it may be empty."},
                                            {0}},
    .permissions =
        (const char *const[]){"ec2:CreateTags", "ec2:DescribeTags", "sns:ListTagsForResource",
                              "sns:TagResource", "sqs:ListQueueTags", "sqs:TagQueue", NULL},
    .check = tags_check,
    .steps =
        (const struct action_step[]){
            {.name = "add", .run_all = add_tag_run, .sharing = &tags_sharing}, {0}},
};

/* --- remove_tag --- */

/* Every resource is done when the one call has succeeded. */
static bool tags_all_done(bool ok, size_t count, enum verdict *verdicts)
{
    for (size_t i = 0; ok && i < count; i++)
        verdicts[i] = STEP_DONE;
    return ok;
}

static bool remove_tag_run(struct step_ctx *const *ctxs, size_t count, enum verdict *verdicts)
{
    json_t *keys = json_pack("[s]", param_string(ctxs[0], "Key"));
    bool ok = tags_remove(ctxs, count, keys);
    json_decref(keys);
    return tags_all_done(ok, count, verdicts);
}

const struct action action_remove_tag = {
    .name = "remove_tag",
    .display_name = "Remove Tag",
    .description = "Removes a tag from the resource.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_TAGS,
    .resource_types =
        (const char *const[]){"Security Group", "EC2 Instance", "AMI", "Internet Gateway",
                              "Network ACL", "Network Interface", "Route Table", "EBS Snapshot",
                              "EBS Volume", "Subnet", "VPC", "SQS Queue", "SNS Topic", NULL},
    .params = (const struct action_param[]){{.name = "Key",
                                             .type = PARAM_STRING,
                                             .fallback = "",
                                             .required = true,
                                             .help = "The tag's key."},
                                            {0}},
    .permissions =
        (const char *const[]){"ec2:DeleteTags", "sns:UntagResource", "sqs:UntagQueue", NULL},
    .check = tags_check,
    .steps =
        (const struct action_step[]){
            {.name = "remove", .run_all = remove_tag_run, .sharing = &tags_sharing}, {0}},
};

/* --- update_tag --- */

/* The first matched attribute that is a key of tags other than `key`; NULL: none. */
static const char *update_tag_first_matched(const struct step_ctx *ctx, const json_t *tags,
                                            const char *key)
{
    const char *name;
    json_t *ignored;
    json_object_foreach(json_object_get(ctx->resource, "matchedAttributes"), name, ignored)
        if (strcmp(name, key) != 0 && json_object_get(tags, name))
            return name;
    return NULL;
}

/* A key to be renamed: one that the rule has matched. */
static bool update_tag_key_valid(struct step_ctx *ctx, const json_t *value)
{
    const char *key = state_string(value, 512);
    return key && strcmp(key, param_string(ctx, "New Key")) != 0 &&
           json_object_get(json_object_get(ctx->resource, "matchedAttributes"), key);
}

static bool update_tag_keys_valid(struct step_ctx *ctx, const json_t *value)
{
    return state_list(ctx, value, update_tag_key_valid);
}

/* No other matched key is a tag now. The new key may be the matched one. Or an earlier run has
 * renamed the tag: then the new key has the value that is in the event. Or an earlier owner of this
 * run has stored that there was one. */
static enum verdict update_tag_none_matched(struct step_ctx *ctx, const json_t *tags,
                                            const char *key)
{
    const json_t *former = json_object_get(ctx->resource, "tags");
    const char *old = update_tag_first_matched(ctx, former, key);
    const json_t *matched = json_object_get(ctx->resource, "matchedAttributes");
    if (json_object_get(matched, key) && json_object_get(tags, key))
        return step_finished(ctx, "the tag has that key already");
    if (json_array_size(json_object_get(ctx->state, "old")) > 0 && json_object_get(tags, key))
        return step_finished(ctx, "the tag has been renamed already");
    if (old && json_object_get(tags, key) &&
        json_equal(json_object_get(former, old), json_object_get(tags, key)))
        return step_finished(ctx, "the tag has been renamed already");
    return step_invalid(ctx, "the resource has none of the tags in its matchedAttributes");
}

/* All tags are renamed to one key, so that they must have one value. Puts the value and the old
 * keys into the state. */
static enum verdict update_tag_plan(struct step_ctx *ctx, const json_t *tags, const char *key)
{
    char shown[84];
    const char *old = update_tag_first_matched(ctx, tags, key);
    if (!old)
        return update_tag_none_matched(ctx, tags, key);
    json_t *value = json_object_get(tags, old);
    json_t *now = json_object_get(tags, key);
    if (now && !json_equal(now, value))
        return step_invalid(ctx, "the tag \"%s\" exists already with another value",
                            act_shown(key, shown));
    json_t *keys = json_array();
    const char *name;
    json_t *ignored;
    json_object_foreach(json_object_get(ctx->resource, "matchedAttributes"), name, ignored) {
        const json_t *tag = json_object_get(tags, name);
        if (!tag || strcmp(name, key) == 0)
            continue;
        if (!json_equal(tag, value)) {
            json_decref(keys);
            return step_invalid(ctx, "matched tags with different values cannot both become \"%s\"",
                                act_shown(key, shown));
        }
        json_array_append_new(keys, json_string(name));
    }
    step_state_set(ctx, "old", keys);
    step_state_set(ctx, "value", json_incref(value));
    step_state_set(ctx, "add", json_boolean(!now));
    return STEP_DONE;
}

static bool update_tag_find(struct step_ctx *const *ctxs, size_t count, enum verdict *verdicts)
{
    json_t *tags = tags_read(ctxs, count);
    for (size_t i = 0; tags && i < count; i++)
        verdicts[i] =
            update_tag_plan(ctxs[i], json_array_get(tags, i), param_string(ctxs[i], "New Key"));
    json_decref(tags);
    return tags != NULL;
}

/* The tag has the same value for all. */
static bool update_tag_add(struct step_ctx *const *ctxs, size_t count, enum verdict *verdicts)
{
    struct step_ctx *without[SHARED_CALL_MAX];
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (json_is_true(json_object_get(ctxs[i]->state, "add")))
            without[n++] = ctxs[i];
    return tags_all_done(tags_add(ctxs[0], without, n, param_string(ctxs[0], "New Key"),
                                  step_state_string(ctxs[0], "value")),
                         count, verdicts);
}

/* All have the same old keys. */
static bool update_tag_remove(struct step_ctx *const *ctxs, size_t count, enum verdict *verdicts)
{
    return tags_all_done(tags_remove(ctxs, count, json_object_get(ctxs[0]->state, "old")), count,
                         verdicts);
}

const struct action action_update_tag = {
    .name = "update_tag",
    .display_name = "Update Tag",
    .description = "Renames the tags that the rule matched: the value moves to the new key.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_TAGS,
    .resource_types =
        (const char *const[]){"Security Group", "EC2 Instance", "AMI", "Internet Gateway",
                              "Network ACL", "Network Interface", "Placement Group", "Route Table",
                              "EC2 Snapshot", "Subnet", "EBS Snapshot", "EBS Volume", "VPC",
                              "SNS Topic", "SQS Queue", NULL},
    .params = (const struct action_param[]){{.name = "New Key",
                                             .type = PARAM_STRING,
                                             .fallback = "",
                                             .required = true,
                                             .help = "The new key."},
                                            {0}},
    .permissions =
        (const char *const[]){"ec2:CreateTags", "ec2:DeleteTags", "ec2:DescribeTags",
                              "sns:ListTagsForResource", "sns:TagResource", "sns:UntagResource",
                              "sqs:ListQueueTags", "sqs:TagQueue", "sqs:UntagQueue", NULL},
    .check = tags_check,
    .state =
        (const struct action_state[]){
            {"old", update_tag_keys_valid}, {"value", NULL}, {"add", NULL}, {0}},
    /* Saved before the first change: once the old keys are gone, nothing else shows that there was
       something to do. */
    .steps =
        (const struct action_step[]){
            {.name = "find", .run_all = update_tag_find, .sharing = &tags_sharing, .save = true},
            {.name = "add",
             .run_all = update_tag_add,
             .sharing = &(const struct action_sharing){.max = SHARED_CALL_MAX,
                                                       .takes = tags_share_calls,
                                                       .same = "value"}},
            {.name = "remove",
             .run_all = update_tag_remove,
             .sharing = &(const struct action_sharing){.max = SHARED_CALL_MAX,
                                                       .takes = tags_share_calls,
                                                       .same = "old"}},
            {0}},
};
