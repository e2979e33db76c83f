/* Resources of many parts: the interfaces of an instance, the keys of a user, the objects of a
 * bucket. A rejection of one part does not keep the step from the others: it is stored, and
 * reported when all parts have been processed.
 *
 * Everything is in the member "parts" of the task's state. It is not taken over by another owner
 * of the run, which processes the remaining parts again:
 *
 *     {"done": N, "failed": N, "names": [...], "since": ms,
 *      "first": {"code", "message", "operation", "request_id"}}
 *
 * Its size is bounded, however many parts fail. The functions are for the worker that runs the
 * task. */
#ifndef HGAUTOD_ACTIONS_PARTS_H
#define HGAUTOD_ACTIONS_PARTS_H

#include "actions/action.h"

/* The most parts that are named in the error. */
#define PARTS_NAMED 10

/* Settles one part. verdict: that of the part. Returns STEP_DONE when the part is settled: it
 * succeeded, or it was rejected for good and the rejection is stored under the part's name; the
 * step goes on with the next part; STEP_FAILED for an error that may pass or does not concern
 * this part alone (no credentials): the step returns it, and processes the part again later;
 * STEP_AGAIN and STEP_FINISHED unchanged. */
enum verdict parts_settle(struct step_ctx *ctx, enum verdict verdict, const char *part);
/* Counts `done` parts that one call has processed. */
void parts_count(struct step_ctx *ctx, int64_t done);
/* Stores ctx->err as the rejection of `part`. */
void parts_store_rejection(struct step_ctx *ctx, const char *part);
/* Whether ctx->err is final and concerns one part. */
bool parts_rejected(const struct step_ctx *ctx);

/* For a rejection, in ctx->err, that passes once an earlier change has taken effect: STEP_AGAIN
 * until limit_ms have passed since this part was first rejected, then STEP_FAILED with the
 * rejection. */
enum verdict parts_retry(struct step_ctx *ctx, int64_t limit_ms);

/* How many parts have failed, and how many have succeeded. */
int64_t parts_failed(const struct step_ctx *ctx);
int64_t parts_done(const struct step_ctx *ctx);
/* For the end of the last step that has parts. what: the plural, "access keys". Returns
 * STEP_DONE if none failed, else STEP_FAILED with an error that contains how many failed, their
 * names and the first rejection. */
enum verdict parts_conclude(struct step_ctx *ctx, const char *what);

#endif
