/* The sweep: lists a store for events that have not been processed and submits them to the engine.
 * For lost notifications, and for sources without notifications.
 *
 * An event is open if it is young enough, has no report that is at least as recent, and is not
 * pending, or its is_pending has not been renewed for so long that its owner must be gone (the
 * engine decides by the claim in it). */
#ifndef HGAUTOD_DAEMON_SOURCE_SWEEP_H
#define HGAUTOD_DAEMON_SOURCE_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/source/source.h"
#include "daemon/store/store.h"
#include "lib/base/attr.h"
#include "lib/base/err.h"
#include "lib/net/http.h"

/* --- sweep_list.c: finding open events; on a worker --- */

/* The maximum of events, folders with reports and pendings younger than max_age_ms that one sweep
 * keeps in memory (some 300 bytes each); beyond it the sweep fails with ERR_LIMIT. */
#define SWEEP_MAX_RECORDS 200000

struct sweep_rules {
    /* Of the keys of events; "" for all. */
    const char *prefix;
    /* Wall clock; used if the store does not report its own. */
    int64_t now_ms;
    /* Older events are ignored. */
    int64_t max_age_ms;
    /* So are younger ones: their notification is still on its way. */
    int64_t min_age_ms;
    /* An is_pending not written for longer than this is ignored. */
    int64_t pending_ttl_ms;
};

struct sweep_found {
    char *key;
    char *etag;
};

/* Open events, sorted by key. */
struct sweep_result {
    struct sweep_found *at;
    size_t count;
};

/* Lists the store and finds the open events. Returns false with *err; *to is then empty. Freed by
 * sweep_result_free. */
bool sweep_list(struct store *store, struct http_client *http, const struct sweep_rules *rules,
                struct sweep_result *to, struct err *err) MUST_CHECK;
void sweep_result_free(struct sweep_result *r);

/* --- sweep.c: a source's sweeps; on the main thread --- */

struct sweep;

struct sweep_options {
    int64_t interval_ms;
    int64_t min_age_ms;
    /* An event is taken if it is the same in two listings this far apart, so that it is
     * complete; 0: at once. */
    int64_t recheck_ms;
};

/* Makes the sweep of a source, whose host, config and store it borrows. Never NULL. */
struct sweep *sweep_new(struct source *owner, const struct sweep_options *options) MUST_CHECK;
/* Lists for the first time as soon as the engine has room, then at the interval. */
void sweep_start(struct sweep *s);
/* Submits nothing more. Idempotent. */
void sweep_stop(struct sweep *s);
/* Returns true if the engine has no delivery of the sweep. */
bool sweep_idle(const struct sweep *s);
/* Returns true if it is idle and the last listing found nothing new. */
bool sweep_drained(const struct sweep *s);
/* Returns true if listings have failed repeatedly, and last just now. */
bool sweep_failing(const struct sweep *s);
/* Frees the sweep, which is idle or whose engine is gone. Its timer is closed when the loop has run
 * once more. */
void sweep_free(struct sweep *s);

#endif
