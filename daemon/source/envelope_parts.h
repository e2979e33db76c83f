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
};

/* Is it the key of an event: is its last segment "event.json"? */
bool envelope_is_event(const char *key);
/* Adds an object; false with the reader's err when out of memory. */
bool envelope_add(struct envelope_reader *r, const char *container, const char *key) MUST_CHECK;
/* Whether a name is one of a list, ended by NULL, of events that are no concern of ours. Then it is
 * counted as ignored. */
bool envelope_ignores(struct envelope_reader *r, const char *const *list, const char *name);
/* The JSON value of a text, a new reference, or NULL with *err. Our scanner goes first, because it
 * bounds the depth of what jansson sees. */
json_t *envelope_json(const char *text, size_t size, struct err *err) MUST_CHECK;

#endif
