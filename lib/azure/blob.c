/* Blobs: get, head, conditional put, delete, list. Sends requests to one storage account. */
#include "lib/azure/blob.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/azure/names.h"
#include "lib/azure/storage_private.h"
#include "lib/json/jpath.h"
#include "lib/json/xml.h"
#include "lib/net/uri.h"

/* Names of metadata are identifiers of C#. */
#define METADATA_HEADER "x-ms-meta-hgautod_event"
/* 1,024 characters. */
#define NAME_MAX_BYTES 4096
#define PATH_MAX_BYTES (16u << 10)
/* Path and query of a listing. */
#define LIST_MAX_BYTES (32u << 10)
/* Room for an error, even if the blob may have less. */
#define ERROR_MAX (64u << 10)
/* Of one Put Blob request. */
#define PUT_MAX (UINT64_C(5000) << 20)

static bool blob_check_container(const struct azure_container *container, struct err *err)
{
    const char *problem = azure_container_problem(container->name);
    return !problem || err_set(err, ERR_INVALID, "", "\"%.80s\" %s", container->name, problem);
}

/* Returns true if a segment of a name is "." or "..": software on the way could take it for a
 * directory, and leave the container. The service treats '\' as '/'. */
static bool blob_name_has_dots(const char *name)
{
    for (const char *at = name;;) {
        size_t n = strcspn(at, "/\\");
        if ((n == 1 && at[0] == '.') || (n == 2 && at[0] == '.' && at[1] == '.'))
            return true;
        if (at[n] == '\0')
            return false;
        at += n + 1;
    }
}

static bool blob_build_request(const struct azure_container *container, const char *method,
                               const char *name, struct http_request *request, struct err *err)
{
    if (!blob_check_container(container, err))
        return false;
    if (!*name || strlen(name) > NAME_MAX_BYTES || blob_name_has_dots(name))
        return err_set(err, ERR_INVALID, "",
                       "the name of a blob is empty, longer than 4 KiB, or has a segment \".\" or "
                       "\"..\"");
    struct buf path = buf_make(PATH_MAX_BYTES);
    buf_addf(&path, "/%s/", container->name);
    uri_encode(&path, name, strlen(name), true);
    return storage_build_request(method, container->storage->blob, &path, request, err);
}

/* --- responses --- */

/* The response lacks what every response of the service has: it was cut off, or comes from a proxy.
 * Returns false. */
static bool blob_set_unreadable(struct err *err, const char *operation, const char *problem)
{
    err_set(err, ERR_TRANSIENT, "UnreadableResponse", "the response %s", problem);
    snprintf(err->operation, sizeof err->operation, "%s", operation);
    return false;
}

/* Copies an entity tag with its quotes, which listings omit. */
static bool blob_copy_etag(const char *etag, char to[OBJECT_ETAG_SIZE])
{
    to[0] = '\0';
    if (etag && *etag && strlen(etag) < OBJECT_ETAG_SIZE - 3) {
        bool quoted = *etag == '"' || strncmp(etag, "W/", 2) == 0;
        snprintf(to, OBJECT_ETAG_SIZE, quoted ? "%s" : "\"%s\"", etag);
    }
    return to[0] != '\0';
}

/* Fills in *meta. Returns false if the ETag or the time is missing or malformed. */
static bool blob_set_meta(const char *etag, const char *modified, size_t size, int64_t now_ms,
                          struct object_meta *meta)
{
    *meta = (struct object_meta){.now_ms = now_ms, .size = size};
    return blob_copy_etag(etag, meta->etag) && modified &&
           clock_parse(modified, &meta->modified_ms);
}

static bool blob_read_headers(const struct http_headers *headers, size_t size,
                              struct object_meta *meta)
{
    return blob_set_meta(http_headers_get(headers, "ETag"),
                         http_headers_get(headers, "Last-Modified"), size,
                         http_headers_date(headers), meta);
}

/* --- get, head --- */

/* Sends a GET of at most max bytes, or a HEAD if max is 0. */
static bool blob_read(const struct azure_container *container, struct http_client *http,
                      const char *name, size_t max, struct http_response *response, struct err *err)
{
    struct http_request request;
    if (!blob_build_request(container, max ? "GET" : "HEAD", name, &request, err))
        return false;
    request.response_max = max;
    bool ok = azure_storage_send(container->storage, http, max ? "GetBlob" : "GetBlobProperties",
                                 &request, response, err);
    http_request_free(&request);
    return ok;
}

