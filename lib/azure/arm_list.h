/* Lists of Azure Resource Manager, all their pages. */
#ifndef HGAUTOD_LIB_AZURE_ARM_LIST_H
#define HGAUTOD_LIB_AZURE_ARM_LIST_H

#include <jansson.h>

#include "lib/azure/azure.h"

#define ARM_LIST_PAGES 100 /* a longer list is ERR_LIMIT */

/* The elements of all pages' "value" as one array, a new reference; NULL with *err. `path` begins
 * with '/' and is encoded already; `operation` is for errors and the log. The pages' nextLink is
 * followed on the configured ARM host only. Waits. */
json_t *arm_list(struct azure *azure, struct http_client *http, const char *operation,
                 const char *path, const char *version, struct err *err) MUST_CHECK;

#endif
