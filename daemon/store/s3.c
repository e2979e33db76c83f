/* The store in an S3 bucket. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config/config.h"
#include "daemon/store/store.h"
#include "lib/aws/names.h"
#include "lib/aws/s3.h"

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
    struct s3_bucket bucket; /* its strings are those below, and the configuration's */
    char *bucket_name;
    char name[264]; /* "s3://bucket" */
};

static void copy_meta(struct store_meta *to, const struct s3_meta *from)
{
    *to = (struct store_meta){
        .modified_ms = from->modified_ms, .now_ms = from->now_ms, .size = from->size};
    memcpy(to->etag, from->etag, sizeof to->etag);
}

/* What an answer about one object says. A lookalike that sends no Date: our clock, corrected. */
static void read_meta(const struct s3_store *s, struct store_meta *to, const struct s3_meta *from)
{
    copy_meta(to, from);
    if (!to->now_ms)
        to->now_ms = aws_now_ms(s->aws);
}

static bool s3_store_get(struct store *base, struct http_client *http, const char *key,
                         struct buf *body, struct store_meta *meta, struct err *err)
{
    struct s3_store *s = (struct s3_store *)base;
    struct s3_meta m = {0};
    if (!s3_get(s->aws, http, &s->bucket, key, body, &m, err))
        return false;
    if (meta)
        read_meta(s, meta, &m);
    return true;
}

static bool s3_store_put(struct store *base, struct http_client *http, const char *key,
                         const struct http_body *body, enum store_condition condition,
                         const char *etag, char new_etag[128], struct err *err)
{
    static const enum s3_condition conditions[] = {[STORE_ALWAYS] = S3_ALWAYS,
                                                   [STORE_IF_ABSENT] = S3_IF_ABSENT,
                                                   [STORE_IF_MATCH] = S3_IF_MATCH};
    struct s3_store *s = (struct s3_store *)base;
    if (s3_put(s->aws, http, &s->bucket, key, body, "application/json", conditions[condition], etag,
               new_etag, err))
        return true;
    if (condition == STORE_IF_MATCH && err->kind == ERR_NOT_FOUND &&
        strcmp(err->code, "NoSuchBucket") != 0)
        err->kind = ERR_PRECONDITION;
    return false;
}

static bool s3_store_del(struct store *base, struct http_client *http, const char *key,
                         struct err *err)
{
    struct s3_store *s = (struct s3_store *)base;
    return s3_delete(s->aws, http, &s->bucket, key, err);
}

#define EVENT_HEADER "x-amz-meta-hgautod-event"

static bool s3_store_put_report(struct store *base, struct http_client *http, const char *key,
                                const struct http_body *body, const char *event_etag,
                                struct err *err)
{
    struct s3_store *s = (struct s3_store *)base;
    struct s3_note note = {.header = EVENT_HEADER};
    snprintf(note.value, sizeof note.value, "%s", event_etag);
    return s3_put_noted(s->aws, http, &s->bucket, key, body, "application/json", &note, err);
}

static bool s3_store_head(struct store *base, struct http_client *http, const char *key,
                          struct store_meta *meta, char event_etag[128], struct err *err)
{
    struct s3_store *s = (struct s3_store *)base;
    struct s3_note note = {.header = EVENT_HEADER};
    struct s3_meta m = {0};
    if (!s3_head_noted(s->aws, http, &s->bucket, key, &m, &note, err))
        return false;
    read_meta(s, meta, &m);
    if (event_etag)
        memcpy(event_etag, note.value, sizeof note.value);
    return true;
}

/* For services that know no conditional delete. Whoever deletes holds the claim for a while yet, so
 * that nobody changes it between the two requests. */
static bool compare_and_delete(struct s3_store *s, struct http_client *http, const char *key,
                               const char *etag, struct err *err)
{
    struct s3_meta m = {0};
    *err = ERR_INIT;
    if (!s3_head(s->aws, http, &s->bucket, key, &m, err))
        return err->kind == ERR_NOT_FOUND;
    if (strcmp(m.etag, etag) != 0)
        return err_set(err, ERR_PRECONDITION, "", "%s has been changed since it was read", key);
    return s3_delete(s->aws, http, &s->bucket, key, err);
}

static bool s3_store_del_if_match(struct store *base, struct http_client *http, const char *key,
                                  const char *etag, struct err *err)
{
    struct s3_store *s = (struct s3_store *)base;
    return s3_delete_if_match(s->aws, http, &s->bucket, key, etag, err) ||
           (err->http_status == 501 && compare_and_delete(s, http, key, etag, err));
}

struct each {
    store_each_fn fn;
    void *ctx;
};

static bool each_object(void *ctx, const char *key, const struct s3_meta *meta)
{
    struct each *each = ctx;
    struct store_meta m;
    copy_meta(&m, meta);
    return each->fn(each->ctx, key, &m);
}

static bool s3_store_list(struct store *base, struct http_client *http, const char *prefix,
                          store_each_fn fn, void *ctx, struct err *err)
{
    struct s3_store *s = (struct s3_store *)base;
    struct each each = {fn, ctx};
    return s3_list(s->aws, http, &s->bucket, prefix, each_object, &each, err);
}

static void s3_store_free(struct store *base)
{
    struct s3_store *s = (struct s3_store *)base;
    free(s->bucket_name);
    free(s);
}

static const struct store_ops s3_store_ops = {
    .get = s3_store_get,
    .put = s3_store_put,
    .put_report = s3_store_put_report,
    .head = s3_store_head,
    .del = s3_store_del,
    .del_if_match = s3_store_del_if_match,
    .list = s3_store_list,
    .free = s3_store_free,
};

struct store *store_s3_new(struct aws *aws, const char *bucket, const struct config_source *config)
{
    if (!s3_bucket_valid(bucket))
        return NULL;
    struct s3_store *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->bucket_name = strdup(bucket);
    if (!s->bucket_name) {
        free(s);
        return NULL;
    }
    snprintf(s->name, sizeof s->name, "s3://%s", bucket);
    s->aws = aws;
    s->bucket = (struct s3_bucket){.name = s->bucket_name,
                                   .owner = config->bucket_owner,
                                   .encryption = config->server_side_encryption,
                                   .kms_key_id = config->kms_key_id,
                                   .acl = config->acl,
                                   .checksum = config->checksum};
    if (config->region)
        aws_bucket_in(aws, bucket, config->region);
    s->base = (struct store){
        .ops = &s3_store_ops, .name = s->name, .form = &store_form_s3, .holder = s->bucket_name};
    return &s->base;
}
