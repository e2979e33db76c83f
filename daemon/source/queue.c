/* What sources of all kinds of queues have in common. */
#include "daemon/source/queue.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/env.h"
#include "daemon/run/engine.h"
#include "daemon/source/sweep.h"
#include "lib/base/container.h"
#include "lib/base/memory.h"

/* Steps of messages under way at once. */
#define QUEUE_SENDING_MAX 16
/* What was fetched and is not used at once is not fetched again sooner. */
#define QUEUE_FETCH_AGAIN_MS 1000
/* Messages with events that other daemons process are held, so that they are not counted as
 * received again: so many at once, and for so long. SQS hides a message from other receivers for
 * twelve hours at most; beyond these bounds it is released. */
#define QUEUE_HELD_MAX    1000
#define QUEUE_HELD_MAX_MS (11 * 3600 * INT64_C(1000))

static void queue_tick(struct queue_source *s);

int64_t queue_source_now(const struct queue_source *s)
{
    const struct clock *clock = s->base.env->clock;
    return clock->mono_ms(clock);
}

static const char *queue_name(const struct queue_source *s)
{
    return s->base.config->name;
}

static void queue_on_timer(uv_timer_t *timer)
{
    queue_tick(timer->data);
}

static void queue_wake_in(struct queue_source *s, int64_t ms)
{
    uv_timer_start(&s->timer, queue_on_timer, ms > 0 ? (uint64_t)ms : 0, 0);
}

/* --- access: credentials or tokens --- */

/* On a worker. */
static void queue_fetch_access(void *arg, struct http_client *http)
{
    struct queue_source *s = arg;
    s->fetch_err = ERR_INIT;
    s->fetch_ok = s->access->fetch(s, http, &s->fetch_err);
}

/* Back on the main thread. */
static void queue_access_fetched(void *arg)
{
    struct queue_source *s = arg;
    int64_t pause_ms = QUEUE_FETCH_AGAIN_MS;
    s->fetching = false;
    if (s->fetch_ok) {
        outage_ended(&s->access_outage);
        if (s->access->fetched)
            s->access->fetched(s);
    } else {
        pause_ms = outage_failed(&s->access_outage, &s->fetch_err, NULL);
    }
    s->access_ms = queue_source_now(s) + pause_ms;
    queue_wake_in(s, 0);
}

/* Has the access fetched, because a request cannot be signed, or soon cannot be. Returns when to
 * try again at the latest. */
static int64_t queue_need_access(struct queue_source *s)
{
    if (s->fetching)
        return INT64_MAX;
    if (queue_source_now(s) < s->access_ms)
        return s->access_ms;
    s->fetching = true;
    engine_work(s->base.host->engine, queue_fetch_access, queue_access_fetched, s);
    return INT64_MAX;
}

/* Drops the access that the service reports as expired. The first time that is not an outage: the
 * access is fetched and the request repeated immediately. */
static bool queue_access_expired(struct queue_source *s, struct queue_request *r)
{
    s->access->expired(s, r);
    bool first = !s->refreshed;
    s->refreshed = true;
    if (first)
        s->access_ms = 0;
    return first;
}

/* --- requests --- */

static void queue_request_unlink(struct queue_request *r)
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

static void queue_request_free(struct queue_request *r)
{
    r->source->access->forget(r);
    free(r);
}

static void queue_step_done(struct queue_request *r, const struct err *err);
static void queue_receive_failed(struct queue_request *r, const struct err *err);
static void queue_receive_succeeded(struct queue_request *r, size_t count);

static void queue_receive_done(struct queue_request *r, struct http_response *response,
                               const struct err *http_err)
{
    struct queue_source *s = r->source;
    struct err err = ERR_INIT;
    size_t count = 0;
    s->receiving = false;
    if (!response) {
        queue_receive_failed(r, http_err);
    } else if (s->wire->received(s, r, response, &count, &err)) {
        s->refreshed = false;
        queue_receive_succeeded(r, count);
    } else {
        queue_receive_failed(r, &err);
    }
}

static void queue_request_done(void *ctx, struct http_response *response,
                               const struct err *http_err)
{
    struct queue_request *r = ctx;
    struct queue_source *s = r->source;
    struct err err = ERR_INIT;
    if (!r->message) {
        queue_receive_done(r, response, http_err);
    } else {
        if (!response)
            err = *http_err;
        else if (s->wire->stepped(s, r, response, &err))
            s->refreshed = false;
        queue_step_done(r, &err);
    }
    queue_request_unlink(r);
    queue_request_free(r);
    queue_wake_in(s, 0);
}

