/* ec2_start_instance and ec2_stop_instance: one call for up to a hundred; AWS does the rest. */
#include <string.h>

#include "actions/aws/ec2.h"
#include "lib/json/jpath.h"

static const struct aws_op start_instances = {&aws_ec2, "StartInstances", .changes = true};
static const struct aws_op stop_instances = {&aws_ec2, "StopInstances", .changes = true};

/* Both calls succeed on an instance that is there already, and say what it was before. */
static enum verdict switch_power(struct step_ctx *ctx, const struct aws_op *op, const char *already)
{
    json_t *answer = act_call(
        ctx, op, act_with_dry_run(ctx, json_pack("{s:[s]}", "InstanceId", ec2_instance(ctx))));
    if (!answer)
        return act_dry_run_verdict(ctx);
    const char *before = jstr(answer, "instancesSet[0].previousState.name");
    bool was = before && strcmp(before, already) == 0;
    json_decref(answer);
    return was ? step_finished(ctx, "already %s", already) : STEP_DONE;
}

static enum verdict start(struct step_ctx *ctx)
{
    return switch_power(ctx, &start_instances, "running");
}

static enum verdict stop(struct step_ctx *ctx)
{
    return switch_power(ctx, &stop_instances, "stopped");
}

static bool start_many(struct step_ctx *const *ctxs, size_t count, enum verdict *verdicts)
{
    return ec2_change_many(ctxs, count, verdicts, &start_instances, "running");
}

static bool stop_many(struct step_ctx *const *ctxs, size_t count, enum verdict *verdicts)
{
    return ec2_change_many(ctxs, count, verdicts, &stop_instances, "stopped");
}

const struct action action_ec2_start_instance = {
    .name = "ec2_start_instance",
    .display_name = "Start Instance",
    .description = "Starts the EC2 instance.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_CHANGES,
    .resource_types = ec2_instance_types,
    .params = ec2_dry_run_params,
    .permissions = (const char *const[]){"ec2:StartInstances", NULL},
    .check = ec2_check_instance,
    .steps = (const struct action_step[]){{"start", start, false}, {0}},
    .many = (const struct action_many[]){{.step = 0, .most = EC2_MANY, .run = start_many}, {0}},
};

const struct action action_ec2_stop_instance = {
    .name = "ec2_stop_instance",
    .display_name = "Stop Instance",
    .description = "Stops the EC2 instance.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_STOPS,
    .resource_types = ec2_instance_types,
    .params = ec2_dry_run_params,
    .permissions = (const char *const[]){"ec2:StopInstances", NULL},
    .check = ec2_check_instance,
    .steps = (const struct action_step[]){{"stop", stop, false}, {0}},
    .many = (const struct action_many[]){{.step = 0, .most = EC2_MANY, .run = stop_many}, {0}},
};
