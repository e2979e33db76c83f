/* Groups: tasks that a worker runs together because they may share a call. Runs on that worker.
 *
 * The scheduler hands out a task with compatible ones (task_may_join). Each member is
 * opened (attempt.c); those that cannot go on, or cannot share the call after all, go back to the
 * scheduler at once. The rest make one call. If it is rejected, it is made for each half, until the
 * resources that cause the rejection are alone; if it fails with a retryable error, the members are
 * parked together, by halves after a fault. Members that come to the same next step continue with
 * it as a group.
 *
 * While a worker has any task of a run, the run is not freed: the first member is returned last. */
#include <stdlib.h>
#include <string.h>

#include "daemon/run/task.h"
#include "lib/base/memory.h"

static void group_run(struct attempt **group, size_t count);

/* Returns all members to the scheduler as they are. */
static void group_park(struct attempt **group, size_t count, struct job_answer answer)
{
    for (size_t i = 0; i < count; i++) {
        task_keep_state(group[i]->task, &group[i]->ctx);
        group[i]->answer = answer;
    }
}

/* Settles the step of all members by their verdicts. Those that come to the next step continue with
 * it as a group if that needs no state in common; otherwise the scheduler forms new groups. */
static void group_settle_step(struct attempt **group, size_t count, const enum verdict *verdicts)
{
    struct attempt *next[SHARED_CALL_MAX];
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (task_settle_step(group[i]->task, &group[i]->ctx, verdicts[i], &group[i]->answer))
            next[n++] = group[i];
    const struct action_sharing *sharing = n ? task_sharing(next[0]->task) : NULL;
    if (sharing && !sharing->same) {
        group_run(next, n);
        return;
    }
    for (size_t i = 0; i < n; i++)
        attempt_tag_share(next[i]->task, &next[i]->ctx);
    group_park(next, n, job_ready());
}

/* The call has failed with a retryable error: all members wait equally long, so that they form a
 * group again. After a fault, whose cause may be one of them, the groups are half as large. */
static void group_fail(struct attempt **group, size_t count)
{
    struct err err = group[0]->ctx.err;
    for (size_t i = 0; i < count; i++) {
        group[i]->ctx.err = err;
        group[i]->answer = task_fail_shared(group[i]->task, &group[i]->ctx, count);
        if (group[i]->answer.what == JOB_AGAIN_AT && group[0]->answer.what == JOB_AGAIN_AT)
            group[i]->answer = group[0]->answer;
    }
}

/* Makes one call for all members. It is made with the context of the first; a change that is
 * accepted for the first is accepted for all. Returns whether there are verdicts. */
static bool group_call(struct attempt **group, size_t count, enum verdict *verdicts)
{
    struct step_ctx *ctxs[SHARED_CALL_MAX] = {NULL};
    struct task *first = group[0]->task;
    bool before = first->changed;
    for (size_t i = 0; i < count; i++) {
        attempt_begin_step(group[i]->task, &group[i]->ctx);
        ctxs[i] = &group[i]->ctx;
    }
    first->changed = false;
    bool judged = ctxs[0]->step->run_all(ctxs, count, verdicts);
    bool changed = first->changed;
    first->changed = before || changed;
    for (size_t i = 1; changed && i < count; i++)
        group[i]->task->changed = true;
    return judged;
}

/* Runs the step that all members are at, by one call or, if that is rejected, one for each half.
 * Before each call it is checked whether there is time for it. */
static void group_run(struct attempt **group, size_t count)
{
    enum verdict verdicts[SHARED_CALL_MAX];
    int64_t again_ms;
    if (!attempt_may_begin(group[0]->task->automation->run, &again_ms)) {
        group_park(group, count, job_again_at(again_ms));
    } else if (count == 1) {
        group[0]->answer = attempt_run_steps(group[0]->task, &group[0]->ctx);
    } else if (group_call(group, count, verdicts)) {
        group_settle_step(group, count, verdicts);
    } else if (err_is_retryable(&group[0]->ctx.err)) {
        group_fail(group, count);
    } else {
        group_run(group, count / 2);
        group_run(group + count / 2, count - count / 2);
    }
}

