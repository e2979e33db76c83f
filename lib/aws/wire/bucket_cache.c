/* Remembers the regions of S3 buckets. */
#include "lib/aws/wire/bucket_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct row {
    char bucket[256];
    char region[33];
};

struct aws_bucket_cache {
    /* Of everything below. */
    pthread_mutex_t lock;
    /* Next: the row written next, round and round. */
    size_t count, next;
    struct row rows[AWS_BUCKET_CACHE_MAX];
};

struct aws_bucket_cache *aws_bucket_cache_new(void)
{
    struct aws_bucket_cache *b = calloc(1, sizeof *b);
    if (b && pthread_mutex_init(&b->lock, NULL) != 0) {
        free(b);
        return NULL;
    }
    return b;
}

void aws_bucket_cache_free(struct aws_bucket_cache *b)
{
    if (b) {
        pthread_mutex_destroy(&b->lock);
        free(b);
    }
}

static struct row *find(struct aws_bucket_cache *b, const char *bucket)
{
    for (size_t i = 0; i < b->count; i++)
        if (strcmp(b->rows[i].bucket, bucket) == 0)
            return &b->rows[i];
    return NULL;
}

bool aws_bucket_cache_get(struct aws_bucket_cache *b, const char *bucket, char region[33])
{
    pthread_mutex_lock(&b->lock);
    const struct row *row = find(b, bucket);
    if (row)
        memcpy(region, row->region, sizeof row->region);
    pthread_mutex_unlock(&b->lock);
    return row != NULL;
}

void aws_bucket_cache_put(struct aws_bucket_cache *b, const char *bucket, const char *region)
{
    if (strlen(bucket) >= sizeof b->rows->bucket || strlen(region) >= sizeof b->rows->region)
        return;
    pthread_mutex_lock(&b->lock);
    struct row *row = find(b, bucket);
    if (!row) {
        row = &b->rows[b->next];
        b->next = (b->next + 1) % AWS_BUCKET_CACHE_MAX;
        b->count += b->count < AWS_BUCKET_CACHE_MAX;
    }
    memcpy(row->bucket, bucket, strlen(bucket) + 1);
    memcpy(row->region, region, strlen(region) + 1);
    pthread_mutex_unlock(&b->lock);
}
