/* ec2_attach_role and ec2_detach_role: an instance has a role through an instance profile, which
 * other instances may share. */
#include <string.h>

#include "actions/aws/ec2.h"
#include "actions/aws/iam.h"
#include "actions/state.h"
#include "lib/json/jpath.h"

static const struct aws_op list_profiles = {&aws_iam, "ListInstanceProfilesForRole",
                                            .changes = false};
static const struct aws_op get_profile = {&aws_iam, "GetInstanceProfile", .changes = false};
static const struct aws_op create_profile = {&aws_iam, "CreateInstanceProfile", .changes = true};
static const struct aws_op add_role_to_profile = {&aws_iam, "AddRoleToInstanceProfile",
                                                  .changes = true};
static const struct aws_op describe_associations = {
    &aws_ec2, "DescribeIamInstanceProfileAssociations", .changes = false};
static const struct aws_op associate_profile = {&aws_ec2, "AssociateIamInstanceProfile",
                                                .changes = true};
static const struct aws_op replace_association = {&aws_ec2, "ReplaceIamInstanceProfileAssociation",
                                                  .changes = true};
static const struct aws_op disassociate_profile = {&aws_ec2, "DisassociateIamInstanceProfile",
                                                   .changes = true};

static const struct act_listing all_profiles = {
    .op = &list_profiles,
    .items = "InstanceProfiles",
    .next = "Marker",
    .token = "Marker",
    .more = "IsTruncated",
    .each = {"InstanceProfileName", "Arn"},
};
static const struct act_listing all_associations = {
    .op = &describe_associations,
    .items = "iamInstanceProfileAssociationSet",
    .next = "nextToken",
    .token = "NextToken",
    .each = {"associationId"},
};

/* What a dry run calls a profile that it did not create. */
#define PROFILE_PLANNED "(new instance profile)"

static const struct action_param role_params[] = {{.name = "Role",
                                                   .type = PARAM_STRING,
                                                   .fallback = " ",
                                                   .required = true,
                                                   .help = "The role's name, without its path."},
                                                  {0}};

static const char *role(const struct step_ctx *ctx)
{
    return param_string(ctx, "Role");
}

static bool check(struct step_ctx *ctx)
{
    char shown[84];
    if (!name_valid(role(ctx), IAM_NAME_CHARACTERS, 1, 64))
        return err_set(&ctx->err, ERR_INVALID, "",
                       "parameter \"Role\" is \"%s\", which is not a valid role name",
                       act_shown(role(ctx), shown));
    return ec2_check_instance(ctx);
}

/* --- what there is --- */

/* The instance's associations with profiles that are not being taken off: a new array, NULL with
 * ctx->err. */
static json_t *associations(struct step_ctx *ctx)
{
    return act_list(ctx, &all_associations,
                    json_pack("{s:[{s:s, s:[s]}, {s:s, s:[s, s]}]}", "Filter", "Name",
                              "instance-id", "Value", ec2_instance(ctx), "Name", "state", "Value",
                              "associating", "associated"));
}

static bool holds_role(const json_t *profile, const char *name)
{
    json_t *roles = jlist(profile, "Roles");
    bool holds = false;
    size_t i;
    json_t *one;
    json_array_foreach(roles, i, one) {
        const char *its = jstr(one, "RoleName");
        holds = holds || (its && strcmp(its, name) == 0);
    }
    json_decref(roles);
    return holds;
}

/* The instance profile of that name: a new reference, NULL with ctx->err. */
static json_t *profile_named(struct step_ctx *ctx, const char *name)
{
    json_t *answer = act_call(ctx, &get_profile, json_pack("{s:s}", "InstanceProfileName", name));
    json_t *profile = answer ? json_incref(jget(answer, "InstanceProfile")) : NULL;
    json_decref(answer);
    if (answer && !profile)
        err_set(&ctx->err, ERR_TRANSIENT, "UnreadableAnswer",
                "AWS said nothing of instance profile %s", name);
    return profile;
}

/* --- ec2_attach_role --- */

/* The profile to use goes into state.arn: the one named as the role, else any. */
static enum verdict find_profile(struct step_ctx *ctx)
{
    json_t *profiles = act_list(ctx, &all_profiles, json_pack("{s:s}", "RoleName", role(ctx)));
    if (!profiles)
        return STEP_FAILED;
    const char *arn = NULL;
    size_t i;
    json_t *profile;
    json_array_foreach(profiles, i, profile) {
        const char *name = jstr(profile, "InstanceProfileName");
        if (!arn || (name && strcmp(name, role(ctx)) == 0))
            arn = jstr(profile, "Arn");
    }
    bool kept = !arn || act_state_set(ctx, "arn", json_string(arn));
    json_decref(profiles);
    return kept ? STEP_DONE : STEP_FAILED;
}

