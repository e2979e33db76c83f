/* The event: its bytes, and where in them each automation and each resource stands. Nothing is
 * copied: a hundred thousand resources cost their bytes and sixteen more each.
 *
 * What is wrong, and what comes of it:
 *  - not JSON (also a BOM, invalid UTF-8, more than 64 levels, bytes behind the document); the
 * event or an element of `results` is no object; `results` is missing or no array; the rule's
 * `name` is no string; a key of the event itself twice, or one that no string can hold; more than
 * EVENT_MAX bytes: event_parse fails, which is the critical error of the whole.
 *  - an automation that is no object; its `name` missing, empty or no string; its `params` no
 * object, larger than EVENT_MAX_PARAMS or not to be read; a key of it or of its element of
 * `results` twice; `entities` missing or no array; an entity that is no object: the automation's
 * `problem`, naming line and column, the first of several. A value under a key that came twice is
 * passed over.
 *  - an element without `automation`, or with null there: passed over, whatever else it holds.
 *  - null in place of the rule's `name` or of `params`: as if absent. An empty `entities`: an
 * automation of no resources.
 *  - what is wrong within one entity: event_resource fails, which is that resource's error. */
#ifndef HGAUTOD_DAEMON_RUN_EVENT_H
#define HGAUTOD_DAEMON_RUN_EVENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"

#define EVENT_MAX             ((size_t)1 << 30) /* bytes of an event; a larger one is a critical error */
#define EVENT_MAX_MEMBERS     256 /* keys of the event, an element of `results`, an automation */
#define EVENT_MAX_AUTOMATIONS 10000
#define EVENT_MAX_RESOURCES   10000000    /* of all automations together */
#define EVENT_MAX_PARAMS      (64u << 10) /* bytes of `params` */
#define EVENT_MAX_RESOURCE    (4u << 20)  /* bytes of an entity that event_resource parses */
#define EVENT_MAX_ACCOUNT     256         /* bytes of an account's name that are kept */
#define EVENT_MAX_WORD        256         /* bytes of a region or type that are kept */

/* A resource: bytes [offset, offset + size) of the event's text, an object. */
struct event_resource {
    uint64_t offset;
    uint32_t size;
    uint32_t place; /* index into the automation's places */
};

/* What resources have in common that may share a call: where they are, and of what type. */
struct event_place {
    uint32_t account; /* index into the automation's accounts; 0 is always "" (none, or not a
                         string) */
    char *region;     /* as the event writes it, escapes and all; "" when it is no string */
    char *type;       /* likewise */
};

/* One element of `results` that has an automation. */
struct event_automation {
    char *name;          /* automation.name; "" when missing or no string (then problem is set) */
    json_t *params;      /* automation.params: an object, or NULL when absent */
    size_t offset, size; /* the automation object's bytes */
    char *problem; /* NULL, or what is wrong with its shape: the critical error of its report */
    struct event_resource *resources;
    size_t count;
    char **accounts; /* distinct `account` or `subscription` values of its resources; [0] is "" */
    size_t account_count;
    struct event_place *places; /* distinct */
    size_t place_count;
};

struct event {
    struct buf text;                      /* the bytes, owned */
    char *name;                           /* the rule's name; "" when absent */
    struct event_automation *automations; /* in order; the index is the report's */
    size_t count;
};

/* Reads the shape of text (which moves into the event, also on failure; the buffer is empty after).
 * False with ERR_INVALID (line and column), ERR_LIMIT or ERR_INTERNAL as said above; whether it
 * fails or not, event_free gives everything back. */
bool event_parse(struct event *e, struct buf *text, struct err *err) MUST_CHECK;
void event_free(struct event *e);

/* Parses one resource: a new reference, an object; NULL with ERR_INVALID (naming the byte of the
 * event) on duplicate keys or what jansson refuses (\u0000, half a surrogate pair, a number beyond
 * double), ERR_LIMIT when it is larger than EVENT_MAX_RESOURCE. An integer beyond 64 bits makes all
 * its integers reals. Thread-safe on one event. */
json_t *event_resource(const struct event *e, const struct event_resource *r,
                       struct err *err) MUST_CHECK;

#endif
