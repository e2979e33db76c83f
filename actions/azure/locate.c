/* The location of an Azure resource: a GET of the resource, or of its group. */
#include "actions/azure/locate.h"

#include <stdio.h>
#include <string.h>

#include "actions/azure/call.h"
#include "actions/azure/id.h"
#include "actions/azure/names.h"
#include "lib/json/jpath.h"

#define TYPE_MAX 512

/* Adds the path of the request and the type, which determines the api-version. */
static bool az_locate_add_group(struct step_ctx *ctx, struct buf *path, struct buf *type)
{
    struct az_where where;
    if (!az_where(ctx, &where))
        return false;
    return buf_adds(type, AZ_GROUP_TYPE) && az_group_path(ctx, &where, path);
}

/* A resource of any type, by its full ID, which the action's check requires. */
static bool az_locate_add_by_id(struct step_ctx *ctx, struct buf *path, struct buf *type)
{
    struct az_id id;
    const char *text;
    if (!resource_field(ctx, "id", &text) || !text || !az_id_parse(text, &id))
        return false;
    bool ok = az_id_path(&id, path) && buf_adds(type, id.at[5]);
    for (size_t i = 6; ok && i < id.count; i += 2)
        ok = buf_addf(type, "/%s", id.at[i]);
    az_id_free(&id);
    return ok;
}

static bool az_locate_add_typed(struct step_ctx *ctx, struct buf *path, struct buf *type)
{
    const struct arm_op op = {.provider = ctx->action->arm_type};
    return buf_adds(type, op.provider) && az_path(ctx, &op, path);
}

static bool az_locate_add_target(struct step_ctx *ctx, struct buf *path, struct buf *type)
{
    const char *of = ctx->action->arm_type;
    bool ok = *of == '\0'                      ? az_locate_add_by_id(ctx, path, type)
              : strcmp(of, AZ_GROUP_TYPE) == 0 ? az_locate_add_group(ctx, path, type)
                                               : az_locate_add_typed(ctx, path, type);
    if (!ok && ctx->err.kind == ERR_NONE)
        err_set(&ctx->err, ERR_LIMIT, "", "the resource's path is too long");
    return ok;
}

/* Prefixes an error that will not pass with its consequence. */
static void az_locate_explain(struct err *err)
{
    char why[sizeof err->message];
    if (err_is_retryable(err) || err->kind == ERR_CREDENTIALS)
        return;
    memcpy(why, err->message, sizeof why);
    int n = snprintf(err->message, sizeof err->message,
                     "its location cannot be read, and [guard] allow_regions is set: %s", why);
    if (n < 0)
        memcpy(err->message, why, sizeof why);
}

static bool az_locate_take(struct step_ctx *ctx, const json_t *response, struct buf *location)
{
    const char *text = jstr(response, "location");
    if (text && *text)
        return buf_adds(location, text) ||
               err_set(&ctx->err, ERR_LIMIT, "", "the resource's location is too long");
    return err_set(
        &ctx->err, ERR_PROVIDER, "",
        "Resource Manager returned no location for it, and [guard] allow_regions is set");
}

bool az_locate(struct step_ctx *ctx, struct buf *location)
{
    struct buf path = buf_make(AZ_PATH_MAX), type = buf_make(TYPE_MAX);
    bool ok = az_locate_add_target(ctx, &path, &type);
    if (ok) {
        const struct arm_op get = {
            .provider = buf_str(&type), .name = "resources/get", .method = "GET", .suffix = ""};
        json_t *response = az_read(ctx, &get, buf_str(&path));
        ok = response ? az_locate_take(ctx, response, location) : az_gone(ctx);
        if (!response && ok)
            ctx->err = ERR_INIT;
        else if (!response)
            az_locate_explain(&ctx->err);
        json_decref(response);
    }
    buf_free(&path);
    buf_free(&type);
    return ok;
}
