/* Identifies the sender of a request by its Signature Version 4, which is checked as in AWS. */
#ifndef HGAUTOD_TESTS_CLOUD_SIGNATURE_H
#define HGAUTOD_TESTS_CLOUD_SIGNATURE_H

#include <stdbool.h>

#include "tests/cloud/request.h"

/* The only long-term key, the one of AWS's documentation. */
#define CLOUD_ACCESS_KEY "AKIAIOSFODNN7EXAMPLE"
#define CLOUD_SECRET_KEY "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define CLOUD_ACCOUNT    "123456789012"

/* Sets access_key, region, service and account. Returns false if the signature is invalid; the
 * response is written then. */
bool signature_check(struct request *r, int64_t now_ms, struct reply *reply) MUST_CHECK;

/* Keys for an assumed role, derived from the account and a number, so that none need to be stored.
 */
struct session_keys {
    char access_key[24], secret[65], token[96];
};
void session_keys_make(const char *account, unsigned number, struct session_keys *to);

#endif
