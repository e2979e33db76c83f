/* Resources of many parts: the interfaces of an instance, the keys of a user, the objects of a
 * bucket. What is refused for one part does not keep the step from the others: the refusal is put
 * aside, and told when all parts have been gone through.
 *
 * All of it is in the member "parts" of the task's state. It is not taken over by another owner of
 * the run, who goes through the parts that are left again:
 *
 *     {"done": N, "failed": N, "names": [...], "since": ms,
 *      "first": {"code", "message", "operation", "request_id"}}
 *
 * Its size is bounded, however many parts fail. */
#ifndef HGAUTOD_ACTIONS_PARTS_H
#define HGAUTOD_ACTIONS_PARTS_H

#include "actions/action.h"

/* The most parts that are named in the error. */
#define PARTS_NAMED 10

/* What follows from the verdict on one part:
 * STEP_DONE: the part is done with: it worked, or it was refused for good, which is put aside under
 * the part's name; the step goes on with the next part.
 * STEP_FAILED: a fault that may pass, or one that is not of this part alone (no credentials): the step ends with it, and the part's turn comes again.
 * STEP_AGAIN and STEP_FINISHED are answered as they are. */
enum verdict parts_settle(struct step_ctx *ctx, enum verdict verdict, const char *part);
/* The same for parts of which many were done by one call: counts `done` parts as done. */
void parts_count(struct step_ctx *ctx, int64_t done);
/* Puts ctx->err aside as that of `part`. */
void parts_put_aside(struct step_ctx *ctx, const char *part);
/* Whether ctx->err is the answer to what was asked for one part, and final. */
bool parts_refused(const struct step_ctx *ctx);

/* The step again for as long as limit_ms have not passed since this part was first refused, else
 * STEP_FAILED with the provider's own error: for refusals that pass when an earlier change has
 * taken effect. */
enum verdict parts_retry(struct step_ctx *ctx, int64_t limit_ms);

/* How many parts have failed, and how many were done. */
int64_t parts_failed(const struct step_ctx *ctx);
int64_t parts_done(const struct step_ctx *ctx);
/* The end of the last step that has parts: STEP_DONE when none failed, else STEP_FAILED with an
 * error that says how many of the parts failed, which, and why the first did. `what` is the plural:
 * "access keys". */
enum verdict parts_conclude(struct step_ctx *ctx, const char *what);

#endif
