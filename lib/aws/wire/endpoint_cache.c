/* Remembers the endpoints of services in regions. */
#include "lib/aws/wire/endpoint_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/hash.h"

/* Services times regions that are in use at a time, and some more. */
#define PLACES 128

struct known {
    /* NULL: nothing is known here. */
    const struct aws_service *service;
    char region[33];
    struct aws_endpoint target;
};

/* Each pair has one place; another whose place is the same puts it out. */
struct aws_endpoint_cache {
    const struct aws_endpoint_settings *endpoints;
    /* Of the places. */
    pthread_mutex_t lock;
    struct known places[PLACES];
};

struct aws_endpoint_cache *aws_endpoint_cache_new(const struct aws_endpoint_settings *endpoints)
{
    struct aws_endpoint_cache *t = calloc(1, sizeof *t);
    if (t && pthread_mutex_init(&t->lock, NULL) != 0) {
        free(t);
        return NULL;
    }
    if (t)
        t->endpoints = endpoints;
    return t;
}

void aws_endpoint_cache_free(struct aws_endpoint_cache *t)
{
    if (!t)
        return;
    pthread_mutex_destroy(&t->lock);
    free(t);
}

static struct known *place_of(struct aws_endpoint_cache *t, const struct aws_service *service,
                              const char *region)
{
    uint32_t h = hash_add(hash_add(HASH_INIT, service->id), region);
    return &t->places[(h ^ h >> 16) % PLACES];
}

bool aws_endpoint_cache_get(struct aws_endpoint_cache *t, const struct aws_service *service,
                            const char *region, struct aws_endpoint *to, struct err *err)
{
    struct known *known = place_of(t, service, region);
    pthread_mutex_lock(&t->lock);
    bool found = known->service == service && strcmp(known->region, region) == 0;
    if (found)
        *to = known->target;
    pthread_mutex_unlock(&t->lock);
    if (found)
        return true;
    if (!aws_endpoint_resolve(t->endpoints, service, region, to, err))
        return false;
    /* A region that was found is short enough: its name was valid. */
    pthread_mutex_lock(&t->lock);
    *known = (struct known){.service = service, .target = *to};
    strncpy(known->region, region, sizeof known->region - 1);
    pthread_mutex_unlock(&t->lock);
    return true;
}
