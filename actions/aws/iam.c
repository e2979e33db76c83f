/* What actions on IAM share: users' names. */
#include "actions/aws/iam.h"

const char *const iam_user_types[] = {"IAM User", NULL};

static bool user_valid(const char *name)
{
    return name_valid(name, "_+=,.@-", 1, 64);
}

static const struct act_naming users = {
    .what = "an IAM user",
    .service = "iam",
    .prefix = "user/",
    .path = true,
    .valid = user_valid,
    .fields = {"name", "id"},
};

const char *iam_user(struct step_ctx *ctx)
{
    return act_name(ctx, &users);
}

bool iam_check_user(struct step_ctx *ctx)
{
    return iam_user(ctx) != NULL;
}
