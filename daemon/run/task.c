/* A task between its steps: how it ends, what is kept of it, what becomes of it when a step has
 * been taken. */
#include "daemon/run/task.h"

#include <stdlib.h>
#include <string.h>

#include "actions/state.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"

/* A run says at most once in so long that some of its tasks wait. */
#define WARN_EVERY_MS 60000
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

const struct action_sharing *task_sharing(const struct task *task)
{
    const struct action_sharing *sharing = task->automation->action->steps[task->step].sharing;
    const struct run *run = task->automation->run;
    if (!sharing || run->plan || !run->host->share_calls)
        return NULL;
    return !sharing->takes || sharing->takes(task_place(task)->type) ? sharing : NULL;
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
    struct log *log = run->env->log;
    const char *action = task->automation->action->name;
    if (error)
        log_warn(log, "Resource failed", LOG_STR("action", action),
                 LOG_STR("resource", task_resource_name(ctx)), LOG_STR("account", ctx->account),
                 LOG_STR("region", ctx->region), LOG_STR("error", error),
                 LOG_STR("event", run->key), LOG_STR("run", run->id));
    else if (ctx->note[0])
        log_info(log, "Resource processed", LOG_STR("action", action),
                 LOG_STR("resource", task_resource_name(ctx)), LOG_STR("account", ctx->account),
                 LOG_STR("region", ctx->region), LOG_STR("note", ctx->note),
                 LOG_STR("event", run->key), LOG_STR("run", run->id));
    else
        log_debug(log, "Resource processed", LOG_STR("action", action),
                  LOG_STR("resource", task_resource_name(ctx)), LOG_STR("account", ctx->account),
                  LOG_STR("region", ctx->region), LOG_STR("event", run->key),
                  LOG_STR("run", run->id));
}

static int compare_followers(const void *a, const void *b)
{
    const struct follower *x = a, *y = b;
    return x->task < y->task ? -1 : x->task > y->task;
}

/* What is held for the task that has finished is ready. With the run's lock held. */
static void release_follower(struct task *task)
{
    struct run *run = task->automation->run;
    const struct follower key = {.task = task};
    const struct follower *found =
        task->followed
            ? bsearch(&key, run->followers, run->follower_count, sizeof key, compare_followers)
            : NULL;
    if (!found)
        return;
    found->next->held = false;
    found->next->job.next = run->ready;
    run->ready = &found->next->job;
    run->held--;
}

/* The task is finished: processed, or errored with a text that is copied. After this the task
 * belongs to the control job. */
static struct job_answer finish(struct task *task, const struct step_ctx *ctx, const char *error)
{
    struct automation *a = task->automation;
    struct run *run = a->run;
    char *text = error ? memory_or_die(strdup(error)) : NULL;
    log_finished(task, ctx, error);
    run_count(run, error ? COUNT_ERRORED : COUNT_PROCESSED, 1);
    pthread_mutex_lock(&run->lock);
    free(task->text);
    task->text = text;
    task->status = error ? TASK_ERRORED : TASK_PROCESSED;
    a->left--;
    a->errored += error != NULL;
    run->left--;
    run->aside -= task->aside;
    task->aside = false;
    release_follower(task);
    /* Under the lock: once left is 0, the control job may free the run. */
    if (run->left == 0 || run_all_aside(run))
        sched_wake(run->host->sched, &run->control);
    pthread_mutex_unlock(&run->lock);
    return job_gone();
}

static struct job_answer finish_failed(struct task *task, const struct step_ctx *ctx)
{
    char text[ERROR_TEXT_SIZE];
    return finish(task, ctx, err_text(&ctx->err, text, sizeof text));
}

/* --- what is kept --- */

/* The state for the next time; NULL: it is empty. */
static char *state_text(const struct step_ctx *ctx)
{
    return json_object_size(ctx->state) ? memory_or_die(json_dumps(ctx->state, JSON_COMPACT))
                                        : NULL;
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
    task->begun = false;
    pthread_mutex_unlock(&run->lock);
    task->share = 0;
}

/* The task's state must be stored before it goes on: the control job, which is woken when the
 * worker is done with the task's company too, writes it and wakes the task. */
static struct job_answer wait_for_save(struct task *task)
{
    struct run *run = task->automation->run;
    pthread_mutex_lock(&run->lock);
    task->status = TASK_SAVING;
    run->saving++;
    pthread_mutex_unlock(&run->lock);
    return job_idle();
}

/* --- failures --- */

bool run_all_aside(const struct run *run)
{
    return run->left > 0 && run->aside == run->left - run->held;
}

/* The task waits for a credential for so long that the run need not wait for it. It goes on asking
 * while other tasks keep the run here. */
static void set_aside(struct task *task, const struct step_ctx *ctx)
{
    struct run *run = task->automation->run;
    char text[ERROR_TEXT_SIZE];
    if (task->aside)
        return;
    char *problem = memory_or_die(strdup(err_text(&ctx->err, text, sizeof text)));
    pthread_mutex_lock(&run->lock);
    free(run->problem);
    run->problem = problem;
    task->aside = true;
    run->aside++;
    if (run_all_aside(run))
        sched_wake(run->host->sched, &run->control);
    pthread_mutex_unlock(&run->lock);
}

static void take_back(struct task *task)
{
    struct run *run = task->automation->run;
    if (!task->aside)
        return;
    pthread_mutex_lock(&run->lock);
    task->aside = false;
    run->aside--;
    pthread_mutex_unlock(&run->lock);
}

