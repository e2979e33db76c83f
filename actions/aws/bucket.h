/* What actions on S3 buckets share: the bucket's name, putting one of its settings, and its policy.
 */
#ifndef HGAUTOD_ACTIONS_AWS_BUCKET_H
#define HGAUTOD_ACTIONS_AWS_BUCKET_H

#include "actions/aws/call.h"

extern const char *const bucket_types[]; /* "S3 Bucket" */

/* The bucket's name; NULL with ctx->err. */
const char *bucket_name(struct step_ctx *ctx);
/* For action.check. */
bool bucket_check(struct step_ctx *ctx);

/* Puts a setting of a bucket (a body, with Content-MD5, or without one when body is NULL): whether
 * it worked. */
bool bucket_put(struct step_ctx *ctx, const struct aws_op *op, const char *bucket, const char *body,
                const char *content_type) MUST_CHECK;

/* Sees to it that the bucket's policy has this statement (stolen): one of the same Sid is replaced,
 * others are left alone, and nothing is sent when it stands there already. STEP_DONE (with a note
 * when there was nothing to do) or STEP_FAILED. Permissions: s3:GetBucketPolicy,
 * s3:PutBucketPolicy. */
enum verdict bucket_policy_require(struct step_ctx *ctx, const char *bucket, json_t *statement);

#endif
