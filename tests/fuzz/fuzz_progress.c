/* Fuzzes daemon/run/progress.c and actions/state.c: the automations of a stored claim are restored
 * over an event of two actions, and the state of each task that was under way is reduced to what
 * may be acted on. */
#include <stdlib.h>
#include <string.h>

#include "actions/state.h"
#include "daemon/run/run.h"
#include "tests/fuzz/target.h"

#define COUNT 5

static const char *const names[] = {"vm_delete", "ec2_release_eips"};

static struct step_ctx context(const struct automation *a, const json_t *resource)
{
    bool azure = a->action->cloud == CLOUD_AZURE;
    return (struct step_ctx){
        .action = a->action,
        .resource = resource,
        .params = a->params,
        .account = azure ? "33333333-3333-4333-8333-333333333333" : "123456789012",
        .region = azure ? "" : "us-east-1",
        .partition = "aws",
        .run_id = "r",
        .clock = &system_clock,
        .restored = true,
        .err = ERR_INIT,
    };
}

/* A state that has been reduced is accepted unchanged the second time. */
static void admit(const struct automation *a, const struct action *action, json_t *state)
{
    struct automation of = *a;
    struct err err = ERR_INIT;
    of.action = action;
    of.params = action_params(action, json_object_get(state, "params"), &err);
    json_object_del(state, "params");
    json_t *resource = json_pack("{s:{s:i}}", "matchedAttributes", "owner", 1);
    struct step_ctx ctx = context(&of, resource);
    if (of.params && action_state_admit(&ctx, state)) {
        json_t *before = json_deep_copy(state);
        MUST(action_state_admit(&ctx, state) && json_equal(state, before));
        json_decref(before);
        ctx.state = state;
        MUST(action_state_declared(&ctx));
    } else {
        MUST(!of.params || ctx.err.kind == ERR_INVALID);
    }
    json_decref(resource);
    json_decref(of.params);
}

static void check_task(const struct automation *a, const struct task *task)
{
    MUST(task->status == TASK_OPEN || task->status == TASK_PROCESSED ||
         task->status == TASK_ERRORED);
    MUST(task->step == 0);
    MUST(task->status == TASK_OPEN || !task->restored || task->text || a->left < COUNT);
    if (task->status != TASK_OPEN || !task->text)
        return;
    /* The same state for every action, since each accepts other members. */
    for (const struct action *const *action = action_table; *action; action++) {
        json_t *state = json_loads(task->text, 0, NULL);
        MUST(json_is_object(state));
        admit(a, *action, state);
        json_decref(state);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *progress = json_loadb((const char *)data, size, 0, NULL);
    if (!progress)
        return 0;
    const struct env env = {.clock = &system_clock};
    struct run run = {.env = &env, .automation_count = 2, .left = 2 * COUNT};
    struct event_automation events[2] = {{.name = (char *)names[0], .count = COUNT},
                                         {.name = (char *)names[1], .count = COUNT}};
    struct automation automations[2];
    struct task tasks[2][COUNT] = {0};
    for (size_t i = 0; i < 2; i++) {
        automations[i] = (struct automation){.run = &run,
                                             .event = &events[i],
                                             .action = action_find(names[i]),
                                             .tasks = tasks[i],
                                             .left = COUNT};
        for (size_t k = 0; k < COUNT; k++)
            tasks[i][k].automation = &automations[i];
    }
    run.automations = automations;
    run.progress = progress;
    progress_restore(&run);
    MUST(!run.progress && run.left <= 2 * COUNT);
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < COUNT; k++) {
            check_task(&automations[i], &tasks[i][k]);
            free(tasks[i][k].text);
        }
    return 0;
}
