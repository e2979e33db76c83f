/* Calls of Azure Resource Manager from a step: paths of resources, and long-running operations. */
#include "actions/azure/call.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "actions/azure/id.h"
#include "actions/azure/names.h"
#include "actions/state.h"
#include "lib/net/uri.h"

/* How long an operation is polled. Deleting a large resource group takes hours. */
#define OPERATION_LIMIT WAIT_MINUTES(240)

/* --- paths --- */

bool az_path(struct step_ctx *ctx, const struct arm_op *op, struct buf *path)
{
    struct az_where where;
    if (!az_where(ctx, &where))
        return false;
    bool ok = buf_adds(path, "/subscriptions") && arm_path_add(path, where.subscription) &&
              buf_adds(path, "/resourceGroups") && arm_path_add(path, where.group) &&
              buf_addf(path, "/providers/%s", op->provider) && arm_path_add(path, where.name);
    return ok || err_set(&ctx->err, ERR_LIMIT, "", "the resource's path is too long");
}

bool az_group_path(struct step_ctx *ctx, const struct az_where *where, struct buf *path)
{
    bool ok = buf_adds(path, "/subscriptions") && arm_path_add(path, where->subscription) &&
              buf_adds(path, "/resourcegroups") && arm_path_add(path, where->group);
    return ok || err_set(&ctx->err, ERR_LIMIT, "", "the path of the resource group is too long");
}

bool az_check(struct step_ctx *ctx, const char *type)
{
    struct az_id id;
    struct az_where where;
    const char *text;
    if (!az_where(ctx, &where) ||
        !az_name_check(type, where.name, "the resource's \"name\"", &ctx->err) ||
        !resource_field(ctx, "id", &text))
        return false;
    /* az_where has rejected an invalid ID that looks like one of ARM. */
    if (!text || !az_id_parse(text, &id))
        return true;
    bool ok = az_id_is(&id, type);
    az_id_free(&id);
    return ok ||
           err_set(&ctx->err, ERR_INVALID, "",
                   "the resource's \"id\" is \"%.256s\", which is not of the type %s", text, type);
}

/* --- calls --- */

json_t *az_read(struct step_ctx *ctx, const struct arm_op *op, const char *path)
{
    struct arm_call call = {.op = op, .subscription = ctx->account, .path = path};
    return arm_call(ctx->azure, ctx->http, &call, NULL, &ctx->err);
}

/* Reports a call of a dry run: service "Microsoft.Compute", operation "virtualMachines/start". */
static enum verdict az_plan(struct step_ctx *ctx, const struct arm_op *op, const char *path,
                            json_t *body)
{
    char service[64];
    snprintf(service, sizeof service, "%.*s", (int)strcspn(op->provider, "/"), op->provider);
    json_t *params = json_pack("{s:s, s:O*}", "id", path, "body", body);
    if (ctx->planned)
        ctx->planned(ctx, service, op->name, params);
    json_decref(params);
    return STEP_DONE;
}

/* Stores the operation for the next run of the step. */
static enum verdict az_operation_park(struct step_ctx *ctx, const struct arm_poll *poll)
{
    step_state_set(ctx, "poll", arm_poll_to_json(poll));
    return step_again(ctx, poll->wait_ms);
}

static enum verdict az_operation_begin(struct step_ctx *ctx, const struct arm_op *op,
                                       const char *path, const json_t *body)
{
    struct arm_call call = {.op = op, .subscription = ctx->account, .path = path, .body = body};
    struct arm_poll poll = {0};
    enum verdict verdict = STEP_FAILED;
    if (ctx->before_change && !ctx->before_change(ctx))
        return STEP_FAILED;
    json_t *response = arm_call(ctx->azure, ctx->http, &call, &poll, &ctx->err);
    if (response) {
        if (ctx->after_change)
            ctx->after_change(ctx);
        verdict = poll.url ? az_operation_park(ctx, &poll) : STEP_DONE;
    }
    json_decref(response);
    arm_poll_free(&poll);
    return verdict;
}

static void az_operation_forget(struct step_ctx *ctx)
{
    json_object_del(ctx->state, "poll");
    json_object_del(ctx->state, "repeated");
}

/* A poll has failed. If the record of the operation does not exist, its result is unknown: the call
 * is made once more, which does no harm. */
