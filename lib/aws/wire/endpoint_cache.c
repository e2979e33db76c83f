/* Remembers the endpoints of services in regions. Touches memory only. */
#include "lib/aws/wire/endpoint_cache.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/cache.h"
#include "lib/base/memory.h"

/* Services times regions that are in use at a time, and some more. */
#define ENDPOINTS_MAX 128

struct aws_endpoint_cache {
    const struct aws_endpoint_settings *settings;
    struct cache *endpoints;
};

struct aws_endpoint_cache *aws_endpoint_cache_new(const struct aws_endpoint_settings *settings)
{
    static const struct cache_options options = {.max = ENDPOINTS_MAX,
                                                 .value_size = sizeof(struct aws_endpoint)};
    struct aws_endpoint_cache *c = xmalloc(sizeof *c);
    *c = (struct aws_endpoint_cache){.settings = settings, .endpoints = cache_new(&options)};
    return c;
}

void aws_endpoint_cache_free(struct aws_endpoint_cache *c)
{
    if (!c)
        return;
    cache_free(c->endpoints);
    free(c);
}

bool aws_endpoint_cache_get(struct aws_endpoint_cache *c, const struct aws_service *service,
                            const char *region, struct aws_endpoint *to, struct err *err)
{
    /* The service's address, then the region. */
    char key[sizeof service + 32];
    size_t n = strnlen(region, sizeof key - sizeof service);
    memcpy(key, &service, sizeof service);
    memcpy(key + sizeof service, region, n);
    /* No valid region is longer. */
    bool fits = !region[n];
    if (fits && cache_get(c->endpoints, key, sizeof service + n, to))
        return true;
    if (!aws_endpoint_resolve(c->settings, service, region, to, err))
        return false;
    if (fits)
        cache_put(c->endpoints, key, sizeof service + n, to);
    return true;
}
