/* The blob operations that the daemon's store needs. Every function blocks; call them on workers.
 * Thread-safe. Source: Azure Storage REST, "Blob service". */
#ifndef HGAUTOD_LIB_AZURE_BLOB_H
#define HGAUTOD_LIB_AZURE_BLOB_H

#include "lib/azure/storage.h"
#include "lib/net/object.h"

/* A container. Both are borrowed. */
struct azure_container {
    const struct azure_storage *storage;
    const char *name;
};

/* Reads a blob. body: receives the bytes; its max is the limit. meta: receives the metadata;
 * NULL: not needed. Returns false with *err: ERR_NOT_FOUND, ERR_LIMIT (larger than body's max),
 * ERR_INVALID for a name of a container or blob that is not valid, or as azure_storage_send. */
bool azure_blob_get(const struct azure_container *container, struct http_client *http,
                    const char *name, struct buf *body, struct object_meta *meta,
                    struct err *err) MUST_CHECK;

/* Reads the metadata of a blob without its bytes.
 * metadata: receives what azure_blob_put stored, "" if there is none; NULL: not needed.
 * Returns false with *err as azure_blob_get. */
bool azure_blob_head(const struct azure_container *container, struct http_client *http,
                     const char *name, struct object_meta *meta,
                     char metadata[OBJECT_METADATA_SIZE], struct err *err) MUST_CHECK;

/* Writes a blob at once. etag: receives the ETag of the new blob; NULL: not needed. Returns
 * false with *err: ERR_PRECONDITION if the condition did not hold (412, or 409
 * BlobAlreadyExists), also without a blob for OBJECT_IF_MATCH; ERR_LIMIT for more than the 5,000
 * MiB of one Put Blob request; ERR_INVALID for OBJECT_IF_MATCH without an ETag; or as
 * azure_blob_get. */
bool azure_blob_put(const struct azure_container *container, struct http_client *http,
                    const struct object_put *put, char etag[OBJECT_ETAG_SIZE],
                    struct err *err) MUST_CHECK;

/* Deletes a blob, if it has this ETag (NULL: in any case). Returns true if there is no such blob
 * either; else false with *err: ERR_PRECONDITION if it has another ETag, ERR_INVALID for an empty
 * ETag, or as azure_blob_get. */
bool azure_blob_delete(const struct azure_container *container, struct http_client *http,
                       const char *name, const char *etag, struct err *err) MUST_CHECK;

/* Lists all blobs whose names begin with prefix (NULL: all), in order.
 * each: called on this thread for every blob.
 * Returns false with *err; blobs may have been passed to each before. */
bool azure_blob_list(const struct azure_container *container, struct http_client *http,
                     const char *prefix, object_each_fn each, void *ctx,
                     struct err *err) MUST_CHECK;

#endif
