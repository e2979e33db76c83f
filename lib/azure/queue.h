/* Azure Storage queue operations as requests, to be signed and sent on the loop, and the reading of
 * the responses. Unless stated otherwise functions touch memory only. Thread-safe.
 * Source: Azure Storage REST, "Queue service". */
#ifndef HGAUTOD_LIB_AZURE_QUEUE_H
#define HGAUTOD_LIB_AZURE_QUEUE_H

#include "lib/azure/storage.h"

/* A queue. Both are borrowed. */
struct azure_queue {
    const struct azure_storage *storage;
    const char *name;
};

/* A received message; its strings are owned. */
struct azure_message {
    char *id;
    char *pop_receipt;
    unsigned dequeue_count;
    /* As received: base64 or plain. */
    char *text;
    size_t text_size;
};
struct azure_messages {
    struct azure_message *at;
    size_t count;
};
void azure_messages_free(struct azure_messages *m);

/* Each of these builds a request, which the caller signs with azure_storage_sign, sends and frees.
 * count: at most 32 messages.
 * visibility_s: for how many seconds the message is hidden, at most 7 days.
 * text: of XML characters (such as base64), at most 64 KiB when escaped; the message never expires.
 * Returns false with *err: ERR_INVALID, or ERR_LIMIT if the text is too long.
 * The response to azure_queue_create has status 204 if the queue exists already. */
bool azure_queue_receive(const struct azure_queue *queue, unsigned count, unsigned visibility_s,
                         struct http_request *request, struct err *err) MUST_CHECK;
bool azure_queue_update(const struct azure_queue *queue, const char *id, const char *pop_receipt,
                        unsigned visibility_s, struct http_request *request,
                        struct err *err) MUST_CHECK;
bool azure_queue_delete(const struct azure_queue *queue, const char *id, const char *pop_receipt,
                        struct http_request *request, struct err *err) MUST_CHECK;
bool azure_queue_put(const struct azure_queue *queue, const char *text,
                     struct http_request *request, struct err *err) MUST_CHECK;
bool azure_queue_create(const struct azure_queue *queue, struct http_request *request,
                        struct err *err) MUST_CHECK;

/* Returns true if the message was deleted or received by another (MessageNotFound,
 * PopReceiptMismatch): trying again is useless. */
bool azure_queue_message_gone(const struct err *err);

/* Reads the approximate number of messages in the queue into *messages; -1 if the response does not
 * contain it. Returns false with *err. Blocks; call it on a worker or from a command.
 * Source: Azure Storage REST, "Get Queue Metadata". */
bool azure_queue_metadata(const struct azure_queue *queue, struct http_client *http,
                          int64_t *messages, struct err *err) MUST_CHECK;

/* Reads the messages in the response to azure_queue_receive (status 200). Returns false with
 * ERR_TRANSIENT if it is malformed. */
bool azure_queue_messages(const struct http_response *response, struct azure_messages *to,
                          struct err *err) MUST_CHECK;

#endif
