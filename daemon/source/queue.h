/* What sources behind queues have in common: receiving, and what becomes of each message, all sent
 * on the loop. What differs from queue to queue is a table of functions, struct queue_kind; the
 * source of a kind embeds struct queue_source first. Main thread, but for `fetch`.
 *
 * One function, tick(), looks at everything that may be due (the receive, each message's next
 * step), sends it, and sets the one timer to when something else will be. Whatever happens, an
 * answer, a settled delivery, fresh credentials, only notes it and wakes tick(). */
#ifndef HGAUTOD_DAEMON_SOURCE_QUEUE_H
#define HGAUTOD_DAEMON_SOURCE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "daemon/source/envelope.h"
#include "daemon/source/message.h"
#include "daemon/source/source.h"
#include "daemon/source/trouble.h"
#include "lib/base/attr.h"
#include "lib/net/http_loop.h"

struct sweep;
struct queue_source;

/* How often to look whether the engine has room again, and the shortest pause behind a receive that
 * brought nothing. */
#define QUEUE_ROOM_MS 500
/* A request's deadline, beyond the time that it asks the service to wait. */
#define QUEUE_REQUEST_MS 15000

/* One request under way. */
struct queue_request {
    struct queue_request *next, *previous;
    struct queue_source *source;
    struct http_transfer *transfer;
    struct message *message; /* NULL: it receives */
    enum message_step step;
    void *access; /* the kind's: what it was signed with */
    bool prelude; /* the kind's: it makes what the step needs, the step itself comes next */
    int64_t sent_ms;
};

/* One received message; all borrowed. */
struct queue_message {
    const char *id, *receipt;
    const char *body;
    size_t size;
    uint64_t times; /* that it was received, this one included; 0: not known */
};

/* A kind of queue. */
struct queue_kind {
    const char *no_access;    /* "Has no AWS credentials; tries again" */
    const char *access_again; /* "Has AWS credentials again" */
    /* A receive waits at the service; when the source stops it is broken off, else its answer is
     * waited for. */
    bool long_poll;
    /* A body that is not understood, or whose events cannot be carried out, is set aside
     * (MESSAGE_SET_ASIDE) once it has been received max_receive times; else the queue sees to that.
     */
    bool sets_aside;

    /* Builds and signs the request of r, a receive or a message's step. False with *err; ERR_BUSY
     * means that `fetch` must be run on a worker first. */
    bool (*prepare)(struct queue_source *s, struct queue_request *r, struct http_request *http,
                    struct err *err);
    /* Gives back r->access. */
    void (*forget)(struct queue_request *r);
    /* Reads the answer to a receive and hands each message to queue_source_take; *count becomes how
     * many there were. */
    bool (*received)(struct queue_source *s, const struct queue_request *r,
                     struct http_response *response, size_t *count, struct err *err);
    /* Reads the answer to a message's step. */
    bool (*stepped)(struct queue_source *s, const struct queue_request *r,
                    struct http_response *response, struct err *err);
    /* Whether a step's error means that the message or its receipt is no more. */
    bool (*gone)(const struct err *err);
    /* What a person may do about a failed receive or step; NULL: nothing more to say. */
    const char *(*advice)(const struct err *err, bool receive);
    /* Milliseconds from when a receive was sent until the next, when it brought `count` messages.
     */
    int64_t (*pause)(struct queue_source *s, size_t count);

    /* Whether `fetch` should be run, though what requests are signed with is good still. NULL:
     * never. */
    bool (*due)(struct queue_source *s);
    /* On a worker: gets what requests are signed with. */
    bool (*fetch)(struct queue_source *s, struct http_client *http, struct err *err);
    /* Back on the main thread, after a fetch that succeeded. */
    void (*fetched)(struct queue_source *s);
    /* The service calls what r was signed with expired: it is not to be used again. */
    void (*expired)(struct queue_source *s, struct queue_request *r);

    /* What a body announces. */
    enum envelope_kind (*parse)(struct queue_source *s, const char *body, size_t size,
                                struct envelope *to, struct err *err);
    /* Which store has an announced object: *store, borrowed from the source; unchanged when it does
     * not concern us (the kind has said what is worth it). False with *err. */
    bool (*place)(struct queue_source *s, const struct envelope_object *object,
                  struct store **store, struct err *err);
};

struct queue_source {
    struct source base; /* first */
    const struct queue_kind *kind;
    uv_timer_t timer;
    struct sweep *sweep; /* NULL: none */
    struct message *messages;
    struct queue_request *requests;
    size_t sending; /* those of the requests that are steps of messages */
    bool receiving; /* one of the requests receives */
    bool empty;     /* the last receive brought nothing */
    bool stopped;
    int64_t poll_ms;                            /* monotonic; do not receive before */
    const char *names_said[ENVELOPE_NAMES + 1]; /* of ignored events, which the log has told of */
    struct trouble receive_trouble, message_trouble, access_trouble;

    bool fetching;  /* between engine_work and on_fetched the kind's fetch has the worker's part */
    bool refreshed; /* since the last success something was thrown away as expired */
    int64_t access_ms; /* monotonic; do not fetch before */
    bool fetch_ok;
    struct err fetch_err;
};

/* Fills in what is common, with a store (NULL: none) that becomes the source's, and makes the sweep
 * if one is configured. False with *err: nothing was made, and the store is still the caller's. */
bool queue_source_open(struct queue_source *s, const struct source_ops *ops,
                       const struct queue_kind *kind, const struct source_host *host,
                       const struct config_source *config, struct store *store,
                       struct err *err) MUST_CHECK;
/* Lets go of what queue_source_open made and of the store. The source itself is freed, with free(),
 * when its timer has closed. */
void queue_source_close(struct queue_source *s);

/* For a kind's `received`: a message that r brought. */
void queue_source_take(struct queue_source *s, const struct queue_request *r,
                       const struct queue_message *got);
int64_t queue_source_now(const struct queue_source *s);

/* Of struct source_ops. */
bool queue_source_start(struct source *base, struct err *err);
void queue_source_stop(struct source *base);
bool queue_source_idle(const struct source *base);
bool queue_source_drained(const struct source *base);
bool queue_source_failing(const struct source *base);

#endif
