/* rds_terminate_instance and rds_quarantine_instance, and what they share. */
#include "actions/aws/rds_instance.h"

#include <string.h>

#include "actions/aws/list.h"
#include "actions/aws/quarantine.h"
#include "lib/json/jpath.h"

static const struct aws_op describe_instances = {.service = &aws_rds,
                                                 .name = "DescribeDBInstances"};
static const struct aws_op delete_instance = {&aws_rds, "DeleteDBInstance", .changes = true};
static const struct aws_op modify_instance = {&aws_rds, "ModifyDBInstance", .changes = true};
static const struct aws_op stop_instance = {&aws_rds, "StopDBInstance", .changes = true};

const char *const rds_instance_types[] = {"RDS DB Instance", NULL};

static const struct act_naming instances = {
    .what = "an RDS instance",
    .service = "rds",
    .prefix = "db:",
    .valid = rds_id_valid,
    .fields = {"id", "name"},
};

const char *rds_instance(struct step_ctx *ctx)
{
    return act_name(ctx, &instances);
}

static bool rds_check(struct step_ctx *ctx)
{
    return rds_instance(ctx) != NULL;
}

json_t *rds_describe_instance(struct step_ctx *ctx, const char *instance)
{
    json_t *response =
        act_call(ctx, &describe_instances, json_pack("{s:s}", "DBInstanceIdentifier", instance));
    json_t *found = response ? json_incref(jget(response, "DBInstances.DBInstance[0]")) : NULL;
    json_decref(response);
    if (response && !found)
        err_set(&ctx->err, ERR_TRANSIENT, "UnreadableResponse",
                "%s does not describe the instance %s", describe_instances.name, instance);
    return found;
}

/* --- rds_terminate_instance --- */

/* Whether the instance is being deleted or gone. ctx->err is left unchanged. */
static bool rds_is_deleting(struct step_ctx *ctx, const char *instance)
{
    struct err rejection = ctx->err;
    json_t *found = rds_describe_instance(ctx, instance);
    const char *status = jstr(found, "DBInstanceStatus");
    bool deleting = status ? strcmp(status, "deleting") == 0 : ctx->err.kind == ERR_NOT_FOUND;
    json_decref(found);
    ctx->err = rejection;
    return deleting;
}

bool rds_delete_instance(struct step_ctx *ctx, const char *instance, json_t *params, bool *already)
{
    *already = false;
    if (params)
        json_object_set_new(params, "DBInstanceIdentifier", json_string(instance));
    if (act_do(ctx, &delete_instance, params))
        return true;
    *already = act_failed_with(ctx, "DBInstanceNotFound") ||
               act_failed_with(ctx, "DBInstanceNotFoundFault") ||
               (act_failed_with(ctx, "InvalidDBInstanceState") && rds_is_deleting(ctx, instance));
    return *already;
}

/* With a final snapshot unless SkipSnapshot is on; any rejection keeps the instance. */
static enum verdict rds_terminate(struct step_ctx *ctx)
{
    char snapshot[SNAPSHOT_ID_SIZE];
    bool already;
    const char *instance = rds_instance(ctx);
    if (!instance)
        return STEP_FAILED;
    bool skip = param_boolean(ctx, "SkipSnapshot");
    json_t *params =
        json_pack("{s:b, s:b, s:s*}", "SkipFinalSnapshot", skip, "DeleteAutomatedBackups",
                  param_boolean(ctx, "DeleteBackups"), "FinalDBSnapshotIdentifier",
                  skip ? NULL : rds_final_snapshot_id(ctx, instance, snapshot));
    if (!rds_delete_instance(ctx, instance, params, &already))
        return STEP_FAILED;
    return already ? step_finished(ctx, "already deleted") : STEP_DONE;
}

const struct action action_rds_terminate_instance = {
    .name = "rds_terminate_instance",
    .display_name = "Delete RDS DB Instance",
    .description = "Deletes the RDS instance, with a final snapshot unless SkipSnapshot is on.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_DELETES,
    .resource_types = rds_instance_types,
    .params = (const struct action_param[]){{.name = "SkipSnapshot",
                                             .type = PARAM_BOOLEAN,
                                             .fallback = "false",
                                             .help = "Delete without a final snapshot."},
                                            {.name = "DeleteBackups",
                                             .type = PARAM_BOOLEAN,
                                             .fallback = "false",
                                             .help = "Also delete the automated backups."},
                                            {0}},
    .permissions = (const char *const[]){"rds:CreateDBSnapshot", "rds:DeleteDBInstance",
                                         "rds:DescribeDBInstances", NULL},
    .check = rds_check,
    .steps = (const struct action_step[]){{.name = "delete", .run = rds_terminate}, {0}},
};

/* --- rds_quarantine_instance --- */

/* The IDs of the security groups that the instance has or is about to have. */
static json_t *rds_groups(struct step_ctx *ctx, const json_t *instance)
{
    json_t *groups = jlist(instance, "VpcSecurityGroups.VpcSecurityGroupMembership");
    json_t *ids = act_texts(ctx, groups, "VpcSecurityGroupId");
    json_decref(groups);
    return ids;
}

/* An earlier owner of the run may have replaced the groups and ended before it wrote that to the
 * audit log. */
static void rds_quarantine_audit_former(struct step_ctx *ctx, const json_t *now)
{
    const json_t *former = json_object_get(ctx->state, "groups");
    if (ctx->restored && ctx->audit && former && !json_equal(former, now))
        ctx->audit(ctx, "security groups of an RDS instance before an earlier try", former);
}

