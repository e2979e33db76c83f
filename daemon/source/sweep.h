/* The sweep: lists a store for events that nobody has carried out and hands them to the engine. For
 * what notifications lost, and for sources that have none.
 *
 * An event is open when it is young enough, has no report that is no older than itself, and is not
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

/* The most events, folders with reports and pendings younger than max_age_ms that one sweep takes
 * into memory (some 300 bytes each); beyond, the sweep fails with ERR_LIMIT. */
#define SWEEP_MAX_RECORDS 200000

struct sweep_rules {
    const char *prefix;     /* of the events; "" for all */
    int64_t now_ms;         /* wall clock; used where the store does not tell its own */
    int64_t max_age_ms;     /* older events are left alone */
    int64_t min_age_ms;     /* so are younger ones: their notification is still under way */
    int64_t pending_ttl_ms; /* an is_pending not written for longer does not count */
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

/* Lists and joins; on failure *to is empty. */
bool sweep_list(struct store *store, struct http_client *http, const struct sweep_rules *rules,
                struct sweep_result *to, struct err *err) MUST_CHECK;
void sweep_result_free(struct sweep_result *r);

/* --- sweep.c: a source's sweeps; on the main thread --- */

struct sweep;

struct sweep_options {
    int64_t interval_ms;
    int64_t min_age_ms;
    int64_t look_ms; /* an event is taken when it looks the same twice, so long apart: it is
                        complete; 0: at once */
};

/* Sweeps for `owner`, whose environment, host, config and store it uses; borrowed. NULL when out of memory. */
struct sweep *sweep_new(struct source *owner, const struct sweep_options *options) MUST_CHECK;
void sweep_start(struct sweep *s);
/* Sweeps as soon as there is room, whatever the interval. */
void sweep_now(struct sweep *s);
/* Hands over nothing more. Idempotent. */
void sweep_stop(struct sweep *s);
/* True when nothing of it is with the engine. */
bool sweep_idle(const struct sweep *s);
/* True when idle and the last sweep has found nothing new. */
bool sweep_drained(const struct sweep *s);
bool sweep_failing(const struct sweep *s);
/* Only when idle, or when the engine is gone. Its timer is closed by running the loop once more. */
void sweep_free(struct sweep *s);

#endif
