/* Makes tasks from the resources of an event, and passes them to the scheduler. Runs on the control
 * job, before and after any worker has a task of the run. */
#include <stdlib.h>
#include <string.h>

#include "daemon/policy/guard.h"
#include "daemon/run/task.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"

/* Returns whether the action is of a cloud whose events the store holds; false with *err. */
static bool automation_check_cloud(const struct store *store, const struct action *action,
                                   struct err *err)
{
    if (store->form->clouds & 1u << action->cloud)
        return true;
    bool azure = action->cloud == CLOUD_AZURE;
    return err_set(err, ERR_DENIED, "",
                   "\"%s\" is an %s action, but the event came from %s, where only %s actions are "
                   "allowed",
                   action->name, azure ? "Azure" : "AWS", store->name, azure ? "AWS" : "Azure");
}

/* Determines whether the automation can be carried out at all. If not, the error is in
 * a->critical, or in a->refusal for wrong parameters. */
static void automation_check(const struct run *run, struct automation *a)
{
    struct err err = ERR_INIT;
    char text[ERROR_TEXT_SIZE];
    if (a->event->problem) {
        a->critical = xstrdup(a->event->problem);
        return;
    }
    a->action = action_find(a->event->name);
    if (!a->action) {
        err_set(&err, ERR_INVALID, "",
                "the action \"%.128s\" is not known to this version of hgautod", a->event->name);
    } else if (automation_check_cloud(run->store, a->action, &err) &&
               guard_action(run->env->config, a->action, &err)) {
        a->params = action_params(a->action, a->event->params, &err);
        if (!a->params)
            a->refusal = xstrdup(err_text(&err, text, sizeof text));
        return;
    }
    a->critical = xstrdup(err_text(&err, text, sizeof text));
}

/* The scheduler's group_limit. */
static size_t task_group_limit(const struct job *job)
{
    const struct task *task = (const struct task *)job;
    const struct action_sharing *sharing = task_sharing(task);
    if (!sharing)
        return 1;
    return task->group_limit && task->group_limit < sharing->max ? task->group_limit : sharing->max;
}

/* The scheduler's may_join, for a task whose step shares its call. Both have the same automation
 * and account, since they are of one account queue. */
static bool task_may_join(const struct job *job, const struct job *queued)
{
    const struct task *a = (const struct task *)job, *b = (const struct task *)queued;
    return b->step == a->step && b->status == TASK_OPEN && task_place(b) == task_place(a) &&
           b->group_limit == a->group_limit && (!b->share_tag || b->share_tag == a->share_tag);
}

static void automation_make_queues(struct automation *a)
{
    a->queues = xcalloc(a->event->account_count, sizeof *a->queues);
    for (size_t i = 0; i < a->event->account_count; i++) {
        a->queues[i].run_queue = &a->run->queue;
        a->queues[i].group_limit = task_group_limit;
        a->queues[i].may_join = task_may_join;
    }
}

static void automation_make(struct run *run, struct automation *a,
                            const struct event_automation *event)
{
    a->run = run;
    a->event = event;
    automation_check(run, a);
    if (a->critical || a->refusal) {
        run_count(run, COUNT_ERRORED, event->count);
        run_count(run, COUNT_CRITICAL, a->critical != NULL);
        log_warn(run->env->log, "Automation refused", LOG_STR("action", event->name),
                 LOG_STR("error", a->critical ? a->critical : a->refusal),
                 LOG_UINT("resources", event->count), LOG_STR("event", run->key),
                 LOG_STR("run", run->id));
        return;
    }
    if (event->count == 0)
        return;
    a->tasks = xcalloc(event->count, sizeof *a->tasks);
    automation_make_queues(a);
    for (size_t i = 0; i < event->count; i++) {
        struct task *task = &a->tasks[i];
        task->job.run = task_run;
        task->job.queue = &a->queues[event->places[event->resources[i].place].account];
        task->automation = a;
    }
    a->left = event->count;
    run->left += event->count;
}

void run_make_tasks(struct run *run)
{
    run->automations = xcalloc(run->event.count, sizeof *run->automations);
    run->automation_count = run->event.count;
    /* Until run_start_tasks has queued all: the first ones could form no groups otherwise. */
    run->queue.paused = true;
    for (size_t i = 0; i < run->event.count; i++)
        automation_make(run, &run->automations[i], &run->event.automations[i]);
    if (run->progress)
        progress_restore(run);
    order_make(run);
}

void run_start_tasks(struct run *run)
{
    for (size_t i = 0; i < run->automation_count; i++) {
        struct automation *a = &run->automations[i];
        for (size_t k = 0; a->tasks && k < a->event->count; k++)
            if (a->tasks[k].status == TASK_OPEN && !a->tasks[k].held)
                sched_wake(run->host->sched, &a->tasks[k].job);
    }
    sched_resume(run->host->sched, &run->queue);
}

static void automation_free(struct automation *a)
{
    for (size_t i = 0; a->tasks && i < a->event->count; i++)
        free(a->tasks[i].text);
    for (size_t i = 0; i < a->planned_count; i++)
        json_decref(a->planned[i].change);
    free(a->planned);
    free(a->tasks);
    free(a->queues);
    free(a->critical);
    free(a->refusal);
    json_decref(a->params);
}

void run_free_tasks(struct run *run)
{
    order_free(run);
    for (size_t i = 0; i < run->automation_count; i++)
        automation_free(&run->automations[i]);
    free(run->automations);
    run->automations = NULL;
    run->automation_count = 0;
}
