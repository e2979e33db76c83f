/* S3 objects over aws_call: get, head, conditional put, delete, list. */
#include "lib/aws/s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/aws/s3_demands.h"
#include "lib/json/jpath.h"
#include "lib/net/uri.h"

#define METADATA_HEADER "x-amz-meta-hgautod-event"
#define KEY_MAX         3072 /* bytes of a decoded key: 1,024 characters, as some lookalikes count them */

static const struct aws_op get_object = {&aws_s3, "GetObject", .method = "GET",
                                         .path = "/{Bucket}/{Key+}"};
static const struct aws_op head_object = {&aws_s3, "HeadObject", .method = "HEAD",
                                          .path = "/{Bucket}/{Key+}"};
static const struct aws_op put_object = {&aws_s3, "PutObject", .method = "PUT",
                                         .path = "/{Bucket}/{Key+}", .changes = true};
static const struct aws_op delete_object = {&aws_s3, "DeleteObject", .method = "DELETE",
                                            .path = "/{Bucket}/{Key+}", .changes = true};
static const struct aws_op list_objects = {&aws_s3,
                                           "ListObjectsV2",
                                           .method = "GET",
                                           .path = "/{Bucket}",
                                           .query = "list-type=2",
                                           .root = "ListBucketResult"};

/* One request about an object, and what its answer says. */
struct exchange {
    struct aws_call call;
    json_t *params;
    struct http_headers response_headers;
};

/* NULL for "" too. */
static const char *owner_of(const struct s3_bucket *bucket)
{
    return bucket->owner && *bucket->owner ? bucket->owner : NULL;
}

static bool exchange_start(struct exchange *x, const struct aws_op *op,
                           const struct s3_bucket *bucket, const char *key, struct err *err)
{
    *x = (struct exchange){.params = json_pack("{s:s, s:s}", "Bucket", bucket->name, "Key", key)};
    if (!x->params)
        return err_set(err, ERR_INVALID, "", "the key of an object is not valid UTF-8");
    x->call = (struct aws_call){.op = op, .params = x->params, .bucket_owner = owner_of(bucket)};
    return true;
}

/* Sends it and drops the answer's value: what matters is in headers and body. */
static bool exchange_run(struct exchange *x, struct aws *aws, struct http_client *http,
                         struct err *err)
{
    json_t *answer = NULL;
    bool ok = aws_call(aws, http, &x->call, &answer, err);
    json_decref(answer);
    return ok;
}

static void exchange_end(struct exchange *x)
{
    json_decref(x->params);
    http_headers_free(&x->response_headers);
}

/* An entity tag is quoted text of visible characters; anything else would not come back as it was.
 */
static bool copy_etag(const char *etag, char to[128])
{
    to[0] = '\0';
    if (etag && strlen(etag) < 128)
        snprintf(to, 128, "%s", etag);
    return *to;
}

/* What an answer lacks that S3's always have: it was cut off, or is not S3's. Returns false. */
static bool lacks(const struct exchange *x, const char *what, struct err *err)
{
    err_set(err, ERR_TRANSIENT, "UnreadableResponse", "the answer has no %s", what);
    snprintf(err->operation, sizeof err->operation, "%s", x->call.op->name);
    return false;
}

/* Reads what the headers say of an object; all but its size, which a body says better. */
static bool read_meta(const struct exchange *x, struct object_meta *meta, struct err *err)
{
    const char *modified = http_headers_get(&x->response_headers, "Last-Modified");
    *meta = (struct object_meta){.now_ms = http_headers_date(&x->response_headers)};
    if (!copy_etag(http_headers_get(&x->response_headers, "ETag"), meta->etag))
        return lacks(x, "ETag", err);
    return (modified && clock_parse(modified, &meta->modified_ms)) ||
           lacks(x, "Last-Modified that can be read", err);
}

