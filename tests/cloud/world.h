/* All that the server keeps: one thread owns it, so nothing is locked. */
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
    unsigned resets;         /* a request from before the last one is not answered any more */
    int64_t clock_offset_ms; /* of the server's clock */
    int parked;              /* exchanges that wait for a time or a message */
};

/* Released by world_free. */
void world_init(struct world *w);
void world_free(struct world *w);

/* Names the operation of a signed request, then does it. False: park it for *park_ms at most and
 * ask again. */
void world_name(struct request *r);
bool world_answer(struct world *w, struct request *r, struct reply *reply, int64_t now_ms,
                  int64_t waited_ms, int64_t *park_ms) MUST_CHECK;
/* Answers the tests' own requests, below /_control/: they are not signed and not in the journal. */
void control_answer(struct world *w, const struct request *r, struct reply *reply);

#endif
