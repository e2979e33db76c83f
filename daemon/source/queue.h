/* What the sources of all kinds of queues have in common: receiving messages, and the steps of
 * each message, all sent on the loop. What differs is in two tables of functions: how requests
 * are signed (struct queue_access) and what they contain (struct queue_wire). A kind of queue
 * embeds struct queue_source. Main thread, except for `fetch`.
 *
 * One function, queue_tick(), checks everything that may be due (the receive, each message's
 * next step), sends it, and sets the one timer to when something else will be due. All that
 * happens (a response, a settled delivery, new credentials) is only noted, and wakes
 * queue_tick(). */
#ifndef HGAUTOD_DAEMON_SOURCE_QUEUE_H
#define HGAUTOD_DAEMON_SOURCE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "daemon/source/envelope.h"
#include "daemon/source/message.h"
#include "daemon/source/outage.h"
#include "daemon/source/source.h"
#include "daemon/source/warn_once.h"
#include "lib/base/attr.h"
#include "lib/net/http_loop.h"

struct queue_source;
struct sweep;

/* How often to check whether the engine has room again, and the shortest pause after a receive that
 * returned nothing. */
#define QUEUE_ROOM_MS 500
/* A request's deadline, beyond the time that it asks the service to wait. */
#define QUEUE_REQUEST_MS 15000

/* A request under way. */
struct queue_request {
    struct queue_request *next, *previous;
    struct queue_source *source;
    struct http_transfer *transfer;
    /* NULL: it is a receive. */
    struct message *message;
    enum message_step step;
    /* The kind's: what it was signed with. */
    void *access;
    /* The kind's: it creates what the step needs, the step itself comes next. */
    bool prelude;
    int64_t sent_ms;
};

/* A received message; all borrowed. */
struct queue_message {
    const char *id, *receipt;
    const char *body;
    size_t size;
    /* How often it was received, this time included; 0: not known. */
    uint64_t receive_count;
};

/* What requests are signed with: credentials or tokens. */
struct queue_access {
    /* What is logged when there is none, and when there is again. */
    const char *no_access, *access_again;
    /* Returns true if `fetch` should be called although requests can still be signed. NULL:
     * never. */
    bool (*due)(struct queue_source *s);
    /* On a worker: fetches what requests are signed with. */
    bool (*fetch)(struct queue_source *s, struct http_client *http, struct err *err);
    /* On the main thread, after a successful fetch. NULL: nothing to do. */
    void (*fetched)(struct queue_source *s);
    /* What r was signed with is expired, according to the service, and must not be used again. */
    void (*expired)(struct queue_source *s, struct queue_request *r);
    /* Releases r->access. */
    void (*forget)(struct queue_request *r);
};

/* What a kind of queue sends and receives. */
struct queue_wire {
    /* A receive waits at the service; it is canceled when the source stops. Otherwise its response
     * is waited for. */
    bool long_poll;
    /* A message that is not understood, or whose events cannot be carried out, is set aside
     * (MESSAGE_SET_ASIDE) when it has been received max_receive times. Otherwise the queue has a
     * policy for it. */
    bool sets_aside;

    /* Builds and signs the request of r, a receive or a message's step. Returns false with *err;
     * ERR_BUSY means that a worker must fetch the access first. */
    bool (*prepare)(struct queue_source *s, struct queue_request *r, struct http_request *http,
                    struct err *err);
    /* Reads the response to a receive, passes each message to queue_source_take, and sets *count to
     * their number. */
    bool (*received)(struct queue_source *s, const struct queue_request *r,
                     struct http_response *response, size_t *count, struct err *err);
    /* Reads the response to a message's step. */
    bool (*stepped)(struct queue_source *s, const struct queue_request *r,
                    struct http_response *response, struct err *err);
    /* Returns true if a step's error means that the message or its receipt does not exist any
     * more. */
    bool (*gone)(const struct err *err);
    /* Returns what a person may do about a failed receive or step; NULL: nothing. */
    const char *(*advice)(const struct err *err, bool receive);
    /* Returns the milliseconds from when a receive was sent until the next, if it returned `count`
     * messages. */
    int64_t (*pause)(struct queue_source *s, size_t count);

    /* Reads which objects a body announces. */
    enum envelope_kind (*parse)(struct queue_source *s, const char *body, size_t size,
                                struct envelope *to, struct err *err);
    /* Finds the store of an announced object: *store, borrowed from the source; unchanged if the
     * object is to be ignored, which the kind has logged. Returns false with *err. */
    bool (*place)(struct queue_source *s, const struct envelope_object *object,
                  struct store **store, struct err *err);
};

struct queue_source {
    struct source base;
    const struct queue_access *access;
    const struct queue_wire *wire;
    uv_timer_t timer;
    /* NULL: none. */
    struct sweep *sweep;
    struct message *messages;
    struct queue_request *requests;
    /* How many of the requests are steps of messages. */
    size_t sending;
    /* One of the requests is a receive. */
    bool receiving;
    /* The last receive returned nothing. */
    bool empty;
    bool stopped;
    /* Monotonic; no receive before. */
    int64_t poll_ms;
    /* What has been logged as ignored: names of events, and where foreign events come from. */
    struct warn_once event_names, foreign;
    struct outage receive_outage, message_outage, access_outage;

    /* Between engine_work and queue_access_fetched, fetch_ok and fetch_err are the worker's. */
    bool fetching;
    bool fetch_ok;
    struct err fetch_err;
    /* Access has been dropped as expired since the last successful request. */
    bool refreshed;
    /* Monotonic; no fetch before. */
    int64_t access_ms;
};

/* What is needed to open the source of a queue. */
struct queue_source_options {
    const struct source_ops *ops;
    const struct queue_access *access;
    const struct queue_wire *wire;
    const struct source_host *host;
    const struct config_source *config;
    /* Becomes the source's; NULL: none. */
    struct store *store;
};

/* Fills in what is common, and makes the sweep if one is configured. */
void queue_source_open(struct queue_source *s, const struct queue_source_options *options);
/* Releases what queue_source_open made, and the store. `whole`, the struct that embeds the
 * source, is released with free() when the timer has closed. */
void queue_source_close(struct queue_source *s, void *whole);

/* For a kind's `received`: takes a message that r returned. */
void queue_source_take(struct queue_source *s, const struct queue_request *r,
                       const struct queue_message *got);
/* For a kind's `parse` and `place`: logs, once for each `found`, that events from there are
 * ignored. `key` names what was found in the log. */
void queue_source_warn_foreign(struct queue_source *s, const char *message, const char *key,
                               const char *found, const char *configured);
/* Returns the monotonic time. */
int64_t queue_source_now(const struct queue_source *s);

/* Of struct source_ops. */
void queue_source_start(struct source *base);
void queue_source_stop(struct source *base);
bool queue_source_idle(const struct source *base);
bool queue_source_drained(const struct source *base);
bool queue_source_failing(const struct source *base);

#endif
