/* ec2_release_eips: disassociates each Elastic IP address from the instance and releases it. */
#include "actions/aws/ec2.h"
#include "actions/aws/list.h"
#include "actions/parts.h"
#include "actions/state.h"
#include "lib/json/jpath.h"

static const struct aws_op describe_addresses = {.service = &aws_ec2, .name = "DescribeAddresses"};
static const struct aws_op disassociate_address = {&aws_ec2, "DisassociateAddress",
                                                   .changes = true};
static const struct aws_op release_address = {&aws_ec2, "ReleaseAddress", .changes = true};

/* Appends what is needed of an address. Releasing one of a Local Zone or a Wavelength Zone requires
 * its network border group. False with ctx->err. */
static bool eip_add(struct step_ctx *ctx, const json_t *address, json_t *to)
{
    const char *ip = jstr(address, "publicIp"), *allocation = jstr(address, "allocationId");
    const char *association = jstr(address, "associationId");
    if (association && !*association)
        association = NULL;
    if (!allocation)
        return err_set(&ctx->err, ERR_PROVIDER, "",
                       "AWS returned no allocation ID for the "
                       "address %s",
                       ip ? ip : "of the instance");
    json_t *kept =
        json_pack("{s:s, s:s*, s:s*, s:s}", "allocation", allocation, "association", association,
                  "border", jstr(address, "networkBorderGroup"), "ip", ip ? ip : allocation);
    json_array_append_new(to, kept);
    return true;
}

/* The listing is also empty for an instance that does not exist or is in another region. */
static enum verdict eip_none_found(struct step_ctx *ctx)
{
    return ec2_instance_exists(ctx) ? step_finished(ctx, "the instance has no Elastic IP address")
                                    : STEP_FAILED;
}

/* An address that an earlier owner of the run has stored. */
static bool eip_valid(struct step_ctx *ctx, const json_t *value)
{
    static const char *const names[] = {"allocation", "association", "border", "ip", NULL};
    const char *id = json_string_value(json_object_get(value, "allocation"));
    (void)ctx;
    return state_texts(value, names, 64) && id && ec2_id_valid(id, "eipalloc-");
}

static bool eips_valid(struct step_ctx *ctx, const json_t *value)
{
    return state_list(ctx, value, eip_valid);
}

static bool eip_is_used(const json_t *address)
{
    static const char *const places[] = {"associationId", "instanceId", "networkInterfaceId"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const char *id = jstr(address, places[i]);
        if (id && *id)
            return true;
    }
    return false;
}

/* Appends the addresses that an earlier owner of the run has stored and that are not associated
 * now. It can no longer be found out what they were associated with; one that is associated with
 * something else is left alone. */
static bool eip_add_stored(struct step_ctx *ctx, const json_t *stored, json_t *to)
{
    json_t *ids = act_texts(ctx, stored, "allocation");
    json_t *response = ids ? act_call(ctx, &describe_addresses,
                                      json_pack("{s:[{s:s, s:o}]}", "Filter", "Name",
                                                "allocation-id", "Value", ids))
                           : NULL;
    json_t *found = response ? jlist(response, "addressesSet") : NULL;
    bool whole = found != NULL;
    size_t i;
    json_t *address;
    json_array_foreach(found, i, address)
        whole = whole && (eip_is_used(address) || eip_add(ctx, address, to));
    json_decref(found);
    json_decref(response);
    return whole;
}

/* DescribeAddresses has no pages. */
static enum verdict eip_list(struct step_ctx *ctx)
{
    json_t *response = act_call(ctx, &describe_addresses,
                                json_pack("{s:[{s:s, s:[s]}]}", "Filter", "Name", "instance-id",
                                          "Value", ec2_instance(ctx)));
    if (!response)
        return STEP_FAILED;
    json_t *found = jlist(response, "addressesSet");
    json_t *addresses = json_array();
    bool whole = true;
    size_t i;
    json_t *address;
    json_array_foreach(found, i, address)
        whole = whole && eip_add(ctx, address, addresses);
    json_decref(found);
    json_decref(response);
    const json_t *stored = ctx->restored ? json_object_get(ctx->state, "addresses") : NULL;
    bool none = json_array_size(addresses) == 0 && json_array_size(stored) == 0;
    if (whole && json_array_size(stored) > 0)
        whole = eip_add_stored(ctx, stored, addresses);
    if (!whole) {
        json_decref(addresses);
        return STEP_FAILED;
    }
    step_state_set(ctx, "addresses", addresses);
    return none ? eip_none_found(ctx) : STEP_DONE;
}

/* Makes the next change of the address: disassociates it, then releases it. One that does not exist
 * is done. */
static enum verdict eip_release(struct step_ctx *ctx, json_t *address)
{
    const char *association = jstr(address, "association");
    if (!association) {
        bool released = act_do(ctx, &release_address,
                               json_pack("{s:s, s:s*}", "AllocationId", jstr(address, "allocation"),
                                         "NetworkBorderGroup", jstr(address, "border")));
        return released || act_failed_with(ctx, "InvalidAllocationID.NotFound") ? STEP_DONE
                                                                                : STEP_FAILED;
    }
    if (!act_do(ctx, &disassociate_address, json_pack("{s:s}", "AssociationId", association)) &&
        !act_failed_with(ctx, "InvalidAssociationID.NotFound"))
        return STEP_FAILED;
    json_object_del(address, "association");
    return step_again(ctx, 0);
}

/* Makes one change each time it runs. The list stays in the state, so that an address that was
 * rejected is tried again after a takeover; state.next is the index of the next one. */
static enum verdict eip_release_next(struct step_ctx *ctx)
{
    json_int_t next = json_integer_value(json_object_get(ctx->state, "next"));
    json_t *address = json_array_get(json_object_get(ctx->state, "addresses"), (size_t)next);
    if (!address)
        return parts_conclude(ctx, "Elastic IP addresses");
    const char *ip = jstr(address, "ip");
    enum verdict verdict =
        parts_settle(ctx, eip_release(ctx, address), ip ? ip : "an address without a name");
    if (verdict != STEP_DONE)
        return verdict;
    step_state_set(ctx, "next", json_integer(next + 1));
    return step_again(ctx, 0);
}

const struct action action_ec2_release_eips = {
    .name = "ec2_release_eips",
    .display_name = "Release Elastic IP",
    .description = "Disassociates every Elastic IP address from the EC2 instance and releases it.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_DELETES,
    .resource_types = ec2_instance_types,
    .permissions = (const char *const[]){"ec2:DescribeAddresses", "ec2:DescribeInstances",
                                         "ec2:DisassociateAddress", "ec2:ReleaseAddress", NULL},
    .check = ec2_check_instance,
    .state =
        (const struct action_state[]){
            {"addresses", eips_valid}, {"next", NULL}, {"parts", NULL}, {0}},
    /* Saved, because an address that is disassociated cannot be found by the instance. */
    .steps = (const struct action_step[]){{.name = "look", .run = eip_list, .save = true},
                                          {.name = "release-each", .run = eip_release_next},
                                          {0}},
};
