/* What actions on EC2 share: the instance, its state, its snapshots, and the rules of security
 * groups. */
#include "actions/aws/ec2.h"

#include <string.h>

#include "actions/aws/list.h"
#include "lib/json/jpath.h"

static const struct aws_op describe_instances = {.service = &aws_ec2, .name = "DescribeInstances"};
static const struct aws_op describe_snapshots = {.service = &aws_ec2, .name = "DescribeSnapshots"};
static const struct aws_op create_snapshots = {&aws_ec2, "CreateSnapshots", .changes = true,
                                               .once = true};
static const struct aws_op describe_rules = {.service = &aws_ec2,
                                             .name = "DescribeSecurityGroupRules"};
static const struct aws_op revoke_ingress = {&aws_ec2, "RevokeSecurityGroupIngress",
                                             .changes = true};
static const struct aws_op revoke_egress = {&aws_ec2, "RevokeSecurityGroupEgress", .changes = true};

static const struct act_listing all_instances = {
    .op = &describe_instances,
    .items = "reservationSet",
    .next = "nextToken",
    .token = "NextToken",
};
static const struct act_listing all_snapshots = {
    .op = &describe_snapshots,
    .items = "snapshotSet",
    .next = "nextToken",
    .token = "NextToken",
    .each = {"snapshotId", "status"},
};
static const struct act_listing all_rules = {
    .op = &describe_rules,
    .items = "securityGroupRuleSet",
    .next = "nextToken",
    .token = "NextToken",
    .each = {"securityGroupRuleId"},
};

const char *const ec2_instance_types[] = {"EC2 Instance", NULL};
const struct action_param ec2_dry_run_params[] = {DRY_RUN_PARAM, {0}};

/* --- the instance --- */

const char *ec2_instance(struct step_ctx *ctx)
{
    return act_ec2_id(ctx, "Instance ID", "i-");
}

bool ec2_check_instance(struct step_ctx *ctx)
{
    return ec2_instance(ctx) != NULL;
}

bool ec2_instance_exists(struct step_ctx *ctx)
{
    const char *id = ec2_instance(ctx);
    json_t *response = act_call(ctx, &describe_instances, json_pack("{s:[s]}", "InstanceId", id));
    if (!response)
        return false;
    bool listed = jstr(response, "reservationSet[0].instancesSet[0].instanceId") != NULL;
    json_decref(response);
    if (!listed)
        err_set(&ctx->err, ERR_NOT_FOUND, "", "there is no instance %s in region %s", id,
                ctx->region);
    return listed;
}

const struct action_sharing ec2_sharing = {.max = SHARED_CALL_MAX};

/* The instances in a response, by ID: a new object. */
static json_t *ec2_by_instance(const json_t *response)
{
    json_t *instances = jlist(response, "instancesSet"), *by_id = json_object();
    size_t i;
    json_t *instance;
    json_array_foreach(instances, i, instance) {
        const char *id = jstr(instance, "instanceId");
        if (id)
            json_object_set(by_id, id, instance);
    }
    json_decref(instances);
    return by_id;
}

/* instance: its entry in the response; NULL: it is missing there, so that nothing is known of it.
 */
static enum verdict ec2_judge_change(struct step_ctx *ctx, const json_t *instance)
{
    const struct ec2_change *change = ctx->step->with;
    if (!instance) {
        err_set(&ctx->err, ERR_TRANSIENT, "", "the response from %s does not list the instance",
                change->op.name);
        return STEP_FAILED;
    }
    const char *before = jstr(instance, "previousState.name");
    return change->already && before && strcmp(before, change->already) == 0
               ? step_finished(ctx, "already %s", change->already)
               : STEP_DONE;
}

