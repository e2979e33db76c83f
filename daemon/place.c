/* Where a resource is, by what the event says of it: account, region and partition, or
 * subscription.
 */
#include <string.h>
#include <strings.h>

#include "daemon/task.h"
#include "lib/aws/partition.h"
#include "lib/azure/azure.h"

/* The partition: the resource's ARN's, else its region's, else the daemon's own. */
static const struct aws_partition *find_partition(struct step_ctx *ctx, const char *region)
{
    const char *arn = resource_field(ctx, "arn");
    const struct aws_partition *partition = arn ? aws_partition_of_arn(arn) : NULL;
    if (partition)
        return partition;
    if (region)
        return aws_partition_of_region(region);
    struct aws_self self;
    return aws_self(ctx->aws, ctx->http, &self, &ctx->err) ? self.partition : NULL;
}

/* Where an AWS resource is. False with ctx->err. */
static bool place_aws(struct step_ctx *ctx)
{
    const char *account = resource_field(ctx, "account");
    const char *region = resource_field(ctx, "region");
    if (region && strcmp(region, "global") == 0)
        region = NULL;
    if (!account || !aws_account_valid(account))
        return err_set(
            &ctx->err, ERR_INVALID, "",
            "the resource's \"account\" is \"%.64s\", which is no AWS account id (12 digits)",
            account ? account : "");
    if (region && !aws_region_valid(region))
        return err_set(&ctx->err, ERR_INVALID, "",
                       "the resource's \"region\" is \"%.64s\", which is no AWS region", region);
    const struct aws_partition *partition = find_partition(ctx, region);
    if (!partition)
        return false;
    if (!region)
        region = partition->default_region;
    else if (aws_partition_of_region(region) != partition)
        return err_set(&ctx->err, ERR_INVALID, "",
                       "the resource's \"region\" %s is not in the partition of its \"arn\" (%s)",
                       region, partition->name);
    ctx->account = account;
    ctx->region = region;
    ctx->partition = partition->name;
    return true;
}

/* Where an Azure resource is. Its id names the subscription too: what the policy says of the one
 * must hold for the other. False with ctx->err. */
static bool place_azure(struct step_ctx *ctx)
{
    static const char root[] = "/subscriptions/";
    const char *subscription = resource_field(ctx, "subscription");
    const char *id = resource_field(ctx, "id");
    size_t n = sizeof root - 1;
    if (!subscription || !azure_guid_valid(subscription))
        return err_set(
            &ctx->err, ERR_INVALID, "",
            "the resource's \"subscription\" is \"%.64s\", which is no subscription's id (a GUID)",
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
    return ctx->action->cloud == CLOUD_AZURE ? place_azure(ctx) : place_aws(ctx);
}
