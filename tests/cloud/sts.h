/* AWS STS: the caller's identity and assumed roles. */
#ifndef HGAUTOD_TESTS_CLOUD_STS_H
#define HGAUTOD_TESTS_CLOUD_STS_H

#include <stdint.h>

#include "tests/cloud/request.h"

void sts_name(struct request *r);
void sts_answer(struct request *r, struct reply *reply, int64_t now_ms);

#endif
