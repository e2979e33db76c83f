/* The daemon as a service: sources opened, the loop run, signals obeyed, drained at the end. */
#ifndef HGAUTOD_DAEMON_SERVICE_H
#define HGAUTOD_DAEMON_SERVICE_H

#include <stdbool.h>

#include "daemon/daemon.h"

/* Runs until SIGTERM, SIGINT or SIGHUP, or with d->once until the sources are drained or keep
 * failing. A first signal drains: no new events, runs go on for [daemon] drain_timeout at most and
 * are then given back with their progress; a second one gives them back at once. Tells systemd
 * (sd_notify) when it is ready and when it stops. d has been made by daemon_init; its loop, http,
 * engine and sources are made and freed here. Returns the exit status: 0; 1 when it could not drain
 * in time, or when d->once is set and a source failed; 2 when a source can never work as
 * configured. */
int service_run(struct daemon *d);

#endif