/* Sends the receive, or a message's step. False with *err. */
static bool queue_send(struct queue_source *s, struct message *m, enum message_step step,
                       struct err *err)
{
    struct http_request http = {0};
    struct queue_request *r = xcalloc(1, sizeof *r);
    *r = (struct queue_request){
        .source = s, .message = m, .step = step, .sent_ms = queue_source_now(s)};
    if (s->wire->prepare(s, r, &http, err))
        r->transfer = http_loop_send(s->base.host->http, &http, queue_request_done, r, err);
    else
        http_request_free(&http);
    if (!r->transfer) {
        queue_request_free(r);
        return false;
    }
    r->next = s->requests;
    if (r->next)
        r->next->previous = r;
    s->requests = r;
    if (m)
        s->sending++;
    else
        s->receiving = true;
    return true;
}

/* --- messages --- */

static void queue_message_link(struct queue_source *s, struct message *m)
{
    m->next = s->messages;
    if (m->next)
        m->next->previous = m;
    s->messages = m;
}

static void queue_message_drop(struct queue_source *s, struct message *m)
{
    if (m->previous)
        m->previous->next = m->next;
    else
        s->messages = m->next;
    if (m->next)
        m->next->previous = m->previous;
    message_free(m);
}

static void queue_log_gone(const struct queue_source *s, const struct queue_request *r,
                           const struct err *err)
{
    const char *what = r->step == MESSAGE_EXTEND
                           ? "Message visibility can no longer be extended; its events remain "
                             "protected by their claims"
                           : "Message gone from the queue, or its receipt expired";
    log_warn(s->base.env->log, what, LOG_STR("source", queue_name(s)),
             LOG_STR("message_id", r->message->id), LOG_ERR("error", err));
}

/* Returns what a failed step means for the message, and logs it if necessary. */
static enum message_result queue_step_failed(struct queue_request *r, const struct err *err,
                                             int64_t *pause_ms)
{
    struct queue_source *s = r->source;
    if (r->step != MESSAGE_SET_ASIDE && s->wire->gone(err)) {
        queue_log_gone(s, r, err);
        return MESSAGE_GONE;
    }
    if (err->kind != ERR_EXPIRED || !queue_access_expired(s, r))
        *pause_ms = outage_failed(&s->message_outage, err, s->wire->advice(err, false));
    return MESSAGE_LATER;
}

static void queue_step_succeeded(struct queue_source *s, const struct message *m,
                                 enum message_step step)
{
    struct source_counts *counts = s->base.host->counts;
    outage_ended(&s->message_outage);
    counts->deleted += step == MESSAGE_DELETE;
    counts->released += step == MESSAGE_RELEASE;
    if (step != MESSAGE_SET_ASIDE)
        return;
    counts->set_aside++;
    log_warn(s->base.env->log,
             m->failed ? "Message moved to the poison queue: its events could not be carried out"
                       : "Message moved to the poison queue: it cannot be parsed",
             LOG_STR("source", queue_name(s)), LOG_STR("message_id", m->id));
}

static const char *queue_given_up_text(enum message_step step)
{
    if (step == MESSAGE_DELETE)
        return "Message not deleted in time; it will be redelivered, and its events found "
               "processed";
    if (step == MESSAGE_SET_ASIDE)
        return "Message not moved to the poison queue in time; it will be redelivered";
    return "Message not released in time; it will reappear after its visibility timeout";
}

static void queue_step_done(struct queue_request *r, const struct err *err)
{
    struct queue_source *s = r->source;
    struct message *m = r->message;
    int64_t pause_ms = 0;
    enum message_result result = MESSAGE_OK;
    if (err->kind != ERR_NONE)
        result = queue_step_failed(r, err, &pause_ms);
    else if (r->prelude)
        result = MESSAGE_LATER;
    else
        queue_step_succeeded(s, m, r->step);
    if (message_step_done(m, r->step, result, pause_ms, queue_source_now(s)))
        log_warn(s->base.env->log, queue_given_up_text(r->step), LOG_STR("source", queue_name(s)),
                 LOG_STR("message_id", m->id));
}

