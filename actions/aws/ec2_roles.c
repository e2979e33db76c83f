/* ec2_attach_role and ec2_detach_role: an instance has a role through an instance profile, which
 * other instances may share. */
#include <string.h>

#include "actions/aws/ec2.h"
#include "actions/aws/iam.h"
#include "actions/aws/list.h"
#include "actions/state.h"
#include "lib/json/jpath.h"

static const struct aws_op list_profiles = {.service = &aws_iam,
                                            .name = "ListInstanceProfilesForRole"};
static const struct aws_op get_profile = {.service = &aws_iam, .name = "GetInstanceProfile"};
static const struct aws_op create_profile = {&aws_iam, "CreateInstanceProfile", .changes = true};
static const struct aws_op add_role_to_profile = {&aws_iam, "AddRoleToInstanceProfile",
                                                  .changes = true};
static const struct aws_op describe_associations = {
    .service = &aws_ec2, .name = "DescribeIamInstanceProfileAssociations"};
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

/* The name in a dry run of a profile that would be created. */
#define PROFILE_PLANNED "(new instance profile)"

static const struct action_param role_params[] = {{.name = "Role",
                                                   .type = PARAM_STRING,
                                                   .fallback = " ",
                                                   .required = true,
                                                   .help = "The role's name, without its path."},
                                                  {0}};

static const char *ec2_role_name(const struct step_ctx *ctx)
{
    return param_string(ctx, "Role");
}

static bool ec2_role_check(struct step_ctx *ctx)
{
    char shown[84];
    if (!act_name_valid(ec2_role_name(ctx), IAM_NAME_CHARACTERS, 1, 64))
        return err_set(&ctx->err, ERR_INVALID, "",
                       "parameter \"Role\" is \"%s\", which is not a valid role name",
                       act_shown(ec2_role_name(ctx), shown));
    return ec2_check_instance(ctx);
}

/* --- what there is --- */

/* The associations of the instance with profiles, without those being removed: a new array, NULL
 * with ctx->err. */
static json_t *ec2_role_associations(struct step_ctx *ctx)
{
    return act_list(ctx, &all_associations,
                    json_pack("{s:[{s:s, s:[s]}, {s:s, s:[s, s]}]}", "Filter", "Name",
                              "instance-id", "Value", ec2_instance(ctx), "Name", "state", "Value",
                              "associating", "associated"));
}

static bool profile_has_role(const json_t *profile, const char *name)
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

/* The instance profile with that name: a new reference, NULL with ctx->err. */
static json_t *profile_get(struct step_ctx *ctx, const char *name)
{
    json_t *response = act_call(ctx, &get_profile, json_pack("{s:s}", "InstanceProfileName", name));
    json_t *profile = response ? json_incref(jget(response, "InstanceProfile")) : NULL;
    json_decref(response);
    if (response && !profile)
        err_set(&ctx->err, ERR_TRANSIENT, "UnreadableResponse",
                "%s does not describe the instance profile %s", get_profile.name, name);
    return profile;
}

/* --- ec2_attach_role --- */

/* Sets state.arn to the profile to use: the one with the name of the role, else any. */
static enum verdict ec2_role_find_profile(struct step_ctx *ctx)
{
    json_t *profiles =
        act_list(ctx, &all_profiles, json_pack("{s:s}", "RoleName", ec2_role_name(ctx)));
    if (!profiles)
        return STEP_FAILED;
    const char *arn = NULL;
    size_t i;
    json_t *profile;
    json_array_foreach(profiles, i, profile) {
        const char *name = jstr(profile, "InstanceProfileName");
        if (!arn || (name && strcmp(name, ec2_role_name(ctx)) == 0))
            arn = jstr(profile, "Arn");
    }
    if (arn)
        step_state_set(ctx, "arn", json_string(arn));
    json_decref(profiles);
    return STEP_DONE;
}

/* Creates a profile with the name of the role. One that an earlier try has created is used; one
 * with another role is not ours. */
