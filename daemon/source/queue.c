/* Sources behind queues, whatever the queue. */
#include "daemon/source/queue.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/env.h"
#include "daemon/run/engine.h"
#include "daemon/source/sweep.h"

#define MAX_SENDING 16 /* steps of messages under way at once */
/* What was fetched and is not used at once is not fetched again sooner. */
#define FETCH_AGAIN_MS 1000
/* Messages with events that other daemons work on are kept, so that they are not counted as
 * received again: so many at once, and for so long. SQS keeps a message from others for twelve
 * hours at most; beyond these bounds it is released. */
#define HELD_MAX    1000
#define HELD_MAX_MS (11 * 3600 * INT64_C(1000))

static void tick(struct queue_source *s);

int64_t queue_source_now(const struct queue_source *s)
{
    const struct clock *clock = s->base.env->clock;
    return clock->mono_ms(clock);
}

static const char *name(const struct queue_source *s)
{
    return s->base.config->name;
}

static struct trouble_about about(const struct queue_source *s, const char *failed,
                                  const char *over)
{
    return (struct trouble_about){s->base.env->log, s->base.env->clock, name(s), failed, over};
}

static void on_timer(uv_timer_t *timer)
{
    tick(timer->data);
}

static void wake_in(struct queue_source *s, int64_t ms)
{
    uv_timer_start(&s->timer, on_timer, ms > 0 ? (uint64_t)ms : 0, 0);
}

/* --- access: credentials or tokens --- */

/* On a worker. */
static void fetch_access(void *arg, struct http_client *http)
{
    struct queue_source *s = arg;
    s->fetch_err = ERR_INIT;
    s->fetch_ok = s->kind->fetch(s, http, &s->fetch_err);
}

/* Back on the main thread. */
static void on_fetched(void *arg)
{
    struct queue_source *s = arg;
    s->fetching = false;
    struct trouble_about what = about(s, s->kind->no_access, s->kind->access_again);
    if (s->fetch_ok) {
        trouble_over(&s->access_trouble, &what);
        s->kind->fetched(s);
        s->access_ms = queue_source_now(s) + FETCH_AGAIN_MS;
    } else {
        s->access_ms =
            queue_source_now(s) + trouble_met(&s->access_trouble, &what, NULL, &s->fetch_err);
    }
    wake_in(s, 0);
}

/* A request could not be signed, or soon cannot be. Returns when to try again, at the latest. */
static int64_t need_access(struct queue_source *s)
{
    if (s->fetching)
        return INT64_MAX;
    if (queue_source_now(s) < s->access_ms)
        return s->access_ms;
    s->fetching = true;
    engine_work(s->base.host->engine, fetch_access, on_fetched, s);
    return INT64_MAX;
}

/* The service calls it expired. The first time that is no trouble: it is fetched anew and tried
 * again at once. */
static bool access_expired(struct queue_source *s, struct queue_request *r)
{
    s->kind->expired(s, r);
    bool first = !s->refreshed;
    s->refreshed = true;
    if (first)
        s->access_ms = 0;
    return first;
}

/* --- requests --- */

static void request_unlink(struct queue_request *r)
{
    struct queue_source *s = r->source;
    if (r->previous)
        r->previous->next = r->next;
    else
        s->requests = r->next;
    if (r->next)
        r->next->previous = r->previous;
    if (r->message)
        s->sending--;
}

static void request_free(struct queue_request *r)
{
    r->source->kind->forget(r);
    free(r);
}

static void step_answered(struct queue_request *r, const struct err *err);
static void receive_failed(struct queue_request *r, const struct err *err);
static void received(struct queue_request *r, size_t count);

static void receive_answered(struct queue_request *r, struct http_response *response,
                             const struct err *http_err)
{
    struct queue_source *s = r->source;
    struct err err = ERR_INIT;
    size_t count = 0;
    s->receiving = false;
    if (!response) {
        receive_failed(r, http_err);
    } else if (s->kind->received(s, r, response, &count, &err)) {
        s->refreshed = false;
        received(r, count);
    } else {
        receive_failed(r, &err);
    }
}

static void on_done(void *ctx, struct http_response *response, const struct err *http_err)
{
    struct queue_request *r = ctx;
    struct queue_source *s = r->source;
    struct err err = ERR_INIT;
    if (!r->message) {
        receive_answered(r, response, http_err);
    } else {
        if (!response)
            err = *http_err;
        else if (s->kind->stepped(s, r, response, &err))
            s->refreshed = false;
        step_answered(r, &err);
    }
    request_unlink(r);
    request_free(r);
    wake_in(s, 0);
}

