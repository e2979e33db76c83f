/* What is the daemon's own: the buckets, queues and storage accounts that its sources read from,
 * and the user or role that it is. No action changes them: an event that names them would cut the
 * daemon off, or wipe what it has yet to report.
 *
 * Constant after creation; thread-safe. */
#ifndef HGAUTOD_DAEMON_POLICY_OWN_H
#define HGAUTOD_DAEMON_POLICY_OWN_H

#include <jansson.h>
#include <stdbool.h>

#include "actions/action.h"
#include "daemon/config/config.h"
#include "daemon/store/store.h"
#include "lib/aws/aws.h"
#include "lib/base/attr.h"
#include "lib/base/err.h"

struct own;

/* Reads the sources of the configuration; sends nothing. `azure` is borrowed during the call. NULL
 * with *err when a connection string is not valid. */
struct own *own_new(const struct config *config, struct azure *azure, struct err *err) MUST_CHECK;
/* own may be NULL. */
void own_free(struct own *own);

/* Whether the action on the resource concerns IAM identities, so that own_allows has to be told who
 * the daemon is. */
bool own_needs_self(const struct action *action, const json_t *resource);
/* May the resource be changed? Not when its `arn`, `id` or, for its type, `name` is one of the
 * daemon's own: own's (NULL: none is known), the bucket or storage account that the event came from
 * (`store`), or `self` (NULL: not asked). False with *err (ERR_DENIED) naming it. */
bool own_allows(const struct own *own, const struct store *store, const struct aws_self *self,
                const struct action *action, const json_t *resource, struct err *err) MUST_CHECK;

#endif
