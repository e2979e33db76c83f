/* disk_delete, image_delete, ssh_public_key_delete, ip_delete and nic_delete: one call that deletes
 * the resource; its operation is polled to the end. */
#include "actions/azure/call.h"

static const struct arm_op delete_disk = {
    .provider = "Microsoft.Compute/disks",
    .name = "disks/delete",
    .method = "DELETE",
    .suffix = "",
    .changes = true,
};
static const struct arm_op delete_image = {
    .provider = "Microsoft.Compute/images",
    .name = "images/delete",
    .method = "DELETE",
    .suffix = "",
    .changes = true,
};
static const struct arm_op delete_ssh_key = {
    .provider = "Microsoft.Compute/sshPublicKeys",
    .name = "sshPublicKeys/delete",
    .method = "DELETE",
    .suffix = "",
    .changes = true,
};
static const struct arm_op delete_ip = {
    .provider = "Microsoft.Network/publicIPAddresses",
    .name = "publicIPAddresses/delete",
    .method = "DELETE",
    .suffix = "",
    .changes = true,
};
static const struct arm_op delete_nic = {
    .provider = "Microsoft.Network/networkInterfaces",
    .name = "networkInterfaces/delete",
    .method = "DELETE",
    .suffix = "",
    .changes = true,
};

const struct action action_disk_delete = {
    .name = "disk_delete",
    .display_name = "Delete Disk",
    .description =
        "Deletes the managed disk; it is an error if it is attached to a virtual machine.",
    .cloud = CLOUD_AZURE,
    .effect = EFFECT_DELETES,
    .resource_types = (const char *const[]){"Disk", NULL},
    .permissions = (const char *const[]){"Microsoft.Compute/disks/delete",
                                         "Microsoft.Compute/locations/diskOperations/read", NULL},
    .arm_type = "Microsoft.Compute/disks",
    .location_permissions = (const char *const[]){"Microsoft.Compute/disks/read", NULL},
    .check = az_check_step,
    .state = az_operation_state,
    .steps =
        (const struct action_step[]){
            {.name = "delete", .run = az_delete_step, .with = &delete_disk}, {0}},
};

const struct action action_image_delete = {
    .name = "image_delete",
    .display_name = "Delete Image",
    .description = "Deletes the image.",
    .cloud = CLOUD_AZURE,
    .effect = EFFECT_DELETES,
    .resource_types = (const char *const[]){"Image", NULL},
    .permissions = (const char *const[]){"Microsoft.Compute/images/delete",
                                         "Microsoft.Compute/locations/operations/read", NULL},
    .arm_type = "Microsoft.Compute/images",
    .location_permissions = (const char *const[]){"Microsoft.Compute/images/read", NULL},
    .check = az_check_step,
    .state = az_operation_state,
    .steps =
        (const struct action_step[]){
            {.name = "delete", .run = az_delete_step, .with = &delete_image}, {0}},
};

const struct action action_ssh_public_key_delete = {
    .name = "ssh_public_key_delete",
    .display_name = "Delete Public Key",
    .description = "Deletes the SSH public key.",
    .cloud = CLOUD_AZURE,
    .effect = EFFECT_DELETES,
    .resource_types = (const char *const[]){"SSH Public Key", NULL},
    .permissions = (const char *const[]){"Microsoft.Compute/sshPublicKeys/delete", NULL},
    .arm_type = "Microsoft.Compute/sshPublicKeys",
    .location_permissions = (const char *const[]){"Microsoft.Compute/sshPublicKeys/read", NULL},
    .check = az_check_step,
    .state = az_operation_state,
    .steps =
        (const struct action_step[]){
            {.name = "delete", .run = az_delete_step, .with = &delete_ssh_key}, {0}},
};

const struct action action_ip_delete = {
    .name = "ip_delete",
    .display_name = "Delete Public IP",
    .description = "Deletes the public IP address; it is an error if it is in use.",
    .cloud = CLOUD_AZURE,
    .effect = EFFECT_DELETES,
    .resource_types = (const char *const[]){"Public IP Address", NULL},
    .permissions = (const char *const[]){"Microsoft.Network/locations/operationResults/read",
                                         "Microsoft.Network/locations/operations/read",
                                         "Microsoft.Network/publicIPAddresses/delete", NULL},
    .arm_type = "Microsoft.Network/publicIPAddresses",
    .location_permissions = (const char *const[]){"Microsoft.Network/publicIPAddresses/read", NULL},
    .check = az_check_step,
    .state = az_operation_state,
    .steps =
        (const struct action_step[]){{.name = "delete", .run = az_delete_step, .with = &delete_ip},
                                     {0}},
};

const struct action action_nic_delete = {
    .name = "nic_delete",
    .display_name = "Delete NIC",
    .description =
        "Deletes the network interface; it is an error if it is attached to a virtual machine.",
    .cloud = CLOUD_AZURE,
    .effect = EFFECT_DELETES,
    .resource_types = (const char *const[]){"Network Interface", NULL},
    .permissions = (const char *const[]){"Microsoft.Network/locations/operationResults/read",
                                         "Microsoft.Network/locations/operations/read",
                                         "Microsoft.Network/networkInterfaces/delete", NULL},
    .arm_type = "Microsoft.Network/networkInterfaces",
    .location_permissions = (const char *const[]){"Microsoft.Network/networkInterfaces/read", NULL},
    .check = az_check_step,
    .state = az_operation_state,
    .steps =
        (const struct action_step[]){{.name = "delete", .run = az_delete_step, .with = &delete_nic},
                                     {0}},
};
