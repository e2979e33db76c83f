/* The token services of a small Azure: Microsoft Entra, and the metadata service of a machine. */
#ifndef HGAUTOD_TESTS_CLOUD_AZURE_TOKEN_H
#define HGAUTOD_TESTS_CLOUD_AZURE_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "tests/cloud/request.h"

/* The identity of the application under test. */
#define CLOUD_TENANT        "11111111-1111-1111-1111-111111111111"
#define CLOUD_CLIENT        "22222222-2222-2222-2222-222222222222"
#define CLOUD_OBJECT        "44444444-4444-4444-4444-444444444444"
#define CLOUD_CLIENT_SECRET "cloudserver-client~secret"

struct azure_tokens;
struct azure_tokens *azure_tokens_new(void) MUST_CHECK;
void azure_tokens_free(struct azure_tokens *t);
void azure_tokens_clear(struct azure_tokens *t);
/* Invalidates all tokens issued so far. */
void azure_tokens_revoke(struct azure_tokens *t);

/* Returns true if the request is for a token; sets its service and operation then. */
bool azure_token_names(struct request *r);
/* Issues a token that is valid for so many seconds. */
void azure_token_answer(struct azure_tokens *t, struct request *r, struct reply *reply,
                        int64_t now_ms, int64_t seconds);
/* Returns true if the bearer token was issued here for Azure Resource Manager, and is still valid.
 */
bool azure_token_good(const struct azure_tokens *t, const char *bearer, int64_t now_ms);

#endif
