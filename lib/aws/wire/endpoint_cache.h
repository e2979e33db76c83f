/* Caches resolved endpoints per service and region; resolving each time would read the environment
 * and the profile again for each call. Any thread, under one short lock. */
#ifndef HGAUTOD_LIB_AWS_WIRE_ENDPOINT_CACHE_H
#define HGAUTOD_LIB_AWS_WIRE_ENDPOINT_CACHE_H

#include "lib/aws/wire/endpoint.h"
#include "lib/base/attr.h"

struct aws_endpoint_cache;

/* The settings are borrowed, and constant from now on. Never returns NULL. */
struct aws_endpoint_cache *
aws_endpoint_cache_new(const struct aws_endpoint_settings *settings) MUST_CHECK;
/* NULL is allowed. */
void aws_endpoint_cache_free(struct aws_endpoint_cache *c);

/* As aws_endpoint_resolve, which is called if the endpoint is not cached yet. Failures are not
 * cached. */
bool aws_endpoint_cache_get(struct aws_endpoint_cache *c, const struct aws_service *service,
                            const char *region, struct aws_endpoint *to,
                            struct err *err) MUST_CHECK;

#endif
