/* The third link of the chain: a profile of the shared files, including roles assumed with the
 * credentials of other profiles. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/aws/auth/chain_link.h"
#include "lib/aws/auth/creds_json.h"
#include "lib/aws/sts.h"

#define DEPTH_MAX          10
#define PROCESS_TIMEOUT_MS 60000

/* The path from the first profile to the current one, through source_profile. */
struct profile_step {
    const char *profile;
    const struct profile_step *previous;
    unsigned depth;
};

static enum link_result link_profile_fetch(const struct link_params *params,
                                           const struct profile_step *step,
                                           struct aws_creds **creds, struct err *err);

/* Returns a setting of the profile; NULL if it is missing or empty. */
static const char *link_profile_get(const struct link_params *params,
                                    const struct profile_step *step, const char *key)
{
    const char *value = aws_profile_get(params->profiles, step->profile, key);
    return value && *value ? value : NULL;
}

static bool link_profile_has_keys(const struct link_params *params, const struct profile_step *step)
{
    return link_profile_get(params, step, "aws_access_key_id") ||
           link_profile_get(params, step, "aws_secret_access_key");
}

static enum link_result link_profile_static_keys(const struct link_params *params,
                                                 const struct profile_step *step,
                                                 struct aws_creds **creds, struct err *err)
{
    const char *id = link_profile_get(params, step, "aws_access_key_id");
    const char *secret = link_profile_get(params, step, "aws_secret_access_key");
    const char *token = link_profile_get(params, step, "aws_session_token");
    char source[160];
    if (!id || !secret) {
        err_set(err, ERR_CREDENTIALS, "", "profile %s has %s, but no %s", step->profile,
                id ? "aws_access_key_id" : "aws_secret_access_key",
                id ? "aws_secret_access_key" : "aws_access_key_id");
        return LINK_BROKEN;
    }
    if (!secret_text_valid(id) || !secret_text_valid(secret) ||
        (token && !secret_text_valid(token))) {
        err_set(err, ERR_CREDENTIALS, "",
                "a key of profile %s contains white space or an unprintable character",
                step->profile);
        return LINK_BROKEN;
    }
    snprintf(source, sizeof source, "profile %s", step->profile);
    *creds = aws_creds_new(id, secret, token, INT64_MAX, source);
    return LINK_FOUND;
}

/* Fetches the credentials of source_profile. A profile that names itself means its own keys. */
static enum link_result link_profile_from_profile(const struct link_params *params,
                                                  const struct profile_step *step, const char *name,
                                                  struct aws_creds **creds, struct err *err)
{
    if (!aws_profile_exists(params->profiles, name)) {
        err_set(err, ERR_CREDENTIALS, "",
                "the source_profile %s of profile %s is in neither shared file", name,
                step->profile);
        return LINK_BROKEN;
    }
    if (strcmp(name, step->profile) == 0 && link_profile_has_keys(params, step))
        return link_profile_static_keys(params, step, creds, err);
    for (const struct profile_step *v = step; v; v = v->previous) {
        if (strcmp(v->profile, name) == 0 || step->depth >= DEPTH_MAX) {
            err_set(err, ERR_CREDENTIALS, "", "the source_profile of profile %s %s", step->profile,
                    step->depth >= DEPTH_MAX ? "is more than ten steps away" : "leads back to it");
            return LINK_BROKEN;
        }
    }
    struct profile_step next = {.profile = name, .previous = step, .depth = step->depth + 1};
    enum link_result result = link_profile_has_keys(params, &next)
                                  ? link_profile_static_keys(params, &next, creds, err)
                                  : link_profile_fetch(params, &next, creds, err);
    return result == LINK_FOUND ? LINK_FOUND : LINK_BROKEN;
}

static enum link_result link_profile_from_source(const struct link_params *params,
                                                 const struct profile_step *step, const char *name,
                                                 struct aws_creds **creds, struct err *err)
{
    enum link_result result = LINK_BROKEN;
    if (strcasecmp(name, "Environment") == 0)
        result = link_static_environment(creds, err);
    else if (strcasecmp(name, "EcsContainer") == 0)
        result = link_container(params, creds, err);
    else if (strcasecmp(name, "Ec2InstanceMetadata") == 0)
        result = link_imds(params, creds, err);
    else
        err_set(err, ERR_CREDENTIALS, "",
                "credential_source of profile %s is not one of Environment, EcsContainer, "
                "Ec2InstanceMetadata",
                step->profile);
    return result == LINK_FOUND ? LINK_FOUND : LINK_BROKEN;
}

