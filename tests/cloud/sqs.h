/* Queues as in Amazon SQS: a received message is invisible until its visibility timeout ends. */
#ifndef HGAUTOD_TESTS_CLOUD_SQS_H
#define HGAUTOD_TESTS_CLOUD_SQS_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/cloud/request.h"

struct sqs;
/* Makes an empty one; sqs_free releases it. base_url is the beginning of queue URLs; borrowed. */
struct sqs *sqs_new(const char *base_url) MUST_CHECK;
void sqs_free(struct sqs *s);
void sqs_clear(struct sqs *s);
/* Sets the operation and the detail of the request. */
void sqs_name(struct request *r);
/* Handles a request that has been parked for waited_ms. Returns false if it must be parked, for at
 * most *park_ms, and handled again. */
bool sqs_answer(struct sqs *s, struct request *r, struct reply *reply, int64_t now_ms,
                int64_t waited_ms, int64_t *park_ms) MUST_CHECK;
/* Adds a message to the queue of that name. Returns false if there is none. */
bool sqs_put(struct sqs *s, const char *queue, const char *body, int64_t now_ms) MUST_CHECK;
/* Creates a queue unless it exists. */
bool sqs_create(struct sqs *s, const char *queue) MUST_CHECK;
/* Increases whenever a message becomes visible: parked requests can be handled again. */
unsigned sqs_changes(const struct sqs *s);

#endif
