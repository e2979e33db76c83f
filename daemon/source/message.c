/* Tracks queue messages. */
#include "daemon/source/message.h"

#include <stdlib.h>

#include "lib/base/array.h"
#include "lib/base/container.h"
#include "lib/base/memory.h"

struct message_event {
    struct delivery delivery;
    struct message *message;
    char *key;
    /* When it is to be submitted again; 0: not held. */
    int64_t again_ms;
};

struct message *message_new(void *owner, const char *id, const char *receipt, int64_t now_ms,
                            int64_t visibility_ms)
{
    struct message *m = xcalloc(1, sizeof *m);
    m->owner = owner;
    m->id = xstrdup(id);
    m->receipt = xstrdup(receipt);
    m->visibility_ms = visibility_ms;
    m->hidden_until_ms = now_ms + visibility_ms;
    m->received_ms = now_ms;
    m->due_ms = now_ms;
    return m;
}

void message_free(struct message *m)
{
    for (size_t i = 0; i < m->count; i++)
        free(m->events[i].key);
    free(m->events);
    free(m->poison_text);
    free(m->failed_text);
    free(m->id);
    free(m->receipt);
    free(m);
}

void message_add(struct message *m, const struct delivery *announced)
{
    m->events = array_room(m->events, m->count, &m->room, sizeof *m->events);
    struct message_event *e = &m->events[m->count++];
    *e = (struct message_event){
        .delivery = *announced, .message = m, .key = xstrdup(announced->key)};
    e->delivery.key = e->key;
    e->delivery.id = m->id;
    m->unsettled++;
    m->due_ms = m->hidden_until_ms - m->visibility_ms / 2;
}

struct delivery *message_delivery(struct message *m, size_t i)
{
    return &m->events[i].delivery;
}

void message_set_aside(struct message *m, const char *text, size_t size)
{
    m->poison_text = xstrndup(text, size);
}

void message_set_aside_if_failed(struct message *m, const char *text, size_t size)
{
    m->failed_text = xstrndup(text, size);
}

struct message *message_of_delivery(struct delivery *d)
{
    return container_of(d, struct message_event, delivery)->message;
}

void message_settle(struct delivery *d, enum settle how, int64_t delay_ms, int64_t now_ms)
{
    struct message *m = message_of_delivery(d);
    m->unsettled--;
    if (how != SETTLE_DONE) {
        m->release = true;
        if (delay_ms > m->delay_ms)
            m->delay_ms = delay_ms;
    }
    m->failed = m->failed || how == SETTLE_FAILED;
    if (m->unsettled > 0)
        return;
    m->due_ms = now_ms;
    if (m->failed && m->failed_text) {
        m->poison_text = m->failed_text;
        m->failed_text = NULL;
    }
}

void message_hold(struct delivery *d, int64_t again_ms)
{
    struct message_event *e = container_of(d, struct message_event, delivery);
    e->again_ms = again_ms;
    e->message->held++;
}

struct delivery *message_take_held(struct message *m, int64_t now_ms, int64_t *due_ms)
{
    for (size_t i = 0; m->held > 0 && i < m->count; i++) {
        struct message_event *e = &m->events[i];
        if (e->again_ms > now_ms && e->again_ms < *due_ms)
            *due_ms = e->again_ms;
        if (!e->again_ms || e->again_ms > now_ms)
            continue;
        e->again_ms = 0;
        m->held--;
        return &e->delivery;
    }
    return NULL;
}

void message_release_held(struct message *m, int64_t now_ms)
{
    for (size_t i = 0; i < m->count; i++) {
        struct message_event *e = &m->events[i];
        if (!e->again_ms)
            continue;
        e->again_ms = 0;
        m->held--;
        message_settle(&e->delivery, SETTLE_LATER, 0, now_ms);
    }
}

enum message_step message_next_step(const struct message *m, int64_t now_ms, int64_t *due_ms)
{
    *due_ms = INT64_MAX;
    if (m->finished)
        return MESSAGE_FINISHED;
    if (m->sending || (m->unsettled > 0 && m->no_extend))
        return MESSAGE_WAIT;
    if (now_ms < m->due_ms) {
        *due_ms = m->due_ms;
        return MESSAGE_WAIT;
    }
    if (m->unsettled > 0)
        return MESSAGE_EXTEND;
    if (m->poison_text)
        return MESSAGE_SET_ASIDE;
    return m->release ? MESSAGE_RELEASE : MESSAGE_DELETE;
}

void message_step_sent(struct message *m, int64_t now_ms)
{
    m->sending = true;
    m->sent_ms = now_ms;
}

static void message_extend_done(struct message *m, enum message_result result, int64_t pause_ms,
                                int64_t now_ms)
{
    if (result == MESSAGE_OK) {
        m->hidden_until_ms = m->sent_ms + m->visibility_ms;
        m->due_ms = m->sent_ms + m->visibility_ms / 2;
    } else if (result == MESSAGE_GONE) {
        m->no_extend = true;
    } else {
        m->due_ms = now_ms + pause_ms;
    }
    if (m->unsettled == 0)
        m->due_ms = now_ms;
}

bool message_step_done(struct message *m, enum message_step step, enum message_result result,
                       int64_t pause_ms, int64_t now_ms)
{
    m->sending = false;
    if (step == MESSAGE_EXTEND) {
        message_extend_done(m, result, pause_ms, now_ms);
        return false;
    }
    m->due_ms = now_ms + pause_ms;
    if (step == MESSAGE_SET_ASIDE && result == MESSAGE_OK) {
        free(m->poison_text);
        m->poison_text = NULL;
        /* It has a place of its own now, and is deleted here. */
        m->release = false;
        return false;
    }
    bool given_up = result == MESSAGE_LATER && m->due_ms >= m->hidden_until_ms;
    m->finished = result != MESSAGE_LATER || given_up;
    return given_up;
}
