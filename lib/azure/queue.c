/* Builds requests to queues, and reads the messages in the responses. Only azure_queue_metadata
 * sends one. */
#include "lib/azure/queue.h"

#include <stdlib.h>
#include <string.h>

#include "lib/azure/names.h"
#include "lib/azure/storage_private.h"
#include "lib/base/memory.h"
#include "lib/json/jpath.h"
#include "lib/json/xml.h"
#include "lib/net/uri.h"

#define PATH_MAX_BYTES   (16u << 10)
#define RECEIVE_MAX      32
#define VISIBILITY_MAX_S (7u * 24 * 3600)
/* Of a message, escaped for XML. */
#define TEXT_MAX (64u << 10)

bool azure_queue_message_gone(const struct err *err)
{
    return strcmp(err->code, "MessageNotFound") == 0 ||
           strcmp(err->code, "PopReceiptMismatch") == 0;
}

static bool queue_check_name(const struct azure_queue *queue, struct err *err)
{
    const char *problem = azure_queue_problem(queue->name);
    return !problem || err_set(err, ERR_INVALID, "", "\"%.80s\" %s", queue->name, problem);
}

static bool queue_check_visibility(unsigned visibility_s, struct err *err)
{
    return visibility_s <= VISIBILITY_MAX_S ||
           err_set(err, ERR_INVALID, "", "a message can be hidden for at most 7 days");
}

bool azure_queue_receive(const struct azure_queue *queue, unsigned count, unsigned visibility_s,
                         struct http_request *request, struct err *err)
{
    if (!queue_check_name(queue, err) || !queue_check_visibility(visibility_s, err))
        return false;
    if (count < 1 || count > RECEIVE_MAX || visibility_s < 1)
        return err_set(err, ERR_INVALID, "",
                       "1 to 32 messages can be received at once, and hidden for at least 1 s");
    struct buf rest = buf_make(PATH_MAX_BYTES);
    buf_addf(&rest, "/%s/messages?numofmessages=%u&visibilitytimeout=%u", queue->name, count,
             visibility_s);
    return storage_build_request("GET", queue->storage->queue, &rest, request, err);
}

static bool queue_check_message(const struct azure_queue *queue, const char *id, struct err *err)
{
    bool dots = strcmp(id, ".") == 0 || strcmp(id, "..") == 0;
    return queue_check_name(queue, err) &&
           ((*id && !dots) || err_set(err, ERR_INVALID, "", "not a valid ID of a queue message"));
}

/* Appends "/queue/messages/id?popreceipt=...". */
static void queue_add_message_path(struct buf *to, const struct azure_queue *queue, const char *id,
                                   const char *pop_receipt)
{
    buf_addf(to, "/%s/messages/", queue->name);
    uri_encode(to, id, strlen(id), false);
    buf_adds(to, "?popreceipt=");
    uri_encode(to, pop_receipt, strlen(pop_receipt), false);
}

bool azure_queue_update(const struct azure_queue *queue, const char *id, const char *pop_receipt,
                        unsigned visibility_s, struct http_request *request, struct err *err)
{
    if (!queue_check_message(queue, id, err) || !queue_check_visibility(visibility_s, err))
        return false;
    struct buf rest = buf_make(PATH_MAX_BYTES);
    queue_add_message_path(&rest, queue, id, pop_receipt);
    buf_addf(&rest, "&visibilitytimeout=%u", visibility_s);
    return storage_build_request("PUT", queue->storage->queue, &rest, request, err);
}

bool azure_queue_delete(const struct azure_queue *queue, const char *id, const char *pop_receipt,
                        struct http_request *request, struct err *err)
{
    if (!queue_check_message(queue, id, err))
        return false;
    struct buf rest = buf_make(PATH_MAX_BYTES);
    queue_add_message_path(&rest, queue, id, pop_receipt);
    return storage_build_request("DELETE", queue->storage->queue, &rest, request, err);
}

/* Appends the body of a put. */
static bool queue_add_document(struct buf *to, const char *text, struct err *err)
{
    static const char before[] = "<QueueMessage><MessageText>";
    static const char after[] = "</MessageText></QueueMessage>";
    bool fits = strlen(text) <= TEXT_MAX;
    buf_adds(to, before);
    if (fits && !xml_escape(to, text) && buf_ok(to))
        return err_set(err, ERR_INVALID, "",
                       "the message has a character that XML cannot represent; send it as base64");
    fits = fits && buf_ok(to) && to->size - strlen(before) <= TEXT_MAX && buf_adds(to, after);
    return fits || err_set(err, ERR_LIMIT, "", "a queue message is limited to 64 KiB");
}

