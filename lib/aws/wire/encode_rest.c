/* Encodes REST-JSON and REST-XML requests: places each parameter into the path, the query, the host
 * or the body. */
#include "lib/aws/wire/encode_rest.h"

#include <string.h>

#include "lib/aws/names.h"
#include "lib/aws/wire/encode_value.h"
#include "lib/base/crypto.h"
#include "lib/json/jpath.h"

/* Bytes; S3 keys may have 1,024, each becoming three. */
#define URL_MAX      (16u << 10)
#define BUCKET_LABEL "/{Bucket}"
#define BUCKET_OWNER "x-amz-expected-bucket-owner"

/* --- path labels --- */

/* A "{Name}" or "{Name+}" of a path template. */
struct label {
    const char *name;
    size_t size;
    /* Takes slashes. */
    bool greedy;
    /* After the '}'. */
    const char *end;
};

/* Finds the first label of a template; false if there is none. */
static bool label_find(const char *path, struct label *l)
{
    const char *open = strchr(path, '{');
    const char *close = open ? strchr(open, '}') : NULL;
    if (!close)
        return false;
    l->name = open + 1;
    l->size = (size_t)(close - l->name);
    l->greedy = l->size > 0 && l->name[l->size - 1] == '+';
    l->size -= l->greedy;
    l->end = close + 1;
    return true;
}

/* Returns true if the path takes the parameter of that name. */
static bool label_exists(const struct aws_op *op, const char *key)
{
    struct label l;
    size_t size = strlen(key);
    for (const char *at = op->path ? op->path : ""; label_find(at, &l); at = l.end)
        if (l.size == size && memcmp(l.name, key, size) == 0)
            return true;
    return false;
}

/* Returns true if a server that normalizes paths would remove the segment, so that the request
 * would go elsewhere. */
static bool label_is_dots(const char *segment, size_t size)
{
    return (size == 1 || size == 2) && memcmp(segment, "..", size) == 0;
}

static bool label_has_dots(const char *text, size_t size, bool greedy)
{
    if (!greedy)
        return label_is_dots(text, size);
    for (size_t i = 0, n; i <= size; i += n + 1) {
        const char *slash = memchr(text + i, '/', size - i);
        n = slash ? (size_t)(slash - (text + i)) : size - i;
        if (label_is_dots(text + i, n))
            return true;
    }
    return false;
}

static bool label_add(struct buf *url, const json_t *params, const struct label *l, struct err *err)
{
    const json_t *value = json_object_getn(params, l->name, l->size);
    const char *text = json_string_value(value);
    size_t size = json_string_length(value);
    if (json_is_integer(value))
        return aws_add_scalar(url, value);
    if (!text || size == 0)
        return err_set(err, ERR_INVALID, "", "the parameter %.*s is missing or empty", (int)l->size,
                       l->name);
    if (label_has_dots(text, size, l->greedy))
        return err_set(
            err, ERR_INVALID, "",
            "the parameter %.*s contains a path segment \".\" or \"..\", which is not allowed",
            (int)l->size, l->name);
    return uri_encode(url, text, size, l->greedy);
}

static bool rest_add_path(struct buf *url, const char *path, const json_t *params, struct err *err)
{
    struct label l;
    for (; label_find(path, &l); path = l.end) {
        buf_add(url, path, (size_t)(l.name - 1 - path));
        if (!label_add(url, params, &l, err))
            return false;
    }
    buf_adds(url, path);
    return true;
}

/* --- query --- */

/* Returns true if the parameters that the path does not take go into the query. */
static bool rest_is_query(const struct aws_op *op, const char *method)
{
    return op->service->protocol == AWS_REST_XML ||
           (op->service->protocol == AWS_REST_JSON &&
            (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 ||
             strcmp(method, "DELETE") == 0));
}

static bool rest_add_param(struct buf *url, char *separator, const char *key, const json_t *value,
                           struct err *err)
{
    buf_addc(url, *separator);
    *separator = '&';
    uri_encode(url, key, strlen(key), false);
    buf_addc(url, '=');
    if (aws_add_scalar(url, value) || !buf_ok(url))
        return true;
    return err_set(err, ERR_INVALID, "", "the parameter %s cannot be sent in a URL's query", key);
}

static bool rest_add_query(struct buf *url, const struct aws_call *call, const char *method,
                           struct err *err)
{
    char separator = '?';
    const char *key;
    json_t *value;
    if (call->op->query) {
        buf_addc(url, separator);
        buf_adds(url, call->op->query);
        separator = '&';
    }
    if (!rest_is_query(call->op, method))
        return true;
    json_object_foreach((json_t *)call->params, key, value) {
        size_t count = json_is_array(value) ? json_array_size(value) : 1;
        if (label_exists(call->op, key) || json_is_null(value))
            continue;
        for (size_t i = 0; i < count; i++)
            if (!rest_add_param(url, &separator, key,
                                json_is_array(value) ? json_array_get(value, i) : value, err))
                return false;
    }
    return true;
}

/* --- URL --- */

