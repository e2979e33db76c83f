/* How many files may be open at once, and how many the configuration may need: each worker keeps
 * connections of its own. */
#ifndef HGAUTOD_DAEMON_DESCRIPTORS_H
#define HGAUTOD_DAEMON_DESCRIPTORS_H

#include <stdint.h>

#include "daemon/config/config.h"
#include "lib/base/buf.h"

/* Raises this process's limit of open files (RLIMIT_NOFILE) as far as it may be raised without
 * rights: to the hard limit. Where that fails the limit stays. */
void descriptors_raise(void);

/* The most files that a daemon with this configuration keeps open: every worker's connections, the
 * sources', and its own files. */
uint64_t descriptors_needed(const struct config *config);

/* Appends a line, "warning: ...", when that is more than the hard limit of this process lets it
 * have; nothing otherwise. */
void descriptors_warn(const struct config *config, struct buf *to);

#endif
