/* A small Azure Resource Manager, with the token services beside it: resources by id, tags,
 * operations that go on after the request. */
#ifndef HGAUTOD_TESTS_CLOUD_ARM_H
#define HGAUTOD_TESTS_CLOUD_ARM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "tests/cloud/faults.h"
#include "tests/cloud/request.h"

/* A bearer that is always good: for clients that are tested, but not for how they get a token. */
#define CLOUD_BEARER "cloudserver-bearer"

struct armsim;
/* url and faults are borrowed. */
struct armsim *armsim_new(const char *url, struct faults *faults) MUST_CHECK;
void armsim_free(struct armsim *a);
void armsim_clear(struct armsim *a);

/* Whether a request is for Azure: by its path, as it carries no AWS signature. */
bool armsim_owns(const struct request *r);
/* Names service, subscription and operation, and checks the bearer. False when the answer is
 * already written. */
bool armsim_check(struct armsim *a, struct request *r, struct reply *reply,
                  int64_t now_ms) MUST_CHECK;
void armsim_answer(struct armsim *a, struct request *r, struct reply *reply, int64_t now_ms);

/* The tests' own: puts resources ([{"id", ...}]: as a GET is to answer them), changes settings
 * ({"operation_ms", "retry_after", "url_size", "operations_at": another host's URL,
 * "style": {operation: "async"|"location"|"sync"}, "missing_status", "token_seconds",
 * "revoke": true}), tells what is there ({id: resource}). */
bool armsim_put(struct armsim *a, const json_t *resources) MUST_CHECK;
bool armsim_set(struct armsim *a, const json_t *settings) MUST_CHECK;
json_t *armsim_json(struct armsim *a, int64_t now_ms) MUST_CHECK;

#endif
