/* What Azure resources may be called: a name that nothing can have is a mistake in the event, and
 * the 404 that it would be answered with says nothing of any resource. */
#ifndef HGAUTOD_ACTIONS_AZURE_NAMES_H
#define HGAUTOD_ACTIONS_AZURE_NAMES_H

#include <stdbool.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

#define AZ_GROUP_TYPE "Microsoft.Resources/resourceGroups"

/* Whether a resource of this type ("Microsoft.Compute/disks", in any case) can have the name; true
 * of types that are not in the table. False with ERR_INVALID, which says what is allowed; `where`
 * says where the name stands ("the resource's \"name\""). Thread-safe. */
bool az_name_check(const char *type, const char *name, const char *where,
                   struct err *err) MUST_CHECK;

#endif
