/* ec2_release_eips: each Elastic IP address of the instance is taken off it and released. */
#include "actions/aws/ec2.h"
#include "actions/parts.h"
#include "actions/state.h"
#include "lib/json/jpath.h"

static const struct aws_op describe_addresses = {&aws_ec2, "DescribeAddresses", .changes = false};
static const struct aws_op disassociate_address = {&aws_ec2, "DisassociateAddress",
                                                   .changes = true};
static const struct aws_op release_address = {&aws_ec2, "ReleaseAddress", .changes = true};

/* Appends what is needed of an address. One of a Local Zone or a Wavelength Zone is found only with
 * its network border group. False with ctx->err. */
static bool remember(struct step_ctx *ctx, const json_t *address, json_t *to)
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
    if (json_array_append_new(to, kept) == 0)
        return true;
    act_no_memory(ctx);
    return false;
}

/* None is listed of an instance that is not there either, or is in another region. */
static enum verdict none_found(struct step_ctx *ctx)
{
    return ec2_instance_exists(ctx) ? step_finished(ctx, "the instance has no Elastic IP address")
                                    : STEP_FAILED;
}

/* What an earlier owner of the run has kept of an address. */
static bool address_valid(struct step_ctx *ctx, const json_t *value)
{
    static const char *const names[] = {"allocation", "association", "border", "ip", NULL};
    const char *id = json_string_value(json_object_get(value, "allocation"));
    (void)ctx;
    return state_texts(value, names, 64) && id && ec2_id_valid(id, "eipalloc-");
}

static bool addresses_valid(struct step_ctx *ctx, const json_t *value)
{
    return state_list(ctx, value, address_valid);
}

static bool is_used(const json_t *address)
{
    static const char *const places[] = {"associationId", "instanceId", "networkInterfaceId"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const char *id = jstr(address, places[i]);
        if (id && *id)
            return true;
    }
    return false;
}

/* Appends the addresses that an earlier owner of the run has found and that are on nothing now. One
 * of them that is on something else is let be. Nobody can be asked any more what they were on. */
static bool add_loose(struct step_ctx *ctx, const json_t *stored, json_t *to)
{
    json_t *ids = act_texts(ctx, stored, "allocation");
    json_t *answer = ids ? act_call(ctx, &describe_addresses,
                                    json_pack("{s:[{s:s, s:o}]}", "Filter", "Name", "allocation-id",
                                              "Value", ids))
                         : NULL;
    json_t *found = answer ? jlist(answer, "addressesSet") : NULL;
    bool whole = found || (answer && act_no_memory(ctx) == STEP_DONE);
    size_t i;
    json_t *address;
    json_array_foreach(found, i, address)
        whole = whole && (is_used(address) || remember(ctx, address, to));
    json_decref(found);
    json_decref(answer);
    return whole;
}

/* DescribeAddresses has no pages. */
static enum verdict look(struct step_ctx *ctx)
{
    json_t *answer = act_call(ctx, &describe_addresses,
                              json_pack("{s:[{s:s, s:[s]}]}", "Filter", "Name", "instance-id",
                                        "Value", ec2_instance(ctx)));
    if (!answer)
        return STEP_FAILED;
    json_t *found = jlist(answer, "addressesSet");
    json_t *addresses = json_array();
    bool whole = found != NULL;
    if (!whole)
        act_no_memory(ctx);
    size_t i;
    json_t *address;
    json_array_foreach(found, i, address)
        whole = whole && remember(ctx, address, addresses);
    json_decref(found);
    json_decref(answer);
    const json_t *stored = ctx->restored ? json_object_get(ctx->state, "addresses") : NULL;
    bool none = json_array_size(addresses) == 0 && json_array_size(stored) == 0;
    if (whole && json_array_size(stored) > 0)
        whole = add_loose(ctx, stored, addresses);
    if (!whole) {
        json_decref(addresses);
        return STEP_FAILED;
    }
    if (!act_state_set(ctx, "addresses", addresses))
        return STEP_FAILED;
    return none ? none_found(ctx) : STEP_DONE;
}

/* The next change of the address: off its instance, then released. Gone is fine. */
static enum verdict let_go(struct step_ctx *ctx, json_t *address)
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

/* One address after the other, one change a run of the step. The list stays in the state, so that
 * an address that was refused is tried again after a takeover; state.next says how far it is done.
 */
static enum verdict release(struct step_ctx *ctx)
{
    json_int_t next = json_integer_value(json_object_get(ctx->state, "next"));
    json_t *address = json_array_get(json_object_get(ctx->state, "addresses"), (size_t)next);
    if (!address)
        return parts_conclude(ctx, "Elastic IP addresses");
    const char *ip = jstr(address, "ip");
    enum verdict verdict =
        parts_settle(ctx, let_go(ctx, address), ip ? ip : "an address without a name");
    if (verdict != STEP_DONE)
        return verdict;
    return act_state_set(ctx, "next", json_integer(next + 1)) ? step_again(ctx, 0) : STEP_FAILED;
}

const struct action action_ec2_release_eips = {
    .name = "ec2_release_eips",
    .display_name = "Release Elastic IP",
    .description = "Takes every Elastic IP address off the EC2 instance and releases it.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_DELETES,
    .resource_types = ec2_instance_types,
    .permissions = (const char *const[]){"ec2:DescribeAddresses", "ec2:DescribeInstances",
                                         "ec2:DisassociateAddress", "ec2:ReleaseAddress", NULL},
    .check = ec2_check_instance,
    .state =
        (const struct action_state[]){
            {"addresses", addresses_valid}, {"next", NULL}, {"parts", NULL}, {0}},
    /* Saved, because an address that is off the instance is no longer found by it. */
    .steps = (const struct action_step[]){{.name = "look", .run = look, .save = true},
                                          {.name = "release-each", .run = release},
                                          {0}},
};
