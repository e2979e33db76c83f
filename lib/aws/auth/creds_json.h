/* Reads credentials from the JSON objects in which STS, the container endpoint, IMDS and
 * credential_process return them. Touches memory only; thread-safe. */
#ifndef HGAUTOD_LIB_AWS_AUTH_CREDS_JSON_H
#define HGAUTOD_LIB_AWS_AUTH_CREDS_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/aws/auth/creds.h"
#include "lib/base/err.h"

/* Reads AccessKeyId, SecretAccessKey, the token under token_key ("Token", "SessionToken") and
 * Expiration. The last two are required if `temporary`, else they may be missing or null. The
 * secrets within the object are wiped, whatever the outcome.
 * Returns a new reference, or NULL with ERR_CREDENTIALS naming `source` and the member that is
 * missing or malformed. */
struct aws_creds *aws_creds_from_json(json_t *object, const char *token_key, bool temporary,
                                      const char *source, struct err *err) MUST_CHECK;

#endif
