/* The limit of open files: raises it, and warns if the configuration may need more. */
#ifndef HGAUTOD_DAEMON_DESCRIPTORS_H
#define HGAUTOD_DAEMON_DESCRIPTORS_H

#include <stdint.h>

#include "daemon/config/config.h"
#include "lib/base/buf.h"

/* Raises the limit of open files of this process (RLIMIT_NOFILE) to the hard limit. If that fails,
 * the limit stays as it is. */
void descriptors_raise(void);

/* Returns the maximum number of files that a daemon with this configuration keeps open. */
uint64_t descriptors_needed(const struct config *config);

/* Appends a line "warning: ..." if that is more than the hard limit of this process. */
void descriptors_warn(const struct config *config, struct buf *to);

#endif