static enum verdict ec2_role_create_profile(struct step_ctx *ctx)
{
    if (step_state_string(ctx, "arn"))
        return STEP_DONE;
    json_t *profile = NULL;
    json_t *response = act_call(ctx, &create_profile,
                                json_pack("{s:s}", "InstanceProfileName", ec2_role_name(ctx)));
    if (response)
        profile = json_incref(jget(response, "InstanceProfile"));
    else if (act_failed_with(ctx, "EntityAlreadyExists"))
        profile = profile_get(ctx, ec2_role_name(ctx));
    if (!response && !profile) /* If it has just been created, it may not be visible yet. */
        return act_failed_with(ctx, "NoSuchEntity") ? step_retry(ctx, WAIT_MINUTES(2))
                                                    : STEP_FAILED;
    json_decref(response);
    const char *arn = ctx->plan ? PROFILE_PLANNED : jstr(profile, "Arn");
    bool whole = arn != NULL;
    bool foreign =
        jstr(profile, "Roles[0].RoleName") && !profile_has_role(profile, ec2_role_name(ctx));
    if (whole)
        step_state_set(ctx, "arn", json_string(arn));
    step_state_set(ctx, "new", json_true());
    json_decref(profile);
    if (foreign)
        return step_invalid(ctx, "the instance profile %s holds another role", ec2_role_name(ctx));
    if (whole)
        return STEP_DONE;
    err_set(&ctx->err, ERR_TRANSIENT, "UnreadableResponse",
            "AWS returned no ARN for the instance profile %s", ec2_role_name(ctx));
    return STEP_FAILED;
}

static bool profile_is_new(const struct step_ctx *ctx)
{
    return step_state_flag(ctx, "new");
}

/* The role could not be added to the new profile. ctx->err is left unchanged. */
static enum verdict profile_role_not_added(struct step_ctx *ctx)
{
    struct err rejection = ctx->err;
    json_t *profile = profile_get(ctx, ec2_role_name(ctx));
    bool seen = profile != NULL, holds = seen && profile_has_role(profile, ec2_role_name(ctx));
    json_decref(profile);
    ctx->err = rejection;
    /* It has a role already: this one, if an earlier try has added it. */
    if (act_failed_with(ctx, "LimitExceeded") || act_failed_with(ctx, "EntityAlreadyExists"))
        return holds ? STEP_DONE : STEP_FAILED;
    /* The profile is not visible everywhere yet; if it can be read, it is the role that does not
     * exist. */
    if (act_failed_with(ctx, "NoSuchEntity"))
        return step_retry(ctx, seen ? 15000 : WAIT_MINUTES(2));
    return STEP_FAILED;
}

static enum verdict ec2_role_add_to_profile(struct step_ctx *ctx)
{
    if (!profile_is_new(ctx) ||
        act_do(ctx, &add_role_to_profile,
               json_pack("{s:s, s:s}", "InstanceProfileName", ec2_role_name(ctx), "RoleName",
                         ec2_role_name(ctx))))
        return STEP_DONE;
    return err_is_retryable(&ctx->err) ? STEP_FAILED : profile_role_not_added(ctx);
}

static enum verdict ec2_role_wait_for_profile(struct step_ctx *ctx)
{
    if (!profile_is_new(ctx) || ctx->plan)
        return STEP_DONE;
    json_t *profile = profile_get(ctx, ec2_role_name(ctx));
    if (!profile && !act_failed_with(ctx, "NoSuchEntity"))
        return STEP_FAILED;
    bool holds = profile && profile_has_role(profile, ec2_role_name(ctx));
    json_decref(profile);
    return holds ? STEP_DONE
                 : step_wait(ctx, WAIT_MINUTES(2), "the new instance profile to hold the role");
}

/* The one change of the last step. found: the present association of the instance, or NULL. */
static bool ec2_role_put_profile(struct step_ctx *ctx, const json_t *found, const char *arn)
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

