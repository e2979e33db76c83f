/* The policy: which actions, accounts, regions and resources may be touched at all. Constant after
 * creation; thread-safe. */
#ifndef HGAUTOD_DAEMON_POLICY_GUARD_H
#define HGAUTOD_DAEMON_POLICY_GUARD_H

#include <jansson.h>
#include <stdbool.h>

#include "actions/action.h"
#include "daemon/config/config.h"
#include "lib/base/attr.h"

/* Is the action offered? Disabled by name, not among enable_actions where that is given, or `extra`
 * and not enabled by name: false, with a sentence naming the setting. */
bool guard_action(const struct config *config, const struct action *action,
                  struct err *err) MUST_CHECK;
/* May the resource be touched? Its account or subscription and region (unless the action is global)
 * must be allowed and none of
 * protect_tags may be on it
 * ("key": whatever the value; "key=value"; tags of Azure compare the key in any case). Anything
 * unclear (tags of a wrong type while protect_tags is set) is refused. */
bool guard_resource(const struct config *config, const struct action *action, const char *account,
                    const char *region, const json_t *resource, struct err *err) MUST_CHECK;
/* Whether the resource's cloud is to be asked where it is, because the event's word for it does not
 * decide: in Azure, where no call names a region, when allow_regions is set. */
bool guard_needs_location(const struct config *config, const struct action *action);
/* May resources in this region be touched? For what is found elsewhere than the event says. */
bool guard_region(const struct config *config, enum cloud cloud, const char *region,
                  struct err *err) MUST_CHECK;

#endif
