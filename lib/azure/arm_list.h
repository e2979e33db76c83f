/* Lists of Azure Resource Manager with all their pages. */
#ifndef HGAUTOD_LIB_AZURE_ARM_LIST_H
#define HGAUTOD_LIB_AZURE_ARM_LIST_H

#include <jansson.h>

#include "lib/azure/azure.h"

#define ARM_LIST_PAGES 100

/* Reads a list. Blocks; workers only. Thread-safe. operation: for errors and the log. path:
 * begins with '/', encoded. Returns the elements of all pages' "value" as one array, a new
 * reference; NULL with *err: ERR_LIMIT for more than ARM_LIST_PAGES pages, or as arm_call. A
 * nextLink is requested from the configured ARM host only. */
json_t *arm_list(struct azure *azure, struct http_client *http, const char *operation,
                 const char *path, const char *version, struct err *err) MUST_CHECK;

#endif
