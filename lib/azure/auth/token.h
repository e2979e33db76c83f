/* Bearer tokens as values: made here, counted and read as azure.h describes. Thread-safe. */
#ifndef HGAUTOD_LIB_AZURE_AUTH_TOKEN_H
#define HGAUTOD_LIB_AZURE_AUTH_TOKEN_H

#include "lib/azure/azure.h"

/* Makes a token with one reference.
 * value: copied.
 * expires_ms: this host's wall clock.
 * Never returns NULL. */
struct azure_token *azure_token_new(const char *value, int64_t expires_ms) MUST_CHECK;

/* Takes another reference, and returns t. */
struct azure_token *azure_token_ref(struct azure_token *t);

#endif
