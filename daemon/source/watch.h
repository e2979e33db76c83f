/* Tells that something has changed below a directory: one libuv watch (inotify) a folder, added as
 * folders appear. What it says is a hint, not the truth: a caller looks for itself, and now and
 * then without a hint. Main thread. */
#ifndef HGAUTOD_DAEMON_SOURCE_WATCH_H
#define HGAUTOD_DAEMON_SOURCE_WATCH_H

#include <stdbool.h>

#include "daemon/source/source.h"
#include "lib/base/attr.h"

struct watch;

/* Watches `path` and the folders below it, but for those named "reports" (what is written there is
 * ours). Calls changed(ctx) once when all are watched, and after that whenever something has
 * happened in one. `path` and `name` (of the source, for the log) are borrowed. NULL when out of
 * memory. */
struct watch *watch_new(const struct source_host *host, const char *name, const char *path,
                        void (*changed)(void *ctx), void *ctx) MUST_CHECK;
void watch_start(struct watch *w);
void watch_stop(struct watch *w);
/* False while a worker looks for folders. */
bool watch_idle(const struct watch *w);
/* True when everything that has happened so far has been told. */
bool watch_quiet(const struct watch *w);
/* Only when idle. Its handles are closed by running the loop once more. */
void watch_free(struct watch *w);

#endif
