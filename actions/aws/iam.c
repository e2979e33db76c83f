/* What actions on IAM share: names and policies. */
#include "actions/aws/iam.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json/jpath.h"
#include "lib/net/uri.h"

/* IAM allows 6,144 characters, without white space. */
#define DOCUMENT_MAX (64u << 10)

static const struct aws_op create_policy = {&aws_iam, "CreatePolicy", .changes = true};
static const struct aws_op get_policy = {.service = &aws_iam, .name = "GetPolicy"};
static const struct aws_op get_policy_version = {.service = &aws_iam, .name = "GetPolicyVersion"};
static const struct aws_op attach_user_policy = {&aws_iam, "AttachUserPolicy", .changes = true};
static const struct aws_op get_user = {.service = &aws_iam, .name = "GetUser"};

const char *const iam_user_types[] = {"IAM User", NULL};

static bool iam_user_valid(const char *name)
{
    return act_name_valid(name, IAM_NAME_CHARACTERS, 1, 64);
}

bool iam_unique_id(const char *id, const char *prefix)
{
    size_t n = strlen(prefix);
    return strncmp(id, prefix, n) == 0 && strlen(id) >= 16 &&
           id[strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")] == '\0';
}

/* The `id` of a user may be its unique ID. */
static bool iam_user_unique_id(const char *id)
{
    return iam_unique_id(id, "AIDA");
}

static const struct act_naming users = {
    .what = "an IAM user",
    .service = "iam",
    .prefix = "user/",
    .path = true,
    .valid = iam_user_valid,
    .fields = {"name", "id"},
    .other = iam_user_unique_id,
};

const char *iam_user(struct step_ctx *ctx)
{
    return act_name(ctx, &users);
}

bool iam_check_user(struct step_ctx *ctx)
{
    return iam_user(ctx) != NULL;
}

const char *iam_policy_arn(const struct step_ctx *ctx, const char *name, char to[IAM_ARN_SIZE])
{
    snprintf(to, IAM_ARN_SIZE, "arn:%s:iam::%s:policy/%s", ctx->partition, ctx->account, name);
    return to;
}

/* Parses the document of a policy, which is percent-encoded JSON: a new reference, NULL if it is
 * not valid. */
static json_t *iam_parse_document(const char *text)
{
    struct buf plain = buf_make(DOCUMENT_MAX);
    json_t *document = NULL;
    bool ok = text && (*text == '{' ? buf_adds(&plain, text)
                                    : uri_decode(&plain, text, strlen(text), false));
    if (ok)
        document = json_loadb(buf_str(&plain), plain.size, JSON_REJECT_DUPLICATES, NULL);
    buf_free(&plain);
    return document;
}

/* The document of the policy's default version: a new reference, NULL with ctx->err. */
static json_t *iam_read_document(struct step_ctx *ctx, const char *arn)
{
    json_t *policy = act_call(ctx, &get_policy, json_pack("{s:s}", "PolicyArn", arn));
    const char *version = jstr(policy, "Policy.DefaultVersionId");
    json_t *response = NULL;
    if (version)
        response = act_call(ctx, &get_policy_version,
                            json_pack("{s:s, s:s}", "PolicyArn", arn, "VersionId", version));
    json_t *document =
        response ? iam_parse_document(jstr(response, "PolicyVersion.Document")) : NULL;
    if (policy && (!version || response) && !document)
        err_set(&ctx->err, ERR_PROVIDER, "", "the document of the policy %s cannot be read", arn);
    json_decref(response);
    json_decref(policy);
    return document;
}

/* A policy with that name exists, from an earlier try, another run or another origin. text: the
 * document that it must have. */
static enum verdict iam_compare_policy(struct step_ctx *ctx, const char *name,
                                       const json_t *document, const char *text)
{
    char arn[IAM_ARN_SIZE];
    json_t *there = iam_read_document(ctx, iam_policy_arn(ctx, name, arn));
    if (!there) /* If it has just been created, it may not be visible yet. */
        return act_failed_with(ctx, "NoSuchEntity") ? step_retry(ctx, WAIT_MINUTES(2))
                                                    : STEP_FAILED;
    bool same = json_equal((json_t *)document, there);
    json_decref(there);
    if (same)
        return STEP_DONE;
    return step_invalid(
        ctx,
        "the policy %s exists with different content and was not attached; delete it, "
        "or make this its default version: %.600s",
        arn, text);
}

enum verdict iam_require_policy(struct step_ctx *ctx, const char *name, const char *description,
                                json_t *document)
{
    char *text = json_dumps(document, JSON_COMPACT);
    enum verdict verdict = STEP_FAILED;
    if (act_do(ctx, &create_policy,
               json_pack("{s:s, s:s, s:s}", "PolicyName", name, "PolicyDocument", text,
                         "Description", description)))
        verdict = STEP_DONE;
    else if (act_failed_with(ctx, "EntityAlreadyExists"))
        verdict = iam_compare_policy(ctx, name, document, text);
    free(text);
    json_decref(document);
    return verdict;
}

bool iam_attach_policy(struct step_ctx *ctx, const char *user, const char *arn)
{
    return act_do(ctx, &attach_user_policy,
                  json_pack("{s:s, s:s}", "UserName", user, "PolicyArn", arn));
}

bool iam_user_gone(struct step_ctx *ctx, const char *user)
{
    struct err rejection = ctx->err;
    bool there = act_do(ctx, &get_user, json_pack("{s:s}", "UserName", user));
    bool gone = !there && act_failed_with(ctx, "NoSuchEntity");
    ctx->err = rejection;
    return gone;
}
