/* In which region S3 buckets are that were found elsewhere than asked for: a small table, so that
 * each is followed once. Thread-safe: one short lock. */
#ifndef HGAUTOD_LIB_AWS_WIRE_BUCKET_CACHE_H
#define HGAUTOD_LIB_AWS_WIRE_BUCKET_CACHE_H

#include <stdbool.h>

#include "lib/base/attr.h"

/* Beyond, the oldest is forgotten. */
#define AWS_BUCKET_CACHE_MAX 256

struct aws_bucket_cache;

struct aws_bucket_cache *aws_bucket_cache_new(void) MUST_CHECK;
void aws_bucket_cache_free(struct aws_bucket_cache *b);
/* The region that a bucket is known to be in; false when nothing is known of it. */
bool aws_bucket_cache_get(struct aws_bucket_cache *b, const char *bucket, char region[33]);
/* Bucket names are at most 255 characters, regions 32; longer ones are not remembered. */
void aws_bucket_cache_put(struct aws_bucket_cache *b, const char *bucket, const char *region);

#endif