bool s3_get(struct aws *aws, struct http_client *http, const struct s3_bucket *bucket,
            const char *key, struct buf *body, struct object_meta *meta, struct err *err)
{
    struct object_meta found = {0};
    struct exchange x;
    bool ok;
    if (!exchange_start(&x, &get_object, bucket, key, err))
        return false;
    x.call.response_max = body->max;
    x.call.raw_body = body;
    x.call.response_headers = &x.response_headers;
    ok = exchange_run(&x, aws, http, err) && read_meta(&x, &found, err);
    found.size = body->size;
    if (ok && meta)
        *meta = found;
    exchange_end(&x);
    return ok;
}

bool s3_head(struct aws *aws, struct http_client *http, const struct s3_bucket *bucket,
             const char *key, struct object_meta *meta, char metadata[OBJECT_METADATA_SIZE],
             struct err *err)
{
    struct exchange x;
    if (!exchange_start(&x, &head_object, bucket, key, err))
        return false;
    x.call.response_headers = &x.response_headers;
    bool ok = exchange_run(&x, aws, http, err) && read_meta(&x, meta, err);
    const char *size = http_headers_get(&x.response_headers, "Content-Length");
    if (ok && !size)
        ok = lacks(&x, "Content-Length", err);
    if (ok)
        meta->size = strtoull(size, NULL, 10);
    const char *value = http_headers_get(&x.response_headers, METADATA_HEADER);
    if (metadata)
        snprintf(metadata, OBJECT_METADATA_SIZE, "%s", value ? value : "");
    exchange_end(&x);
    return ok;
}

/* Adds the header that makes a request conditional on an ETag. http_header wants char *, but a call
 * only reads it. */
static bool add_match(struct aws_call *call, struct http_header *headers, const char *etag,
                      struct err *err)
{
    if (!etag || !*etag)
        return err_set(err, ERR_INVALID, "",
                       "a request that must match an earlier object needs that object's ETag");
    headers[call->header_count++] = (struct http_header){(char *)"If-Match", (char *)etag};
    return true;
}

/* The headers of a put: what the bucket demands, the condition, the metadata. */
static bool add_put_headers(struct aws_call *call, struct http_header *headers,
                            const struct s3_demands *demands, const struct object_put *put,
                            struct err *err)
{
    memcpy(headers, demands->at, demands->count * sizeof headers[0]);
    call->headers = headers;
    call->header_count = demands->count;
    if (put->metadata && *put->metadata)
        headers[call->header_count++] =
            (struct http_header){(char *)METADATA_HEADER, (char *)put->metadata};
    if (put->condition == OBJECT_IF_ABSENT)
        headers[call->header_count++] = (struct http_header){(char *)"If-None-Match", (char *)"*"};
    return put->condition != OBJECT_IF_MATCH || add_match(call, headers, put->etag, err);
}

bool s3_put(struct aws *aws, struct http_client *http, const struct s3_bucket *bucket,
            const struct object_put *put, char new_etag[OBJECT_ETAG_SIZE], struct err *err)
{
    struct s3_demands demands;
    if (!s3_demands_set(&demands, bucket, put->body, err))
        return false;
    struct exchange x;
    if (!exchange_start(&x, &put_object, bucket, put->key, err))
        return false;
    struct http_header headers[S3_DEMANDS_MAX + 2];
    char found[OBJECT_ETAG_SIZE];
    x.call.content_type = put->content_type;
    x.call.body = *put->body;
    x.call.response_headers = &x.response_headers;
    bool ok =
        add_put_headers(&x.call, headers, &demands, put, err) && exchange_run(&x, aws, http, err) &&
        (copy_etag(http_headers_get(&x.response_headers, "ETag"), found) || lacks(&x, "ETag", err));
    if (ok && new_etag)
        memcpy(new_etag, found, sizeof found);
    exchange_end(&x);
    return ok;
}

bool s3_delete(struct aws *aws, struct http_client *http, const struct s3_bucket *bucket,
               const char *key, const char *etag, struct err *err)
{
    struct exchange x;
    if (!exchange_start(&x, &delete_object, bucket, key, err))
        return false;
    struct err why = ERR_INIT;
    struct http_header header;
    x.call.headers = &header;
    bool ok =
        (!etag || add_match(&x.call, &header, etag, &why)) && exchange_run(&x, aws, http, &why);
    exchange_end(&x);
    if (ok || strcmp(why.code, "NoSuchKey") == 0)
        return true;
    *err = why;
    return false;
}

