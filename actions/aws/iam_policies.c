/* iam_quarantine_user, iam_user_attach_policy and iam_delete_default_policy_version. */
#include <string.h>

#include "actions/aws/iam.h"
#include "actions/aws/list.h"
#include "actions/state.h"
#include "lib/base/clock.h"
#include "lib/json/jpath.h"

#define QUARANTINE_POLICY "hyperglance_quarantine_users"
/* Of policies with one name: two suffice to show that the name is ambiguous. */
#define CANDIDATES_MAX 2

static const struct aws_op list_policies = {.service = &aws_iam, .name = "ListPolicies"};
static const struct aws_op list_versions = {.service = &aws_iam, .name = "ListPolicyVersions"};
static const struct aws_op set_default = {&aws_iam, "SetDefaultPolicyVersion", .changes = true};
static const struct aws_op delete_version = {&aws_iam, "DeletePolicyVersion", .changes = true};

static const struct act_listing all_policies = {
    .op = &list_policies,
    .items = "Policies",
    .next = "Marker",
    .token = "Marker",
    .more = "IsTruncated",
    .each = {"PolicyName", "Arn"},
};
static const struct act_listing all_versions = {
    .op = &list_versions,
    .items = "Versions",
    .next = "Marker",
    .token = "Marker",
    .more = "IsTruncated",
    .each = {"VersionId"},
};

static bool iam_policy_name_valid(const char *name)
{
    return act_name_valid(name, IAM_NAME_CHARACTERS, 1, 128);
}

static bool iam_policy_unique_id(const char *id)
{
    return iam_unique_id(id, "ANPA");
}

static const struct act_naming policies = {
    .what = "an IAM policy",
    .service = "iam",
    .prefix = "policy/",
    .path = true,
    .valid = iam_policy_name_valid,
    .other = iam_policy_unique_id,
};

/* --- iam_quarantine_user --- */

static enum verdict iam_quarantine_create_policy(struct step_ctx *ctx)
{
    return iam_require_policy(ctx, QUARANTINE_POLICY,
                              "Denies everything to users in quarantine (Hyperglance automations)",
                              json_pack("{s:s, s:[{s:s, s:s, s:s}]}", "Version", "2012-10-17",
                                        "Statement", "Effect", "Deny", "Action", "*", "Resource",
                                        "*"));
}

/* A policy that has just been created may not be visible yet. */
static enum verdict iam_quarantine_attach_policy(struct step_ctx *ctx)
{
    char arn[IAM_ARN_SIZE];
    const char *user = iam_user(ctx);
    if (iam_attach_policy(ctx, user, iam_policy_arn(ctx, QUARANTINE_POLICY, arn)))
        return STEP_DONE;
    if (!act_failed_with(ctx, "NoSuchEntity") || iam_user_gone(ctx, user))
        return STEP_FAILED;
    return step_retry(ctx, WAIT_MINUTES(2));
}

/* --- iam_user_attach_policy --- */

/* Whether the text is the ARN of a policy that may be attached in this account: its own, or one of
 * AWS's. */
static bool iam_policy_arn_valid(const struct step_ctx *ctx, const char *text)
{
    struct aws_arn arn;
    return aws_arn_parse(text, &arn) && strcmp(arn.partition, ctx->partition) == 0 &&
           strcmp(arn.service, "iam") == 0 && strncmp(arn.resource, "policy/", 7) == 0 &&
           act_name_valid(arn.resource + 7, IAM_NAME_CHARACTERS "/", 1, 640) &&
           (strcmp(arn.account, ctx->account) == 0 || strcmp(arn.account, "aws") == 0);
}

static bool iam_policy_check_attach(struct step_ctx *ctx)
{
    char shown[84];
    const char *policy = param_string(ctx, "Policy");
    if (!iam_policy_name_valid(policy) && !iam_policy_arn_valid(ctx, policy))
        return err_set(&ctx->err, ERR_INVALID, "",
                       "parameter \"Policy\" is \"%s\", which is neither a policy's name nor the "
                       "ARN of one in account %s or of AWS",
                       act_shown(policy, shown), ctx->account);
    return iam_check_user(ctx);
}

/* Adds the ARNs of the policies with that name on the page to state.found, as many as an error
 * shows. */
