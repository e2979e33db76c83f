/* A source yields notifications: "event X was created", and carries the means to keep, give back
 * and delete the message that said so. Sources live on the main thread and never block it.
 *
 * A source hands each announced event to the engine as a delivery, which the engine settles, once
 * for each, with how it ended. Only when all events of one message have ended is the message itself
 * deleted or released. */
#ifndef HGAUTOD_DAEMON_SOURCE_SOURCE_H
#define HGAUTOD_DAEMON_SOURCE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "daemon/config/config.h"
#include "daemon/store/store.h"
#include "lib/base/attr.h"
#include "lib/base/err.h"

struct engine;
struct env;
struct http_client;
struct http_loop;
struct source;

struct source_ops {
    /* Begins to yield. False with *err only for what will never work (a bad URL); what may mend is
     * retried forever, said once. */
    bool (*start)(struct source *s, struct err *err);
    /* No more notifications; messages not yet handed over are released. Idempotent. */
    void (*stop)(struct source *s);
    /* True when nothing is under way: no message held, no deletion or release outstanding. */
    bool (*idle)(const struct source *s);
    /* True when the source has nothing more to give just now: the last poll (or sweep) came back
     * empty; for --once. */
    bool (*drained)(const struct source *s);
    /* True when its queue or store has failed time and again, last just now; --once ends then. */
    bool (*failing)(const struct source *s);
    /* Frees it; all its libuv handles have been closed by the time it returns or by running the
     * loop once more. */
    void (*free)(struct source *s);
};

/* What all sources have; each kind embeds it first. */
struct source {
    const struct source_ops *ops;
    const struct config_source *config;
    struct store *store; /* owned by the source; NULL for a queue without a configured bucket, which
                            has a store for each bucket that messages name */
    const struct env *env;
    const struct source_host *host;
};

/* Counters of all sources together; main thread. */
struct source_counts {
    uint64_t messages, deleted, released, ignored, test_events, unknown, set_aside, sweeps, swept;
};

/* What `service` offers to its sources; outlives them. Main thread. */
struct source_host {
    const struct env *env;
    uv_loop_t *loop;
    struct engine *engine;
    struct http_loop *http;
    struct source_counts *counts;
    /* --once: sources report when they are drained. */
    bool once;
};

/* By type; NULL with *err (which names the source and the setting). */
struct source *source_new(const struct source_host *host, const struct config_source *config,
                          struct err *err) MUST_CHECK;
struct source *source_sqs_new(const struct source_host *host, const struct config_source *config,
                              struct err *err) MUST_CHECK;
struct source *source_azure_queue_new(const struct source_host *host,
                                      const struct config_source *config,
                                      struct err *err) MUST_CHECK;
/* s3 and azure_blob. */
struct source *source_swept_new(const struct source_host *host, const struct config_source *config,
                                struct err *err) MUST_CHECK;
struct source *source_dir_new(const struct source_host *host, const struct config_source *config,
                              struct err *err) MUST_CHECK;

#endif
