/* The chain's third link: what a profile of the shared files says, roles on top of other profiles
 * included. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/aws/auth/chain_link.h"
#include "lib/aws/auth/creds_json.h"
#include "lib/aws/sts.h"

#define DEPTH_MAX          10
#define PROCESS_TIMEOUT_MS 60000

/* The way from the profile asked for to the one being looked at, through source_profile. */
struct visit {
    const char *profile;
    const struct visit *before;
    unsigned depth;
};

static enum link_result look_at(const struct link_params *ask, const struct visit *visit,
                                struct aws_creds **creds, struct err *err);

/* A setting of the profile; NULL when it is not there or empty. */
static const char *setting(const struct link_params *ask, const struct visit *visit,
                           const char *key)
{
    const char *value = aws_profile_get(ask->profiles, visit->profile, key);
    return value && *value ? value : NULL;
}

static bool has_keys(const struct link_params *ask, const struct visit *visit)
{
    return setting(ask, visit, "aws_access_key_id") || setting(ask, visit, "aws_secret_access_key");
}

static enum link_result static_keys(const struct link_params *ask, const struct visit *visit,
                                    struct aws_creds **creds, struct err *err)
{
    const char *id = setting(ask, visit, "aws_access_key_id");
    const char *secret = setting(ask, visit, "aws_secret_access_key");
    const char *token = setting(ask, visit, "aws_session_token");
    char source[160];
    if (!id || !secret) {
        err_set(err, ERR_CREDENTIALS, "", "profile %s has %s, but no %s", visit->profile,
                id ? "aws_access_key_id" : "aws_secret_access_key",
                id ? "aws_secret_access_key" : "aws_access_key_id");
        return LINK_BROKEN;
    }
    if (!secret_text_valid(id) || !secret_text_valid(secret) ||
        (token && !secret_text_valid(token))) {
        err_set(err, ERR_CREDENTIALS, "",
                "a key of profile %s holds white space or an unprintable character",
                visit->profile);
        return LINK_BROKEN;
    }
    snprintf(source, sizeof source, "profile %s", visit->profile);
    *creds = aws_creds_new(id, secret, token, INT64_MAX, source);
    if (!*creds) {
        err_set(err, ERR_INTERNAL, "", "out of memory");
        return LINK_BROKEN;
    }
    return LINK_FOUND;
}

/* Credentials of source_profile. A profile may name itself: then its own keys are meant. */
static enum link_result from_source_profile(const struct link_params *ask,
                                            const struct visit *visit, const char *name,
                                            struct aws_creds **creds, struct err *err)
{
    if (!aws_profile_exists(ask->profiles, name)) {
        err_set(err, ERR_CREDENTIALS, "",
                "the source_profile %s of profile %s is in neither shared file", name,
                visit->profile);
        return LINK_BROKEN;
    }
    if (strcmp(name, visit->profile) == 0 && has_keys(ask, visit))
        return static_keys(ask, visit, creds, err);
    for (const struct visit *v = visit; v; v = v->before) {
        if (strcmp(v->profile, name) == 0 || visit->depth >= DEPTH_MAX) {
            err_set(err, ERR_CREDENTIALS, "", "the source_profile of profile %s %s", visit->profile,
                    visit->depth >= DEPTH_MAX ? "is more than ten steps away" : "leads back to it");
            return LINK_BROKEN;
        }
    }
    struct visit next = {.profile = name, .before = visit, .depth = visit->depth + 1};
    enum link_result result = has_keys(ask, &next) ? static_keys(ask, &next, creds, err)
                                                   : look_at(ask, &next, creds, err);
    return result == LINK_FOUND ? LINK_FOUND : LINK_BROKEN;
}

static enum link_result from_credential_source(const struct link_params *ask,
                                               const struct visit *visit, const char *name,
                                               struct aws_creds **creds, struct err *err)
{
    enum link_result result = LINK_BROKEN;
    if (strcasecmp(name, "Environment") == 0) {
        result = link_static_environment(creds, err);
    } else if (strcasecmp(name, "EcsContainer") == 0) {
        result = link_container(ask, creds, err);
    } else if (strcasecmp(name, "Ec2InstanceMetadata") == 0) {
        result = link_imds(ask, creds, err);
    } else {
        err_set(err, ERR_CREDENTIALS, "",
                "credential_source of profile %s is not one of Environment, EcsContainer, "
                "Ec2InstanceMetadata",
                visit->profile);
    }
    return result == LINK_FOUND ? LINK_FOUND : LINK_BROKEN;
}