/* Sends the receive, or a message's step. False with *err. */
static bool send_request(struct queue_source *s, struct message *m, enum message_step step,
                         struct err *err)
{
    struct http_request http = {0};
    struct queue_request *r = calloc(1, sizeof *r);
    if (!r)
        return err_set(err, ERR_INTERNAL, "", "out of memory");
    *r = (struct queue_request){
        .source = s, .message = m, .step = step, .sent_ms = queue_source_now(s)};
    if (!s->kind->prepare(s, r, &http, err)) {
        http_request_free(&http);
        goto failed;
    }
    r->transfer = http_loop_send(s->base.host->http, &http, on_done, r, err);
    if (!r->transfer)
        goto failed;
    r->next = s->requests;
    if (r->next)
        r->next->previous = r;
    s->requests = r;
    if (m)
        s->sending++;
    else
        s->receiving = true;
    return true;

failed:
    request_free(r);
    return false;
}

/* --- messages --- */

static void message_link(struct queue_source *s, struct message *m)
{
    m->next = s->messages;
    if (m->next)
        m->next->previous = m;
    s->messages = m;
}

static void message_drop(struct queue_source *s, struct message *m)
{
    if (m->previous)
        m->previous->next = m->next;
    else
        s->messages = m->next;
    if (m->next)
        m->next->previous = m->previous;
    message_free(m);
}

static void say_gone(const struct queue_source *s, const struct message *m, enum message_step step,
                     const struct err *err)
{
    const char *what = "Message gone from the queue, or its receipt expired";
    if (step == MESSAGE_EXTEND)
        what = "Message visibility can no longer be extended; its events remain protected by "
               "their claims";
    log_warn(s->base.env->log, what, LOG_STR("source", name(s)), LOG_STR("message_id", m->id),
             LOG_ERR("error", err));
}

/* What a failed step means for the message, said where it must be. */
static enum message_answer judge(struct queue_request *r, const struct err *err, int64_t *pause_ms)
{
    struct queue_source *s = r->source;
    if (r->step != MESSAGE_SET_ASIDE && s->kind->gone(err)) {
        say_gone(s, r->message, r->step, err);
        return MESSAGE_GONE;
    }
    if (err->kind == ERR_EXPIRED && access_expired(s, r))
        return MESSAGE_LATER;
    struct trouble_about what =
        about(s, "Cannot delete or extend messages; retrying (they may be redelivered)",
              "Deleting and extending messages works again");
    *pause_ms = trouble_met(&s->message_trouble, &what, s->kind->advice(err, false), err);
    return MESSAGE_LATER;
}

static void step_done(struct queue_source *s, const struct message *m, enum message_step step)
{
    struct source_counts *counts = s->base.host->counts;
    struct trouble_about what = about(s, "", "Deleting and extending messages works again");
    trouble_over(&s->message_trouble, &what);
    counts->deleted += step == MESSAGE_DELETE;
    counts->released += step == MESSAGE_RELEASE;
    if (step != MESSAGE_SET_ASIDE)
        return;
    counts->set_aside++;
    log_warn(s->base.env->log,
             m->failed ? "Message moved to the poison queue: its events could not be carried out"
                       : "Message moved to the poison queue: it cannot be parsed",
             LOG_STR("source", name(s)), LOG_STR("message_id", m->id));
}

static const char *given_up(enum message_step step)
{
    if (step == MESSAGE_DELETE)
        return "Message not deleted in time; it will be redelivered, and its events found "
               "processed";
    if (step == MESSAGE_SET_ASIDE)
        return "Message not moved to the poison queue in time; it will be redelivered";
    return "Message not released in time; it will reappear after its visibility timeout";
}

static void step_answered(struct queue_request *r, const struct err *err)
{
    struct queue_source *s = r->source;
    struct message *m = r->message;
    int64_t pause_ms = 0;
    enum message_answer answer = MESSAGE_OK;
    if (err->kind != ERR_NONE)
        answer = judge(r, err, &pause_ms);
    else if (r->prelude)
        answer = MESSAGE_LATER;
    else
        step_done(s, m, r->step);
    if (message_answered(m, r->step, answer, pause_ms, queue_source_now(s)))
        log_warn(s->base.env->log, given_up(r->step), LOG_STR("source", name(s)),
                 LOG_STR("message_id", m->id));
}

