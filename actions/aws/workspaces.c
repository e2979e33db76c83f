/* workspaces_start_workspace, workspaces_stop_workspace and workspaces_terminate_workspace. */
#include <stdio.h>
#include <string.h>

#include "actions/aws/common.h"
#include "lib/json/jpath.h"

/* What one call takes: Amazon WorkSpaces API Reference, "StartWorkspaces". */
#define WORKSPACES_MANY 25

static const struct aws_op describe_workspaces = {&aws_workspaces, "DescribeWorkspaces",
                                                  .changes = false};
static const struct aws_op start_workspaces = {&aws_workspaces, "StartWorkspaces", .changes = true};
static const struct aws_op stop_workspaces = {&aws_workspaces, "StopWorkspaces", .changes = true};
static const struct aws_op terminate_workspaces = {&aws_workspaces, "TerminateWorkspaces",
                                                   .changes = true};

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

static bool check(struct step_ctx *ctx)
{
    return act_name(ctx, &workspaces) != NULL;
}

/* What each of the three does, and when there is nothing to do. */
struct change {
    const struct aws_op *op;
    const char *list;       /* the request's list: "StartWorkspaceRequests" */
    const char *reached[3]; /* states in which it is done or under way, ended by NULL */
    bool deletes;           /* one that is not there is done too */
};

static const struct change starting = {
    .op = &start_workspaces,
    .list = "StartWorkspaceRequests",
    .reached = {"AVAILABLE", "STARTING"},
};
static const struct change stopping = {
    .op = &stop_workspaces,
    .list = "StopWorkspaceRequests",
    .reached = {"STOPPED", "STOPPING"},
};
static const struct change terminating = {
    .op = &terminate_workspaces,
    .list = "TerminateWorkspaceRequests",
    .reached = {"TERMINATED", "TERMINATING"},
    .deletes = true,
};

/* Whether the workspace, which refused the change, is there already. ctx->err stays as it is. */
static bool reached(struct step_ctx *ctx, const struct change *change)
{
    struct err refusal = ctx->err;
    json_t *answer = act_call(ctx, &describe_workspaces,
                              json_pack("{s:[s]}", "WorkspaceIds", act_name(ctx, &workspaces)));
    const char *state = jstr(answer, "Workspaces[0].State");
    bool is = answer && !state && change->deletes;
    for (const char *const *s = change->reached; state && *s; s++)
        is = is || strcmp(state, *s) == 0;
    json_decref(answer);
    ctx->err = refusal;
    return is;
}

/* HTTP 200 is not success: a workspace that was refused is listed in the answer. */
static bool accepted(struct step_ctx *ctx, const struct aws_op *op, const json_t *answer)
{
    const char *id = act_name(ctx, &workspaces);
    const json_t *failures = jget(answer, "FailedRequests");
    size_t i;
    json_t *failure;
    json_array_foreach(failures, i, failure) {
        const char *failed = jstr(failure, "WorkspaceId");
        const char *code = jstr(failure, "ErrorCode"), *message = jstr(failure, "ErrorMessage");
        /* One that names no workspace can be anybody's: nobody is told that it worked. */
        if (failed && strcmp(failed, id) != 0)
            continue;
        err_set(&ctx->err, aws_classify(op->service, code, 0), code ? code : "", "%s",
                message ? message : "the request was refused");
        snprintf(ctx->err.operation, sizeof ctx->err.operation, "%s", op->name);
        return false;
    }
    return true;
}

static enum verdict judge(struct step_ctx *ctx, const struct change *change, const json_t *answer)
{
    if (accepted(ctx, change->op, answer))
        return STEP_DONE;
    if (change->deletes && ctx->err.kind == ERR_NOT_FOUND)
        return step_finished(ctx, "already deleted");
    if (err_is_retryable(&ctx->err) || !reached(ctx, change))
        return STEP_FAILED;
    return step_finished(ctx, "already %s", change->reached[0]);
}

/* One call for all, and what it says of each. False when it failed as a whole. */
static bool apply(struct step_ctx *const *ctxs, size_t count, enum verdict *verdicts,
                  const struct change *change)
{
    json_t *requests = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(requests,
                              json_pack("{s:s}", "WorkspaceId", act_name(ctxs[i], &workspaces)));
    bool whole = json_array_size(requests) == count;
    json_t *params = whole ? json_pack("{s:O}", change->list, requests) : NULL;
    json_t *answer = act_call(ctxs[0], change->op, params);
    json_decref(requests);
    for (size_t i = 0; answer && i < count; i++)
        verdicts[i] = judge(ctxs[i], change, answer);
    json_decref(answer);
    return answer != NULL;
}

static enum verdict apply_one(struct step_ctx *ctx, const struct change *change)
{
    enum verdict verdict = STEP_FAILED;
    return apply(&ctx, 1, &verdict, change) ? verdict : STEP_FAILED;
}

static enum verdict start(struct step_ctx *ctx)
{
    return apply_one(ctx, &starting);
}

static enum verdict stop(struct step_ctx *ctx)
{
    return apply_one(ctx, &stopping);
}

static enum verdict terminate(struct step_ctx *ctx)
{
    return apply_one(ctx, &terminating);
}

static bool start_many(struct step_ctx *const *ctxs, size_t count, enum verdict *verdicts)
{
    return apply(ctxs, count, verdicts, &starting);
}

static bool stop_many(struct step_ctx *const *ctxs, size_t count, enum verdict *verdicts)
{
    return apply(ctxs, count, verdicts, &stopping);
}

static bool terminate_many(struct step_ctx *const *ctxs, size_t count, enum verdict *verdicts)
{
    return apply(ctxs, count, verdicts, &terminating);
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
    .check = check,
    .steps = (const struct action_step[]){{"start", start, false}, {0}},
    .many =
        (const struct action_many[]){{.step = 0, .most = WORKSPACES_MANY, .run = start_many}, {0}},
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
    .check = check,
    .steps = (const struct action_step[]){{"stop", stop, false}, {0}},
    .many =
        (const struct action_many[]){{.step = 0, .most = WORKSPACES_MANY, .run = stop_many}, {0}},
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
    .check = check,
    .steps = (const struct action_step[]){{"terminate", terminate, false}, {0}},
    .many =
        (const struct action_many[]){{.step = 0, .most = WORKSPACES_MANY, .run = terminate_many},
                                     {0}},
};
