/* The source behind an SQS queue: long polls, and what becomes of each message, all sent on the
 * loop.
 *
 * One function, tick(), looks at everything that may be due (the poll, each message's next step),
 * sends it, and sets the one timer to when something else will be. Whatever happens, an answer, a
 * settled delivery, fresh credentials, only notes it and wakes tick(). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/daemon.h"
#include "daemon/envelope.h"
#include "daemon/message.h"
#include "daemon/sweep.h"
#include "daemon/trouble.h"
#include "lib/aws/s3.h"
#include "lib/aws/sqs.h"
#include "lib/jpath.h"

#define ROOM_MS 500 /* how often to look whether the engine has room again */
#define REQUEST_MS                                                                                 \
    15000 /* a request's deadline, beyond the time that it asks the service to wait */
#define ONCE_WAIT_MS      1000 /* --once: long enough for all of SQS's servers to be asked */
#define KEEP_CREDS_MS     10000 /* for credentials that are due for a refresh that does not succeed */
#define MAX_SENDING       16    /* steps of messages under way at once */
#define MAX_BUCKETS       64    /* of a source without `bucket` */
#define VISIBILITY_MAX_MS (12 * 3600 * INT64_C(1000))

/* What the deliveries of one bucket name as their source, when the configuration names no bucket.
 */
struct bucket_face {
    struct source base; /* first */
    char *bucket;
};

/* One request under way. */
struct request {
    struct request *next, *previous;
    struct sqs_source *source;
    const struct aws_op *op;
    struct aws_creds *creds; /* that it was signed with */
    struct http_transfer *transfer;
    struct message *message; /* NULL: it receives */
    enum message_step step;
    int64_t sent_ms;
};

struct sqs_source {
    struct source base; /* first */
    struct sqs_queue queue;
    uv_timer_t timer;
    struct sweep *sweep; /* NULL: none */
    struct bucket_face *buckets[MAX_BUCKETS];
    size_t bucket_count;
    struct message *messages;
    struct request *requests;
    size_t sending; /* those of the requests that are steps of messages */
    bool receiving; /* one of the requests receives */
    bool empty;     /* the last receive brought nothing */
    bool stopped;
    bool refreshed;  /* since the last success credentials were thrown away as expired */
    int64_t poll_ms; /* monotonic; do not receive before */
    struct trouble receive_trouble, message_trouble, creds_trouble;
    char foreign_bucket[64]; /* last warned of */

    /* Credentials when the client's memory has none: fetched by a worker between engine_work and
     * on_creds. */
    bool fetching;
    int64_t creds_ms; /* monotonic; do not fetch before, keep `creds` until then */
    struct aws_creds *creds;
    struct aws_creds *fetched;
    struct err fetch_err;
};

static void tick(struct sqs_source *s);

static int64_t now_ms(const struct sqs_source *s)
{
    const struct clock *clock = s->base.daemon->clock;
    return clock->mono_ms(clock);
}

static const char *name(const struct sqs_source *s)
{
    return s->base.config->name;
}

static struct trouble_about about(const struct sqs_source *s, const char *failed, const char *over)
{
    return (struct trouble_about){s->base.daemon->log, s->base.daemon->clock, name(s), failed,
                                  over};
}

static void on_timer(uv_timer_t *timer)
{
    tick(timer->data);
}

static void wake_in(struct sqs_source *s, int64_t ms)
{
    uv_timer_start(&s->timer, on_timer, ms > 0 ? (uint64_t)ms : 0, 0);
}

/* --- credentials
 * -----------------------------------------------------------------------------------------------
 */

static struct trouble_about about_creds(const struct sqs_source *s)
{
    return about(s, "Has no AWS credentials; tries again", "Has AWS credentials again");
}

/* On a worker. */
static void fetch_creds(void *arg, struct http_client *http)
{
    struct sqs_source *s = arg;
    s->fetch_err = ERR_INIT;
    s->fetched = aws_account_creds(s->base.daemon->aws, http, NULL, &s->fetch_err);
}

/* Back on the main thread. */
static void on_creds(void *arg)
{
    struct sqs_source *s = arg;
    s->fetching = false;
    struct trouble_about what = about_creds(s);
    if (s->fetched) {
        trouble_over(&s->creds_trouble, &what);
        aws_creds_unref(s->creds);
        s->creds = s->fetched;
        s->fetched = NULL;
        s->creds_ms = now_ms(s) + KEEP_CREDS_MS;
    } else {
        s->creds_ms = now_ms(s) + trouble_met(&s->creds_trouble, &what, NULL, &s->fetch_err);
    }
    wake_in(s, 0);
}

