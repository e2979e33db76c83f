/* What the daemon itself depends on: the buckets, queues and storage accounts that its sources use,
 * and the user or role that it is. No action changes them: an event that names them would cut the
 * daemon off or delete what it has yet to report.
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

/* Reads the sources of the configuration; sends nothing. `azure` is borrowed during the call.
 * Returns NULL with *err if a connection string is not valid. */
struct own *own_new(const struct config *config, struct azure *azure, struct err *err) MUST_CHECK;

/* own may be NULL. */
void own_free(struct own *own);

/* Returns whether the action on the resource concerns IAM identities, so that own_allows needs
 * `caller`. */
bool own_needs_caller(const struct action *action, const json_t *resource);

/* Returns whether the resource may be changed: its `arn`, `id` or, for its type, `name` must not be
 * in own (NULL: unknown), the bucket or storage account that the event came from (`store`), or
 * `caller` (NULL: not needed). False with ERR_DENIED and its name in *err. */
bool own_allows(const struct own *own, const struct store *store, const struct aws_caller *caller,
                const struct action *action, const json_t *resource, struct err *err) MUST_CHECK;

#endif
