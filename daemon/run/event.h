/* The event: its bytes, and where in them each automation and each resource is. Nothing is copied:
 * a resource costs its bytes and sixteen more.
 *
 * Errors and their consequences:
 *
 *  - event_parse fails, which is the critical error of the whole event: it is not JSON (a BOM,
 *    invalid UTF-8, more than 64 levels or bytes after the document included) or larger than
 *    EVENT_MAX; the event or an element of `results` is not an object; `results` is missing or not
 *    an array; the rule's `name` is not a string; a key of the event itself occurs twice, or cannot
 *    be represented as a string.
 *  - The automation gets a `problem`, naming line and column, the first of several: it is not an
 *    object; its `name` is missing, empty or not a string; its `params` are not an object, larger
 *    than EVENT_MAX_PARAMS or cannot be read; a key of it or of its element of `results` occurs
 *    twice (the second value is skipped); `entities` is missing or not an array; an entity is not
 *    an object.
 *  - event_resource fails, which is the error of that resource: anything within one entity.
 *
 * An element without `automation`, or with null there, is skipped. null in place of the rule's
 * `name` or of `params` is as if absent. An empty `entities` is an automation of no resources. */
#ifndef HGAUTOD_DAEMON_RUN_EVENT_H
#define HGAUTOD_DAEMON_RUN_EVENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"

/* Limits. Bytes of an event; of `params`; of an entity; of the name of an account, and of a region
 * or type, that are kept. */
#define EVENT_MAX          ((size_t)1 << 30)
#define EVENT_MAX_PARAMS   (64u << 10)
#define EVENT_MAX_RESOURCE (4u << 20)
#define EVENT_MAX_ACCOUNT  256
#define EVENT_MAX_WORD     256
/* Number of keys of the event, of an element of `results` and of an automation; of automations; of
 * resources of all automations together. */
#define EVENT_MAX_MEMBERS     256
#define EVENT_MAX_AUTOMATIONS 10000
#define EVENT_MAX_RESOURCES   10000000

/* A resource: bytes [offset, offset + size) of the event's text, an object. */
struct event_resource {
    uint64_t offset;
    uint32_t size;
    /* Index into the places of the automation. */
    uint32_t place;
};

/* What resources that may share a call have in common: where they are, and their type. */
struct event_place {
    /* Index into the accounts of the automation. */
    uint32_t account;
    /* As the event contains them, with escapes; "" if they are not strings. */
    char *region;
    char *type;
};

/* One element of `results` that has an automation. */
struct event_automation {
    /* automation.name; "" if it is missing or not a string (then problem is set). */
    char *name;
    /* automation.params: an object; NULL if absent. */
    json_t *params;
    /* The bytes of the automation object. */
    size_t offset, size;
    /* What is wrong with its shape: the critical error of its report; NULL: nothing. */
    char *problem;
    struct event_resource *resources;
    size_t count;
    /* The distinct `account` or `subscription` values of its resources; [0] is "", for those
     * without one. */
    char **accounts;
    size_t account_count;
    /* Distinct. */
    struct event_place *places;
    size_t place_count;
};

struct event {
    /* Owned. */
    struct buf text;
    /* Of the rule; "" if absent. */
    char *name;
    /* In order; the index is that of the report. */
    struct event_automation *automations;
    size_t count;
};

/* Reads the shape of text, which moves into the event, also on failure; the buffer is then empty.
 * Returns false with *err: ERR_INVALID (with line and column) or ERR_LIMIT. Free the event with
 * event_free in both cases. */
bool event_parse(struct event *e, struct buf *text, struct err *err) MUST_CHECK;
void event_free(struct event *e);

/* Parses one resource. Returns a new reference to an object; NULL with *err: ERR_INVALID (with the
 * offset in the event) for duplicate keys and for what jansson rejects (\u0000, half a surrogate
 * pair, a number beyond double), ERR_LIMIT if it is larger than EVENT_MAX_RESOURCE. If it contains
 * an integer beyond 64 bits, all of its integers become reals. Several threads may parse resources
 * of one event. */
json_t *event_resource(const struct event *e, const struct event_resource *r,
                       struct err *err) MUST_CHECK;

#endif
