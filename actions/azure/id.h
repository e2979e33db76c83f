/* Where an Azure resource is: ARM resource IDs taken apart, and the place that an event names,
 * checked before anything is built from it. */
#ifndef HGAUTOD_ACTIONS_AZURE_ID_H
#define HGAUTOD_ACTIONS_AZURE_ID_H

#include <stdbool.h>
#include <stddef.h>

#include "actions/action.h"
#include "lib/base/buf.h"

/* "/subscriptions/S/resourceGroups/G/providers/NAMESPACE/TYPE/NAME", for a resource within another
 * followed by more pairs of type and name. */
#define AZ_ID_SEGMENTS 20
struct az_id {
    char *store; /* owned */
    const char *at[AZ_ID_SEGMENTS];
    size_t count;
};

/* Takes an id apart; keywords are recognized in any case, every segment is fit for a path. False
 * when it is none. */
bool az_id_parse(const char *text, struct az_id *to) MUST_CHECK;
void az_id_free(struct az_id *id);
const char *az_id_subscription(const struct az_id *id);
const char *az_id_group(const struct az_id *id);
const char *az_id_name(const struct az_id *id); /* the last one */
/* Whether it is of this type ("Microsoft.Compute/disks"), in any case. */
bool az_id_is(const struct az_id *id, const char *type);
/* Whether its type can have its name, as names.h says. False with *err. */
bool az_id_name_check(const struct az_id *id, struct err *err) MUST_CHECK;
/* Appends the id, percent-encoded, as a request's path. */
bool az_id_path(const struct az_id *id, struct buf *path) MUST_CHECK;

/* The longest segment, and its end. */
#define AZ_SEGMENT_SIZE 261

/* A resource's place. */
struct az_where {
    const char *subscription; /* borrowed from the resource */
    char group[AZ_SEGMENT_SIZE];
    char name[AZ_SEGMENT_SIZE];
};

/* The place that the resource names: `subscription`, the attribute "Resource Group" and `name`, the
 * latter two from a full ARM id in `id` when they are absent. A full id must agree with them. False
 * with ctx->err. */
bool az_where(struct step_ctx *ctx, struct az_where *to) MUST_CHECK;

#endif
