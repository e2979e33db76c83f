/* A failure that may last: said once, said again when it changes, and said to be over. Between, it
 * only counts and tells how long to pause. Main thread. */
#ifndef HGAUTOD_DAEMON_SOURCE_TROUBLE_H
#define HGAUTOD_DAEMON_SOURCE_TROUBLE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"

/* {0} is "no trouble". */
struct trouble {
    unsigned attempts; /* failures since it last went well */
    enum err_kind kind;
    char code[96];
};

/* What a trouble is about; constant strings or the source's. */
struct trouble_about {
    struct log *log;
    const struct clock *clock;
    const char *source;
    const char *failed; /* "Cannot receive messages" */
    const char *over;   /* "Receives messages again" */
};

/* Counts a failure, logs it unless it is the last one again, and returns the milliseconds to pause
 * (growing). `advice` is what a person may do, or NULL. ERR_BUSY is no failure: it is not said and
 * not counted. */
int64_t trouble_met(struct trouble *t, const struct trouble_about *about, const char *advice,
                    const struct err *err);
/* Whether it has failed so often in a row that whoever cannot wait forever should not wait longer.
 */
bool trouble_lasts(const struct trouble *t);
/* It went well: logs that once if there was trouble. */
void trouble_over(struct trouble *t, const struct trouble_about *about);

#endif