/* Moves the response's bytes to `to`. */
static bool blob_take_body(struct http_response *response, struct buf *to, struct err *err)
{
    size_t max = to->max;
    if (response->body.size > max) {
        err_set(err, ERR_LIMIT, "", "the blob is larger than %zu bytes", max);
        snprintf(err->operation, sizeof err->operation, "GetBlob");
        return false;
    }
    buf_free(to);
    *to = response->body;
    to->max = max;
    response->body = buf_make(0);
    return true;
}

bool azure_blob_get(const struct azure_container *container, struct http_client *http,
                    const char *name, struct buf *body, struct object_meta *meta, struct err *err)
{
    struct http_response response;
    size_t max = body->max > ERROR_MAX ? body->max : ERROR_MAX;
    if (!blob_read(container, http, name, max, &response, err))
        return false;
    struct object_meta found;
    bool ok = false;
    if (!blob_read_headers(&response.headers, response.body.size, &found))
        blob_set_unreadable(err, "GetBlob", "has no valid ETag or Last-Modified");
    else if (response.open_ended)
        blob_set_unreadable(err, "GetBlob", "has no length, so that it may have been cut off");
    else
        ok = blob_take_body(&response, body, err);
    if (ok && meta)
        *meta = found;
    http_response_free(&response);
    return ok;
}

bool azure_blob_head(const struct azure_container *container, struct http_client *http,
                     const char *name, struct object_meta *meta,
                     char metadata[OBJECT_METADATA_SIZE], struct err *err)
{
    struct http_response response;
    if (!blob_read(container, http, name, 0, &response, err))
        return false;
    const char *size = http_headers_get(&response.headers, "Content-Length");
    size_t digits = size ? strspn(size, "0123456789") : 0;
    bool ok = digits > 0 && digits < 19 && !size[digits] &&
              blob_read_headers(&response.headers, strtoull(size, NULL, 10), meta);
    if (!ok)
        blob_set_unreadable(err, "GetBlobProperties",
                            "has no valid ETag, Last-Modified or Content-Length");
    const char *value = http_headers_get(&response.headers, METADATA_HEADER);
    if (metadata)
        snprintf(metadata, OBJECT_METADATA_SIZE, "%s", value ? value : "");
    http_response_free(&response);
    return ok;
}

/* --- put, delete --- */

static bool blob_add_put_headers(struct http_request *request, const struct object_put *put,
                                 struct err *err)
{
    const char *name = put->condition == OBJECT_IF_ABSENT ? "If-None-Match" : "If-Match";
    const char *value = put->condition == OBJECT_IF_ABSENT ? "*" : put->etag;
    if (put->condition == OBJECT_IF_MATCH && (!put->etag || !*put->etag))
        return err_set(err, ERR_INVALID, "",
                       "writing a blob only if it is unchanged requires its ETag");
    struct http_headers *headers = &request->headers;
    bool ok =
        http_headers_add(headers, "x-ms-blob-type", "BlockBlob") &&
        (!put->content_type || http_headers_add(headers, "Content-Type", put->content_type)) &&
        (put->condition == OBJECT_ALWAYS || http_headers_add(headers, name, value)) &&
        (!put->metadata || !*put->metadata ||
         http_headers_add(headers, METADATA_HEADER, put->metadata));
    return ok || err_set(err, ERR_INVALID, "",
                         "the type, ETag or metadata of the blob cannot be sent as a header");
}

bool azure_blob_put(const struct azure_container *container, struct http_client *http,
                    const struct object_put *put, char etag[OBJECT_ETAG_SIZE], struct err *err)
{
    if (put->body->size > PUT_MAX)
        return err_set(err, ERR_LIMIT, "",
                       "a blob of more than 5,000 MiB cannot be written at once");
    struct http_request request;
    if (!blob_build_request(container, "PUT", put->key, &request, err))
        return false;
    struct http_response response;
    request.body = *put->body;
    bool ok = blob_add_put_headers(&request, put, err) &&
              azure_storage_send(container->storage, http, "PutBlob", &request, &response, err);
    http_request_free(&request);
    if (!ok)
        return false;
    char found[OBJECT_ETAG_SIZE];
    ok = blob_copy_etag(http_headers_get(&response.headers, "ETag"), found) ||
         blob_set_unreadable(err, "PutBlob", "has no valid ETag");
    if (ok && etag)
        memcpy(etag, found, sizeof found);
    http_response_free(&response);
    return ok;
}

bool azure_blob_delete(const struct azure_container *container, struct http_client *http,
                       const char *name, const char *etag, struct err *err)
{
    struct http_request request;
    if (!blob_build_request(container, "DELETE", name, &request, err))
        return false;
    struct http_response response;
    struct err why = ERR_INIT;
    bool ok = !etag || (*etag && http_headers_add(&request.headers, "If-Match", etag)) ||
              err_set(&why, ERR_INVALID, "", "the ETag of the blob cannot be sent as a header");
    ok =
        ok && azure_storage_send(container->storage, http, "DeleteBlob", &request, &response, &why);
    http_request_free(&request);
    if (ok)
        http_response_free(&response);
    else if (strcmp(why.code, "BlobNotFound") == 0)
        ok = true;
    else
        *err = why;
    return ok;
}

