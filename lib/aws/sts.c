/* AssumeRole, AssumeRoleWithWebIdentity and GetCallerIdentity. */
#include "lib/aws/sts.h"

#include <stdio.h>
#include <string.h>

#include "lib/aws/auth/creds_json.h"
#include "lib/aws/client.h"
#include "lib/aws/names.h"
#include "lib/base/secret.h"
#include "lib/json/jpath.h"

static const struct aws_op assume_role = {.service = &aws_sts, .name = "AssumeRole"};
static const struct aws_op assume_with_web = {.service = &aws_sts,
                                              .name = "AssumeRoleWithWebIdentity"};
static const struct aws_op get_caller_identity = {.service = &aws_sts, .name = "GetCallerIdentity"};

/* The parameters that both ways of assuming a role share. */
static json_t *sts_role_params(const struct sts_role *role, struct err *err)
{
    const char *name =
        role->session_name && *role->session_name ? role->session_name : STS_SESSION_NAME;
    json_t *params = json_pack("{s:s, s:s}", "RoleArn", role->arn, "RoleSessionName", name);
    if (!params)
        err_set(err, ERR_INVALID, "", "the role's ARN or session name is not valid UTF-8");
    else if (role->duration_s > 0)
        json_object_set_new(params, "DurationSeconds", json_integer(role->duration_s));
    return params;
}

/* Names the role in the error, which STS does not always do. */
static void sts_name_role(const struct sts_role *role, struct err *err)
{
    if (err->kind == ERR_BUSY || err->kind == ERR_INTERNAL || strstr(err->message, role->arn))
        return;
    char message[sizeof err->message];
    int n = snprintf(message, sizeof message, "cannot assume %s: %s", role->arn, err->message);
    if (n > 0)
        memcpy(err->message, message, sizeof message);
}

static struct aws_creds *sts_send_assume(struct aws *aws, struct http_client *http,
                                         const struct aws_creds *with, const struct aws_call *call,
                                         const struct sts_role *role, struct err *err)
{
    json_t *result = NULL;
    if (!aws_call_as(aws, http, with, call, &result, err)) {
        sts_name_role(role, err);
        return NULL;
    }
    struct aws_creds *creds = NULL;
    json_t *object = jget(result, "Credentials");
    if (object)
        creds = aws_creds_from_json(object, "SessionToken", true, role->source, err);
    else
        err_set(err, ERR_TRANSIENT, "UnreadableResponse",
                "the response from STS %s for %s has no credentials", call->op->name, role->arn);
    json_decref(result);
    return creds;
}

struct aws_creds *sts_assume_role(struct aws *aws, struct http_client *http,
                                  const struct aws_creds *with, const struct sts_role *role,
                                  struct err *err)
{
    json_t *params = sts_role_params(role, err);
    if (!params)
        return NULL;
    struct aws_creds *creds = NULL;
    bool has_id = role->external_id && *role->external_id;
    if (has_id && json_object_set_new(params, "ExternalId", json_string(role->external_id)) < 0) {
        err_set(err, ERR_INVALID, "", "the external ID is not valid UTF-8");
    } else {
        struct aws_call call = {.op = &assume_role, .params = params};
        creds = sts_send_assume(aws, http, with, &call, role, err);
    }
    json_decref(params);
    return creds;
}

struct aws_creds *sts_assume_role_with_web_identity(struct aws *aws, struct http_client *http,
                                                    const char *token, const struct sts_role *role,
                                                    struct err *err)
{
    json_t *params = sts_role_params(role, err);
    json_t *secret = params ? json_string(token) : NULL;
    struct aws_creds *creds = NULL;
    if (params && json_object_set(params, "WebIdentityToken", secret) < 0) {
        err_set(err, ERR_CREDENTIALS, "", "the web identity token is not valid UTF-8");
    } else if (params) {
        struct aws_call call = {.op = &assume_with_web, .params = params};
        creds = sts_send_assume(aws, http, NULL, &call, role, err);
    }
    secret_wipe_json(secret);
    json_decref(secret);
    json_decref(params);
    return creds;
}

bool sts_get_caller_identity(struct aws *aws, struct http_client *http, struct aws_caller *caller,
                             struct err *err)
{
    struct aws_call call = {.op = &get_caller_identity};
    json_t *result = NULL;
    if (!aws_call(aws, http, &call, &result, err))
        return false;
    const char *account = jstr(result, "Account");
    const char *arn = jstr(result, "Arn");
    bool ok = account && arn && !aws_account_problem(account) && strlen(arn) < sizeof caller->arn &&
              aws_partition_of_arn(arn);
    if (ok) {
        *caller = (struct aws_caller){.partition = aws_partition_of_arn(arn)};
        memcpy(caller->account, account, sizeof caller->account);
        memcpy(caller->arn, arn, strlen(arn) + 1);
    } else {
        err_set(err, ERR_TRANSIENT, "UnreadableResponse",
                "the response from STS GetCallerIdentity has no account or no ARN of a known "
                "partition");
    }
    json_decref(result);
    return ok;
}
