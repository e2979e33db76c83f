/* A queue message under way: the deliveries that it announced, how they ended, and what is to be
 * sent about it next. The same for every kind of queue; pure bookkeeping on the main thread, with
 * time handed in.
 *
 *     received ─► deliveries open, or held for another look: EXTEND at half the visibility timeout
 *              ─► all settled: DELETE, or RELEASE when one of them was released ─► FINISHED
 *              ─► not understood, or failed, too often: SET_ASIDE ─► DELETE ─► FINISHED */
#ifndef HGAUTOD_DAEMON_SOURCE_MESSAGE_H
#define HGAUTOD_DAEMON_SOURCE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/run/delivery.h"
#include "lib/base/attr.h"

/* What a message wants. */
enum message_step {
    MESSAGE_WAIT,      /* nothing now */
    MESSAGE_EXTEND,    /* its visibility timeout, anew */
    MESSAGE_DELETE,    /* all its events are done */
    MESSAGE_RELEASE,   /* make it visible after delay_ms */
    MESSAGE_SET_ASIDE, /* put its text into the poison queue; to be deleted then */
    MESSAGE_FINISHED,  /* the queue knows, or need not know: message_free */
};

/* What the queue said to a step. */
enum message_answer {
    MESSAGE_OK,
    MESSAGE_GONE,  /* the message or its receipt is no more: final */
    MESSAGE_LATER, /* try again after the pause */
};

struct message_event;

struct message {
    struct message *next, *previous; /* the source's list */
    void *owner;                     /* the source's own struct */
    char *id;
    char *receipt; /* what the queue wants to see with a step; may be replaced */
    struct message_event *events;
    size_t count, room;
    char *aside; /* the text that is to be set aside; NULL: none */
    char *spare; /* the text that is to be set aside if one of its events fails; NULL: none */
    size_t open; /* not yet settled */
    size_t held; /* of the open ones: to be handed over again */
    int64_t received_ms; /* monotonic */
    int64_t visibility_ms;
    int64_t hidden_until_ms; /* monotonic; as far as we know nobody else is shown it before */
    int64_t due_ms;          /* monotonic; the next step, not before */
    int64_t delay_ms;        /* the longest that a release asked for */
    int64_t sent_ms;
    bool release;
    bool failed;    /* one of its events could not be carried out */
    bool sending;   /* a step has been sent and not been answered */
    bool no_extend; /* the queue does not extend it any more */
    bool finished;
};

/* A message received at now_ms (when it was asked for). NULL when out of memory. */
struct message *message_new(void *owner, const char *id, const char *receipt, int64_t now_ms,
                            int64_t visibility_ms) MUST_CHECK;
void message_free(struct message *m);

/* Adds an announced event: the delivery as it is given, but with a copy of its key and with the
 * message's id. Before message_delivery. False when out of memory. */
bool message_add(struct message *m, const struct delivery *announced) MUST_CHECK;
/* The i-th delivery, i < m->count; all are to be submitted. Deliveries stay where they are once no
 * more are added. */
struct delivery *message_delivery(struct message *m, size_t i);
/* The message, which has no deliveries, is to be set aside with this text. False when out of
 * memory. */
bool message_set_aside(struct message *m, const char *text, size_t size) MUST_CHECK;
/* As message_set_aside, once one of its deliveries has been settled with SETTLE_FAILED. */
bool message_keep_text(struct message *m, const char *text, size_t size) MUST_CHECK;
/* The message of a delivery. */
struct message *message_of(struct delivery *d);

/* One of its deliveries has ended. */
void message_settle(struct delivery *d, enum settle how, int64_t delay_ms, int64_t now_ms);
/* One of its deliveries is to be handed over again at again_ms. The message is extended meanwhile:
 * the queue does not count it as received once more. */
void message_hold(struct delivery *d, int64_t again_ms);
/* A delivery that was held and whose time has come: it is to be submitted again. NULL when there is
 * none; *due_ms becomes when there will be, unless that is later. */
struct delivery *message_take_held(struct message *m, int64_t now_ms, int64_t *due_ms);
/* Those that are held are released instead. */
void message_release_held(struct message *m, int64_t now_ms);
/* The step to be sent now; with MESSAGE_WAIT, *due_ms is when to ask again (INT64_MAX: after the
 * next call on it). */
enum message_step message_next(const struct message *m, int64_t now_ms, int64_t *due_ms);
void message_sent(struct message *m, int64_t now_ms);
/* What became of the step that was sent. True when it is given up: trying again would come too
 * late, the queue shows the message again by itself. */
bool message_answered(struct message *m, enum message_step step, enum message_answer answer,
                      int64_t pause_ms, int64_t now_ms);

#endif
