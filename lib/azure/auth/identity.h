/* The identity that the environment provides, found in the order of DefaultAzureCredential:
 * client secret, client certificate, workload identity, and the managed identity of App Service,
 * of Arc or of a virtual machine.
 *
 * A kind of identity is not configured (the next one is tried), fails although it is configured
 * (the search ends with its error), or yields a token. Environment variables, files and
 * endpoints are read each time, because they rotate. Blocks; workers only. Thread-safe. */
#ifndef HGAUTOD_LIB_AZURE_AUTH_IDENTITY_H
#define HGAUTOD_LIB_AZURE_AUTH_IDENTITY_H

#include "lib/azure/azure.h"
#include "lib/net/skew.h"

struct azure_identity;

/* All are borrowed. Never returns NULL. */
struct azure_identity *azure_identity_new(const struct azure_options *options,
                                          const struct azure_cloud *cloud,
                                          struct skew *skew) MUST_CHECK;
/* NULL is allowed. */
void azure_identity_free(struct azure_identity *i);

/* Fetches a new token for a scope. Returns NULL with ERR_CREDENTIALS, whose message lists each kind
 * and what it lacks, or with the transient error of the kind that is configured. */
struct azure_token *azure_identity_fetch(struct azure_identity *i, struct http_client *http,
                                         const char *scope, struct err *err) MUST_CHECK;
/* Appends one line per kind with its last result. No secrets. */
void azure_identity_describe(struct azure_identity *i, struct buf *to);

#endif
