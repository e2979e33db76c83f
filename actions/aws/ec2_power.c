/* ec2_start_instance and ec2_stop_instance: one call for up to a hundred instances. The action ends
 * when AWS has accepted it. */
#include "actions/aws/ec2.h"

/* Both calls succeed on an instance that is there already, and return its state before the call. */
static const struct ec2_change starting = {
    .op = {&aws_ec2, "StartInstances", .changes = true},
    .already = "running",
};
static const struct ec2_change stopping = {
    .op = {&aws_ec2, "StopInstances", .changes = true},
    .already = "stopped",
};

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
    .steps = (const struct action_step[]){{.name = "start",
                                           .run_all = ec2_change_instances,
                                           .sharing = &ec2_sharing,
                                           .with = &starting},
                                          {0}},
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
    .steps = (const struct action_step[]){{.name = "stop",
                                           .run_all = ec2_change_instances,
                                           .sharing = &ec2_sharing,
                                           .with = &stopping},
                                          {0}},
};