/* Returns whether two tasks of the same place can in fact share a call. */
static bool attempt_may_share(const struct attempt *a, const struct attempt *b)
{
    const json_t *of_a = attempt_shared_state(a->task, &a->ctx);
    const json_t *of_b = attempt_shared_state(b->task, &b->ctx);
    return strcmp(a->ctx.region, b->ctx.region) == 0 &&
           (of_a == of_b || json_equal((json_t *)of_a, (json_t *)of_b));
}

/* Returns whether the control job must be woken after a task has got this answer: because a state
 * is to be stored, or another task is no longer held. */
static bool task_concerns_control(const struct task *task, struct job_answer answer)
{
    return answer.what == JOB_IDLE || (answer.what == JOB_GONE && task->has_follower);
}

/* Opens a member of the group. If it cannot go on, or cannot share the call of the first, it is
 * returned to the scheduler at once, and the result is false. */
static bool group_add(const struct attempt *first, struct attempt *a, struct task *task)
{
    if (attempt_open(a, task, first->ctx.http)) {
        if (attempt_may_share(first, a))
            return true;
        task_keep_state(task, &a->ctx);
        a->answer = job_ready();
    }
    attempt_close(a);
    task->job.next = NULL;
    struct run *run = task->automation->run;
    bool concerned = task_concerns_control(task, a->answer);
    sched_return(run->host->sched, &task->job, &run->queue, a->answer);
    if (concerned)
        sched_wake(run->host->sched, &run->control);
    return false;
}

/* Runs a task together with the other members of its group; `room` has space for SHARED_CALL_MAX of
 * them. Returns whether the answer of one of the others concerns the control job. */
static bool group_run_all(struct attempt *first, struct attempt *room)
{
    struct attempt *group[SHARED_CALL_MAX] = {first};
    struct job *last = &first->task->job, *member = last->next;
    size_t count = 1;
    for (struct job *next; member; member = next) {
        next = member->next;
        if (group_add(first, &room[count], (struct task *)member)) {
            group[count] = &room[count];
            count++;
            last = last->next = member;
        }
    }
    last->next = NULL;
    group_run(group, count);
    bool concerned = false;
    for (size_t i = 1; i < count; i++) {
        attempt_close(group[i]);
        job_set_answer(&group[i]->task->job, group[i]->answer);
        concerned = concerned || task_concerns_control(group[i]->task, group[i]->answer);
    }
    return concerned;
}

/* The first member cannot go on, and so neither can the others now. */
static void group_set_answers(struct job *member, struct job_answer answer)
{
    for (; member; member = member->next)
        job_set_answer(member, answer);
}

struct job_answer task_run(struct job *job, struct http_client *http)
{
    struct task *task = (struct task *)job;
    struct run *run = task->automation->run;
    struct attempt a = {.task = task};
    int64_t again_ms;
    if (!attempt_may_begin(run, &again_ms)) {
        a.answer = job_again_at(again_ms);
        group_set_answers(job->next, a.answer);
        return a.answer;
    }
    struct attempt *room = job->next ? xcalloc(SHARED_CALL_MAX, sizeof *room) : NULL;
    bool concerned = false, open = attempt_open(&a, task, http);
    if (open && room) {
        concerned = group_run_all(&a, room);
    } else {
        group_set_answers(job->next, job_ready());
        if (open)
            a.answer = attempt_run_steps(task, &a.ctx);
    }
    attempt_close(&a);
    free(room);
    /* The run still exists: its queue has a running job until sched_return. */
    if (concerned || task_concerns_control(task, a.answer))
        sched_wake(run->host->sched, &run->control);
    return a.answer;
}
