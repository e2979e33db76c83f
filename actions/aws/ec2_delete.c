/* Deletions in EC2 that one call makes: acl_delete, ec2_delete_security_group, ec2_delete_snapshot,
 * ec2_delete_nat_gateway, ec2_deregister_ami, ec2_delete_key_pair; and ami_set_private, which is no
 * more than one call either. */
#include "actions/aws/ec2.h"

static const struct aws_op delete_acl = {&aws_ec2, "DeleteNetworkAcl", .changes = true};
static const struct aws_op delete_group = {&aws_ec2, "DeleteSecurityGroup", .changes = true};
static const struct aws_op delete_snapshot = {&aws_ec2, "DeleteSnapshot", .changes = true};
static const struct aws_op delete_nat_gateway = {&aws_ec2, "DeleteNatGateway", .changes = true};
static const struct aws_op deregister_image = {&aws_ec2, "DeregisterImage", .changes = true};
static const struct aws_op delete_key_pair = {&aws_ec2, "DeleteKeyPair", .changes = true};
static const struct aws_op modify_image = {&aws_ec2, "ModifyImageAttribute", .changes = true};

static const char already_deleted[] = "already deleted";
static const char *const image_types[] = {"AMI", NULL};

/* --- ids --- */

static const char *acl(struct step_ctx *ctx)
{
    return act_ec2_id(ctx, "Network ACL ID", "acl-");
}

static bool check_acl(struct step_ctx *ctx)
{
    return acl(ctx) != NULL;
}

static const char *group(struct step_ctx *ctx)
{
    return act_ec2_id(ctx, "Group ID", "sg-");
}

static bool check_group(struct step_ctx *ctx)
{
    return group(ctx) != NULL;
}

static const char *snapshot(struct step_ctx *ctx)
{
    return act_ec2_id(ctx, "Snapshot ID", "snap-");
}

static bool check_snapshot(struct step_ctx *ctx)
{
    return snapshot(ctx) != NULL;
}

static const char *nat_gateway(struct step_ctx *ctx)
{
    return act_ec2_id(ctx, NULL, "nat-");
}

static bool check_nat_gateway(struct step_ctx *ctx)
{
    return nat_gateway(ctx) != NULL;
}

static const char *image(struct step_ctx *ctx)
{
    return act_ec2_id(ctx, NULL, "ami-");
}

static bool check_image(struct step_ctx *ctx)
{
    return image(ctx) != NULL;
}

/* --- steps --- */

static enum verdict remove_acl(struct step_ctx *ctx)
{
    return act_step_unless(ctx, &delete_acl, json_pack("{s:s}", "NetworkAclId", acl(ctx)),
                           "InvalidNetworkAclID.NotFound", already_deleted);
}

static enum verdict remove_group(struct step_ctx *ctx)
{
    return act_step_dry(ctx, &delete_group, json_pack("{s:s}", "GroupId", group(ctx)),
                        "InvalidGroup.NotFound", already_deleted);
}

static enum verdict remove_snapshot(struct step_ctx *ctx)
{
    return act_step_dry(ctx, &delete_snapshot, json_pack("{s:s}", "SnapshotId", snapshot(ctx)),
                        "InvalidSnapshot.NotFound", already_deleted);
}

static enum verdict remove_nat_gateway(struct step_ctx *ctx)
{
    return act_step_dry(ctx, &delete_nat_gateway,
                        json_pack("{s:s}", "NatGatewayId", nat_gateway(ctx)), "NatGatewayNotFound",
                        already_deleted);
}

static enum verdict deregister(struct step_ctx *ctx)
{
    enum verdict verdict =
        act_step_dry(ctx, &deregister_image, json_pack("{s:s}", "ImageId", image(ctx)),
                     "InvalidAMIID.NotFound", "already deregistered");
    /* What EC2 says of one that was deregistered not long ago. */
    if (verdict == STEP_FAILED && act_failed_with(ctx, "InvalidAMIID.Unavailable"))
        return step_finished(ctx, "already deregistered");
    return verdict;
}

