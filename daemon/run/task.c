/* A task between its steps: how it ends, what is kept of it, and what follows from a step. Runs on
 * the worker that has the task; what the control job reads too changes under the lock of the run.
 */
#include "daemon/run/task.h"

#include <stdlib.h>
#include <string.h>

#include "actions/state.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"

/* The minimum interval between two warnings of a run that some of its tasks wait. */
#define WARN_INTERVAL_MS 60000
/* Waiting tasks that may share a call wake when the clock is at a multiple of this. */
#define BATCH_WINDOW_MS 500

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
    return id && *id ? id : "(without ID)";
}

static void task_log_finished(const struct task *task, const struct step_ctx *ctx,
                              const char *error)
{
    const struct run *run = task->automation->run;
    const char *message = error ? "Resource failed" : "Resource processed";
    const struct log_field fields[] = {LOG_STR("action", ctx->action->name),
                                       LOG_STR("resource", task_resource_name(ctx)),
                                       LOG_STR("account", ctx->account),
                                       LOG_STR("region", ctx->region),
                                       LOG_STR("error", error),
                                       LOG_STR("note", !error && ctx->note[0] ? ctx->note : NULL),
                                       LOG_STR("event", run->key),
                                       LOG_STR("run", run->id),
                                       LOG_END};
    enum log_level level = LOG_DEBUG_LEVEL;
    if (error)
        level = LOG_WARN_LEVEL;
    else if (ctx->note[0])
        level = LOG_INFO_LEVEL;
    log_event(run->env->log, level, message, fields);
}

/* Ends the task: processed, or errored with a text that is copied. Afterwards the task belongs to
 * the control job. */
static struct job_answer task_finish(struct task *task, const struct step_ctx *ctx,
                                     const char *error)
{
    struct automation *a = task->automation;
    struct run *run = a->run;
    char *text = error ? xstrdup(error) : NULL;
    task_log_finished(task, ctx, error);
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
    order_release(task);
    /* Under the lock: once left is 0, the control job may free the run. */
    if (run->left == 0 || run_all_set_aside(run))
        sched_wake(run->host->sched, &run->control);
    pthread_mutex_unlock(&run->lock);
    return job_gone();
}

static struct job_answer task_finish_failed(struct task *task, const struct step_ctx *ctx)
{
    char text[ERROR_TEXT_SIZE];
    return task_finish(task, ctx, err_text(&ctx->err, text, sizeof text));
}

/* --- what is kept --- */

/* Returns the state as text, owned; NULL if it is empty. */
static char *task_state_text(const struct step_ctx *ctx)
{
    return json_object_size(ctx->state) ? memory_or_die(json_dumps(ctx->state, JSON_COMPACT))
                                        : NULL;
}

void task_keep_state(struct task *task, const struct step_ctx *ctx)
{
    char *text = task_state_text(ctx);
    pthread_mutex_lock(&task->automation->run->lock);
    free(task->text);
    task->text = text;
    pthread_mutex_unlock(&task->automation->run->lock);
}

/* Moves on to the next step. Step and state change at once for progress_write: with the state of
 * before, the next step would take an operation that this one has waited for as its own. */
static void task_advance_step(struct task *task, const struct step_ctx *ctx)
{
    struct run *run = task->automation->run;
    char *text = task_state_text(ctx);
    pthread_mutex_lock(&run->lock);
    free(task->text);
    task->text = text;
    task->step++;
    task->begun = false;
    pthread_mutex_unlock(&run->lock);
    task->share_tag = 0;
}

/* The state must be stored before the task goes on. The control job, which is woken when the worker
 * has finished with the group of the task too, writes it and wakes the task. */
static struct job_answer task_wait_for_save(struct task *task)
{
    struct run *run = task->automation->run;
    pthread_mutex_lock(&run->lock);
    task->status = TASK_SAVING;
    run->saving++;
    pthread_mutex_unlock(&run->lock);
    return job_idle();
}

/* --- failures --- */

bool run_all_set_aside(const struct run *run)
{
    return run->left > 0 && run->aside == run->left - run->held;
}

/* The task has waited for a credential for so long that the run need not wait for it. It continues
 * to ask while other tasks keep the run here. */
static void task_set_aside(struct task *task, const struct step_ctx *ctx)
{
    struct run *run = task->automation->run;
    char text[ERROR_TEXT_SIZE];
    if (task->aside)
        return;
    char *problem = xstrdup(err_text(&ctx->err, text, sizeof text));
    pthread_mutex_lock(&run->lock);
    free(run->problem);
    run->problem = problem;
    task->aside = true;
    run->aside++;
    if (run_all_set_aside(run))
        sched_wake(run->host->sched, &run->control);
    pthread_mutex_unlock(&run->lock);
}

static void task_clear_aside(struct task *task)
{
    struct run *run = task->automation->run;
    if (!task->aside)
        return;
    pthread_mutex_lock(&run->lock);
    task->aside = false;
    run->aside--;
    pthread_mutex_unlock(&run->lock);
}

/* The step has made progress: earlier failures no longer count. */
static void task_forget_failures(struct task *task)
{
    task->patience = (struct patience){.kind = 0};
    task->group_limit = 0;
    task_clear_aside(task);
}

