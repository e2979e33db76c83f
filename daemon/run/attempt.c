/* Attempts: one task that a worker runs. Prepares the context of its steps, checks whether it may
 * go on, and runs the steps one after the other.
 *
 * Before its first step (again after a takeover) a task is located (place.c), then checked against
 * the policy, the daemon's own resources, the allowed subscriptions, the IDs of the resource (the
 * action's check) and the allowed locations; then the stored state is reduced to what may be used.
 *
 * The context borrows from the run (event, parameters), the host (clients) and the attempt
 * (resource, state). The worker that has the task may access all of it without a lock, except what
 * task.h marks; the hooks are called by steps, on the same worker. Before each step, and before
 * each change within a step, the claim must have time left: it may have been lost meanwhile. A
 * change that was accepted is noted at once in task->changed, and reaches is_pending with the next
 * write of the progress. */
#include <stdlib.h>
#include <string.h>

#include "actions/azure/locate.h"
#include "actions/state.h"
#include "daemon/policy/guard.h"
#include "daemon/policy/own.h"
#include "daemon/policy/subscriptions.h"
#include "daemon/run/task.h"
#include "lib/base/array.h"
#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"

/* Bytes of the name of an Azure location. */
#define LOCATION_MAX 256
/* When the claim has no time left, it is checked again after this: the control job is renewing it.
 */
#define RENEWAL_PAUSE_MS 1000

/* --- hooks --- */

