/* Rules for names of Azure resources. A name that no resource can have is an error in the event;
 * the 404 for it would not mean that a resource is gone. */
#ifndef HGAUTOD_ACTIONS_AZURE_NAMES_H
#define HGAUTOD_ACTIONS_AZURE_NAMES_H

#include <stdbool.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

#define AZ_GROUP_TYPE "Microsoft.Resources/resourceGroups"

/* Whether a resource of this type ("Microsoft.Compute/disks", in any case) can have the name; true
 * for types that are not in the table. where: the place of the name, for the error ("the resource's
 * \"name\""). False with ERR_INVALID, which contains the rule. Thread-safe. */
bool az_name_check(const char *type, const char *name, const char *where,
                   struct err *err) MUST_CHECK;

#endif