bool azure_queue_put(const struct azure_queue *queue, const char *text,
                     struct http_request *request, struct err *err)
{
    if (!queue_check_name(queue, err))
        return false;
    struct buf document = buf_make(2 * TEXT_MAX);
    struct buf rest = buf_make(PATH_MAX_BYTES);
    buf_addf(&rest, "/%s/messages?messagettl=-1", queue->name);
    if (!queue_add_document(&document, text, err)) {
        buf_free(&rest);
    } else if (storage_build_request("POST", queue->storage->queue, &rest, request, err)) {
        /* A constant cannot fail. */
        (void)!http_headers_add(&request->headers, "Content-Type", "application/xml");
        request->owned_body = document;
        request->body = (struct http_body){.data = document.data, .size = document.size};
        return true;
    }
    buf_free(&document);
    return false;
}

bool azure_queue_create(const struct azure_queue *queue, struct http_request *request,
                        struct err *err)
{
    if (!queue_check_name(queue, err))
        return false;
    struct buf rest = buf_make(PATH_MAX_BYTES);
    buf_addf(&rest, "/%s", queue->name);
    return storage_build_request("PUT", queue->storage->queue, &rest, request, err);
}

/* --- messages --- */

void azure_messages_free(struct azure_messages *m)
{
    for (size_t i = 0; i < m->count; i++) {
        free(m->at[i].id);
        free(m->at[i].pop_receipt);
        free(m->at[i].text);
    }
    free(m->at);
    *m = (struct azure_messages){0};
}

static bool queue_read_message(const json_t *from, struct azure_message *to, struct err *err)
{
    const char *id = jstr(from, "MessageId");
    const char *receipt = jstr(from, "PopReceipt");
    if (!id || !*id || !receipt || !*receipt)
        return err_set(err, ERR_TRANSIENT, "UnreadableResponse",
                       "a queue message has no MessageId or no PopReceipt");
    int64_t count = jint(from, "DequeueCount", 0);
    const char *text = jstr(from, "MessageText");
    text = text ? text : "";
    *to = (struct azure_message){
        .id = xstrdup(id),
        .pop_receipt = xstrdup(receipt),
        .dequeue_count = count > 0 && count < INT32_MAX ? (unsigned)count : 0,
        .text = xstrdup(text),
        .text_size = strlen(text),
    };
    return true;
}

static bool queue_read_messages(const json_t *document, struct azure_messages *to, struct err *err)
{
    if (!jget(document, "QueueMessagesList"))
        return err_set(err, ERR_TRANSIENT, "UnreadableResponse",
                       "the response of the queue has another root element than "
                       "QueueMessagesList");
    json_t *list = jlist(document, "QueueMessagesList.QueueMessage");
    size_t count = json_array_size(list);
    to->at = xcalloc(count, sizeof *to->at);
    bool ok = true;
    for (; ok && to->count < count; to->count += ok)
        ok = queue_read_message(json_array_get(list, to->count), &to->at[to->count], err);
    json_decref(list);
    return ok;
}

bool azure_queue_messages(const struct http_response *response, struct azure_messages *to,
                          struct err *err)
{
    *to = (struct azure_messages){0};
    struct err why = ERR_INIT;
    json_t *document = xml_parse(buf_str(&response->body), response->body.size, &why);
    if (!document)
        return err_set(err, ERR_TRANSIENT, "UnreadableResponse",
                       "the response of the queue is not valid XML: %s", why.message);
    bool ok = queue_read_messages(document, to, err);
    json_decref(document);
    if (!ok)
        azure_messages_free(to);
    return ok;
}

bool azure_queue_metadata(const struct azure_queue *queue, struct http_client *http,
                          int64_t *messages, struct err *err)
{
    if (!queue_check_name(queue, err))
        return false;
    struct buf rest = buf_make(PATH_MAX_BYTES);
    buf_addf(&rest, "/%s?comp=metadata", queue->name);
    struct http_request request;
    if (!storage_build_request("GET", queue->storage->queue, &rest, &request, err))
        return false;
    struct http_response response;
    bool ok =
        azure_storage_send(queue->storage, http, "GetQueueMetadata", &request, &response, err);
    http_request_free(&request);
    if (!ok)
        return false;
    const char *count = http_headers_get(&response.headers, "x-ms-approximate-messages-count");
    size_t digits = count ? strspn(count, "0123456789") : 0;
    *messages = digits > 0 && digits < 19 && !count[digits] ? strtoll(count, NULL, 10) : -1;
    http_response_free(&response);
    return true;
}
