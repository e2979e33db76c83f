/* The few blob operations that the store needs. All wait; call them on workers.
 * Source: Azure Storage REST, "Blob service". */
#ifndef HGAUTOD_LIB_AZURE_BLOB_H
#define HGAUTOD_LIB_AZURE_BLOB_H

#include "lib/azure/storage.h"
#include "lib/net/object.h"

/* As s3_get, s3_put, s3_head, s3_delete and s3_list, with the same errors (409 BlobAlreadyExists and
 * 412 are ERR_PRECONDITION, a match on a missing blob too). A body too large for one Put Blob
 * request (5,000 MiB) is ERR_LIMIT. */
bool azure_blob_get(const struct azure_storage *s, struct http_client *http, const char *container,
                    const char *name, struct buf *body, struct object_meta *meta,
                    struct err *err) MUST_CHECK;
bool azure_blob_head(const struct azure_storage *s, struct http_client *http, const char *container,
                     const char *name, struct object_meta *meta,
                     char metadata[OBJECT_METADATA_SIZE], struct err *err) MUST_CHECK;
bool azure_blob_put(const struct azure_storage *s, struct http_client *http, const char *container,
                    const struct object_put *put, char new_etag[OBJECT_ETAG_SIZE],
                    struct err *err) MUST_CHECK;
bool azure_blob_delete(const struct azure_storage *s, struct http_client *http,
                       const char *container, const char *name, const char *etag,
                       struct err *err) MUST_CHECK;
bool azure_blob_list(const struct azure_storage *s, struct http_client *http, const char *container,
                     const char *prefix, object_each_fn each, void *ctx,
                     struct err *err) MUST_CHECK;

#endif
