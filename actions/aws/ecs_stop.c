/* ecs_stop: stops every running task of the cluster. */
#include <string.h>

#include "actions/aws/list.h"
#include "actions/parts.h"
#include "lib/json/jpath.h"

static const struct aws_op list_tasks = {.service = &aws_ecs, .name = "ListTasks"};
static const struct aws_op stop_task = {&aws_ecs, "StopTask", .changes = true};

static const struct act_listing all_tasks = {
    .op = &list_tasks,
    .items = "taskArns",
    .next = "nextToken",
    .token = "nextToken",
};

static bool ecs_cluster_valid(const char *name)
{
    return act_name_valid(name, "_-", 1, 255);
}

static const struct act_naming clusters = {
    .what = "an ECS cluster",
    .service = "ecs",
    .prefix = "cluster/",
    .valid = ecs_cluster_valid,
};

static bool ecs_cluster_check(struct step_ctx *ctx)
{
    return act_arn(ctx, &clusters) != NULL;
}

/* Reads a page of the listing each time it runs; the tasks go into state.tasks. */
static enum verdict ecs_tasks_list(struct step_ctx *ctx)
{
    json_t *next = json_incref(json_object_get(ctx->state, "next"));
    json_t *page = act_page(
        ctx, &all_tasks,
        json_pack("{s:s, s:s}", "cluster", act_arn(ctx, &clusters), "desiredStatus", "RUNNING"),
        &next);
    if (!page)
        return STEP_FAILED;
    json_t *tasks = json_object_get(ctx->state, "tasks");
    if (!tasks) {
        tasks = json_array();
        step_state_set(ctx, "tasks", tasks);
    }
    json_array_extend(tasks, page);
    json_decref(page);
    if (next) {
        step_state_set(ctx, "next", next);
        return step_again(ctx, 0);
    }
    return json_array_size(tasks) == 0 ? step_finished(ctx, "no running task") : STEP_DONE;
}

/* Stops one task each time it runs, from the end of the list, where removing is cheap. The call
 * succeeds for a task that has stopped by itself. */
static enum verdict ecs_task_stop_next(struct step_ctx *ctx)
{
    json_t *tasks = json_object_get(ctx->state, "tasks");
    size_t count = json_array_size(tasks);
    if (count == 0)
        return parts_conclude(ctx, "tasks");
    json_t *task = json_array_get(tasks, count - 1);
    const char *arn = json_string_value(task);
    enum verdict verdict =
        act_step(ctx, &stop_task,
                 json_pack("{s:s, s:O, s:s}", "cluster", act_arn(ctx, &clusters), "task", task,
                           "reason", "Stopped by Hyperglance automations"));
    const char *slash = arn ? strrchr(arn, '/') : NULL;
    if (parts_settle(ctx, verdict, slash ? slash + 1 : "a task without ARN") != STEP_DONE)
        return STEP_FAILED;
    json_array_remove(tasks, count - 1);
    return step_again(ctx, 0);
}

const struct action action_ecs_stop = {
    .name = "ecs_stop",
    .display_name = "Stop ECS Cluster",
    .description = "Stops every running task of the ECS cluster; its services may start new ones.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_STOPS,
    .resource_types = (const char *const[]){"ECS Cluster", NULL},
    .permissions = (const char *const[]){"ecs:ListTasks", "ecs:StopTask", NULL},
    .check = ecs_cluster_check,
    .state = (const struct action_state[]){{"tasks", NULL}, {"next", NULL}, {"parts", NULL}, {0}},
    .steps = (const struct action_step[]){{.name = "list", .run = ecs_tasks_list},
                                          {.name = "stop", .run = ecs_task_stop_next},
                                          {0}},
};
