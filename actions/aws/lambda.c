/* lambda_disable and lambda_detach_external_layers. */
#include "actions/aws/call.h"

static const struct aws_op put_concurrency = {
    &aws_lambda,     "PutFunctionConcurrency",
    .method = "PUT", .path = "/2017-10-31/functions/{FunctionName}/concurrency",
    .changes = true,
};
static const struct aws_op update_configuration = {
    &aws_lambda,     "UpdateFunctionConfiguration",
    .method = "PUT", .path = "/2015-03-31/functions/{FunctionName}/configuration",
    .changes = true,
};

static const char *const function_types[] = {"Lambda Function", NULL};

static bool lambda_name_valid(const char *name)
{
    return act_name_valid(name, "_-", 1, 64);
}

static const struct act_naming functions = {
    .what = "a Lambda function",
    .service = "lambda",
    .prefix = "function:",
    .valid = lambda_name_valid,
    .fields = {"name", "id"},
};

static bool lambda_check(struct step_ctx *ctx)
{
    return act_name(ctx, &functions) != NULL;
}

/* Changes are rejected while the function is being updated. */
static enum verdict lambda_change(struct step_ctx *ctx, const struct aws_op *op, json_t *params)
{
    if (act_do(ctx, op, params))
        return STEP_DONE;
    return act_failed_with(ctx, "ResourceConflictException") ? step_retry(ctx, WAIT_MINUTES(2))
                                                             : STEP_FAILED;
}

static enum verdict lambda_disable(struct step_ctx *ctx)
{
    return lambda_change(ctx, &put_concurrency,
                         json_pack("{s:s, s:i}", "FunctionName", act_name(ctx, &functions),
                                   "ReservedConcurrentExecutions", 0));
}

static enum verdict lambda_detach_layers(struct step_ctx *ctx)
{
    return lambda_change(
        ctx, &update_configuration,
        json_pack("{s:s, s:[]}", "FunctionName", act_name(ctx, &functions), "Layers"));
}

const struct action action_lambda_disable = {
    .name = "lambda_disable",
    .display_name = "Disable Lambda",
    .description =
        "Sets the Lambda function's reserved concurrency to 0, so that it no longer runs.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_STOPS,
    .resource_types = function_types,
    .permissions = (const char *const[]){"lambda:PutFunctionConcurrency", NULL},
    .check = lambda_check,
    .steps = (const struct action_step[]){{.name = "disable", .run = lambda_disable}, {0}},
};

const struct action action_lambda_detach_external_layers = {
    .name = "lambda_detach_external_layers",
    .display_name = "Remove Layers",
    .description = "Removes all layers from the Lambda function.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_CHANGES,
    .resource_types = function_types,
    .permissions = (const char *const[]){"lambda:UpdateFunctionConfiguration", NULL},
    .check = lambda_check,
    .steps =
        (const struct action_step[]){{.name = "detach-layers", .run = lambda_detach_layers}, {0}},
};
