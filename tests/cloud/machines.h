/* EC2 instances and WorkSpaces: machines with an ID and a state. */
#ifndef HGAUTOD_TESTS_CLOUD_MACHINES_H
#define HGAUTOD_TESTS_CLOUD_MACHINES_H

#include <stdbool.h>

#include "tests/cloud/request.h"

struct machines;
struct machines *machines_new(void) MUST_CHECK;
void machines_free(struct machines *m);
void machines_clear(struct machines *m);
/* Adds one, or changes its state. An ID that begins with "ws-" is a WorkSpace, any other an
 * instance. */
bool machines_put(struct machines *m, const char *id, const char *state, const char *account,
                  const char *region) MUST_CHECK;
/* {"id": "state"}; a new reference. */
json_t *machines_json(const struct machines *m) MUST_CHECK;

void ec2_name(struct request *r);
void ec2_answer(struct machines *m, struct request *r, struct reply *reply);
void workspaces_name(struct request *r);
void workspaces_answer(struct machines *m, struct request *r, struct reply *reply);

#endif
