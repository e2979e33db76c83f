/* Blobs: get, conditional put, delete, list. */
#include "lib/azure/blob.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/azure/names.h"
#include "lib/azure/storage_private.h"
#include "lib/json/jpath.h"
#include "lib/json/xml.h"
#include "lib/net/uri.h"

/* The names of metadata are identifiers of C#. */
#define METADATA_HEADER "x-ms-meta-hgautod_event"
#define NAME_MAX_BYTES  4096 /* 1,024 characters */
#define PATH_MAX_BYTES  (16u << 10)
#define ERROR_MAX       (64u << 10) /* room for an error, however small the blob may be */
#define PUT_MAX         (UINT64_C(5000) << 20) /* what one Put Blob request may carry */

/* Whether a segment of a name is "." or "..": on the way it could be taken for a folder, and lead
 * out of the container. The service reads '\' as '/'. */
static bool has_dot_segment(const char *name)
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

/* Begins a request on a blob. */
static bool blob_request(const struct azure_storage *s, const char *method, const char *container,
                         const char *name, struct http_request *request, struct err *err)
{
    struct buf path = buf_make(PATH_MAX_BYTES);
    if (azure_container_problem(container))
        return err_set(err, ERR_INVALID, "", "\"%.80s\" %s", container,
                       azure_container_problem(container));
    if (!*name || strlen(name) > NAME_MAX_BYTES || has_dot_segment(name)) {
        return err_set(err, ERR_INVALID, "",
                       "a blob's name is empty, too long, or has a segment of dots alone");
    }
    buf_addf(&path, "/%s/", container);
    uri_encode(&path, name, strlen(name), true);
    return storage_build_request(method, s->blob, &path, request, err);
}

/* An entity tag with its quotes, which a listing leaves out. */
static bool copy_etag(const char *etag, char to[128])
{
    to[0] = '\0';
    if (etag && *etag && strlen(etag) < 125) {
        bool quoted = *etag == '"' || strncmp(etag, "W/", 2) == 0;
        snprintf(to, 128, quoted ? "%s" : "\"%s\"", etag);
    }
    return to[0] != '\0';
}

/* Says that an answer lacks what the service's always have: it was cut off, or is not the
 * service's. Returns false. */
static bool unreadable(struct err *err, const char *operation, const char *problem)
{
    err_set(err, ERR_TRANSIENT, "UnreadableAnswer", "the answer %s", problem);
    snprintf(err->operation, sizeof(err->operation), "%s", operation);
    return false;
}

/* False when the ETag or the time is missing or cannot be read. now_ms is the answer's. */
static bool read_meta(const char *etag, const char *modified, size_t size, int64_t now_ms,
                      struct object_meta *meta)
{
    *meta = (struct object_meta){.now_ms = now_ms, .size = size};
    return copy_etag(etag, meta->etag) && modified && clock_parse(modified, &meta->modified_ms);
}

/* Reads what the headers of an answer say of the blob whose bytes came with them. */
static bool read_headers(const struct http_response *response, struct object_meta *meta,
                         struct err *err)
{
    if (!read_meta(http_headers_get(&response->headers, "ETag"),
                   http_headers_get(&response->headers, "Last-Modified"), response->body.size,
                   http_headers_date(&response->headers), meta))
        return unreadable(err, "GetBlob", "has no ETag, or no Last-Modified that can be read");
    return !response->open_ended ||
           unreadable(err, "GetBlob", "does not say where it ends: it may have been cut off");
}

/* Hands the answer's bytes over without a copy. */
static bool take_body(struct http_response *response, struct buf *to, struct err *err)
{
    size_t max = to->max;
    if (response->body.size > max) {
        err_set(err, ERR_LIMIT, "", "the blob is larger than %zu bytes", max);
        snprintf(err->operation, sizeof(err->operation), "GetBlob");
        return false;
    }
    buf_free(to);
    *to = response->body;
    to->max = max;
    response->body = buf_make(0);
    return true;
}

bool azure_blob_get(const struct azure_storage *s, struct http_client *http, const char *container,
                    const char *name, struct buf *body, struct object_meta *meta, struct err *err)
{
    struct object_meta found;
    struct http_request request;
    struct http_response response;
    if (!blob_request(s, "GET", container, name, &request, err))
        return false;
    request.response_max = body->max > ERROR_MAX ? body->max : ERROR_MAX;
    bool ok = azure_storage_send(s, http, "GetBlob", &request, &response, err);
    http_request_free(&request);
    if (!ok)
        return false;
    ok = read_headers(&response, &found, err) && take_body(&response, body, err);
    if (ok && meta)
        *meta = found;
    http_response_free(&response);
    return ok;
}

