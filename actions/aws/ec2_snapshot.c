/* ec2_snapshot_instance and ec2_terminate_instance: both begin with snapshots of the instance's
 * volumes. */
#include <string.h>

#include "actions/aws/ec2.h"
#include "lib/json/jpath.h"

static const struct aws_op terminate_instances = {&aws_ec2, "TerminateInstances", .changes = true};

/* Looked at before anything else, because snapshots of a terminated instance fail. */
static bool look_many(struct step_ctx *const *ctxs, size_t count, enum verdict *verdicts)
{
    json_t *states = ec2_instance_states(ctxs[0], act_ids(ctxs, count, ec2_instance));
    for (size_t i = 0; states && i < count; i++) {
        const char *state = json_string_value(json_object_get(states, ec2_instance(ctxs[i])));
        bool gone =
            !state || strcmp(state, "terminated") == 0 || strcmp(state, "shutting-down") == 0;
        verdicts[i] = gone ? step_finished(ctxs[i], "already terminated") : STEP_DONE;
    }
    json_decref(states);
    return states != NULL;
}

static enum verdict look(struct step_ctx *ctx)
{
    return act_alone(ctx, look_many);
}

/* The snapshots must have been begun before the instance goes, not completed: a snapshot holds the
 * moment of the call. One that has failed keeps the instance alive. */
static enum verdict snapshot_before(struct step_ctx *ctx)
{
    if (!param_boolean(ctx, "SnapShotBeforeTerminate"))
        return STEP_DONE;
    return ec2_take_snapshots(ctx);
}

static enum verdict terminate(struct step_ctx *ctx)
{
    return act_step_dry(ctx, &terminate_instances,
                        json_pack("{s:[s]}", "InstanceId", ec2_instance(ctx)),
                        "InvalidInstanceID.NotFound", "already terminated");
}

static bool terminate_many(struct step_ctx *const *ctxs, size_t count, enum verdict *verdicts)
{
    return ec2_change_many(ctxs, count, verdicts, &terminate_instances, NULL);
}

const struct action action_ec2_snapshot_instance = {
    .name = "ec2_snapshot_instance",
    .display_name = "Snapshot Instance",
    .description = "Takes snapshots of all volumes of the EC2 instance, with the volumes' tags.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_CHANGES,
    .resource_types = ec2_instance_types,
    .params = ec2_dry_run_params,
    .permissions = (const char *const[]){"ec2:CreateSnapshots", "ec2:CreateTags",
                                         "ec2:DescribeSnapshots", NULL},
    .check = ec2_check_instance,
    .steps = (const struct action_step[]){{"snapshot", ec2_take_snapshots, false}, {0}},
};

const struct action action_ec2_terminate_instance = {
    .name = "ec2_terminate_instance",
    .display_name = "Terminate Instance",
    .description =
        "Terminates the EC2 instance, after snapshots of all its volumes have been begun "
        "unless SnapShotBeforeTerminate is off.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_DELETES,
    .resource_types = ec2_instance_types,
    .params =
        (const struct action_param[]){
            DRY_RUN_PARAM,
            {.name = "SnapShotBeforeTerminate",
             .type = PARAM_BOOLEAN,
             .fallback = "true",
             .help = "Take snapshots of all volumes first; without them the instance is kept."},
            {0}},
    .permissions =
        (const char *const[]){"ec2:CreateSnapshots", "ec2:CreateTags", "ec2:DescribeInstances",
                              "ec2:DescribeSnapshots", "ec2:TerminateInstances", NULL},
    .check = ec2_check_instance,
    .steps = (const struct action_step[]){{"look", look, false},
                                          {"snapshot", snapshot_before, true},
                                          {"terminate", terminate, false},
                                          {0}},
    .many = (const struct action_many[]){{.step = 0, .most = EC2_MANY, .run = look_many},
                                         {.step = 2, .most = EC2_MANY, .run = terminate_many},
                                         {0}},
};
