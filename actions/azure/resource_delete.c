/* disk_delete, image_delete, ssh_public_key_delete, ip_delete and nic_delete: one resource,
 * deleted, and the deletion followed to its end. */
#include "actions/azure/common.h"

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

/* --- disk_delete --- */

static bool check_disk(struct step_ctx *ctx)
{
    return az_check(ctx, delete_disk.provider);
}

static enum verdict remove_disk(struct step_ctx *ctx)
{
    return az_delete(ctx, &delete_disk);
}

const struct action action_disk_delete = {
    .name = "disk_delete",
    .display_name = "Delete Disk",
    .description =
        "Deletes the managed disk; one that is attached to a virtual machine is an error.",
    .cloud = CLOUD_AZURE,
    .effect = EFFECT_DELETES,
    .resource_types = (const char *const[]){"Disk", NULL},
    .permissions = (const char *const[]){"Microsoft.Compute/disks/delete",
                                         "Microsoft.Compute/locations/diskOperations/read", NULL},
    .arm_type = "Microsoft.Compute/disks",
    .location_permissions = (const char *const[]){"Microsoft.Compute/disks/read", NULL},
    .check = check_disk,
    .state = az_operation_state,
    .steps = (const struct action_step[]){{"delete", remove_disk, false}, {0}},
};

/* --- image_delete --- */

static bool check_image(struct step_ctx *ctx)
{
    return az_check(ctx, delete_image.provider);
}

static enum verdict remove_image(struct step_ctx *ctx)
{
    return az_delete(ctx, &delete_image);
}

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
    .check = check_image,
    .state = az_operation_state,
    .steps = (const struct action_step[]){{"delete", remove_image, false}, {0}},
};

/* --- ssh_public_key_delete --- */

static bool check_ssh_key(struct step_ctx *ctx)
{
    return az_check(ctx, delete_ssh_key.provider);
}

static enum verdict remove_ssh_key(struct step_ctx *ctx)
{
    return az_delete(ctx, &delete_ssh_key);
}

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
    .check = check_ssh_key,
    .state = az_operation_state,
    .steps = (const struct action_step[]){{"delete", remove_ssh_key, false}, {0}},
};

/* --- ip_delete --- */

static bool check_ip(struct step_ctx *ctx)
{
    return az_check(ctx, delete_ip.provider);
}

static enum verdict remove_ip(struct step_ctx *ctx)
{
    return az_delete(ctx, &delete_ip);
}

const struct action action_ip_delete = {
    .name = "ip_delete",
    .display_name = "Delete Public IP",
    .description = "Deletes the public IP address; one that is in use is an error.",
    .cloud = CLOUD_AZURE,
    .effect = EFFECT_DELETES,
    .resource_types = (const char *const[]){"Public IP Address", NULL},
    .permissions = (const char *const[]){"Microsoft.Network/locations/operationResults/read",
                                         "Microsoft.Network/locations/operations/read",
                                         "Microsoft.Network/publicIPAddresses/delete", NULL},
    .arm_type = "Microsoft.Network/publicIPAddresses",
    .location_permissions = (const char *const[]){"Microsoft.Network/publicIPAddresses/read", NULL},
    .check = check_ip,
    .state = az_operation_state,
    .steps = (const struct action_step[]){{"delete", remove_ip, false}, {0}},
};

/* --- nic_delete --- */

static bool check_nic(struct step_ctx *ctx)
{
    return az_check(ctx, delete_nic.provider);
}

static enum verdict remove_nic(struct step_ctx *ctx)
{
    return az_delete(ctx, &delete_nic);
}

const struct action action_nic_delete = {
    .name = "nic_delete",
    .display_name = "Delete NIC",
    .description =
        "Deletes the network interface; one that is attached to a virtual machine is an error.",
    .cloud = CLOUD_AZURE,
    .effect = EFFECT_DELETES,
    .resource_types = (const char *const[]){"Network Interface", NULL},
    .permissions = (const char *const[]){"Microsoft.Network/locations/operationResults/read",
                                         "Microsoft.Network/locations/operations/read",
                                         "Microsoft.Network/networkInterfaces/delete", NULL},
    .arm_type = "Microsoft.Network/networkInterfaces",
    .location_permissions = (const char *const[]){"Microsoft.Network/networkInterfaces/read", NULL},
    .check = check_nic,
    .state = az_operation_state,
    .steps = (const struct action_step[]){{"delete", remove_nic, false}, {0}},
};
