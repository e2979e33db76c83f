/* Where a resource is, by what the event says of it: account, region and partition, or
 * subscription.
 */
#include <string.h>
#include <strings.h>

#include "daemon/run/task.h"
#include "lib/aws/names.h"
#include "lib/aws/wire/partition.h"
#include "lib/azure/azure.h"
#include "lib/azure/names.h"

/* The members that say what and where a resource is. No action is begun with one that is malformed,
 * not even an action that does not read it. */
static bool check_members(struct step_ctx *ctx)
{
    static const char *const names[] = {"id",     "name",         "type", "account",
                                        "region", "subscription", "arn"};
    const char *ignored;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!resource_field(ctx, names[i], &ignored))
            return false;
    return resource_attribute(ctx, NULL, &ignored); /* whether there can be any */
}

/* --- AWS --- */

static bool take_account(struct step_ctx *ctx)
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

/* *region is NULL when the resource has none, as what is global. */
static bool take_region(struct step_ctx *ctx, const char **region)
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

/* The resource's ARN; arn->partition is "" when it has none. */
static bool take_arn(struct step_ctx *ctx, struct aws_arn *arn)
{
    const char *text;
    arn->partition = "";
    if (!resource_field(ctx, "arn", &text))
        return false;
    return !text || aws_arn_parse(text, arn) ||
           err_set(&ctx->err, ERR_INVALID, "",
                   "the resource's \"arn\" is \"%.128s\", which is not a valid ARN", text);
}

/* The partition: the resource's ARN's, else its region's, else the daemon's own. */
static const struct aws_partition *find_partition(struct step_ctx *ctx, const struct aws_arn *arn,
                                                  const char *region)
{
    struct aws_self self;
    if (!*arn->partition && region)
        return aws_partition_of_region(region);
    if (!*arn->partition)
        return aws_self(ctx->aws, ctx->http, &self, &ctx->err) ? self.partition : NULL;
    const struct aws_partition *partition = aws_partition_by_name(arn->partition);
    if (!partition)
        err_set(&ctx->err, ERR_INVALID, "",
                "the resource's \"arn\" is in the partition \"%.64s\", which is not known",
                arn->partition);
    return partition;
}

/* Credentials are of one partition, and so are the roles that can be assumed with them: a resource
 * of another cannot be reached. A plan that has no credentials makes no call either. */
static bool in_reach(struct step_ctx *ctx, const struct aws_partition *partition)
{
    struct aws_self self;
    if (!ctx->aws) /* no client, no calls */
        return true;
    if (!aws_self(ctx->aws, ctx->http, &self, &ctx->err)) {
        bool without = ctx->plan && ctx->err.kind != ERR_BUSY;
        if (without)
            ctx->err = ERR_INIT;
        return without;
    }
    return partition == self.partition ||
           err_set(&ctx->err, ERR_INVALID, "",
                   "the resource is in the partition %s, but the daemon's credentials are of %s",
                   partition->name, self.partition->name);
}

/* What an ARN says of account and region must be what the resource says. (The account of some is a
 * word: "aws".) */
static bool agrees(struct step_ctx *ctx, const struct aws_arn *arn)
{
    if (!*arn->partition)
        return true;
    if (!aws_account_problem(arn->account) && strcmp(arn->account, ctx->account) != 0)
        return err_set(&ctx->err, ERR_INVALID, "",
                       "the resource's \"account\" is %s, but its \"arn\" says %s", ctx->account,
                       arn->account);
    return !*arn->region || strcmp(arn->region, ctx->region) == 0 ||
           err_set(&ctx->err, ERR_INVALID, "",
                   "the resource's \"region\" is %s, but its \"arn\" says \"%.64s\"", ctx->region,
                   arn->region);
}

/* Where an AWS resource is. False with ctx->err. */
static bool place_aws(struct step_ctx *ctx)
{
    const char *region;
    struct aws_arn arn;
    if (!take_account(ctx) || !take_region(ctx, &region) || !take_arn(ctx, &arn))
        return false;
    const struct aws_partition *partition = find_partition(ctx, &arn, region);
    if (!partition)
        return false;
    if (region && aws_partition_of_region(region) != partition)
        return err_set(&ctx->err, ERR_INVALID, "",
                       "the resource's \"region\" %s is not in the partition of its \"arn\" (%s)",
                       region, partition->name);
    ctx->region = region ? region : partition->default_region;
    ctx->partition = partition->name;
    return agrees(ctx, &arn) && in_reach(ctx, partition);
}

/* --- Azure --- */

/* Where an Azure resource is. Its id names the subscription too: what the policy says of the one
 * must hold for the other. False with ctx->err. */
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
                       "the resource's \"id\" is in another subscription than its "
                       "\"subscription\" says");
    ctx->account = subscription;
    return true;
}

bool place_resource(struct step_ctx *ctx)
{
    if (!check_members(ctx))
        return false;
    return ctx->action->cloud == CLOUD_AZURE ? place_azure(ctx) : place_aws(ctx);
}
