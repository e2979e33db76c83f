/* S3 objects over aws_call: get, head, conditional put and delete, list. Keeps no state. */
#include "lib/aws/s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/aws/s3_demands.h"
#include "lib/json/jpath.h"
#include "lib/net/uri.h"

#define METADATA_HEADER "x-amz-meta-hgautod-event"
#define KEY_MAX                                                                                    \
    3072 /* bytes of a decoded key: 1,024 characters, which some S3-compatible services count */

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

/* A request about an object, and the headers of its response. */
struct s3_request {
    struct aws_call call;
    json_t *params;
    struct http_headers response_headers;
};

/* Returns NULL for "" too. */
static const char *s3_owner(const struct s3_bucket *bucket)
{
    return bucket->owner && *bucket->owner ? bucket->owner : NULL;
}

static bool s3_request_init(struct s3_request *r, const struct aws_op *op,
                            const struct s3_bucket *bucket, const char *key, struct err *err)
{
    *r = (struct s3_request){.params = json_pack("{s:s, s:s}", "Bucket", bucket->name, "Key", key)};
    if (!r->params)
        return err_set(err, ERR_INVALID, "", "the key of an object is not valid UTF-8");
    r->call = (struct aws_call){.op = op, .params = r->params, .bucket_owner = s3_owner(bucket)};
    return true;
}

/* Sends the request and drops the decoded result: headers and body have everything. */
static bool s3_request_send(struct s3_request *r, struct aws *aws, struct http_client *http,
                            struct err *err)
{
    json_t *result = NULL;
    bool ok = aws_call(aws, http, &r->call, &result, err);
    json_decref(result);
    return ok;
}

static void s3_request_free(struct s3_request *r)
{
    json_decref(r->params);
    http_headers_free(&r->response_headers);
}

/* Copies an entity tag; false if there is none, or one that is too long. */
static bool s3_copy_etag(const char *etag, char to[128])
{
    to[0] = '\0';
    if (etag && strlen(etag) < 128)
        snprintf(to, 128, "%s", etag);
    return *to;
}

/* Reports a response without something that S3 always sends: it was cut off, or is not from S3.
 * Returns false. */
static bool s3_response_lacks(const struct s3_request *r, const char *what, struct err *err)
{
    err_set(err, ERR_TRANSIENT, "UnreadableResponse", "the response has no %s", what);
    snprintf(err->operation, sizeof err->operation, "%s", r->call.op->name);
    return false;
}

/* Reads the metadata from the headers, except for the size. */
static bool s3_read_meta(const struct s3_request *r, struct object_meta *meta, struct err *err)
{
    const char *modified = http_headers_get(&r->response_headers, "Last-Modified");
    *meta = (struct object_meta){.now_ms = http_headers_date(&r->response_headers)};
    if (!s3_copy_etag(http_headers_get(&r->response_headers, "ETag"), meta->etag))
        return s3_response_lacks(r, "ETag", err);
    return (modified && clock_parse(modified, &meta->modified_ms)) ||
           s3_response_lacks(r, "readable Last-Modified", err);
}

bool s3_get(struct aws *aws, struct http_client *http, const struct s3_bucket *bucket,
            const char *key, struct buf *body, struct object_meta *meta, struct err *err)
{
    struct object_meta found = {0};
    struct s3_request r;
    bool ok;
    if (!s3_request_init(&r, &get_object, bucket, key, err))
        return false;
    r.call.response_max = body->max;
    r.call.raw_body = body;
    r.call.response_headers = &r.response_headers;
    ok = s3_request_send(&r, aws, http, err) && s3_read_meta(&r, &found, err);
    found.size = body->size;
    if (ok && meta)
        *meta = found;
    s3_request_free(&r);
    return ok;
}

bool s3_head(struct aws *aws, struct http_client *http, const struct s3_bucket *bucket,
             const char *key, struct object_meta *meta, char metadata[OBJECT_METADATA_SIZE],
             struct err *err)
{
    struct s3_request r;
    if (!s3_request_init(&r, &head_object, bucket, key, err))
        return false;
    r.call.response_headers = &r.response_headers;
    bool ok = s3_request_send(&r, aws, http, err) && s3_read_meta(&r, meta, err);
    const char *size = http_headers_get(&r.response_headers, "Content-Length");
    if (ok && !size)
        ok = s3_response_lacks(&r, "Content-Length", err);
    if (ok)
        meta->size = strtoull(size, NULL, 10);
    const char *value = http_headers_get(&r.response_headers, METADATA_HEADER);
    if (metadata)
        snprintf(metadata, OBJECT_METADATA_SIZE, "%s", value ? value : "");
    s3_request_free(&r);
    return ok;
}

/* Adds the header that makes a request conditional on an ETag. */
static bool s3_add_match(struct aws_call *call, struct http_header *headers, const char *etag,
                         struct err *err)
{
    if (!etag || !*etag)
        return err_set(err, ERR_INVALID, "",
                       "a request that must match an earlier object needs that object's ETag");
    headers[call->header_count++] = (struct http_header){"If-Match", etag};
    return true;
}

/* Adds the headers of a put: what the bucket demands, the condition, the metadata. */
static bool s3_add_put_headers(struct aws_call *call, struct http_header *headers,
                               const struct s3_demands *demands, const struct object_put *put,
                               struct err *err)
{
    memcpy(headers, demands->at, demands->count * sizeof headers[0]);
    call->headers = headers;
    call->header_count = demands->count;
    if (put->metadata && *put->metadata)
        headers[call->header_count++] = (struct http_header){METADATA_HEADER, put->metadata};
    if (put->condition == OBJECT_IF_ABSENT)
        headers[call->header_count++] = (struct http_header){"If-None-Match", "*"};
    return put->condition != OBJECT_IF_MATCH || s3_add_match(call, headers, put->etag, err);
}

