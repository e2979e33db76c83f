/* Tracks a queue message: the deliveries that it announced, how they ended, and what is to be
 * sent to the queue about it next. The same for every kind of queue; sends nothing itself.
 *
 *     received ─► deliveries unsettled, or held to be submitted again: EXTEND at half the
 *                 visibility timeout
 *              ─► all settled: DELETE, or RELEASE if one of them was released ─► FINISHED
 *              ─► not understood, or failed, too often: SET_ASIDE ─► DELETE ─► FINISHED
 *
 * Main thread; times are passed in, from the monotonic clock unless noted. */
#ifndef HGAUTOD_DAEMON_SOURCE_MESSAGE_H
#define HGAUTOD_DAEMON_SOURCE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/run/delivery.h"
#include "lib/base/attr.h"

/* What is to be sent next. */
enum message_step {
    /* Nothing now. */
    MESSAGE_WAIT,
    /* A renewal of the visibility timeout. */
    MESSAGE_EXTEND,
    /* All its events are done. */
    MESSAGE_DELETE,
    /* It becomes visible after delay_ms. */
    MESSAGE_RELEASE,
    /* Its text goes into the poison queue; it is deleted afterwards. */
    MESSAGE_SET_ASIDE,
    /* Nothing any more: message_free. */
    MESSAGE_FINISHED,
};

/* What became of a step that was sent. */
enum message_result {
    MESSAGE_OK,
    /* The message or its receipt does not exist any more: final. */
    MESSAGE_GONE,
    /* Failed; to be repeated after a pause. */
    MESSAGE_LATER,
};

struct message_event;

struct message {
    /* The source's list. */
    struct message *next, *previous;
    /* The source. */
    void *owner;
    char *id;
    /* Identifies the message to the queue in a step; the source may replace it. */
    char *receipt;
    struct message_event *events;
    size_t count, room;
    /* The text for the poison queue; NULL: none. */
    char *poison_text;
    /* The same, if one of the events fails. */
    char *failed_text;
    /* Events that are not settled; of these, how many are held. */
    size_t unsettled;
    size_t held;
    int64_t received_ms;
    int64_t visibility_ms;
    /* As far as we know, no other receiver is shown the message before. */
    int64_t hidden_until_ms;
    /* The next step is not due before. */
    int64_t due_ms;
    /* The longest delay that a release asked for. */
    int64_t delay_ms;
    int64_t sent_ms;
    bool release;
    /* One of its events could not be carried out. */
    bool failed;
    /* A step has been sent, its result is not known. */
    bool sending;
    /* The queue does not extend it any more. */
    bool no_extend;
    bool finished;
};

/* Makes a message, received by a request that was sent at now_ms. `owner` is borrowed, the texts
 * are copied. Never NULL; freed by message_free. */
struct message *message_new(void *owner, const char *id, const char *receipt, int64_t now_ms,
                            int64_t visibility_ms) MUST_CHECK;
void message_free(struct message *m);

/* Adds an announced event: a copy of the delivery and of its key, with the message's ID. Moves the
 * deliveries added before. */
void message_add(struct message *m, const struct delivery *announced);
/* Returns the i-th delivery, i < m->count, to be submitted. It does not move once no more are
 * added. */
struct delivery *message_delivery(struct message *m, size_t i);
/* Has the message, which has no deliveries, set aside with a copy of this text. */
void message_set_aside(struct message *m, const char *text, size_t size);
/* The same, but only if one of its deliveries is settled with SETTLE_FAILED. */
void message_set_aside_if_failed(struct message *m, const char *text, size_t size);
/* Returns the message of a delivery. */
struct message *message_of_delivery(struct delivery *d);

/* Notes that one of the deliveries has ended. */
void message_settle(struct delivery *d, enum settle how, int64_t delay_ms, int64_t now_ms);
/* Keeps a delivery, to be submitted again at again_ms. The message is extended meanwhile, so that
 * the queue does not count it as received once more. */
void message_hold(struct delivery *d, int64_t again_ms);
/* Returns a held delivery whose time has come, NULL if there is none; *due_ms is lowered to when
 * there will be one. */
struct delivery *message_take_held(struct message *m, int64_t now_ms, int64_t *due_ms);
/* Settles the held deliveries with SETTLE_LATER. */
void message_release_held(struct message *m, int64_t now_ms);

/* Returns the step to be sent now. With MESSAGE_WAIT, *due_ms becomes when to call again
 * (INT64_MAX: after the next change of the message). */
enum message_step message_next_step(const struct message *m, int64_t now_ms, int64_t *due_ms);
void message_step_sent(struct message *m, int64_t now_ms);
/* Notes what became of the step that was sent; pause_ms is for MESSAGE_LATER. Returns true if the
 * step is given up, because by then the queue will have shown the message again. */
bool message_step_done(struct message *m, enum message_step step, enum message_result result,
                       int64_t pause_ms, int64_t now_ms);

#endif
