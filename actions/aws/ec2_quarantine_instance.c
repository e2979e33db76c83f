/* ec2_quarantine_instance: replaces the security groups of every network interface of the instance
 * by the quarantine group. */
#include <string.h>

#include "actions/aws/ec2.h"
#include "actions/aws/list.h"
#include "actions/aws/quarantine.h"
#include "actions/parts.h"
#include "lib/json/jpath.h"

static const struct aws_op describe_interfaces = {.service = &aws_ec2,
                                                  .name = "DescribeNetworkInterfaces"};
static const struct aws_op modify_interface = {&aws_ec2, "ModifyNetworkInterfaceAttribute",
                                               .changes = true};

static const struct act_listing all_interfaces = {
    .op = &describe_interfaces,
    .items = "networkInterfaceSet",
    .next = "nextToken",
    .token = "NextToken",
    .each = {"networkInterfaceId"},
};

static bool ec2_quarantine_check(struct step_ctx *ctx)
{
    const char *vpc;
    return ec2_check_instance(ctx) && act_ec2_attribute(ctx, "VPC ID", "vpc-", &vpc);
}

/* Packs {"id", "groups": [...]} of an interface in a response. NULL with ctx->err. */
static json_t *ec2_quarantine_pack_interface(struct step_ctx *ctx, const json_t *interface)
{
    json_t *groups = jlist(interface, "groupSet");
    json_t *ids = act_texts(ctx, groups, "groupId");
    json_decref(groups);
    return ids ? json_pack("{s:s, s:o}", "id", jstr(interface, "networkInterfaceId"), "groups", ids)
               : NULL;
}

static bool ec2_quarantine_interface_valid(struct step_ctx *ctx, const json_t *value)
{
    const char *id = state_string(json_object_get(value, "id"), 32);
    return json_object_size(value) == 2 && id && ec2_id_valid(id, "eni-") &&
           quarantine_groups_valid(ctx, json_object_get(value, "groups"));
}

static bool ec2_quarantine_interfaces_valid(struct step_ctx *ctx, const json_t *value)
{
    return state_list(ctx, value, ec2_quarantine_interface_valid);
}

/* An earlier owner of the run may have replaced groups and ended before it wrote that to the audit
 * log. This writes what it has stored of an interface whose groups are different now. */
static void ec2_quarantine_audit_former(struct step_ctx *ctx, const json_t *now)
{
    const char *id = jstr(now, "id");
    size_t i;
    json_t *former;
    json_array_foreach(json_object_get(ctx->state, "interfaces"), i, former) {
        const char *its = jstr(former, "id");
        if (ctx->restored && ctx->audit && id && its && strcmp(id, its) == 0 &&
            !json_equal(json_object_get(former, "groups"), json_object_get(now, "groups")))
            ctx->audit(ctx, "security groups of a network interface before an earlier try", former);
    }
}

/* Stores the interfaces and their present groups in the state, which is durable before the first
 * change: a takeover does not lose them. */
static enum verdict ec2_quarantine_list_interfaces(struct step_ctx *ctx)
{
    const char *vpc, *instance = ec2_instance(ctx);
    if (!instance || !act_ec2_attribute(ctx, "VPC ID", "vpc-", &vpc))
        return STEP_FAILED;
    json_t *found = act_list(ctx, &all_interfaces,
                             json_pack("{s:[{s:s, s:[s]}]}", "Filter", "Name",
                                       "attachment.instance-id", "Value", instance));
    if (!found)
        return STEP_FAILED;
    json_t *kept = json_array();
    if (!vpc)
        vpc = jstr(json_array_get(found, 0), "vpcId");
    if (vpc)
        step_state_set(ctx, "vpc", json_string(vpc));
    else if (json_array_size(found) > 0)
        err_set(&ctx->err, ERR_TRANSIENT, "UnreadableResponse",
                "%s lists a network interface without a VPC", describe_interfaces.name);
    bool whole = vpc != NULL;
    size_t i;
    json_t *interface;
    json_array_foreach(found, i, interface) {
        json_t *now = ec2_quarantine_pack_interface(ctx, interface);
        whole = whole && now;
        if (now)
            json_array_append_new(kept, now);
        ec2_quarantine_audit_former(ctx, now);
    }
    bool none = json_array_size(found) == 0;
    json_decref(found);
    step_state_set(ctx, "interfaces", kept);
    if (none)
        return step_invalid(ctx, "%s has no network interface; it may be terminated", instance);
    return whole ? STEP_DONE : STEP_FAILED;
}

