/* generic_rg_delete: deletes the resource group of the resource, with everything in it. It is
 * offered only if the configuration enables it by name. */
#include <string.h>

#include "actions/azure/call.h"
#include "actions/azure/id.h"
#include "actions/azure/names.h"

/* The error if another task is deleting the group already: the step waits for the end. */
#define DELETED_ELSEWHERE "ResourceGroupBeingDeleted"
#define ELSEWHERE_LIMIT   WAIT_MINUTES(240)

static const struct arm_op delete_group = {
    .provider = AZ_GROUP_TYPE,
    .name = "resourceGroups/delete",
    .method = "DELETE",
    .suffix = "",
    .changes = true,
};

static bool rg_check(struct step_ctx *ctx)
{
    struct az_where where;
    return az_where(ctx, &where);
}

static enum verdict rg_delete(struct step_ctx *ctx)
{
    struct az_where where;
    struct buf path = buf_make(AZ_PATH_MAX);
    enum verdict verdict = STEP_FAILED;
    if (az_where(ctx, &where) && az_group_path(ctx, &where, &path))
        verdict = az_long(ctx, &delete_group, buf_str(&path), NULL);
    buf_free(&path);
    if (verdict != STEP_FAILED)
        return verdict;
    if (az_gone(ctx))
        return step_finished(ctx, "the resource group is already deleted");
    return strcmp(ctx->err.code, DELETED_ELSEWHERE) == 0 ? step_retry(ctx, ELSEWHERE_LIMIT)
                                                         : verdict;
}

const struct action action_generic_rg_delete = {
    .name = "generic_rg_delete",
    .display_name = "Delete Resource Group",
    .description =
        "Deletes the whole resource group that the resource is in, with everything in it.",
    .cloud = CLOUD_AZURE,
    .effect = EFFECT_DELETES,
    .extra = true,
    .resource_types =
        (const char *const[]){"Virtual Machine", "Virtual Network", "Disk", "Storage Account",
                              "Subnet", "Public IP Address", "Network Interface", "Function App",
                              "Logic App", "Event Grid Topic", NULL},
    .permissions =
        (const char *const[]){"Microsoft.Resources/subscriptions/operationresults/read",
                              "Microsoft.Resources/subscriptions/resourcegroups/delete", NULL},
    .arm_type = AZ_GROUP_TYPE,
    .location_permissions =
        (const char *const[]){"Microsoft.Resources/subscriptions/resourceGroups/read", NULL},
    .check = rg_check,
    .state = az_operation_state,
    .steps = (const struct action_step[]){{.name = "delete", .run = rg_delete}, {0}},
};
