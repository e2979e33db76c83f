/* AssumeRole, AssumeRoleWithWebIdentity and GetCallerIdentity. */
#include "lib/aws/sts.h"

#include <stdio.h>
#include <string.h>

#include "lib/aws/auth/creds_json.h"
#include "lib/aws/client.h"
#include "lib/aws/names.h"
#include "lib/base/wipe.h"
#include "lib/json/jpath.h"

static const struct aws_op assume_role = {&aws_sts, "AssumeRole", .changes = false};
static const struct aws_op assume_with_web = {&aws_sts, "AssumeRoleWithWebIdentity",
                                              .changes = false};
static const struct aws_op get_caller_identity = {&aws_sts, "GetCallerIdentity", .changes = false};

/* The parameters that both ways of assuming a role share; NULL when out of memory. */
static json_t *role_params(const struct sts_role *role)
{
    const char *name =
        role->session_name && *role->session_name ? role->session_name : STS_SESSION_NAME;
    json_t *params = json_pack("{s:s, s:s}", "RoleArn", role->arn, "RoleSessionName", name);
    if (params && role->duration_s > 0 &&
        json_object_set_new(params, "DurationSeconds", json_integer(role->duration_s)) < 0) {
        json_decref(params);
        return NULL;
    }
    return params;
}

/* Names the role in STS's refusal, which does not always do it. */
static void name_role(const struct sts_role *role, struct err *err)
{
    if (err->kind == ERR_BUSY || err->kind == ERR_INTERNAL || strstr(err->message, role->arn))
        return;
    char message[sizeof err->message];
    int n = snprintf(message, sizeof message, "%s cannot be assumed: %s", role->arn, err->message);
    if (n > 0)
        memcpy(err->message, message, sizeof message);
}

static struct aws_creds *assume(struct aws *aws, struct http_client *http,
                                const struct aws_creds *with, const struct aws_call *call,
                                const struct sts_role *role, struct err *err)
{
    json_t *answer = NULL;
    if (!aws_call_as(aws, http, with, call, &answer, err)) {
        name_role(role, err);
        return NULL;
    }
    struct aws_creds *creds = NULL;
    if (jget(answer, "Credentials"))
        creds = aws_creds_from_json(jget(answer, "Credentials"), "SessionToken", true, role->source,
                                    err);
    else
        err_set(err, ERR_TRANSIENT, "UnreadableResponse",
                "the answer of STS %s for %s has no credentials", call->op->name, role->arn);
    json_decref(answer);
    return creds;
}

static struct aws_creds *no_memory(json_t *params, struct err *err)
{
    json_decref(params);
    err_set(err, ERR_INTERNAL, "", "out of memory");
    return NULL;
}

struct aws_creds *sts_assume_role(struct aws *aws, struct http_client *http,
                                  const struct aws_creds *with, const struct sts_role *role,
                                  struct err *err)
{
    json_t *params = role_params(role);
    bool wants_id = role->external_id && *role->external_id;
    if (!params ||
        (wants_id && json_object_set_new(params, "ExternalId", json_string(role->external_id)) < 0))
        return no_memory(params, err);
    struct aws_call call = {.op = &assume_role, .params = params};
    struct aws_creds *creds = assume(aws, http, with, &call, role, err);
    json_decref(params);
    return creds;
}

struct aws_creds *sts_assume_role_with_web_identity(struct aws *aws, struct http_client *http,
                                                    const char *token, const struct sts_role *role,
                                                    struct err *err)
{
    json_t *params = role_params(role);
    json_t *secret = json_string(token);
    if (!params || !secret || json_object_set(params, "WebIdentityToken", secret) < 0) {
        json_decref(secret);
        return no_memory(params, err);
    }
    struct aws_call call = {.op = &assume_with_web, .params = params};
    struct aws_creds *creds = assume(aws, http, NULL, &call, role, err);
    wipe((void *)json_string_value(secret), json_string_length(secret));
    json_decref(secret);
    json_decref(params);
    return creds;
}

bool sts_caller_identity(struct aws *aws, struct http_client *http, struct aws_caller *caller,
                         struct err *err)
{
    struct aws_call call = {.op = &get_caller_identity};
    json_t *answer = NULL;
    if (!aws_call(aws, http, &call, &answer, err))
        return false;
    const char *account = jstr(answer, "Account");
    const char *arn = jstr(answer, "Arn");
    bool ok = account && arn && !aws_account_problem(account) && strlen(arn) < sizeof caller->arn &&
              aws_partition_of_arn(arn);
    if (ok) {
        *caller = (struct aws_caller){.partition = aws_partition_of_arn(arn)};
        memcpy(caller->account, account, sizeof caller->account);
        memcpy(caller->arn, arn, strlen(arn) + 1);
    } else {
        err_set(err, ERR_TRANSIENT, "UnreadableResponse",
                "the answer of STS GetCallerIdentity has no account and ARN of a known partition");
    }
    json_decref(answer);
    return ok;
}
