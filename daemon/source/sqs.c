/* The source behind an SQS queue. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/env.h"
#include "daemon/source/queue.h"
#include "lib/aws/names.h"
#include "lib/aws/s3.h"
#include "lib/aws/sqs.h"
#include "lib/json/jpath.h"

#define ONCE_WAIT_MS      1000 /* --once: long enough for all of SQS's servers to be asked */
#define KEEP_CREDS_MS     10000 /* for credentials that are due for a refresh that does not succeed */
#define MAX_BUCKETS       64    /* of a source without `bucket` */
#define VISIBILITY_MAX_MS (12 * 3600 * INT64_C(1000))

struct sqs_source {
    struct queue_source queue; /* first */
    struct sqs_queue at;
    struct store *stores[MAX_BUCKETS]; /* when the configuration names no bucket, one for each that
                                          messages named */
    size_t store_count;
    char foreign_bucket[256]; /* last warned of */

    /* Credentials when the client's memory has none, kept until keep_ms (monotonic). */
    struct aws_creds *creds;
    int64_t keep_ms;
    struct aws_creds *fetched; /* by the worker */
};

static struct sqs_source *sqs_of(struct queue_source *s)
{
    return (struct sqs_source *)s;
}

/* --- credentials --- */

/* A new reference; NULL when a worker must fetch some. */
static struct aws_creds *take_creds(struct sqs_source *s)
{
    struct aws_creds *creds = aws_peek_creds(s->queue.base.env->aws);
    if (!creds && s->creds && queue_source_now(&s->queue) < s->keep_ms)
        creds = aws_creds_ref(s->creds);
    return creds;
}

static void keep_creds(struct sqs_source *s, struct aws_creds *creds, int64_t until_ms)
{
    aws_creds_unref(s->creds);
    s->creds = creds;
    s->keep_ms = until_ms;
}

static bool sqs_fetch(struct queue_source *base, struct http_client *http, struct err *err)
{
    struct sqs_source *s = sqs_of(base);
    s->fetched = aws_account_creds(base->base.env->aws, http, NULL, err);
    return s->fetched != NULL;
}

static void sqs_fetched(struct queue_source *base)
{
    struct sqs_source *s = sqs_of(base);
    keep_creds(s, s->fetched, queue_source_now(base) + KEEP_CREDS_MS);
    s->fetched = NULL;
}

static void sqs_expired(struct queue_source *base, struct queue_request *r)
{
    aws_expire_creds(base->base.env->aws, NULL, r->access);
    keep_creds(sqs_of(base), NULL, 0);
}

static void sqs_forget(struct queue_request *r)
{
    aws_creds_unref(r->access);
}

/* --- requests --- */

