/* The catalogue of actions, for humans and programs: a table, the JSON that Hyperglance reads, the
 * reference, and the permissions that the actions and the daemon need, as an IAM policy or an Azure
 * role. All of it is derived from the table of actions and the configuration. Pure functions,
 * thread-safe. */
#ifndef HGAUTOD_DAEMON_COMMAND_CATALOGUE_H
#define HGAUTOD_DAEMON_COMMAND_CATALOGUE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "actions/action.h"
#include "daemon/config/config.h"
#include "lib/base/attr.h"
#include "lib/base/buf.h"

/* What Hyperglance reads at the root of a bucket or container. */
#define CATALOGUE_KEY "HyperglanceAutomations.json"

/* A selection of actions, sorted by name. */
struct catalogue {
    /* Owned; the actions are constant. */
    const struct action **at;
    size_t count;
};

/* Selects the actions of *cloud (NULL: of all) that the configuration enables (NULL: all there
 * are). Released with catalogue_free. */
void catalogue_select(struct catalogue *c, const struct config *config, const enum cloud *cloud);
void catalogue_free(struct catalogue *c);

/* Returns the content of HyperglanceAutomations.json; a new reference. */
json_t *catalogue_json(const struct catalogue *c) MUST_CHECK;

/* --- for humans (catalogue_text.c, catalogue_markdown.c) --- */

/* Appends one line per action. */
void catalogue_table(const struct catalogue *c, struct buf *to);

/* Appends a complete description of an action, and whether the configuration enables it. */
void catalogue_describe(const struct action *action, const struct config *config, struct buf *to);

/* Appends the names that are most similar to an unknown one: "a, b or c"; nothing if none is
 * similar. */
void catalogue_nearest(const char *name, struct buf *to);

/* Appends the reference, docs/actions.md. */
void catalogue_markdown(const struct catalogue *c, struct buf *to);

/* Returns "string", "boolean" or "number". */
const char *param_type_name(enum param_type type);

/* --- permissions (catalogue_iam.c, catalogue_azure.c) --- */

/* The maximum size of a managed policy in IAM, in characters; white space does not count. */
#define IAM_POLICY_MAX 6144

/* Appends an IAM policy for these actions and for the daemon itself: the queues and buckets of the
 * configured sources, and the role to assume in other accounts. Without any source, "*" stands for
 * them. Indented if that fits IAM_POLICY_MAX, otherwise without white space; split into several
 * policies, one per line, if one would still be too long. */
void catalogue_iam_policy(const struct catalogue *c, const struct config *config, struct buf *to);

struct subscriptions;

/* Appends a custom role definition, as `az role definition create` accepts it, for these actions
 * and for the configured Azure sources. The scopes are the subscriptions of [guard]
 * allow_subscriptions, otherwise those of `subscriptions` (NULL: none). Names in it are omitted,
 * because only IDs can be scopes. If there is none, a subscription of zeroes stands for it. */
void catalogue_azure_role(const struct catalogue *c, const struct config *config,
                          const struct subscriptions *subscriptions, struct buf *to);

/* Returns the permissions of the actions of a cloud as an array of strings, sorted and unique;
 * including those to read where resources are if `location` is set. A new reference. */
json_t *catalogue_permissions(const struct catalogue *c, enum cloud cloud,
                              bool location) MUST_CHECK;

/* Appends a JSON value, whose reference is taken, and a newline. flags as for json_dumps. */
void catalogue_add_json(json_t *json, size_t flags, struct buf *to);

#endif
