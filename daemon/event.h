/* The event: its bytes, and where in them each automation and each resource stands. Nothing is copied: a hundred
 * thousand resources cost their bytes and sixteen more each. */
#ifndef HGAUTOD_DAEMON_EVENT_H
#define HGAUTOD_DAEMON_EVENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/err.h"

#define EVENT_MAX ((size_t)1 << 30) /* bytes of an event; a larger one is a critical error */

/* A resource: bytes [offset, offset + size) of the event's text, an object. */
struct event_resource {
    uint64_t offset;
    uint32_t size;
    uint32_t account; /* index into the automation's accounts; 0 is always "" (none, or not a string) */
};

/* One element of `results` that has an automation. */
struct event_automation {
    char *name;             /* automation.name; "" when missing or no string (then problem is set) */
    json_t *params;         /* automation.params: an object, or NULL when absent */
    size_t offset, size;    /* the automation object's bytes */
    char *problem;          /* NULL, or what is wrong with its shape: the critical error of its report */
    struct event_resource *resources;
    size_t count;
    char **accounts;        /* distinct `account` or `subscription` values of its resources; [0] is "" */
    size_t account_count;
};

struct event {
    struct buf text; /* the bytes, owned */
    char *name;      /* the rule's name; "" when absent */
    struct event_automation *automations; /* in order; the index is the report's */
    size_t count;
};

/* Reads the shape of text (which moves into the event, also on failure). False with ERR_INVALID (line and column) or ERR_LIMIT when
 * it is not JSON or not an event at all: a critical error of the whole. What is wrong within one automation is its `problem`. An element of
 * results without automation is skipped. A resource that is not an object makes the automation's problem. Always event_free. */
bool event_parse(struct event *e, struct buf *text, struct err *err) MUST_CHECK;
void event_free(struct event *e);

/* Parses one resource: a new reference, an object; NULL with ERR_INVALID on duplicate keys or what jansson refuses. */
json_t *event_resource(const struct event *e, const struct event_resource *r,
                       struct err *err) MUST_CHECK;

#endif
