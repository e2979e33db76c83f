/* A task between its steps: how it ends, what is kept of it, what becomes of it when a step has
 * been taken. */
#include "daemon/task.h"

#include <stdlib.h>
#include <string.h>

#include "lib/backoff.h"
#include "lib/log.h"

/* A throttled call gets this many times the tries of one that failed otherwise: waiting is what is
 * asked for. */
#define THROTTLE_PATIENCE 10
/* Tasks that wait, and may share a call, go on when the clock shows a multiple of this. */
#define MEETING_MS 500

size_t task_index(const struct task *task)
{
    return (size_t)(task - task->automation->tasks);
}

const struct event_place *task_place(const struct task *task)
{
    const struct event_automation *event = task->automation->event;
    return &event->places[event->resources[task_index(task)].place];
}

const struct action_many *task_many(const struct task *task)
{
    const struct action_many *many = task->automation->action->many;
    if (task->automation->run->plan || ACTION_MANY_MAX < 2)
        return NULL;
    while (many && many->run && many->step != task->step)
        many++;
    bool takes = many && many->run && (!many->takes || many->takes(task_place(task)->type));
    return takes ? many : NULL;
}

/* --- the end of a task --- */

const char *task_resource_name(const struct step_ctx *ctx)
{
    const char *id = json_string_value(json_object_get(ctx->resource, "id"));
    if (!id || !*id)
        id = json_string_value(json_object_get(ctx->resource, "name"));
    return id && *id ? id : "(without id)";
}

/* What the log says of a finished task. */
static void log_finished(const struct task *task, const struct step_ctx *ctx, const char *error)
{
    const struct run *run = task->automation->run;
    struct log *log = run->engine->options.log;
    const char *action = task->automation->action->name;
    if (error)
        log_warn(log, "Resource errored", "action", action, "resource", task_resource_name(ctx),
                 "account", ctx->account, "region", ctx->region, "error", error, "event", run->key,
                 "run", run->id);
    else if (ctx->note[0])
        log_info(log, "Resource processed", "action", action, "resource", task_resource_name(ctx),
                 "account", ctx->account, "region", ctx->region, "note", ctx->note, "event",
                 run->key, "run", run->id);
    else
        log_debug(log, "Resource processed", "action", action, "resource", task_resource_name(ctx),
                  "account", ctx->account, "region", ctx->region, "event", run->key, "run",
                  run->id);
}

/* The task is finished: processed, or errored with a text that is copied. After this the task
 * belongs to the control job. */
static int64_t finish(struct task *task, const struct step_ctx *ctx, const char *error)
{
    struct automation *a = task->automation;
    struct run *run = a->run;
    char *text = error ? strdup(error) : NULL;
    log_finished(task, ctx, error);
    engine_count(run->engine, error ? COUNT_ERRORED : COUNT_PROCESSED, 1);
    pthread_mutex_lock(&run->lock);
    free(task->text);
    task->text = text; /* without memory the report says "out of memory" */
    task->status = error ? TASK_ERRORED : TASK_PROCESSED;
    a->left--;
    a->errored += error != NULL;
    bool last = --run->left == 0;
    /* Under the lock: once left is 0, the control job may free the run. */
    if (last)
        sched_wake(run->engine->sched, &run->control);
    pthread_mutex_unlock(&run->lock);
    return JOB_GONE;
}

static int64_t finish_failed(struct task *task, const struct step_ctx *ctx)
{
    char text[ERROR_TEXT_SIZE];
    return finish(task, ctx, err_text(&ctx->err, text, sizeof text));
}

/* --- a step's answers --- */

static char *state_text(const struct step_ctx *ctx)
{
    return json_object_size(ctx->state) ? json_dumps(ctx->state, JSON_COMPACT) : NULL;
}

/* Keeps the state for the next time. */
void task_keep_state(struct task *task, const struct step_ctx *ctx)
{
    char *text = state_text(ctx);
    pthread_mutex_lock(&task->automation->run->lock);
    free(task->text);
    task->text = text;
    pthread_mutex_unlock(&task->automation->run->lock);
}

/* The step is done. Step and state change at once for progress_write: the next step with the state
 * of before would take an operation that this one has followed for its own. */
static void next_step(struct task *task, const struct step_ctx *ctx)
{
    struct run *run = task->automation->run;
    char *text = state_text(ctx);
    pthread_mutex_lock(&run->lock);
    free(task->text);
    task->text = text;
    task->step++;
    task->step_since_ms = 0;
    pthread_mutex_unlock(&run->lock);
    task->attempts = 0;
    task->throttles = 0;
    task->share = 0;
}

/* The task's state must be stored before it goes on: the control job, which is woken when the
 * worker is done with the task's company too, writes it and wakes the task. */
static int64_t wait_for_save(struct task *task)
{
    struct run *run = task->automation->run;
    pthread_mutex_lock(&run->lock);
    task->status = TASK_SAVING;
    run->saving++;
    pthread_mutex_unlock(&run->lock);
    return JOB_IDLE;
}

/* A failed step: tried again later when there is hope, else the end. */
int64_t task_failed(struct task *task, struct step_ctx *ctx)
{
    struct run *run = task->automation->run;
    const struct engine_options *o = &run->engine->options;
    int64_t now = o->clock->mono_ms(o->clock);
    unsigned limit = (unsigned)o->config->http.max_attempts;
    if (ctx->err.kind == ERR_BUSY) {
        task_keep_state(task, ctx);
        return now + (ctx->err.retry_after_ms > 0 ? ctx->err.retry_after_ms : 1);
    }
    if (!err_is_retryable(&ctx->err))
        return finish_failed(task, ctx);
    bool throttled = ctx->err.kind == ERR_THROTTLED;
    uint8_t *tries = throttled ? &task->throttles : &task->attempts;
    if (++*tries >= (throttled ? limit * THROTTLE_PATIENCE : limit))
        return finish_failed(task, ctx);
    engine_count(run->engine, COUNT_RETRIES, 1);
    task_keep_state(task, ctx);
    return now + backoff_pause(&backoff_calls, o->clock, *tries, &ctx->err);
}

/* When the step is to be taken again. Those that share a call wait a little longer, until a moment
 * at which they meet. */
static int64_t next_look(const struct task *task, int64_t at)
{
    return task_many(task) ? (at + MEETING_MS - 1) / MEETING_MS * MEETING_MS : at;
}

/* What the step's verdict leads to. True: to the next step at once; false: *answer is the job's. */
bool task_settle_step(struct task *task, struct step_ctx *ctx, enum verdict verdict,
                      int64_t *answer)
{
    struct run *run = task->automation->run;
    const struct action_step *step = &ctx->action->steps[task->step];
    const struct clock *clock = ctx->clock;
    *answer = JOB_READY;
    switch (verdict) {
    case STEP_FAILED:
        *answer = task_failed(task, ctx);
        return false;
    case STEP_FINISHED:
        *answer = finish(task, ctx, NULL);
        return false;
    case STEP_AGAIN:
        task->attempts = 0;
        task->throttles = 0;
        task_keep_state(task, ctx);
        if (ctx->again_ms > 0)
            *answer = next_look(task, clock->mono_ms(clock) + ctx->again_ms);
        return false;
    case STEP_DONE:
        break;
    }
    if (!step[1].name) {
        *answer = finish(task, ctx, NULL);
        return false;
    }
    next_step(task, ctx);
    if (step->save && !ctx->plan) {
        *answer = wait_for_save(task);
        return false;
    }
    if (run->stopping) {
        *answer = clock->mono_ms(clock) + STOPPING_PAUSE_MS;
        return false;
    }
    return true;
}