/* Credentials to sign with now, a new reference. NULL: on_creds or, at the latest, the time *due_ms
 * will bring them. */
static struct aws_creds *take_creds(struct sqs_source *s, int64_t *due_ms)
{
    struct aws_creds *creds = aws_peek_creds(s->base.daemon->aws);
    if (creds)
        return creds;
    *due_ms = INT64_MAX;
    if (s->fetching)
        return NULL;
    if (now_ms(s) < s->creds_ms) {
        *due_ms = s->creds_ms;
        return aws_creds_ref(s->creds);
    }
    aws_creds_unref(s->creds);
    s->creds = NULL;
    s->fetching = true;
    engine_work(s->base.daemon->engine, fetch_creds, on_creds, s);
    return NULL;
}

/* The service calls them expired. The first time that is no trouble: fresh ones are fetched and it
 * is tried again at once. */
static bool creds_expired(struct sqs_source *s, struct aws_creds *creds)
{
    aws_expire_creds(s->base.daemon->aws, NULL, creds);
    aws_creds_unref(s->creds);
    s->creds = NULL;
    s->creds_ms = 0;
    bool first = !s->refreshed;
    s->refreshed = true;
    return first;
}

/* --- requests
 * --------------------------------------------------------------------------------------------------
 */

static void request_free(struct request *r)
{
    struct sqs_source *s = r->source;
    if (r->previous)
        r->previous->next = r->next;
    else
        s->requests = r->next;
    if (r->next)
        r->next->previous = r->previous;
    if (r->message)
        s->sending--;
    aws_creds_unref(r->creds);
    free(r);
}

static void request_answered(struct request *r, const json_t *answer, struct err *err);

static void on_done(void *ctx, struct http_response *response, const struct err *http_err)
{
    struct request *r = ctx;
    struct sqs_source *s = r->source;
    json_t *answer = NULL;
    struct err err = ERR_INIT;
    if (!response)
        err = *http_err;
    else if (aws_decode(r->op, response, &answer, &err))
        s->refreshed = false;
    request_answered(r, answer, &err);
    json_decref(answer);
    request_free(r);
    wake_in(s, 0);
}

/* Sends an operation; creds and params are taken over. NULL with *err. */
static struct request *send_request(struct sqs_source *s, struct aws_creds *creds,
                                    const struct aws_op *op, json_t *params, int64_t timeout_ms,
                                    struct err *err)
{
    struct daemon *d = s->base.daemon;
    struct request *r = calloc(1, sizeof *r);
    struct http_request http = {0};
    if (!r || !params) {
        err_set(err, ERR_INTERNAL, "", "out of memory");
        goto failed;
    }
    if (!sqs_prepare(d->aws, creds, d->clock, &s->queue, op, params, timeout_ms, &http, err))
        goto failed;
    r->transfer = http_loop_send(d->http, &http, on_done, r, err);
    if (!r->transfer)
        goto failed;
    json_decref(params);
    r->source = s;
    r->op = op;
    r->creds = creds;
    r->sent_ms = now_ms(s);
    r->next = s->requests;
    if (r->next)
        r->next->previous = r;
    s->requests = r;
    return r;

failed:
    json_decref(params);
    aws_creds_unref(creds);
    free(r);
    return NULL;
}

/* --- messages
 * --------------------------------------------------------------------------------------------------
 */

static void message_link(struct sqs_source *s, struct message *m)
{
    m->next = s->messages;
    if (m->next)
        m->next->previous = m;
    s->messages = m;
}

static void message_drop(struct sqs_source *s, struct message *m)
{
    if (m->previous)
        m->previous->next = m->next;
    else
        s->messages = m->next;
    if (m->next)
        m->next->previous = m->previous;
    message_free(m);
}

static const char *message_advice(const struct err *err)
{
    if (err->kind == ERR_DENIED)
        return "allow this identity sqs:DeleteMessage and sqs:ChangeMessageVisibility on the queue";
    return NULL;
}

