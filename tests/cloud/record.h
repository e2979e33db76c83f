/* A file of the requests that hgautod has sent, for tests that examine each: one JSON object per
 * line,
 * {"method", "target", "headers" (names in lower case), "body" (base64)}. */
#ifndef HGAUTOD_TESTS_CLOUD_RECORD_H
#define HGAUTOD_TESTS_CLOUD_RECORD_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/base/attr.h"
#include "tests/cloud/request.h"

/* Appends the request if hgautod sent it; the line is written when this returns. Returns false if
 * it cannot be written. */
bool record_request(FILE *to, const struct request *r) MUST_CHECK;

#endif
