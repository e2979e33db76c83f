/* The store in an S3 bucket. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config/config.h"
#include "daemon/store/store.h"
#include "lib/aws/names.h"
#include "lib/aws/s3.h"
#include "lib/base/container.h"
#include "lib/base/memory.h"

const struct store_form store_form_s3 = {
    .account_noun = "accounts",
    .suffix = ".json",
    .clouds = 1u << CLOUD_AWS,
    .read_permission = "s3:GetObject on the events of this bucket, and, if they are encrypted with "
                       "a key of KMS, kms:Decrypt on that key",
};

struct s3_store {
    struct store base;
    struct aws *aws;
    /* Its strings are `name`, and the configuration's. */
    struct s3_bucket bucket;
    char name[264];
};

#define S3_SCHEME "s3://"

static struct s3_store *s3_store_of(struct store *base)
{
    return container_of(base, struct s3_store, base);
}

/* For services like S3 that send no Date: our clock, corrected. */
static void s3_store_fill_now(const struct s3_store *s, struct object_meta *meta)
{
    if (!meta->now_ms)
        meta->now_ms = aws_now_ms(s->aws);
}

static bool s3_store_get(struct store *base, struct http_client *http, const char *key,
                         struct buf *body, struct object_meta *meta, struct err *err)
{
    struct s3_store *s = s3_store_of(base);
    if (!s3_get(s->aws, http, &s->bucket, key, body, meta, err))
        return false;
    if (meta)
        s3_store_fill_now(s, meta);
    return true;
}

static bool s3_store_head(struct store *base, struct http_client *http, const char *key,
                          struct object_meta *meta, char metadata[OBJECT_METADATA_SIZE],
                          struct err *err)
{
    struct s3_store *s = s3_store_of(base);
    if (!s3_head(s->aws, http, &s->bucket, key, meta, metadata, err))
        return false;
    s3_store_fill_now(s, meta);
    return true;
}

static bool s3_store_put(struct store *base, struct http_client *http, const struct object_put *put,
                         char new_etag[OBJECT_ETAG_SIZE], struct err *err)
{
    struct s3_store *s = s3_store_of(base);
    struct object_put json = *put;
    json.content_type = "application/json";
    if (s3_put(s->aws, http, &s->bucket, &json, new_etag, err))
        return true;
    if (put->condition == OBJECT_IF_MATCH && err->kind == ERR_NOT_FOUND &&
        strcmp(err->code, "NoSuchBucket") != 0)
        err->kind = ERR_PRECONDITION;
    return false;
}

/* For services without conditional deletes. The caller holds the claim for a while yet, so that no
 * other daemon changes the object between the two requests. */
static bool s3_store_compare_and_delete(struct s3_store *s, struct http_client *http,
                                        const char *key, const char *etag, struct err *err)
{
    struct object_meta meta = {.size = 0};
    *err = ERR_INIT;
    if (!s3_head(s->aws, http, &s->bucket, key, &meta, NULL, err))
        return err->kind == ERR_NOT_FOUND;
    if (strcmp(meta.etag, etag) != 0)
        return err_set(err, ERR_PRECONDITION, "", "%s has been changed since it was read", key);
    return s3_delete(s->aws, http, &s->bucket, key, NULL, err);
}

static bool s3_store_del(struct store *base, struct http_client *http, const char *key,
                         const char *etag, struct err *err)
{
    struct s3_store *s = s3_store_of(base);
    return s3_delete(s->aws, http, &s->bucket, key, etag, err) ||
           (etag && err->http_status == 501 &&
            s3_store_compare_and_delete(s, http, key, etag, err));
}

static bool s3_store_list(struct store *base, struct http_client *http, const char *prefix,
                          object_each_fn each, void *ctx, struct err *err)
{
    struct s3_store *s = s3_store_of(base);
    return s3_list(s->aws, http, &s->bucket, prefix, each, ctx, err);
}

static void s3_store_free(struct store *base)
{
    free(s3_store_of(base));
}

static const struct store_ops s3_store_ops = {
    .get = s3_store_get,
    .head = s3_store_head,
    .put = s3_store_put,
    .del = s3_store_del,
    .list = s3_store_list,
    .free = s3_store_free,
};

struct store *store_s3_new(struct aws *aws, const char *bucket, const struct config_source *config,
                           struct err *err)
{
    const char *problem = aws_bucket_problem(bucket);
    if (problem) {
        err_set(err, ERR_INVALID, "", "bucket \"%.100s\" %s", bucket, problem);
        return NULL;
    }
    struct s3_store *s = xcalloc(1, sizeof *s);
    snprintf(s->name, sizeof s->name, S3_SCHEME "%s", bucket);
    const char *name = s->name + strlen(S3_SCHEME);
    s->aws = aws;
    s->bucket = (struct s3_bucket){.name = name,
                                   .owner = config->bucket_owner,
                                   .encryption = config->server_side_encryption,
                                   .kms_key_id = config->kms_key_id,
                                   .acl = config->acl,
                                   .checksum = config->checksum};
    if (config->region)
        aws_set_bucket_region(aws, bucket, config->region);
    s->base = (struct store){
        .ops = &s3_store_ops, .name = s->name, .form = &store_form_s3, .holder = name};
    return &s->base;
}
