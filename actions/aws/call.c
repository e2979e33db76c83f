/* Calls of AWS operations from a step: sends them, or reports them in a dry run. */
#include "actions/aws/call.h"

#include <string.h>

/* Reports a call of a dry run, with its body, if that is text, as a parameter. */
static json_t *act_plan(struct step_ctx *ctx, const struct aws_call *call, const json_t *params)
{
    json_t *shown = json_copy((json_t *)params);
    json_t *body = call->body.data ? json_stringn(call->body.data, call->body.size) : NULL;
    if (body)
        json_object_set_new(shown, "Body", body);
    if (ctx->planned)
        ctx->planned(ctx, call->op->service->id, call->op->name, shown);
    json_decref(shown);
    return json_object();
}

/* A response of the EC2 or Query protocol without any content is not a response: taken for an empty
 * listing, it would mean that the resource is gone. */
static bool act_response_whole(const struct aws_call *call, const json_t *response, struct err *err)
{
    enum aws_protocol protocol = call->op->service->protocol;
    if (call->raw_body || json_object_size(response) > 0 || call->op->changes ||
        (protocol != AWS_EC2 && protocol != AWS_QUERY))
        return true;
    return err_set(err, ERR_TRANSIENT, "UnreadableResponse", "the response from %s is empty",
                   call->op->name);
}

/* Sends the call, unless a change may not be begun now. NULL with ctx->err. */
static json_t *act_send(struct step_ctx *ctx, const struct aws_call *call)
{
    json_t *response = NULL;
    if (call->op->changes && ctx->before_change && !ctx->before_change(ctx))
        return NULL;
    if (!aws_call(ctx->aws, ctx->http, call, &response, &ctx->err))
        return NULL;
    if (call->op->changes && ctx->after_change)
        ctx->after_change(ctx);
    if (act_response_whole(call, response, &ctx->err))
        return response;
    json_decref(response);
    return NULL;
}

json_t *act_call_full(struct step_ctx *ctx, struct aws_call *call, json_t *params)
{
    if (!params) {
        if (ctx->err.kind == ERR_NONE)
            err_set(&ctx->err, ERR_INTERNAL, "", "the parameters of %s are not valid text",
                    call->op->name);
        return NULL;
    }
    if (!call->account)
        call->account = ctx->account;
    if (!call->region)
        call->region = ctx->region;
    call->params = params;
    /* For S3: anyone may take the name of a bucket that was deleted, and S3 itself reports where a
     * bucket is. */
    call->bucket_owner = ctx->account;
    call->guarded = true;
    json_t *response =
        ctx->plan && call->op->changes ? act_plan(ctx, call, params) : act_send(ctx, call);
    call->params = NULL;
    json_decref(params);
    return response;
}

json_t *act_call(struct step_ctx *ctx, const struct aws_op *op, json_t *params)
{
    struct aws_call call = {.op = op};
    return act_call_full(ctx, &call, params);
}

bool act_do(struct step_ctx *ctx, const struct aws_op *op, json_t *params)
{
    struct aws_call call = {.op = op};
    return act_do_full(ctx, &call, params);
}

/* The response must be readable, even if it is not needed: otherwise it may come from a proxy, and
 * the call may never have arrived. */
bool act_do_full(struct step_ctx *ctx, struct aws_call *call, json_t *params)
{
    json_t *response = act_call_full(ctx, call, params);
    json_decref(response);
    return response != NULL;
}

enum verdict act_step(struct step_ctx *ctx, const struct aws_op *op, json_t *params)
{
    return act_do(ctx, op, params) ? STEP_DONE : STEP_FAILED;
}

enum verdict act_step_unless(struct step_ctx *ctx, const struct aws_op *op, json_t *params,
                             const char *gone, const char *note)
{
    if (act_do(ctx, op, params))
        return STEP_DONE;
    return act_failed_with(ctx, gone) ? step_finished(ctx, "%s", note) : STEP_FAILED;
}

bool act_failed_with(const struct step_ctx *ctx, const char *code)
{
    return strcmp(ctx->err.code, code) == 0;
}

/* --- the DryRun parameter of EC2 --- */

json_t *act_with_dry_run(struct step_ctx *ctx, json_t *params)
{
    if (params && param_boolean(ctx, "DryRun"))
        json_object_set_new(params, "DryRun", json_true());
    return params;
}

enum verdict act_dry_run_verdict(struct step_ctx *ctx)
{
    if (param_boolean(ctx, "DryRun") && act_failed_with(ctx, "DryRunOperation"))
        return step_finished(ctx, "dry run: would have succeeded");
    return STEP_FAILED;
}

enum verdict act_step_dry(struct step_ctx *ctx, const struct aws_op *op, json_t *params,
                          const char *gone, const char *note)
{
    if (act_do(ctx, op, act_with_dry_run(ctx, params)))
        return STEP_DONE;
    if (gone && act_failed_with(ctx, gone))
        return step_finished(ctx, "%s", note);
    return act_dry_run_verdict(ctx);
}

/* --- calls that several resources share --- */

json_t *act_ids(struct step_ctx *const *ctxs, size_t count,
                const char *(*id_of)(struct step_ctx *ctx))
{
    json_t *ids = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(ids, json_string(id_of(ctxs[i])));
    return ids;
}
