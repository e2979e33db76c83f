/* What follows from the type of a source. */
#ifndef HGAUTOD_DAEMON_SOURCE_KINDS_H
#define HGAUTOD_DAEMON_SOURCE_KINDS_H

#include "lib/base/attr.h"
#include "lib/base/err.h"

struct config_source;
struct store;
struct env;
/* The store that a source's configuration names, without the source: for what is done beside a
 * running daemon. NULL with *err, also for a queue whose bucket is not configured. */
struct store *store_of_source(const struct env *env, const struct config_source *config,
                              struct err *err) MUST_CHECK;

#endif
