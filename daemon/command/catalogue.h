/* The catalogue of actions, for people and for programs: a table, the JSON that Hyperglance reads,
 * the reference, and what the actions and the daemon must be allowed to do, as an IAM policy or an
 * Azure role. All of it follows from the table of actions and the configuration; pure functions,
 * thread-safe. Those that answer a bool append to `to` and are false when out of memory. */
#ifndef HGAUTOD_DAEMON_COMMAND_CATALOGUE_H
#define HGAUTOD_DAEMON_COMMAND_CATALOGUE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "actions/action.h"
#include "daemon/config/config.h"
#include "lib/base/attr.h"
#include "lib/base/buf.h"

/* What Hyperglance looks for at the root of a bucket or container. */
#define CATALOGUE_KEY "HyperglanceAutomations.json"

/* Some of the actions, sorted by name. */
struct catalogue {
    const struct action **at; /* owned; what it points to is constant */
    size_t count;
};

/* The actions of *cloud (NULL: of all) that the configuration enables (NULL: all there are). False
 * when out of memory; free it by catalogue_free. */
bool catalogue_select(struct catalogue *c, const struct config *config,
                      const enum cloud *cloud) MUST_CHECK;
void catalogue_free(struct catalogue *c);

/* As HyperglanceAutomations.json has it; a new reference. */
json_t *catalogue_json(const struct catalogue *c) MUST_CHECK;

/* --- for people (catalogue_text.c, catalogue_markdown.c) --- */

/* A line each. */
bool catalogue_table(const struct catalogue *c, struct buf *to);
/* All there is to know of one; `config` says whether it is enabled. */
bool catalogue_describe(const struct action *action, const struct config *config, struct buf *to);
/* Appends the names nearest to one that no action has: "a, b or c"; nothing when none is near. */
bool catalogue_nearest(const char *name, struct buf *to);
/* The reference, docs/actions.md. */
bool catalogue_markdown(const struct catalogue *c, struct buf *to);
/* "string", "boolean", "number". */
const char *param_type_name(enum param_type type);

/* --- permissions (catalogue_iam.c, catalogue_azure.c) --- */

/* What IAM takes as one managed policy, in characters; white space does not count. */
#define IAM_POLICY_MAX 6144

/* An IAM policy for these actions and for the daemon itself: queues and buckets of the configured
 * sources, and the role to assume in other accounts. Without any source "*" stands for them.
 * Indented while that fits IAM_POLICY_MAX, else without white space; as several policies, a line
 * each, when one would still be too long. */
bool catalogue_iam_policy(const struct catalogue *c, const struct config *config, struct buf *to);

struct subscriptions;
/* A custom role definition, as `az role definition create` takes it, for these actions and for the
 * configured Azure sources. The scopes are the subscriptions of [guard] allow_subscriptions, else
 * those of `subscriptions` (NULL: none). Names in it are left out, only ids can be scopes. When
 * there is none, a subscription of zeroes stands for yours. */
bool catalogue_azure_role(const struct catalogue *c, const struct config *config,
                          const struct subscriptions *subscriptions, struct buf *to);

/* What a list of permissions is built with: an array of strings, sorted, each once; with those for
 * asking where resources are, when `location` is set. A new reference. */
json_t *catalogue_permissions(const struct catalogue *c, enum cloud cloud,
                              bool location) MUST_CHECK;
/* Appends a JSON value (a reference that is taken; NULL: out of memory) and a newline. */
bool catalogue_add_json(json_t *json, size_t flags, struct buf *to);

#endif
