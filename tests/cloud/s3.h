/* Buckets and objects as in Amazon S3, with conditional writes and notifications to a queue. */
#ifndef HGAUTOD_TESTS_CLOUD_S3_H
#define HGAUTOD_TESTS_CLOUD_S3_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/cloud/request.h"
#include "tests/cloud/sqs.h"

struct s3;
/* Makes an empty one; s3_free releases it. Notifications go to queues of sqs; borrowed. */
struct s3 *s3_new(struct sqs *sqs) MUST_CHECK;
void s3_free(struct s3 *s);
void s3_clear(struct s3 *s);
/* Sets the operation and the detail of the request. */
void s3_name(struct request *r);
void s3_answer(struct s3 *s, struct request *r, struct reply *reply, int64_t now_ms);
/* Creates a bucket whose event.json objects are announced to the queue. */
bool s3_create(struct s3 *s, const char *bucket, const char *queue) MUST_CHECK;
/* Makes an object older. Returns false if it does not exist. */
bool s3_age(struct s3 *s, const char *bucket, const char *key, int64_t ms) MUST_CHECK;

#endif
