/* Tokens as values, and the cache of them by scope: one caller fetches, refresh ahead, failures
 * remembered. azure.h says what each promises.
 *
 * The fetching comes in as a function, so that token.c holds nothing but memory, time and one
 * mutex, which is never held over a fetch. Thread-safe. */
#ifndef HGAUTOD_LIB_AZURE_AUTH_TOKEN_H
#define HGAUTOD_LIB_AZURE_AUTH_TOKEN_H

#include "lib/azure/azure.h"

/* A new token with one reference, the value copied; NULL when out of memory. */
struct azure_token *azure_token_new(const char *value, int64_t expires_ms) MUST_CHECK;

/* Fetches a token for a scope; a new reference, or NULL with *err. */
typedef struct azure_token *(*token_fetch_fn)(void *ctx, struct http_client *http,
                                              const char *scope, struct err *err);

struct azure_tokens;

struct azure_tokens *azure_tokens_new(const struct clock *clock, token_fetch_fn fetch,
                                      void *ctx) MUST_CHECK;
void azure_tokens_free(struct azure_tokens *t);

/* At most 16 scopes: ERR_LIMIT beyond. */
struct azure_token *azure_tokens_get(struct azure_tokens *t, struct http_client *http,
                                     const char *scope, struct err *err) MUST_CHECK;
/* Another than the one that a service has just refused (azure.h); *err is the refusal. */
struct azure_token *azure_tokens_renew(struct azure_tokens *t, struct http_client *http,
                                       const char *scope, const struct azure_token *refused,
                                       struct err *err) MUST_CHECK;
struct azure_token *azure_tokens_peek(struct azure_tokens *t, const char *scope);
bool azure_tokens_due(struct azure_tokens *t, const char *scope);
void azure_tokens_expire(struct azure_tokens *t, const char *scope,
                         const struct azure_token *token);

#endif
