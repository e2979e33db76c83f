/* Where an Azure resource is, as Resource Manager says: what an event says of it is only what
 * somebody has written. */
#ifndef HGAUTOD_ACTIONS_AZURE_LOCATE_H
#define HGAUTOD_ACTIONS_AZURE_LOCATE_H

#include <stdbool.h>

#include "actions/action.h"
#include "lib/base/attr.h"
#include "lib/base/buf.h"

/* Appends the location ("westeurope") of what the action acts on (action.arm_type), by one read;
 * nothing when it is not there any more, which is for the action to say. False with ctx->err: who
 * cannot know where a resource is, does not know that it is where it may be. */
bool az_locate(struct step_ctx *ctx, struct buf *location) MUST_CHECK;

#endif
