/* Remembers the regions of S3 buckets that were found in another region than expected, so that each
 * redirection is followed once. Any thread, under one short lock. */
#ifndef HGAUTOD_LIB_AWS_WIRE_BUCKET_CACHE_H
#define HGAUTOD_LIB_AWS_WIRE_BUCKET_CACHE_H

#include <stdbool.h>

#include "lib/base/attr.h"

/* Beyond that, the least recently used one is removed. */
#define AWS_BUCKET_CACHE_MAX 256

struct aws_bucket_cache;

/* Never returns NULL. */
struct aws_bucket_cache *aws_bucket_cache_new(void) MUST_CHECK;
/* NULL is allowed. */
void aws_bucket_cache_free(struct aws_bucket_cache *b);
/* Copies the region of a bucket. Returns false if it is not known. */
bool aws_bucket_cache_get(struct aws_bucket_cache *b, const char *bucket, char region[33]);
/* Bucket names are at most 255 characters, regions 32; longer ones are not stored. */
void aws_bucket_cache_put(struct aws_bucket_cache *b, const char *bucket, const char *region);

#endif