/* The settings of the role, checked. */
static bool read_role(const struct link_params *ask, const struct visit *visit,
                      struct sts_role *role, struct err *err)
{
    role->arn = setting(ask, visit, "role_arn");
    role->session_name = setting(ask, visit, "role_session_name");
    role->external_id = setting(ask, visit, "external_id");
    if (setting(ask, visit, "mfa_serial"))
        return err_set(err, ERR_CREDENTIALS, "",
                       "profile %s has an mfa_serial: a daemon cannot be asked for a code",
                       visit->profile);
    const char *duration = setting(ask, visit, "duration_seconds");
    char *end = NULL;
    long seconds = duration ? strtol(duration, &end, 10) : 0;
    if (duration && (*end || seconds < 900 || seconds > 43200))
        return err_set(err, ERR_CREDENTIALS, "",
                       "duration_seconds of profile %s is not a number from 900 to 43200",
                       visit->profile);
    role->duration_s = (int)seconds;
    return true;
}

static enum link_result assume(const struct link_params *ask, const struct visit *visit,
                               struct aws_creds **creds, struct err *err)
{
    const char *profile = setting(ask, visit, "source_profile");
    const char *other = setting(ask, visit, "credential_source");
    char source[160];
    struct sts_role role = {.source = source};
    snprintf(source, sizeof source, "profile %s (role)", visit->profile);
    if (!profile == !other) {
        err_set(err, ERR_CREDENTIALS, "",
                "profile %s has a role_arn and %s source_profile %s credential_source: one of them "
                "is needed",
                visit->profile, profile ? "both" : "neither", profile ? "and" : "nor");
        return LINK_BROKEN;
    }
    if (!read_role(ask, visit, &role, err))
        return LINK_BROKEN;
    struct aws_creds *with = NULL;
    enum link_result result = profile ? from_source_profile(ask, visit, profile, &with, err)
                                      : from_credential_source(ask, visit, other, &with, err);
    if (result == LINK_FOUND) {
        *creds = sts_assume_role(ask->aws, ask->http, with, &role, err);
        aws_creds_unref(with);
        result = *creds ? LINK_FOUND : LINK_BROKEN;
    }
    return result;
}

/* What one profile says, in the order of the AWS CLI. */
static enum link_result look_at(const struct link_params *ask, const struct visit *visit,
                                struct aws_creds **creds, struct err *err)
{
    const char *command = setting(ask, visit, "credential_process");
    if (setting(ask, visit, "web_identity_token_file"))
        return link_web_identity_of_profile(ask, visit->profile, creds, err);
    if (setting(ask, visit, "role_arn"))
        return assume(ask, visit, creds, err);
    if (has_keys(ask, visit))
        return static_keys(ask, visit, creds, err);
    if (command)
        return link_process(ask, command, PROCESS_TIMEOUT_MS, creds, err);
    if (setting(ask, visit, "sso_session") || setting(ask, visit, "sso_start_url")) {
        err_set(err, ERR_CREDENTIALS, "",
                "profile %s signs in with SSO, which needs a person; give the daemon a role",
                visit->profile);
        return LINK_BROKEN;
    }
    err_set(err, ERR_CREDENTIALS, "",
            "profile %s has no role_arn, web_identity_token_file, aws_access_key_id or "
            "credential_process",
            visit->profile);
    return LINK_NONE;
}

enum link_result link_profile(const struct link_params *ask, struct aws_creds **creds,
                              struct err *err)
{
    struct visit first = {.profile = ask->profile};
    if (aws_profile_exists(ask->profiles, ask->profile)) {
        enum link_result result = look_at(ask, &first, creds, err);
        /* A profile named on purpose must answer; the default one may hold settings only. */
        return result == LINK_NONE && ask->profile_forced ? LINK_BROKEN : result;
    }
    bool named =
        ask->profile_forced || secret_env("AWS_PROFILE") || secret_env("AWS_DEFAULT_PROFILE");
    err_set(err, ERR_CREDENTIALS, "", "there is no profile %s in the shared files", ask->profile);
    return named ? LINK_BROKEN : LINK_NONE;
}