/* --- listing --- */

/* A listing under way. */
struct listing {
    object_each_fn each;
    void *ctx;
    /* Of the object at hand. */
    struct buf key;
    /* S3's clock when it answered with this page. */
    int64_t now_ms;
    /* The caller has seen enough. */
    bool stopped;
};

static bool list_one(struct listing *l, const json_t *object, bool encoded, struct err *err)
{
    const char *key = jstr(object, "Key");
    const char *modified = jstr(object, "LastModified");
    struct object_meta meta = {.now_ms = l->now_ms, .size = (size_t)jint(object, "Size", 0)};
    buf_reset(&l->key);
    if (!key || !(encoded ? uri_decode(&l->key, key, strlen(key), true) : buf_adds(&l->key, key)))
        return err_set(err, ERR_TRANSIENT, "UnreadableResponse",
                       "a listing names an object without a key, or with one that cannot be "
                       "decoded");
    if (!copy_etag(jstr(object, "ETag"), meta.etag) || !modified ||
        !clock_parse(modified, &meta.modified_ms))
        return err_set(err, ERR_TRANSIENT, "UnreadableResponse",
                       "a listing names an object without an ETag or a time that can be read");
    l->stopped = !l->each(l->ctx, buf_str(&l->key), &meta);
    return true;
}

/* Hands on all objects of one answer. */
static bool list_page(struct listing *l, const json_t *page, struct err *err)
{
    const char *encoding = jstr(page, "EncodingType");
    bool encoded = encoding && strcmp(encoding, "url") == 0;
    json_t *objects = jlist(page, "Contents");
    bool ok = true;
    if (!objects)
        return err_set(err, ERR_INTERNAL, "", "out of memory while listing objects");
    for (size_t i = 0; ok && !l->stopped && i < json_array_size(objects); i++)
        ok = list_one(l, json_array_get(objects, i), encoded, err);
    json_decref(objects);
    return ok;
}

/* Makes the next request begin where this page ended. *more becomes false at the end of the
 * listing. */
static bool next_page(json_t *params, const json_t *page, bool *more, struct err *err)
{
    const char *token = jstr(page, "NextContinuationToken");
    const char *last = jstr(params, "continuation-token");
    *more = jbool(page, "IsTruncated", false);
    if (*more != jbool(page, "IsTruncated", true)) /* neither true nor false */
        return err_set(err, ERR_TRANSIENT, "UnreadableResponse",
                       "a listing does not say whether it is whole");
    if (!*more)
        return true;
    if (!token || !*token || (last && strcmp(token, last) == 0))
        return err_set(err, ERR_TRANSIENT, "UnreadableResponse",
                       "truncated listing without a continuation token");
    return json_object_set_new(params, "continuation-token", json_string(token)) == 0 ||
           err_set(err, ERR_INTERNAL, "", "out of memory while listing objects");
}

bool s3_list(struct aws *aws, struct http_client *http, const struct s3_bucket *bucket,
             const char *prefix, object_each_fn each, void *ctx, struct err *err)
{
    struct listing l = {.each = each, .ctx = ctx, .key = buf_make(KEY_MAX)};
    json_t *params = json_pack("{s:s, s:s, s:s}", "Bucket", bucket->name, "prefix", prefix,
                               "encoding-type", "url");
    struct http_headers headers = {0};
    struct aws_call call = {.op = &list_objects,
                            .params = params,
                            .bucket_owner = owner_of(bucket),
                            .response_headers = &headers};
    bool ok = true, more = true;
    if (!params)
        return err_set(err, ERR_INVALID, "", "the prefix of a listing is not valid UTF-8");
    while (ok && more && !l.stopped) {
        json_t *page = NULL;
        ok = aws_call(aws, http, &call, &page, err);
        l.now_ms = http_headers_date(&headers);
        ok = ok && list_page(&l, page, err) && next_page(params, page, &more, err);
        json_decref(page);
        http_headers_free(&headers);
    }
    json_decref(params);
    buf_free(&l.key);
    return ok;
}
