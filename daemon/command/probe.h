/* Tests whether a source's queue and store can be used, for `check --online`. */
#ifndef HGAUTOD_DAEMON_COMMAND_PROBE_H
#define HGAUTOD_DAEMON_COMMAND_PROBE_H

#include <stdbool.h>

#include "daemon/config/config.h"
#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/net/http.h"

struct env;

/* Connects to the queue and the store of a source, puts an object into the store and deletes it again;
 * receives no message. Appends one line for each finding, beginning with "ok", "note" or "FAIL".
 * Returns false if there was a "FAIL". Blocks. */
bool probe_source(const struct env *env, const struct config_source *config,
                  struct http_client *http, struct buf *to) MUST_CHECK;

#endif
