/* The few blob operations that the store needs. All wait; call them on workers.
 * Source: Azure Storage REST, "Blob service". */
#ifndef HGAUTOD_LIB_AZURE_BLOB_H
#define HGAUTOD_LIB_AZURE_BLOB_H

#include "lib/azure/storage.h"

/* 3 to 63 of [a-z0-9-], no hyphen first, last or twice. */
bool azure_container_valid(const char *name);

struct azure_blob_meta {
    char etag[128];
    int64_t modified_ms;
    size_t size;
};

enum azure_blob_condition { AZURE_BLOB_ALWAYS, AZURE_BLOB_IF_ABSENT, AZURE_BLOB_IF_MATCH };

/* As s3_get, s3_put, s3_delete, s3_list: the same errors for the same cases (409 BlobAlreadyExists
 * and 412 are ERR_PRECONDITION, a match on a missing blob too). A body too large for one Put Blob
 * request (5,000 MiB) is ERR_LIMIT. */
bool azure_blob_get(const struct azure_storage *s, struct http_client *http, const char *container,
                    const char *name, struct buf *body, struct azure_blob_meta *meta,
                    struct err *err) MUST_CHECK;
bool azure_blob_put(const struct azure_storage *s, struct http_client *http, const char *container,
                    const char *name, const struct http_body *body, const char *content_type,
                    enum azure_blob_condition condition, const char *etag, char new_etag[128],
                    struct err *err) MUST_CHECK;
bool azure_blob_delete(const struct azure_storage *s, struct http_client *http,
                       const char *container, const char *name, struct err *err) MUST_CHECK;
typedef bool (*azure_blob_each_fn)(void *ctx, const char *name, const struct azure_blob_meta *meta);
bool azure_blob_list(const struct azure_storage *s, struct http_client *http, const char *container,
                     const char *prefix, azure_blob_each_fn each, void *ctx,
                     struct err *err) MUST_CHECK;

#endif
