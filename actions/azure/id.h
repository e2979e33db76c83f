/* The subscription, group and name of an Azure resource: parses ARM resource IDs and what an event
 * contains, and checks it before anything is built from it. */
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
    /* Owned. */
    char *store;
    /* The segments, in the store. */
    const char *at[AZ_ID_SEGMENTS];
    size_t count;
};

/* Parses an ID; keywords may be in any case, every segment is valid in a path. False if text is not
 * a valid ID. to is to be freed only after true. Thread-safe, as all functions of az_id. */
bool az_id_parse(const char *text, struct az_id *to) MUST_CHECK;
void az_id_free(struct az_id *id);
const char *az_id_subscription(const struct az_id *id);
const char *az_id_group(const struct az_id *id);
/* The last segment. */
const char *az_id_name(const struct az_id *id);
/* Whether it is of this type ("Microsoft.Compute/disks"), in any case. */
bool az_id_is(const struct az_id *id, const char *type);
/* Checks its name by the rules of its type (names.h). False with *err. */
bool az_id_name_check(const struct az_id *id, struct err *err) MUST_CHECK;
/* Appends the ID, percent-encoded, as the path of a request. False if the path is too long. */
bool az_id_path(const struct az_id *id, struct buf *path) MUST_CHECK;

/* The longest segment and its terminator. */
#define AZ_SEGMENT_SIZE 261

struct az_where {
    /* Borrowed from the resource. */
    const char *subscription;
    char group[AZ_SEGMENT_SIZE];
    char name[AZ_SEGMENT_SIZE];
};

/* Reads `subscription`, the attribute "Resource Group" and `name` of the resource; the latter two
 * are taken from a full ARM ID in `id` if they are absent. A full ID must agree with them. False
 * with ctx->err. */
bool az_where(struct step_ctx *ctx, struct az_where *to) MUST_CHECK;

#endif
