/* A task: one action on one resource. Private to the engine.
 *
 * task_make.c makes the tasks of an event, order.c finds which wait for which, group.c runs one or
 * several that share a call, attempt.c is one task in a worker's hands, task.c what becomes of it
 * after each step. Each calls only those named after it. */
#ifndef HGAUTOD_DAEMON_RUN_TASK_H
#define HGAUTOD_DAEMON_RUN_TASK_H

#include "daemon/run/run.h"

#define ERROR_TEXT_SIZE 2048
/* Where a task goes while its run stops: the flow is about to be closed with it inside. */
#define STOPPING_PAUSE_MS 100

/* --- task.c --- */

const struct event_place *task_place(const struct task *task);
/* How the task shares the calls of its step; NULL: it does not. In a dry run each resource has its
 * own, to be written down. */
const struct action_sharing *task_sharing(const struct task *task);
/* What the resource is called in logs and plans. Borrowed from the resource. */
const char *task_resource_name(const struct step_ctx *ctx);
/* Keeps the state for the next time. */
void task_keep_state(struct task *task, const struct step_ctx *ctx);
/* A failed step: tried again later when there is hope, else the end. Returns what the job
 * answers. */
struct job_answer task_failed(struct task *task, struct step_ctx *ctx);
/* The same for one of `count` whose call has failed with a retryable error. It may be the fault of
 * another of them: by a fault none is errored, and the next call is shared by half as many. */
struct job_answer task_failed_together(struct task *task, struct step_ctx *ctx, size_t count);
/* What the step's verdict leads to. True: to the next step at once; false: *answer is the job's. */
bool task_settle_step(struct task *task, struct step_ctx *ctx, enum verdict verdict,
                      struct job_answer *answer) MUST_CHECK;

/* --- attempt.c --- */

/* One task in a worker's hands. */
struct attempt {
    struct task *task;
    json_t *resource;
    struct step_ctx ctx;
    struct job_answer answer; /* what its job answers */
};

/* Whether steps may be begun now; if not, when it is to be asked again (monotonic). */
bool attempt_may_begin(const struct run *run, int64_t *again_ms) MUST_CHECK;
/* Makes what the task's steps will see. False when it cannot go on: a->answer says what becomes of
 * it. attempt_close either way. */
bool attempt_open(struct attempt *a, struct task *task, struct http_client *http) MUST_CHECK;
/* The task may be gone. */
void attempt_close(struct attempt *a);
/* What others must have in common with the task to share its call; NULL: nothing. Borrowed. */
const json_t *attempt_shared_state(const struct task *task, const struct step_ctx *ctx);
/* Notes a few bits of it, by which the scheduler tells those apart that cannot go together. */
void attempt_note_share(struct task *task, const struct step_ctx *ctx);
/* The step that the task is at begins, or goes on. */
void task_begin_step(struct task *task, struct step_ctx *ctx);
/* Runs steps until the task is finished or has to wait, or comes to a step that it may share with
 * others. Returns what the job answers. */
struct job_answer task_advance(struct task *task, struct step_ctx *ctx);

/* --- place.c --- */

/* Where the resource is: sets ctx->account, region and partition (AWS), or account (Azure). False
 * with ctx->err when the resource does not say it, or contradicts itself. */
bool place_resource(struct step_ctx *ctx) MUST_CHECK;

#endif
