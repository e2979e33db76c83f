/* The state of the server. One thread owns it, so there are no locks. */
#ifndef HGAUTOD_TESTS_CLOUD_WORLD_H
#define HGAUTOD_TESTS_CLOUD_WORLD_H

#include <stdint.h>

#include "tests/cloud/arm.h"
#include "tests/cloud/faults.h"
#include "tests/cloud/journal.h"
#include "tests/cloud/machines.h"
#include "tests/cloud/s3.h"
#include "tests/cloud/sqs.h"

struct world {
    char url[64]; /* "http://127.0.0.1:PORT" */
    struct sqs *sqs;
    struct s3 *s3;
    struct machines *machines;
    struct armsim *arm;
    struct faults *faults;
    struct journal *journal;
    unsigned requests;
    unsigned resets;         /* a request from before the last reset is not answered */
    int64_t clock_offset_ms; /* of the server's clock */
    int parked;              /* exchanges that wait for a time or a message */
};

/* Released by world_free. */
void world_init(struct world *w);
void world_free(struct world *w);

/* Sets the operation of a signed request / carries it out. Returns false if the request must be
 * parked, for *park_ms at most, and passed again. */
void world_name(struct request *r);
bool world_answer(struct world *w, struct request *r, struct reply *reply, int64_t now_ms,
                  int64_t waited_ms, int64_t *park_ms) MUST_CHECK;
/* Handles the requests of the tests below /_control/, which are not signed and not in the journal.
 */
void control_answer(struct world *w, const struct request *r, struct reply *reply);

#endif