/* Returns when the message's next step is due. */
static int64_t queue_send_step(struct queue_source *s, struct message *m, enum message_step step)
{
    struct err err = ERR_INIT;
    bool sent = queue_send(s, m, step, &err);
    if (!sent && err.kind == ERR_BUSY)
        return queue_need_access(s);
    message_step_sent(m, queue_source_now(s));
    if (!sent) {
        struct queue_request unsent = {.source = s, .message = m, .step = step};
        queue_step_done(&unsent, &err);
    }
    int64_t due_ms;
    message_next_step(m, queue_source_now(s), &due_ms);
    return m->finished ? 0 : due_ms;
}

/* Submits what was held again, while the engine has room. *due_ms is lowered to when there will be
 * more. */
static void queue_submit_held(struct queue_source *s, struct message *m, int64_t *due_ms)
{
    int64_t now_ms = queue_source_now(s);
    /* The queue shows it to other receivers already. */
    if (m->no_extend)
        message_release_held(m, now_ms);
    while (m->held > 0) {
        if (!engine_has_room(s->base.host->engine)) {
            if (now_ms + QUEUE_ROOM_MS < *due_ms)
                *due_ms = now_ms + QUEUE_ROOM_MS;
            return;
        }
        struct delivery *d = message_take_held(m, now_ms, due_ms);
        if (!d)
            return;
        engine_submit(s->base.host->engine, d);
    }
}

/* Sends each message's step; *due_ms is lowered to when the next one is due. */
static void queue_tick_messages(struct queue_source *s, int64_t *due_ms)
{
    for (struct message *m = s->messages, *next; m; m = next) {
        next = m->next;
        int64_t due;
        queue_submit_held(s, m, due_ms);
        enum message_step step = message_next_step(m, queue_source_now(s), &due);
        if (step == MESSAGE_FINISHED) {
            queue_message_drop(s, m);
            continue;
        }
        if (step != MESSAGE_WAIT && s->sending < QUEUE_SENDING_MAX)
            due = queue_send_step(s, m, step);
        if (due < *due_ms)
            *due_ms = due;
    }
}

static bool queue_may_hold(const struct queue_source *s, const struct message *m)
{
    size_t held = 0;
    for (const struct message *each = s->messages; each; each = each->next)
        held += each->held > 0;
    return !s->stopped && !s->base.host->once && !m->no_extend && held < QUEUE_HELD_MAX &&
           queue_source_now(s) - m->received_ms < QUEUE_HELD_MAX_MS;
}

static void queue_settle(struct delivery *d, enum settle how, int64_t delay_ms, const char *why)
{
    (void)why;
    struct message *m = message_of_delivery(d);
    struct queue_source *s = m->owner;
    if (how == SETTLE_LATER && queue_may_hold(s, m))
        message_hold(d, queue_source_now(s) + delay_ms);
    else
        message_settle(d, how, delay_ms, queue_source_now(s));
    queue_wake_in(s, 0);
}

/* --- from a body to deliveries --- */

/* Adds an announced object to the message, unless it is to be ignored. False with *err. */
static bool queue_add_object(struct queue_source *s, struct message *m,
                             const struct envelope_object *object, struct err *err)
{
    const char *prefix = s->base.config->prefix ? s->base.config->prefix : "";
    struct store *store = NULL;
    if (strncmp(object->key, prefix, strlen(prefix)) == 0 &&
        !s->wire->place(s, object, &store, err))
        return false;
    if (!store) {
        s->base.host->counts->ignored++;
        return true;
    }
    message_add(m, &(struct delivery){.store = store,
                                      .rules = &s->base.config->rules,
                                      .key = object->key,
                                      .settle = queue_settle});
    return true;
}

static void queue_log_ignored(struct queue_source *s, const struct envelope *envelope)
{
    for (const char *const *event = envelope->ignored_names; *event; event++)
        if (warn_once(&s->event_names, *event))
            log_info(s->base.env->log,
                     "Ignoring events of this name: only those of new objects are carried out",
                     LOG_STR("source", queue_name(s)), LOG_STR("event", *event));
}

void queue_source_warn_foreign(struct queue_source *s, const char *message, const char *key,
                               const char *found, const char *configured)
{
    if (warn_once(&s->foreign, found))
        log_warn(s->base.env->log, message, LOG_STR("source", queue_name(s)), LOG_STR(key, found),
                 LOG_STR("configured", configured));
}

