/* Azure Storage queue operations as requests to be sent on the loop, and the reading of their
 * answers. Source: Azure Storage REST, "Queue service". Pure but for the signing. */
#ifndef HGAUTOD_LIB_AZURE_QUEUE_H
#define HGAUTOD_LIB_AZURE_QUEUE_H

#include "lib/azure/storage.h"

struct azure_message {
    char *id;
    char *pop_receipt;
    unsigned dequeue_count;
    char *text; /* as received: base64 or plain */
    size_t text_size;
};
struct azure_messages {
    struct azure_message *at;
    size_t count;
};
void azure_messages_free(struct azure_messages *m);

/* Each builds an unsigned request; azure_storage_sign is the caller's. Times in seconds. */
bool azure_queue_receive(const struct azure_storage *s, const char *queue, unsigned count,
                         unsigned visibility_s, struct http_request *request,
                         struct err *err) MUST_CHECK;
bool azure_queue_update(const struct azure_storage *s, const char *queue, const char *id,
                        const char *pop_receipt, unsigned visibility_s,
                        struct http_request *request, struct err *err) MUST_CHECK;
bool azure_queue_delete(const struct azure_storage *s, const char *queue, const char *id,
                        const char *pop_receipt, struct http_request *request,
                        struct err *err) MUST_CHECK;
/* text must be what XML can hold (base64 always is), at most 64 KiB escaped: ERR_INVALID,
 * ERR_LIMIT. The message never expires. */
bool azure_queue_put(const struct azure_storage *s, const char *queue, const char *text,
                     struct http_request *request, struct err *err) MUST_CHECK;

/* Creates the queue; an answer of 204 says that it was there already. */
bool azure_queue_create(const struct azure_storage *s, const char *queue,
                        struct http_request *request, struct err *err) MUST_CHECK;

/* True when the error says that the message is gone or in other hands (MessageNotFound,
 * PopReceiptMismatch): another try is useless. */
bool azure_queue_message_gone(const struct err *err);

/* Reads the approximate number of messages in the queue into *messages; -1 if the response does not
 * contain it. Returns false with *err. Blocks; call it on a worker or from a command. Source: Azure
 * Storage REST, "Get Queue Metadata". */
bool azure_queue_metadata(const struct azure_storage *s, struct http_client *http,
                          const char *queue, int64_t *messages, struct err *err) MUST_CHECK;

/* The messages of a receive's 200. */
bool azure_queue_messages(const struct http_response *response, struct azure_messages *to,
                          struct err *err) MUST_CHECK;

#endif
