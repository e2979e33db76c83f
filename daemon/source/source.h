/* A source yields notifications ("event X was created"), and is able to extend, release and delete
 * the messages that carry them. Sources live on the main thread and never block it.
 *
 * A source submits each announced event to the engine as a delivery, which the engine settles
 * exactly once. A message is deleted or released when all of its events are settled. */
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
struct http_loop;
struct source;

struct source_ops {
    /* Begins to yield. Failures from then on are retried forever and logged once. */
    void (*start)(struct source *s);
    /* Yields nothing more; releases messages that have not been submitted. Idempotent. */
    void (*stop)(struct source *s);
    /* Returns true if nothing is under way: no message kept, no deletion or release outstanding. */
    bool (*idle)(const struct source *s);
    /* For --once: returns true if the last poll or sweep found nothing new. */
    bool (*drained)(const struct source *s);
    /* For --once: returns true if the queue or store has failed repeatedly, and last just now. */
    bool (*failing)(const struct source *s);
    /* Frees the source. All its libuv handles are closed when it returns or when the loop has run
     * once more. */
    void (*free)(struct source *s);
};

/* What all sources have in common; each kind embeds it. */
struct source {
    const struct source_ops *ops;
    const struct config_source *config;
    /* Owned; NULL for a queue without a configured bucket, which has a store for each bucket that
     * messages name. */
    struct store *store;
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

/* The sources by kind, for kinds.c: made from a configuration and its store, which becomes the
 * source's. Return NULL with *err (ERR_INVALID) for settings that can never work; the store is then
 * still the caller's. store is NULL only for an sqs source without a configured bucket. */
struct source *source_sqs_open(const struct source_host *host, const struct config_source *config,
                               struct store *store, struct err *err) MUST_CHECK;
struct source *source_azure_queue_open(const struct source_host *host,
                                       const struct config_source *config, struct store *store,
                                       struct err *err) MUST_CHECK;
/* s3, azure_blob and directory; does not fail. */
struct source *source_swept_open(const struct source_host *host, const struct config_source *config,
                                 struct store *store, struct err *err) MUST_CHECK;

#endif