static enum verdict az_operation_lost(struct step_ctx *ctx)
{
    bool unknown = ctx->err.kind == ERR_NOT_FOUND && ctx->err.http_status == 404;
    bool repeated = json_object_get(ctx->state, "repeated") != NULL;
    if (err_is_retryable(&ctx->err))
        return STEP_FAILED;
    az_operation_forget(ctx);
    if (!unknown)
        return STEP_FAILED;
    if (repeated) {
        /* It is the operation that was not found, not the resource. */
        ctx->err.kind = ERR_PROVIDER;
        return STEP_FAILED;
    }
    step_state_set(ctx, "repeated", json_true());
    return step_again(ctx, 0);
}

/* Polls the operation once. */
static enum verdict az_operation_poll(struct step_ctx *ctx, struct arm_poll *poll)
{
    bool done = false;
    if (!arm_poll_once(ctx->azure, ctx->http, poll, &done, &ctx->err))
        return az_operation_lost(ctx);
    if (done) {
        az_operation_forget(ctx);
        return STEP_DONE;
    }
    if (step_elapsed_ms(ctx) < OPERATION_LIMIT)
        return az_operation_park(ctx, poll);
    err_set(&ctx->err, ERR_PROVIDER, "", "the operation is still in progress after %d hours",
            (int)(OPERATION_LIMIT / WAIT_MINUTES(60)));
    return STEP_FAILED;
}

enum verdict az_long(struct step_ctx *ctx, const struct arm_op *op, const char *path, json_t *body)
{
    struct arm_poll poll = {0};
    const json_t *kept = json_object_get(ctx->state, "poll");
    enum verdict verdict;
    if (ctx->plan)
        verdict = az_plan(ctx, op, path, body);
    else if (kept && arm_poll_from_json(kept, &poll))
        verdict = az_operation_poll(ctx, &poll);
    else
        verdict = az_operation_begin(ctx, op, path, body);
    arm_poll_free(&poll);
    json_decref(body);
    return verdict;
}

/* Whether the path of a URL is in the subscription and cannot leave it. Polling checks that its
 * host is that of Resource Manager. */
static bool az_path_in_subscription(const struct step_ctx *ctx, const char *path)
{
    static const char prefix[] = "/subscriptions/";
    size_t n = sizeof prefix - 1, account = strlen(ctx->account);
    return strncasecmp(path, prefix, n) == 0 && strncasecmp(path + n, ctx->account, account) == 0 &&
           path[n + account] == '/' && !strstr(path, "/.") && !strpbrk(path, "%\\");
}

bool az_operation_valid(struct step_ctx *ctx, const json_t *value)
{
    struct arm_poll poll = {0};
    struct uri uri = {0};
    struct err ignored = ERR_INIT;
    size_t account = strlen(ctx->account);
    bool ok = arm_poll_from_json(value, &poll);
    ok = ok && strncasecmp(poll.bucket, ctx->account, account) == 0 &&
         strncmp(poll.bucket + account, "/arm-", strlen("/arm-")) == 0 &&
         uri_parse(poll.url, &uri, &ignored) && az_path_in_subscription(ctx, uri.path);
    uri_free(&uri);
    arm_poll_free(&poll);
    return ok;
}

const struct action_state az_operation_state[] = {
    {"poll", az_operation_valid}, {"repeated", state_boolean}, {0}};

enum verdict az_act(struct step_ctx *ctx, const struct arm_op *op)
{
    struct buf path = buf_make(AZ_PATH_MAX);
    enum verdict verdict =
        az_path(ctx, op, &path) ? az_long(ctx, op, buf_str(&path), NULL) : STEP_FAILED;
    buf_free(&path);
    return verdict;
}

bool az_check_step(struct step_ctx *ctx)
{
    const struct arm_op *op = ctx->action->steps[0].with;
    return az_check(ctx, op->provider);
}

enum verdict az_act_step(struct step_ctx *ctx)
{
    return az_act(ctx, ctx->step->with);
}

enum verdict az_delete_step(struct step_ctx *ctx)
{
    enum verdict verdict = az_act_step(ctx);
    return verdict == STEP_FAILED && az_gone(ctx) ? step_finished(ctx, "already deleted") : verdict;
}

/* --- failures --- */

bool az_gone(const struct step_ctx *ctx)
{
    static const char *const astray[] = {"SubscriptionNotFound", "MissingSubscription",
                                         "InvalidResourceType", "InvalidResourceNamespace",
                                         "NoRegisteredProviderFound"};
    for (size_t i = 0; i < sizeof astray / sizeof *astray; i++)
        if (strcmp(ctx->err.code, astray[i]) == 0)
            return false;
    return ctx->err.kind == ERR_NOT_FOUND;
}
