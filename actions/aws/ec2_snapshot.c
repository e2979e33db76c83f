/* ec2_snapshot_instance and ec2_terminate_instance: both start snapshots of the instance's
 * volumes. */
#include <string.h>

#include "actions/aws/ec2.h"

static const struct ec2_change terminating = {
    .op = {&aws_ec2, "TerminateInstances", .changes = true},
    .gone = "already terminated",
};

/* Finds the instances that are gone, before anything else: snapshots of a terminated instance fail.
 */
static bool ec2_find_terminated(struct step_ctx *const *ctxs, size_t count, enum verdict *verdicts)
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

/* The snapshots must be started before the termination, not completed: a snapshot is a copy of the
 * moment of the call. If one has failed, the instance is kept. */
static enum verdict ec2_snapshot_before_termination(struct step_ctx *ctx)
{
    if (!param_boolean(ctx, "SnapShotBeforeTerminate"))
        return STEP_DONE;
    return ec2_take_snapshots(ctx);
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
    .steps = (const struct action_step[]){{.name = "snapshot", .run = ec2_take_snapshots}, {0}},
};

const struct action action_ec2_terminate_instance = {
    .name = "ec2_terminate_instance",
    .display_name = "Terminate Instance",
    .description =
        "Terminates the EC2 instance, after starting snapshots of all its volumes unless "
        "SnapShotBeforeTerminate is off.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_DELETES,
    .resource_types = ec2_instance_types,
    .params =
        (const struct action_param[]){
            DRY_RUN_PARAM,
            {.name = "SnapShotBeforeTerminate",
             .type = PARAM_BOOLEAN,
             .fallback = "true",
             .help = "Start snapshots of all volumes first; if that fails, the instance is kept."},
            {0}},
    .permissions =
        (const char *const[]){"ec2:CreateSnapshots", "ec2:CreateTags", "ec2:DescribeInstances",
                              "ec2:DescribeSnapshots", "ec2:TerminateInstances", NULL},
    .check = ec2_check_instance,
    .steps =
        (const struct action_step[]){
            {.name = "look", .run_all = ec2_find_terminated, .sharing = &ec2_sharing},
            {.name = "snapshot", .run = ec2_snapshot_before_termination, .save = true},
            {.name = "terminate",
             .run_all = ec2_change_instances,
             .sharing = &ec2_sharing,
             .with = &terminating},
            {0}},
};
