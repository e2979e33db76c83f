/* Who sent a request: reads its Signature Version 4 and checks it, as a real service would. */
#ifndef HGAUTOD_TESTS_CLOUD_SIGNATURE_H
#define HGAUTOD_TESTS_CLOUD_SIGNATURE_H

#include <stdbool.h>

#include "tests/cloud/request.h"

/* The one long-term key; that of AWS's own documentation. */
#define CLOUD_ACCESS_KEY "AKIAIOSFODNN7EXAMPLE"
#define CLOUD_SECRET_KEY "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define CLOUD_ACCOUNT    "123456789012"

/* Fills in access_key, region, service and account. False when the signature does not hold: then
 * the answer is written. */
bool signature_check(struct request *r, int64_t now_ms, struct reply *reply) MUST_CHECK;

/* Keys for an assumed role, made from the account and a number: nothing need be remembered. */
struct session_keys {
    char access_key[24], secret[65], token[96];
};
void session_keys_make(const char *account, unsigned number, struct session_keys *to);

#endif
