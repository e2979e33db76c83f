/* What the files of the storage client share among themselves; nothing else includes it. */
#ifndef HGAUTOD_LIB_AZURE_STORAGE_PRIVATE_H
#define HGAUTOD_LIB_AZURE_STORAGE_PRIVATE_H

#include "lib/azure/storage.h"

struct azure_storage {
    /* Borrowed. */
    struct azure *azure;
    enum azure_storage_auth auth;
    char *account;
    /* The bytes of the account key. */
    struct buf key;
    /* Without '?'. */
    char *sas;
    /* Endpoints. */
    char *blob;
    char *queue;
};

/* Makes a request.
 * rest: an encoded path and query, appended to the endpoint; is freed.
 * request: the caller's to free on success.
 * Returns false with ERR_INVALID if the URL is too long. */
bool storage_build_request(const char *method, const char *endpoint, struct buf *rest,
                           struct http_request *request, struct err *err) MUST_CHECK;

/* Returns the token in the request, a new reference; NULL if it has none, or one that is no longer
 * in use. */
struct azure_token *storage_token_of(const struct azure_storage *s,
                                     const struct http_request *request);

#endif
