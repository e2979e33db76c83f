/* What the readers of AWS's and Azure's envelopes share; private to envelope*.c. */
#ifndef HGAUTOD_DAEMON_SOURCE_ENVELOPE_PARTS_H
#define HGAUTOD_DAEMON_SOURCE_ENVELOPE_PARTS_H

#include <jansson.h>

#include "daemon/source/envelope.h"

/* Bytes of an object's key: S3's limit, and Azure's in characters. */
#define ENVELOPE_KEY_MAX 1024

struct envelope_reader {
    struct envelope *to;
    size_t room;
    struct err *err;
    /* It is a test message. */
    bool test;
};

/* Returns true for the key of an event, whose last segment is "event.json". */
bool envelope_is_event(const char *key);
/* Adds an object. */
void envelope_add(struct envelope_reader *r, const char *container, const char *key);
/* Returns true, and counts the event as ignored, if its name is in `list`, ended by NULL. */
bool envelope_ignores(struct envelope_reader *r, const char *const *list, const char *name);
/* Parses JSON of at most SCAN_MAX_DEPTH levels. A new reference, or NULL with *err. */
json_t *envelope_json(const char *text, size_t size, struct err *err) MUST_CHECK;

#endif
