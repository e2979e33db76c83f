/* What the files of the Azure client share among themselves; nothing else includes it. */
#ifndef HGAUTOD_LIB_AZURE_CLIENT_H
#define HGAUTOD_LIB_AZURE_CLIENT_H

#include "lib/azure/azure.h"
#include "lib/net/skew.h"

/* Returns the difference between this host's clock and the services'; valid as long as `azure`. */
struct skew *azure_skew(struct azure *azure);

/* Returns the configured api-version of a resource type; NULL if there is none. */
const char *azure_version_override(const struct azure *azure, const char *provider);
/* Sets it, replacing an earlier one. Returns false with ERR_LIMIT if there are too many. Only
 * before other threads use `azure`. */
bool azure_add_version(struct azure *azure, const char *provider, const char *version,
                       struct err *err) MUST_CHECK;

#endif