/* What a rejection of the call means for its resources. False: it is a failure of all of them. */
static bool ec2_judge_rejection(struct step_ctx *const *ctxs, size_t count, enum verdict *verdicts)
{
    const struct ec2_change *change = ctxs[0]->step->with;
    /* Of several, the engine finds out which instance does not exist. */
    if (count == 1 && change->gone && act_failed_with(ctxs[0], "InvalidInstanceID.NotFound")) {
        verdicts[0] = step_finished(ctxs[0], "%s", change->gone);
        return true;
    }
    /* DryRunOperation applies to all instances of the call. */
    verdicts[0] = act_dry_run_verdict(ctxs[0]);
    for (size_t i = 1; i < count && verdicts[0] == STEP_FINISHED; i++)
        verdicts[i] = step_finished(ctxs[i], "%s", ctxs[0]->note);
    return verdicts[0] == STEP_FINISHED;
}

bool ec2_change_instances(struct step_ctx *const *ctxs, size_t count, enum verdict *verdicts)
{
    const struct ec2_change *change = ctxs[0]->step->with;
    json_t *ids = act_ids(ctxs, count, ec2_instance);
    json_t *params = act_with_dry_run(ctxs[0], json_pack("{s:o}", "InstanceId", ids));
    json_t *response = act_call(ctxs[0], &change->op, params);
    if (!response)
        return ec2_judge_rejection(ctxs, count, verdicts);
    json_t *by_id = ec2_by_instance(response);
    for (size_t i = 0; i < count; i++)
        verdicts[i] =
            ctxs[i]->plan
                ? STEP_DONE
                : ec2_judge_change(ctxs[i], json_object_get(by_id, ec2_instance(ctxs[i])));
    json_decref(by_id);
    json_decref(response);
    return true;
}

/* Adds the states of the instances of a reservation. An instance without a state is an error: it is
 * not one that is gone. False with ctx->err. */
static bool ec2_add_states(struct step_ctx *ctx, json_t *states, const json_t *reservation)
{
    json_t *instances = jlist(reservation, "instancesSet");
    bool ok = true;
    size_t k;
    json_t *instance;
    json_array_foreach(instances, k, instance) {
        const char *id = jstr(instance, "instanceId"), *name = jstr(instance, "instanceState.name");
        if (id && name)
            json_object_set_new(states, id, json_string(name));
        else
            ok = err_set(&ctx->err, ERR_TRANSIENT, "UnreadableResponse",
                         "%s lists an instance without ID or state", describe_instances.name);
    }
    json_decref(instances);
    return ok;
}

/* Selected by a filter, because one ID that does not exist would fail the whole call. */
json_t *ec2_instance_states(struct step_ctx *ctx, json_t *ids)
{
    json_t *reservations =
        act_list(ctx, &all_instances,
                 json_pack("{s:[{s:s, s:o}]}", "Filter", "Name", "instance-id", "Value", ids));
    if (!reservations)
        return NULL;
    json_t *states = json_object();
    bool ok = true;
    size_t i;
    json_t *reservation;
    json_array_foreach(reservations, i, reservation)
        ok = ok && ec2_add_states(ctx, states, reservation);
    json_decref(reservations);
    if (ok)
        return states;
    json_decref(states);
    return NULL;
}

/* --- snapshots --- */

/* Finds the snapshots that this run has made of the instance. *found: a new reference, NULL with
 * ctx->err. */
static bool ec2_find_snapshots(struct step_ctx *ctx, const char *instance, json_t **found)
{
    *found = act_list(ctx, &all_snapshots,
                      json_pack("{s:[s], s:[{s:s, s:[s]}, {s:s, s:[s]}]}", "Owner", "self",
                                "Filter", "Name", "tag:hyperglance:run", "Value", ctx->run_id,
                                "Name", "tag:hyperglance:instance", "Value", instance));
    return *found != NULL;
}

/* Whether no snapshot has failed. False with ctx->err. */
static bool ec2_snapshots_sound(struct step_ctx *ctx, const json_t *snapshots)
{
    size_t i;
    json_t *snapshot;
    json_array_foreach(snapshots, i, snapshot) {
        const char *state = jstr(snapshot, "status");
        if (!state) /* The status of DescribeSnapshots is called state by CreateSnapshots. */
            state = jstr(snapshot, "state");
        if (state && strcmp(state, "error") == 0) {
            const char *id = jstr(snapshot, "snapshotId");
            return err_set(&ctx->err, ERR_PROVIDER, "", "snapshot %s of the instance has failed",
                           id ? id : "(without ID)");
        }
    }
    return true;
}

