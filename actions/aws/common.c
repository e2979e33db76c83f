/* What AWS actions share: making a call from a step, and reading a listing to its end. */
#include "actions/aws/common.h"

#include <stdio.h>
#include <string.h>

#include "lib/json/jpath.h"

/* A listing that act_list reads within one step is short; one that goes on beyond this never ends.
 */
#define PAGES_MAX 1000

/* --- calls --- */

enum verdict act_no_memory(struct step_ctx *ctx)
{
    err_set(&ctx->err, ERR_INTERNAL, "", "out of memory");
    return STEP_FAILED;
}

/* Writes a call of a dry run down, a text body beside the parameters. */
static json_t *write_down(struct step_ctx *ctx, const struct aws_call *call, const json_t *params)
{
    json_t *shown = json_copy((json_t *)params);
    if (shown && call->body.data) {
        json_t *body = json_stringn(call->body.data, call->body.size);
        if (body) /* NULL: not text, or no memory; the call is written down without it */
            json_object_set_new(shown, "Body", body);
    }
    if (ctx->planned)
        ctx->planned(ctx, call->op->service->id, call->op->name, shown ? shown : params);
    json_decref(shown);
    return json_object();
}

/* An answer of EC2's or Query's that is read and says nothing at all is none: taken for an empty
 * listing, it would mean that what was asked for is gone. */
static bool is_whole(const struct aws_call *call, const json_t *answer, struct err *err)
{
    enum aws_protocol protocol = call->op->service->protocol;
    if (call->raw_answer || json_object_size(answer) > 0 || call->op->changes ||
        (protocol != AWS_EC2 && protocol != AWS_QUERY))
        return true;
    return err_set(err, ERR_TRANSIENT, "UnreadableAnswer", "the answer to %s is empty",
                   call->op->name);
}

/* Sends the call, if it may be sent now. NULL with ctx->err. */
static json_t *send_call(struct step_ctx *ctx, const struct aws_call *call)
{
    json_t *answer = NULL;
    if (call->op->changes && ctx->before_change && !ctx->before_change(ctx))
        return NULL;
    if (!aws_call(ctx->aws, ctx->http, call, &answer, &ctx->err))
        return NULL;
    if (call->op->changes && ctx->after_change)
        ctx->after_change(ctx);
    if (is_whole(call, answer, &ctx->err))
        return answer;
    json_decref(answer);
    return NULL;
}