static void say_gone(const struct sqs_source *s, const struct message *m, enum message_step step,
                     const struct err *err)
{
    const char *what = "The message is gone from the queue, or its receipt is too old";
    if (step == MESSAGE_EXTEND)
        what = "The queue extends the message no longer; the claim goes on protecting its events";
    char text[1400];
    log_warn(s->base.daemon->log, what, "source", name(s), "message", m->id, "error",
             err_text(err, text, sizeof text));
}

/* What a failed step means for the message, said where it must be. */
static enum message_answer judge(struct sqs_source *s, struct message *m, const struct request *r,
                                 const struct err *err, int64_t *pause_ms)
{
    if (sqs_message_gone(err)) {
        say_gone(s, m, r->step, err);
        return MESSAGE_GONE;
    }
    if (err->kind == ERR_EXPIRED && creds_expired(s, r->creds))
        return MESSAGE_LATER;
    struct trouble_about what =
        about(s, "Cannot tell the queue about messages; tries again, or they come again",
              "Tells the queue about messages again");
    *pause_ms = trouble_met(&s->message_trouble, &what, message_advice(err), err);
    return MESSAGE_LATER;
}

static void step_answered(struct sqs_source *s, const struct request *r, const struct err *err)
{
    struct message *m = r->message;
    struct source_counts *counts = &s->base.daemon->counts;
    int64_t pause_ms = 0;
    enum message_answer answer = MESSAGE_OK;
    if (err->kind != ERR_NONE) {
        answer = judge(s, m, r, err, &pause_ms);
    } else {
        struct trouble_about what = about(s, "", "Tells the queue about messages again");
        trouble_over(&s->message_trouble, &what);
        counts->deleted += r->step == MESSAGE_DELETE;
        counts->released += r->step == MESSAGE_RELEASE;
    }
    if (message_answered(m, r->step, answer, pause_ms, now_ms(s)))
        log_warn(
            s->base.daemon->log,
            r->step == MESSAGE_DELETE
                ? "A message could not be deleted in time: the queue shows it again, and its "
                  "events will be found done"
                : "A message could not be released in time: the queue shows it again by itself",
            "source", name(s), "message", m->id);
}

static json_t *step_params(const struct message *m, enum message_step step)
{
    int64_t ms = step == MESSAGE_EXTEND ? m->visibility_ms : m->delay_ms;
    if (ms > VISIBILITY_MAX_MS)
        ms = VISIBILITY_MAX_MS;
    if (step == MESSAGE_DELETE)
        return json_pack("{ss}", "ReceiptHandle", m->receipt);
    return json_pack("{sssI}", "ReceiptHandle", m->receipt, "VisibilityTimeout",
                     (json_int_t)((ms + 999) / 1000));
}

static void send_step(struct sqs_source *s, struct aws_creds *creds, struct message *m,
                      enum message_step step)
{
    struct err err = ERR_INIT;
    const struct aws_op *op = step == MESSAGE_DELETE ? &sqs_delete_message : &sqs_change_visibility;
    struct request *r = send_request(s, creds, op, step_params(m, step), REQUEST_MS, &err);
    message_sent(m, now_ms(s));
    if (r) {
        r->message = m;
        r->step = step;
        s->sending++;
        return;
    }
    struct request unsent = {.source = s, .message = m, .step = step};
    step_answered(s, &unsent, &err);
}

/* Sends what each message wants; *due_ms becomes when the next wants something, unless that is
 * later. */
static void tick_messages(struct sqs_source *s, int64_t *due_ms)
{
    struct message *next;
    for (struct message *m = s->messages; m; m = next) {
        next = m->next;
        int64_t due;
        enum message_step step = message_next(m, now_ms(s), &due);
        if (step == MESSAGE_FINISHED) {
            message_drop(s, m);
            continue;
        }
        if (step != MESSAGE_WAIT && s->sending < MAX_SENDING) {
            struct aws_creds *creds = take_creds(s, &due);
            if (creds) {
                send_step(s, creds, m, step);
                message_next(m, now_ms(s), &due);
                due = m->finished ? 0 : due;
            }
        }
        if (due < *due_ms)
            *due_ms = due;
    }
}

/* --- from a body to deliveries
 * ------------------------------------------------------------------------------------- */

static void sqs_settle(struct source *face, struct delivery *d, enum settle how, int64_t delay_ms)
{
    (void)face;
    struct sqs_source *s = message_of(d)->owner;
    message_settle(d, how, delay_ms, now_ms(s));
    wake_in(s, 0);
}

