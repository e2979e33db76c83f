/* EC2 actions of a single call: acl_delete, ec2_delete_security_group, ec2_delete_snapshot,
 * ec2_delete_nat_gateway, ec2_deregister_ami, ec2_delete_key_pair and ami_set_private. */
#include "actions/aws/ec2.h"

static const char *const image_types[] = {"AMI", NULL};

/* A resource that one call deletes. */
struct ec2_deletion {
    struct aws_op op;
    /* The attribute that may hold the ID; NULL: none. */
    const char *attribute;
    /* Of the ID: "snap-". */
    const char *prefix;
    /* The parameter of the call that takes the ID. */
    const char *param;
    /* The error codes for a resource that does not exist, ended by NULL. */
    const char *gone[3];
    /* The note for such a resource. */
    const char *note;
};

static const struct ec2_deletion acl_deletion = {
    .op = {&aws_ec2, "DeleteNetworkAcl", .changes = true},
    .attribute = "Network ACL ID",
    .prefix = "acl-",
    .param = "NetworkAclId",
    .gone = {"InvalidNetworkAclID.NotFound"},
    .note = "already deleted",
};
static const struct ec2_deletion group_deletion = {
    .op = {&aws_ec2, "DeleteSecurityGroup", .changes = true},
    .attribute = "Group ID",
    .prefix = "sg-",
    .param = "GroupId",
    .gone = {"InvalidGroup.NotFound"},
    .note = "already deleted",
};
static const struct ec2_deletion snapshot_deletion = {
    .op = {&aws_ec2, "DeleteSnapshot", .changes = true},
    .attribute = "Snapshot ID",
    .prefix = "snap-",
    .param = "SnapshotId",
    .gone = {"InvalidSnapshot.NotFound"},
    .note = "already deleted",
};
static const struct ec2_deletion nat_gateway_deletion = {
    .op = {&aws_ec2, "DeleteNatGateway", .changes = true},
    .prefix = "nat-",
    .param = "NatGatewayId",
    .gone = {"NatGatewayNotFound"},
    .note = "already deleted",
};
static const struct ec2_deletion image_deregistration = {
    .op = {&aws_ec2, "DeregisterImage", .changes = true},
    .prefix = "ami-",
    .param = "ImageId",
    /* EC2 calls an image that was deregistered recently unavailable. */
    .gone = {"InvalidAMIID.NotFound", "InvalidAMIID.Unavailable"},
    .note = "already deregistered",
};
static const struct aws_op delete_key_pair = {&aws_ec2, "DeleteKeyPair", .changes = true};
static const struct aws_op modify_image = {&aws_ec2, "ModifyImageAttribute", .changes = true};

/* --- steps --- */

static const char *ec2_deletion_id(struct step_ctx *ctx, const struct ec2_deletion *deletion)
{
    return act_ec2_id(ctx, deletion->attribute, deletion->prefix);
}

/* For actions whose first step is ec2_deletion_run. */
static bool ec2_deletion_check(struct step_ctx *ctx)
{
    return ec2_deletion_id(ctx, ctx->action->steps[0].with) != NULL;
}

static enum verdict ec2_deletion_run(struct step_ctx *ctx)
{
    const struct ec2_deletion *deletion = ctx->step->with;
    json_t *params = json_pack("{s:s}", deletion->param, ec2_deletion_id(ctx, deletion));
    if (act_do(ctx, &deletion->op, act_with_dry_run(ctx, params)))
        return STEP_DONE;
    for (const char *const *code = deletion->gone; *code; code++)
        if (act_failed_with(ctx, *code))
            return step_finished(ctx, "%s", deletion->note);
    return act_dry_run_verdict(ctx);
}

/* Succeeds when the key pair does not exist. */
static enum verdict ec2_key_pair_delete(struct step_ctx *ctx)
{
    return act_step(ctx, &delete_key_pair,
                    json_pack("{s:s}", "KeyName", param_string(ctx, "Key Name")));
}

static const char *ec2_image_id(struct step_ctx *ctx)
{
    return act_ec2_id(ctx, NULL, "ami-");
}

static bool ec2_image_check(struct step_ctx *ctx)
{
    return ec2_image_id(ctx) != NULL;
}

static enum verdict ec2_image_set_private(struct step_ctx *ctx)
{
    return act_step(ctx, &modify_image,
                    json_pack("{s:s, s:{s:[{s:s}]}}", "ImageId", ec2_image_id(ctx),
                              "LaunchPermission", "Remove", "Group", "all"));
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
    .check = ec2_deletion_check,
    .steps =
        (const struct action_step[]){
            {.name = "delete", .run = ec2_deletion_run, .with = &acl_deletion}, {0}},
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
    .check = ec2_deletion_check,
    .steps =
        (const struct action_step[]){
            {.name = "delete", .run = ec2_deletion_run, .with = &group_deletion}, {0}},
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
    .check = ec2_deletion_check,
    .steps =
        (const struct action_step[]){
            {.name = "delete", .run = ec2_deletion_run, .with = &snapshot_deletion}, {0}},
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
    .check = ec2_deletion_check,
    .steps =
        (const struct action_step[]){
            {.name = "delete", .run = ec2_deletion_run, .with = &nat_gateway_deletion}, {0}},
};

const struct action action_ec2_deregister_ami = {
    .name = "ec2_deregister_ami",
    .display_name = "Deregister Image",
    .description = "Deregisters the AMI; its snapshots are kept.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_DELETES,
    .resource_types = image_types,
    .params = ec2_dry_run_params,
    .permissions = (const char *const[]){"ec2:DeregisterImage", NULL},
    .check = ec2_deletion_check,
    .steps =
        (const struct action_step[]){
            {.name = "deregister", .run = ec2_deletion_run, .with = &image_deregistration}, {0}},
};

const struct action action_ec2_delete_key_pair = {
    .name = "ec2_delete_key_pair",
    .display_name = "Delete EC2 Key Pair",
    .description = "Deletes the key pair with the given name; instances launched with it keep the "
                   "public key.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_DELETES,
    .resource_types = ec2_instance_types,
    .params = (const struct action_param[]){{.name = "Key Name",
                                             .type = PARAM_STRING,
                                             .required = true,
                                             .help = "The key pair's name."},
                                            {0}},
    .permissions = (const char *const[]){"ec2:DeleteKeyPair", NULL},
    .steps = (const struct action_step[]){{.name = "delete", .run = ec2_key_pair_delete}, {0}},
};

const struct action action_ami_set_private = {
    .name = "ami_set_private",
    .display_name = "Set AMI to Private",
    .description = "Removes the public permission to launch the AMI.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_CHANGES,
    .resource_types = image_types,
    .permissions = (const char *const[]){"ec2:ModifyImageAttribute", NULL},
    .check = ec2_image_check,
    .steps =
        (const struct action_step[]){{.name = "set-private", .run = ec2_image_set_private}, {0}},
};
