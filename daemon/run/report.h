/* Reports: their keys, and their bodies as streams over the bytes of the event. */
#ifndef HGAUTOD_DAEMON_RUN_REPORT_H
#define HGAUTOD_DAEMON_RUN_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "daemon/run/event.h"
#include "daemon/store/store.h"
#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/net/http.h"

/* The results of one automation. All pointers are borrowed until report_close. */
struct report_input {
    const struct event *event;
    const struct event_automation *automation;
    /* Of the automation in the event. */
    size_t index;
    /* Returns the error of resource i; NULL if it was processed. */
    const char *(*error_of)(void *ctx, size_t i);
    void *ctx;
    /* NULL: none. */
    const char *critical_error;
    /* The store's. */
    const struct store_form *form;
    /* Of a dry run: the array of changes that would be made; otherwise NULL. */
    const json_t *planned;
};

/* Bytes of the key of a report. */
#define REPORT_KEY_MAX 1024
/* Bytes of the longest folder in which the names of all reports fit into a key, and in which that
 * of the critical-error report does. */
#define REPORT_FOLDER_MAX          768
#define REPORT_CRITICAL_FOLDER_MAX 940

/* Appends the folder of an event's reports: each folder "events" of the path becomes "reports", and
 * the last segment is removed ("a/events/b/event.json" -> "a/reports/b/"). Returns false if the
 * path has no such folder (the reports would be placed among the events), or if it is too long for
 * the buffer. */
bool report_folder(const char *event_key, struct buf *folder) MUST_CHECK;

/* Appends the key of a report in `folder`: at most REPORT_KEY_MAX bytes, of which the last segment
 * has at most form->leaf_max. The name of the action is cut to 128 characters ("unknown" if it has
 * none), that of an account to 64; in both, characters other than [A-Za-z0-9_-] become '_', and
 * accounts that are then equal are listed once. As many accounts are listed as fit. Returns false
 * if not even a key without accounts fits. */
bool report_key(const struct report_input *in, const char *folder, struct buf *key) MUST_CHECK;
/* Appends the key of the critical-error report in `folder`. */
void report_critical_key(const char *folder, struct buf *key);

struct report;

/* Makes the body of a report, a stream of known size that can be read repeatedly, by one thread at
 * a time. It consists of the bytes of the automation object, without members named processed,
 * errored, critical_error, dry_run or planned, which are appended. A processed resource is copied
 * byte for byte, an errored one too, except that its error replaces a member named `error`. An
 * automation that is not an object counts as an empty one. Never returns NULL. */
struct report *report_open(const struct report_input *in) NEVER_NULL MUST_CHECK;
/* Returns the body; owned by the report. */
const struct http_body *report_body(struct report *r);
void report_close(struct report *r);

/* Appends the body of the critical-error report:
 * {"name":"critical_error","processed":[],"errored":[],"critical_error":message}. */
void report_critical_body(const char *message, struct buf *body);

#endif
