/* The first link of the chain: static keys in the environment. */
#include "lib/aws/auth/chain_link.h"

enum link_result link_static_environment(struct aws_creds **creds, struct err *err)
{
    const char *id = secret_env("AWS_ACCESS_KEY_ID");
    const char *secret = secret_env("AWS_SECRET_ACCESS_KEY");
    const char *token = secret_env("AWS_SESSION_TOKEN");
    if (!id && !secret) {
        err_set(err, ERR_CREDENTIALS, "", "AWS_ACCESS_KEY_ID is not set");
        return LINK_NONE;
    }
    if (!id || !secret) {
        err_set(err, ERR_CREDENTIALS, "", "%s is set, but %s is not",
                id ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
                id ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
        return LINK_BROKEN;
    }
    if (!secret_text_valid(id) || !secret_text_valid(secret) ||
        (token && !secret_text_valid(token))) {
        err_set(
            err, ERR_CREDENTIALS, "",
            "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY or AWS_SESSION_TOKEN contains white space or "
            "an unprintable character");
        return LINK_BROKEN;
    }
    *creds = aws_creds_new(id, secret, token, INT64_MAX, "environment");
    return LINK_FOUND;
}

enum link_result link_environment(const struct link_params *params, struct aws_creds **creds,
                                  struct err *err)
{
    if (params->profile_forced) {
        err_set(err, ERR_CREDENTIALS, "", "not used because [aws] profile is set");
        return LINK_NONE;
    }
    return link_static_environment(creds, err);
}
