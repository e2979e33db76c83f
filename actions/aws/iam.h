/* What actions on IAM share: users' names and their access keys. */
#ifndef HGAUTOD_ACTIONS_AWS_IAM_H
#define HGAUTOD_ACTIONS_AWS_IAM_H

#include "actions/aws/common.h"

extern const char *const iam_user_types[]; /* "IAM User" */

/* The user's name; NULL with ctx->err. */
const char *iam_user(struct step_ctx *ctx);
/* For action.check. */
bool iam_check_user(struct step_ctx *ctx);

#endif
