/* The source behind an Azure storage queue. The service knows no long poll: it is asked again and
 * again, seldom when nothing comes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/env.h"
#include "daemon/source/kinds.h"
#include "daemon/source/queue.h"
#include "lib/azure/names.h"
#include "lib/azure/queue.h"

#define SHORT_PAUSE_MS    200 /* behind a receive that brought messages */
#define VISIBILITY_MAX_MS (7 * 24 * 3600 * INT64_C(1000))
#define QUEUE_NAME_MAX    63
#define POISON            "-poison"

struct azure_queue_source {
    struct queue_source queue;           /* first */
    const struct azure_storage *storage; /* the store's */
    char poison[QUEUE_NAME_MAX + 1];
    bool poison_missing; /* to be made before a message can be put there */
    int64_t pause_ms;    /* behind the last receive */
    int64_t singly;      /* so many receives ask for one message each */
    char foreign[128];   /* last warned of: a host or a container */
};

static struct azure_queue_source *azure_of(struct queue_source *s)
{
    return (struct azure_queue_source *)s;
}

/* --- tokens --- */

static bool by_token(const struct queue_source *base)
{
    const struct azure_queue_source *s = (const struct azure_queue_source *)base;
    return strcmp(azure_storage_auth_name(s->storage), "token") == 0;
}

static bool azure_due(struct queue_source *base)
{
    return by_token(base) && azure_token_due(base->base.env->azure, AZURE_SCOPE_STORAGE);
}

/* The token stays in the client's memory. */
static bool azure_fetch(struct queue_source *base, struct http_client *http, struct err *err)
{
    struct azure_token *token = azure_token(base->base.env->azure, http, AZURE_SCOPE_STORAGE, err);
    azure_token_unref(token);
    return token != NULL;
}

static void azure_fetched(struct queue_source *base)
{
    (void)base;
}

static void azure_expired(struct queue_source *base, struct queue_request *r)
{
    if (r->access)
        azure_expire_token(base->base.env->azure, AZURE_SCOPE_STORAGE, r->access);
}

static void azure_forget(struct queue_request *r)
{
    azure_token_unref(r->access);
}

/* --- requests --- */

static unsigned seconds(int64_t ms)
{
    return (unsigned)(((ms > VISIBILITY_MAX_MS ? VISIBILITY_MAX_MS : ms) + 999) / 1000);
}

/* The request for putting a message aside, or, where there is no such queue yet, for making it. */
static bool prepare_aside(struct azure_queue_source *s, struct queue_request *r,
                          struct http_request *http, struct err *err)
{
    r->prelude = s->poison_missing;
    if (r->prelude)
        return azure_queue_create(s->storage, s->poison, http, err);
    return azure_queue_put(s->storage, s->poison, r->message->aside, http, err);
}

static bool prepare_unsigned(struct azure_queue_source *s, struct queue_request *r,
                             struct http_request *http, struct err *err)
{
    const struct config_source *config = s->queue.base.config;
    const struct message *m = r->message;
    if (!m)
        return azure_queue_receive(s->storage, config->queue,
                                   s->singly > 0 ? 1 : (unsigned)config->max_messages,
                                   seconds(config->visibility_timeout), http, err);
    switch (r->step) {
    case MESSAGE_SET_ASIDE:
        return prepare_aside(s, r, http, err);
    case MESSAGE_DELETE:
        return azure_queue_delete(s->storage, config->queue, m->id, m->receipt, http, err);
    default:
        return azure_queue_update(
            s->storage, config->queue, m->id, m->receipt,
            seconds(r->step == MESSAGE_EXTEND ? m->visibility_ms : m->delay_ms), http, err);
    }
}

static bool azure_prepare(struct queue_source *base, struct queue_request *r,
                          struct http_request *http, struct err *err)
{
    struct azure_queue_source *s = azure_of(base);
    if (!prepare_unsigned(s, r, http, err))
        return false;
    http->timeout_ms = QUEUE_REQUEST_MS;
    if (by_token(base))
        r->access = azure_peek_token(base->base.env->azure, AZURE_SCOPE_STORAGE);
    return azure_storage_sign(s->storage, NULL, http, err);
}

/* Reads a refusal; of one for the request's time, the right time is learned for the next. */
static void read_refusal(const struct azure_queue_source *s, const char *operation,
                         const struct http_response *response, struct err *err)
{
    azure_storage_error(operation, response, err);
    if (azure_storage_learn_time(s->storage, azure_storage_now_ms(s->storage), response))
        err->kind = ERR_TRANSIENT;
}

