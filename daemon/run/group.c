/* Tasks run by a worker: one, or several that share their calls. */
#include <stdlib.h>
#include <string.h>

#include "daemon/run/task.h"

/* All of the group go back to the scheduler as they are. */
static void put_off(struct attempt **group, size_t count, struct job_answer answer)
{
    for (size_t i = 0; i < count; i++) {
        task_keep_state(group[i]->task, &group[i]->ctx);
        group[i]->answer = answer;
    }
}

static void try_group(struct attempt **group, size_t count);

/* Those that come to the same next step go on with it together, if they may; else each by itself.
 */
static void go_on(struct attempt **group, size_t count)
{
    const struct action_sharing *sharing = count ? task_sharing(group[0]->task) : NULL;
    if (sharing && !sharing->same) {
        try_group(group, count);
        return;
    }
    for (size_t i = 0; i < count; i++)
        attempt_note_share(group[i]->task, &group[i]->ctx);
    put_off(group, count, job_ready());
}

/* All of the group go on from what the call said of each. */
static void settle_group(struct attempt **group, size_t count, const enum verdict *verdicts)
{
    struct attempt *on[SHARED_CALL_MAX];
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (task_settle_step(group[i]->task, &group[i]->ctx, verdicts[i], &group[i]->answer))
            on[n++] = group[i];
    go_on(on, n);
}

/* The call failed for a reason that may pass: all wait equally long, so that they meet again. After
 * a fault, which may be tied to one of them, they meet by halves. */
static void park_group(struct attempt **group, size_t count)
{
    struct err err = group[0]->ctx.err;
    for (size_t i = 0; i < count; i++) {
        group[i]->ctx.err = err;
        group[i]->answer = task_failed_together(group[i]->task, &group[i]->ctx, count);
        if (group[i]->answer.what == JOB_AGAIN_AT && group[0]->answer.what == JOB_AGAIN_AT)
            group[i]->answer = group[0]->answer;
    }
}

/* One call for the group by its action's function. What it has changed for the first, for which it
 * is made, it has changed for all. */
static bool call_together(struct attempt **group, size_t count, enum verdict *verdicts)
{
    struct step_ctx *ctxs[SHARED_CALL_MAX] = {NULL};
    struct task *first = group[0]->task;
    bool before = first->changed;
    for (size_t i = 0; i < count; i++) {
        task_begin_step(group[i]->task, &group[i]->ctx);
        ctxs[i] = &group[i]->ctx;
    }
    first->changed = false;
    bool told = ctxs[0]->step->run_all(ctxs, count, verdicts);
    bool made = first->changed;
    first->changed = before || made;
    for (size_t i = 1; made && i < count; i++)
        group[i]->task->changed = true;
    return told;
}

/* One call for the group; if it is refused, one for each half, until the guilty are alone. Before
 * each it is asked whether there is time for more. */
static void try_group(struct attempt **group, size_t count)
{
    enum verdict verdicts[SHARED_CALL_MAX];
    int64_t again_ms;
    if (!attempt_may_begin(group[0]->task->automation->run, &again_ms)) {
        put_off(group, count, job_again_at(again_ms));
        return;
    }
    if (count == 1) {
        group[0]->answer = task_advance(group[0]->task, &group[0]->ctx);
        return;
    }
    if (call_together(group, count, verdicts)) {
        settle_group(group, count, verdicts);
    } else if (err_is_retryable(&group[0]->ctx.err)) {
        park_group(group, count);
    } else {
        try_group(group, count / 2);
        try_group(group + count / 2, count - count / 2);
    }
}

/* Whether two of a place can share a call in fact. */
static bool fit(const struct attempt *a, const struct attempt *b)
{
    const json_t *of_a = attempt_shared_state(a->task, &a->ctx),
                 *of_b = attempt_shared_state(b->task, &b->ctx);
    return strcmp(a->ctx.region, b->ctx.region) == 0 &&
           (of_a == of_b || json_equal((json_t *)of_a, (json_t *)of_b));
}

/* Whether the control job has to do with what has come of a task: a state is to be stored, or
 * another task is held no longer. */
static bool concerns_control(const struct task *task, struct job_answer answer)
{
    return answer.what == JOB_IDLE || (answer.what == JOB_GONE && task->followed);
}

/* Adds a task that came along to the group, if it can go on and fits; else it goes back at once. */
static bool join(const struct attempt *first, struct attempt *a, struct task *task)
{
    if (attempt_open(a, task, first->ctx.http)) {
        if (fit(first, a))
            return true;
        task_keep_state(task, &a->ctx);
        a->answer = job_ready();
    }
    attempt_close(a);
    task->job.next = NULL;
    struct run *run = task->automation->run;
    bool concerned = concerns_control(task, a->answer);
    sched_back(run->host->sched, &task->job, task->job.lane->flow, a->answer);
    if (concerned) /* the run is there: the first of the group is still with this worker */
        sched_wake(run->host->sched, &run->control);
    return false;
}

/* Runs a task together with its company, of which there is some. True when what has come of one of
 * the company concerns the control job. */
static bool run_together(struct attempt *first, struct attempt *room)
{
    struct attempt *group[SHARED_CALL_MAX] = {first};
    struct job *last = &first->task->job, *company = last->next;
    size_t count = 1;
    for (struct job *next; company; company = next) {
        next = company->next;
        if (join(first, &room[count], (struct task *)company)) {
            group[count] = &room[count];
            count++;
            last = last->next = company;
        }
    }
    last->next = NULL;
    try_group(group, count);
    bool concerned = false;
    for (size_t i = 1; i < count; i++) {
        attempt_close(group[i]);
        job_set_answer(&group[i]->task->job, group[i]->answer);
        concerned = concerned || concerns_control(group[i]->task, group[i]->answer);
    }
    return concerned;
}

/* The first cannot go on, and so neither can its company now. */
static void answer_alike(struct job *company, struct job_answer answer)
{
    for (; company; company = company->next)
        job_set_answer(company, answer);
}

struct job_answer task_run(struct job *job, struct http_client *http)
{
    struct task *task = (struct task *)job;
    struct run *run = task->automation->run;
    struct attempt a = {.task = task};
    struct attempt *room = NULL;
    int64_t again_ms;
    if (!attempt_may_begin(run, &again_ms)) {
        a.answer = job_again_at(again_ms);
        answer_alike(job->next, a.answer);
        return a.answer;
    }
    if (job->next)
        room = calloc(SHARED_CALL_MAX, sizeof *room);
    bool concerned = false, open = attempt_open(&a, task, http);
    if (open && room) {
        concerned = run_together(&a, room);
    } else {
        answer_alike(job->next, job_ready());
        if (open)
            a.answer = task_advance(task, &a.ctx);
    }
    attempt_close(&a);
    free(room);
    /* Until sched_back the flow has a running job, and so the run is there. */
    if (concerned || concerns_control(task, a.answer))
        sched_wake(run->host->sched, &run->control);
    return a.answer;
}