/* --- list --- */

static const char LIST[] = "ListBlobs";

/* A listing in progress. */
struct listing {
    const struct azure_container *container;
    struct http_client *http;
    const char *prefix;
    object_each_fn each;
    void *ctx;
    /* Of the next page; "": of the first one, or there is none. */
    char marker[8192];
    /* The service's clock when it returned this page. */
    int64_t now_ms;
    /* `each` returned false. */
    bool stopped;
};

static bool list_build_request(const struct listing *l, struct http_request *request,
                               struct err *err)
{
    struct buf rest = buf_make(LIST_MAX_BYTES);
    buf_addf(&rest, "/%s?restype=container&comp=list", l->container->name);
    if (*l->prefix) {
        buf_adds(&rest, "&prefix=");
        uri_encode(&rest, l->prefix, strlen(l->prefix), false);
    }
    if (*l->marker) {
        buf_adds(&rest, "&marker=");
        uri_encode(&rest, l->marker, strlen(l->marker), false);
    }
    return storage_build_request("GET", l->container->storage->blob, &rest, request, err);
}

static bool list_read_blob(struct listing *l, const json_t *blob, struct err *err)
{
    const char *name = jstr(blob, "Name");
    const char *type = jstr(blob, "Properties.ResourceType");
    struct object_meta meta;
    if (!name || !*name)
        return blob_set_unreadable(err, LIST, "contains a blob without a name");
    /* Of an account with a hierarchical namespace; not a blob. */
    if (type && strcmp(type, "directory") == 0)
        return true;
    int64_t size = jint(blob, "Properties.Content-Length", 0);
    if (!blob_set_meta(jstr(blob, "Properties.Etag"), jstr(blob, "Properties.Last-Modified"),
                       size > 0 ? (size_t)size : 0, l->now_ms, &meta))
        return blob_set_unreadable(err, LIST,
                                   "contains a blob without a valid ETag or Last-Modified");
    l->stopped = !l->each(l->ctx, name, &meta);
    return true;
}

static bool list_read_page(struct listing *l, const json_t *page, struct err *err)
{
    const char *next = jstr(page, "EnumerationResults.NextMarker");
    if (!jget(page, "EnumerationResults"))
        return blob_set_unreadable(err, LIST, "has another root element than EnumerationResults");
    if (!next)
        return blob_set_unreadable(err, LIST, "has no NextMarker, so that it may be incomplete");
    json_t *blobs = jlist(page, "EnumerationResults.Blobs.Blob");
    bool ok = true;
    for (size_t i = 0; ok && !l->stopped && i < json_array_size(blobs); i++)
        ok = list_read_blob(l, json_array_get(blobs, i), err);
    json_decref(blobs);
    if (ok && (strlen(next) >= sizeof l->marker || (*next && strcmp(next, l->marker) == 0)))
        ok = blob_set_unreadable(err, LIST, "repeats the last marker, or its marker is too long");
    if (ok)
        snprintf(l->marker, sizeof l->marker, "%s", next);
    return ok;
}

/* Fetches one page, and passes its blobs on. */
static bool list_fetch_page(struct listing *l, struct err *err)
{
    struct http_request request;
    if (!list_build_request(l, &request, err))
        return false;
    struct http_response response;
    bool ok = azure_storage_send(l->container->storage, l->http, LIST, &request, &response, err);
    http_request_free(&request);
    if (!ok)
        return false;
    l->now_ms = http_headers_date(&response.headers);
    struct err why = ERR_INIT;
    json_t *page = xml_parse(buf_str(&response.body), response.body.size, &why);
    ok = page ? list_read_page(l, page, err) : blob_set_unreadable(err, LIST, "is not valid XML");
    json_decref(page);
    http_response_free(&response);
    return ok;
}

bool azure_blob_list(const struct azure_container *container, struct http_client *http,
                     const char *prefix, object_each_fn each, void *ctx, struct err *err)
{
    struct listing l = {.container = container,
                        .http = http,
                        .prefix = prefix ? prefix : "",
                        .each = each,
                        .ctx = ctx};
    if (!blob_check_container(container, err))
        return false;
    bool ok = list_fetch_page(&l, err);
    while (ok && !l.stopped && *l.marker)
        ok = list_fetch_page(&l, err);
    return ok;
}
