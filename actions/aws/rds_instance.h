/* What actions on RDS instances share: the identifier, describing and deleting an instance. */
#ifndef HGAUTOD_ACTIONS_AWS_RDS_INSTANCE_H
#define HGAUTOD_ACTIONS_AWS_RDS_INSTANCE_H

#include "actions/aws/rds.h"

/* For descriptors: "RDS DB Instance". */
extern const char *const rds_instance_types[];

/* The identifier of the instance, borrowed from the resource; NULL with ctx->err. */
const char *rds_instance(struct step_ctx *ctx);
/* The description of the instance: a new reference; NULL with ctx->err (ERR_NOT_FOUND if it does
 * not exist). Permission: rds:DescribeDBInstances. */
json_t *rds_describe_instance(struct step_ctx *ctx, const char *instance) MUST_CHECK;
/* Deletes an instance. params: all parameters but the identifier, stolen. True if it is being
 * deleted; *already becomes whether it was before, or did not exist. False with ctx->err.
 * Permissions: rds:DeleteDBInstance, rds:DescribeDBInstances. */
bool rds_delete_instance(struct step_ctx *ctx, const char *instance, json_t *params,
                         bool *already) MUST_CHECK;

#endif