/* A profile named as the role, which is to hold it. An earlier try's is taken; one that holds
 * another role is not ours. */
static enum verdict create(struct step_ctx *ctx)
{
    if (act_state_string(ctx, "arn"))
        return STEP_DONE;
    json_t *profile = NULL;
    json_t *answer =
        act_call(ctx, &create_profile, json_pack("{s:s}", "InstanceProfileName", role(ctx)));
    if (answer)
        profile = json_incref(jget(answer, "InstanceProfile"));
    else if (act_failed_with(ctx, "EntityAlreadyExists"))
        profile = profile_named(ctx, role(ctx));
    if (!answer && !profile) /* created a moment ago, it may not be known everywhere */
        return act_failed_with(ctx, "NoSuchEntity") ? step_retry(ctx, WAIT_MINUTES(2))
                                                    : STEP_FAILED;
    json_decref(answer);
    const char *arn = ctx->plan ? PROFILE_PLANNED : jstr(profile, "Arn");
    bool foreign = jstr(profile, "Roles[0].RoleName") && !holds_role(profile, role(ctx));
    bool kept =
        act_state_set(ctx, "arn", json_string(arn)) && act_state_set(ctx, "new", json_true());
    json_decref(profile);
    if (foreign)
        return step_invalid(ctx, "the instance profile %s holds another role", role(ctx));
    return kept ? STEP_DONE : STEP_FAILED;
}

static bool is_new(const struct step_ctx *ctx)
{
    return json_is_true(json_object_get(ctx->state, "new"));
}

/* The new profile refuses the role; ctx->err stays as it is. */
static enum verdict not_added(struct step_ctx *ctx)
{
    struct err refusal = ctx->err;
    json_t *profile = profile_named(ctx, role(ctx));
    bool seen = profile != NULL, holds = seen && holds_role(profile, role(ctx));
    json_decref(profile);
    ctx->err = refusal;
    /* It holds a role already: this one, if an earlier try has put it there. */
    if (act_failed_with(ctx, "LimitExceeded") || act_failed_with(ctx, "EntityAlreadyExists"))
        return holds ? STEP_DONE : STEP_FAILED;
    /* The profile is not known everywhere yet; or, when it is seen, it is the role that is gone. */
    if (act_failed_with(ctx, "NoSuchEntity"))
        return step_retry(ctx, seen ? 15000 : WAIT_MINUTES(2));
    return STEP_FAILED;
}

static enum verdict add_role(struct step_ctx *ctx)
{
    if (!is_new(ctx) ||
        act_do(ctx, &add_role_to_profile,
               json_pack("{s:s, s:s}", "InstanceProfileName", role(ctx), "RoleName", role(ctx))))
        return STEP_DONE;
    return err_is_retryable(&ctx->err) ? STEP_FAILED : not_added(ctx);
}

static enum verdict wait_role(struct step_ctx *ctx)
{
    if (!is_new(ctx) || ctx->plan)
        return STEP_DONE;
    json_t *profile = profile_named(ctx, role(ctx));
    if (!profile && !act_failed_with(ctx, "NoSuchEntity"))
        return STEP_FAILED;
    bool holds = profile && holds_role(profile, role(ctx));
    json_decref(profile);
    return holds ? STEP_DONE
                 : step_wait(ctx, WAIT_MINUTES(2), "the new instance profile to hold the role");
}

/* The one change of the last step: found is what the instance has now. */
static bool put_profile(struct step_ctx *ctx, const json_t *found, const char *arn)
{
    const char *association = jstr(found, "associationId");
    if (association)
        return act_do(ctx, &replace_association,
                      json_pack("{s:s, s:{s:s}}", "AssociationId", association,
                                "IamInstanceProfile", "Arn", arn));
    return act_do(ctx, &associate_profile,
                  json_pack("{s:s, s:{s:s}}", "InstanceId", ec2_instance(ctx), "IamInstanceProfile",
                            "Arn", arn));
}