static const struct aws_op *op_of(const struct queue_request *r)
{
    if (!r->message)
        return &sqs_receive_message;
    return r->step == MESSAGE_DELETE ? &sqs_delete_message : &sqs_change_visibility;
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

static json_t *receive_params(const struct config_source *config, int64_t wait_ms)
{
    return json_pack("{sIsIsI}", "MaxNumberOfMessages", (json_int_t)config->max_messages,
                     "WaitTimeSeconds", (json_int_t)(wait_ms / 1000), "VisibilityTimeout",
                     (json_int_t)((config->visibility_timeout + 999) / 1000));
}

static bool sqs_prepare_request(struct queue_source *base, struct queue_request *r,
                                struct http_request *http, struct err *err)
{
    struct sqs_source *s = sqs_of(base);
    const struct source *source = &base->base;
    const struct config_source *config = base->base.config;
    int64_t wait_ms = r->message ? 0 : config->wait_time;
    if (source->host->once && wait_ms > ONCE_WAIT_MS)
        wait_ms = ONCE_WAIT_MS;
    r->access = take_creds(s);
    if (!r->access)
        return err_set(err, ERR_BUSY, "", "credentials must be fetched first");
    json_t *params =
        r->message ? step_params(r->message, r->step) : receive_params(config, wait_ms);
    if (!params)
        return err_set(err, ERR_INTERNAL, "", "out of memory");
    bool ok = sqs_prepare(source->env->aws, r->access, &s->at, op_of(r), params,
                          wait_ms + QUEUE_REQUEST_MS, http, err);
    json_decref(params);
    return ok;
}

static void take_message(struct queue_source *base, const struct queue_request *r,
                         const json_t *raw)
{
    const json_t *body = jget(raw, "Body");
    struct queue_message got = {.id = jstr(raw, "MessageId"),
                                .receipt = jstr(raw, "ReceiptHandle"),
                                .body = json_is_string(body) ? json_string_value(body) : "",
                                .size = json_string_length(body)};
    queue_source_take(base, r, &got);
}

/* Reads an answer; of one that refuses the request's time, the right time is learned for the next.
 * Keys that the service does not know are treated as those that have expired: others are fetched.
 */
static bool read_answer(struct queue_source *base, const struct queue_request *r,
                        struct http_response *response, json_t **answer, struct err *err)
{
    struct aws *aws = base->base.env->aws;
    if (aws_decode(op_of(r), response, answer, err))
        return true;
    if (aws_learn_time(aws, aws_now_ms(aws), response, err))
        err->kind = ERR_TRANSIENT;
    else if (aws_keys_refused(err))
        err->kind = ERR_EXPIRED;
    return false;
}

static bool sqs_received(struct queue_source *base, const struct queue_request *r,
                         struct http_response *response, size_t *count, struct err *err)
{
    json_t *answer = NULL;
    if (!read_answer(base, r, response, &answer, err))
        return false;
    json_t *messages = jlist(answer, "Messages");
    *count = json_array_size(messages);
    for (size_t i = 0; i < *count; i++)
        take_message(base, r, json_array_get(messages, i));
    json_decref(messages);
    json_decref(answer);
    return true;
}

static bool sqs_stepped(struct queue_source *base, const struct queue_request *r,
                        struct http_response *response, struct err *err)
{
    json_t *answer = NULL;
    bool ok = read_answer(base, r, response, &answer, err);
    json_decref(answer);
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

/* A service that does not wait, though asked to, is not asked without pause. */
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
static struct store *sqs_store(struct sqs_source *s, const char *bucket, struct err *err)
{
    for (size_t i = 0; i < s->store_count; i++)
        if (strcmp(s->stores[i]->holder, bucket) == 0)
            return s->stores[i];
    if (s->store_count == MAX_BUCKETS) {
        err_set(err, ERR_LIMIT, "", "events of more than %d buckets in one queue: set bucket",
                MAX_BUCKETS);
        return NULL;
    }
    if (aws_bucket_problem(bucket)) {
        err_set(err, ERR_INVALID, "", "\"%.100s\" %s", bucket, aws_bucket_problem(bucket));
        return NULL;
    }
    struct store *store = store_s3_new(s->queue.base.env->aws, bucket, s->queue.base.config);
    if (store)
        s->stores[s->store_count++] = store;
    else
        err_set(err, ERR_INTERNAL, "", "out of memory");
    return store;
}

static void say_foreign_bucket(struct sqs_source *s, const char *bucket)
{
    if (strncmp(s->foreign_bucket, bucket, sizeof s->foreign_bucket - 1) == 0)
        return;
    strncpy(s->foreign_bucket, bucket, sizeof s->foreign_bucket - 1);
    log_warn(s->queue.base.env->log,
             "Ignoring events from a bucket other than the configured one: check the queue's "
             "notifications, or bucket",
             LOG_STR("source", s->queue.base.config->name), LOG_STR("bucket", bucket),
             LOG_STR("configured", s->queue.base.config->bucket));
}

static bool sqs_place(struct queue_source *base, const struct envelope_object *object,
                      struct store **store, struct err *err)
{
    const char *bucket = config_source_bucket(base->base.config);
    if (!bucket)
        *store = sqs_store(sqs_of(base), object->container, err);
    else if (strcmp(bucket, object->container) == 0)
        *store = base->base.store;
    else
        say_foreign_bucket(sqs_of(base), object->container);
    return bucket || *store;
}

static const struct queue_kind sqs_kind = {
    .no_access = "No AWS credentials; retrying",
    .access_again = "AWS credentials available again",
    .long_poll = true,
    .prepare = sqs_prepare_request,
    .forget = sqs_forget,
    .received = sqs_received,
    .stepped = sqs_stepped,
    .gone = sqs_message_gone,
    .advice = sqs_advice,
    .pause = sqs_pause,
    .fetch = sqs_fetch,
    .fetched = sqs_fetched,
    .expired = sqs_expired,
    .parse = sqs_parse,
    .place = sqs_place,
};

/* --- the source --- */

static void sqs_free(struct source *base)
{
    struct sqs_source *s = (struct sqs_source *)base;
    for (size_t i = 0; i < s->store_count; i++)
        s->stores[i]->ops->free(s->stores[i]);
    aws_creds_unref(s->creds);
    sqs_queue_free(&s->at);
    queue_source_close(&s->queue);
}

static const struct source_ops sqs_ops = {
    .start = queue_source_start,
    .stop = queue_source_stop,
    .idle = queue_source_idle,
    .drained = queue_source_drained,
    .failing = queue_source_failing,
    .free = sqs_free,
};

/* *store becomes NULL where no bucket is configured. */
static bool make_store(const struct env *env, const struct config_source *config,
                       struct store **store, struct err *err)
{
    if (!config_source_bucket(config))
        return config->sweep_interval == 0 ||
               err_set(err, ERR_INVALID, "",
                       "source \"%s\": sweep_interval needs the name of a bucket: there is nothing "
                       "to list without",
                       config->name);
    if (aws_bucket_problem(config->bucket))
        return err_set(err, ERR_INVALID, "", "source \"%s\": bucket \"%.100s\" %s", config->name,
                       config->bucket, aws_bucket_problem(config->bucket));
    *store = store_s3_new(env->aws, config->bucket, config);
    return *store || err_set(err, ERR_INTERNAL, "", "out of memory");
}

/* Whoever can send to the queue decides where events are read from. */
static void warn_of_any_bucket(const struct env *env, const struct config_source *config)
{
    if (!config->bucket)
        log_warn(env->log, CONFIG_ANY_BUCKET, LOG_STR("source", config->name));
}

struct source *source_sqs_new(const struct source_host *host, const struct config_source *config,
                              struct err *err)
{
    struct store *store = NULL;
    struct sqs_source *s = calloc(1, sizeof *s);
    if (!s) {
        err_set(err, ERR_INTERNAL, "", "out of memory");
        return NULL;
    }
    if (!config->queue_url) {
        err_set(err, ERR_INVALID, "", "source \"%s\": queue_url is missing", config->name);
        goto no_queue;
    }
    if (!sqs_queue_init(&s->at, config->queue_url, config->region, aws_region(host->env->aws), err))
        goto no_queue;
    if (!make_store(host->env, config, &store, err))
        goto no_store;
    if (queue_source_open(&s->queue, &sqs_ops, &sqs_kind, host, config, store, err)) {
        warn_of_any_bucket(host->env, config);
        return &s->queue.base;
    }
    if (store)
        store->ops->free(store);
no_store:
    sqs_queue_free(&s->at);
no_queue:
    free(s);
    return NULL;
}
