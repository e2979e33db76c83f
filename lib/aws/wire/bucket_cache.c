/* Remembers the regions of S3 buckets. Touches memory only. */
#include "lib/aws/wire/bucket_cache.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/cache.h"
#include "lib/base/memory.h"

#define BUCKET_MAX  255
#define REGION_SIZE 33

struct aws_bucket_cache {
    struct cache *regions;
};

struct aws_bucket_cache *aws_bucket_cache_new(void)
{
    static const struct cache_options options = {.max = AWS_BUCKET_CACHE_MAX,
                                                 .value_size = REGION_SIZE};
    struct aws_bucket_cache *b = xmalloc(sizeof *b);
    b->regions = cache_new(&options);
    return b;
}

void aws_bucket_cache_free(struct aws_bucket_cache *b)
{
    if (!b)
        return;
    cache_free(b->regions);
    free(b);
}

bool aws_bucket_cache_get(struct aws_bucket_cache *b, const char *bucket, char region[33])
{
    return cache_get(b->regions, bucket, strlen(bucket), region);
}

void aws_bucket_cache_put(struct aws_bucket_cache *b, const char *bucket, const char *region)
{
    char value[REGION_SIZE] = "";
    if (strlen(bucket) > BUCKET_MAX || strlen(region) >= sizeof value)
        return;
    memcpy(value, region, strlen(region));
    cache_put(b->regions, bucket, strlen(bucket), value);
}
