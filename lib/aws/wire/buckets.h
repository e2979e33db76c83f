/* In which region S3 buckets are that were found elsewhere than asked for: a small table, so that
 * each is followed once. Thread-safe: one short lock. */
#ifndef HGAUTOD_LIB_AWS_WIRE_BUCKETS_H
#define HGAUTOD_LIB_AWS_WIRE_BUCKETS_H

#include <stdbool.h>

#include "lib/base/attr.h"

#define BUCKETS_MAX 256 /* beyond, the oldest is forgotten */

struct aws_buckets;

struct aws_buckets *aws_buckets_new(void) MUST_CHECK;
void aws_buckets_free(struct aws_buckets *b);
/* The region that a bucket is known to be in; false when nothing is known of it. */
bool aws_buckets_find(struct aws_buckets *b, const char *bucket, char region[33]);
/* Bucket names are at most 255 characters, regions 32; longer ones are not remembered. */
void aws_buckets_remember(struct aws_buckets *b, const char *bucket, const char *region);

#endif
