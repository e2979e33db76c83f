/* The source that receives from an SQS queue. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/env.h"
#include "daemon/source/queue.h"
#include "lib/aws/sqs.h"
#include "lib/base/container.h"
#include "lib/base/memory.h"
#include "lib/json/jpath.h"

/* With --once: long enough for all of SQS's servers to be queried. */
#define SQS_ONCE_WAIT_MS 1000
/* For credentials that are due for a refresh that does not succeed. */
#define SQS_KEEP_CREDS_MS 10000
/* Of a source without `bucket`. */
#define SQS_BUCKETS_MAX       64
#define SQS_VISIBILITY_MAX_MS (12 * 3600 * INT64_C(1000))

struct sqs_source {
    struct queue_source queue;
    struct sqs_queue at;
    /* If the configuration names no bucket, one for each that messages have named. */
    struct store *stores[SQS_BUCKETS_MAX];
    size_t store_count;

    /* Credentials for when the client's cache has none, until keep_ms (monotonic). */
    struct aws_creds *creds;
    int64_t keep_ms;
    /* By the worker. */
    struct aws_creds *fetched;
};

static struct sqs_source *sqs_of(struct queue_source *s)
{
    return container_of(s, struct sqs_source, queue);
}

/* --- access: credentials --- */

/* A new reference; NULL if a worker must fetch credentials. */
static struct aws_creds *sqs_take_creds(struct sqs_source *s)
{
    struct aws_creds *creds = aws_peek_creds(s->queue.base.env->aws);
    if (!creds && s->creds && queue_source_now(&s->queue) < s->keep_ms)
        creds = aws_creds_ref(s->creds);
    return creds;
}

static void sqs_keep_creds(struct sqs_source *s, struct aws_creds *creds, int64_t until_ms)
{
    aws_creds_unref(s->creds);
    s->creds = creds;
    s->keep_ms = until_ms;
}

static bool sqs_fetch_creds(struct queue_source *base, struct http_client *http, struct err *err)
{
    struct sqs_source *s = sqs_of(base);
    s->fetched = aws_get_creds(base->base.env->aws, http, NULL, err);
    return s->fetched != NULL;
}

static void sqs_creds_fetched(struct queue_source *base)
{
    struct sqs_source *s = sqs_of(base);
    sqs_keep_creds(s, s->fetched, queue_source_now(base) + SQS_KEEP_CREDS_MS);
    s->fetched = NULL;
}

static void sqs_creds_expired(struct queue_source *base, struct queue_request *r)
{
    aws_expire_creds(base->base.env->aws, NULL, r->access);
    sqs_keep_creds(sqs_of(base), NULL, 0);
}

static void sqs_forget_creds(struct queue_request *r)
{
    aws_creds_unref(r->access);
}

static const struct queue_access sqs_access = {
    .no_access = "No AWS credentials; retrying",
    .access_again = "AWS credentials available again",
    .fetch = sqs_fetch_creds,
    .fetched = sqs_creds_fetched,
    .expired = sqs_creds_expired,
    .forget = sqs_forget_creds,
};

/* --- requests --- */

static const struct aws_op *sqs_op(const struct queue_request *r)
{
    if (!r->message)
        return &sqs_receive_message;
    return r->step == MESSAGE_DELETE ? &sqs_delete_message : &sqs_change_visibility;
}

static json_t *sqs_step_params(const struct message *m, enum message_step step)
{
    int64_t ms = step == MESSAGE_EXTEND ? m->visibility_ms : m->delay_ms;
    if (ms > SQS_VISIBILITY_MAX_MS)
        ms = SQS_VISIBILITY_MAX_MS;
    if (step == MESSAGE_DELETE)
        return json_pack("{ss}", "ReceiptHandle", m->receipt);
    return json_pack("{sssI}", "ReceiptHandle", m->receipt, "VisibilityTimeout",
                     (json_int_t)((ms + 999) / 1000));
}

static json_t *sqs_receive_params(const struct config_source *config, int64_t wait_ms)
{
    return json_pack("{sIsIsI}", "MaxNumberOfMessages", (json_int_t)config->max_messages,
                     "WaitTimeSeconds", (json_int_t)(wait_ms / 1000), "VisibilityTimeout",
                     (json_int_t)((config->visibility_timeout + 999) / 1000));
}

static bool sqs_prepare_request(struct queue_source *base, struct queue_request *r,
                                struct http_request *http, struct err *err)
{
    struct sqs_source *s = sqs_of(base);
    const struct config_source *config = base->base.config;
    int64_t wait_ms = r->message ? 0 : config->wait_time;
    if (base->base.host->once && wait_ms > SQS_ONCE_WAIT_MS)
        wait_ms = SQS_ONCE_WAIT_MS;
    r->access = sqs_take_creds(s);
    if (!r->access)
        return err_set(err, ERR_BUSY, "", "credentials must be fetched first");
    json_t *params =
        r->message ? sqs_step_params(r->message, r->step) : sqs_receive_params(config, wait_ms);
    if (!params)
        return err_set(err, ERR_INVALID, "", "the receipt of the message is not valid UTF-8");
    struct aws_call call;
    bool ok = sqs_make_call(base->base.env->aws, &s->at, sqs_op(r), params, &call, err);
    call.timeout_ms = wait_ms + QUEUE_REQUEST_MS;
    ok = ok && aws_prepare(base->base.env->aws, r->access, &call, http, err);
    json_decref(params);
    return ok;
}

/* Reads a response. From one that rejects the request because of its time, the right time is
 * learned for the next. Keys that the service does not know are treated as expired: others are
 * fetched. */