static enum verdict ec2_role_associate(struct step_ctx *ctx)
{
    const char *arn = step_state_string(ctx, "arn");
    json_t *list = ec2_role_associations(ctx);
    if (!list)
        return STEP_FAILED;
    const json_t *found = json_array_get(list, 0);
    const char *now = jstr(found, "iamInstanceProfile.arn");
    if (now && arn && strcmp(now, arn) == 0) {
        json_decref(list);
        return step_finished(ctx, "the instance has the role already");
    }
    bool put = ec2_role_put_profile(ctx, found, arn);
    if (put && found && !ctx->plan && ctx->audit)
        ctx->audit(ctx, "instance profile replaced", found);
    json_decref(list);
    if (put)
        return STEP_DONE;
    /* A new profile takes time to become visible to EC2; and the association may have changed since
     * it was listed, also by an earlier try. */
    bool passes = (act_failed_with(ctx, "InvalidParameterValue") && profile_is_new(ctx)) ||
                  act_failed_with(ctx, "IncorrectState") ||
                  act_failed_with(ctx, "InvalidAssociationID.NotFound");
    return passes ? step_retry(ctx, WAIT_MINUTES(2)) : STEP_FAILED;
}

/* --- ec2_detach_role --- */

/* The association of the instance whose profile has the role: a new reference. NULL with ctx->err,
 * or without if there is none. */
static json_t *ec2_role_find_association(struct step_ctx *ctx)
{
    json_t *list = ec2_role_associations(ctx);
    json_t *with_role = NULL;
    size_t i;
    json_t *found;
    json_array_foreach(list, i, found) {
        const char *arn = jstr(found, "iamInstanceProfile.arn");
        const char *slash = arn ? strrchr(arn, '/') : NULL;
        json_t *profile = slash ? profile_get(ctx, slash + 1) : NULL;
        if (profile && profile_has_role(profile, ec2_role_name(ctx)))
            with_role = found;
        json_decref(profile);
        if (with_role || ctx->err.kind != ERR_NONE)
            break;
    }
    json_incref(with_role);
    json_decref(list);
    return with_role;
}

/* The listing is also empty for an instance that does not exist or is in another region. */
static enum verdict ec2_role_none_found(struct step_ctx *ctx)
{
    return ec2_instance_exists(ctx) ? step_finished(ctx, "the instance does not have the role")
                                    : STEP_FAILED;
}

static enum verdict ec2_role_disassociate(struct step_ctx *ctx)
{
    json_t *found = ec2_role_find_association(ctx);
    if (!found)
        return ctx->err.kind == ERR_NONE ? ec2_role_none_found(ctx) : STEP_FAILED;
    enum verdict verdict =
        act_step(ctx, &disassociate_profile,
                 json_pack("{s:s}", "AssociationId", jstr(found, "associationId")));
    if (verdict == STEP_DONE && !ctx->plan && ctx->audit)
        ctx->audit(ctx, "instance profile removed", found);
    json_decref(found);
    /* It has been removed meanwhile, perhaps by an earlier try: list the associations again. */
    if (verdict == STEP_FAILED && act_failed_with(ctx, "InvalidAssociationID.NotFound"))
        return step_retry(ctx, WAIT_MINUTES(1));
    return verdict;
}

const struct action action_ec2_attach_role = {
    .name = "ec2_attach_role",
    .display_name = "Attach IAM Role",
    .description =
        "Gives the EC2 instance the role, by an instance profile, which is created if the "
        "role has none.",
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
    .check = ec2_role_check,
    .state = (const struct action_state[]){{"arn", NULL}, {"new", state_boolean}, {0}},
    .steps =
        (const struct action_step[]){{.name = "find-profile", .run = ec2_role_find_profile},
                                     {.name = "create-profile", .run = ec2_role_create_profile},
                                     {.name = "add-role", .run = ec2_role_add_to_profile},
                                     {.name = "wait-role", .run = ec2_role_wait_for_profile},
                                     {.name = "associate", .run = ec2_role_associate},
                                     {0}},
};

const struct action action_ec2_detach_role = {
    .name = "ec2_detach_role",
    .display_name = "Detach IAM Role",
    .description =
        "Removes the instance profile with the role from the EC2 instance; the profile and "
        "other instances that use it are not changed.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_CHANGES,
    .resource_types = ec2_instance_types,
    .params = role_params,
    .permissions =
        (const char *const[]){"ec2:DescribeIamInstanceProfileAssociations", "ec2:DescribeInstances",
                              "ec2:DisassociateIamInstanceProfile", "iam:GetInstanceProfile", NULL},
    .check = ec2_role_check,
    .steps =
        (const struct action_step[]){{.name = "disassociate", .run = ec2_role_disassociate}, {0}},
};
