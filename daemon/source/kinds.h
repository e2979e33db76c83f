/* What the types of sources do, as a table with a row for each, and the functions that use it. The
 * plain facts of a type are in daemon/config/source_type.h. */
#ifndef HGAUTOD_DAEMON_SOURCE_KINDS_H
#define HGAUTOD_DAEMON_SOURCE_KINDS_H

#include "daemon/source/source.h"
#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"

struct http_client;

struct source_kind {
    /* Returns what is missing from the settings, or does not go together ("queue_url is missing"),
     * NULL if nothing. Names are checked by what uses them. */
    const char *(*problem)(const struct config_source *config);
    /* Opens the store that the configuration names. NULL with *err. */
    struct store *(*open_store)(const struct env *env, const struct config_source *config,
                                struct err *err);
    /* Makes the source; see source.h. */
    struct source *(*open)(const struct source_host *host, const struct config_source *config,
                           struct store *store, struct err *err);
    /* As source_probe, with the source's store; NULL for a queue without a configured bucket. */
    bool (*probe)(const struct env *env, const struct config_source *config, struct store *store,
                  struct http_client *http, struct buf *to);
};

/* By enum source_type. */
extern const struct source_kind source_kinds[SOURCE_TYPE_COUNT];

/* Makes the source of a configuration, which is borrowed like host. Returns NULL with *err, whose
 * message begins with the source's name; it is ERR_INVALID if the settings can never work. Freed by
 * its ops->free. Main thread. */
struct source *source_new(const struct source_host *host, const struct config_source *config,
                          struct err *err) MUST_CHECK;

/* Opens the store of a source without the source, for commands other than run. Returns NULL with
 * *err, whose message does not name the source, also for a queue without a configured bucket. */
struct store *source_store_new(const struct env *env, const struct config_source *config,
                               struct err *err) MUST_CHECK;

/* For `check --online`: accesses the source's queue and store with the daemon's identity, and
 * appends the findings to `to`, one per line: "ok ...", "FAIL ..." or "note ...". Returns false if
 * anything failed. Blocks. */
bool source_probe(const struct env *env, const struct config_source *config,
                  struct http_client *http, struct buf *to) MUST_CHECK;

#endif
