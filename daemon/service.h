/* The daemon as a service: opens the sources, runs the loop, handles signals and drains. */
#ifndef HGAUTOD_DAEMON_SERVICE_H
#define HGAUTOD_DAEMON_SERVICE_H

#include <stdbool.h>

#include "daemon/env.h"
#include "daemon/exit_status.h"

/* Runs until SIGTERM or SIGINT, or with `once` until the sources are drained or keep failing. The
 * first signal drains: no new events are taken, and runs go on for [daemon] drain_timeout at most
 * and are then released with their progress. A second signal releases them at once. Notifies
 * systemd (sd_notify(3)) when it is ready and when it stops. Does not return, but exits with
 * EXIT_WORK_FAILED, when workers are still in requests after the drain timeout. Returns EXIT_DONE;
 * EXIT_WORK_FAILED when `once` is set and a source failed, or when it could not start for another
 * reason; EXIT_USAGE when a source can never work as configured. Main thread. */
enum exit_status service_run(const struct env *env, bool once) MUST_CHECK;

#endif