static const struct source_ops bucket_ops = {.settle = sqs_settle};

/* The face of a bucket, made when it is first announced. NULL with *err. */
static struct source *bucket_source(struct sqs_source *s, const char *bucket, struct err *err)
{
    for (size_t i = 0; i < s->bucket_count; i++) {
        if (strcmp(s->buckets[i]->bucket, bucket) == 0)
            return &s->buckets[i]->base;
    }
    if (s->bucket_count == MAX_BUCKETS) {
        err_set(err, ERR_LIMIT, "", "events of more than %d buckets in one queue: set bucket",
                MAX_BUCKETS);
        return NULL;
    }
    if (!s3_bucket_valid(bucket)) {
        err_set(err, ERR_INVALID, "", "\"%.100s\" is no bucket name", bucket);
        return NULL;
    }
    struct bucket_face *face = calloc(1, sizeof *face);
    if (!face)
        goto no_memory;
    face->base = s->base;
    face->base.ops = &bucket_ops;
    face->bucket = strdup(bucket);
    face->base.store = store_s3_new(s->base.daemon->aws, bucket, s->base.config->region);
    if (!face->bucket || !face->base.store)
        goto no_store;
    s->buckets[s->bucket_count++] = face;
    return &face->base;

no_store:
    if (face->base.store)
        face->base.store->ops->free(face->base.store);
    free(face->bucket);
    free(face);
no_memory:
    err_set(err, ERR_INTERNAL, "", "out of memory");
    return NULL;
}

static void say_foreign_bucket(struct sqs_source *s, const char *bucket)
{
    if (strncmp(s->foreign_bucket, bucket, sizeof s->foreign_bucket - 1) == 0)
        return;
    strncpy(s->foreign_bucket, bucket, sizeof s->foreign_bucket - 1);
    log_warn(s->base.daemon->log,
             "Ignores events of a bucket that is not the configured one: check the queue's "
             "notifications, or bucket",
             "source", name(s), "bucket", bucket, "configured", s->base.config->bucket);
}

/* Adds one announced object to the message, unless it does not concern us. False with *err. */
static bool add_object(struct sqs_source *s, struct message *m,
                       const struct envelope_object *object, struct err *err)
{
    const struct config_source *config = s->base.config;
    const char *prefix = config->prefix ? config->prefix : "";
    struct source *source = &s->base;
    if (config->bucket && strcmp(config->bucket, object->container) != 0) {
        say_foreign_bucket(s, object->container);
        s->base.daemon->counts.ignored++;
        return true;
    }
    if (strncmp(object->key, prefix, strlen(prefix)) != 0) {
        s->base.daemon->counts.ignored++;
        return true;
    }
    if (!config->bucket)
        source = bucket_source(s, object->container, err);
    if (!source)
        return false;
    return message_add(m, source, object->key) || err_set(err, ERR_INTERNAL, "", "out of memory");
}

static void say_unknown(struct sqs_source *s, const struct message *m, const struct err *err)
{
    char text[1400];
    s->base.daemon->counts.unknown++;
    log_warn(s->base.daemon->log,
             "A message announces nothing that is understood; it is left to the queue's "
             "dead-letter policy",
             "source", name(s), "message", m->id, "reason", err_text(err, text, sizeof text));
}

/* Finds out what the message announces. False: it is not ours to delete. */
static bool open_body(struct sqs_source *s, struct message *m, const char *body)
{
    struct envelope envelope = {0};
    struct err err = ERR_INIT;
    bool ok = true;
    switch (envelope_parse(body, strlen(body), &envelope, &err)) {
    case ENVELOPE_TEST:
        s->base.daemon->counts.test_events++;
        return true;
    case ENVELOPE_UNKNOWN:
        say_unknown(s, m, &err);
        return false;
    case ENVELOPE_EVENTS:
        break;
    }
    s->base.daemon->counts.ignored += envelope.ignored;
    for (size_t i = 0; ok && i < envelope.count; i++)
        ok = add_object(s, m, &envelope.objects[i], &err);
    if (!ok)
        say_unknown(s, m, &err);
    envelope_free(&envelope);
    return ok;
}

