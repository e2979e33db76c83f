/* The one rule for each kind of name in AWS: whether it is well-formed, not whether it exists.
 * Thread-safe.
 *
 * Each *_problem function returns NULL if the name is well-formed, otherwise what is wrong with it,
 * as the predicate of a sentence whose subject is the name: "is not a valid AWS region (such as
 * eu-west-1)". */
#ifndef HGAUTOD_LIB_AWS_NAMES_H
#define HGAUTOD_LIB_AWS_NAMES_H

#include <stdbool.h>

/* [a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}, at most 32 characters. */
const char *aws_region_problem(const char *region);

/* Exactly 12 digits. */
const char *aws_account_problem(const char *account);

/* Names created before 2018 in us-east-1 are valid too: uppercase letters, underscores, up to 255
 * characters. A valid name contains neither '/' nor a control character, and is not "." or "..".
 * Source: Amazon S3 User Guide, "General purpose bucket naming rules". */
const char *aws_bucket_problem(const char *name);

/* Returns whether the bucket's name can be the first label of a host name: 3 to 63 of [a-z0-9.-],
 * in DNS labels. Buckets with other names are addressed by path. */
bool aws_bucket_is_host(const char *name);

#endif
