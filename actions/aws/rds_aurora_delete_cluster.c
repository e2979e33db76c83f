/* rds_aurora_delete_cluster: disables the protection, deletes the members, then the cluster with a
 * final snapshot. If the snapshot fails, the cluster is kept. */
#include <string.h>

#include "actions/aws/list.h"
#include "actions/aws/rds_instance.h"
#include "lib/json/jpath.h"

static const struct aws_op describe_clusters = {.service = &aws_rds, .name = "DescribeDBClusters"};
static const struct aws_op describe_globals = {.service = &aws_rds,
                                               .name = "DescribeGlobalClusters"};
static const struct aws_op modify_cluster = {&aws_rds, "ModifyDBCluster", .changes = true};
static const struct aws_op delete_cluster = {&aws_rds, "DeleteDBCluster", .changes = true};

static const struct act_listing all_globals = {
    .op = &describe_globals,
    .items = "GlobalClusters.GlobalClusterMember",
    .next = "Marker",
    .token = "Marker",
    .each = {"GlobalClusterIdentifier"},
};

static const struct act_naming clusters = {
    .what = "an Aurora cluster",
    .service = "rds",
    .prefix = "cluster:",
    .valid = rds_id_valid,
    .fields = {"id", "name"},
};

static const char *aurora_cluster(struct step_ctx *ctx)
{
    return act_name(ctx, &clusters);
}

static bool aurora_check(struct step_ctx *ctx)
{
    return aurora_cluster(ctx) != NULL;
}

/* The description of the cluster: a new reference. NULL with ctx->err; *gone if it does not
 * exist. */
static json_t *aurora_describe(struct step_ctx *ctx, bool *gone)
{
    json_t *response = act_call(ctx, &describe_clusters,
                                json_pack("{s:s}", "DBClusterIdentifier", aurora_cluster(ctx)));
    json_t *found = response ? json_incref(jget(response, "DBClusters.DBCluster[0]")) : NULL;
    *gone = !response && ctx->err.kind == ERR_NOT_FOUND;
    if (response && !found)
        err_set(&ctx->err, ERR_TRANSIENT, "UnreadableResponse", "%s does not describe the cluster",
                describe_clusters.name);
    json_decref(response);
    return found;
}

static bool aurora_is_deleting(const json_t *found)
{
    const char *status = jstr(found, "Status");
    return status && strcmp(status, "deleting") == 0;
}

static bool aurora_is_member(const json_t *global, const char *arn)
{
    json_t *members = jlist(global, "GlobalClusterMembers.GlobalClusterMember");
    bool is = false;
    size_t i;
    json_t *member;
    json_array_foreach(members, i, member) {
        const char *its = jstr(member, "DBClusterArn");
        is = is || (its && strcmp(its, arn) == 0);
    }
    json_decref(members);
    return is;
}

/* A member of a global database cannot be deleted. This is checked before the first change, so that
 * its instances are not deleted in vain. False with ctx->err. */
static bool aurora_stands_alone(struct step_ctx *ctx, const json_t *found)
{
    const char *arn = jstr(found, "DBClusterArn");
    if (!arn)
        return err_set(&ctx->err, ERR_PROVIDER, "", "RDS returned no ARN for the cluster %s",
                       aurora_cluster(ctx));
    json_t *globals = act_list(ctx, &all_globals, json_object());
    bool alone = globals != NULL;
    size_t i;
    json_t *global;
    json_array_foreach(globals, i, global) {
        const char *name = jstr(global, "GlobalClusterIdentifier");
        if (alone && aurora_is_member(global, arn))
            alone = err_set(&ctx->err, ERR_INVALID, "",
                            "the cluster is a member of the global database %s; nothing was "
                            "changed. Remove it from the global database, then delete it",
                            name ? name : "(without a name)");
    }
    json_decref(globals);
    return alone;
}

/* Stores what the next steps change. False with ctx->err. */
static bool aurora_keep_members(struct step_ctx *ctx, const json_t *found)
{
    json_t *members = jlist(found, "DBClusterMembers.DBClusterMember");
    json_t *ids = act_texts(ctx, members, "DBInstanceIdentifier");
    json_decref(members);
    if (!ids)
        return false;
    step_state_set(ctx, "members", ids);
    step_state_set(ctx, "protected", json_boolean(jbool(found, "DeletionProtection", false)));
    return true;
}