static void take_message(struct sqs_source *s, const json_t *raw, int64_t asked_ms)
{
    const char *id = jstr(raw, "MessageId");
    const char *receipt = jstr(raw, "ReceiptHandle");
    const char *body = jstr(raw, "Body");
    if (!receipt)
        return; /* nothing can be said about it to the queue */
    s->base.daemon->counts.messages++;
    struct message *m =
        message_new(s, id ? id : "", receipt, asked_ms, s->base.config->visibility_timeout);
    if (!m)
        return; /* the queue shows it again */
    if (!open_body(s, m, body ? body : "")) {
        message_free(m);
        return;
    }
    log_debug(s->base.daemon->log, "Received a message", "source", name(s), "message", m->id);
    message_link(s, m);
    for (size_t i = 0; i < m->count; i++)
        engine_submit(s->base.daemon->engine, message_delivery(m, i));
}

/* --- receiving
 * -------------------------------------------------------------------------------------------------
 */

static const char *receive_advice(const struct err *err)
{
    if (err->kind == ERR_DENIED)
        return "allow this identity sqs:ReceiveMessage on the queue";
    if (err->kind == ERR_NOT_FOUND)
        return "check queue_url, and that the queue is in the region of the request";
    return NULL;
}

static void receive_failed(struct sqs_source *s, const struct request *r, const struct err *err)
{
    s->empty = false;
    if (err->kind == ERR_EXPIRED && creds_expired(s, r->creds))
        return;
    struct trouble_about what = about(s, "Cannot receive messages; tries again", "");
    s->poll_ms = now_ms(s) + trouble_met(&s->receive_trouble, &what, receive_advice(err), err);
}

static void received(struct sqs_source *s, const struct request *r, const json_t *answer)
{
    struct trouble_about what = about(s, "", "Receives messages again");
    trouble_over(&s->receive_trouble, &what);
    json_t *messages = jlist(answer, "Messages");
    s->empty = json_array_size(messages) == 0;
    /* A service that does not wait, though asked to, is not asked without pause. */
    if (s->empty)
        s->poll_ms = r->sent_ms + ROOM_MS;
    /* --once: the daemon ends in this pause, so that no receive is cut off with messages in its
     * answer. */
    if (s->empty && s->base.daemon->once)
        s->poll_ms = now_ms(s) + ROOM_MS;
    for (size_t i = 0; i < json_array_size(messages); i++)
        take_message(s, json_array_get(messages, i), r->sent_ms);
    json_decref(messages);
}

static void request_answered(struct request *r, const json_t *answer, struct err *err)
{
    struct sqs_source *s = r->source;
    if (r->message) {
        step_answered(s, r, err);
        return;
    }
    s->receiving = false;
    if (err->kind != ERR_NONE)
        receive_failed(s, r, err);
    else
        received(s, r, answer);
}

static void send_receive(struct sqs_source *s, struct aws_creds *creds)
{
    const struct config_source *config = s->base.config;
    int64_t wait_ms = config->wait_time;
    if (s->base.daemon->once && wait_ms > ONCE_WAIT_MS)
        wait_ms = ONCE_WAIT_MS;
    json_t *params = json_pack("{sIsIsI}", "MaxNumberOfMessages", (json_int_t)config->max_messages,
                               "WaitTimeSeconds", (json_int_t)(wait_ms / 1000), "VisibilityTimeout",
                               (json_int_t)((config->visibility_timeout + 999) / 1000));
    struct err err = ERR_INIT;
    if (send_request(s, creds, &sqs_receive_message, params, wait_ms + REQUEST_MS, &err)) {
        s->receiving = true;
        return;
    }
    struct request unsent = {.source = s};
    receive_failed(s, &unsent, &err);
}

static void tick_poll(struct sqs_source *s, int64_t *due_ms)
{
    if (s->stopped || s->receiving)
        return;
    int64_t due = s->poll_ms;
    if (now_ms(s) >= due) {
        due = now_ms(s) + ROOM_MS;
        struct aws_creds *creds = NULL;
        if (engine_has_room(s->base.daemon->engine))
            creds = take_creds(s, &due);
        if (creds) {
            send_receive(s, creds);
            due = s->receiving ? INT64_MAX : s->poll_ms;
        }
    }
    if (due < *due_ms)
        *due_ms = due;
}

static void tick(struct sqs_source *s)
{
    int64_t due_ms = INT64_MAX;
    tick_messages(s, &due_ms);
    tick_poll(s, &due_ms);
    if (due_ms == INT64_MAX)
        uv_timer_stop(&s->timer);
    else
        wake_in(s, due_ms - now_ms(s));
}

