/* Changes the tags of a resource: names in any case, values as they are.
 * Source: Azure REST documentation, "Tags - Get At Scope", "Tags - Update At Scope". */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/json/jpath.h"
#include "tests/cloud/arm_table.h"

#define TAGS_MAX 50

static const char *armtag_find(json_t *tags, const char *name)
{
    const char *known;
    json_t *ignored;
    json_object_foreach(tags, known, ignored)
        if (strcasecmp(known, name) == 0)
            return known;
    return NULL;
}

/* An existing name keeps its case. */
static void armtag_merge(json_t *tags, const json_t *more)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)more, name, value) {
        const char *known = armtag_find(tags, name);
        json_object_set(tags, known ? known : name, value);
    }
}

/* Removes tags whose value matches too. */
static void armtag_remove(json_t *tags, const json_t *less)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)less, name, value) {
        const char *known = armtag_find(tags, name);
        if (known && json_equal(json_object_get(tags, known), value))
            json_object_del(tags, known);
    }
}

static bool armtag_change(json_t *tags, const char *operation, const json_t *given)
{
    if (strcmp(operation, "Merge") == 0) {
        armtag_merge(tags, given);
    } else if (strcmp(operation, "Delete") == 0) {
        armtag_remove(tags, given);
    } else if (strcmp(operation, "Replace") == 0) {
        json_object_clear(tags);
        json_object_update(tags, (json_t *)given);
    } else {
        return false;
    }
    return true;
}

/* The tags change at once, even if the operation is set to be long-running. */
static void armtag_patch(struct armsim *a, struct request *r, struct reply *reply, json_t *resource,
                         int64_t now_ms)
{
    json_t *in = json_loadb(buf_str(&r->body), r->body.size, 0, NULL);
    const char *operation = jstr(in, "operation");
    const json_t *given = jget(in, "properties.tags");
    json_t *tags = json_deep_copy(json_object_get(resource, "tags"));
    if (!operation || !json_is_object(given) || !armtag_change(tags, operation, given))
        armsim_error(r, reply, 400, "InvalidRequestContent", "The request content was invalid.");
    else if (json_object_size(tags) > TAGS_MAX)
        armsim_error(r, reply, 400, "InvalidTagsCount", "The maximum of %d tags is exceeded.",
                     TAGS_MAX);
    else if (json_object_set(resource, "tags", tags) == 0)
        armsim_begin(a, r, reply, jstr(resource, "id"), STYLE_SYNC, now_ms);
    json_decref(tags);
    json_decref(in);
}

void armsim_tags(struct armsim *a, struct request *r, struct reply *reply, const char *id,
                 int64_t now_ms)
{
    char full[600];
    json_t *resource = armsim_find(a, r, reply, id);
    if (!resource)
        return;
    if (!json_object_get(resource, "tags"))
        json_object_set_new(resource, "tags", json_object());
    if (strcmp(r->method, "PATCH") == 0)
        armtag_patch(a, r, reply, resource, now_ms);
    else if (strcmp(r->method, "GET") != 0)
        armsim_error(r, reply, 405, "MethodNotAllowed", "This server does not do that with tags.");
    if (reply->status != 200)
        return;
    snprintf(full, sizeof full, "%s/providers/Microsoft.Resources/tags/default",
             jstr(resource, "id"));
    reply_json(reply, json_pack("{s:s, s:s, s:s, s:{s:O}}", "id", full, "name", "default", "type",
                                "Microsoft.Resources/tags", "properties", "tags",
                                json_object_get(resource, "tags")));
    reply->type = "application/json; charset=utf-8";
}
