/* One task in a worker's hands: what its steps see, whether it may go on, and the steps one after
 * the other. */
#include <stdlib.h>
#include <string.h>

#include "actions/azure/locate.h"
#include "actions/state.h"
#include "daemon/policy/guard.h"
#include "daemon/policy/own.h"
#include "daemon/policy/subscriptions.h"
#include "daemon/run/task.h"
#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"

#define LOCATION_MAX 256

static const struct config *config_of(const struct run *run)
{
    return run->env->config;
}

/* --- what a step sees --- */

static void hook_planned(struct step_ctx *ctx, const char *service, const char *operation,
                         const json_t *params)
{
    struct task *task = ctx->engine;
    struct automation *a = task->automation;
    json_t *change = memory_or_die(
        json_pack("{s:s, s:s, s:s, s:s, s:O?}", "resource", task_resource_name(ctx), "account",
                  ctx->account, "service", service, "operation", operation, "params", params));
    pthread_mutex_lock(&a->run->lock);
    if (a->planned_count == a->planned_room) {
        a->planned_room = a->planned_room ? a->planned_room * 2 : 64;
        a->planned = memory_or_die(realloc(a->planned, a->planned_room * sizeof *a->planned));
    }
    a->planned[a->planned_count] = (struct planned){
        .resource = (uint32_t)task_index(task),
        .order = (uint32_t)a->planned_count,
        .change = change,
    };
    a->planned_count++;
    pthread_mutex_unlock(&a->run->lock);
}

static void hook_audit(struct step_ctx *ctx, const char *what, const json_t *details)
{
    const struct task *task = ctx->engine;
    const struct run *run = task->automation->run;
    char *text = json_dumps(details, JSON_COMPACT | JSON_ENCODE_ANY);
    log_info(run->env->log, "Audit", LOG_STR("what", what), LOG_STR("details", text),
             LOG_STR("action", ctx->action->name), LOG_STR("resource", task_resource_name(ctx)),
             LOG_STR("account", ctx->account), LOG_STR("region", ctx->region),
             LOG_STR("event", run->key), LOG_STR("run", run->id));
    free(text);
}

/* May the subscription be acted on? Always true of AWS. */
static bool subscription_allowed(const struct task *task, struct step_ctx *ctx)
{
    const struct env *env = task->automation->run->env;
    return ctx->action->cloud != CLOUD_AZURE ||
           subscriptions_allow(env->subscriptions, ctx->http, ctx->account, &ctx->err);
}

/* Is the resource the daemon's own? Who the daemon is, is asked only where it matters. */
static bool own_allowed(const struct task *task, struct step_ctx *ctx)
{
    const struct run *run = task->automation->run;
    struct aws_self self;
    bool needed = own_needs_self(ctx->action, ctx->resource);
    if (needed && !aws_self(ctx->aws, ctx->http, &self, &ctx->err))
        return false;
    return own_allows(run->env->own, run->store, needed ? &self : NULL, ctx->action, ctx->resource,
                      &ctx->err);
}

/* Reduces the stored state to what may be acted on. When it is not valid, the task begins as if
 * nothing had been stored. */
static void admit_state(struct task *task, struct step_ctx *ctx)
{
    const struct run *run = task->automation->run;
    if (!action_state_admit(ctx, ctx->state)) {
        log_warn(run->env->log, "Stored state refused; starting the resource over",
                 LOG_STR("action", ctx->action->name), LOG_STR("resource", task_resource_name(ctx)),
                 LOG_STR("account", ctx->account), LOG_STR("region", ctx->region),
                 LOG_STR("reason", ctx->err.message), LOG_STR("event", run->key),
                 LOG_STR("run", run->id));
        ctx->err = ERR_INIT;
        json_object_clear(ctx->state);
        task->begun = false;
    }
    task_keep_state(task, ctx);
}

/* Is the resource where it may be? One that is gone is left to the action. */
static bool location_allowed(const struct task *task, struct step_ctx *ctx)
{
    const struct config *config = config_of(task->automation->run);
    struct buf location = buf_make(LOCATION_MAX);
    if (!guard_needs_location(config, ctx->action))
        return true;
    bool ok =
        az_locate(ctx, &location) &&
        (location.size == 0 || guard_region(config, CLOUD_AZURE, buf_str(&location), &ctx->err));
    buf_free(&location);
    return ok;
}