/* Returns when the message wants something again. */
static int64_t send_step(struct queue_source *s, struct message *m, enum message_step step)
{
    struct err err = ERR_INIT;
    bool sent = send_request(s, m, step, &err);
    if (!sent && err.kind == ERR_BUSY)
        return need_access(s);
    message_sent(m, queue_source_now(s));
    if (!sent) {
        struct queue_request unsent = {.source = s, .message = m, .step = step};
        step_answered(&unsent, &err);
    }
    int64_t due;
    message_next(m, queue_source_now(s), &due);
    return m->finished ? 0 : due;
}

/* Hands over again what was held, while the engine has room. *due_ms becomes when there is more,
 * unless that is later. */
static void hand_over_held(struct queue_source *s, struct message *m, int64_t *due_ms)
{
    int64_t now = queue_source_now(s);
    if (m->no_extend)
        message_release_held(m, now); /* the queue shows it to others already */
    while (m->held > 0) {
        if (!engine_has_room(s->base.host->engine)) {
            if (now + QUEUE_ROOM_MS < *due_ms)
                *due_ms = now + QUEUE_ROOM_MS;
            return;
        }
        struct delivery *d = message_take_held(m, now, due_ms);
        if (!d)
            return;
        engine_submit(s->base.host->engine, d);
    }
}

/* Sends what each message wants; *due_ms becomes when the next wants something, unless that is
 * later. */
static void tick_messages(struct queue_source *s, int64_t *due_ms)
{
    struct message *next;
    for (struct message *m = s->messages; m; m = next) {
        next = m->next;
        int64_t due;
        hand_over_held(s, m, due_ms);
        enum message_step step = message_next(m, queue_source_now(s), &due);
        if (step == MESSAGE_FINISHED) {
            message_drop(s, m);
            continue;
        }
        if (step != MESSAGE_WAIT && s->sending < MAX_SENDING)
            due = send_step(s, m, step);
        if (due < *due_ms)
            *due_ms = due;
    }
}

static bool may_hold(const struct queue_source *s, const struct message *m)
{
    size_t held = 0;
    for (const struct message *each = s->messages; each; each = each->next)
        held += each->held > 0;
    return !s->stopped && !s->base.host->once && !m->no_extend && held < HELD_MAX &&
           queue_source_now(s) - m->received_ms < HELD_MAX_MS;
}

static void queue_settle(struct delivery *d, enum settle how, int64_t delay_ms, const char *why)
{
    (void)why;
    struct message *m = message_of(d);
    struct queue_source *s = m->owner;
    if (how == SETTLE_LATER && may_hold(s, m))
        message_hold(d, queue_source_now(s) + delay_ms);
    else
        message_settle(d, how, delay_ms, queue_source_now(s));
    wake_in(s, 0);
}

/* --- from a body to deliveries --- */

/* Adds one announced object to the message, unless it does not concern us. False with *err. */
static bool add_object(struct queue_source *s, struct message *m,
                       const struct envelope_object *object, struct err *err)
{
    const char *prefix = s->base.config->prefix ? s->base.config->prefix : "";
    struct store *store = NULL;
    if (strncmp(object->key, prefix, strlen(prefix)) == 0 &&
        !s->kind->place(s, object, &store, err))
        return false;
    if (!store) {
        s->base.host->counts->ignored++;
        return true;
    }
    const struct delivery announced = {.store = store,
                                       .rules = &s->base.config->rules,
                                       .key = object->key,
                                       .settle = queue_settle};
    return message_add(m, &announced) || err_set(err, ERR_INTERNAL, "", "out of memory");
}

/* Says of each name of ignored events once that it is one. */
static void say_ignored(struct queue_source *s, const struct envelope *envelope)
{
    for (const char *const *event = envelope->ignored_names; *event; event++)
        if (envelope_note_name(s->names_said, *event))
            log_info(s->base.env->log,
                     "Ignoring events of this name: only those of new objects are carried out",
                     LOG_STR("source", name(s)), LOG_STR("event", *event));
}

