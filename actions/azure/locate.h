/* The location of an Azure resource, as reported by Resource Manager: that in the event is not
 * trusted. */
#ifndef HGAUTOD_ACTIONS_AZURE_LOCATE_H
#define HGAUTOD_ACTIONS_AZURE_LOCATE_H

#include <stdbool.h>

#include "actions/action.h"
#include "lib/base/attr.h"
#include "lib/base/buf.h"

/* Appends the location ("westeurope") of the resource that action.arm_type specifies, by one
 * read. Appends nothing if it does not exist: the action reports that. False with ctx->err: a
 * resource whose location cannot be determined is not known to be in an allowed one. For the
 * worker that runs the task. */
bool az_locate(struct step_ctx *ctx, struct buf *location) MUST_CHECK;

#endif
