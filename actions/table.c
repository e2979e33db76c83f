/* The table of all actions. Each is defined in its own file; a new one is one more name here, in
 * its place. */
#include <string.h>

#include "actions/action.h"

/* Sorted by name. */
/* clang-format off */
#define AWS_ACTIONS(X) \
    X(acl_delete) \
    X(add_tag) \
    X(ami_set_private) \
    X(dynamodb_delete_table) \
    X(ebs_delete_volume) \
    X(ec2_attach_role) \
    X(ec2_delete_internet_gateway) \
    X(ec2_delete_key_pair) \
    X(ec2_delete_nat_gateway) \
    X(ec2_delete_security_group) \
    X(ec2_delete_snapshot) \
    X(ec2_deregister_ami) \
    X(ec2_detach_role) \
    X(ec2_quarantine_instance) \
    X(ec2_release_eips) \
    X(ec2_snapshot_instance) \
    X(ec2_start_instance) \
    X(ec2_stop_instance) \
    X(ec2_terminate_instance) \
    X(ecs_stop) \
    X(elb_delete_load_balancer) \
    X(iam_deactivate_unused_access_keys) \
    X(iam_delete_access_key) \
    X(iam_delete_default_policy_version) \
    X(iam_disable_user_console_password) \
    X(iam_force_user_password_change) \
    X(iam_quarantine_user) \
    X(iam_revoke_access_key) \
    X(iam_user_attach_policy) \
    X(iam_user_detach_group) \
    X(kms_enable_rotation) \
    X(lambda_detach_external_layers) \
    X(lambda_disable) \
    X(rds_aurora_delete_cluster) \
    X(rds_quarantine_instance) \
    X(rds_terminate_instance) \
    X(redshift_delete_cluster) \
    X(remove_tag) \
    X(s3_allow_ssl_only) \
    X(s3_block_public_access) \
    X(s3_clear_bucket) \
    X(s3_delete_acls) \
    X(s3_delete_permissions) \
    X(s3_enable_encryption) \
    X(s3_enable_logging) \
    X(s3_enable_versioning) \
    X(sg_delete_rules) \
    X(update_tag) \
    X(vpc_isolate) \
    X(workspaces_start_workspace) \
    X(workspaces_stop_workspace) \
    X(workspaces_terminate_workspace)

#define AZURE_ACTIONS(X) \
    X(disk_delete) \
    X(generic_rg_delete) \
    X(generic_tag) \
    X(generic_tag_update) \
    X(generic_untag) \
    X(image_delete) \
    X(ip_delete) \
    X(nic_delete) \
    X(ssh_public_key_delete) \
    X(vm_deallocate) \
    X(vm_delete) \
    X(vm_power_off) \
    X(vm_start)
/* clang-format on */

#define DECLARE(name) extern const struct action action_##name;
#define ROW(name)     &action_##name,

AWS_ACTIONS(DECLARE)
AZURE_ACTIONS(DECLARE)

const struct action *const action_table[] = {AWS_ACTIONS(ROW) AZURE_ACTIONS(ROW) NULL};

const struct action *action_find(const char *name)
{
    for (const struct action *const *a = action_table; name && *a; a++)
        if (strcmp((*a)->name, name) == 0)
            return *a;
    return NULL;
}
