/* The subscription, group and name of an Azure resource. IDs and names come from events and
 * responses, and are not trusted.
 * Source: Azure Resource Manager documentation, "resourceId" and "Naming rules and restrictions for
 * Azure resources". */
#include "actions/azure/id.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "actions/azure/names.h"
#include "lib/azure/arm.h"
#include "lib/azure/names.h"
#include "lib/base/fold.h"
#include "lib/base/memory.h"

#define ID_MAX 4096

/* --- IDs --- */

/* Whether arm_path_add, which has the rules, accepts it. */
static bool az_segment_valid(const char *text)
{
    struct buf ignored = buf_make(ID_MAX);
    bool ok = arm_path_add(&ignored, text);
    buf_free(&ignored);
    return ok;
}

/* Splits the store at its slashes. */
static bool az_id_split(struct az_id *id)
{
    for (char *at = id->store; *at == '/';) {
        *at++ = '\0';
        if (id->count == AZ_ID_SEGMENTS)
            return false;
        id->at[id->count++] = at;
        at += strcspn(at, "/");
    }
    return true;
}

static bool az_id_well_formed(const struct az_id *id)
{
    if (id->count < 8 || id->count % 2 != 0 || strcasecmp(id->at[0], "subscriptions") != 0 ||
        strcasecmp(id->at[2], "resourceGroups") != 0 || strcasecmp(id->at[4], "providers") != 0)
        return false;
    for (size_t i = 0; i < id->count; i++)
        if (!az_segment_valid(id->at[i]))
            return false;
    return !azure_guid_problem(id->at[1]);
}

bool az_id_parse(const char *text, struct az_id *to)
{
    *to = (struct az_id){0};
    if (*text != '/' || strlen(text) > ID_MAX)
        return false;
    to->store = xstrdup(text);
    if (az_id_split(to) && az_id_well_formed(to))
        return true;
    az_id_free(to);
    return false;
}

void az_id_free(struct az_id *id)
{
    free(id->store);
    *id = (struct az_id){0};
}

const char *az_id_subscription(const struct az_id *id)
{
    return id->at[1];
}

const char *az_id_group(const struct az_id *id)
{
    return id->at[3];
}

const char *az_id_name(const struct az_id *id)
{
    return id->at[id->count - 1];
}

bool az_id_is(const struct az_id *id, const char *type)
{
    size_t n = strlen(id->at[5]);
    return id->count == 8 && strncasecmp(type, id->at[5], n) == 0 && type[n] == '/' &&
           strcasecmp(type + n + 1, id->at[6]) == 0;
}

bool az_id_name_check(const struct az_id *id, struct err *err)
{
    char type[2 * AZ_SEGMENT_SIZE];
    /* A resource within another is of a type that has no rule here. */
    if (id->count != 8)
        return true;
    snprintf(type, sizeof type, "%s/%s", id->at[5], id->at[6]);
    return az_name_check(type, az_id_name(id), "the resource's \"name\"", err);
}

bool az_id_path(const struct az_id *id, struct buf *path)
{
    for (size_t i = 0; i < id->count; i++)
        if (!arm_path_add(path, id->at[i]))
            return false;
    return true;
}

/* --- places --- */

/* Takes `text`, or if that is absent, the segment of the ID. what: the place, for errors. */
static bool az_where_take(struct step_ctx *ctx, const char *what, const char *text,
                          const char *of_id, char to[AZ_SEGMENT_SIZE])
{
    if (!text && !of_id)
        return err_set(&ctx->err, ERR_INVALID, "",
                       "%s is missing, and the resource's \"id\" is not an ARM resource ID", what);
    if (text && !az_segment_valid(text))
        return err_set(&ctx->err, ERR_INVALID, "",
                       "%s is \"%.128s\", which cannot be part of an ARM resource ID", what, text);
    if (text && of_id && !fold_equal(text, of_id))
        return err_set(&ctx->err, ERR_INVALID, "",
                       "%s is \"%.128s\", but the resource's \"id\" contains \"%.128s\"", what,
                       text, of_id);
    snprintf(to, AZ_SEGMENT_SIZE, "%s", text ? text : of_id);
    return true;
}

static bool az_where_take_subscription(struct step_ctx *ctx, const char *of_id, struct az_where *to)
{
    if (!resource_field(ctx, "subscription", &to->subscription))
        return false;
    if (!to->subscription || azure_guid_problem(to->subscription))
        return err_set(
            &ctx->err, ERR_INVALID, "",
            "the resource's \"subscription\" is \"%.64s\", which is not a subscription ID "
            "(a GUID)",
            to->subscription ? to->subscription : "");
    if (of_id && strcasecmp(to->subscription, of_id) != 0)
        return err_set(&ctx->err, ERR_INVALID, "",
                       "the resource's \"subscription\" is %s, but its \"id\" contains %s",
                       to->subscription, of_id);
    return true;
}

bool az_where(struct step_ctx *ctx, struct az_where *to)
{
    static const char group_where[] = "attribute \"Resource Group\"";
    struct az_id id = {0};
    const char *text, *group, *name;
    if (!resource_field(ctx, "id", &text) || !resource_field(ctx, "name", &name) ||
        !resource_attribute(ctx, "Resource Group", &group))
        return false;
    /* Other IDs are ignored. */
    bool full = text && *text == '/';
    if (full && !az_id_parse(text, &id))
        return err_set(&ctx->err, ERR_INVALID, "",
                       "the resource's \"id\" is \"%.256s\", which is not a valid ARM resource ID",
                       text);
    bool ok = az_where_take_subscription(ctx, full ? az_id_subscription(&id) : NULL, to) &&
              az_where_take(ctx, group_where, group, full ? az_id_group(&id) : NULL, to->group) &&
              az_where_take(ctx, "the resource's \"name\"", name, full ? az_id_name(&id) : NULL,
                            to->name);
    az_id_free(&id);
    return ok && az_name_check(AZ_GROUP_TYPE, to->group, group_where, &ctx->err);
}