static enum verdict associate(struct step_ctx *ctx)
{
    const char *arn = act_state_string(ctx, "arn");
    json_t *list = associations(ctx);
    if (!list)
        return STEP_FAILED;
    const json_t *found = json_array_get(list, 0);
    const char *now = jstr(found, "iamInstanceProfile.arn");
    if (now && arn && strcmp(now, arn) == 0) {
        json_decref(list);
        return step_finished(ctx, "the instance has the role already");
    }
    bool put = put_profile(ctx, found, arn);
    if (put && found && !ctx->plan && ctx->audit)
        ctx->audit(ctx, "instance profile replaced", found);
    json_decref(list);
    if (put)
        return STEP_DONE;
    /* EC2 does not know a profile before IAM has told it; and what the instance has may have
     * changed since it was looked at, by an earlier try too. */
    bool passes = (act_failed_with(ctx, "InvalidParameterValue") && is_new(ctx)) ||
                  act_failed_with(ctx, "IncorrectState") ||
                  act_failed_with(ctx, "InvalidAssociationID.NotFound");
    return passes ? step_retry(ctx, WAIT_MINUTES(2)) : STEP_FAILED;
}

/* --- ec2_detach_role --- */

/* The association of the instance whose profile holds the role: a new reference. NULL with
 * ctx->err, or when there is none. */
static json_t *association_with_role(struct step_ctx *ctx)
{
    json_t *list = associations(ctx);
    json_t *with_role = NULL;
    size_t i;
    json_t *found;
    json_array_foreach(list, i, found) {
        const char *arn = jstr(found, "iamInstanceProfile.arn");
        const char *slash = arn ? strrchr(arn, '/') : NULL;
        json_t *profile = slash ? profile_named(ctx, slash + 1) : NULL;
        if (profile && holds_role(profile, role(ctx)))
            with_role = found;
        json_decref(profile);
        if (with_role || ctx->err.kind != ERR_NONE)
            break;
    }
    json_incref(with_role);
    json_decref(list);
    return with_role;
}

/* Nothing is listed of an instance that is not there either, or is in another region. */
static enum verdict none_found(struct step_ctx *ctx)
{
    return ec2_instance_exists(ctx) ? step_finished(ctx, "the instance does not have the role")
                                    : STEP_FAILED;
}

static enum verdict disassociate(struct step_ctx *ctx)
{
    json_t *found = association_with_role(ctx);
    if (!found)
        return ctx->err.kind == ERR_NONE ? none_found(ctx) : STEP_FAILED;
    enum verdict verdict =
        act_step(ctx, &disassociate_profile,
                 json_pack("{s:s}", "AssociationId", jstr(found, "associationId")));
    if (verdict == STEP_DONE && !ctx->plan && ctx->audit)
        ctx->audit(ctx, "instance profile taken off", found);
    json_decref(found);
    /* It was taken off meanwhile, perhaps by an earlier try: the next look tells. */
    if (verdict == STEP_FAILED && act_failed_with(ctx, "InvalidAssociationID.NotFound"))
        return step_retry(ctx, WAIT_MINUTES(1));
    return verdict;
}

const struct action action_ec2_attach_role = {
    .name = "ec2_attach_role",
    .display_name = "Attach IAM Role",
    .description = "Gives the EC2 instance the role, through an instance profile that is created "
                   "when the role has none.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_CHANGES,
    .resource_types = ec2_instance_types,
    .params = role_params,
    .permissions = (const char *const[]){"ec2:AssociateIamInstanceProfile",
                                         "ec2:DescribeIamInstanceProfileAssociations",
                                         "ec2:ReplaceIamInstanceProfileAssociation",
                                         "iam:AddRoleToInstanceProfile",
                                         "iam:CreateInstanceProfile", "iam:GetInstanceProfile",
                                         "iam:ListInstanceProfilesForRole", "iam:PassRole", NULL},
    .check = check,
    .state = (const struct action_state[]){{"arn", NULL}, {"new", state_boolean}, {0}},
    .steps = (const struct action_step[]){{.name = "find-profile", .run = find_profile},
                                          {.name = "create-profile", .run = create},
                                          {.name = "add-role", .run = add_role},
                                          {.name = "wait-role", .run = wait_role},
                                          {.name = "associate", .run = associate},
                                          {0}},
};

const struct action action_ec2_detach_role = {
    .name = "ec2_detach_role",
    .display_name = "Detach IAM Role",
    .description =
        "Takes the instance profile that holds the role off the EC2 instance; the profile "
        "and other instances that use it stay as they are.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_CHANGES,
    .resource_types = ec2_instance_types,
    .params = role_params,
    .permissions =
        (const char *const[]){"ec2:DescribeIamInstanceProfileAssociations", "ec2:DescribeInstances",
                              "ec2:DisassociateIamInstanceProfile", "iam:GetInstanceProfile", NULL},
    .check = check,
    .steps = (const struct action_step[]){{.name = "disassociate", .run = disassociate}, {0}},
};
