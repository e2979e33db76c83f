/* Determines where a resource is from its members in the event: account, region and partition in
 * AWS, the subscription in Azure. Runs on a worker. */
#include <string.h>
#include <strings.h>

#include "daemon/run/task.h"
#include "lib/aws/names.h"
#include "lib/aws/wire/partition.h"
#include "lib/azure/azure.h"
#include "lib/azure/names.h"

/* Checks the members that identify and locate a resource. No action is begun if one of them is
 * malformed, not even an action that does not read it. */
static bool place_check_members(struct step_ctx *ctx)
{
    static const char *const names[] = {"id",     "name",         "type", "account",
                                        "region", "subscription", "arn"};
    const char *ignored;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!resource_field(ctx, names[i], &ignored))
            return false;
    /* Whether the attributes can be read at all. */
    return resource_attribute(ctx, NULL, &ignored);
}

/* --- AWS --- */

static bool place_read_account(struct step_ctx *ctx)
{
    const char *account;
    if (!resource_field(ctx, "account", &account))
        return false;
    if (!account || aws_account_problem(account))
        return err_set(&ctx->err, ERR_INVALID, "",
                       "the resource's \"account\" is \"%.64s\", which is not a valid AWS account "
                       "ID (12 digits)",
                       account ? account : "");
    ctx->account = account;
    return true;
}

/* *region is NULL if the resource has none, as global resources. */
static bool place_read_region(struct step_ctx *ctx, const char **region)
{
    if (!resource_field(ctx, "region", region))
        return false;
    if (*region && strcmp(*region, "global") == 0)
        *region = NULL;
    return !*region || !aws_region_problem(*region) ||
           err_set(&ctx->err, ERR_INVALID, "",
                   "the resource's \"region\" is \"%.64s\", which is not a valid AWS region",
                   *region);
}

/* Reads the ARN of the resource; arn->partition is "" if it has none. */
static bool place_read_arn(struct step_ctx *ctx, struct aws_arn *arn)
{
    const char *text;
    arn->partition = "";
    if (!resource_field(ctx, "arn", &text))
        return false;
    return !text || aws_arn_parse(text, arn) ||
           err_set(&ctx->err, ERR_INVALID, "",
                   "the resource's \"arn\" is \"%.128s\", which is not a valid ARN", text);
}

/* Returns the partition of the ARN, else of the region, else of the daemon; NULL with ctx->err. */
static const struct aws_partition *
place_find_partition(struct step_ctx *ctx, const struct aws_arn *arn, const char *region)
{
    if (!*arn->partition && region)
        return aws_partition_of_region(region);
    if (!*arn->partition) {
        const struct aws_caller *caller = aws_get_caller(ctx->aws, ctx->http, &ctx->err);
        return caller ? caller->partition : NULL;
    }
    const struct aws_partition *partition = aws_partition_by_name(arn->partition);
    if (!partition)
        err_set(&ctx->err, ERR_INVALID, "",
                "the resource's \"arn\" is in the partition \"%.64s\", which is unknown",
                arn->partition);
    return partition;
}

/* Credentials are valid in one partition, and so are the roles that can be assumed with them:
 * resources of another cannot be reached. A dry run without credentials makes no calls. */
static bool place_check_partition(struct step_ctx *ctx, const struct aws_partition *partition)
{
    /* Without a client no call is made. */
    if (!ctx->aws)
        return true;
    const struct aws_caller *caller = aws_get_caller(ctx->aws, ctx->http, &ctx->err);
    if (!caller) {
        bool without = ctx->plan && ctx->err.kind != ERR_BUSY;
        if (without)
            ctx->err = ERR_INIT;
        return without;
    }
    return partition == caller->partition ||
           err_set(&ctx->err, ERR_INVALID, "",
                   "the resource is in the partition %s, but the daemon's credentials are for %s",
                   partition->name, caller->partition->name);
}

/* Checks that account and region of the ARN are those of the resource. (In some ARNs the account is
 * a word: "aws".) */
static bool place_check_arn(struct step_ctx *ctx, const struct aws_arn *arn)
{
    if (!*arn->partition)
        return true;
    if (!aws_account_problem(arn->account) && strcmp(arn->account, ctx->account) != 0)
        return err_set(&ctx->err, ERR_INVALID, "",
                       "the resource's \"account\" is %s, but its \"arn\" contains %s",
                       ctx->account, arn->account);
    return !*arn->region || strcmp(arn->region, ctx->region) == 0 ||
           err_set(&ctx->err, ERR_INVALID, "",
                   "the resource's \"region\" is %s, but its \"arn\" contains \"%.64s\"",
                   ctx->region, arn->region);
}

static bool place_aws(struct step_ctx *ctx)
{
    const char *region;
    struct aws_arn arn;
    if (!place_read_account(ctx) || !place_read_region(ctx, &region) || !place_read_arn(ctx, &arn))
        return false;
    const struct aws_partition *partition = place_find_partition(ctx, &arn, region);
    if (!partition)
        return false;
    if (region && aws_partition_of_region(region) != partition)
        return err_set(&ctx->err, ERR_INVALID, "",
                       "the resource's \"region\" %s is not in the partition of its \"arn\" (%s)",
                       region, partition->name);
    ctx->region = region ? region : partition->default_region;
    ctx->partition = partition->name;
    return place_check_arn(ctx, &arn) && place_check_partition(ctx, partition);
}

/* --- Azure --- */

/* The ID of the resource also names the subscription. Both must be the same, since the policy is
 * checked for one and the other is changed. */
static bool place_azure(struct step_ctx *ctx)
{
    static const char root[] = "/subscriptions/";
    const char *subscription, *id;
    size_t n = sizeof root - 1;
    if (!resource_field(ctx, "subscription", &subscription) || !resource_field(ctx, "id", &id))
        return false;
    if (!subscription || azure_guid_problem(subscription))
        return err_set(
            &ctx->err, ERR_INVALID, "",
            "the resource's \"subscription\" is \"%.64s\", which is not a subscription ID (a GUID)",
            subscription ? subscription : "");
    if (id && strncasecmp(id, root, n) == 0 &&
        (strncasecmp(id + n, subscription, strlen(subscription)) != 0 ||
         id[n + strlen(subscription)] != '/'))
        return err_set(&ctx->err, ERR_INVALID, "",
                       "the resource's \"id\" is not in its \"subscription\"");
    ctx->account = subscription;
    return true;
}

bool place_resource(struct step_ctx *ctx)
{
    if (!place_check_members(ctx))
        return false;
    return ctx->action->cloud == CLOUD_AZURE ? place_azure(ctx) : place_aws(ctx);
}