static bool sqs_read_response(struct queue_source *base, const struct queue_request *r,
                              struct http_response *response, json_t **result, struct err *err)
{
    struct aws *aws = base->base.env->aws;
    if (aws_decode(sqs_op(r), response, result, err))
        return true;
    if (aws_learn_time(aws, aws_now_ms(aws), response, err))
        err->kind = ERR_TRANSIENT;
    else if (aws_keys_refused(err))
        err->kind = ERR_EXPIRED;
    return false;
}

static void sqs_take_message(struct queue_source *base, const struct queue_request *r,
                             const json_t *raw)
{
    const json_t *body = jget(raw, "Body");
    queue_source_take(
        base, r,
        &(struct queue_message){.id = jstr(raw, "MessageId"),
                                .receipt = jstr(raw, "ReceiptHandle"),
                                .body = json_is_string(body) ? json_string_value(body) : "",
                                .size = json_string_length(body)});
}

static bool sqs_read_messages(struct queue_source *base, const struct queue_request *r,
                              struct http_response *response, size_t *count, struct err *err)
{
    json_t *result = NULL;
    if (!sqs_read_response(base, r, response, &result, err))
        return false;
    json_t *messages = jlist(result, "Messages");
    *count = json_array_size(messages);
    for (size_t i = 0; i < *count; i++)
        sqs_take_message(base, r, json_array_get(messages, i));
    json_decref(messages);
    json_decref(result);
    return true;
}

static bool sqs_read_step(struct queue_source *base, const struct queue_request *r,
                          struct http_response *response, struct err *err)
{
    json_t *result = NULL;
    bool ok = sqs_read_response(base, r, response, &result, err);
    json_decref(result);
    return ok;
}

static const char *sqs_advice(const struct err *err, bool receive)
{
    if (err->kind == ERR_DENIED)
        return receive ? "allow this identity sqs:ReceiveMessage on the queue"
                       : "allow this identity sqs:DeleteMessage and sqs:ChangeMessageVisibility "
                         "on the queue";
    if (err->kind == ERR_NOT_FOUND && receive)
        return "check queue_url, and that the queue is in the region of the request";
    return NULL;
}

/* A service that does not wait although it was asked to is not polled without a pause. */
static int64_t sqs_pause(struct queue_source *base, size_t count)
{
    (void)base;
    return count == 0 ? QUEUE_ROOM_MS : 0;
}

/* --- from a body to deliveries --- */

static enum envelope_kind sqs_parse(struct queue_source *base, const char *body, size_t size,
                                    struct envelope *to, struct err *err)
{
    (void)base;
    return envelope_parse(body, size, to, err);
}

/* The store of a bucket, made when it is first announced. NULL with *err. */
static struct store *sqs_bucket_store(struct sqs_source *s, const char *bucket, struct err *err)
{
    for (size_t i = 0; i < s->store_count; i++)
        if (strcmp(s->stores[i]->holder, bucket) == 0)
            return s->stores[i];
    if (s->store_count == SQS_BUCKETS_MAX) {
        err_set(err, ERR_LIMIT, "", "events of more than %d buckets in one queue: set bucket",
                SQS_BUCKETS_MAX);
        return NULL;
    }
    struct store *store = store_s3_new(s->queue.base.env->aws, bucket, s->queue.base.config, err);
    if (store)
        s->stores[s->store_count++] = store;
    return store;
}

static bool sqs_place(struct queue_source *base, const struct envelope_object *object,
                      struct store **store, struct err *err)
{
    const char *bucket = config_source_bucket(base->base.config);
    if (!bucket)
        *store = sqs_bucket_store(sqs_of(base), object->container, err);
    else if (strcmp(bucket, object->container) == 0)
        *store = base->base.store;
    else
        queue_source_warn_foreign(base,
                                  "Ignoring events from a bucket other than the configured one: "
                                  "check the queue's notifications, or bucket",
                                  "bucket", object->container, bucket);
    return bucket || *store;
}

static const struct queue_wire sqs_wire = {
    .long_poll = true,
    .prepare = sqs_prepare_request,
    .received = sqs_read_messages,
    .stepped = sqs_read_step,
    .gone = sqs_message_gone,
    .advice = sqs_advice,
    .pause = sqs_pause,
    .parse = sqs_parse,
    .place = sqs_place,
};

/* --- the source --- */

static void sqs_free(struct source *base)
{
    struct queue_source *queue = container_of(base, struct queue_source, base);
    struct sqs_source *s = sqs_of(queue);
    for (size_t i = 0; i < s->store_count; i++)
        s->stores[i]->ops->free(s->stores[i]);
    aws_creds_unref(s->creds);
    sqs_queue_free(&s->at);
    queue_source_close(queue, s);
}

static const struct source_ops sqs_ops = {
    .start = queue_source_start,
    .stop = queue_source_stop,
    .idle = queue_source_idle,
    .drained = queue_source_drained,
    .failing = queue_source_failing,
    .free = sqs_free,
};

struct source *source_sqs_open(const struct source_host *host, const struct config_source *config,
                               struct store *store, struct err *err)
{
    struct sqs_queue at;
    if (!sqs_queue_init(&at, config->queue_url, config->region, aws_region(host->env->aws), err)) {
        sqs_queue_free(&at);
        return NULL;
    }
    struct sqs_source *s = xcalloc(1, sizeof *s);
    s->at = at;
    const struct queue_source_options options = {.ops = &sqs_ops,
                                                 .access = &sqs_access,
                                                 .wire = &sqs_wire,
                                                 .host = host,
                                                 .config = config,
                                                 .store = store};
    queue_source_open(&s->queue, &options);
    /* Anyone who can send to the queue decides where events are read from. */
    if (!config->bucket)
        log_warn(host->env->log, CONFIG_ANY_BUCKET, LOG_STR("source", config->name));
    return &s->queue.base;
}
