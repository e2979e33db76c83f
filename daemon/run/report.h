/* Reports: their keys, and their bodies as streams over the event's own bytes (each resource byte
 * for byte). */
#ifndef HGAUTOD_DAEMON_RUN_REPORT_H
#define HGAUTOD_DAEMON_RUN_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "daemon/run/event.h"
#include "daemon/store/store.h"
#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/net/http.h"

/* What became of one automation, as the report needs it. Everything is borrowed and stays until
 * report_close. */
struct report_input {
    const struct event *event;
    const struct event_automation *automation;
    size_t index; /* of the automation in the event */
    /* The error of resource i, or NULL when it was processed. */
    const char *(*error_of)(void *ctx, size_t i);
    void *ctx;
    const char *critical_error;    /* NULL: none */
    const struct store_form *form; /* the store's */
    const json_t
        *planned; /* dry run: the array of changes that would be made; NULL: not a dry run */
};

/* The longest folder, in bytes, below which every report's name fits, and the longest below which
 * that of the critical-error report does. */
#define REPORT_FOLDER_MAX          768
#define REPORT_CRITICAL_FOLDER_MAX 940

/* The folder of an event's reports: every "/events/" of the path turned into "/reports/", without
 * the last segment, ending in '/'. ("a/events/b/event.json" -> "a/reports/b/"; a leading "events/"
 * counts too). False when the key has no such segment: then reports would fall among events. */
bool report_folder(const char *event_key, struct buf *folder) MUST_CHECK;

/* Appends the report's key below `folder` as the contract says: at most 1,024 bytes, of which the
 * last segment has at most form->leaf_max; as many accounts are named as fit. The action's name is
 * cut to 128 characters
 * ("unknown" when it has none), an account to 64; in both, what is not [A-Za-z0-9_-] becomes '_',
 * and accounts that are then equal are one. False when memory ran out, or when the folder leaves no
 * room even for a key without accounts. */
bool report_key(const struct report_input *in, const char *folder, struct buf *key) MUST_CHECK;
bool report_critical_key(const char *folder, struct buf *key) MUST_CHECK;

/* The body as a stream with a known size; it can be rewound and read many times, by one thread at a
 * time. NULL when out of memory. It is the automation object's own bytes up to its closing brace,
 * without members named processed, errored, critical_error, dry_run or planned; then these, of our
 * making. A processed resource stands byte for byte; an errored one too, but for a member named
 * `error`, which is cut out, and ours at its end. An automation that is no object counts as an
 * empty one. */
struct report;
struct report *report_open(const struct report_input *in) MUST_CHECK;
const struct http_body *report_body(struct report *r);
void report_close(struct report *r);

/* The body of the critical-error report:
 * {"name":"critical_error","processed":[],"errored":[],"critical_error":message}. */
bool report_critical_body(const char *message, struct buf *body) MUST_CHECK;

#endif