/* Logs that a task waits, and the reason: for one task per run and interval. */
static void task_warn_waiting(const struct task *task, const struct step_ctx *ctx,
                              const char *message)
{
    struct run *run = task->automation->run;
    int64_t now = run_mono_ms(run);
    pthread_mutex_lock(&run->lock);
    bool due = !run->warned_ms || now - run->warned_ms >= WARN_INTERVAL_MS;
    if (due)
        run->warned_ms = now;
    pthread_mutex_unlock(&run->lock);
    if (due)
        log_warn(run->env->log, message, LOG_ERR("error", &ctx->err),
                 LOG_STR("action", ctx->action->name), LOG_STR("resource", task_resource_name(ctx)),
                 LOG_STR("account", ctx->account), LOG_STR("region", ctx->region),
                 LOG_STR("event", run->key), LOG_STR("run", run->id));
}

static struct job_answer task_park(struct task *task, const struct step_ctx *ctx, int64_t at_ms)
{
    run_count(task->automation->run, COUNT_RETRIES, 1);
    task_keep_state(task, ctx);
    return job_again_at(at_ms);
}

static struct job_answer task_park_busy(struct task *task, const struct step_ctx *ctx)
{
    task_keep_state(task, ctx);
    return job_again_at(ctx->clock->mono_ms(ctx->clock) +
                        (ctx->err.retry_after_ms > 0 ? ctx->err.retry_after_ms : 1));
}

/* Notes a retryable failure. Returns whether the step is to be retried, at *at_ms. After the
 * patience has run out that is so if a credential is unavailable, or if a change has been accepted:
 * no other daemon would complete it. */
static bool task_may_retry(struct task *task, struct step_ctx *ctx, int64_t *at_ms)
{
    const struct config *config = task->automation->run->env->config;
    bool lasts = patience_note(&task->patience, config, ctx->clock, &ctx->err, at_ms);
    if (ctx->err.kind == ERR_UNAVAILABLE)
        task_warn_waiting(task, ctx, "Credential not available; the resource waits for it");
    else
        task_clear_aside(task);
    if (lasts)
        return true;
    if (ctx->err.kind == ERR_UNAVAILABLE) {
        task_set_aside(task, ctx);
        return true;
    }
    if (task->changed)
        task_warn_waiting(
            task, ctx, "Change to the resource accepted; retrying the next call until it succeeds");
    return task->changed;
}

struct job_answer task_fail(struct task *task, struct step_ctx *ctx)
{
    int64_t at_ms;
    if (ctx->err.kind == ERR_BUSY)
        return task_park_busy(task, ctx);
    if (!err_is_retryable(&ctx->err) || !task_may_retry(task, ctx, &at_ms))
        return task_finish_failed(task, ctx);
    return task_park(task, ctx, at_ms);
}

struct job_answer task_fail_shared(struct task *task, struct step_ctx *ctx, size_t count)
{
    int64_t at_ms;
    if (ctx->err.kind == ERR_BUSY)
        return task_park_busy(task, ctx);
    bool fault = ctx->err.kind == ERR_TRANSIENT;
    if (!task_may_retry(task, ctx, &at_ms) && !fault)
        return task_finish_failed(task, ctx);
    if (fault)
        task->group_limit = (uint8_t)((count + 1) / 2);
    return task_park(task, ctx, at_ms);
}

/* --- verdicts --- */

/* When the step is to be run again. Tasks that may share a call wait a little longer, for a moment
 * at which others wake too. */
static int64_t task_wake_time(const struct task *task, int64_t at_ms)
{
    return task_sharing(task) ? (at_ms + BATCH_WINDOW_MS - 1) / BATCH_WINDOW_MS * BATCH_WINDOW_MS
                              : at_ms;
}

bool task_settle_step(struct task *task, struct step_ctx *ctx, enum verdict verdict,
                      struct job_answer *answer)
{
    struct run *run = task->automation->run;
    const struct action_step *step = &ctx->action->steps[task->step];
    *answer = job_ready();
    if ((verdict == STEP_AGAIN || verdict == STEP_DONE) && !ctx->plan &&
        !action_state_declared(ctx))
        verdict = STEP_FAILED;
    switch (verdict) {
    case STEP_FAILED:
        *answer = task_fail(task, ctx);
        return false;
    case STEP_FINISHED:
        *answer = task_finish(task, ctx, NULL);
        return false;
    case STEP_AGAIN:
        task_forget_failures(task);
        task_keep_state(task, ctx);
        if (ctx->again_ms > 0)
            *answer = job_again_at(task_wake_time(task, run_mono_ms(run) + ctx->again_ms));
        return false;
    case STEP_DONE:
        break;
    }
    if (!step[1].name) {
        *answer = task_finish(task, ctx, NULL);
        return false;
    }
    task_forget_failures(task);
    task_advance_step(task, ctx);
    if (step->save && !ctx->plan) {
        *answer = task_wait_for_save(task);
        return false;
    }
    if (run->stopping) {
        *answer = job_again_at(run_mono_ms(run) + STOPPING_PAUSE_MS);
        return false;
    }
    return true;
}
