/* What actions on databases share: identifiers of databases and of final snapshots. */
#ifndef HGAUTOD_ACTIONS_AWS_RDS_H
#define HGAUTOD_ACTIONS_AWS_RDS_H

#include "actions/aws/call.h"

/* The limit of RDS and Redshift. */
#define SNAPSHOT_ID_SIZE 256
/* Writes the ID of the final snapshot: unique per database and run, the same in every try. It
 * consists of letters, digits and single hyphens, as both services require. Returns to. */
const char *rds_final_snapshot_id(const struct step_ctx *ctx, const char *database,
                                  char to[SNAPSHOT_ID_SIZE]);
/* Whether text is the identifier of a database instance or cluster: at most 63 lowercase
 * letters, digits and hyphens. */
bool rds_id_valid(const char *text);

#endif
