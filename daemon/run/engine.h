/* The engine: carries out events. A delivery becomes a run, which claims its event, reads it, runs
 * the tasks of its automations, writes the reports and deletes the claim; then the delivery is
 * settled.
 *
 * All engine_* functions are called on the main thread; the work is done by the workers. */
#ifndef HGAUTOD_DAEMON_RUN_ENGINE_H
#define HGAUTOD_DAEMON_RUN_ENGINE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "daemon/run/delivery.h"
#include "lib/base/attr.h"
#include "lib/base/err.h"

struct engine;
struct env;
struct http_client;

struct engine_options {
    /* Outlives the engine. */
    const struct env *env;
    uv_loop_t *loop;
    /* Whether steps that can be done for several resources in one call are; tests compare both. */
    bool share_calls;
};

/* Makes an engine and starts its workers. The options are copied. Returns NULL with *err if a
 * thread or handle cannot be had. Free it with engine_free. */
struct engine *engine_new(const struct engine_options *options, struct err *err) MUST_CHECK;
/* Joins the workers and frees the engine; NULL is allowed. Only when it is not busy. Its handles
 * are closed by running the loop once more. */
void engine_free(struct engine *e);

/* Returns true while more runs are accepted; sources do not poll otherwise. */
bool engine_has_room(const struct engine *e);
/* Carries out the event of a delivery, which is settled later, never within this call. */
void engine_submit(struct engine *e, struct delivery *d);

/* Runs fn(arg, http) on a worker, before all tasks, and then done(arg) on the main thread. For work
 * of sources that would block: fetching credentials, listing stores, reading directories. */
void engine_work(struct engine *e, void (*fn)(void *arg, struct http_client *http),
                 void (*done)(void *arg), void *arg);
/* Returns false if no run is in progress and no engine_work is outstanding. */
bool engine_busy(const struct engine *e);

/* Begins to drain. Runs continue until they are done or deadline_ms (monotonic) is near. Those that
 * cannot end in time store their progress, give up their claims so that another daemon can take
 * over at once, and are settled with SETTLE_RELEASE. deadline_ms 0: do that now. */
void engine_drain(struct engine *e, int64_t deadline_ms);

/* Totals since engine_new. */
struct engine_counts {
    uint64_t runs_started, runs_finished, runs_released;
    uint64_t processed, errored, critical, retries;
};
void engine_get_counts(const struct engine *e, struct engine_counts *to);

#endif