static bool add_put_headers(struct http_request *request, const struct object_put *put,
                            struct err *err)
{
    const char *name = put->condition == OBJECT_IF_ABSENT ? "If-None-Match" : "If-Match";
    const char *value = put->condition == OBJECT_IF_ABSENT ? "*" : put->etag;
    if (put->condition == OBJECT_IF_MATCH && (!put->etag || !*put->etag))
        return err_set(err, ERR_INVALID, "",
                       "a put that must match an earlier blob needs that blob's ETag");
    struct http_headers *headers = &request->headers;
    bool ok =
        http_headers_add(headers, "x-ms-blob-type", "BlockBlob") &&
        (!put->content_type || http_headers_add(headers, "Content-Type", put->content_type)) &&
        (put->condition == OBJECT_ALWAYS || http_headers_add(headers, name, value)) &&
        (!put->metadata || !*put->metadata ||
         http_headers_add(headers, METADATA_HEADER, put->metadata));
    return ok || err_set(err, ERR_INVALID, "",
                         "the put's type, ETag or metadata cannot be sent as a header");
}

/* Sends a put whose headers are there, and frees the request. */
static bool send_put(const struct azure_storage *s, struct http_client *http,
                     struct http_request *request, const struct http_body *body, char new_etag[128],
                     struct err *err)
{
    char found[128];
    struct http_response response;
    request->body = *body;
    bool ok = azure_storage_send(s, http, "PutBlob", request, &response, err);
    if (!ok)
        return false;
    ok = copy_etag(http_headers_get(&response.headers, "ETag"), found) ||
         unreadable(err, "PutBlob", "has no ETag");
    if (ok && new_etag)
        memcpy(new_etag, found, sizeof(found));
    http_response_free(&response);
    return ok;
}

bool azure_blob_put(const struct azure_storage *s, struct http_client *http, const char *container,
                    const struct object_put *put, char new_etag[OBJECT_ETAG_SIZE], struct err *err)
{
    if (put->body->size > PUT_MAX)
        return err_set(err, ERR_LIMIT, "", "a blob of more than 5,000 MiB cannot be put at once");
    struct http_request request;
    if (!blob_request(s, "PUT", container, put->key, &request, err))
        return false;
    bool ok = add_put_headers(&request, put, err) &&
              send_put(s, http, &request, put->body, new_etag, err);
    http_request_free(&request);
    return ok;
}

bool azure_blob_head(const struct azure_storage *s, struct http_client *http, const char *container,
                     const char *name, struct object_meta *meta,
                     char metadata[OBJECT_METADATA_SIZE], struct err *err)
{
    struct http_request request;
    struct http_response response;
    if (!blob_request(s, "HEAD", container, name, &request, err))
        return false;
    bool ok = azure_storage_send(s, http, "GetBlobProperties", &request, &response, err);
    http_request_free(&request);
    if (!ok)
        return false;
    const char *size = http_headers_get(&response.headers, "Content-Length");
    const char *value = http_headers_get(&response.headers, METADATA_HEADER);
    if (metadata)
        snprintf(metadata, OBJECT_METADATA_SIZE, "%s", value ? value : "");
    ok =
        (size && read_meta(http_headers_get(&response.headers, "ETag"),
                           http_headers_get(&response.headers, "Last-Modified"),
                           strtoull(size, NULL, 10), http_headers_date(&response.headers), meta)) ||
        unreadable(err, "GetBlobProperties", "lacks an ETag, a Last-Modified, or a length");
    http_response_free(&response);
    return ok;
}

bool azure_blob_delete(const struct azure_storage *s, struct http_client *http,
                       const char *container, const char *name, const char *etag, struct err *err)
{
    struct http_request request;
    struct http_response response;
    struct err why = ERR_INIT;
    if (!blob_request(s, "DELETE", container, name, &request, err))
        return false;
    bool ok = !etag || (*etag && http_headers_add(&request.headers, "If-Match", etag)) ||
              err_set(&why, ERR_INVALID, "", "the blob's ETag cannot be sent as a header");
    ok = ok && azure_storage_send(s, http, "DeleteBlob", &request, &response, &why);
    http_request_free(&request);
    if (ok) {
        http_response_free(&response);
    } else if (strcmp(why.code, "BlobNotFound") != 0) {
        *err = why;
        return false;
    }
    return true;
}