static bool iam_policy_add_named(struct step_ctx *ctx, const json_t *page, const char *name)
{
    json_t *found = json_object_get(ctx->state, "found");
    size_t i;
    json_t *policy;
    if (!found) {
        found = json_array();
        step_state_set(ctx, "found", found);
    }
    json_array_foreach(page, i, policy) {
        const char *its = jstr(policy, "PolicyName"), *arn = jstr(policy, "Arn");
        if (!its || strcmp(its, name) != 0 || json_array_size(found) >= CANDIDATES_MAX)
            continue;
        if (!arn)
            return err_set(&ctx->err, ERR_PROVIDER, "", "AWS returned no ARN for the policy %s",
                           name);
        json_array_append_new(found, json_string(arn));
    }
    return true;
}

/* A name is not unique: a policy of AWS and one of the account may have the same. */
static enum verdict iam_policy_choose_named(struct step_ctx *ctx, const char *name)
{
    const json_t *found = json_object_get(ctx->state, "found");
    json_t *arn = json_array_get(found, 0);
    if (!arn)
        return step_invalid(ctx, "there is no policy named %s in account %s", name, ctx->account);
    if (json_array_size(found) > 1)
        return step_invalid(ctx,
                            "more than one policy is named %s (%.300s, %.300s); set the "
                            "parameter \"Policy\" to the ARN of one of them",
                            name, json_string_value(arn),
                            json_string_value(json_array_get(found, 1)));
    step_state_set(ctx, "arn", json_incref(arn));
    return STEP_DONE;
}

/* Reads a page of the listing each time it runs; the ARN goes into state.arn. */
static enum verdict iam_policy_find(struct step_ctx *ctx)
{
    const char *policy = param_string(ctx, "Policy");
    /* What is not a valid name is an ARN. */
    if (!iam_policy_name_valid(policy)) {
        step_state_set(ctx, "arn", json_string(policy));
        return STEP_DONE;
    }
    json_t *next = json_incref(json_object_get(ctx->state, "next"));
    json_t *page = act_page(ctx, &all_policies,
                            json_pack("{s:s, s:s}", "Scope", "All", "MaxItems", "1000"), &next);
    /* The same page is read again: the token is still in the state. */
    if (!page)
        return STEP_FAILED;
    bool kept = iam_policy_add_named(ctx, page, policy);
    bool more = next != NULL;
    json_decref(page);
    if (more)
        step_state_set(ctx, "next", next);
    if (!kept)
        return STEP_FAILED;
    return more ? step_again(ctx, 0) : iam_policy_choose_named(ctx, policy);
}

static enum verdict iam_policy_attach(struct step_ctx *ctx)
{
    bool attached = iam_attach_policy(ctx, iam_user(ctx), step_state_string(ctx, "arn"));
    return attached ? STEP_DONE : STEP_FAILED;
}

/* --- iam_delete_default_policy_version --- */

static bool iam_policy_check(struct step_ctx *ctx)
{
    return act_arn(ctx, &policies) != NULL;
}

/* The newest version that is not the default; NULL: there is none. */
static const json_t *iam_version_newest_other(const json_t *versions)
{
    const json_t *newest = NULL;
    int64_t newest_ms = 0;
    size_t i;
    json_t *version;
    json_array_foreach(versions, i, version) {
        int64_t made_ms = 0;
        const char *date = jstr(version, "CreateDate");
        if (jbool(version, "IsDefaultVersion", false) || !date || !clock_parse(date, &made_ms))
            continue;
        if (!newest || made_ms > newest_ms) {
            newest = version;
            newest_ms = made_ms;
        }
    }
    return newest;
}

static const json_t *iam_version_default(const json_t *versions)
{
    size_t i;
    json_t *version;
    json_array_foreach(versions, i, version)
        if (jbool(version, "IsDefaultVersion", false))
            return version;
    return NULL;
}

static bool iam_version_id_valid(struct step_ctx *ctx, const json_t *value)
{
    const char *id = state_string(value, 20);
    (void)ctx;
    return id && id[0] == 'v' && id[1] && strspn(id + 1, "0123456789") == strlen(id + 1);
}

static bool iam_version_exists(const json_t *versions, const char *id)
{
    size_t i;
    json_t *version;
    json_array_foreach(versions, i, version) {
        const char *its = jstr(version, "VersionId");
        if (its && strcmp(its, id) == 0)
            return true;
    }
    return false;
}

/* Whether an earlier owner of the run has chosen, and its choice has become the default. Otherwise
 * nothing has been changed, and the choice is made again. */
static bool iam_version_is_promoted(const struct step_ctx *ctx, const char *now)
{
    const char *old = step_state_string(ctx, "old"), *chosen = step_state_string(ctx, "new");
    return now && old && chosen && strcmp(now, chosen) == 0 && strcmp(old, chosen) != 0;
}

