/* The shared config and credentials files of the AWS CLI (~/.aws/config, ~/.aws/credentials,
 * AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE): profiles and their settings. Source: AWS SDKs and
 * Tools Reference Guide, "Shared config and credentials files". Read-only after loading, then
 * thread-safe. */
#ifndef HGAUTOD_LIB_AWS_AUTH_PROFILE_H
#define HGAUTOD_LIB_AWS_AUTH_PROFILE_H

#include <stdbool.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

struct aws_profiles;

/* Loads both files; one that does not exist is empty. A path that is NULL is that of the
 * environment or the default. Returns NULL with *err (ERR_INVALID, file and line) if a file is
 * malformed, unreadable or larger than 1 MiB. */
struct aws_profiles *aws_profiles_load(const char *config, const char *credentials,
                                       struct err *err) MUST_CHECK;

/* Wipes the contents. NULL is allowed. */
void aws_profiles_free(struct aws_profiles *p);

/* Returns whether a file has been written, replaced, created or removed since it was read. */
bool aws_profiles_changed(const struct aws_profiles *p);

/* Reads the same files again; returns a new set. */
struct aws_profiles *aws_profiles_reload(const struct aws_profiles *p, struct err *err) MUST_CHECK;

/* Returns a setting of a profile, from the credentials file first; NULL if there is none. Borrowed.
 * Keys are in lowercase. */
const char *aws_profile_get(const struct aws_profiles *p, const char *profile, const char *key);

/* Returns a setting of a section [section name], such as [sso-session x] or [services x]; sub is a
 * nested key ("endpoint_url" of "ec2") or NULL. Borrowed. */
const char *aws_profile_section_get(const struct aws_profiles *p, const char *section,
                                    const char *name, const char *key, const char *sub);

bool aws_profile_exists(const struct aws_profiles *p, const char *profile);

#endif
