/* Queue requests, and the messages in their answers. */
#include "lib/azure/queue.h"

#include <stdlib.h>
#include <string.h>

#include "lib/azure/names.h"
#include "lib/azure/storage_private.h"
#include "lib/json/jpath.h"
#include "lib/json/xml.h"
#include "lib/net/uri.h"

#define PATH_MAX_BYTES   (16u << 10)
#define RECEIVE_MAX      32
#define VISIBILITY_MAX_S (7u * 24 * 3600)
#define TEXT_MAX         (64u << 10) /* of a message, as it stands in the XML */

bool azure_queue_message_gone(const struct err *err)
{
    return strcmp(err->code, "MessageNotFound") == 0 ||
           strcmp(err->code, "PopReceiptMismatch") == 0;
}

static bool check_queue(const char *queue, struct err *err)
{
    return !azure_queue_problem(queue) ||
           err_set(err, ERR_INVALID, "", "\"%.80s\" %s", queue, azure_queue_problem(queue));
}

static bool check_visibility(unsigned visibility_s, struct err *err)
{
    return visibility_s <= VISIBILITY_MAX_S ||
           err_set(err, ERR_INVALID, "", "a message can be hidden for at most 7 days");
}

bool azure_queue_receive(const struct azure_storage *s, const char *queue, unsigned count,
                         unsigned visibility_s, struct http_request *request, struct err *err)
{
    struct buf rest = buf_make(PATH_MAX_BYTES);
    if (!check_queue(queue, err) || !check_visibility(visibility_s, err))
        return false;
    if (count < 1 || count > RECEIVE_MAX || visibility_s < 1) {
        return err_set(err, ERR_INVALID, "",
                       "1 to 32 messages are received at once, and hidden for 1 s at least");
    }
    buf_addf(&rest, "/%s/messages?numofmessages=%u&visibilitytimeout=%u", queue, count,
             visibility_s);
    return storage_build_request("GET", s->queue, &rest, request, err);
}

/* "/queue/messages/id?popreceipt=..." */
static bool add_message_path(struct buf *to, const char *queue, const char *id,
                             const char *pop_receipt)
{
    buf_addf(to, "/%s/messages/", queue);
    uri_encode(to, id, strlen(id), false);
    buf_adds(to, "?popreceipt=");
    return uri_encode(to, pop_receipt, strlen(pop_receipt), false);
}

static bool check_message(const char *queue, const char *id, struct err *err)
{
    bool dots = strcmp(id, ".") == 0 || strcmp(id, "..") == 0;
    return check_queue(queue, err) &&
           ((*id && !dots) ||
            err_set(err, ERR_INVALID, "", "that is not a valid id of a queue message"));
}

bool azure_queue_update(const struct azure_storage *s, const char *queue, const char *id,
                        const char *pop_receipt, unsigned visibility_s,
                        struct http_request *request, struct err *err)
{
    struct buf rest = buf_make(PATH_MAX_BYTES);
    if (!check_message(queue, id, err) || !check_visibility(visibility_s, err))
        return false;
    add_message_path(&rest, queue, id, pop_receipt);
    buf_addf(&rest, "&visibilitytimeout=%u", visibility_s);
    return storage_build_request("PUT", s->queue, &rest, request, err);
}

bool azure_queue_delete(const struct azure_storage *s, const char *queue, const char *id,
                        const char *pop_receipt, struct http_request *request, struct err *err)
{
    struct buf rest = buf_make(PATH_MAX_BYTES);
    if (!check_message(queue, id, err))
        return false;
    add_message_path(&rest, queue, id, pop_receipt);
    return storage_build_request("DELETE", s->queue, &rest, request, err);
}

/* The document of a put. */
static bool add_document(struct buf *to, const char *text, struct err *err)
{
    static const char before[] = "<QueueMessage><MessageText>";
    static const char after[] = "</MessageText></QueueMessage>";
    buf_adds(to, before);
    if (strlen(text) > TEXT_MAX)
        return err_set(err, ERR_LIMIT, "", "a queue message has at most 64 KiB");
    if (!xml_escape(to, text) && buf_ok(to)) {
        return err_set(err, ERR_INVALID, "",
                       "the message has a character that XML cannot hold: send it as base64");
    }
    if (!buf_ok(to) || to->size - strlen(before) > TEXT_MAX)
        return err_set(err, ERR_LIMIT, "", "a queue message has at most 64 KiB");
    return buf_adds(to, after) || err_set(err, ERR_INTERNAL, "", "out of memory");
}

