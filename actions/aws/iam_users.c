/* iam_disable_user_console_password, iam_force_user_password_change and iam_user_detach_group. */
#include <string.h>

#include "actions/aws/iam.h"
#include "actions/aws/list.h"
#include "lib/json/jpath.h"

static const struct aws_op delete_login = {&aws_iam, "DeleteLoginProfile", .changes = true};
static const struct aws_op update_login = {&aws_iam, "UpdateLoginProfile", .changes = true};
static const struct aws_op list_groups = {.service = &aws_iam, .name = "ListGroupsForUser"};
static const struct aws_op get_group = {.service = &aws_iam, .name = "GetGroup"};
static const struct aws_op remove_user = {&aws_iam, "RemoveUserFromGroup", .changes = true};

static const struct act_listing all_groups = {
    .op = &list_groups,
    .items = "Groups",
    .next = "Marker",
    .token = "Marker",
    .more = "IsTruncated",
    .each = {"GroupName"},
};

/* "NoSuchEntity" may mean the password or the user. */
static enum verdict iam_user_delete_password(struct step_ctx *ctx)
{
    const char *user = iam_user(ctx);
    if (act_do(ctx, &delete_login, json_pack("{s:s}", "UserName", user)))
        return STEP_DONE;
    if (!act_failed_with(ctx, "NoSuchEntity") || iam_user_gone(ctx, user))
        return STEP_FAILED;
    return step_finished(ctx, "the user has no console password");
}

static enum verdict iam_user_force_password_change(struct step_ctx *ctx)
{
    return act_step(ctx, &update_login,
                    json_pack("{s:s, s:b}", "UserName", iam_user(ctx), "PasswordResetRequired", 1));
}

/* --- groups --- */

static bool iam_user_check_group(struct step_ctx *ctx)
{
    char shown[84];
    const char *group = param_string(ctx, "Group");
    if (!act_name_valid(group, IAM_NAME_CHARACTERS, 1, 128))
        return err_set(&ctx->err, ERR_INVALID, "",
                       "parameter \"Group\" is \"%s\", which is not a valid group name",
                       act_shown(group, shown));
    return iam_check_user(ctx);
}

static bool iam_user_is_member(const json_t *groups, const char *group)
{
    size_t i;
    json_t *one;
    json_array_foreach(groups, i, one) {
        const char *name = jstr(one, "GroupName");
        if (name && strcmp(name, group) == 0)
            return true;
    }
    return false;
}

/* Lists the groups first: "NoSuchEntity" may refer to the user, the group or the membership. */
static enum verdict iam_user_detach_group(struct step_ctx *ctx)
{
    const char *group = param_string(ctx, "Group");
    json_t *groups = act_list(ctx, &all_groups, json_pack("{s:s}", "UserName", iam_user(ctx)));
    if (!groups)
        return STEP_FAILED;
    bool member = iam_user_is_member(groups, group);
    json_decref(groups);
    if (member && act_do(ctx, &remove_user,
                         json_pack("{s:s, s:s}", "UserName", iam_user(ctx), "GroupName", group)))
        return STEP_DONE;
    /* It has been removed meanwhile, perhaps by an earlier try: list the groups again. */
    if (member)
        return act_failed_with(ctx, "NoSuchEntity") ? step_retry(ctx, WAIT_MINUTES(1))
                                                    : STEP_FAILED;
    /* A group that does not exist is an error in the rule. */
    if (!act_do(ctx, &get_group, json_pack("{s:s, s:s}", "GroupName", group, "MaxItems", "1")))
        return STEP_FAILED;
    return step_finished(ctx, "the user is not in the group");
}

const struct action action_iam_disable_user_console_password = {
    .name = "iam_disable_user_console_password",
    .display_name = "Disable Console Access",
    .description = "Deletes the IAM user's console password.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_DELETES,
    .global = true,
    .resource_types = iam_user_types,
    .permissions = (const char *const[]){"iam:DeleteLoginProfile", "iam:GetUser", NULL},
    .check = iam_check_user,
    .steps =
        (const struct action_step[]){{.name = "disable-password", .run = iam_user_delete_password},
                                     {0}},
};

const struct action action_iam_force_user_password_change = {
    .name = "iam_force_user_password_change",
    .display_name = "Force Password Change",
    .description = "Requires the IAM user to set a new password at the next console sign-in.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_CHANGES,
    .global = true,
    .resource_types = iam_user_types,
    .permissions = (const char *const[]){"iam:UpdateLoginProfile", NULL},
    .check = iam_check_user,
    .steps =
        (const struct action_step[]){
            {.name = "force-change", .run = iam_user_force_password_change}, {0}},
};

const struct action action_iam_user_detach_group = {
    .name = "iam_user_detach_group",
    .display_name = "Detach User from Group",
    .description = "Removes the IAM user from the group.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_CHANGES,
    .global = true,
    .resource_types = iam_user_types,
    .params = (const struct action_param[]){{.name = "Group",
                                             .type = PARAM_STRING,
                                             .fallback = "",
                                             .required = true,
                                             .help = "The group's name, without its path."},
                                            {0}},
    .permissions = (const char *const[]){"iam:GetGroup", "iam:ListGroupsForUser",
                                         "iam:RemoveUserFromGroup", NULL},
    .check = iam_user_check_group,
    .steps =
        (const struct action_step[]){{.name = "detach-group", .run = iam_user_detach_group}, {0}},
};
