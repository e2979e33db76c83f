/* Amazon SQS as far as the daemon needs it: where a queue lives, and its operations, to be sent on
 * the loop (sqs_prepare) or by a worker that waits (sqs_call).
 * Source: Amazon SQS API Reference (AWS JSON protocol). Thread-safe. */
#ifndef HGAUTOD_LIB_AWS_SQS_H
#define HGAUTOD_LIB_AWS_SQS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/aws/aws.h"

extern const struct aws_op sqs_receive_message, sqs_change_visibility, sqs_delete_message,
    sqs_get_queue_attributes;

/* A queue's address. */
struct sqs_queue {
    char *url;    /* goes into every request as QueueUrl */
    char *region; /* signed for */
    char *origin; /* scheme://host[:port] of the URL when that host is not one of the regional SQS
                     endpoints (an interface endpoint, another implementation); else NULL */
};

/* Takes the URL apart. The region is `region` if given, else the one in the URL's host, else
 * `fallback`. ERR_INVALID when the URL is none or no region is known. *q is freed by
 * sqs_queue_free, also after a failure. */
bool sqs_queue_init(struct sqs_queue *q, const char *url, const char *region, const char *fallback,
                    struct err *err) MUST_CHECK;
void sqs_queue_free(struct sqs_queue *q);

/* Builds and signs an operation on the queue. QueueUrl is added to params (borrowed; an object). It
 * goes to the configured endpoint override if there is one, else to the queue's own origin, else to
 * the regional endpoint.  timeout_ms 0: the
 * client's. */
bool sqs_prepare(struct aws *aws, const struct aws_creds *creds, const struct sqs_queue *q,
                 const struct aws_op *op, json_t *params, int64_t timeout_ms,
                 struct http_request *request, struct err *err) MUST_CHECK;

/* The same with the daemon's credentials, sent and waited for. *answer is a new reference. */
bool sqs_call(struct aws *aws, struct http_client *http, const struct sqs_queue *q,
              const struct aws_op *op, json_t *params, json_t **answer, struct err *err) MUST_CHECK;

/* True when the error says that the message or its receipt is gone or can no more be changed:
 * another try is useless. */
bool sqs_message_gone(const struct err *err);

#endif
