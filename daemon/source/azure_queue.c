/* The source that receives from an Azure storage queue. The service has no long poll: it is polled,
 * at growing intervals while nothing comes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/env.h"
#include "daemon/source/queue.h"
#include "lib/azure/names.h"
#include "lib/azure/queue.h"
#include "lib/base/container.h"
#include "lib/base/memory.h"

/* After a receive that returned messages. */
#define AZURE_QUEUE_SHORT_PAUSE_MS    200
#define AZURE_QUEUE_VISIBILITY_MAX_MS (7 * 24 * 3600 * INT64_C(1000))
#define AZURE_QUEUE_NAME_MAX          63
#define AZURE_QUEUE_POISON            "-poison"

struct azure_queue_source {
    struct queue_source queue;
    /* The store's. */
    const struct azure_storage *storage;
    char poison[AZURE_QUEUE_NAME_MAX + 1];
    /* The poison queue must be created before a message can be put there. */
    bool poison_missing;
    /* After the last receive. */
    int64_t pause_ms;
    /* How many receives ask for one message each. */
    int64_t single_receives;
};

static struct azure_queue_source *azure_source_of(struct queue_source *s)
{
    return container_of(s, struct azure_queue_source, queue);
}

/* --- access: tokens --- */

static bool azure_source_uses_tokens(struct queue_source *base)
{
    return azure_storage_auth(azure_source_of(base)->storage) == AZURE_AUTH_TOKEN;
}

static bool azure_source_token_due(struct queue_source *base)
{
    return azure_source_uses_tokens(base) &&
           azure_token_due(base->base.env->azure, AZURE_SCOPE_STORAGE);
}

/* The token stays in the client's cache. */
static bool azure_source_fetch_token(struct queue_source *base, struct http_client *http,
                                     struct err *err)
{
    struct azure_token *token =
        azure_get_token(base->base.env->azure, http, AZURE_SCOPE_STORAGE, err);
    azure_token_unref(token);
    return token != NULL;
}

static void azure_source_token_expired(struct queue_source *base, struct queue_request *r)
{
    if (r->access)
        azure_expire_token(base->base.env->azure, AZURE_SCOPE_STORAGE, r->access);
}

static void azure_source_forget_token(struct queue_request *r)
{
    azure_token_unref(r->access);
}

static const struct queue_access azure_source_access = {
    .no_access = "No token for Azure storage; retrying",
    .access_again = "Token for Azure storage available again",
    .due = azure_source_token_due,
    .fetch = azure_source_fetch_token,
    .expired = azure_source_token_expired,
    .forget = azure_source_forget_token,
};

/* --- requests --- */

static unsigned azure_source_seconds(int64_t ms)
{
    return (unsigned)(((ms > AZURE_QUEUE_VISIBILITY_MAX_MS ? AZURE_QUEUE_VISIBILITY_MAX_MS : ms) +
                       999) /
                      1000);
}

/* The request that puts a message into the poison queue, or that creates that queue first. */
static bool azure_source_prepare_poison(struct azure_queue_source *s, struct queue_request *r,
                                        struct http_request *http, struct err *err)
{
    struct azure_queue poison = {.storage = s->storage, .name = s->poison};
    r->prelude = s->poison_missing;
    if (r->prelude)
        return azure_queue_create(&poison, http, err);
    return azure_queue_put(&poison, r->message->poison_text, http, err);
}

static bool azure_source_prepare_unsigned(struct azure_queue_source *s, struct queue_request *r,
                                          struct http_request *http, struct err *err)
{
    const struct config_source *config = s->queue.base.config;
    struct azure_queue queue = {.storage = s->storage, .name = config->queue};
    const struct message *m = r->message;
    if (!m)
        return azure_queue_receive(&queue,
                                   s->single_receives > 0 ? 1 : (unsigned)config->max_messages,
                                   azure_source_seconds(config->visibility_timeout), http, err);
    switch (r->step) {
    case MESSAGE_SET_ASIDE:
        return azure_source_prepare_poison(s, r, http, err);
    case MESSAGE_DELETE:
        return azure_queue_delete(&queue, m->id, m->receipt, http, err);
    default:
        return azure_queue_update(
            &queue, m->id, m->receipt,
            azure_source_seconds(r->step == MESSAGE_EXTEND ? m->visibility_ms : m->delay_ms), http,
            err);
    }
}

static bool azure_source_prepare(struct queue_source *base, struct queue_request *r,
                                 struct http_request *http, struct err *err)
{
    struct azure_queue_source *s = azure_source_of(base);
    if (!azure_source_prepare_unsigned(s, r, http, err))
        return false;
    http->timeout_ms = QUEUE_REQUEST_MS;
    if (azure_source_uses_tokens(base))
        r->access = azure_peek_token(base->base.env->azure, AZURE_SCOPE_STORAGE);
    return azure_storage_sign(s->storage, NULL, http, err);
}

