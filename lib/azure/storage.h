/* Azure Storage accounts: how requests to blobs and queues are addressed and authorized.
 * Source: Azure Storage REST, "Authorize with Shared Key", "Create an account SAS", "Authorize with
 * Microsoft Entra ID". */
#ifndef HGAUTOD_LIB_AZURE_STORAGE_H
#define HGAUTOD_LIB_AZURE_STORAGE_H

#include "lib/azure/azure.h"
#include "lib/net/http.h"

/* An account and the right to it. Constant after creation; shared by threads. */
struct azure_storage;

struct azure_storage_options {
    struct azure *azure;           /* for bearer tokens and the storage suffix; borrowed */
    const char *account;           /* name; NULL when the connection string has it */
    const char *connection_string; /* NULL, or
                              AccountName/AccountKey/SharedAccessSignature/BlobEndpoint/QueueEndpoint/EndpointSuffix/
                              DefaultEndpointsProtocol/UseDevelopmentStorage; a secret */
};

/* NULL with ERR_INVALID naming what is missing in the connection string (never its content).
 * Without a key or SAS, tokens are used. */
struct azure_storage *azure_storage_new(const struct azure_storage_options *options,
                                        struct err *err) MUST_CHECK;
void azure_storage_free(struct azure_storage *s); /* wipes */

/* scheme://host[:port][/path] without a trailing slash. Borrowed. */
const char *azure_storage_blob_endpoint(const struct azure_storage *s);
const char *azure_storage_queue_endpoint(const struct azure_storage *s);
const char *azure_storage_account(const struct azure_storage *s);
/* Returns whether requests are authorized by a token. */
bool azure_storage_uses_tokens(const struct azure_storage *s);
/* "key", "sas" or "token", for `check`. */
const char *azure_storage_auth_name(const struct azure_storage *s);

/* Adds x-ms-version, x-ms-date, x-ms-client-request-id and the authorization (header, or the SAS in
 * the query). http NULL (main thread): a token comes from memory only; ERR_BUSY when a worker must
 * fetch one first (azure_token with AZURE_SCOPE_STORAGE). The URL's query must be percent-encoded
 * already, a space as %20. May be called again for another try of the same request. */
bool azure_storage_sign(const struct azure_storage *s, struct http_client *http,
                        struct http_request *request, struct err *err) MUST_CHECK;

/* Says that the service refused the bearer token of this request (ERR_EXPIRED): another is
 * fetched for the next one. Nothing happens with a key or SAS. azure_storage_send does it by
 * itself. */
void azure_storage_refused(const struct azure_storage *s, const struct http_request *request);

/* Turns a storage answer that is no 2xx into a classified error: x-ms-error-code, the XML body's
 * message, x-ms-request-id. */
void azure_storage_error(const char *operation, const struct http_response *response,
                         struct err *err);
/* Looks whether an answer refuses a request signed for signed_ms because of its time, and learns
 * the right one. True: the request should be signed anew. azure_storage_send does it by itself. */
bool azure_storage_learn_time(const struct azure_storage *s, int64_t signed_ms,
                              const struct http_response *response) MUST_CHECK;
int64_t azure_storage_now_ms(const struct azure_storage *s); /* the time to sign with */

/* Signs, sends, and classifies a failure; *response is the caller's to free on success (2xx). A
 * refused token is replaced once; refused again, that is the request's own error (ERR_DENIED). On a
 * worker. */
bool azure_storage_send(const struct azure_storage *s, struct http_client *http,
                        const char *operation, struct http_request *request,
                        struct http_response *response, struct err *err) MUST_CHECK;

#endif