/* Finds out what the message announces. False with *err: it is not ours to delete. */
static bool open_body(struct queue_source *s, struct message *m, const struct queue_message *got,
                      struct err *err)
{
    struct envelope envelope = {0};
    bool ok = true;
    switch (s->kind->parse(s, got->body, got->size, &envelope, err)) {
    case ENVELOPE_TEST:
        s->base.host->counts->test_events++;
        return true;
    case ENVELOPE_UNKNOWN:
        return false;
    case ENVELOPE_EVENTS:
        break;
    }
    s->base.host->counts->ignored += envelope.ignored;
    say_ignored(s, &envelope);
    for (size_t i = 0; ok && i < envelope.count; i++)
        ok = add_object(s, m, &envelope.objects[i], err);
    envelope_free(&envelope);
    return ok;
}

/* A message that is not understood: keeps it until it is set aside, or frees it and leaves it to
 * the queue. */
static void refuse_message(struct queue_source *s, struct message *m,
                           const struct queue_message *got, const struct err *err)
{
    const char *what = "Message cannot be parsed; left to the queue's dead-letter policy";
    bool aside = s->kind->sets_aside && err->kind != ERR_INTERNAL;
    if (aside) {
        aside = got->times >= (uint64_t)s->base.config->max_receive;
        what = aside ? "Message cannot be parsed; moving it to the poison queue"
                     : "Message cannot be parsed; it will be redelivered";
    }
    s->base.host->counts->unknown++;
    log_warn(s->base.env->log, what, LOG_STR("source", name(s)), LOG_STR("message_id", m->id),
             LOG_ERR("reason", err));
    if (aside && message_set_aside(m, got->body, got->size))
        message_link(s, m);
    else
        message_free(m);
}

void queue_source_take(struct queue_source *s, const struct queue_request *r,
                       const struct queue_message *got)
{
    struct err err = ERR_INIT;
    if (!got->receipt)
        return; /* nothing can be said about it to the queue */
    s->base.host->counts->messages++;
    struct message *m = message_new(s, got->id ? got->id : "", got->receipt, r->sent_ms,
                                    s->base.config->visibility_timeout);
    if (!m)
        return; /* the queue shows it again */
    if (s->stopped) {
        m->release = true;
        message_link(s, m);
        return;
    }
    if (!open_body(s, m, got, &err)) {
        refuse_message(s, m, got, &err);
        return;
    }
    log_debug(s->base.env->log, "Received a message", LOG_STR("source", name(s)),
              LOG_STR("message_id", m->id));
    /* Without memory for its text it comes again. */
    bool last = s->kind->sets_aside && got->times >= (uint64_t)s->base.config->max_receive;
    if (last && m->count > 0 && !message_keep_text(m, got->body, got->size))
        log_warn(s->base.env->log, "Out of memory for the text of a message",
                 LOG_STR("source", name(s)), LOG_STR("message_id", m->id));
    message_link(s, m);
    for (size_t i = 0; i < m->count; i++)
        engine_submit(s->base.host->engine, message_delivery(m, i));
}

/* --- receiving --- */

static void receive_failed(struct queue_request *r, const struct err *err)
{
    struct queue_source *s = r->source;
    s->empty = false;
    if (err->kind == ERR_EXPIRED && access_expired(s, r))
        return;
    struct trouble_about what = about(s, "Cannot receive messages; retrying", "");
    s->poll_ms = queue_source_now(s) +
                 trouble_met(&s->receive_trouble, &what, s->kind->advice(err, true), err);
}

static void received(struct queue_request *r, size_t count)
{
    struct queue_source *s = r->source;
    struct trouble_about what = about(s, "", "Receiving messages works again");
    trouble_over(&s->receive_trouble, &what);
    s->empty = count == 0;
    s->poll_ms = r->sent_ms + s->kind->pause(s, count);
    /* --once: the daemon ends in this pause, so that no receive is cut off with messages in its
     * answer. */
    if (s->empty && s->base.host->once)
        s->poll_ms = queue_source_now(s) + QUEUE_ROOM_MS;
}

/* Returns when to receive again; INT64_MAX: when the answer has come. */
static int64_t send_receive(struct queue_source *s)
{
    struct err err = ERR_INIT;
    if (send_request(s, NULL, MESSAGE_WAIT, &err))
        return INT64_MAX;
    if (err.kind == ERR_BUSY)
        return need_access(s);
    struct queue_request unsent = {.source = s};
    receive_failed(&unsent, &err);
    return s->poll_ms;
}