/* Reads an error response. From one that rejects the request because of its time, the right time is
 * learned for the next. */
static void azure_source_read_error(const struct azure_queue_source *s, const char *operation,
                                    const struct http_response *response, struct err *err)
{
    azure_storage_set_error(operation, response, err);
    if (azure_storage_learn_time(s->storage, azure_storage_now_ms(s->storage), response))
        err->kind = ERR_TRANSIENT;
}

static bool azure_source_read_messages(struct queue_source *base, const struct queue_request *r,
                                       struct http_response *response, size_t *count,
                                       struct err *err)
{
    struct azure_messages messages;
    if (response->status != 200) {
        azure_source_read_error(azure_source_of(base), "GetMessages", response, err);
        return false;
    }
    struct azure_queue_source *s = azure_source_of(base);
    if (s->single_receives > 0)
        s->single_receives--;
    if (!azure_queue_messages(response, &messages, err)) {
        /* A message that cannot be represented in XML makes the whole response unreadable: the
         * messages in it come again, and are then received one at a time. */
        s->single_receives = 2 * base->base.config->max_messages;
        return false;
    }
    *count = messages.count;
    for (size_t i = 0; i < messages.count; i++) {
        const struct azure_message *m = &messages.at[i];
        queue_source_take(base, r,
                          &(struct queue_message){.id = m->id,
                                                  .receipt = m->pop_receipt,
                                                  .body = m->text,
                                                  .size = m->text_size,
                                                  .receive_count = m->dequeue_count});
    }
    azure_messages_free(&messages);
    return true;
}

/* Each change of a message's visibility gives it a new receipt, and the old one is void. */
static void azure_source_keep_receipt(struct message *m, const struct http_response *response)
{
    const char *receipt = http_headers_get(&response->headers, "x-ms-popreceipt");
    if (!receipt)
        return;
    free(m->receipt);
    m->receipt = xstrdup(receipt);
}

static const char *azure_source_operation(const struct queue_request *r)
{
    switch (r->step) {
    case MESSAGE_SET_ASIDE:
        return r->prelude ? "CreateQueue" : "PutMessage";
    case MESSAGE_DELETE:
        return "DeleteMessage";
    default:
        return "UpdateMessage";
    }
}

static bool azure_source_read_step(struct queue_source *base, const struct queue_request *r,
                                   struct http_response *response, struct err *err)
{
    struct azure_queue_source *s = azure_source_of(base);
    bool aside = r->step == MESSAGE_SET_ASIDE;
    if (response->status >= 200 && response->status < 300) {
        if (aside)
            s->poison_missing = false;
        if (r->step == MESSAGE_EXTEND || r->step == MESSAGE_RELEASE)
            azure_source_keep_receipt(r->message, response);
        return true;
    }
    azure_source_read_error(s, azure_source_operation(r), response, err);
    if (aside && !r->prelude && strcmp(err->code, "QueueNotFound") == 0) {
        s->poison_missing = true;
        err_set(err, ERR_BUSY, "", "the poison queue must be created first");
    }
    return false;
}

static const char *azure_source_advice(const struct err *err, bool receive)
{
    if (err->kind == ERR_DENIED)
        return "give this identity the role Storage Queue Data Contributor on the account, or "
               "check the connection string";
    if (err->kind == ERR_NOT_FOUND && receive)
        return "check queue and account";
    return NULL;
}

/* Short after a receive that returned messages; otherwise growing up to poll_interval. */
static int64_t azure_source_pause(struct queue_source *base, size_t count)
{
    struct azure_queue_source *s = azure_source_of(base);
    int64_t max_ms = base->base.config->poll_interval;
    if (count > 0) {
        s->pause_ms = AZURE_QUEUE_SHORT_PAUSE_MS;
        return count < (size_t)base->base.config->max_messages && s->single_receives == 0
                   ? AZURE_QUEUE_SHORT_PAUSE_MS
                   : 0;
    }
    s->pause_ms = s->pause_ms > 0 ? s->pause_ms * 2 : AZURE_QUEUE_SHORT_PAUSE_MS;
    if (s->pause_ms > max_ms)
        s->pause_ms = max_ms;
    return s->pause_ms;
}

/* --- from a body to deliveries --- */

static enum envelope_kind azure_source_parse(struct queue_source *base, const char *body,
                                             size_t size, struct envelope *to, struct err *err)
{
    const char *endpoint = azure_storage_blob_endpoint(azure_source_of(base)->storage);
    enum envelope_kind kind = envelope_azure_parse(body, size, endpoint, to, err);
    if (kind == ENVELOPE_EVENTS && *to->foreign)
        queue_source_warn_foreign(base,
                                  "Ignoring events from a storage account other than the "
                                  "configured one: check the event subscription, or account",
                                  "found", to->foreign, endpoint);
    return kind;
}

