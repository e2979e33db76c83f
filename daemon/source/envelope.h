/* Queue messages: which objects do they announce? Recognized by shape, not by where they came from.
 * Sources: Amazon S3 User Guide "Event message structure" and "EventBridge"; Amazon SNS "raw
 * message delivery"; Azure Event Grid "Azure Blob Storage as an Event Grid source". Pure;
 * thread-safe. The input is outside bytes: limits on size and depth hold.
 */
#ifndef HGAUTOD_DAEMON_SOURCE_ENVELOPE_H
#define HGAUTOD_DAEMON_SOURCE_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

#define ENVELOPE_MAX   (1u << 20) /* bytes; what SQS may carry */
#define ENVELOPE_NAMES 32 /* more than there are names of events to ignore, in either cloud */

enum envelope_kind {
    ENVELOPE_EVENTS,  /* announces objects: `objects` (possibly none that concern us) */
    ENVELOPE_TEST,    /* s3:TestEvent: delete and count */
    ENVELOPE_UNKNOWN, /* no known envelope: leave it for the dead-letter queue; *err says why */
};

struct envelope_object {
    char *container; /* bucket name, decoded */
    char *key;       /* decoded */
};

struct envelope {
    struct envelope_object
        *objects; /* events to run: created, key ends in "/event.json" or is "event.json" */
    size_t count;
    size_t ignored; /* records of other event names or other keys */
    /* The names of events that were ignored, each once: "ObjectRemoved:Delete". Constant strings,
     * ended by NULL. */
    const char *ignored_names[ENVELOPE_NAMES + 1];
    char foreign[128]; /* Azure: where the last ignored record of another account lies, a host; ""
                          if there was none */
};

/* Reads a message's body; *to is filled for ENVELOPE_EVENTS and freed by envelope_free. */
enum envelope_kind envelope_parse(const char *body, size_t size, struct envelope *to,
                                  struct err *err) MUST_CHECK;
/* The same for messages that Azure Event Grid puts into a queue: Event Grid's own schema or
 * CloudEvents 1.0, one object or an array, plain or base64. `endpoint` is the blob endpoint of the
 * configured account ("https://account.blob.core.windows.net"); blobs elsewhere are ignored. */
enum envelope_kind envelope_azure_parse(const char *body, size_t size, const char *endpoint,
                                        struct envelope *to, struct err *err) MUST_CHECK;
void envelope_free(struct envelope *e);

/* Adds a constant string to a list as `ignored_names` is one. False when it was there already. */
bool envelope_note_name(const char *names[ENVELOPE_NAMES + 1], const char *name);

#endif