/* --- listing --- */

static const char LIST[] = "ListBlobs";

/* A listing under way. */
struct listing {
    const struct azure_storage *s;
    struct http_client *http;
    const char *container;
    const char *prefix;
    object_each_fn each;
    void *ctx;
    char marker[8192]; /* where the next page begins; "": at the beginning, or nowhere */
    int64_t now_ms;    /* the service's clock when it answered with this page */
    bool stopped;      /* the caller has seen enough */
};

static bool list_request(const struct listing *l, struct http_request *request, struct err *err)
{
    struct buf rest = buf_make(32u << 10);
    buf_addf(&rest, "/%s?restype=container&comp=list", l->container);
    if (*l->prefix) {
        buf_adds(&rest, "&prefix=");
        uri_encode(&rest, l->prefix, strlen(l->prefix), false);
    }
    if (*l->marker) {
        buf_adds(&rest, "&marker=");
        uri_encode(&rest, l->marker, strlen(l->marker), false);
    }
    return storage_build_request("GET", l->s->blob, &rest, request, err);
}

static bool list_blob(struct listing *l, const json_t *blob, struct err *err)
{
    const char *name = jstr(blob, "Name");
    const char *type = jstr(blob, "Properties.ResourceType");
    struct object_meta meta;
    if (!name || !*name)
        return unreadable(err, LIST, "names a blob without a name");
    if (type && strcmp(type, "directory") == 0)
        return true; /* of an account with a hierarchical namespace; no blob */
    int64_t size = jint(blob, "Properties.Content-Length", 0);
    if (!read_meta(jstr(blob, "Properties.Etag"), jstr(blob, "Properties.Last-Modified"),
                   size > 0 ? (size_t)size : 0, l->now_ms, &meta))
        return unreadable(err, LIST, "names a blob without an ETag or a time that can be read");
    l->stopped = !l->each(l->ctx, name, &meta);
    return true;
}

static bool list_page(struct listing *l, const json_t *page, struct err *err)
{
    const char *next = jstr(page, "EnumerationResults.NextMarker");
    json_t *blobs = jlist(page, "EnumerationResults.Blobs.Blob");
    bool ok = blobs || err_set(err, ERR_INTERNAL, "", "out of memory while listing blobs");
    if (!jget(page, "EnumerationResults"))
        ok = unreadable(err, LIST, "has another root element than EnumerationResults");
    else if (!next)
        ok = unreadable(err, LIST, "does not say whether it is whole");
    for (size_t i = 0; ok && !l->stopped && i < json_array_size(blobs); i++)
        ok = list_blob(l, json_array_get(blobs, i), err);
    json_decref(blobs);
    if (ok && next && (strlen(next) >= sizeof(l->marker) || (*next && !strcmp(next, l->marker))))
        ok = unreadable(err, LIST, "goes on where it stands, or its marker is too long");
    if (ok)
        snprintf(l->marker, sizeof(l->marker), "%s", next ? next : "");
    return ok;
}

/* Fetches one page and hands it on. */
static bool list_once(struct listing *l, struct err *err)
{
    struct http_request request;
    struct http_response response;
    if (!list_request(l, &request, err))
        return false;
    bool ok = azure_storage_send(l->s, l->http, LIST, &request, &response, err);
    http_request_free(&request);
    if (!ok)
        return false;
    l->now_ms = http_headers_date(&response.headers);
    struct err why = ERR_INIT;
    json_t *page = xml_parse(buf_str(&response.body), response.body.size, &why);
    ok = page ? list_page(l, page, err) : unreadable(err, LIST, "cannot be read as XML");
    json_decref(page);
    http_response_free(&response);
    return ok;
}

bool azure_blob_list(const struct azure_storage *s, struct http_client *http, const char *container,
                     const char *prefix, object_each_fn each, void *ctx, struct err *err)
{
    struct listing l = {.s = s,
                        .http = http,
                        .container = container,
                        .prefix = prefix ? prefix : "",
                        .each = each,
                        .ctx = ctx};
    if (azure_container_problem(container))
        return err_set(err, ERR_INVALID, "", "\"%.80s\" %s", container,
                       azure_container_problem(container));
    bool ok = list_once(&l, err);
    while (ok && !l.stopped && *l.marker)
        ok = list_once(&l, err);
    return ok;
}