static void tick_poll(struct queue_source *s, int64_t *due_ms)
{
    if (s->stopped || s->receiving)
        return;
    int64_t due = s->poll_ms;
    if (queue_source_now(s) >= due)
        due = engine_has_room(s->base.host->engine) ? send_receive(s)
                                                    : queue_source_now(s) + QUEUE_ROOM_MS;
    if (due < *due_ms)
        *due_ms = due;
}

static void tick(struct queue_source *s)
{
    int64_t due_ms = INT64_MAX;
    bool wanted = s->messages || !s->stopped;
    if (wanted && s->kind->due && s->kind->due(s))
        need_access(s);
    tick_messages(s, &due_ms);
    tick_poll(s, &due_ms);
    if (due_ms == INT64_MAX)
        uv_timer_stop(&s->timer);
    else
        wake_in(s, due_ms - queue_source_now(s));
}

/* --- the source --- */

bool queue_source_start(struct source *base, struct err *err)
{
    (void)err;
    struct queue_source *s = (struct queue_source *)base;
    wake_in(s, 0);
    if (s->sweep)
        sweep_start(s->sweep);
    return true;
}

static void break_off_receive(struct queue_source *s)
{
    for (struct queue_request *r = s->requests; r; r = r->next) {
        if (r->message)
            continue;
        http_transfer_cancel(r->transfer);
        request_unlink(r);
        request_free(r);
        s->receiving = false;
        return;
    }
}

void queue_source_stop(struct source *base)
{
    struct queue_source *s = (struct queue_source *)base;
    s->stopped = true;
    for (struct message *m = s->messages; m; m = m->next)
        message_release_held(m, queue_source_now(s));
    if (s->messages)
        wake_in(s, 0);
    if (s->kind->long_poll)
        break_off_receive(s);
    if (s->sweep)
        sweep_stop(s->sweep);
}

bool queue_source_idle(const struct source *base)
{
    const struct queue_source *s = (const struct queue_source *)base;
    bool waits = s->receiving && !s->kind->long_poll;
    return !s->messages && !s->fetching && !waits && (!s->sweep || sweep_idle(s->sweep));
}

bool queue_source_drained(const struct source *base)
{
    const struct queue_source *s = (const struct queue_source *)base;
    return s->empty && !s->messages && (!s->sweep || sweep_drained(s->sweep));
}

bool queue_source_failing(const struct source *base)
{
    const struct queue_source *s = (const struct queue_source *)base;
    return trouble_lasts(&s->receive_trouble) || trouble_lasts(&s->message_trouble) ||
           trouble_lasts(&s->access_trouble) || (s->sweep && sweep_failing(s->sweep));
}

static bool open_sweep(struct queue_source *s, struct err *err)
{
    int64_t interval_ms = s->base.config->sweep_interval;
    if (interval_ms == 0)
        return true;
    s->sweep = sweep_new(&s->base, &(struct sweep_options){
                                       .interval_ms = interval_ms,
                                       .min_age_ms = interval_ms < 60000 ? interval_ms : 60000,
                                   });
    return s->sweep || err_set(err, ERR_INTERNAL, "", "out of memory");
}

static void on_closed(uv_handle_t *timer)
{
    free(timer->data);
}

bool queue_source_open(struct queue_source *s, const struct source_ops *ops,
                       const struct queue_kind *kind, const struct source_host *host,
                       const struct config_source *config, struct store *store, struct err *err)
{
    s->base = (struct source){
        .ops = ops, .config = config, .store = store, .env = host->env, .host = host};
    s->kind = kind;
    if (!open_sweep(s, err))
        return false;
    if (uv_timer_init(host->loop, &s->timer) != 0) {
        if (s->sweep)
            sweep_free(s->sweep);
        return err_set(err, ERR_INTERNAL, "", "out of memory");
    }
    s->timer.data = s;
    return true;
}

void queue_source_close(struct queue_source *s)
{
    for (struct queue_request *r = s->requests, *next; r; r = next) {
        next = r->next;
        http_transfer_cancel(r->transfer);
        request_unlink(r);
        request_free(r);
    }
    for (struct message *m = s->messages, *next; m; m = next) {
        next = m->next;
        message_drop(s, m);
    }
    if (s->sweep)
        sweep_free(s->sweep);
    if (s->base.store)
        s->base.store->ops->free(s->base.store);
    uv_close((uv_handle_t *)&s->timer, on_closed);
}
