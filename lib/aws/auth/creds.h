/* AWS credentials as a value: immutable, counted, wiped when the last holder lets go. */
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
    /* Wall clock; INT64_MAX when they do not expire. */
    int64_t expires_ms;
    /* Where they came from, for `check` and errors: "environment"; no secret. */
    const char *source;
};

/* A new object with one reference, strings copied; NULL when out of memory. token may be NULL or
 * "". */
struct aws_creds *aws_creds_new(const char *access_key_id, const char *secret_access_key,
                                const char *session_token, int64_t expires_ms,
                                const char *source) MUST_CHECK;
/* Thread-safe. Both allow NULL. */
struct aws_creds *aws_creds_ref(struct aws_creds *c);
void aws_creds_unref(struct aws_creds *c);

/* Whether two are the same keys, wherever they came from. */
bool aws_creds_same(const struct aws_creds *a, const struct aws_creds *b);
/* Notes that a service has accepted them at that moment (monotonic). Thread-safe. */
void aws_creds_accepted(const struct aws_creds *c, int64_t now_ms);
/* When a service last accepted them (monotonic); 0: never. Thread-safe. */
int64_t aws_creds_accepted_at(const struct aws_creds *c);

#endif
