/* What the parts of the AWS client share among themselves and nobody else uses: one call under
 * given credentials. */
#ifndef HGAUTOD_LIB_AWS_CLIENT_H
#define HGAUTOD_LIB_AWS_CLIENT_H

#include "lib/aws/aws.h"

/* Sends one call, once, signed with creds or, where they are NULL, unsigned. No token bucket, no
 * refresh, no bucket's region followed: for STS, from within the fetching of credentials.
 * Thread-safe. */
bool aws_call_as(struct aws *aws, struct http_client *http, const struct aws_creds *creds,
                 const struct aws_call *call, json_t **answer, struct err *err) MUST_CHECK;

#endif
