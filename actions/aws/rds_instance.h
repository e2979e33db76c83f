/* What actions on RDS instances share. */
#ifndef HGAUTOD_ACTIONS_AWS_RDS_INSTANCE_H
#define HGAUTOD_ACTIONS_AWS_RDS_INSTANCE_H

#include "actions/aws/rds.h"

extern const char *const rds_instance_types[]; /* "RDS DB Instance" */

/* The instance's identifier; NULL with ctx->err. */
const char *rds_instance(struct step_ctx *ctx);
/* The instance as RDS describes it: a new reference; NULL with ctx->err (ERR_NOT_FOUND when it is
 * gone). Permission: rds:DescribeDBInstances. */
json_t *rds_describe_instance(struct step_ctx *ctx, const char *instance) MUST_CHECK;
/* Deletes an instance. Gone, or being deleted: success, with *already. params (stolen) hold all but
 * the identifier. Permissions: rds:DeleteDBInstance, rds:DescribeDBInstances. */
bool rds_delete_instance(struct step_ctx *ctx, const char *instance, json_t *params,
                         bool *already) MUST_CHECK;

#endif
