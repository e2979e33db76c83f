/* ec2_release_eips: each Elastic IP address of the instance is taken off it and released. */
#include "actions/aws/ec2.h"
#include "lib/jpath.h"

static const struct aws_op describe_addresses = {&aws_ec2, "DescribeAddresses", .changes = false};
static const struct aws_op disassociate_address = {&aws_ec2, "DisassociateAddress",
                                                   .changes = true};
static const struct aws_op release_address = {&aws_ec2, "ReleaseAddress", .changes = true};

/* DescribeAddresses has no pages. */
static enum verdict look(struct step_ctx *ctx)
{
    json_t *answer = act_call(ctx, &describe_addresses,
                              json_pack("{s:[{s:s, s:[s]}]}", "Filter", "Name", "instance-id",
                                        "Value", ec2_instance(ctx)));
    if (!answer)
        return STEP_FAILED;
    json_t *found = jlist(answer, "addressesSet");
    json_t *associated = json_array(), *allocated = json_array();
    size_t i;
    json_t *address;
    json_array_foreach(found, i, address)
    {
        if (jstr(address, "associationId"))
            json_array_append(associated, jget(address, "associationId"));
        if (jstr(address, "allocationId"))
            json_array_append(allocated, jget(address, "allocationId"));
    }
    json_decref(found);
    json_decref(answer);
    bool kept = act_state_set(ctx, "associated", associated);
    kept = act_state_set(ctx, "allocated", allocated) && kept;
    if (!kept)
        return STEP_FAILED;
    if (json_array_size(allocated) == 0)
        return step_finished(ctx, "the instance has no Elastic IP address");
    return STEP_DONE;
}

/* Makes the call for the first of the list in the state; gone is fine. */
static enum verdict next_of(struct step_ctx *ctx, const char *list, const struct aws_op *op,
                            const char *param, const char *gone)
{
    json_t *ids = json_object_get(ctx->state, list);
    const char *id = json_string_value(json_array_get(ids, 0));
    if (!id)
        return STEP_DONE;
    if (!act_do(ctx, op, json_pack("{s:s}", param, id)) && !act_failed_with(ctx, gone))
        return STEP_FAILED;
    json_array_remove(ids, 0);
    return step_again(ctx, 0);
}

static enum verdict disassociate(struct step_ctx *ctx)
{
    return next_of(ctx, "associated", &disassociate_address, "AssociationId",
                   "InvalidAssociationID.NotFound");
}

static enum verdict release(struct step_ctx *ctx)
{
    return next_of(ctx, "allocated", &release_address, "AllocationId",
                   "InvalidAllocationID.NotFound");
}

const struct action action_ec2_release_eips = {
    .name = "ec2_release_eips",
    .display_name = "Release Elastic IP",
    .description = "Takes every Elastic IP address off the EC2 instance and releases it.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_DELETES,
    .resource_types = ec2_instance_types,
    .permissions = (const char *const[]){"ec2:DescribeAddresses", "ec2:DisassociateAddress",
                                         "ec2:ReleaseAddress", NULL},
    .check = ec2_check_instance,
    /* Saved, because an address that is off the instance is no longer found by it. */
    .steps = (const struct action_step[]){{"look", look, true},
                                          {"disassociate", disassociate, false},
                                          {"release", release, false},
                                          {0}},
};
