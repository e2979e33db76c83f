/* Queue messages under way. */
#include "daemon/source/message.h"

#include <stdlib.h>
#include <string.h>

struct message_event {
    struct delivery delivery; /* first */
    struct message *message;
    char *key;
    int64_t again_ms; /* held until then; 0: not held */
};

struct message *message_new(void *owner, const char *id, const char *receipt, int64_t now_ms,
                            int64_t visibility_ms)
{
    struct message *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->owner = owner;
    m->id = strdup(id);
    m->receipt = strdup(receipt);
    m->visibility_ms = visibility_ms;
    m->hidden_until_ms = now_ms + visibility_ms;
    m->received_ms = now_ms;
    m->due_ms = now_ms;
    if (m->id && m->receipt)
        return m;
    message_free(m);
    return NULL;
}

void message_free(struct message *m)
{
    for (size_t i = 0; i < m->count; i++)
        free(m->events[i].key);
    free(m->events);
    free(m->aside);
    free(m->spare);
    free(m->id);
    free(m->receipt);
    free(m);
}

bool message_add(struct message *m, const struct delivery *announced)
{
    if (m->count == m->room) {
        size_t room = m->room ? m->room * 2 : 1;
        struct message_event *events = realloc(m->events, room * sizeof *events);
        if (!events)
            return false;
        m->events = events;
        m->room = room;
    }
    char *key = strdup(announced->key);
    if (!key)
        return false;
    struct message_event *e = &m->events[m->count++];
    *e = (struct message_event){.delivery = *announced, .message = m, .key = key};
    e->delivery.key = key;
    e->delivery.id = m->id;
    m->open++;
    m->due_ms = m->hidden_until_ms - m->visibility_ms / 2;
    return true;
}

struct delivery *message_delivery(struct message *m, size_t i)
{
    return &m->events[i].delivery;
}

bool message_set_aside(struct message *m, const char *text, size_t size)
{
    m->aside = strndup(text, size);
    return m->aside != NULL;
}

bool message_keep_text(struct message *m, const char *text, size_t size)
{
    m->spare = strndup(text, size);
    return m->spare != NULL;
}

struct message *message_of(struct delivery *d)
{
    return ((struct message_event *)d)->message;
}

void message_settle(struct delivery *d, enum settle how, int64_t delay_ms, int64_t now_ms)
{
    struct message *m = message_of(d);
    m->open--;
    if (how != SETTLE_DONE) {
        m->release = true;
        if (delay_ms > m->delay_ms)
            m->delay_ms = delay_ms;
    }
    m->failed = m->failed || how == SETTLE_FAILED;
    if (m->open > 0)
        return;
    m->due_ms = now_ms;
    if (m->failed && m->spare) {
        m->aside = m->spare;
        m->spare = NULL;
    }
}

void message_hold(struct delivery *d, int64_t again_ms)
{
    struct message_event *e = (struct message_event *)d;
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

enum message_step message_next(const struct message *m, int64_t now_ms, int64_t *due_ms)
{
    *due_ms = INT64_MAX;
    if (m->finished)
        return MESSAGE_FINISHED;
    if (m->sending || (m->open > 0 && m->no_extend))
        return MESSAGE_WAIT;
    if (now_ms < m->due_ms) {
        *due_ms = m->due_ms;
        return MESSAGE_WAIT;
    }
    if (m->open > 0)
        return MESSAGE_EXTEND;
    if (m->aside)
        return MESSAGE_SET_ASIDE;
    return m->release ? MESSAGE_RELEASE : MESSAGE_DELETE;
}

void message_sent(struct message *m, int64_t now_ms)
{
    m->sending = true;
    m->sent_ms = now_ms;
}

static void extended(struct message *m, enum message_answer answer, int64_t pause_ms,
                     int64_t now_ms)
{
    if (answer == MESSAGE_OK) {
        m->hidden_until_ms = m->sent_ms + m->visibility_ms;
        m->due_ms = m->sent_ms + m->visibility_ms / 2;
    } else if (answer == MESSAGE_GONE) {
        m->no_extend = true;
    } else {
        m->due_ms = now_ms + pause_ms;
    }
    if (m->open == 0)
        m->due_ms = now_ms;
}

bool message_answered(struct message *m, enum message_step step, enum message_answer answer,
                      int64_t pause_ms, int64_t now_ms)
{
    m->sending = false;
    if (step == MESSAGE_EXTEND) {
        extended(m, answer, pause_ms, now_ms);
        return false;
    }
    m->due_ms = now_ms + pause_ms;
    if (step == MESSAGE_SET_ASIDE && answer == MESSAGE_OK) {
        free(m->aside);
        m->aside = NULL;
        m->release = false; /* it has a place of its own now, and is deleted here */
        return false;
    }
    bool given_up = answer == MESSAGE_LATER && m->due_ms >= m->hidden_until_ms;
    m->finished = answer != MESSAGE_LATER || given_up;
    return given_up;
}
