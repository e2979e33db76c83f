/* The waiting of commands, which may wait, for an identity that cannot be had now: a metadata
 * service is busy, or a token service is unwell for a moment. Not for workers, which never sleep.
 */
#ifndef HGAUTOD_DAEMON_COMMAND_WAITING_H
#define HGAUTOD_DAEMON_COMMAND_WAITING_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"

struct waiting {
    const struct clock *clock;
    int64_t until_ms; /* monotonic */
};

/* Begins to count: ten seconds. */
struct waiting waiting_begin(const struct clock *clock);
/* Sleeps for as long as the failure asks, and returns true: try again. False when another try would
 * not help, or would come too late. */
bool waiting_pause(const struct waiting *p, const struct err *err) MUST_CHECK;

#endif
