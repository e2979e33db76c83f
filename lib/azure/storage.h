/* Azure Storage accounts: how requests to blobs and queues are addressed, authorized and sent.
 * Source: Azure Storage REST, "Authorize with Shared Key", "Create an account SAS", "Authorize with
 * Microsoft Entra ID". */
#ifndef HGAUTOD_LIB_AZURE_STORAGE_H
#define HGAUTOD_LIB_AZURE_STORAGE_H

#include "lib/azure/azure.h"
#include "lib/net/http.h"

/* An account and how requests to it are authorized. Constant once it exists; shared by threads. */
struct azure_storage;

enum azure_storage_auth { AZURE_AUTH_KEY, AZURE_AUTH_SAS, AZURE_AUTH_TOKEN };

struct azure_storage_options {
    /* For bearer tokens and the storage suffix; borrowed. */
    struct azure *azure;
    /* NULL: the connection string contains it. */
    const char *account;
    /* NULL, or any of AccountName, AccountKey, SharedAccessSignature, BlobEndpoint,
     * QueueEndpoint, EndpointSuffix, DefaultEndpointsProtocol, UseDevelopmentStorage and
     * DevelopmentStorageProxyUri. Secret. */
    const char *connection_string;
};

/* Reads the options; without a key or a SAS, tokens are used. Returns NULL with ERR_INVALID, which
 * names the faulty part of the connection string, but never its content. */
struct azure_storage *azure_storage_new(const struct azure_storage_options *options,
                                        struct err *err) MUST_CHECK;
/* Overwrites the secrets. NULL is allowed. */
void azure_storage_free(struct azure_storage *s);

/* Each returns scheme://host[:port][/path] without a trailing slash; borrowed. */
const char *azure_storage_blob_endpoint(const struct azure_storage *s);
const char *azure_storage_queue_endpoint(const struct azure_storage *s);
const char *azure_storage_account(const struct azure_storage *s);
enum azure_storage_auth azure_storage_auth(const struct azure_storage *s);
/* Returns "key", "sas" or "token", for people. */
const char *azure_storage_auth_name(const struct azure_storage *s);

/* Adds x-ms-version, x-ms-date, x-ms-client-request-id and the authorization (a header, or the
 * SAS in the query). May be called again for another attempt of the same request. Any thread.
 * http: NULL on the main thread, where only a token in memory is used. request: the query of its
 * URL must be percent-encoded, a space as %20. Returns false with *err: ERR_BUSY if a worker
 * must fetch a token first (azure_get_token with AZURE_SCOPE_STORAGE). */
bool azure_storage_sign(const struct azure_storage *s, struct http_client *http,
                        struct http_request *request, struct err *err) MUST_CHECK;

/* Notes that the service rejected the bearer token of this request (ERR_EXPIRED), so that
 * another one is fetched. Does nothing with a key or a SAS. azure_storage_send does this itself.
 * Any thread. */
void azure_storage_expire_token(const struct azure_storage *s, const struct http_request *request);

/* Fills in *err for a response whose status is not 2xx: x-ms-error-code, the message in the XML
 * body, x-ms-request-id. Any thread. */
void azure_storage_set_error(const char *operation, const struct http_response *response,
                             struct err *err);
/* Learns the service's time from the rejection of a request that was signed for signed_ms. Returns
 * true if the request should be signed again. azure_storage_send does this itself. Any thread. */
bool azure_storage_learn_time(const struct azure_storage *s, int64_t signed_ms,
                              const struct http_response *response) MUST_CHECK;
/* Returns the time to sign with, in milliseconds since the epoch. */
int64_t azure_storage_now_ms(const struct azure_storage *s);

/* Signs and sends a request. A rejected token is replaced once; if the next one is rejected too,
 * that is an error of the request itself (ERR_DENIED). Blocks; workers only. operation: for
 * errors and the log. response: the caller's to free on success (2xx). Returns false with *err,
 * classified. */
bool azure_storage_send(const struct azure_storage *s, struct http_client *http,
                        const char *operation, struct http_request *request,
                        struct http_response *response, struct err *err) MUST_CHECK;

#endif
