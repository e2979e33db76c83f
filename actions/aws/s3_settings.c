/* Settings of an S3 bucket: s3_block_public_access, s3_enable_encryption, s3_enable_versioning,
 * s3_delete_acls and s3_delete_permissions. Each call can be repeated. */
#include "actions/aws/bucket.h"

#define S3_XMLNS "http://s3.amazonaws.com/doc/2006-03-01/"

static const struct aws_op put_acl = {
    &aws_s3, "PutBucketAcl", .method = "PUT", .path = "/{Bucket}", .query = "acl", .changes = true};
static const struct aws_op delete_policy = {
    &aws_s3,           "DeleteBucketPolicy", .method = "DELETE", .path = "/{Bucket}",
    .query = "policy", .changes = true};

/* A setting that one call puts, as XML. */
struct s3_setting {
    struct aws_op op;
    const char *xml;
};

static const struct s3_setting block_public_access = {
    .op = {&aws_s3, "PutPublicAccessBlock", .method = "PUT", .path = "/{Bucket}",
           .query = "publicAccessBlock", .changes = true},
    .xml = "<PublicAccessBlockConfiguration xmlns=\"" S3_XMLNS "\">"
           "<BlockPublicAcls>true</BlockPublicAcls>"
           "<IgnorePublicAcls>true</IgnorePublicAcls>"
           "<BlockPublicPolicy>true</BlockPublicPolicy>"
           "<RestrictPublicBuckets>true</RestrictPublicBuckets>"
           "</PublicAccessBlockConfiguration>",
};
static const struct s3_setting encrypt_aes256 = {
    .op = {&aws_s3, "PutBucketEncryption", .method = "PUT", .path = "/{Bucket}",
           .query = "encryption", .changes = true},
    .xml = "<ServerSideEncryptionConfiguration xmlns=\"" S3_XMLNS "\"><Rule>"
           "<ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>"
           "</ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>",
};
static const struct s3_setting enable_versioning = {
    .op = {&aws_s3, "PutBucketVersioning", .method = "PUT", .path = "/{Bucket}",
           .query = "versioning", .changes = true},
    /* Without MfaDelete, which is left as it is. */
    .xml = "<VersioningConfiguration xmlns=\"" S3_XMLNS "\">"
           "<Status>Enabled</Status></VersioningConfiguration>",
};

/* For action_step.run with a struct s3_setting. */
static enum verdict s3_setting_put(struct step_ctx *ctx)
{
    const struct s3_setting *setting = ctx->step->with;
    bool put = bucket_put(ctx, &setting->op, bucket_name(ctx), setting->xml, "application/xml");
    return put ? STEP_DONE : STEP_FAILED;
}

/* If the owner has disabled ACLs, the bucket grants nothing by them. */
static enum verdict s3_acl_make_private(struct step_ctx *ctx)
{
    static const struct http_header canned = {"x-amz-acl", "private"};
    struct aws_call call = {.op = &put_acl, .headers = &canned, .header_count = 1};
    if (act_do_full(ctx, &call, json_pack("{s:s}", "Bucket", bucket_name(ctx))))
        return STEP_DONE;
    return act_failed_with(ctx, "AccessControlListNotSupported")
               ? step_finished(ctx, "the bucket's ACLs are switched off")
               : STEP_FAILED;
}

static enum verdict s3_policy_delete(struct step_ctx *ctx)
{
    bool worked = act_do(ctx, &delete_policy, json_pack("{s:s}", "Bucket", bucket_name(ctx)));
    return worked || act_failed_with(ctx, "NoSuchBucketPolicy") ? STEP_DONE : STEP_FAILED;
}

const struct action action_s3_block_public_access = {
    .name = "s3_block_public_access",
    .display_name = "Block S3 Public Access",
    .description = "Enables all four public access blocks of the bucket.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_CHANGES,
    .resource_types = bucket_types,
    .permissions = (const char *const[]){"s3:PutBucketPublicAccessBlock", NULL},
    .check = bucket_check,
    .steps =
        (const struct action_step[]){
            {.name = "block", .run = s3_setting_put, .with = &block_public_access}, {0}},
};

const struct action action_s3_enable_encryption = {
    .name = "s3_enable_encryption",
    .display_name = "Enable S3 Encryption",
    .description = "Makes AES256 the bucket's default encryption.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_CHANGES,
    .resource_types = bucket_types,
    .permissions = (const char *const[]){"s3:PutEncryptionConfiguration", NULL},
    .check = bucket_check,
    .steps =
        (const struct action_step[]){
            {.name = "encrypt", .run = s3_setting_put, .with = &encrypt_aes256}, {0}},
};

const struct action action_s3_enable_versioning = {
    .name = "s3_enable_versioning",
    .display_name = "Enable S3 Versioning",
    .description = "Enables versioning of the bucket.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_CHANGES,
    .resource_types = bucket_types,
    .permissions = (const char *const[]){"s3:PutBucketVersioning", NULL},
    .check = bucket_check,
    .steps =
        (const struct action_step[]){
            {.name = "enable-versioning", .run = s3_setting_put, .with = &enable_versioning}, {0}},
};

const struct action action_s3_delete_acls = {
    .name = "s3_delete_acls",
    .display_name = "Delete S3 ACLs",
    .description = "Makes the bucket's access control list private.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_CHANGES,
    .resource_types = bucket_types,
    .permissions = (const char *const[]){"s3:PutBucketAcl", NULL},
    .check = bucket_check,
    .steps =
        (const struct action_step[]){{.name = "make-private", .run = s3_acl_make_private}, {0}},
};

const struct action action_s3_delete_permissions = {
    .name = "s3_delete_permissions",
    .display_name = "Delete S3 Permissions",
    .description = "Deletes the bucket's policy and makes its access control list private.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_CHANGES,
    .resource_types = bucket_types,
    .permissions = (const char *const[]){"s3:DeleteBucketPolicy", "s3:PutBucketAcl", NULL},
    .check = bucket_check,
    .steps = (const struct action_step[]){{.name = "delete-policy", .run = s3_policy_delete},
                                          {.name = "make-private", .run = s3_acl_make_private},
                                          {0}},
};
