/* What the parts of the Azure client share among themselves and nobody else uses. */
#ifndef HGAUTOD_LIB_AZURE_CLIENT_H
#define HGAUTOD_LIB_AZURE_CLIENT_H

#include "lib/azure/azure.h"
#include "lib/net/skew.h"

/* What is known of this host's clock; as long as `azure`. */
struct skew *azure_skew(struct azure *azure);

/* The api-version that the settings give a provider's resource type; NULL: none. */
const char *azure_version_override(const struct azure *azure, const char *provider);
/* Remembers one; replaces an earlier one. */
bool azure_add_version(struct azure *azure, const char *provider, const char *version,
                       struct err *err) MUST_CHECK;

#endif
