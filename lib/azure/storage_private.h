/* What the files of the storage client share among themselves and nobody else uses. */
#ifndef HGAUTOD_LIB_AZURE_STORAGE_PRIVATE_H
#define HGAUTOD_LIB_AZURE_STORAGE_PRIVATE_H

#include "lib/azure/storage.h"

enum storage_auth { STORAGE_KEY, STORAGE_SAS, STORAGE_TOKEN };

struct azure_storage {
    struct azure *azure; /* borrowed */
    enum storage_auth auth;
    char *account;
    struct buf key; /* the account key's bytes */
    char *sas;      /* without '?' */
    char *blob;     /* endpoints */
    char *queue;
};

/* Begins a request for `endpoint` followed by `rest`: an encoded path and query, which is freed. On
 * success the request is the caller's to free. */
bool storage_request(const char *method, const char *endpoint, struct buf *rest,
                     struct http_request *request, struct err *err) MUST_CHECK;

/* The token that this request bears, a new reference; NULL when it bears none, or one that is no
 * more in use. */
struct azure_token *storage_token_of(const struct azure_storage *s,
                                     const struct http_request *request);

#endif
