/* Finds the endpoint of a service in a region: what the operator has set, else by the rules of the
 * partition. Touches memory and the environment only. Source: AWS SDKs and Tools Reference Guide,
 * "Service-specific endpoints", "Dual-stack and FIPS endpoints"; the rules are checked against
 * botocore's (tests/tools/botocore_endpoints.py). Settings are constant after
 * initialization, then thread-safe. */
#ifndef HGAUTOD_LIB_AWS_WIRE_ENDPOINT_H
#define HGAUTOD_LIB_AWS_WIRE_ENDPOINT_H

#include <stdbool.h>

#include "lib/aws/auth/profile.h"
#include "lib/aws/wire/op.h"
#include "lib/base/err.h"

struct aws_endpoint_settings {
    /* From our own configuration; "" or NULL: none. Borrowed, like the others. */
    const char *option;
    const struct aws_profiles *profiles;
    const char *profile;
    /* AWS_IGNORE_CONFIGURED_ENDPOINT_URLS. */
    bool ignore_configured;
    /* AWS_USE_FIPS_ENDPOINT. */
    bool fips;
    /* AWS_USE_DUALSTACK_ENDPOINT. */
    bool dualstack;
};

struct aws_endpoint {
    /* scheme://host[:port][/path], without a trailing slash. Only an override has a path, which
     * goes before those of the requests. */
    char url[1024];
    /* Differs from the requested region if the service is global. */
    char signing_region[33];
    /* Set by the operator; S3 buckets stay in the path. */
    bool overridden;
};

/* Reads the settings from the environment and the profile and checks them. Returns false with
 * ERR_INVALID, which names the variable. */
bool aws_endpoint_settings_init(struct aws_endpoint_settings *e, const char *option,
                                const struct aws_profiles *profiles, const char *profile,
                                struct err *err) MUST_CHECK;

/* Finds an endpoint. Returns false with ERR_INVALID for a malformed region, a malformed URL, or an
 * endpoint that the partition does not have. */
bool aws_endpoint_resolve(const struct aws_endpoint_settings *e, const struct aws_service *service,
                          const char *region, struct aws_endpoint *to, struct err *err) MUST_CHECK;

#endif
