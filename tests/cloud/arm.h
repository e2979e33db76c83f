/* A small Azure Resource Manager with its token services: resources by ID, tags, long-running
 * operations. */
#ifndef HGAUTOD_TESTS_CLOUD_ARM_H
#define HGAUTOD_TESTS_CLOUD_ARM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "tests/cloud/faults.h"
#include "tests/cloud/request.h"

/* A bearer token that is always valid: for tests that are not about obtaining tokens. */
#define CLOUD_BEARER "cloudserver-bearer"

struct armsim;
/* Makes an empty one; armsim_free releases it. url and faults are borrowed. */
struct armsim *armsim_new(const char *url, struct faults *faults) MUST_CHECK;
void armsim_free(struct armsim *a);
void armsim_clear(struct armsim *a);

/* Returns true if a request is for Azure, judged by its path, since it has no AWS signature. */
bool armsim_owns(const struct request *r);
/* Sets service, subscription and operation, and checks the bearer token. Returns false if the
 * response is already written. */
bool armsim_check(struct armsim *a, struct request *r, struct reply *reply,
                  int64_t now_ms) MUST_CHECK;
void armsim_answer(struct armsim *a, struct request *r, struct reply *reply, int64_t now_ms);

/* For the tests: puts resources ([{"id", ...}], as a GET returns them), changes settings
 * ({"operation_ms", "retry_after", "url_size", "operations_at": another host's URL,
 * "style": {operation: "async"|"location"|"sync"}, "missing_status", "token_seconds",
 * "revoke": true}), returns the resources ({id: resource}). */
bool armsim_put(struct armsim *a, const json_t *resources) MUST_CHECK;
bool armsim_set(struct armsim *a, const json_t *settings) MUST_CHECK;
json_t *armsim_json(struct armsim *a, int64_t now_ms) MUST_CHECK;

#endif