/* Places the resource, asks the policy, and has the action check its ids, once. */
static bool prepare(struct task *task, struct step_ctx *ctx)
{
    if (!place_resource(ctx))
        return false;
    if (task->checked)
        return true;
    if (!guard_resource(config_of(task->automation->run), ctx->action, ctx->account, ctx->region,
                        ctx->resource, &ctx->err) ||
        !own_allowed(task, ctx) || !subscription_allowed(task, ctx))
        return false;
    if (ctx->action->check && !ctx->action->check(ctx))
        return false;
    if (!location_allowed(task, ctx))
        return false;
    if (task->restored)
        admit_state(task, ctx);
    task->checked = true;
    return true;
}

bool attempt_may_begin(const struct run *run, int64_t *again_ms)
{
    const struct clock *clock = run->env->clock;
    if (run->stopping) {
        *again_ms = clock->mono_ms(clock) + STOPPING_PAUSE_MS;
        return false;
    }
    if (!claim_holds(run)) {
        *again_ms = clock->mono_ms(clock) + 1000; /* the control job is trying to renew it */
        return false;
    }
    return true;
}

/* A step may have taken long since it was begun: the claim is asked about again before each change.
 */
static bool hook_before_change(struct step_ctx *ctx)
{
    const struct task *task = ctx->engine;
    int64_t again_ms;
    if (attempt_may_begin(task->automation->run, &again_ms))
        return true;
    err_set(&ctx->err, ERR_BUSY, "", "the claim on the event has to be renewed first");
    ctx->err.retry_after_ms = again_ms - ctx->clock->mono_ms(ctx->clock);
    return false;
}

static void hook_after_change(struct step_ctx *ctx)
{
    struct task *task = ctx->engine;
    task->changed = true;
}

const json_t *attempt_shared_state(const struct task *task, const struct step_ctx *ctx)
{
    const struct action_sharing *sharing = task_sharing(task);
    return sharing && sharing->same ? json_object_get(ctx->state, sharing->same) : NULL;
}

void attempt_note_share(struct task *task, const struct step_ctx *ctx)
{
    const json_t *state = attempt_shared_state(task, ctx);
    char *text = state ? json_dumps(state, JSON_ENCODE_ANY) : NULL;
    task->share = text ? (uint16_t)(hash_add(HASH_INIT, text) >> 16 | 1) : 0;
    free(text);
}

bool attempt_open(struct attempt *a, struct task *task, struct http_client *http)
{
    struct automation *automation = task->automation;
    struct run *run = automation->run;
    const struct env *env = run->env;
    a->task = task;
    a->ctx = (struct step_ctx){.action = automation->action,
                               .params = automation->params,
                               .run_id = run->id,
                               .account = "",
                               .region = "",
                               .partition = "",
                               .plan = run->plan,
                               .restored = task->restored,
                               .aws = env->aws,
                               .azure = env->azure,
                               .http = http,
                               .clock = env->clock,
                               .err = ERR_INIT,
                               .before_change = hook_before_change,
                               .after_change = hook_after_change,
                               .planned = hook_planned,
                               .audit = hook_audit,
                               .engine = task};
    a->resource =
        event_resource(&run->event, &automation->event->resources[task_index(task)], &a->ctx.err);
    a->ctx.resource = a->resource;
    /* The text is of our own making: without memory alone it cannot be read. */
    a->ctx.state = memory_or_die(task->text ? json_loads(task->text, 0, NULL) : json_object());
    if (a->resource && prepare(task, &a->ctx)) {
        attempt_note_share(task, &a->ctx);
        return true;
    }
    a->answer = task_failed(task, &a->ctx);
    return false;
}

void attempt_close(struct attempt *a)
{
    json_decref(a->ctx.state);
    json_decref(a->resource);
}

/* --- its steps --- */

void task_begin_step(struct task *task, struct step_ctx *ctx)
{
    struct run *run = task->automation->run;
    if (!task->begun) {
        pthread_mutex_lock(&run->lock);
        task->step_since_ms = ctx->clock->mono_ms(ctx->clock);
        task->begun = true;
        pthread_mutex_unlock(&run->lock);
    }
    ctx->step = &ctx->action->steps[task->step];
    ctx->step_since_ms = task->step_since_ms;
    ctx->err = ERR_INIT;
}

struct job_answer task_advance(struct task *task, struct step_ctx *ctx)
{
    const struct run *run = task->automation->run;
    bool begun = false;
    struct job_answer answer;
    int64_t again_ms;
    do {
        /* A claim that is to be renewed is, before the next step keeps this worker busy. */
        if (ctx->clock->mono_ms(ctx->clock) >= run->claim_due_ms && begun)
            return job_ready();
        if (!attempt_may_begin(run, &again_ms))
            return job_again_at(again_ms);
        begun = true;
        task_begin_step(task, ctx);
        if (!task_settle_step(task, ctx, step_run(ctx, task->step), &answer))
            return answer;
    } while (!task_sharing(task));
    return job_ready();
}
