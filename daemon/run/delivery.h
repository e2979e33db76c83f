/* A delivery: one announced event on its way through the engine. It names the store of the event,
 * the rules for its run and the function that receives the outcome. Main thread. */
#ifndef HGAUTOD_DAEMON_RUN_DELIVERY_H
#define HGAUTOD_DAEMON_RUN_DELIVERY_H

#include <stdint.h>

struct run_rules;
struct store;

/* How a delivery ended. */
enum settle {
    /* The reports are durable, or there was nothing to do: delete the message. */
    SETTLE_DONE,
    /* Not completed, because of a shutdown or a fault: make the message visible again after
     * delay_ms. */
    SETTLE_RELEASE,
    /* The event cannot be carried out, for a reason that will not pass by itself: as
     * SETTLE_RELEASE, but the queue may give up on the message. */
    SETTLE_FAILED,
    /* Another daemon is processing the event: try again after delay_ms, without counting an
     * attempt. */
    SETTLE_LATER,
};

/* Embedded in the source's own object for the event, and kept, with everything it points to, until
 * it is settled. All pointers are borrowed. */
struct delivery {
    /* Contains the event and receives its reports. */
    struct store *store;
    /* From the configuration of the source. */
    const struct run_rules *rules;
    /* Of the event in the store. */
    const char *key;
    /* Of the message, for logs; "" if there is none. */
    const char *id;
    /* Called exactly once per engine_submit, on the main thread and never from within
     * engine_submit. The engine no longer uses the delivery: settle may free it or submit it again.
     * With SETTLE_RELEASE, `why` is one sentence on what was not available, or NULL; it is valid
     * during the call. With other outcomes it is NULL. */
    void (*settle)(struct delivery *d, enum settle how, int64_t delay_ms, const char *why);
};

#endif
