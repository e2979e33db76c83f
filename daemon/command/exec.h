/* One event from a file, without a queue: carried out by the engine as any other, its reports put
 * into a folder or printed. */
#ifndef HGAUTOD_DAEMON_COMMAND_EXEC_H
#define HGAUTOD_DAEMON_COMMAND_EXEC_H

#include "daemon/env.h"
#include "lib/base/attr.h"

/* Runs the event in the file `path`. The reports go into the folder report_dir (created if
 * necessary; their paths are printed on stdout) or, where that is NULL, to stdout, one JSON object
 * per line. env->config->guard.dry_run decides whether changes are made. Returns the exit status: 0
 * when all resources were processed, 1 when any errored or the event could not be carried out, 2
 * when the file or folder cannot be used. */
int exec_event(const struct env *env, const char *path, const char *report_dir) MUST_CHECK;

#endif
