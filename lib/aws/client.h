/* Private to the AWS client (aws.c, call.c, sts.c): its members, and a call with given
 * credentials. */
#ifndef HGAUTOD_LIB_AWS_CLIENT_H
#define HGAUTOD_LIB_AWS_CLIENT_H

#include <stdatomic.h>

#include "lib/aws/auth/chain.h"
#include "lib/aws/auth/identity.h"
#include "lib/aws/auth/imds.h"
#include "lib/aws/auth/profile.h"
#include "lib/aws/auth/sigv4.h"
#include "lib/aws/aws.h"
#include "lib/aws/wire/bucket_cache.h"
#include "lib/aws/wire/endpoint.h"
#include "lib/aws/wire/endpoint_cache.h"
#include "lib/net/skew.h"

struct aws {
    struct aws_options options;
    struct aws_profiles *profiles;
    const char *profile;
    /* NULL: none. */
    const char *ca_bundle;
    struct aws_endpoint_settings endpoint_settings;
    struct aws_endpoint_cache *endpoint_cache;
    /* Used by the caller that fetches the daemon's own credentials. */
    struct aws_chain *chain;
    struct aws_identity *identity;
    struct aws_bucket_cache *bucket_cache;
    struct sigv4_keys *keys;
    struct skew skew;
    /* Used by the caller that fetches the daemon's identity, for the region. */
    struct imds_memory imds;
    /* IMDS's; written once, before `region` points to it. */
    char found_region[33];
    /* NULL: none known. */
    _Atomic(const char *) region;
};

/* Sends one call, once, signed with creds, or unsigned if they are NULL. No rate limit, no refresh,
 * no following of buckets: for STS, while credentials are being fetched. Thread-safe. */
bool aws_call_as(struct aws *aws, struct http_client *http, const struct aws_creds *creds,
                 const struct aws_call *call, json_t **result, struct err *err) MUST_CHECK;

#endif
