/* Amazon SQS as far as the daemon needs it: the address of a queue, and calls of its operations.
 * Source: Amazon SQS API Reference (AWS JSON protocol). Thread-safe. */
#ifndef HGAUTOD_LIB_AWS_SQS_H
#define HGAUTOD_LIB_AWS_SQS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/aws/aws.h"

extern const struct aws_op sqs_receive_message, sqs_change_visibility, sqs_delete_message,
    sqs_get_queue_attributes;

/* The address of a queue. */
struct sqs_queue {
    /* Sent in every request as QueueUrl. */
    char *url;
    /* That requests are signed for. */
    char *region;
    /* scheme://host[:port] of the URL if that host is not one of the regional SQS endpoints (an
     * interface endpoint, another implementation); else NULL. */
    char *origin;
};

/* Parses a queue URL. The region is `region` if given, else the one in the URL's host, else
 * `fallback`. Returns false with ERR_INVALID if the URL is malformed or no region is known. *q is
 * freed by sqs_queue_free, also after a failure. */
bool sqs_queue_init(struct sqs_queue *q, const char *url, const char *region, const char *fallback,
                    struct err *err) MUST_CHECK;
void sqs_queue_free(struct sqs_queue *q);

/* Makes a call of an operation on the queue, for aws_prepare or aws_call: fills in *call with
 * everything but a timeout, and adds QueueUrl to params (borrowed; an object). It goes to the
 * configured endpoint override if there is one, else to the queue's own origin, else to the
 * regional endpoint. The queue, params and aws must outlive the call.
 * Returns false with *err: ERR_INVALID for a URL or endpoint that cannot be used. */
bool sqs_make_call(struct aws *aws, const struct sqs_queue *q, const struct aws_op *op,
                   json_t *params, struct aws_call *call, struct err *err) MUST_CHECK;

/* Returns true if the error means that the message or its receipt is gone or cannot be changed any
 * more: repeating the request is useless. */
bool sqs_message_gone(const struct err *err);

#endif
