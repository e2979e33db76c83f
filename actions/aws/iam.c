/* What actions on IAM share: names, and policies. */
#include "actions/aws/iam.h"

#include <stdio.h>
#include <stdlib.h>

static const struct aws_op create_policy = {&aws_iam, "CreatePolicy", .changes = true};
static const struct aws_op attach_user_policy = {&aws_iam, "AttachUserPolicy", .changes = true};

const char *const iam_user_types[] = {"IAM User", NULL};

static bool user_valid(const char *name)
{
    return name_valid(name, IAM_NAME_CHARACTERS, 1, 64);
}

static const struct act_naming users = {
    .what = "an IAM user",
    .service = "iam",
    .prefix = "user/",
    .path = true,
    .valid = user_valid,
    .fields = {"name", "id"}, /* a user's `id` may be its unique id ("AIDA...") */
};

const char *iam_user(struct step_ctx *ctx)
{
    return act_name(ctx, &users);
}

bool iam_check_user(struct step_ctx *ctx)
{
    return iam_user(ctx) != NULL;
}

const char *iam_policy_arn(const struct step_ctx *ctx, const char *name, char to[IAM_ARN_SIZE])
{
    snprintf(to, IAM_ARN_SIZE, "arn:%s:iam::%s:policy/%s", ctx->partition, ctx->account, name);
    return to;
}

enum verdict iam_create_policy(struct step_ctx *ctx, const char *name, const char *description,
                               json_t *document)
{
    char *text = document ? json_dumps(document, JSON_COMPACT) : NULL;
    json_decref(document);
    if (!text)
        return act_no_memory(ctx);
    bool made = act_do(ctx, &create_policy,
                       json_pack("{s:s, s:s, s:s}", "PolicyName", name, "PolicyDocument", text,
                                 "Description", description));
    free(text);
    return made || act_failed_with(ctx, "EntityAlreadyExists") ? STEP_DONE : STEP_FAILED;
}

bool iam_attach_policy(struct step_ctx *ctx, const char *user, const char *arn)
{
    return act_do(ctx, &attach_user_policy,
                  json_pack("{s:s, s:s}", "UserName", user, "PolicyArn", arn));
}