static enum verdict aurora_find(struct step_ctx *ctx)
{
    bool gone;
    json_t *found = aurora_describe(ctx, &gone);
    if (!found)
        return gone ? step_finished(ctx, "already deleted") : STEP_FAILED;
    enum verdict verdict = STEP_FAILED;
    if (aurora_is_deleting(found))
        verdict = step_finished(ctx, "already being deleted");
    else if (aurora_stands_alone(ctx, found) && aurora_keep_members(ctx, found))
        verdict = STEP_DONE;
    json_decref(found);
    return verdict;
}

static enum verdict aurora_unprotect(struct step_ctx *ctx)
{
    if (!step_state_flag(ctx, "protected"))
        return STEP_DONE;
    return act_step(ctx, &modify_cluster,
                    json_pack("{s:s, s:b, s:b}", "DBClusterIdentifier", aurora_cluster(ctx),
                              "DeletionProtection", 0, "ApplyImmediately", 1));
}

/* The data belong to the cluster: members have neither data nor snapshots. */
static enum verdict aurora_delete_next_member(struct step_ctx *ctx)
{
    bool already;
    json_t *members = json_object_get(ctx->state, "members");
    const char *member = json_string_value(json_array_get(members, 0));
    if (!member)
        return STEP_DONE;
    if (!rds_delete_instance(ctx, member, json_pack("{s:b}", "SkipFinalSnapshot", 1), &already))
        return act_failed_with(ctx, "InvalidDBInstanceState") ? step_retry(ctx, WAIT_MINUTES(10))
                                                              : STEP_FAILED;
    json_array_remove(members, 0);
    return step_again(ctx, 0);
}

/* The deletion was rejected: the cluster is being deleted already, or the changes of protection and
 * members have not taken effect. */
static enum verdict aurora_deletion_rejected(struct step_ctx *ctx)
{
    bool gone;
    struct err rejection = ctx->err;
    json_t *found = aurora_describe(ctx, &gone);
    if (!found)
        return gone ? step_finished(ctx, "already deleted") : STEP_FAILED;
    bool deleting = aurora_is_deleting(found);
    json_decref(found);
    ctx->err = rejection;
    return deleting ? step_finished(ctx, "already being deleted")
                    : step_retry(ctx, WAIT_MINUTES(20));
}

static enum verdict aurora_delete(struct step_ctx *ctx)
{
    char snapshot[SNAPSHOT_ID_SIZE];
    const char *name = aurora_cluster(ctx);
    if (!name)
        return STEP_FAILED;
    bool skip = param_boolean(ctx, "SkipAuroraSnapshot");
    json_t *params = json_pack("{s:s, s:b, s:s*}", "DBClusterIdentifier", name, "SkipFinalSnapshot",
                               skip, "FinalDBSnapshotIdentifier",
                               skip ? NULL : rds_final_snapshot_id(ctx, name, snapshot));
    if (act_do(ctx, &delete_cluster, params))
        return STEP_DONE;
    if (act_failed_with(ctx, "DBClusterNotFoundFault"))
        return step_finished(ctx, "already deleted");
    return act_failed_with(ctx, "InvalidDBClusterStateFault") ? aurora_deletion_rejected(ctx)
                                                              : STEP_FAILED;
}

const struct action action_rds_aurora_delete_cluster = {
    .name = "rds_aurora_delete_cluster",
    .display_name = "Delete Aurora Cluster",
    .description =
        "Deletes the Aurora cluster and its members, even if it is protected, with a final "
        "snapshot unless SkipAuroraSnapshot is on.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_DELETES,
    .resource_types = (const char *const[]){"Aurora DB Cluster", NULL},
    .params = (const struct action_param[]){{.name = "SkipAuroraSnapshot",
                                             .type = PARAM_BOOLEAN,
                                             .fallback = "false",
                                             .help = "Delete without a final snapshot."},
                                            {0}},
    .permissions = (const char *const[]){"rds:CreateDBClusterSnapshot", "rds:DeleteDBCluster",
                                         "rds:DeleteDBInstance", "rds:DescribeDBClusters",
                                         "rds:DescribeDBInstances", "rds:DescribeGlobalClusters",
                                         "rds:ModifyDBCluster", NULL},
    .check = aurora_check,
    .state =
        (const struct action_state[]){{"members", NULL}, {"protected", NULL}, {"parts", NULL}, {0}},
    .steps =
        (const struct action_step[]){{.name = "look", .run = aurora_find},
                                     {.name = "unprotect", .run = aurora_unprotect},
                                     {.name = "delete-members", .run = aurora_delete_next_member},
                                     {.name = "delete", .run = aurora_delete},
                                     {0}},
};