json_t *act_call_full(struct step_ctx *ctx, struct aws_call *call, json_t *params)
{
    json_t *answer;
    if (!params) {
        if (ctx->err.kind == ERR_NONE)
            act_no_memory(ctx);
        return NULL;
    }
    if (!call->account)
        call->account = ctx->account;
    if (!call->region)
        call->region = ctx->region;
    call->params = params;
    /* Of S3: names of buckets are free to be taken by others once a bucket is gone, and S3 itself
     * says where one is. */
    call->bucket_owner = ctx->account;
    call->guarded = true;
    if (ctx->plan && call->op->changes) {
        answer = write_down(ctx, call, params);
        if (!answer)
            act_no_memory(ctx);
    } else {
        answer = send_call(ctx, call);
    }
    call->params = NULL;
    json_decref(params);
    return answer;
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

/* The answer is of no interest, but must be one: what cannot be read may come from somebody in
 * between, and the call may never have arrived. */
bool act_do_full(struct step_ctx *ctx, struct aws_call *call, json_t *params)
{
    json_t *answer = act_call_full(ctx, call, params);
    json_decref(answer);
    return answer != NULL;
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

/* --- EC2's DryRun parameter --- */

json_t *act_with_dry_run(struct step_ctx *ctx, json_t *params)
{
    if (params && param_boolean(ctx, "DryRun") &&
        json_object_set_new(params, "DryRun", json_true()) != 0) {
        json_decref(params);
        return NULL;
    }
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

/* --- several resources by one call --- */

json_t *act_ids(struct step_ctx *const *ctxs, size_t count,
                const char *(*id_of)(struct step_ctx *ctx))
{
    json_t *ids = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(ids, json_string(id_of(ctxs[i])));
    return ids;
}

/* --- listings --- */

/* The token of the next page: a new reference, NULL after the last. False with ctx->err when it is
 * this page's once more: such a listing would never end. */
static bool next_token(struct step_ctx *ctx, const struct act_listing *how, const json_t *answer,
                       const json_t *token, json_t **next)
{
    const char *text = jstr(answer, how->next);
    *next = NULL;
    if (!text || !*text || (how->more && !jbool(answer, how->more, false)))
        return true;
    if (token && json_equal((json_t *)token, jget(answer, how->next)))
        return err_set(&ctx->err, ERR_PROVIDER, "", "%s answers the same page again and again",
                       how->op->name);
    *next = json_incref(jget(answer, how->next));
    return true;
}

/* Whether each item has what it must have. False with ctx->err. */
static bool items_whole(struct step_ctx *ctx, const struct act_listing *how, const json_t *items)
{
    size_t i;
    json_t *item;
    json_array_foreach(items, i, item) {
        for (const char *const *path = how->each; *path; path++)
            if (!jstr(item, *path))
                return err_set(&ctx->err, ERR_TRANSIENT, "UnreadableAnswer",
                               "%s lists something without %s", how->op->name, *path);
    }
    return true;
}

json_t *act_page(struct step_ctx *ctx, const struct act_listing *how, json_t *params, json_t **next)
{
    json_t *token = *next;
    *next = NULL;
    if (token && params && json_object_set(params, how->token, token) != 0) {
        json_decref(params);
        params = NULL;
    }
    json_t *answer = act_call(ctx, how->op, params);
    json_t *items = NULL;
    if (answer && next_token(ctx, how, answer, token, next)) {
        items = jlist(answer, how->items);
        if (!items)
            act_no_memory(ctx);
        if (!items || !items_whole(ctx, how, items)) {
            json_decref(items);
            items = NULL;
            json_decref(*next);
            *next = NULL;
        }
    }
    json_decref(answer);
    json_decref(token);
    return items;
}

json_t *act_list(struct step_ctx *ctx, const struct act_listing *how, json_t *params)
{
    json_t *all = json_array();
    json_t *next = NULL;
    unsigned pages = 0;
    do {
        json_t *page = all ? act_page(ctx, how, json_copy(params), &next) : NULL;
        if (!page || json_array_extend(all, page) != 0 || ++pages > PAGES_MAX) {
            if (!all || (page && pages <= PAGES_MAX))
                act_no_memory(ctx);
            else if (page)
                err_set(&ctx->err, ERR_LIMIT, "", "%s has more than %d pages", how->op->name,
                        PAGES_MAX);
            json_decref(page);
            json_decref(all);
            all = NULL;
            break;
        }
        json_decref(page);
    } while (next);
    json_decref(next);
    json_decref(params);
    return all;
}

json_t *act_texts(struct step_ctx *ctx, const json_t *list, const char *path)
{
    json_t *texts = json_array();
    bool ok = texts || act_no_memory(ctx) == STEP_DONE;
    for (size_t i = 0; ok && i < json_array_size(list); i++) {
        const char *text = jstr(json_array_get(list, i), path);
        if (!text)
            ok = err_set(&ctx->err, ERR_TRANSIENT, "UnreadableAnswer",
                         "the answer lists something without %s", path);
        else if (json_array_append_new(texts, json_string(text)) != 0)
            ok = act_no_memory(ctx) == STEP_DONE;
    }
    if (ok)
        return texts;
    json_decref(texts);
    return NULL;
}

json_t *act_state_pop(struct step_ctx *ctx, const char *name)
{
    json_t *list = json_object_get(ctx->state, name);
    size_t n = json_array_size(list);
    if (n == 0)
        return NULL;
    json_t *last = json_incref(json_array_get(list, n - 1));
    json_array_remove(list, n - 1);
    return last;
}

const char *act_state_string(const struct step_ctx *ctx, const char *name)
{
    return json_string_value(json_object_get(ctx->state, name));
}

bool act_state_set(struct step_ctx *ctx, const char *name, json_t *value)
{
    if (json_object_set_new(ctx->state, name, value) == 0)
        return true;
    act_no_memory(ctx);
    return false;
}