static json_t *ec2_snapshot_request(struct step_ctx *ctx, const char *instance)
{
    return act_with_dry_run(
        ctx,
        json_pack("{s:{s:s, s:b}, s:s, s:s, s:[{s:s, s:[{s:s, s:s}, {s:s, s:s}]}]}",
                  "InstanceSpecification", "InstanceId", instance, "ExcludeBootVolume", 0,
                  "CopyTagsFromSource", "volume", "Description", "Made by Hyperglance automations",
                  "TagSpecification", "ResourceType", "snapshot", "Tag", "Key", "hyperglance:run",
                  "Value", ctx->run_id, "Key", "hyperglance:instance", "Value", instance));
}

enum verdict ec2_take_snapshots(struct step_ctx *ctx)
{
    json_t *snapshots;
    const char *instance = ec2_instance(ctx);
    if (!instance || !ec2_find_snapshots(ctx, instance, &snapshots))
        return STEP_FAILED;
    if (json_array_size(snapshots) == 0) {
        json_decref(snapshots);
        json_t *response = act_call(ctx, &create_snapshots, ec2_snapshot_request(ctx, instance));
        if (!response)
            return act_dry_run_verdict(ctx) == STEP_FINISHED ? STEP_DONE : STEP_FAILED;
        snapshots = jlist(response, "snapshotSet");
        json_decref(response);
    }
    bool sound = ec2_snapshots_sound(ctx, snapshots);
    json_decref(snapshots);
    return sound ? STEP_DONE : STEP_FAILED;
}

/* --- rules of security groups --- */

/* Picks the rules of one direction: their IDs for the request, and the rules for the audit log. */
static void ec2_pick_rules(const json_t *rules, bool egress, json_t *ids, json_t *removed)
{
    size_t i;
    json_t *rule;
    json_array_foreach(rules, i, rule) {
        const char *id = jstr(rule, "securityGroupRuleId");
        if (!id || jbool(rule, "isEgress", false) != egress)
            continue;
        json_array_append_new(ids, json_string(id));
        json_array_append(removed, rule);
    }
}

/* Revokes the rules that were picked. ids is stolen. */
static enum verdict ec2_revoke_picked(struct step_ctx *ctx, const char *group, bool egress,
                                      json_t *ids, const json_t *removed)
{
    json_t *params = json_pack("{s:s, s:o}", "GroupId", group, "SecurityGroupRuleId", ids);
    if (!act_do(ctx, egress ? &revoke_egress : &revoke_ingress, params)) {
        /* Another task has revoked one of them: list the remaining rules again. */
        if (act_failed_with(ctx, "InvalidSecurityGroupRuleId.NotFound") ||
            act_failed_with(ctx, "InvalidPermission.NotFound"))
            return step_retry(ctx, WAIT_MINUTES(2));
        return STEP_FAILED;
    }
    if (!ctx->plan && ctx->audit)
        ctx->audit(ctx, egress ? "outbound rules removed" : "inbound rules removed", removed);
    return STEP_DONE;
}

enum verdict ec2_revoke_rules(struct step_ctx *ctx, const char *group, bool egress, bool *any)
{
    json_t *rules =
        act_list(ctx, &all_rules,
                 json_pack("{s:[{s:s, s:[s]}]}", "Filter", "Name", "group-id", "Value", group));
    if (!rules)
        return STEP_FAILED;
    json_t *ids = json_array(), *removed = json_array();
    ec2_pick_rules(rules, egress, ids, removed);
    bool listed = json_array_size(ids) > 0;
    enum verdict verdict =
        listed ? ec2_revoke_picked(ctx, group, egress, json_incref(ids), removed) : STEP_DONE;
    if (any)
        *any = listed;
    json_decref(ids);
    json_decref(removed);
    json_decref(rules);
    return verdict;
}
