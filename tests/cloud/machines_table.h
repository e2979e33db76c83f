/* The table itself, for ec2.c and workspaces.c. */
#ifndef HGAUTOD_TESTS_CLOUD_MACHINES_TABLE_H
#define HGAUTOD_TESTS_CLOUD_MACHINES_TABLE_H

#include <string.h>

#include "tests/cloud/machines.h"

struct machines {
    json_t *by_id; /* {"i-0abc": {"state", "account", "region"}} */
};

/* Returns the machine with that ID if it is in the request's account and region. Borrowed. */
json_t *machines_find(const struct machines *m, const struct request *r, const char *id);
const char *machine_state(const json_t *one);

#endif
