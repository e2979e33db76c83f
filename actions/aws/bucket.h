/* What actions on S3 buckets share: the bucket's name, its settings and its policy. */
#ifndef HGAUTOD_ACTIONS_AWS_BUCKET_H
#define HGAUTOD_ACTIONS_AWS_BUCKET_H

#include "actions/aws/call.h"

/* For descriptors: "S3 Bucket". */
extern const char *const bucket_types[];

/* The name of the bucket, borrowed from the resource; NULL with ctx->err. */
const char *bucket_name(struct step_ctx *ctx);
/* For action.check: whether the resource has a valid name of a bucket. */
bool bucket_check(struct step_ctx *ctx);

/* Puts a setting of a bucket. body: sent with Content-MD5; NULL: none. False with ctx->err. */
bool bucket_put(struct step_ctx *ctx, const struct aws_op *op, const char *bucket, const char *body,
                const char *content_type) MUST_CHECK;

/* Adds the statement (stolen) to the bucket's policy. It replaces one with the same Sid; others are
 * left alone. Makes no change if the policy has the statement already. STEP_DONE (with a note if
 * there was nothing to do) or STEP_FAILED. Permissions: s3:GetBucketPolicy, s3:PutBucketPolicy. */
enum verdict bucket_policy_require(struct step_ctx *ctx, const char *bucket, json_t *statement);

#endif