/* Adds to the message what its body announces. False with *err: it must not be deleted. */
static bool queue_open_body(struct queue_source *s, struct message *m,
                            const struct queue_message *got, struct err *err)
{
    struct envelope envelope = {0};
    enum envelope_kind kind = s->wire->parse(s, got->body, got->size, &envelope, err);
    if (kind == ENVELOPE_TEST)
        s->base.host->counts->test_events++;
    if (kind != ENVELOPE_EVENTS)
        return kind == ENVELOPE_TEST;
    bool ok = true;
    s->base.host->counts->ignored += envelope.ignored;
    queue_log_ignored(s, &envelope);
    for (size_t i = 0; ok && i < envelope.count; i++)
        ok = queue_add_object(s, m, &envelope.objects[i], err);
    envelope_free(&envelope);
    return ok;
}

/* A message that is not understood: is kept until it has been set aside, or freed and left to the
 * queue. */
static void queue_refuse_message(struct queue_source *s, struct message *m,
                                 const struct queue_message *got, bool last, const struct err *err)
{
    const char *what = "Message cannot be parsed; left to the queue's dead-letter policy";
    if (s->wire->sets_aside)
        what = last ? "Message cannot be parsed; moving it to the poison queue"
                    : "Message cannot be parsed; it will be redelivered";
    s->base.host->counts->unknown++;
    log_warn(s->base.env->log, what, LOG_STR("source", queue_name(s)), LOG_STR("message_id", m->id),
             LOG_ERR("reason", err));
    if (!last) {
        message_free(m);
        return;
    }
    message_set_aside(m, got->body, got->size);
    queue_message_link(s, m);
}

void queue_source_take(struct queue_source *s, const struct queue_request *r,
                       const struct queue_message *got)
{
    /* Without a receipt, nothing can be sent to the queue about it. */
    if (!got->receipt)
        return;
    struct err err = ERR_INIT;
    s->base.host->counts->messages++;
    struct message *m = message_new(s, got->id ? got->id : "", got->receipt, r->sent_ms,
                                    s->base.config->visibility_timeout);
    if (s->stopped) {
        m->release = true;
        queue_message_link(s, m);
        return;
    }
    bool last = s->wire->sets_aside && got->receive_count >= (uint64_t)s->base.config->max_receive;
    if (!queue_open_body(s, m, got, &err)) {
        queue_refuse_message(s, m, got, last, &err);
        return;
    }
    log_debug(s->base.env->log, "Message received", LOG_STR("source", queue_name(s)),
              LOG_STR("message_id", m->id));
    if (last && m->count > 0)
        message_set_aside_if_failed(m, got->body, got->size);
    queue_message_link(s, m);
    for (size_t i = 0; i < m->count; i++)
        engine_submit(s->base.host->engine, message_delivery(m, i));
}

/* --- receiving --- */

static void queue_receive_failed(struct queue_request *r, const struct err *err)
{
    struct queue_source *s = r->source;
    s->empty = false;
    if (err->kind == ERR_EXPIRED && queue_access_expired(s, r))
        return;
    s->poll_ms =
        queue_source_now(s) + outage_failed(&s->receive_outage, err, s->wire->advice(err, true));
}

static void queue_receive_succeeded(struct queue_request *r, size_t count)
{
    struct queue_source *s = r->source;
    outage_ended(&s->receive_outage);
    s->empty = count == 0;
    s->poll_ms = r->sent_ms + s->wire->pause(s, count);
    /* --once: the daemon ends in this pause, so that no receive is cut off with messages in its
     * response. */
    if (s->empty && s->base.host->once)
        s->poll_ms = queue_source_now(s) + QUEUE_ROOM_MS;
}

/* Returns when to receive again; INT64_MAX: when the response has come. */
static int64_t queue_send_receive(struct queue_source *s)
{
    struct err err = ERR_INIT;
    if (queue_send(s, NULL, MESSAGE_WAIT, &err))
        return INT64_MAX;
    if (err.kind == ERR_BUSY)
        return queue_need_access(s);
    struct queue_request unsent = {.source = s};
    queue_receive_failed(&unsent, &err);
    return s->poll_ms;
}

static void queue_tick_poll(struct queue_source *s, int64_t *due_ms)
{
    if (s->stopped || s->receiving)
        return;
    int64_t due = s->poll_ms;
    if (queue_source_now(s) >= due)
        due = engine_has_room(s->base.host->engine) ? queue_send_receive(s)
                                                    : queue_source_now(s) + QUEUE_ROOM_MS;
    if (due < *due_ms)
        *due_ms = due;
}

