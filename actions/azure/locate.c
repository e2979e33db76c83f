/* Where an Azure resource is: a GET of the resource, or of its group. */
#include "actions/azure/locate.h"

#include <stdio.h>
#include <string.h>

#include "actions/azure/common.h"
#include "actions/azure/id.h"
#include "actions/azure/names.h"
#include "lib/json/jpath.h"

#define TYPE_MAX 512

/* What is asked: its path, and its type, which the api-version goes by. */
static bool add_group(struct step_ctx *ctx, struct buf *path, struct buf *type)
{
    struct az_where where;
    if (!az_where(ctx, &where))
        return false;
    return buf_adds(type, AZ_GROUP_TYPE) && buf_adds(path, "/subscriptions") &&
           arm_path_add(path, where.subscription) && buf_adds(path, "/resourcegroups") &&
           arm_path_add(path, where.group);
}

/* A resource of any type, by its full id, which the action's check has asked for. */
static bool add_by_id(struct step_ctx *ctx, struct buf *path, struct buf *type)
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

static bool add_typed(struct step_ctx *ctx, struct buf *path, struct buf *type)
{
    const struct arm_op op = {.provider = ctx->action->arm_type};
    return buf_adds(type, op.provider) && az_path(ctx, &op, path);
}

static bool add_asked(struct step_ctx *ctx, struct buf *path, struct buf *type)
{
    const char *of = ctx->action->arm_type;
    bool ok = *of == '\0'                      ? add_by_id(ctx, path, type)
              : strcmp(of, AZ_GROUP_TYPE) == 0 ? add_group(ctx, path, type)
                                               : add_typed(ctx, path, type);
    if (!ok && ctx->err.kind == ERR_NONE)
        err_set(&ctx->err, ERR_LIMIT, "", "the resource's path is too long");
    return ok;
}

/* Says before the reason of a failure that will not pass what it has kept from being known. */
static void explain(struct err *err)
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

static bool take_location(struct step_ctx *ctx, const json_t *answer, struct buf *location)
{
    const char *text = jstr(answer, "location");
    if (text && *text)
        return buf_adds(location, text) ||
               err_set(&ctx->err, ERR_LIMIT, "", "the resource's location is too long");
    return err_set(&ctx->err, ERR_PROVIDER, "",
                   "Resource Manager says of it no location, and [guard] allow_regions is set");
}

bool az_locate(struct step_ctx *ctx, struct buf *location)
{
    struct buf path = buf_make(AZ_PATH_MAX), type = buf_make(TYPE_MAX);
    bool ok = add_asked(ctx, &path, &type);
    if (ok) {
        const struct arm_op get = {
            .provider = buf_str(&type), .name = "resources/get", .method = "GET", .suffix = ""};
        json_t *answer = az_read(ctx, &get, buf_str(&path));
        ok = answer ? take_location(ctx, answer, location) : az_gone(ctx);
        if (!answer && ok)
            ctx->err = ERR_INIT;
        else if (!answer)
            explain(&ctx->err);
        json_decref(answer);
    }
    buf_free(&path);
    buf_free(&type);
    return ok;
}