/* The step has come on: what has failed before does not count any more. */
static void forget_failures(struct task *task)
{
    task->patience = (struct patience){.kind = 0};
    task->most = 0;
    take_back(task);
}

/* Says that a task waits, and what for: of all tasks of a run one, now and then. */
static void warn_waiting(const struct task *task, const struct step_ctx *ctx, const char *sentence)
{
    struct run *run = task->automation->run;
    int64_t now = ctx->clock->mono_ms(ctx->clock);
    pthread_mutex_lock(&run->lock);
    bool due = !run->warned_ms || now - run->warned_ms >= WARN_EVERY_MS;
    if (due)
        run->warned_ms = now;
    pthread_mutex_unlock(&run->lock);
    if (due)
        log_warn(run->env->log, sentence, LOG_ERR("error", &ctx->err),
                 LOG_STR("action", ctx->action->name), LOG_STR("resource", task_resource_name(ctx)),
                 LOG_STR("account", ctx->account), LOG_STR("region", ctx->region),
                 LOG_STR("event", run->key), LOG_STR("run", run->id));
}

/* The patience with a call is at its end. True when its task waits on all the same. */
static bool waits_on(struct task *task, const struct step_ctx *ctx)
{
    if (ctx->err.kind == ERR_UNAVAILABLE) {
        set_aside(task, ctx);
        return true;
    }
    /* Something has been begun, and nobody else will see it through. */
    if (task->changed)
        warn_waiting(task, ctx,
                     "Change to the resource accepted; retrying the next call until it succeeds");
    return task->changed;
}

static struct job_answer put_off(struct task *task, const struct step_ctx *ctx, int64_t at)
{
    run_count(task->automation->run, COUNT_RETRIES, 1);
    task_keep_state(task, ctx);
    return job_again_at(at);
}

/* Notes a failure that may pass. True when the step is to be taken again, at *at. */
static bool has_hope(struct task *task, struct step_ctx *ctx, int64_t *at)
{
    const struct config *config = task->automation->run->env->config;
    bool lasts = patience_note(&task->patience, config, ctx->clock, &ctx->err, at);
    if (ctx->err.kind == ERR_UNAVAILABLE)
        warn_waiting(task, ctx, "Credential not available; the resource waits for it");
    else
        take_back(task);
    return lasts || waits_on(task, ctx);
}

static struct job_answer when_not_busy(struct task *task, const struct step_ctx *ctx)
{
    task_keep_state(task, ctx);
    return job_again_at(ctx->clock->mono_ms(ctx->clock) +
                        (ctx->err.retry_after_ms > 0 ? ctx->err.retry_after_ms : 1));
}

struct job_answer task_failed(struct task *task, struct step_ctx *ctx)
{
    int64_t at;
    if (ctx->err.kind == ERR_BUSY)
        return when_not_busy(task, ctx);
    if (!err_is_retryable(&ctx->err) || !has_hope(task, ctx, &at))
        return finish_failed(task, ctx);
    return put_off(task, ctx, at);
}

struct job_answer task_failed_together(struct task *task, struct step_ctx *ctx, size_t count)
{
    int64_t at;
    if (ctx->err.kind == ERR_BUSY)
        return when_not_busy(task, ctx);
    bool fault = ctx->err.kind == ERR_TRANSIENT;
    if (!has_hope(task, ctx, &at) && !fault)
        return finish_failed(task, ctx);
    if (fault)
        task->most = (uint8_t)((count + 1) / 2);
    return put_off(task, ctx, at);
}

/* --- a step's answers --- */

/* When the step is to be taken again. Those that share a call wait a little longer, until a moment
 * at which they meet. */
static int64_t next_look(const struct task *task, int64_t at)
{
    return task_sharing(task) ? (at + MEETING_MS - 1) / MEETING_MS * MEETING_MS : at;
}

/* What the step's verdict leads to. True: to the next step at once; false: *answer is the job's. */
bool task_settle_step(struct task *task, struct step_ctx *ctx, enum verdict verdict,
                      struct job_answer *answer)
{
    struct run *run = task->automation->run;
    const struct action_step *step = &ctx->action->steps[task->step];
    const struct clock *clock = ctx->clock;
    *answer = job_ready();
    if ((verdict == STEP_AGAIN || verdict == STEP_DONE) && !ctx->plan &&
        !action_state_declared(ctx))
        verdict = STEP_FAILED;
    switch (verdict) {
    case STEP_FAILED:
        *answer = task_failed(task, ctx);
        return false;
    case STEP_FINISHED:
        *answer = finish(task, ctx, NULL);
        return false;
    case STEP_AGAIN:
        forget_failures(task);
        task_keep_state(task, ctx);
        if (ctx->again_ms > 0)
            *answer = job_again_at(next_look(task, clock->mono_ms(clock) + ctx->again_ms));
        return false;
    case STEP_DONE:
        break;
    }
    if (!step[1].name) {
        *answer = finish(task, ctx, NULL);
        return false;
    }
    forget_failures(task);
    next_step(task, ctx);
    if (step->save && !ctx->plan) {
        *answer = wait_for_save(task);
        return false;
    }
    if (run->stopping) {
        *answer = job_again_at(clock->mono_ms(clock) + STOPPING_PAUSE_MS);
        return false;
    }
    return true;
}