bool azure_queue_put(const struct azure_storage *s, const char *queue, const char *text,
                     struct http_request *request, struct err *err)
{
    struct buf rest = buf_make(PATH_MAX_BYTES);
    struct buf document = buf_make(2 * TEXT_MAX);
    if (!check_queue(queue, err))
        return false;
    buf_addf(&rest, "/%s/messages?messagettl=-1", queue);
    if (!add_document(&document, text, err) ||
        !storage_build_request("POST", s->queue, &rest, request, err))
        goto fail;
    if (!http_headers_add(&request->headers, "Content-Type", "application/xml")) {
        http_request_free(request);
        err_set(err, ERR_INTERNAL, "", "out of memory");
        goto fail;
    }
    request->owned_body = document;
    request->body = (struct http_body){.data = document.data, .size = document.size};
    return true;
fail:
    buf_free(&document);
    buf_free(&rest);
    return false;
}

bool azure_queue_create(const struct azure_storage *s, const char *queue,
                        struct http_request *request, struct err *err)
{
    struct buf rest = buf_make(PATH_MAX_BYTES);
    if (!check_queue(queue, err))
        return false;
    buf_addf(&rest, "/%s", queue);
    return storage_build_request("PUT", s->queue, &rest, request, err);
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

static bool read_message(const json_t *from, struct azure_message *to, struct err *err)
{
    const char *id = jstr(from, "MessageId");
    const char *receipt = jstr(from, "PopReceipt");
    const char *text = jstr(from, "MessageText");
    int64_t count = jint(from, "DequeueCount", 0);
    if (!id || !*id || !receipt || !*receipt) {
        return err_set(err, ERR_TRANSIENT, "UnreadableAnswer",
                       "a queue message has no MessageId or no PopReceipt");
    }
    text = text ? text : "";
    *to = (struct azure_message){
        .id = strdup(id),
        .pop_receipt = strdup(receipt),
        .dequeue_count = count > 0 && count < INT32_MAX ? (unsigned)count : 0,
        .text = strdup(text),
        .text_size = strlen(text),
    };
    return (to->id && to->pop_receipt && to->text) ||
           err_set(err, ERR_INTERNAL, "", "out of memory");
}

static bool read_messages(const json_t *list, struct azure_messages *to, struct err *err)
{
    size_t count = json_array_size(list);
    to->at = calloc(count > 0 ? count : 1, sizeof(*to->at));
    if (!to->at)
        return err_set(err, ERR_INTERNAL, "", "out of memory");
    for (size_t i = 0; i < count; i++) {
        to->count = i + 1;
        if (!read_message(json_array_get(list, i), &to->at[i], err))
            return false;
    }
    return true;
}

bool azure_queue_messages(const struct http_response *response, struct azure_messages *to,
                          struct err *err)
{
    *to = (struct azure_messages){0};
    struct err why = ERR_INIT;
    json_t *document = xml_parse(buf_str(&response->body), response->body.size, &why);
    if (!document)
        return err_set(err, ERR_TRANSIENT, "UnreadableAnswer",
                       "the queue's answer cannot be read as XML: %s", why.message);
    json_t *list = jlist(document, "QueueMessagesList.QueueMessage");
    bool ok = jget(document, "QueueMessagesList") ||
              err_set(err, ERR_TRANSIENT, "UnreadableAnswer",
                      "the queue's answer has another root element than QueueMessagesList");
    ok = ok && (list || err_set(err, ERR_INTERNAL, "", "out of memory"));
    ok = ok && read_messages(list, to, err);
    json_decref(list);
    json_decref(document);
    if (!ok)
        azure_messages_free(to);
    return ok;
}

bool azure_queue_metadata(const struct azure_storage *s, struct http_client *http,
                          const char *queue, int64_t *messages, struct err *err)
{
    struct buf rest = buf_make(PATH_MAX_BYTES);
    struct http_request request;
    struct http_response response;
    if (!check_queue(queue, err))
        return false;
    buf_addf(&rest, "/%s?comp=metadata", queue);
    if (!storage_build_request("GET", s->queue, &rest, &request, err))
        return false;
    bool ok = azure_storage_send(s, http, "GetQueueMetadata", &request, &response, err);
    http_request_free(&request);
    if (!ok)
        return false;
    const char *count = http_headers_get(&response.headers, "x-ms-approximate-messages-count");
    size_t digits = count ? strspn(count, "0123456789") : 0;
    *messages = digits > 0 && digits < 19 && !count[digits] ? strtoll(count, NULL, 10) : -1;
    http_response_free(&response);
    return true;
}
