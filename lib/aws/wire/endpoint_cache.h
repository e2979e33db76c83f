/* Where services were found to be reached in regions: to find it anew for each call would read the
 * environment and the profile again and again. Thread-safe. */
#ifndef HGAUTOD_LIB_AWS_WIRE_ENDPOINT_CACHE_H
#define HGAUTOD_LIB_AWS_WIRE_ENDPOINT_CACHE_H

#include "lib/aws/wire/endpoint.h"
#include "lib/base/attr.h"

struct aws_endpoint_cache;

/* The endpoints are borrowed and constant from now on. NULL when out of memory. */
struct aws_endpoint_cache *
aws_endpoint_cache_new(const struct aws_endpoint_settings *endpoints) MUST_CHECK;
void aws_endpoint_cache_free(struct aws_endpoint_cache *t); /* NULL is allowed */

/* As aws_endpoint_resolve, which is asked when it is not known yet. Failures are not kept. */
bool aws_endpoint_cache_get(struct aws_endpoint_cache *t, const struct aws_service *service,
                            const char *region, struct aws_endpoint *to,
                            struct err *err) MUST_CHECK;

#endif