static bool azure_received(struct queue_source *base, const struct queue_request *r,
                           struct http_response *response, size_t *count, struct err *err)
{
    struct azure_messages messages;
    if (response->status != 200) {
        read_refusal(azure_of(base), "GetMessages", response, err);
        return false;
    }
    struct azure_queue_source *s = azure_of(base);
    if (s->singly > 0)
        s->singly--;
    if (!azure_queue_messages(response, &messages, err)) {
        /* One message that cannot be written as XML makes the whole answer unreadable: those that
         * it hides come again, and then each by itself. */
        s->singly = 2 * base->base.config->max_messages;
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
                                                  .times = m->dequeue_count});
    }
    azure_messages_free(&messages);
    return true;
}

/* Each change of a message's visibility gives it a new receipt, and the old one is void. */
static bool keep_receipt(struct message *m, const struct http_response *response, struct err *err)
{
    const char *receipt = http_headers_get(&response->headers, "x-ms-popreceipt");
    if (!receipt)
        return true;
    char *copy = strdup(receipt);
    if (!copy)
        return err_set(err, ERR_INTERNAL, "", "out of memory");
    free(m->receipt);
    m->receipt = copy;
    return true;
}

static const char *operation_of(const struct queue_request *r)
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

static bool azure_stepped(struct queue_source *base, const struct queue_request *r,
                          struct http_response *response, struct err *err)
{
    struct azure_queue_source *s = azure_of(base);
    bool aside = r->step == MESSAGE_SET_ASIDE;
    if (response->status >= 200 && response->status < 300) {
        if (aside)
            s->poison_missing = false;
        bool shown = r->step == MESSAGE_EXTEND || r->step == MESSAGE_RELEASE;
        return !shown || keep_receipt(r->message, response, err);
    }
    read_refusal(s, operation_of(r), response, err);
    if (aside && !r->prelude && strcmp(err->code, "QueueNotFound") == 0) {
        s->poison_missing = true;
        err_set(err, ERR_BUSY, "", "the poison queue must be made first");
    }
    return false;
}

static const char *azure_advice(const struct err *err, bool receive)
{
    if (err->kind == ERR_DENIED)
        return "give this identity the role Storage Queue Data Contributor on the account, or "
               "check the connection string";
    if (err->kind == ERR_NOT_FOUND && receive)
        return "check queue and account";
    return NULL;
}

/* Soon after a hit; else at intervals that grow to poll_interval. */
static int64_t azure_pause(struct queue_source *base, size_t count)
{
    struct azure_queue_source *s = azure_of(base);
    int64_t most = base->base.config->poll_interval;
    if (count > 0) {
        s->pause_ms = SHORT_PAUSE_MS;
        return count < (size_t)base->base.config->max_messages && s->singly == 0 ? SHORT_PAUSE_MS
                                                                                 : 0;
    }
    s->pause_ms = s->pause_ms > 0 ? s->pause_ms * 2 : SHORT_PAUSE_MS;
    if (s->pause_ms > most)
        s->pause_ms = most;
    return s->pause_ms;
}

/* --- from a body to deliveries --- */

static void say_foreign(struct azure_queue_source *s, const char *what, const char *where,
                        const char *configured)
{
    if (strncmp(s->foreign, where, sizeof s->foreign - 1) == 0)
        return;
    snprintf(s->foreign, sizeof s->foreign, "%s", where);
    log_warn(s->queue.base.env->log, what, LOG_STR("source", s->queue.base.config->name),
             LOG_STR("found", where), LOG_STR("configured", configured));
}

static enum envelope_kind azure_parse(struct queue_source *base, const char *body, size_t size,
                                      struct envelope *to, struct err *err)
{
    struct azure_queue_source *s = azure_of(base);
    const char *endpoint = azure_storage_blob_endpoint(s->storage);
    enum envelope_kind kind = envelope_azure_parse(body, size, endpoint, to, err);
    if (kind == ENVELOPE_EVENTS && *to->foreign)
        say_foreign(s,
                    "Ignoring events from a storage account other than the configured one: check "
                    "the event subscription, or account",
                    to->foreign, endpoint);
    return kind;
}

static bool azure_place(struct queue_source *base, const struct envelope_object *object,
                        struct store **store, struct err *err)
{
    const char *container = base->base.config->container;
    (void)err;
    if (strcmp(container, object->container) == 0)
        *store = base->base.store;
    else
        say_foreign(azure_of(base),
                    "Ignoring events from a container other than the configured one: check the "
                    "event subscription's filter, or container",
                    object->container, container);
    return true;
}

