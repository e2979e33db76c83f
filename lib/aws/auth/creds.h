/* AWS credentials as a value: immutable, reference-counted, wiped with the last reference. */
#ifndef HGAUTOD_LIB_AWS_AUTH_CREDS_H
#define HGAUTOD_LIB_AWS_AUTH_CREDS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"

struct aws_creds {
    const char *access_key_id;
    const char *secret_access_key;
    /* NULL for long-term keys. */
    const char *session_token;
    /* By the services' clock; INT64_MAX: never. */
    int64_t expires_ms;
    /* Where they came from, for `check` and errors: "environment". No secret. */
    const char *source;
};

/* Creates credentials with one reference; strings are copied. The token may be NULL or "". Never
 * returns NULL. */
struct aws_creds *aws_creds_new(const char *access_key_id, const char *secret_access_key,
                                const char *session_token, int64_t expires_ms,
                                const char *source) MUST_CHECK;
/* Thread-safe. Both allow NULL. */
struct aws_creds *aws_creds_ref(struct aws_creds *c);
void aws_creds_unref(struct aws_creds *c);

/* Returns true if both are the same keys, wherever they came from. */
bool aws_creds_same(const struct aws_creds *a, const struct aws_creds *b);
/* Records that a service accepted them at now_ms (monotonic). Thread-safe. */
void aws_creds_accepted(const struct aws_creds *c, int64_t now_ms);
/* Returns when a service last accepted them (monotonic); 0: never. Thread-safe. */
int64_t aws_creds_accepted_at(const struct aws_creds *c);

#endif
