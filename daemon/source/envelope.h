/* Which objects does a queue message announce? The format is recognized by its shape, not by
 * where the message came from. Sources: Amazon S3 User Guide, "Event message structure" and
 * "EventBridge"; Amazon SNS, "raw message delivery"; Azure Event Grid, "Azure Blob Storage as an
 * Event Grid source". The input comes from outside: limits on size and depth hold. Thread-safe. */
#ifndef HGAUTOD_DAEMON_SOURCE_ENVELOPE_H
#define HGAUTOD_DAEMON_SOURCE_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

/* Bytes; what SQS may carry. */
#define ENVELOPE_MAX (1u << 20)
/* More than there are names of events to ignore, in either cloud. */
#define ENVELOPE_NAMES 32

enum envelope_kind {
    /* Announces objects: `objects`, which may be empty. */
    ENVELOPE_EVENTS,
    /* s3:TestEvent: to be deleted and counted. */
    ENVELOPE_TEST,
    /* Not a known format: to be left for the dead-letter queue; *err has the reason. */
    ENVELOPE_UNKNOWN,
};

struct envelope_object {
    /* The name of the bucket or container, decoded. */
    char *container;
    /* Decoded. */
    char *key;
};

struct envelope {
    /* The events to process: created objects whose key is "event.json" or ends in "/event.json". */
    struct envelope_object *objects;
    size_t count;
    /* How many records have other event names or other keys. */
    size_t ignored;
    /* The names of ignored events, each once ("ObjectRemoved:Delete"): constants, ended by NULL. */
    const char *ignored_names[ENVELOPE_NAMES + 1];
    /* Azure: the host of the last record that was ignored because it is of another account; "" if
     * there is none. */
    char foreign[128];
};

/* Reads the body of an SQS message. *to is filled in for ENVELOPE_EVENTS, otherwise empty; freed by
 * envelope_free. *err is set for ENVELOPE_UNKNOWN. */
enum envelope_kind envelope_parse(const char *body, size_t size, struct envelope *to,
                                  struct err *err) MUST_CHECK;
/* The same for messages that Azure Event Grid puts into a storage queue: its own schema or
 * CloudEvents 1.0, one object or an array, plain or base64. `endpoint` is the blob endpoint of the
 * configured account ("https://account.blob.core.windows.net"); blobs elsewhere are ignored. */
enum envelope_kind envelope_azure_parse(const char *body, size_t size, const char *endpoint,
                                        struct envelope *to, struct err *err) MUST_CHECK;
void envelope_free(struct envelope *e);

#endif