bool s3_put(struct aws *aws, struct http_client *http, const struct s3_bucket *bucket,
            const struct object_put *put, char new_etag[OBJECT_ETAG_SIZE], struct err *err)
{
    struct s3_demands demands;
    if (!s3_demands_set(&demands, bucket, put->body, err))
        return false;
    struct s3_request r;
    if (!s3_request_init(&r, &put_object, bucket, put->key, err))
        return false;
    struct http_header headers[S3_DEMANDS_MAX + 2];
    char found[OBJECT_ETAG_SIZE];
    r.call.content_type = put->content_type;
    r.call.body = *put->body;
    r.call.response_headers = &r.response_headers;
    bool ok = s3_add_put_headers(&r.call, headers, &demands, put, err) &&
              s3_request_send(&r, aws, http, err) &&
              (s3_copy_etag(http_headers_get(&r.response_headers, "ETag"), found) ||
               s3_response_lacks(&r, "ETag", err));
    if (ok && new_etag)
        memcpy(new_etag, found, sizeof found);
    s3_request_free(&r);
    return ok;
}

bool s3_delete(struct aws *aws, struct http_client *http, const struct s3_bucket *bucket,
               const char *key, const char *etag, struct err *err)
{
    struct s3_request r;
    if (!s3_request_init(&r, &delete_object, bucket, key, err))
        return false;
    struct err why = ERR_INIT;
    struct http_header header;
    r.call.headers = &header;
    bool ok = (!etag || s3_add_match(&r.call, &header, etag, &why)) &&
              s3_request_send(&r, aws, http, &why);
    s3_request_free(&r);
    if (ok || strcmp(why.code, "NoSuchKey") == 0)
        return true;
    *err = why;
    return false;
}

/* --- listing --- */

/* A listing in progress. */
struct s3_listing {
    object_each_fn each;
    void *ctx;
    /* Of the current object. */
    struct buf key;
    /* S3's clock when it sent the current page. */
    int64_t now_ms;
    /* The caller has ended the listing. */
    bool stopped;
};

static bool s3_list_object(struct s3_listing *l, const json_t *object, bool encoded,
                           struct err *err)
{
    const char *key = jstr(object, "Key");
    const char *modified = jstr(object, "LastModified");
    struct object_meta meta = {.now_ms = l->now_ms, .size = (size_t)jint(object, "Size", 0)};
    buf_reset(&l->key);
    if (!key || !(encoded ? uri_decode(&l->key, key, strlen(key), true) : buf_adds(&l->key, key)))
        return err_set(err, ERR_TRANSIENT, "UnreadableResponse",
                       "a listing contains an object without a key, or with one that cannot be "
                       "decoded");
    if (!s3_copy_etag(jstr(object, "ETag"), meta.etag) || !modified ||
        !clock_parse(modified, &meta.modified_ms))
        return err_set(err, ERR_TRANSIENT, "UnreadableResponse",
                       "a listing contains an object without an ETag or a readable time");
    l->stopped = !l->each(l->ctx, buf_str(&l->key), &meta);
    return true;
}

/* Passes on all objects of a page. */
static bool s3_list_page(struct s3_listing *l, const json_t *page, struct err *err)
{
    const char *encoding = jstr(page, "EncodingType");
    bool encoded = encoding && strcmp(encoding, "url") == 0;
    json_t *objects = jlist(page, "Contents");
    bool ok = true;
    for (size_t i = 0; ok && !l->stopped && i < json_array_size(objects); i++)
        ok = s3_list_object(l, json_array_get(objects, i), encoded, err);
    json_decref(objects);
    return ok;
}

/* Makes the next request begin where this page ended. *more becomes false at the end of the
 * listing. */
static bool s3_list_continue(json_t *params, const json_t *page, bool *more, struct err *err)
{
    const char *token = jstr(page, "NextContinuationToken");
    const char *last = jstr(params, "continuation-token");
    *more = jbool(page, "IsTruncated", false);
    if (*more != jbool(page, "IsTruncated", true)) /* neither true nor false */
        return err_set(err, ERR_TRANSIENT, "UnreadableResponse",
                       "a listing does not indicate whether it is complete");
    if (!*more)
        return true;
    if (!token || !*token || (last && strcmp(token, last) == 0))
        return err_set(err, ERR_TRANSIENT, "UnreadableResponse",
                       "truncated listing without a continuation token");
    json_object_set_new(params, "continuation-token", json_string(token));
    return true;
}

bool s3_list(struct aws *aws, struct http_client *http, const struct s3_bucket *bucket,
             const char *prefix, object_each_fn each, void *ctx, struct err *err)
{
    struct s3_listing l = {.each = each, .ctx = ctx, .key = buf_make(KEY_MAX)};
    json_t *params = json_pack("{s:s, s:s, s:s}", "Bucket", bucket->name, "prefix", prefix,
                               "encoding-type", "url");
    struct http_headers headers = {0};
    struct aws_call call = {.op = &list_objects,
                            .params = params,
                            .bucket_owner = s3_owner(bucket),
                            .response_headers = &headers};
    bool ok = true, more = true;
    if (!params)
        return err_set(err, ERR_INVALID, "", "the prefix of a listing is not valid UTF-8");
    while (ok && more && !l.stopped) {
        json_t *page = NULL;
        ok = aws_call(aws, http, &call, &page, err);
        l.now_ms = http_headers_date(&headers);
        ok = ok && s3_list_page(&l, page, err) && s3_list_continue(params, page, &more, err);
        json_decref(page);
        http_headers_free(&headers);
    }
    json_decref(params);
    buf_free(&l.key);
    return ok;
}
