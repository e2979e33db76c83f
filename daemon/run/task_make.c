/* An event's resources made into tasks, and brought into the scheduler. */
#include <stdlib.h>
#include <string.h>

#include "daemon/policy/guard.h"
#include "daemon/run/task.h"

static const struct config *config_of(const struct run *run)
{
    return run->env->config;
}

/* Whether the action is one of a cloud whose events the store holds. */
static bool cloud_allowed(const struct store *store, const struct action *action, struct err *err)
{
    if (store->form->clouds & 1u << action->cloud)
        return true;
    bool azure = action->cloud == CLOUD_AZURE;
    return err_set(
        err, ERR_DENIED, "",
        "the action \"%s\" is one of %s, and the event came from %s; only %s actions are "
        "offered there",
        action->name, azure ? "Azure" : "AWS", store->name, azure ? "AWS" : "Azure");
}

/* Says in the log why none of the automation's resources will be touched. */
static void log_refused(const struct run *run, const struct automation *a)
{
    log_warn(run->env->log, "Automation refused", LOG_STR("action", a->event->name),
             LOG_STR("error", a->critical ? a->critical : a->refusal),
             LOG_UINT("resources", a->event->count), LOG_STR("event", run->key),
             LOG_STR("run", run->id));
}

/* Finds out whether the automation can be carried out at all; what speaks against it goes to
 * critical or refusal. */
static bool judge(struct run *run, struct automation *a)
{
    struct err err = ERR_INIT;
    char text[ERROR_TEXT_SIZE];
    if (a->event->problem) {
        a->critical = strdup(a->event->problem);
        return a->critical != NULL;
    }
    a->action = action_find(a->event->name);
    if (!a->action) {
        err_set(&err, ERR_INVALID, "",
                "the action \"%.128s\" is not known to this version of hgautod", a->event->name);
    } else if (cloud_allowed(run->store, a->action, &err) &&
               guard_action(config_of(run), a->action, &err)) {
        a->params = action_params(a->action, a->event->params, &err);
        if (a->params)
            return true;
        a->refusal = strdup(err_text(&err, text, sizeof text));
        return a->refusal != NULL;
    }
    a->critical = strdup(err_text(&err, text, sizeof text));
    return a->critical != NULL;
}

static size_t most_of(const struct job *job)
{
    const struct task *task = (const struct task *)job;
    const struct action_sharing *sharing = task_sharing(task);
    if (!sharing)
        return 1;
    return task->most && task->most < sharing->max ? task->most : sharing->max;
}

/* Whether a queued task may share the call of another that shares its call. Their lane gives them
 * the same automation and account. */
static bool alike(const struct job *job, const struct job *queued)
{
    const struct task *a = (const struct task *)job, *b = (const struct task *)queued;
    return b->step == a->step && b->status == TASK_OPEN && task_place(b) == task_place(a) &&
           b->most == a->most && (!b->share || b->share == a->share);
}

static bool make_lanes(struct automation *a)
{
    a->lanes = calloc(a->event->account_count ? a->event->account_count : 1, sizeof *a->lanes);
    if (!a->lanes)
        return false;
    for (size_t i = 0; i < a->event->account_count; i++) {
        a->lanes[i].flow = &a->run->flow;
        a->lanes[i].most = most_of;
        a->lanes[i].alike = alike;
    }
    return true;
}

static bool make_automation(struct run *run, struct automation *a,
                            const struct event_automation *event)
{
    a->run = run;
    a->event = event;
    if (!judge(run, a))
        return false;
    if (a->critical || a->refusal) {
        run_count(run, COUNT_ERRORED, event->count);
        run_count(run, COUNT_CRITICAL, a->critical != NULL);
        log_refused(run, a);
        return true;
    }
    if (event->count == 0)
        return true;
    a->tasks = calloc(event->count, sizeof *a->tasks);
    if (!a->tasks || !make_lanes(a))
        return false;
    for (size_t i = 0; i < event->count; i++) {
        struct task *task = &a->tasks[i];
        task->job.run = task_run;
        task->job.lane = &a->lanes[event->places[event->resources[i].place].account];
        task->automation = a;
    }
    a->left = event->count;
    run->left += event->count;
    return true;
}

bool run_make_tasks(struct run *run)
{
    run->automations = calloc(run->event.count ? run->event.count : 1, sizeof *run->automations);
    if (!run->automations)
        return false;
    run->automation_count = run->event.count;
    run->flow.held =
        true; /* so that tasks which may share a call are all there when the first is taken */
    for (size_t i = 0; i < run->event.count; i++)
        if (!make_automation(run, &run->automations[i], &run->event.automations[i]))
            return false;
    if (run->progress)
        progress_restore(run);
    return order_make(run);
}

void run_start_tasks(struct run *run)
{
    for (size_t i = 0; i < run->automation_count; i++) {
        struct automation *a = &run->automations[i];
        for (size_t k = 0; a->tasks && k < a->event->count; k++)
            if (a->tasks[k].status == TASK_OPEN && !a->tasks[k].held)
                sched_wake(run->host->sched, &a->tasks[k].job);
    }
    sched_open(run->host->sched, &run->flow);
}

static void free_automation(struct automation *a)
{
    for (size_t i = 0; a->tasks && i < a->event->count; i++)
        free(a->tasks[i].text);
    for (size_t i = 0; i < a->planned_count; i++)
        json_decref(a->planned[i].change);
    free(a->planned);
    free(a->tasks);
    free(a->lanes);
    free(a->critical);
    free(a->refusal);
    json_decref(a->params);
}

void run_free_tasks(struct run *run)
{
    order_free(run);
    for (size_t i = 0; i < run->automation_count; i++)
        free_automation(&run->automations[i]);
    free(run->automations);
    run->automations = NULL;
    run->automation_count = 0;
}
