/* How long a call that fails for a passing reason is tried again: for a time, and where the reason
 * is a fault (no throttling) for a number of tries too, whichever ends first. The time is the
 * monotonic clock's, from the first failure of that reason in a row. */
#ifndef HGAUTOD_DAEMON_RUN_PATIENCE_H
#define HGAUTOD_DAEMON_RUN_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/config/config.h"
#include "lib/base/attr.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"

/* What has failed since the last success; all zero: nothing. */
struct patience {
    int64_t since_ms; /* monotonic: the first failure of the present kind in a row */
    uint16_t faults;  /* failed tries that were not throttled, of all since the last success */
    uint16_t row;     /* failures of the present kind in a row; stays at its maximum */
    uint8_t kind;     /* enum trouble, private to patience.c */
};

/* Notes a failure with a retryable error other than ERR_BUSY. True while the same is to be tried
 * again; *again_ms is when (monotonic), also when the patience is at its end: for those who go on
 * all the same. An ERR_UNAVAILABLE is no try: it is waited for as long as retry_for says, and
 * counts for nothing else. */
bool patience_note(struct patience *p, const struct config *config, const struct clock *clock,
                   const struct err *err, int64_t *again_ms) MUST_CHECK;

#endif