static bool azure_source_place(struct queue_source *base, const struct envelope_object *object,
                               struct store **store, struct err *err)
{
    const char *container = base->base.config->container;
    (void)err;
    if (strcmp(container, object->container) == 0)
        *store = base->base.store;
    else
        queue_source_warn_foreign(base,
                                  "Ignoring events from a container other than the configured "
                                  "one: check the event subscription's filter, or container",
                                  "found", object->container, container);
    return true;
}

static const struct queue_wire azure_source_wire = {
    .sets_aside = true,
    .prepare = azure_source_prepare,
    .received = azure_source_read_messages,
    .stepped = azure_source_read_step,
    .gone = azure_queue_message_gone,
    .advice = azure_source_advice,
    .pause = azure_source_pause,
    .parse = azure_source_parse,
    .place = azure_source_place,
};

/* --- the source --- */

static void azure_source_free(struct source *base)
{
    struct queue_source *queue = container_of(base, struct queue_source, base);
    queue_source_close(queue, azure_source_of(queue));
}

static const struct source_ops azure_source_ops = {
    .start = queue_source_start,
    .stop = queue_source_stop,
    .idle = queue_source_idle,
    .drained = queue_source_drained,
    .failing = queue_source_failing,
    .free = azure_source_free,
};

/* A name that is too long for the suffix is cut, so that no two hyphens follow each other. */
static void azure_source_name_poison(char *to, size_t size, const char *queue)
{
    size_t n = strlen(queue), max = AZURE_QUEUE_NAME_MAX - strlen(AZURE_QUEUE_POISON);
    if (n > max)
        n = max;
    while (n > 0 && queue[n - 1] == '-')
        n--;
    snprintf(to, size, "%.*s" AZURE_QUEUE_POISON, (int)n, queue);
}

/* The host of a URL; returns its length. */
static size_t azure_source_url_host(const char *url, const char **host)
{
    const char *after = strstr(url, "://");
    *host = after ? after + 3 : url;
    return strcspn(*host, ":/");
}

/* Event Grid names blobs by the account's own host. If blobs are reached by another host, such as
 * that of a proxy, all events would be taken for those of another account, and deleted. */
static bool azure_source_check_endpoint(const struct env *env, const struct config_source *config,
                                        const struct azure_storage *storage, struct err *err)
{
    const char *endpoint = azure_storage_blob_endpoint(storage);
    char body[2048];
    snprintf(body, sizeof body,
             "{\"eventType\":\"Microsoft.Storage.BlobCreated\",\"data\":{\"url\":"
             "\"%s/%s/events/event.json\"}}",
             endpoint, config->container);
    struct envelope e;
    bool taken = envelope_azure_parse(body, strlen(body), endpoint, &e, err) == ENVELOPE_EVENTS &&
                 e.count == 1;
    envelope_free(&e);
    if (!taken)
        return err_set(err, ERR_INVALID, "",
                       "no message can name a blob below the endpoint %s: check BlobEndpoint in "
                       "the connection string",
                       endpoint);
    const char *account = azure_storage_account(storage);
    const char *host;
    size_t n = azure_source_url_host(endpoint, &host);
    bool own = strncmp(host, account, strlen(account)) == 0 && host[strlen(account)] == '.';
    bool named = memchr(host, '.', n) && strspn(host, "0123456789.") < n;
    if (!own && named)
        log_warn(env->log,
                 "The blob endpoint's host is not the account's own, by which Event Grid names "
                 "blobs: messages are ignored unless they name this one",
                 LOG_STR("source", config->name), LOG_STR("endpoint", endpoint));
    return true;
}

struct source *source_azure_queue_open(const struct source_host *host,
                                       const struct config_source *config, struct store *store,
                                       struct err *err)
{
    const char *problem = azure_queue_problem(config->queue);
    if (problem) {
        err_set(err, ERR_INVALID, "", "queue \"%.80s\" %s", config->queue, problem);
        return NULL;
    }
    const struct azure_storage *storage = store_blob_storage(store);
    if (!azure_source_check_endpoint(host->env, config, storage, err))
        return NULL;
    struct azure_queue_source *s = xcalloc(1, sizeof *s);
    s->storage = storage;
    azure_source_name_poison(s->poison, sizeof s->poison, config->queue);
    const struct queue_source_options options = {.ops = &azure_source_ops,
                                                 .access = &azure_source_access,
                                                 .wire = &azure_source_wire,
                                                 .host = host,
                                                 .config = config,
                                                 .store = store};
    queue_source_open(&s->queue, &options);
    return &s->queue.base;
}
