/* vm_start, vm_power_off and vm_deallocate: one call for the virtual machine; its operation is
 * polled to the end. */
#include "actions/azure/call.h"

#define VM "Microsoft.Compute/virtualMachines"

static const struct arm_op start_vm = {
    .provider = VM,
    .name = "virtualMachines/start",
    .method = "POST",
    .suffix = "/start",
    .changes = true,
};
static const struct arm_op power_off_vm = {
    .provider = VM,
    .name = "virtualMachines/powerOff",
    .method = "POST",
    .suffix = "/powerOff",
    .changes = true,
};
static const struct arm_op deallocate_vm = {
    .provider = VM,
    .name = "virtualMachines/deallocate",
    .method = "POST",
    .suffix = "/deallocate",
    .changes = true,
};

static const char *const vm_types[] = {"Virtual Machine", NULL};
static const char *const location_permissions[] = {VM "/read", NULL};

const struct action action_vm_start = {
    .name = "vm_start",
    .display_name = "Start VM",
    .description = "Starts the virtual machine.",
    .cloud = CLOUD_AZURE,
    .effect = EFFECT_CHANGES,
    .resource_types = vm_types,
    .permissions = (const char *const[]){"Microsoft.Compute/locations/operations/read",
                                         "Microsoft.Compute/virtualMachines/start/action", NULL},
    .arm_type = VM,
    .location_permissions = location_permissions,
    .check = az_check_step,
    .state = az_operation_state,
    .steps =
        (const struct action_step[]){{.name = "start", .run = az_act_step, .with = &start_vm}, {0}},
};

const struct action action_vm_power_off = {
    .name = "vm_power_off",
    .display_name = "Power Off",
    .description = "Stops the virtual machine; its compute resources stay allocated and billed.",
    .cloud = CLOUD_AZURE,
    .effect = EFFECT_STOPS,
    .resource_types = vm_types,
    .permissions = (const char *const[]){"Microsoft.Compute/locations/operations/read",
                                         "Microsoft.Compute/virtualMachines/powerOff/action", NULL},
    .arm_type = VM,
    .location_permissions = location_permissions,
    .check = az_check_step,
    .state = az_operation_state,
    .steps =
        (const struct action_step[]){
            {.name = "power-off", .run = az_act_step, .with = &power_off_vm}, {0}},
};

const struct action action_vm_deallocate = {
    .name = "vm_deallocate",
    .display_name = "Stop (Deallocate) VM",
    .description = "Stops the virtual machine and deallocates its compute resources.",
    .cloud = CLOUD_AZURE,
    .effect = EFFECT_STOPS,
    .resource_types = vm_types,
    .permissions =
        (const char *const[]){"Microsoft.Compute/locations/operations/read",
                              "Microsoft.Compute/virtualMachines/deallocate/action", NULL},
    .arm_type = VM,
    .location_permissions = location_permissions,
    .check = az_check_step,
    .state = az_operation_state,
    .steps =
        (const struct action_step[]){
            {.name = "deallocate", .run = az_act_step, .with = &deallocate_vm}, {0}},
};
