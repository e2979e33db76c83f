/* redshift_delete_cluster: deletes a cluster, with a final snapshot unless SkipSnapshot is on. */
#include <string.h>

#include "actions/aws/rds.h"
#include "lib/json/jpath.h"

static const struct aws_op describe_clusters = {.service = &aws_redshift,
                                                .name = "DescribeClusters"};
static const struct aws_op delete_cluster = {&aws_redshift, "DeleteCluster", .changes = true};

static const struct act_naming clusters = {
    .what = "a Redshift cluster",
    .service = "redshift",
    .prefix = "cluster:",
    .valid = rds_id_valid,
    .fields = {"id", "name"},
};

static bool redshift_check(struct step_ctx *ctx)
{
    return act_name(ctx, &clusters) != NULL;
}

/* Whether the cluster is being deleted or its final snapshot is being taken. ctx->err is left
 * unchanged. */
static bool redshift_is_deleting(struct step_ctx *ctx, const char *name)
{
    struct err rejection = ctx->err;
    json_t *response =
        act_call(ctx, &describe_clusters, json_pack("{s:s}", "ClusterIdentifier", name));
    const char *status = jstr(response, "Clusters.Cluster[0].ClusterStatus");
    bool deleting =
        status && (strcmp(status, "deleting") == 0 || strcmp(status, "final-snapshot") == 0);
    json_decref(response);
    ctx->err = rejection;
    return deleting;
}

static enum verdict redshift_delete(struct step_ctx *ctx)
{
    char snapshot[SNAPSHOT_ID_SIZE];
    const char *name = act_name(ctx, &clusters);
    if (!name)
        return STEP_FAILED;
    bool skip = param_boolean(ctx, "SkipSnapshot");
    json_t *params = json_pack("{s:s, s:b, s:s*}", "ClusterIdentifier", name,
                               "SkipFinalClusterSnapshot", skip, "FinalClusterSnapshotIdentifier",
                               skip ? NULL : rds_final_snapshot_id(ctx, name, snapshot));
    if (act_do(ctx, &delete_cluster, params))
        return STEP_DONE;
    if (act_failed_with(ctx, "ClusterNotFound"))
        return step_finished(ctx, "already deleted");
    if (act_failed_with(ctx, "InvalidClusterState") && redshift_is_deleting(ctx, name))
        return step_finished(ctx, "already being deleted");
    return STEP_FAILED;
}

const struct action action_redshift_delete_cluster = {
    .name = "redshift_delete_cluster",
    .display_name = "Delete Redshift Cluster",
    .description = "Deletes the Redshift cluster, with a final snapshot unless SkipSnapshot is on.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_DELETES,
    .resource_types = (const char *const[]){"Redshift Cluster", NULL},
    .params = (const struct action_param[]){{.name = "SkipSnapshot",
                                             .type = PARAM_BOOLEAN,
                                             .fallback = "false",
                                             .help = "Delete without a final snapshot."},
                                            {0}},
    .permissions =
        (const char *const[]){"redshift:DeleteCluster", "redshift:DescribeClusters", NULL},
    .check = redshift_check,
    .steps = (const struct action_step[]){{.name = "delete", .run = redshift_delete}, {0}},
};
