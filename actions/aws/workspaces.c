/* workspaces_start_workspace, workspaces_stop_workspace and workspaces_terminate_workspace. */
#include <stdio.h>
#include <string.h>

#include "actions/aws/call.h"
#include "lib/json/jpath.h"

/* The limit of a call: Amazon WorkSpaces API Reference, "StartWorkspaces". */
static const struct action_sharing workspace_sharing = {.max = 25};

static const struct aws_op describe_workspaces = {.service = &aws_workspaces,
                                                  .name = "DescribeWorkspaces"};

static const char *const workspace_types[] = {"Workspace", NULL};

static bool workspace_valid(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return strncmp(name, "ws-", 3) == 0 && n >= 11 && n <= 66 && name[n] == '\0' &&
           !strchr(name + 3, '-');
}

static const struct act_naming workspaces = {
    .what = "a workspace",
    .service = "workspaces",
    .prefix = "workspace/",
    .valid = workspace_valid,
    .fields = {"id", "name"},
};

static const char *workspace_id(struct step_ctx *ctx)
{
    return act_name(ctx, &workspaces);
}

static bool workspace_check(struct step_ctx *ctx)
{
    return workspace_id(ctx) != NULL;
}

/* One of the three changes, and when there is nothing to do. */
struct workspace_change {
    struct aws_op op;
    /* The list in the request: "StartWorkspaceRequests". */
    const char *list;
    /* The states in which the change is done or in progress, ended by NULL. */
    const char *reached[3];
    /* Whether a workspace that does not exist is done too. */
    bool deletes;
};

static const struct workspace_change starting = {
    .op = {&aws_workspaces, "StartWorkspaces", .changes = true},
    .list = "StartWorkspaceRequests",
    .reached = {"AVAILABLE", "STARTING"},
};
static const struct workspace_change stopping = {
    .op = {&aws_workspaces, "StopWorkspaces", .changes = true},
    .list = "StopWorkspaceRequests",
    .reached = {"STOPPED", "STOPPING"},
};
static const struct workspace_change terminating = {
    .op = {&aws_workspaces, "TerminateWorkspaces", .changes = true},
    .list = "TerminateWorkspaceRequests",
    .reached = {"TERMINATED", "TERMINATING"},
    .deletes = true,
};

/* Whether the workspace, for which the change was rejected, is in that state already. ctx->err is
 * left unchanged. */
static bool workspace_has_reached(struct step_ctx *ctx, const struct workspace_change *change)
{
    struct err rejection = ctx->err;
    json_t *response = act_call(ctx, &describe_workspaces,
                                json_pack("{s:[s]}", "WorkspaceIds", workspace_id(ctx)));
    const char *state = jstr(response, "Workspaces[0].State");
    bool reached = response && !state && change->deletes;
    for (const char *const *s = change->reached; state && *s; s++)
        reached = reached || strcmp(state, *s) == 0;
    json_decref(response);
    ctx->err = rejection;
    return reached;
}

/* HTTP 200 is not success: the response lists the workspaces that were rejected. False with
 * ctx->err. */
static bool workspace_accepted(struct step_ctx *ctx, const struct aws_op *op,
                               const json_t *response)
{
    const char *id = workspace_id(ctx);
    const json_t *failures = jget(response, "FailedRequests");
    size_t i;
    json_t *failure;
    json_array_foreach(failures, i, failure) {
        const char *failed = jstr(failure, "WorkspaceId");
        const char *code = jstr(failure, "ErrorCode"), *message = jstr(failure, "ErrorMessage");
        /* A failure without an ID can be that of any workspace: then none has succeeded. */
        if (failed && strcmp(failed, id) != 0)
            continue;
        err_set(&ctx->err, aws_classify(op->service, code, 0), code ? code : "", "%s",
                message ? message : "the request was rejected");
        snprintf(ctx->err.operation, sizeof ctx->err.operation, "%s", op->name);
        return false;
    }
    return true;
}

static enum verdict workspace_judge_change(struct step_ctx *ctx, const json_t *response)
{
    const struct workspace_change *change = ctx->step->with;
    if (workspace_accepted(ctx, &change->op, response))
        return STEP_DONE;
    if (change->deletes && ctx->err.kind == ERR_NOT_FOUND)
        return step_finished(ctx, "already deleted");
    if (err_is_retryable(&ctx->err) || !workspace_has_reached(ctx, change))
        return STEP_FAILED;
    return step_finished(ctx, "already %s", change->reached[0]);
}

static bool workspace_change_all(struct step_ctx *const *ctxs, size_t count, enum verdict *verdicts)
{
    const struct workspace_change *change = ctxs[0]->step->with;
    json_t *requests = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(requests, json_pack("{s:s}", "WorkspaceId", workspace_id(ctxs[i])));
    json_t *response = act_call(ctxs[0], &change->op, json_pack("{s:o}", change->list, requests));
    for (size_t i = 0; response && i < count; i++)
        verdicts[i] = workspace_judge_change(ctxs[i], response);
    json_decref(response);
    return response != NULL;
}

const struct action action_workspaces_start_workspace = {
    .name = "workspaces_start_workspace",
    .display_name = "Start Workspace",
    .description = "Starts the workspace.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_CHANGES,
    .resource_types = workspace_types,
    .permissions =
        (const char *const[]){"workspaces:DescribeWorkspaces", "workspaces:StartWorkspaces", NULL},
    .check = workspace_check,
    .steps = (const struct action_step[]){{.name = "start",
                                           .run_all = workspace_change_all,
                                           .sharing = &workspace_sharing,
                                           .with = &starting},
                                          {0}},
};

const struct action action_workspaces_stop_workspace = {
    .name = "workspaces_stop_workspace",
    .display_name = "Stop Workspace",
    .description = "Stops the workspace.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_STOPS,
    .resource_types = workspace_types,
    .permissions =
        (const char *const[]){"workspaces:DescribeWorkspaces", "workspaces:StopWorkspaces", NULL},
    .check = workspace_check,
    .steps = (const struct action_step[]){{.name = "stop",
                                           .run_all = workspace_change_all,
                                           .sharing = &workspace_sharing,
                                           .with = &stopping},
                                          {0}},
};

const struct action action_workspaces_terminate_workspace = {
    .name = "workspaces_terminate_workspace",
    .display_name = "Terminate Workspace",
    .description = "Terminates the workspace; its volumes are deleted with it.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_DELETES,
    .resource_types = workspace_types,
    .permissions = (const char *const[]){"workspaces:DescribeWorkspaces",
                                         "workspaces:TerminateWorkspaces", NULL},
    .check = workspace_check,
    .steps = (const struct action_step[]){{.name = "terminate",
                                           .run_all = workspace_change_all,
                                           .sharing = &workspace_sharing,
                                           .with = &terminating},
                                          {0}},
};
