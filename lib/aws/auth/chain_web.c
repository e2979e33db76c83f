/* The second link of the chain: a role assumed with an OpenID Connect token from a file (EKS IRSA,
 * CI systems). */
#include <stdio.h>

#include "lib/aws/auth/chain_link.h"
#include "lib/aws/sts.h"

#define TOKEN_MAX (64u << 10)

/* Reads the token file each time: the kubelet rewrites it. */
static enum link_result link_assume_with_token(const struct link_params *params,
                                               const char *token_file, const struct sts_role *role,
                                               struct aws_creds **creds, struct err *err)
{
    struct buf token = buf_make_secret(TOKEN_MAX);
    if (secret_read_token(token_file, &token, err))
        *creds = sts_assume_role_with_web_identity(params->aws, params->http, buf_str(&token), role,
                                                   err);
    buf_free(&token);
    return *creds ? LINK_FOUND : LINK_BROKEN;
}

enum link_result link_web_identity(const struct link_params *params, struct aws_creds **creds,
                                   struct err *err)
{
    const char *file = secret_env("AWS_WEB_IDENTITY_TOKEN_FILE");
    if (params->profile_forced || !file) {
        err_set(err, ERR_CREDENTIALS, "", "%s",
                params->profile_forced ? "not used because [aws] profile is set"
                                       : "AWS_WEB_IDENTITY_TOKEN_FILE is not set");
        return LINK_NONE;
    }
    struct sts_role role = {
        .arn = secret_env("AWS_ROLE_ARN"),
        .session_name = secret_env("AWS_ROLE_SESSION_NAME"),
        .source = "web identity",
    };
    if (!role.arn) {
        err_set(err, ERR_CREDENTIALS, "",
                "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not");
        return LINK_BROKEN;
    }
    return link_assume_with_token(params, file, &role, creds, err);
}

enum link_result link_web_identity_of_profile(const struct link_params *params, const char *profile,
                                              struct aws_creds **creds, struct err *err)
{
    char source[160];
    snprintf(source, sizeof source, "profile %s (web identity)", profile);
    struct sts_role role = {
        .arn = aws_profile_get(params->profiles, profile, "role_arn"),
        .session_name = aws_profile_get(params->profiles, profile, "role_session_name"),
        .source = source,
    };
    if (!role.arn || !*role.arn) {
        err_set(err, ERR_CREDENTIALS, "",
                "profile %s has a web_identity_token_file, but no role_arn", profile);
        return LINK_BROKEN;
    }
    return link_assume_with_token(
        params, aws_profile_get(params->profiles, profile, "web_identity_token_file"), &role, creds,
        err);
}
