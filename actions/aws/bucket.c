/* What actions on S3 buckets share: the bucket's name, its settings and its policy. */
#include "actions/aws/bucket.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/aws/names.h"
#include "lib/aws/s3.h"
#include "lib/json/jpath.h"

/* S3 allows 20 KB. */
#define POLICY_MAX     (64u << 10)
#define POLICY_VERSION "2012-10-17"

static const struct aws_op get_policy = {&aws_s3, "GetBucketPolicy", .method = "GET",
                                         .path = "/{Bucket}", .query = "policy"};
static const struct aws_op put_policy = {&aws_s3,           "PutBucketPolicy",
                                         .method = "PUT",   .path = "/{Bucket}",
                                         .query = "policy", .changes = true};

const char *const bucket_types[] = {"S3 Bucket", NULL};

static bool bucket_name_valid(const char *name)
{
    return !aws_bucket_problem(name);
}

static const struct act_naming buckets = {
    .what = "an S3 bucket",
    .service = "s3",
    .prefix = "",
    .valid = bucket_name_valid,
    .fields = {"id", "name"},
};

const char *bucket_name(struct step_ctx *ctx)
{
    return act_name(ctx, &buckets);
}

bool bucket_check(struct step_ctx *ctx)
{
    return bucket_name(ctx) != NULL;
}

bool bucket_put(struct step_ctx *ctx, const struct aws_op *op, const char *bucket, const char *body,
                const char *content_type)
{
    struct aws_call call = {
        .op = op,
        .body = {.data = body, .size = body ? strlen(body) : 0},
        .content_type = body ? content_type : NULL,
        .content_md5 = body != NULL,
    };
    return act_do_full(ctx, &call, json_pack("{s:s}", "Bucket", bucket));
}

/* --- policies --- */

/* The present policy, or an empty one if the bucket has none: a new reference, NULL with
 * ctx->err. A policy that cannot be parsed is an error. */
static json_t *bucket_read_policy(struct step_ctx *ctx, const char *bucket)
{
    struct buf text = buf_make(POLICY_MAX);
    struct aws_call call = {.op = &get_policy, .response_max = POLICY_MAX, .raw_body = &text};
    json_t *response = act_call_full(ctx, &call, json_pack("{s:s}", "Bucket", bucket));
    json_t *policy = NULL;
    if (response) {
        policy = json_loadb(buf_str(&text), text.size, JSON_REJECT_DUPLICATES, NULL);
        if (!json_is_object(policy)) {
            json_decref(policy);
            policy = NULL;
            err_set(&ctx->err, ERR_TRANSIENT, "UnreadableResponse",
                    "the policy of bucket %s cannot be read", bucket);
        }
    } else if (act_failed_with(ctx, "NoSuchBucketPolicy") ||
               (ctx->plan && act_failed_with(ctx, "NoSuchBucket"))) {
        /* A dry run: the bucket would have been created. */
        ctx->err = ERR_INIT;
        policy = json_pack("{s:s, s:[]}", "Version", POLICY_VERSION, "Statement");
    }
    json_decref(response);
    buf_free(&text);
    return policy;
}

/* Puts the statement into the policy. False if it is there already. */
static bool bucket_merge_statement(json_t *policy, json_t *statement)
{
    const char *sid = jstr(statement, "Sid");
    /* A single statement may be without a list. */
    json_t *old = jlist(policy, "Statement");
    json_t *merged = json_array();
    size_t i;
    json_t *one;
    bool there = false;
    json_array_foreach(old, i, one) {
        const char *its = jstr(one, "Sid");
        if (!its || strcmp(its, sid) != 0)
            json_array_append(merged, one);
        else
            there = there || json_equal(one, statement);
    }
    json_decref(old);
    json_array_append(merged, statement);
    json_object_set_new(policy, "Statement", merged);
    return !there;
}

enum verdict bucket_policy_require(struct step_ctx *ctx, const char *bucket, json_t *statement)
{
    json_t *policy = bucket_read_policy(ctx, bucket);
    enum verdict verdict = policy ? STEP_DONE : STEP_FAILED;
    if (policy && bucket_merge_statement(policy, statement)) {
        char *text = json_dumps(policy, JSON_COMPACT);
        if (!bucket_put(ctx, &put_policy, bucket, text, "application/json"))
            verdict = STEP_FAILED;
        free(text);
    } else if (policy) {
        snprintf(ctx->note, sizeof ctx->note, "the bucket's policy has this statement already");
    }
    json_decref(policy);
    json_decref(statement);
    return verdict;
}