/* Whether the group is the only one of the interface. */
static bool ec2_quarantine_is_isolated(const json_t *interface, const char *group)
{
    const json_t *groups = json_object_get(interface, "groups");
    const char *first = json_string_value(json_array_get(groups, 0));
    return json_array_size(groups) == 1 && first && group && strcmp(first, group) == 0;
}

/* Replaces the groups of one interface. The group may have just been created. */
static enum verdict ec2_quarantine_put_group(struct step_ctx *ctx, const json_t *interface,
                                             const char *group)
{
    if (act_do(ctx, &modify_interface,
               json_pack("{s:s, s:[s]}", "NetworkInterfaceId", jstr(interface, "id"),
                         "SecurityGroupId", group))) {
        if (!ctx->plan && ctx->audit)
            ctx->audit(ctx, "security groups of a network interface replaced", interface);
        return STEP_DONE;
    }
    return quarantine_group_unknown(ctx) ? parts_retry(ctx, WAIT_MINUTES(2)) : STEP_FAILED;
}

/* Processes one interface each time it runs. The list stays in the state; state.next is the index
 * of the next one. */
static enum verdict ec2_quarantine_isolate_next(struct step_ctx *ctx)
{
    size_t next = (size_t)json_integer_value(json_object_get(ctx->state, "next"));
    const char *group = step_state_string(ctx, "group");
    const json_t *list = json_object_get(ctx->state, "interfaces");
    while (next < json_array_size(list) &&
           ec2_quarantine_is_isolated(json_array_get(list, next), group))
        next++;
    const json_t *interface = json_array_get(list, next);
    if (!interface) {
        if (!json_object_get(ctx->state, "next"))
            return step_finished(ctx, "already in quarantine");
        return parts_conclude(ctx, "network interfaces");
    }
    const char *id = jstr(interface, "id");
    enum verdict verdict = parts_settle(ctx, ec2_quarantine_put_group(ctx, interface, group),
                                        id ? id : "an interface without ID");
    if (verdict != STEP_DONE)
        return verdict;
    step_state_set(ctx, "next", json_integer((json_int_t)next + 1));
    return step_again(ctx, 0);
}

const struct action action_ec2_quarantine_instance = {
    .name = "ec2_quarantine_instance",
    .display_name = "Quarantine EC2 Instance",
    .description = "Replaces the security groups of every network interface of the EC2 instance by "
                   "one without rules.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_CHANGES,
    .resource_types = ec2_instance_types,
    .permissions =
        (const char *const[]){"ec2:CreateSecurityGroup", "ec2:DescribeNetworkInterfaces",
                              "ec2:DescribeSecurityGroupRules", "ec2:DescribeSecurityGroups",
                              "ec2:ModifyNetworkInterfaceAttribute",
                              "ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress",
                              NULL},
    .check = ec2_quarantine_check,
    .state = (const struct action_state[]){{"vpc", NULL},
                                           {"interfaces", ec2_quarantine_interfaces_valid},
                                           {"next", NULL},
                                           QUARANTINE_STATE,
                                           {"parts", NULL},
                                           {0}},
    .steps =
        (const struct action_step[]){
            {.name = "look", .run = ec2_quarantine_list_interfaces, .save = true},
            {.name = "find-group", .run = quarantine_find_group},
            {.name = "revoke-inbound", .run = quarantine_revoke_inbound},
            {.name = "revoke-outbound", .run = quarantine_revoke_outbound},
            {.name = "isolate", .run = ec2_quarantine_isolate_next},
            {0}},
};