static const struct queue_kind azure_kind = {
    .no_access = "No token for Azure storage; retrying",
    .access_again = "Token for Azure storage available again",
    .sets_aside = true,
    .prepare = azure_prepare,
    .forget = azure_forget,
    .received = azure_received,
    .stepped = azure_stepped,
    .gone = azure_queue_message_gone,
    .advice = azure_advice,
    .pause = azure_pause,
    .due = azure_due,
    .fetch = azure_fetch,
    .fetched = azure_fetched,
    .expired = azure_expired,
    .parse = azure_parse,
    .place = azure_place,
};

/* --- the source --- */

static void azure_source_free(struct source *base)
{
    queue_source_close((struct queue_source *)base);
}

static const struct source_ops azure_ops = {
    .start = queue_source_start,
    .stop = queue_source_stop,
    .idle = queue_source_idle,
    .drained = queue_source_drained,
    .failing = queue_source_failing,
    .free = azure_source_free,
};

/* A name that is too long for the suffix is cut, where it leaves no two hyphens in a row. */
static void name_poison(char *to, size_t size, const char *queue)
{
    size_t n = strlen(queue), most = QUEUE_NAME_MAX - strlen(POISON);
    if (n > most)
        n = most;
    while (n > 0 && queue[n - 1] == '-')
        n--;
    snprintf(to, size, "%.*s" POISON, (int)n, queue);
}

/* The host of a URL. */
static size_t find_host(const char *url, const char **host)
{
    const char *after = strstr(url, "://");
    *host = after ? after + 3 : url;
    return strcspn(*host, ":/");
}

/* Event Grid names blobs by the account's own host. Where blobs are reached by another, such as
 * that of a proxy, its events would all be taken for those of another account, and deleted. */
static bool endpoint_can_match(const struct env *env, const struct config_source *config,
                               const struct azure_storage *storage, struct err *err)
{
    const char *endpoint = azure_storage_blob_endpoint(storage);
    const char *account = azure_storage_account(storage);
    const char *host;
    char body[2048];
    struct envelope e;
    snprintf(body, sizeof body,
             "{\"eventType\":\"Microsoft.Storage.BlobCreated\",\"data\":{\"url\":"
             "\"%s/%s/events/event.json\"}}",
             endpoint, config->container);
    bool taken = envelope_azure_parse(body, strlen(body), endpoint, &e, err) == ENVELOPE_EVENTS &&
                 e.count == 1;
    envelope_free(&e);
    if (!taken)
        return err_set(err, ERR_INVALID, "",
                       "source \"%s\": no message could name a blob below the endpoint %s: check "
                       "BlobEndpoint in the connection string",
                       config->name, endpoint);
    size_t n = find_host(endpoint, &host);
    bool own = strncmp(host, account, strlen(account)) == 0 && host[strlen(account)] == '.';
    bool named = memchr(host, '.', n) && strspn(host, "0123456789.") < n;
    if (!own && named)
        log_warn(env->log,
                 "The blob endpoint's host is not the account's own, by which Event Grid names "
                 "blobs: messages are ignored unless they name this one",
                 LOG_STR("source", config->name), LOG_STR("endpoint", endpoint));
    return true;
}

struct source *source_azure_queue_new(const struct source_host *host,
                                      const struct config_source *config, struct err *err)
{
    const char *queue = config->queue ? config->queue : "";
    if (azure_queue_problem(queue)) {
        err_set(err, ERR_INVALID, "", "source \"%s\": queue \"%.80s\" %s", config->name, queue,
                azure_queue_problem(queue));
        return NULL;
    }
    struct store *store = store_of_source(host->env, config, err);
    if (!store)
        return NULL;
    struct azure_queue_source *s = NULL;
    if (!endpoint_can_match(host->env, config, store_blob_storage(store), err))
        goto no_source;
    s = calloc(1, sizeof *s);
    if (!s) {
        err_set(err, ERR_INTERNAL, "", "out of memory");
        goto no_source;
    }
    s->storage = store_blob_storage(store);
    name_poison(s->poison, sizeof s->poison, config->queue);
    if (queue_source_open(&s->queue, &azure_ops, &azure_kind, host, config, store, err))
        return &s->queue.base;
    free(s);
no_source:
    store->ops->free(store);
    return NULL;
}
