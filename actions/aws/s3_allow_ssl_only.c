/* s3_allow_ssl_only: adds a statement to the bucket's policy. */
#include <stdio.h>

#include "actions/aws/bucket.h"

static enum verdict s3_deny_plain_http(struct step_ctx *ctx)
{
    char bucket[256], objects[260];
    const char *name = bucket_name(ctx);
    if (!name)
        return STEP_FAILED;
    snprintf(bucket, sizeof bucket, "arn:%s:s3:::%s", ctx->partition, name);
    snprintf(objects, sizeof objects, "%s/*", bucket);
    return bucket_policy_require(ctx, name,
                                 json_pack("{s:s, s:s, s:s, s:s, s:[s, s], s:{s:{s:s}}}", "Sid",
                                           "HyperglanceDenyInsecureTransport", "Effect", "Deny",
                                           "Principal", "*", "Action", "s3:*", "Resource", bucket,
                                           objects, "Condition", "Bool", "aws:SecureTransport",
                                           "false"));
}

const struct action action_s3_allow_ssl_only = {
    .name = "s3_allow_ssl_only",
    .display_name = "S3 Enforce SSL",
    .description = "Adds a statement to the bucket's policy that denies requests without TLS; the "
                   "rest of the policy is kept.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_CHANGES,
    .resource_types = bucket_types,
    .permissions = (const char *const[]){"s3:GetBucketPolicy", "s3:PutBucketPolicy", NULL},
    .check = bucket_check,
    .steps = (const struct action_step[]){{.name = "deny-plain", .run = s3_deny_plain_http}, {0}},
};
