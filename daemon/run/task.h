/* A task: one action on one resource. Private to the engine.
 *
 * task_make.c makes the tasks of an event, group.c runs one task or several that share a call,
 * attempt.c runs the steps of one task, task.c decides what follows from each step, order.c decides
 * which tasks wait for which. Each calls only those named after it. */
#ifndef HGAUTOD_DAEMON_RUN_TASK_H
#define HGAUTOD_DAEMON_RUN_TASK_H

#include "daemon/run/run.h"

#define ERROR_TEXT_SIZE 2048
/* When a task is to be run again while its run is stopping: its queue is closed before. */
#define STOPPING_PAUSE_MS 100

/* Returns the index of a task among the resources of its automation. */
static inline size_t task_index(const struct task *task)
{
    return (size_t)(task - task->automation->tasks);
}

static inline const struct event_place *task_place(const struct task *task)
{
    const struct event_automation *event = task->automation->event;
    return &event->places[event->resources[task_index(task)].place];
}

/* --- task.c --- */

/* Returns how the task shares the calls of its step; NULL: it does not. In a dry run each resource
 * has calls of its own, to be recorded. */
const struct action_sharing *task_sharing(const struct task *task);
/* Returns the name of the resource for logs and plans; borrowed from the resource. */
const char *task_resource_name(const struct step_ctx *ctx);
/* Keeps the state for the next attempt. */
void task_keep_state(struct task *task, const struct step_ctx *ctx);
/* Handles a failed step (ctx->err): it is retried later if that can help; otherwise the task ends.
 */
struct job_answer task_fail(struct task *task, struct step_ctx *ctx) MUST_CHECK;
/* As task_fail, for one of `count` tasks whose shared call has failed with a retryable error. The
 * cause may be another of the resources: on a fault no task ends, and the next call is shared by
 * half as many. */
struct job_answer task_fail_shared(struct task *task, struct step_ctx *ctx,
                                   size_t count) MUST_CHECK;
/* Handles the verdict of a step. Returns true if the next step is to be run at once; otherwise
 * false, with the answer of the job in *answer. */
bool task_settle_step(struct task *task, struct step_ctx *ctx, enum verdict verdict,
                      struct job_answer *answer) MUST_CHECK;

/* --- attempt.c --- */

/* One task that a worker is running. */
struct attempt {
    struct task *task;
    json_t *resource;
    struct step_ctx ctx;
    /* The answer of its job. */
    struct job_answer answer;
};

/* Returns whether steps may be begun now; if not, *again_ms is when to try again (monotonic). */
bool attempt_may_begin(const struct run *run, int64_t *again_ms) MUST_CHECK;
/* Prepares the context of the steps, and checks the policy the first time. Returns false if the
 * task cannot go on, with a->answer. Call attempt_close in both cases. */
bool attempt_open(struct attempt *a, struct task *task, struct http_client *http) MUST_CHECK;
/* The task may be freed already. */
void attempt_close(struct attempt *a);
/* Returns the part of the state that tasks must have in common to share the call of this step;
 * NULL: none. Borrowed. */
const json_t *attempt_shared_state(const struct task *task, const struct step_ctx *ctx);
/* Sets the share_tag of the task, by which the scheduler keeps apart tasks that cannot share a
 * call. */
void attempt_tag_share(struct task *task, const struct step_ctx *ctx);
/* Notes that the current step of the task begins, or continues. */
void attempt_begin_step(struct task *task, struct step_ctx *ctx);
/* Runs steps until the task is finished, has to wait, or comes to a step that it may share with
 * others. Returns the answer of the job. */
struct job_answer attempt_run_steps(struct task *task, struct step_ctx *ctx) MUST_CHECK;

/* --- place.c --- */

/* Determines where the resource is: sets ctx->account, region and partition (AWS), or account
 * (Azure). Returns false with ctx->err if the resource does not contain that or is inconsistent. */
bool place_resource(struct step_ctx *ctx) MUST_CHECK;

#endif
