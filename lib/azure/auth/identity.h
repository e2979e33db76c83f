/* The identity that the environment offers, found in the order of DefaultAzureCredential: client
 * secret, client certificate, workload identity, and the managed identity of App Service, of Arc or
 * of a virtual machine.
 *
 * A kind of identity is "not configured" (the next is asked), "broken" (configured, but it fails:
 * the search stops there and says why) or it answers. Variables, files and endpoints are read anew
 * at each asking, because tokens rotate. Asking waits; workers only. Thread-safe. */
#ifndef HGAUTOD_LIB_AZURE_AUTH_IDENTITY_H
#define HGAUTOD_LIB_AZURE_AUTH_IDENTITY_H

#include "lib/azure/azure.h"

struct azure_identity;

/* Both are borrowed. */
struct azure_identity *azure_identity_new(const struct azure_options *options,
                                          const struct azure_cloud *cloud) MUST_CHECK;
void azure_identity_free(struct azure_identity *i);

/* A new token for a scope. NULL with ERR_CREDENTIALS, whose message names each kind and what it
 * lacked, or with the passing fault of the kind that is configured. */
struct azure_token *azure_identity_fetch(struct azure_identity *i, struct http_client *http,
                                         const char *scope, struct err *err) MUST_CHECK;
/* A line for every kind: what it said when it was last asked. No secrets. */
void azure_identity_describe(struct azure_identity *i, struct buf *to);

#endif
