/* Queues, as Amazon SQS keeps them: messages that hide while somebody works on them. */
#ifndef HGAUTOD_TESTS_CLOUD_SQS_H
#define HGAUTOD_TESTS_CLOUD_SQS_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/cloud/request.h"

struct sqs;
/* base_url is what queue URLs begin with; borrowed. */
struct sqs *sqs_new(const char *base_url) MUST_CHECK;
void sqs_free(struct sqs *s);
void sqs_clear(struct sqs *s);
/* Writes the operation's name and what it is about into the request. */
void sqs_name(struct request *r);
/* Answers a request; waited_ms is how long it has been parked. False when it is to be parked: then
 * *park_ms says how long at most, and it comes again. */
bool sqs_answer(struct sqs *s, struct request *r, struct reply *reply, int64_t now_ms,
                int64_t waited_ms, int64_t *park_ms) MUST_CHECK;
/* Puts a message into the queue of that name. False when there is none. */
bool sqs_put(struct sqs *s, const char *queue, const char *body, int64_t now_ms) MUST_CHECK;
/* Makes a queue unless it exists. */
bool sqs_create(struct sqs *s, const char *queue) MUST_CHECK;
/* Counts up whenever a message has become visible: whoever is parked may look again. */
unsigned sqs_changes(const struct sqs *s);

#endif