static void hook_planned(struct step_ctx *ctx, const char *service, const char *operation,
                         const json_t *params)
{
    struct task *task = ctx->engine;
    struct automation *a = task->automation;
    json_t *change = memory_or_die(
        json_pack("{s:s, s:s, s:s, s:s, s:O?}", "resource", task_resource_name(ctx), "account",
                  ctx->account, "service", service, "operation", operation, "params", params));
    pthread_mutex_lock(&a->run->lock);
    a->planned = array_room(a->planned, a->planned_count, &a->planned_room, sizeof *a->planned);
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

/* A step may have been running for long: the claim is checked again before each change. */
static bool hook_before_change(struct step_ctx *ctx)
{
    const struct task *task = ctx->engine;
    int64_t again_ms;
    if (attempt_may_begin(task->automation->run, &again_ms))
        return true;
    err_set(&ctx->err, ERR_BUSY, "", "the claim on the event must be renewed first");
    ctx->err.retry_after_ms = again_ms - ctx->clock->mono_ms(ctx->clock);
    return false;
}

static void hook_after_change(struct step_ctx *ctx)
{
    struct task *task = ctx->engine;
    task->changed = true;
}

/* --- checks --- */

bool attempt_may_begin(const struct run *run, int64_t *again_ms)
{
    if (run->stopping) {
        *again_ms = run_mono_ms(run) + STOPPING_PAUSE_MS;
        return false;
    }
    if (!claim_holds(run)) {
        *again_ms = run_mono_ms(run) + RENEWAL_PAUSE_MS;
        return false;
    }
    return true;
}

static bool attempt_check_subscription(struct step_ctx *ctx, const struct env *env)
{
    return ctx->action->cloud != CLOUD_AZURE ||
           subscriptions_allow(env->subscriptions, ctx->http, ctx->account, &ctx->err);
}

/* Refuses resources of the daemon's own. Its identity is determined only if it matters. */
static bool attempt_check_own(struct step_ctx *ctx, const struct run *run)
{
    bool needed = own_needs_caller(ctx->action, ctx->resource);
    const struct aws_caller *caller =
        needed ? aws_get_caller(ctx->aws, ctx->http, &ctx->err) : NULL;
    if (needed && !caller)
        return false;
    return own_allows(run->env->own, run->store, caller, ctx->action, ctx->resource, &ctx->err);
}

/* A resource without a location is left to the action: it does not exist any more. */
static bool attempt_check_location(struct step_ctx *ctx, const struct env *env)
{
    struct buf location = buf_make(LOCATION_MAX);
    if (!guard_needs_location(env->config, ctx->action))
        return true;
    bool ok = az_locate(ctx, &location) &&
              (location.size == 0 ||
               guard_region(env->config, CLOUD_AZURE, buf_str(&location), &ctx->err));
    buf_free(&location);
    return ok;
}

/* Reduces the stored state to what may be used. If it is not valid, the task begins as if nothing
 * had been stored. */
static void attempt_admit_state(struct task *task, struct step_ctx *ctx)
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

/* Locates the resource and, the first time, makes all checks. */
static bool attempt_check(struct task *task, struct step_ctx *ctx)
{
    const struct run *run = task->automation->run;
    if (!place_resource(ctx))
        return false;
    if (task->checked)
        return true;
    if (!guard_resource(run->env->config, ctx->action, ctx->account, ctx->region, ctx->resource,
                        &ctx->err) ||
        !attempt_check_own(ctx, run) || !attempt_check_subscription(ctx, run->env))
        return false;
    if (ctx->action->check && !ctx->action->check(ctx))
        return false;
    if (!attempt_check_location(ctx, run->env))
        return false;
    if (task->restored)
        attempt_admit_state(task, ctx);
    task->checked = true;
    return true;
}

/* --- opening and closing --- */

const json_t *attempt_shared_state(const struct task *task, const struct step_ctx *ctx)
{
    const struct action_sharing *sharing = task_sharing(task);
    return sharing && sharing->same ? json_object_get(ctx->state, sharing->same) : NULL;
}

void attempt_tag_share(struct task *task, const struct step_ctx *ctx)
{
    const json_t *state = attempt_shared_state(task, ctx);
    char *text = state ? json_dumps(state, JSON_ENCODE_ANY) : NULL;
    task->share_tag = text ? (uint16_t)(hash_add(HASH_INIT, text) >> 16 | 1) : 0;
    free(text);
}

bool attempt_open(struct attempt *a, struct task *task, struct http_client *http)
{
    struct automation *automation = task->automation;
    struct run *run = automation->run;
    a->task = task;
    a->ctx = (struct step_ctx){.action = automation->action,
                               .params = automation->params,
                               .run_id = run->id,
                               .account = "",
                               .region = "",
                               .partition = "",
                               .plan = run->plan,
                               .restored = task->restored,
                               .aws = run->env->aws,
                               .azure = run->env->azure,
                               .http = http,
                               .clock = run->env->clock,
                               .err = ERR_INIT,
                               .before_change = hook_before_change,
                               .after_change = hook_after_change,
                               .planned = hook_planned,
                               .audit = hook_audit,
                               .engine = task};
    a->resource =
        event_resource(&run->event, &automation->event->resources[task_index(task)], &a->ctx.err);
    a->ctx.resource = a->resource;
    /* The text was written by task_keep_state or progress_restore, so it can be parsed. */
    a->ctx.state = memory_or_die(task->text ? json_loads(task->text, 0, NULL) : json_object());
    if (a->resource && attempt_check(task, &a->ctx)) {
        attempt_tag_share(task, &a->ctx);
        return true;
    }
    a->answer = task_fail(task, &a->ctx);
    return false;
}

void attempt_close(struct attempt *a)
{
    json_decref(a->ctx.state);
    json_decref(a->resource);
}

/* --- steps --- */

void attempt_begin_step(struct task *task, struct step_ctx *ctx)
{
    struct run *run = task->automation->run;
    if (!task->begun) {
        pthread_mutex_lock(&run->lock);
        task->step_since_ms = run_mono_ms(run);
        task->begun = true;
        pthread_mutex_unlock(&run->lock);
    }
    ctx->step = &ctx->action->steps[task->step];
    ctx->step_since_ms = task->step_since_ms;
    ctx->err = ERR_INIT;
}

struct job_answer attempt_run_steps(struct task *task, struct step_ctx *ctx)
{
    const struct run *run = task->automation->run;
    bool begun = false;
    struct job_answer answer;
    int64_t again_ms;
    do {
        /* The claim is renewed before the next step keeps this worker busy. */
        if (begun && run_mono_ms(run) >= run->claim_due_ms)
            return job_ready();
        if (!attempt_may_begin(run, &again_ms))
            return job_again_at(again_ms);
        begun = true;
        attempt_begin_step(task, ctx);
        if (!task_settle_step(task, ctx, step_run(ctx, task->step), &answer))
            return answer;
    } while (!task_sharing(task));
    return job_ready();
}
