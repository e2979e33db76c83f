/* What actions on IAM share: names, and policies. */
#ifndef HGAUTOD_ACTIONS_AWS_IAM_H
#define HGAUTOD_ACTIONS_AWS_IAM_H

#include "actions/aws/call.h"

/* What names in IAM may hold besides letters and digits. */
#define IAM_NAME_CHARACTERS "_+=,.@-"

extern const char *const iam_user_types[]; /* "IAM User" */

/* Whether text is a unique id that IAM gives what it makes ("AIDA..." a user, "ANPA..." a policy).
 * Source: IAM User Guide, "Unique identifiers". */
bool iam_unique_id(const char *id, const char *prefix);

/* The user's name; NULL with ctx->err. */
const char *iam_user(struct step_ctx *ctx);
/* For action.check. */
bool iam_check_user(struct step_ctx *ctx);

/* The ARN of the account's own policy of that name, as text into `to`. */
#define IAM_ARN_SIZE 256
const char *iam_policy_arn(const struct step_ctx *ctx, const char *name, char to[IAM_ARN_SIZE]);
/* A step's work: sees to it that the account has the policy with this document (stolen). One of
 * that name that is there already must say the same in its default version; another content is an
 * error, since attaching it could allow what is to be denied. Permissions: iam:CreatePolicy,
 * iam:GetPolicy, iam:GetPolicyVersion. */
enum verdict iam_require_policy(struct step_ctx *ctx, const char *name, const char *description,
                                json_t *document);
/* Attaches a policy to a user; again does no harm. Permission: iam:AttachUserPolicy. */
bool iam_attach_policy(struct step_ctx *ctx, const char *user, const char *arn) MUST_CHECK;
/* Whether there is no such user (any more); for where "NoSuchEntity" may mean something else too.
 * ctx->err stays as it is. Permission: iam:GetUser. */
bool iam_user_gone(struct step_ctx *ctx, const char *user);

#endif