static enum verdict iam_version_choose(struct step_ctx *ctx)
{
    json_t *versions =
        act_list(ctx, &all_versions, json_pack("{s:s}", "PolicyArn", act_arn(ctx, &policies)));
    if (!versions)
        return STEP_FAILED;
    const char *old = jstr(iam_version_default(versions), "VersionId");
    const char *new = jstr(iam_version_newest_other(versions), "VersionId");
    enum verdict verdict;
    if (iam_version_is_promoted(ctx, old))
        verdict = iam_version_exists(versions, step_state_string(ctx, "old"))
                      ? STEP_DONE
                      : step_finished(ctx, "the version is already deleted");
    else if (!old || !new)
        verdict = step_invalid(ctx, "the policy has only one version, which cannot be deleted");
    else {
        step_state_set(ctx, "old", json_string(old));
        step_state_set(ctx, "new", json_string(new));
        verdict = STEP_DONE;
    }
    json_decref(versions);
    return verdict;
}

/* Calls op for the policy and the version in state.`which`. */
static bool iam_version_call(struct step_ctx *ctx, const struct aws_op *op, const char *which)
{
    return act_do(ctx, op,
                  json_pack("{s:s, s:s}", "PolicyArn", act_arn(ctx, &policies), "VersionId",
                            step_state_string(ctx, which)));
}

static enum verdict iam_version_promote(struct step_ctx *ctx)
{
    return iam_version_call(ctx, &set_default, "new") ? STEP_DONE : STEP_FAILED;
}

static enum verdict iam_version_delete_old(struct step_ctx *ctx)
{
    bool deleted = iam_version_call(ctx, &delete_version, "old");
    return deleted || act_failed_with(ctx, "NoSuchEntity") ? STEP_DONE : STEP_FAILED;
}

const struct action action_iam_quarantine_user = {
    .name = "iam_quarantine_user",
    .display_name = "Quarantine User",
    .description = "Attaches a policy to the IAM user that denies everything.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_STOPS,
    .global = true,
    .resource_types = iam_user_types,
    .permissions =
        (const char *const[]){"iam:AttachUserPolicy", "iam:CreatePolicy", "iam:GetPolicy",
                              "iam:GetPolicyVersion", "iam:GetUser", NULL},
    .check = iam_check_user,
    .steps =
        (const struct action_step[]){{.name = "create-policy", .run = iam_quarantine_create_policy},
                                     {.name = "attach", .run = iam_quarantine_attach_policy},
                                     {0}},
};

const struct action action_iam_user_attach_policy = {
    .name = "iam_user_attach_policy",
    .display_name = "Attach policy to User",
    .description = "Attaches the policy to the IAM user.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_CHANGES,
    .global = true,
    .resource_types = iam_user_types,
    .params = (const struct action_param[]){{.name = "Policy",
                                             .type = PARAM_STRING,
                                             .fallback = "",
                                             .required = true,
                                             .help = "The policy's name or its ARN."},
                                            {0}},
    .permissions = (const char *const[]){"iam:AttachUserPolicy", "iam:ListPolicies", NULL},
    .check = iam_policy_check_attach,
    .state = (const struct action_state[]){{"arn", NULL}, {"found", NULL}, {"next", NULL}, {0}},
    .steps = (const struct action_step[]){{.name = "find-policy", .run = iam_policy_find},
                                          {.name = "attach", .run = iam_policy_attach},
                                          {0}},
};

const struct action action_iam_delete_default_policy_version = {
    .name = "iam_delete_default_policy_version",
    .display_name = "Delete Default Policy Version",
    .description =
        "Makes the newest other version of the policy the default and deletes the former "
        "default version.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_DELETES,
    .global = true,
    .resource_types = (const char *const[]){"IAM Policy", NULL},
    .permissions = (const char *const[]){"iam:DeletePolicyVersion", "iam:ListPolicyVersions",
                                         "iam:SetDefaultPolicyVersion", NULL},
    .check = iam_policy_check,
    .state = (const struct action_state[]){{"old", iam_version_id_valid},
                                           {"new", iam_version_id_valid},
                                           {0}},
    /* Saved: a choice made after the default has changed would be wrong. */
    .steps =
        (const struct action_step[]){{.name = "choose", .run = iam_version_choose, .save = true},
                                     {.name = "set-default", .run = iam_version_promote},
                                     {.name = "delete-old", .run = iam_version_delete_old},
                                     {0}},
};
