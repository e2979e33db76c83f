/* What is well-formed: names of AWS regions, accounts and buckets. The rules, not whether there is
 * one of that name. Thread-safe. */
#ifndef HGAUTOD_LIB_AWS_NAMES_H
#define HGAUTOD_LIB_AWS_NAMES_H

#include <stdbool.h>

/* [a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}, at most 32 characters. */
bool aws_region_valid(const char *region);
/* Exactly 12 digits. */
bool aws_account_valid(const char *account);

/* The one rule for a bucket's name. NULL when it is one; else what it is not, for a sentence: "a
 * bucket name: 3 to 255 of ...". Names from before 2018 in us-east-1 count too: upper case,
 * underscores, up to 255 characters. Source: Amazon S3 User Guide, "General purpose bucket naming
 * rules". A name that passes holds no '/', no control character, and is no path segment that
 * anybody would resolve. */
const char *s3_bucket_problem(const char *name);
bool s3_bucket_valid(const char *name); /* has no problem */
/* Whether the name may stand before a host: 3 to 63 of [a-z0-9.-], labels of DNS. Buckets of other
 * names are asked for in the path. */
bool s3_bucket_is_host(const char *name);

#endif
