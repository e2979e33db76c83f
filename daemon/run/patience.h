/* Patience: how long a call that fails with a retryable error is retried. It ends after a time, and
 * for faults (anything but throttling) also after a number of attempts, whichever comes first. The
 * time is measured with the monotonic clock from the first of consecutive failures of the same
 * kind. */
#ifndef HGAUTOD_DAEMON_RUN_PATIENCE_H
#define HGAUTOD_DAEMON_RUN_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/config/config.h"
#include "lib/base/attr.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"

/* The failures since the last success; all zero: none. */
struct patience {
    /* Monotonic: the first of the consecutive failures of the present kind. */
    int64_t since_ms;
    /* Number of faults since the last success. */
    uint16_t faults;
    /* Number of consecutive failures of the present kind; stays at its maximum. */
    uint16_t consecutive;
    /* enum failure, private to patience.c */
    uint8_t kind;
};

/* Notes a failure with a retryable error other than ERR_BUSY. Returns true while the call should be
 * retried; *again_ms is when (monotonic), also after the patience has run out, for callers that
 * retry nevertheless. ERR_UNAVAILABLE does not count as an attempt: it is retried for as long as
 * retry_for allows. */
bool patience_note(struct patience *p, const struct config *config, const struct clock *clock,
                   const struct err *err, int64_t *again_ms) MUST_CHECK;

#endif
