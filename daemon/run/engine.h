/* The engine: carries out events. A delivery becomes a run; a run claims its event, reads it, runs
 * the tasks of its automations, writes the reports and lets go of the claim; then the delivery is
 * settled.
 *
 * engine_* functions are called on the main thread; the work happens on the workers. */
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

/* Starts the workers. NULL with *err. The options are copied. */
struct engine *engine_new(const struct engine_options *options, struct err *err) MUST_CHECK;

/* True while more runs are welcome; sources do not poll otherwise. */
bool engine_has_room(const struct engine *e);
/* Carries out the event of a delivery. The delivery is settled later, never within this call. */
void engine_submit(struct engine *e, struct delivery *d);

/* Runs fn(arg, http) on a worker (control work: before all tasks) and then done(arg) on the main
 * thread. For what a source must not do on the main thread: refreshing credentials, sweeps, reading
 * directories. */
void engine_work(struct engine *e, void (*fn)(void *arg, struct http_client *http),
                 void (*done)(void *arg), void *arg);
/* False when no run is under way and no engine_work is outstanding. */
bool engine_busy(const struct engine *e);

/* Begins to drain: runs go on until done or until `deadline_ms` (monotonic) is near; those that
 * cannot end in time store their progress, give up their claim so that another daemon may take over
 * at once, and are settled with SETTLE_RELEASE. engine_drain(e, 0): do that now. */
void engine_drain(struct engine *e, int64_t deadline_ms);
/* Joins the workers and frees; only when not busy. Its handles are closed by running the loop once
 * more. */
void engine_free(struct engine *e);

/* Numbers for logs and the admin endpoint; main thread. */
struct engine_counts {
    uint64_t runs_started, runs_finished, runs_released, runs_failed;
    uint64_t processed, errored, critical, retries;
};
void engine_get_counts(const struct engine *e, struct engine_counts *to);

#endif
