/* What actions on IAM share: names, and policies. */
#ifndef HGAUTOD_ACTIONS_AWS_IAM_H
#define HGAUTOD_ACTIONS_AWS_IAM_H

#include "actions/aws/call.h"

/* The characters of names in IAM besides letters and digits. */
#define IAM_NAME_CHARACTERS "_+=,.@-"

/* For descriptors: "IAM User". */
extern const char *const iam_user_types[];

/* Whether id is a unique ID of IAM with this prefix ("AIDA": a user, "ANPA": a policy). Source: IAM
 * User Guide, "Unique identifiers". */
bool iam_unique_id(const char *id, const char *prefix);

/* The name of the user, borrowed from the resource; NULL with ctx->err. */
const char *iam_user(struct step_ctx *ctx);
/* For action.check: whether the resource has a valid name of a user. */
bool iam_check_user(struct step_ctx *ctx);

#define IAM_ARN_SIZE 256
/* Writes the ARN of the account's own policy with that name. Returns to. */
const char *iam_policy_arn(const struct step_ctx *ctx, const char *name, char to[IAM_ARN_SIZE]);
/* For use in a step: creates the policy with this document (stolen) if the account does not have
 * it. If a policy with that name exists, its default version must have the same content;
 * different content is an error, because attaching it could allow what is to be denied.
 * Permissions: iam:CreatePolicy, iam:GetPolicy, iam:GetPolicyVersion. */
enum verdict iam_require_policy(struct step_ctx *ctx, const char *name, const char *description,
                                json_t *document);
/* Attaches a policy to a user; can be repeated. False with ctx->err. Permission:
 * iam:AttachUserPolicy. */
bool iam_attach_policy(struct step_ctx *ctx, const char *user, const char *arn) MUST_CHECK;
/* Whether the user does not exist, for use after "NoSuchEntity", which may refer to something else.
 * Leaves ctx->err unchanged. Permission: iam:GetUser. */
bool iam_user_gone(struct step_ctx *ctx, const char *user);

#endif