/* --- the source
 * ------------------------------------------------------------------------------------------------
 */

static bool sqs_start(struct source *base, struct err *err)
{
    (void)err;
    struct sqs_source *s = (struct sqs_source *)base;
    base->started = true;
    wake_in(s, 0);
    if (s->sweep)
        sweep_start(s->sweep);
    return true;
}

static void sqs_stop(struct source *base)
{
    struct sqs_source *s = (struct sqs_source *)base;
    s->stopped = true;
    for (struct request *r = s->requests; s->receiving && r; r = r->next) {
        if (r->message)
            continue;
        http_transfer_cancel(r->transfer);
        request_free(r);
        s->receiving = false;
        break;
    }
    if (s->sweep)
        sweep_stop(s->sweep);
}

static bool sqs_idle(const struct source *base)
{
    const struct sqs_source *s = (const struct sqs_source *)base;
    return !s->messages && !s->fetching && (!s->sweep || sweep_idle(s->sweep));
}

static bool sqs_drained(const struct source *base)
{
    const struct sqs_source *s = (const struct sqs_source *)base;
    return s->empty && !s->messages && (!s->sweep || sweep_drained(s->sweep));
}

static void on_closed(uv_handle_t *timer)
{
    free(timer->data);
}

static void sqs_free(struct source *base)
{
    struct sqs_source *s = (struct sqs_source *)base;
    for (struct request *r = s->requests, *next; r; r = next) {
        next = r->next;
        http_transfer_cancel(r->transfer);
        request_free(r);
    }
    for (struct message *m = s->messages, *next; m; m = next) {
        next = m->next;
        message_drop(s, m);
    }
    if (s->sweep)
        sweep_free(s->sweep);
    for (size_t i = 0; i < s->bucket_count; i++) {
        s->buckets[i]->base.store->ops->free(s->buckets[i]->base.store);
        free(s->buckets[i]->bucket);
        free(s->buckets[i]);
    }
    if (base->store)
        base->store->ops->free(base->store);
    aws_creds_unref(s->creds);
    sqs_queue_free(&s->queue);
    uv_close((uv_handle_t *)&s->timer, on_closed);
}

static const struct source_ops sqs_ops = {
    .start = sqs_start,
    .stop = sqs_stop,
    .settle = sqs_settle,
    .idle = sqs_idle,
    .drained = sqs_drained,
    .free = sqs_free,
};

static bool make_store(struct sqs_source *s, struct err *err)
{
    const struct config_source *config = s->base.config;
    if (!config->bucket)
        return config->sweep_interval == 0 ||
               err_set(
                   err, ERR_INVALID, "",
                   "source \"%s\": sweep_interval needs bucket: there is nothing to list without",
                   config->name);
    if (!s3_bucket_valid(config->bucket))
        return err_set(err, ERR_INVALID, "", "source \"%s\": bucket \"%s\" is no bucket name",
                       config->name, config->bucket);
    s->base.store = store_s3_new(s->base.daemon->aws, config->bucket, config->region);
    return s->base.store || err_set(err, ERR_INTERNAL, "", "out of memory");
}

static bool make_sweep(struct sqs_source *s, struct err *err)
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

struct source *source_sqs_new(struct daemon *daemon, const struct config_source *config,
                              struct err *err)
{
    struct sqs_source *s = calloc(1, sizeof *s);
    if (!s) {
        err_set(err, ERR_INTERNAL, "", "out of memory");
        return NULL;
    }
    s->base = (struct source){.ops = &sqs_ops, .config = config, .daemon = daemon};
    s->timer.data = s;
    if (!config->queue_url) {
        err_set(err, ERR_INVALID, "", "source \"%s\": queue_url is missing", config->name);
        goto no_queue;
    }
    if (!sqs_queue_init(&s->queue, config->queue_url, config->region, aws_region(daemon->aws), err))
        goto no_queue;
    if (!make_store(s, err))
        goto no_store;
    if (uv_timer_init(daemon->loop, &s->timer) != 0) {
        err_set(err, ERR_INTERNAL, "", "out of memory");
        goto no_store;
    }
    if (make_sweep(s, err))
        return &s->base;
    sqs_free(&s->base);
    return NULL;

no_store:
    if (s->base.store)
        s->base.store->ops->free(s->base.store);
no_queue:
    sqs_queue_free(&s->queue);
    free(s);
    return NULL;
}
