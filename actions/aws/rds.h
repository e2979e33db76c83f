/* What actions on databases share: the id of a final snapshot. */
#ifndef HGAUTOD_ACTIONS_AWS_RDS_H
#define HGAUTOD_ACTIONS_AWS_RDS_H

#include "actions/aws/call.h"

/* As long as RDS and Redshift allow. */
#define SNAPSHOT_ID_SIZE 256
/* The final snapshot's id: unique a database and run, the same in every try. Letters, digits and
 * single hyphens, as both services want it. Returns to. */
const char *final_snapshot_id(const struct step_ctx *ctx, const char *database,
                              char to[SNAPSHOT_ID_SIZE]);
/* Whether text is the identifier of a database instance or cluster: lower-case letters, digits,
 * hyphens; at most 63. */
bool database_id_valid(const char *text);

#endif
