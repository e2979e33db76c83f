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
    int64_t now_ms; /* the service's clock when it answered (Date); 0: it did not say */
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
/* Metadata of a blob: one header, "x-ms-meta-...", and visible ASCII in it. */
struct azure_blob_note {
    const char *header;
    char value[128];
};
/* As azure_blob_put, without a condition and with a note. */
bool azure_blob_put_noted(const struct azure_storage *s, struct http_client *http,
                          const char *container, const char *name, const struct http_body *body,
                          const char *content_type, const struct azure_blob_note *note,
                          struct err *err) MUST_CHECK;
/* Size, ETag and time without the bytes; *note's value becomes what the blob has under its header,
 * "" when it has nothing. */
bool azure_blob_head(const struct azure_storage *s, struct http_client *http, const char *container,
                     const char *name, struct azure_blob_meta *meta, struct azure_blob_note *note,
                     struct err *err) MUST_CHECK;
bool azure_blob_delete(const struct azure_storage *s, struct http_client *http,
                       const char *container, const char *name, struct err *err) MUST_CHECK;
/* Deletes the blob if it has this ETag; already gone is success, another ETag is
 * ERR_PRECONDITION. */
bool azure_blob_delete_if_match(const struct azure_storage *s, struct http_client *http,
                                const char *container, const char *name, const char *etag,
                                struct err *err) MUST_CHECK;
typedef bool (*azure_blob_each_fn)(void *ctx, const char *name, const struct azure_blob_meta *meta);
bool azure_blob_list(const struct azure_storage *s, struct http_client *http, const char *container,
                     const char *prefix, azure_blob_each_fn each, void *ctx,
                     struct err *err) MUST_CHECK;

#endif