static void queue_tick(struct queue_source *s)
{
    int64_t due_ms = INT64_MAX;
    bool active = s->messages || !s->stopped;
    if (active && s->access->due && s->access->due(s))
        queue_need_access(s);
    queue_tick_messages(s, &due_ms);
    queue_tick_poll(s, &due_ms);
    if (due_ms == INT64_MAX)
        uv_timer_stop(&s->timer);
    else
        queue_wake_in(s, due_ms - queue_source_now(s));
}

/* --- the source --- */

void queue_source_start(struct source *base)
{
    struct queue_source *s = container_of(base, struct queue_source, base);
    queue_wake_in(s, 0);
    if (s->sweep)
        sweep_start(s->sweep);
}

static void queue_request_cancel(struct queue_request *r)
{
    http_transfer_cancel(r->transfer);
    queue_request_unlink(r);
    queue_request_free(r);
}

static void queue_cancel_receive(struct queue_source *s)
{
    struct queue_request *r = s->requests;
    while (r && r->message)
        r = r->next;
    if (r)
        queue_request_cancel(r);
    s->receiving = false;
}

void queue_source_stop(struct source *base)
{
    struct queue_source *s = container_of(base, struct queue_source, base);
    s->stopped = true;
    for (struct message *m = s->messages; m; m = m->next)
        message_release_held(m, queue_source_now(s));
    if (s->messages)
        queue_wake_in(s, 0);
    if (s->wire->long_poll)
        queue_cancel_receive(s);
    if (s->sweep)
        sweep_stop(s->sweep);
}

bool queue_source_idle(const struct source *base)
{
    const struct queue_source *s = container_of(base, const struct queue_source, base);
    bool awaits_response = s->receiving && !s->wire->long_poll;
    return !s->messages && !s->fetching && !awaits_response && (!s->sweep || sweep_idle(s->sweep));
}

bool queue_source_drained(const struct source *base)
{
    const struct queue_source *s = container_of(base, const struct queue_source, base);
    return s->empty && !s->messages && (!s->sweep || sweep_drained(s->sweep));
}

bool queue_source_failing(const struct source *base)
{
    const struct queue_source *s = container_of(base, const struct queue_source, base);
    return outage_lasts(&s->receive_outage) || outage_lasts(&s->message_outage) ||
           outage_lasts(&s->access_outage) || (s->sweep && sweep_failing(s->sweep));
}

static struct outage queue_outage(const struct queue_source *s, const char *began,
                                  const char *ended)
{
    return (struct outage){.log = s->base.env->log,
                           .clock = s->base.env->clock,
                           .source = queue_name(s),
                           .began = began,
                           .ended = ended};
}

void queue_source_open(struct queue_source *s, const struct queue_source_options *options)
{
    const struct source_host *host = options->host;
    s->base = (struct source){.ops = options->ops,
                              .config = options->config,
                              .store = options->store,
                              .env = host->env,
                              .host = host};
    s->access = options->access;
    s->wire = options->wire;
    s->receive_outage =
        queue_outage(s, "Cannot receive messages; retrying", "Receiving messages works again");
    s->message_outage =
        queue_outage(s, "Cannot delete or extend messages; retrying (they may be redelivered)",
                     "Deleting and extending messages works again");
    s->access_outage = queue_outage(s, s->access->no_access, s->access->access_again);
    int64_t interval_ms = options->config->sweep_interval;
    if (interval_ms > 0)
        s->sweep = sweep_new(
            &s->base,
            &(struct sweep_options){.interval_ms = interval_ms,
                                    .min_age_ms = interval_ms < 60000 ? interval_ms : 60000});
    uv_timer_init(host->loop, &s->timer);
    s->timer.data = s;
}

static void queue_on_closed(uv_handle_t *timer)
{
    free(timer->data);
}

void queue_source_close(struct queue_source *s, void *whole)
{
    for (struct queue_request *r = s->requests, *next; r; r = next) {
        next = r->next;
        queue_request_cancel(r);
    }
    for (struct message *m = s->messages, *next; m; m = next) {
        next = m->next;
        queue_message_drop(s, m);
    }
    if (s->sweep)
        sweep_free(s->sweep);
    if (s->base.store)
        s->base.store->ops->free(s->base.store);
    s->timer.data = whole;
    uv_close((uv_handle_t *)&s->timer, queue_on_closed);
}
