/* s3_enable_logging: sends the access log of a bucket to the log bucket of its account and region,
 * which is created if it does not exist. */
#include <stdio.h>
#include <string.h>

#include "actions/aws/bucket.h"

#define S3_XMLNS "http://s3.amazonaws.com/doc/2006-03-01/"

static const struct aws_op head_bucket = {&aws_s3, "HeadBucket", .method = "HEAD",
                                          .path = "/{Bucket}"};
static const struct aws_op create_bucket = {
    &aws_s3,        "CreateBucket", .method = "PUT", .path = "/{Bucket}", .makes_bucket = true,
    .changes = true};
static const struct aws_op put_logging = {
    &aws_s3,        "PutBucketLogging", .method = "PUT", .path = "/{Bucket}", .query = "logging",
    .changes = true};

/* The name of a bucket has at most 63 characters: 12 of the account, 14 of these, and the region.
 * */
static const char *s3_log_bucket(const struct step_ctx *ctx, char to[128])
{
    snprintf(to, 128, "%ss3accesslogs%s", ctx->account, ctx->region);
    return to;
}

static bool s3_logging_check(struct step_ctx *ctx)
{
    char logs[128];
    const char *name = bucket_name(ctx);
    if (name && strcmp(name, s3_log_bucket(ctx, logs)) == 0)
        return err_set(&ctx->err, ERR_INVALID, "",
                       "the bucket is the one that takes the access logs; its own log in it would "
                       "never end");
    return name != NULL;
}

/* Only "not found" means that it is to be created; a bucket of another owner with that name is an
 * error. */
static enum verdict s3_log_bucket_find(struct step_ctx *ctx)
{
    char logs[128];
    struct aws_call call = {.op = &head_bucket};
    json_t *response =
        act_call_full(ctx, &call, json_pack("{s:s}", "Bucket", s3_log_bucket(ctx, logs)));
    bool missing = !response && ctx->err.kind == ERR_NOT_FOUND;
    if (!response && !missing)
        return STEP_FAILED;
    json_decref(response);
    step_state_set(ctx, "create", json_boolean(missing));
    return STEP_DONE;
}

/* us-east-1 must not be sent as a location constraint. */
static enum verdict s3_log_bucket_create(struct step_ctx *ctx)
{
    char logs[128], body[512];
    if (!step_state_flag(ctx, "create"))
        return STEP_DONE;
    bool told = strcmp(ctx->region, "us-east-1") != 0;
    snprintf(body, sizeof body,
             "<CreateBucketConfiguration xmlns=\"" S3_XMLNS "\"><LocationConstraint>%s"
             "</LocationConstraint></CreateBucketConfiguration>",
             ctx->region);
    if (bucket_put(ctx, &create_bucket, s3_log_bucket(ctx, logs), told ? body : NULL,
                   "application/xml") ||
        act_failed_with(ctx, "BucketAlreadyOwnedByYou"))
        return STEP_DONE;
    return STEP_FAILED;
}

/* A bucket that has just been created, by this run or another, may not be visible yet. */
static enum verdict s3_log_bucket_unless_new(struct step_ctx *ctx, enum verdict verdict,
                                             const char *unknown)
{
    bool made = step_state_flag(ctx, "create");
    return verdict == STEP_FAILED && made && act_failed_with(ctx, unknown)
               ? step_retry(ctx, WAIT_MINUTES(2))
               : verdict;
}

/* One statement for all buckets of the account, so that concurrent tasks write the same. */
static enum verdict s3_log_bucket_allow_writing(struct step_ctx *ctx)
{
    char logs[128], objects[192];
    s3_log_bucket(ctx, logs);
    snprintf(objects, sizeof objects, "arn:%s:s3:::%s/*", ctx->partition, logs);
    enum verdict verdict = bucket_policy_require(
        ctx, logs,
        json_pack("{s:s, s:s, s:{s:s}, s:s, s:s, s:{s:{s:s}}}", "Sid", "HyperglanceS3AccessLogs",
                  "Effect", "Allow", "Principal", "Service", "logging.s3.amazonaws.com", "Action",
                  "s3:PutObject", "Resource", objects, "Condition", "StringEquals",
                  "aws:SourceAccount", ctx->account));
    return s3_log_bucket_unless_new(ctx, verdict, "NoSuchBucket");
}

static enum verdict s3_logging_enable(struct step_ctx *ctx)
{
    char logs[128], body[1024];
    const char *name = bucket_name(ctx);
    if (!name)
        return STEP_FAILED;
    /* Names of buckets contain nothing that needs escaping in XML. */
    snprintf(body, sizeof body,
             "<BucketLoggingStatus xmlns=\"" S3_XMLNS "\"><LoggingEnabled><TargetBucket>%s"
             "</TargetBucket><TargetPrefix>%s/</TargetPrefix></LoggingEnabled>"
             "</BucketLoggingStatus>",
             s3_log_bucket(ctx, logs), name);
    bool put = bucket_put(ctx, &put_logging, name, body, "application/xml");
    return s3_log_bucket_unless_new(ctx, put ? STEP_DONE : STEP_FAILED,
                                    "InvalidTargetBucketForLogging");
}

const struct action action_s3_enable_logging = {
    .name = "s3_enable_logging",
    .display_name = "Enable Access Logging",
    .description =
        "Sends the bucket's access log to the account's log bucket in its region, which is "
        "created if it does not exist.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_CHANGES,
    .resource_types = bucket_types,
    .permissions = (const char *const[]){"s3:CreateBucket", "s3:GetBucketPolicy", "s3:ListBucket",
                                         "s3:PutBucketLogging", "s3:PutBucketPolicy", NULL},
    .check = s3_logging_check,
    .state = (const struct action_state[]){{"create", NULL}, {0}},
    .steps =
        (const struct action_step[]){{.name = "find-log-bucket", .run = s3_log_bucket_find},
                                     {.name = "create-log-bucket", .run = s3_log_bucket_create},
                                     {.name = "allow-writing", .run = s3_log_bucket_allow_writing},
                                     {.name = "enable", .run = s3_logging_enable},
                                     {0}},
};
