/* The policy of the [guard] section: which actions are enabled, and which accounts, regions and
 * resources may be changed. Pure functions, thread-safe. */
#ifndef HGAUTOD_DAEMON_POLICY_GUARD_H
#define HGAUTOD_DAEMON_POLICY_GUARD_H

#include <jansson.h>
#include <stdbool.h>

#include "actions/action.h"
#include "daemon/config/config.h"
#include "lib/base/attr.h"

/* Returns whether the action is enabled. False with ERR_DENIED and the setting in *err if it is
 * disabled by name, not in enable_actions although that is set, or `extra` and not enabled by name.
 */
bool guard_action(const struct config *config, const struct action *action,
                  struct err *err) MUST_CHECK;

/* Returns whether the resource may be changed: its account or subscription and, unless the action
 * is global, its region must be allowed, and it must not have any tag of protect_tags ("key": any
 * value; "key=value"; keys of Azure tags are case-insensitive). What cannot be decided (no tags, or
 * of the wrong type, while protect_tags is set) is refused. False with ERR_DENIED and the setting
 * in *err. */
bool guard_resource(const struct config *config, const struct action *action, const char *account,
                    const char *region, const json_t *resource, struct err *err) MUST_CHECK;

/* Returns whether the cloud must be asked where the resource is, because the event cannot decide
 * that: in Azure, where calls have no region, if allow_regions is set. */
bool guard_needs_location(const struct config *config, const struct action *action);

/* Returns whether resources in this region may be changed, for locations that are not from the
 * event. */
bool guard_region(const struct config *config, enum cloud cloud, const char *region,
                  struct err *err) MUST_CHECK;

#endif
