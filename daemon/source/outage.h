/* Logs an ongoing failure once, again when it changes, and when it ends; between, counts and
 * returns how long to pause. Main thread. */
#ifndef HGAUTOD_DAEMON_SOURCE_OUTAGE_H
#define HGAUTOD_DAEMON_SOURCE_OUTAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"

/* One operation that may fail for a while. The owner sets the members up to `ended`, borrowed
 * strings included; with the others 0, there is no outage. */
struct outage {
    struct log *log;
    const struct clock *clock;
    const char *source;
    /* Logged when it begins and when it ends: "Cannot receive messages; retrying", "Receiving
     * messages works again". */
    const char *began, *ended;

    /* Since the last success. */
    unsigned failures;
    enum err_kind kind;
    char code[96];
};

/* Counts a failure, and logs it unless it is the previous one again. `advice` is what a person may
 * do about it, or NULL. ERR_BUSY is neither counted nor logged. Returns the milliseconds to pause,
 * which grow. */
int64_t outage_failed(struct outage *o, const struct err *err, const char *advice);
/* Ends the outage, if there is one, and logs that. */
void outage_ended(struct outage *o);
/* True after so many failures in a row that a process which has to end should not wait for it. */
bool outage_lasts(const struct outage *o);

#endif