/* Reads and checks the settings of the role. */
static bool link_profile_read_role(const struct link_params *params,
                                   const struct profile_step *step, struct sts_role *role,
                                   struct err *err)
{
    role->arn = link_profile_get(params, step, "role_arn");
    role->session_name = link_profile_get(params, step, "role_session_name");
    role->external_id = link_profile_get(params, step, "external_id");
    if (link_profile_get(params, step, "mfa_serial"))
        return err_set(err, ERR_CREDENTIALS, "",
                       "profile %s has an mfa_serial: a daemon cannot enter a code", step->profile);
    const char *duration = link_profile_get(params, step, "duration_seconds");
    char *end = NULL;
    long seconds = duration ? strtol(duration, &end, 10) : 0;
    if (duration && (*end || seconds < 900 || seconds > 43200))
        return err_set(err, ERR_CREDENTIALS, "",
                       "duration_seconds of profile %s is not a number from 900 to 43200",
                       step->profile);
    role->duration_s = (int)seconds;
    return true;
}

static enum link_result link_profile_assume_role(const struct link_params *params,
                                                 const struct profile_step *step,
                                                 struct aws_creds **creds, struct err *err)
{
    const char *profile = link_profile_get(params, step, "source_profile");
    const char *other = link_profile_get(params, step, "credential_source");
    char source[160];
    struct sts_role role = {.source = source};
    snprintf(source, sizeof source, "profile %s (role)", step->profile);
    if (!profile == !other) {
        err_set(err, ERR_CREDENTIALS, "",
                "profile %s has a role_arn and %s source_profile %s credential_source: set exactly "
                "one of them",
                step->profile, profile ? "both" : "neither", profile ? "and" : "nor");
        return LINK_BROKEN;
    }
    if (!link_profile_read_role(params, step, &role, err))
        return LINK_BROKEN;
    struct aws_creds *with = NULL;
    enum link_result result = profile ? link_profile_from_profile(params, step, profile, &with, err)
                                      : link_profile_from_source(params, step, other, &with, err);
    if (result == LINK_FOUND) {
        *creds = sts_assume_role(params->aws, params->http, with, &role, err);
        aws_creds_unref(with);
        result = *creds ? LINK_FOUND : LINK_BROKEN;
    }
    return result;
}

/* Fetches the credentials of one profile, in the order of the AWS CLI. */
static enum link_result link_profile_fetch(const struct link_params *params,
                                           const struct profile_step *step,
                                           struct aws_creds **creds, struct err *err)
{
    const char *command = link_profile_get(params, step, "credential_process");
    if (link_profile_get(params, step, "web_identity_token_file"))
        return link_web_identity_of_profile(params, step->profile, creds, err);
    if (link_profile_get(params, step, "role_arn"))
        return link_profile_assume_role(params, step, creds, err);
    if (link_profile_has_keys(params, step))
        return link_profile_static_keys(params, step, creds, err);
    if (command)
        return link_process(params, command, PROCESS_TIMEOUT_MS, creds, err);
    if (link_profile_get(params, step, "sso_session") ||
        link_profile_get(params, step, "sso_start_url")) {
        err_set(err, ERR_CREDENTIALS, "",
                "profile %s signs in with SSO, which needs a person: give the daemon a role",
                step->profile);
        return LINK_BROKEN;
    }
    err_set(err, ERR_CREDENTIALS, "",
            "profile %s has no role_arn, web_identity_token_file, aws_access_key_id or "
            "credential_process",
            step->profile);
    return LINK_NONE;
}

enum link_result link_profile(const struct link_params *params, struct aws_creds **creds,
                              struct err *err)
{
    struct profile_step first = {.profile = params->profile};
    if (aws_profile_exists(params->profiles, params->profile)) {
        enum link_result result = link_profile_fetch(params, &first, creds, err);
        /* A profile named on purpose must have credentials; the default one may have settings only.
         */
        return result == LINK_NONE && params->profile_forced ? LINK_BROKEN : result;
    }
    bool named =
        params->profile_forced || secret_env("AWS_PROFILE") || secret_env("AWS_DEFAULT_PROFILE");
    err_set(err, ERR_CREDENTIALS, "", "there is no profile %s in the shared files",
            params->profile);
    return named ? LINK_BROKEN : LINK_NONE;
}