/* Finds the bucket that goes before the host; NULL if none does. A name that cannot be part of a
 * host stays in the path, as do buckets with a dot over https, which a wildcard certificate does
 * not cover. */
static bool rest_bucket_for_host(const struct aws_call *call, bool https, bool path_style,
                                 const char **bucket, struct err *err)
{
    const char *path = call->op->path;
    *bucket = NULL;
    if (call->op->service->protocol != AWS_REST_XML || !path ||
        strncmp(path, BUCKET_LABEL, sizeof BUCKET_LABEL - 1) != 0)
        return true;
    *bucket = jstr(call->params, "Bucket");
    if (!*bucket || aws_bucket_problem(*bucket))
        return err_set(err, ERR_INVALID, "", "\"%.100s\" %s", *bucket ? *bucket : "",
                       aws_bucket_problem(*bucket ? *bucket : ""));
    if (path_style || !aws_bucket_is_host(*bucket) || (https && strchr(*bucket, '.')))
        *bucket = NULL;
    return true;
}

/* Appends scheme and host, and advances *path past the bucket if the host contains it. */
static bool rest_add_origin(struct buf *url, const struct aws_call *call, const char *endpoint,
                            bool path_style, const char **path, struct err *err)
{
    const char *host = strstr(endpoint, "://");
    const char *bucket;
    if (!host)
        return err_set(err, ERR_INVALID, "", "the endpoint %s is not an absolute URL", endpoint);
    if (!rest_bucket_for_host(call, strncmp(endpoint, "https:", 6) == 0, path_style, &bucket, err))
        return false;
    if (!bucket) {
        buf_adds(url, endpoint);
        /* "/" is not appended to the endpoint's own path, as in the SDKs. */
        if (strcmp(*path, "/") == 0 && strchr(host + 3, '/'))
            *path = "";
        return true;
    }
    host += 3;
    buf_add(url, endpoint, (size_t)(host - endpoint));
    buf_adds(url, bucket);
    buf_addc(url, '.');
    buf_adds(url, host);
    *path += sizeof BUCKET_LABEL - 1;
    if (!**path)
        *path = "/";
    return true;
}

bool aws_rest_url(const struct aws_call *call, const char *endpoint, bool path_style,
                  struct http_request *request, struct err *err)
{
    struct buf url = buf_make(URL_MAX);
    const char *path = call->op->path ? call->op->path : "/";
    bool ok = buf_reserve(&url, 256) &&
              rest_add_origin(&url, call, endpoint, path_style, &path, err) &&
              rest_add_path(&url, path, call->params, err) &&
              rest_add_query(&url, call, request->method, err);
    if (buf_ok(&url) && ok)
        request->url = buf_take(&url);
    else if (!buf_ok(&url))
        err_set(err, ERR_INVALID, "", "the URL is longer than %u bytes", URL_MAX);
    buf_free(&url);
    return request->url != NULL;
}

/* --- bodies --- */

bool aws_rest_json_body(const struct aws_call *call, struct http_request *request, struct err *err)
{
    struct buf *to = &request->owned_body;
    bool ok = true, first = true;
    const char *key;
    json_t *value;
    if (rest_is_query(call->op, request->method))
        return true;
    buf_addc(to, '{');
    json_object_foreach((json_t *)call->params, key, value) {
        if (label_exists(call->op, key))
            continue;
        if (!first)
            buf_addc(to, ',');
        first = false;
        jquote(to, key, strlen(key));
        buf_addc(to, ':');
        ok = ok && aws_add_json(to, value);
    }
    buf_addc(to, '}');
    return (ok && buf_ok(to)) || aws_encode_params_error(err);
}

static bool rest_add_content_md5(struct http_request *request, struct err *err)
{
    uint8_t digest[MD5_SIZE];
    struct buf text = buf_make(64);
    const struct http_body *body = &request->body;
    if (!body->data && body->read)
        return err_set(err, ERR_INVALID, "", "Content-MD5 of a streamed body is not supported");
    md5(body->data ? body->data : "", body->data ? body->size : 0, digest);
    base64_add(&text, digest, sizeof digest);
    bool ok = buf_ok(&text) && http_headers_add(&request->headers, "Content-MD5", buf_str(&text));
    buf_free(&text);
    return ok || aws_encode_header_error("Content-MD5", err);
}

bool aws_rest_xml_body(const struct aws_call *call, struct http_request *request, struct err *err)
{
    request->body = call->body;
    if (call->content_type &&
        !http_headers_add(&request->headers, "Content-Type", call->content_type))
        return aws_encode_header_error("Content-Type", err);
    if (call->bucket_owner && !call->op->makes_bucket &&
        !http_headers_add(&request->headers, BUCKET_OWNER, call->bucket_owner))
        return aws_encode_header_error(BUCKET_OWNER, err);
    for (size_t i = 0; i < call->header_count; i++)
        if (!http_headers_add(&request->headers, call->headers[i].name, call->headers[i].value))
            return aws_encode_header_error(call->headers[i].name, err);
    return !call->content_md5 || rest_add_content_md5(request, err);
}
