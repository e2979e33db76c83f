/* What is well-formed: GUIDs and names in Azure storage, and URLs that secrets may be sent to.
 * Thread-safe. */
#ifndef HGAUTOD_LIB_AZURE_NAMES_H
#define HGAUTOD_LIB_AZURE_NAMES_H

#include <stdbool.h>

/* 8-4-4-4-12 hex digits, any case. */
bool azure_guid_valid(const char *text);

/* Whether a container's or queue's name follows the rules: 3 to 63 of [a-z0-9-], no hyphen first,
 * last or twice. */
bool storage_name_valid(const char *name);

/* Whether tokens and secrets may be sent to this URL: over https, or to this machine. */
bool azure_may_carry_secrets(const char *url);

#endif