static bool rds_quarantine_check(struct step_ctx *ctx)
{
    const char *vpc;
    return rds_check(ctx) && act_ec2_attribute(ctx, "VPC ID", "vpc-", &vpc);
}

/* Stores the VPC and, durably, the groups that will be replaced. */
static enum verdict rds_quarantine_find(struct step_ctx *ctx)
{
    const char *vpc;
    if (!act_ec2_attribute(ctx, "VPC ID", "vpc-", &vpc))
        return STEP_FAILED;
    json_t *found = rds_describe_instance(ctx, rds_instance(ctx));
    if (!found)
        return STEP_FAILED;
    if (!vpc)
        vpc = jstr(found, "DBSubnetGroup.VpcId");
    bool in_vpc = vpc != NULL;
    if (in_vpc)
        step_state_set(ctx, "vpc", json_string(vpc));
    json_t *groups = rds_groups(ctx, found);
    json_decref(found);
    if (!groups)
        return STEP_FAILED;
    rds_quarantine_audit_former(ctx, groups);
    step_state_set(ctx, "groups", groups);
    if (!in_vpc)
        return step_invalid(ctx, "the instance is not in a VPC; security groups require one");
    return STEP_DONE;
}

static bool rds_status_in(const char *status, const char *const *these)
{
    for (; status && *these; these++)
        if (strcmp(status, *these) == 0)
            return true;
    return false;
}

/* Whether the group, which has just been created, is not visible to RDS yet: the error is then an
 * invalid parameter whose message contains the group. */
static bool rds_quarantine_group_unknown(const struct step_ctx *ctx)
{
    const char *group = step_state_string(ctx, "group");
    return quarantine_group_unknown(ctx) || (act_failed_with(ctx, "InvalidParameterValue") &&
                                             group && strstr(ctx->err.message, group));
}

/* RDS changes and stops an instance only in some states. A backup or an earlier change in progress
 * passes. A stopped instance is final: a success with the note `stopped`, unless that is NULL. */
static enum verdict rds_change_rejected(struct step_ctx *ctx, const char *stopped)
{
    static const char *const halted[] = {"stopped", "stopping", NULL};
    static const char *const settled[] = {"available", "deleting", "failed", NULL};
    struct err rejection = ctx->err;
    if (!act_failed_with(ctx, "InvalidDBInstanceState"))
        return STEP_FAILED;
    json_t *found = rds_describe_instance(ctx, rds_instance(ctx));
    if (!found)
        return STEP_FAILED;
    const char *status = jstr(found, "DBInstanceStatus");
    bool is_halted = rds_status_in(status, halted);
    /* A change may have been accepted shortly before the status shows it. */
    int64_t patience = rds_status_in(status, settled) ? WAIT_MINUTES(2) : WAIT_MINUTES(20);
    json_decref(found);
    ctx->err = rejection;
    if (is_halted)
        return stopped ? step_finished(ctx, "%s", stopped) : STEP_FAILED;
    return step_retry(ctx, patience);
}

static enum verdict rds_quarantine_isolate(struct step_ctx *ctx)
{
    const char *group = step_state_string(ctx, "group");
    const json_t *groups = json_object_get(ctx->state, "groups");
    const char *first = json_string_value(json_array_get(groups, 0));
    if (json_array_size(groups) == 1 && first && group && strcmp(first, group) == 0)
        return STEP_DONE;
    if (!act_do(ctx, &modify_instance,
                json_pack("{s:s, s:{s:[s]}, s:b}", "DBInstanceIdentifier", rds_instance(ctx),
                          "VpcSecurityGroupIds", "VpcSecurityGroupId", group, "ApplyImmediately",
                          1)))
        return rds_quarantine_group_unknown(ctx) ? step_retry(ctx, WAIT_MINUTES(2))
                                                 : rds_change_rejected(ctx, NULL);
    if (!ctx->plan && ctx->audit)
        ctx->audit(ctx, "security groups of an RDS instance replaced", groups);
    return STEP_DONE;
}

static enum verdict rds_quarantine_stop(struct step_ctx *ctx)
{
    if (act_do(ctx, &stop_instance, json_pack("{s:s}", "DBInstanceIdentifier", rds_instance(ctx))))
        return STEP_DONE;
    return rds_change_rejected(ctx, "in quarantine; already stopped");
}

const struct action action_rds_quarantine_instance = {
    .name = "rds_quarantine_instance",
    .display_name = "Quarantine RDS Instance",
    .description =
        "Replaces the security groups of the RDS instance by one without rules, and stops it.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_STOPS,
    .resource_types = rds_instance_types,
    .permissions =
        (const char *const[]){"ec2:CreateSecurityGroup", "ec2:DescribeSecurityGroupRules",
                              "ec2:DescribeSecurityGroups", "ec2:RevokeSecurityGroupEgress",
                              "ec2:RevokeSecurityGroupIngress", "rds:DescribeDBInstances",
                              "rds:ModifyDBInstance", "rds:StopDBInstance", NULL},
    .check = rds_quarantine_check,
    .state = (const struct action_state[]){{"vpc", NULL},
                                           {"groups", quarantine_groups_valid},
                                           QUARANTINE_STATE,
                                           {"parts", NULL},
                                           {0}},
    .steps =
        (const struct action_step[]){{.name = "look", .run = rds_quarantine_find, .save = true},
                                     {.name = "find-group", .run = quarantine_find_group},
                                     {.name = "revoke-inbound", .run = quarantine_revoke_inbound},
                                     {.name = "revoke-outbound", .run = quarantine_revoke_outbound},
                                     {.name = "isolate", .run = rds_quarantine_isolate},
                                     {.name = "stop", .run = rds_quarantine_stop},
                                     {0}},
};