/* Succeeds when there is no such key pair. */
static enum verdict remove_key_pair(struct step_ctx *ctx)
{
    return act_step(ctx, &delete_key_pair,
                    json_pack("{s:s}", "KeyName", param_string(ctx, "Key Name")));
}

static enum verdict set_private(struct step_ctx *ctx)
{
    return act_step(ctx, &modify_image,
                    json_pack("{s:s, s:{s:[{s:s}]}}", "ImageId", image(ctx), "LaunchPermission",
                              "Remove", "Group", "all"));
}

/* --- descriptors --- */

const struct action action_acl_delete = {
    .name = "acl_delete",
    .display_name = "Delete ACL",
    .description = "Deletes the network ACL.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_DELETES,
    .resource_types = (const char *const[]){"Network ACL", NULL},
    .permissions = (const char *const[]){"ec2:DeleteNetworkAcl", NULL},
    .check = check_acl,
    .steps = (const struct action_step[]){{"delete", remove_acl, false}, {0}},
};

const struct action action_ec2_delete_security_group = {
    .name = "ec2_delete_security_group",
    .display_name = "Delete Security Group",
    .description = "Deletes the security group.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_DELETES,
    .resource_types = (const char *const[]){"Security Group", NULL},
    .params = ec2_dry_run_params,
    .permissions = (const char *const[]){"ec2:DeleteSecurityGroup", NULL},
    .check = check_group,
    .steps = (const struct action_step[]){{"delete", remove_group, false}, {0}},
};

const struct action action_ec2_delete_snapshot = {
    .name = "ec2_delete_snapshot",
    .display_name = "Delete EBS Snapshot",
    .description = "Deletes the EBS snapshot.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_DELETES,
    .resource_types = (const char *const[]){"EBS Snapshot", NULL},
    .params = ec2_dry_run_params,
    .permissions = (const char *const[]){"ec2:DeleteSnapshot", NULL},
    .check = check_snapshot,
    .steps = (const struct action_step[]){{"delete", remove_snapshot, false}, {0}},
};

const struct action action_ec2_delete_nat_gateway = {
    .name = "ec2_delete_nat_gateway",
    .display_name = "Delete NAT Gateway",
    .description = "Deletes the NAT gateway.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_DELETES,
    .resource_types = (const char *const[]){"NAT Gateway", NULL},
    .params = ec2_dry_run_params,
    .permissions = (const char *const[]){"ec2:DeleteNatGateway", NULL},
    .check = check_nat_gateway,
    .steps = (const struct action_step[]){{"delete", remove_nat_gateway, false}, {0}},
};

const struct action action_ec2_deregister_ami = {
    .name = "ec2_deregister_ami",
    .display_name = "Deregister Image",
    .description = "Deregisters the AMI; its snapshots stay.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_DELETES,
    .resource_types = image_types,
    .params = ec2_dry_run_params,
    .permissions = (const char *const[]){"ec2:DeregisterImage", NULL},
    .check = check_image,
    .steps = (const struct action_step[]){{"deregister", deregister, false}, {0}},
};

const struct action action_ec2_delete_key_pair = {
    .name = "ec2_delete_key_pair",
    .display_name = "Delete EC2 Key Pair",
    .description =
        "Deletes the key pair of the given name; instances that were launched with it keep "
        "its public half.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_DELETES,
    .resource_types = ec2_instance_types,
    .params = (const struct action_param[]){{.name = "Key Name",
                                             .type = PARAM_STRING,
                                             .required = true,
                                             .help = "The key pair's name."},
                                            {0}},
    .permissions = (const char *const[]){"ec2:DeleteKeyPair", NULL},
    .steps = (const struct action_step[]){{"delete", remove_key_pair, false}, {0}},
};

const struct action action_ami_set_private = {
    .name = "ami_set_private",
    .display_name = "Set AMI to Private",
    .description = "Takes the permission to launch the AMI away from the public.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_CHANGES,
    .resource_types = image_types,
    .permissions = (const char *const[]){"ec2:ModifyImageAttribute", NULL},
    .check = check_image,
    .steps = (const struct action_step[]){{"set-private", set_private, false}, {0}},
};
