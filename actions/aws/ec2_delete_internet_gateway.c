/* ec2_delete_internet_gateway: detaches the gateway from its VPC and deletes it. */
#include "actions/aws/ec2.h"
#include "lib/json/jpath.h"

#define GATEWAY_GONE "InvalidInternetGatewayID.NotFound"

static const struct aws_op describe_gateways = {.service = &aws_ec2,
                                                .name = "DescribeInternetGateways"};
static const struct aws_op detach_gateway = {&aws_ec2, "DetachInternetGateway", .changes = true};
static const struct aws_op delete_gateway = {&aws_ec2, "DeleteInternetGateway", .changes = true};

static const char *ec2_gateway_id(struct step_ctx *ctx)
{
    return act_ec2_id(ctx, NULL, "igw-");
}

static bool ec2_gateway_check(struct step_ctx *ctx)
{
    return ec2_gateway_id(ctx) != NULL;
}

static enum verdict ec2_gateway_detach(struct step_ctx *ctx)
{
    json_t *response = act_call(ctx, &describe_gateways,
                                json_pack("{s:[s]}", "InternetGatewayId", ec2_gateway_id(ctx)));
    if (!response)
        return act_failed_with(ctx, GATEWAY_GONE) ? step_finished(ctx, "already deleted")
                                                  : STEP_FAILED;
    const char *vpc = jstr(response, "internetGatewaySet[0].attachmentSet[0].vpcId");
    enum verdict verdict = STEP_DONE;
    if (vpc)
        verdict = act_step_dry(
            ctx, &detach_gateway,
            json_pack("{s:s, s:s}", "InternetGatewayId", ec2_gateway_id(ctx), "VpcId", vpc), NULL,
            NULL);
    json_decref(response);
    if (verdict == STEP_FAILED && act_failed_with(ctx, "Gateway.NotAttached"))
        return STEP_DONE;
    /* A dry run goes on to the deletion. */
    return verdict == STEP_FINISHED ? STEP_DONE : verdict;
}

static enum verdict ec2_gateway_delete(struct step_ctx *ctx)
{
    return act_step_dry(ctx, &delete_gateway,
                        json_pack("{s:s}", "InternetGatewayId", ec2_gateway_id(ctx)), GATEWAY_GONE,
                        "already deleted");
}

const struct action action_ec2_delete_internet_gateway = {
    .name = "ec2_delete_internet_gateway",
    .display_name = "Delete Internet Gateway",
    .description = "Detaches the internet gateway from its VPC and deletes it.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_DELETES,
    .resource_types = (const char *const[]){"Internet Gateway", NULL},
    .params = ec2_dry_run_params,
    .permissions =
        (const char *const[]){"ec2:DeleteInternetGateway", "ec2:DescribeInternetGateways",
                              "ec2:DetachInternetGateway", NULL},
    .check = ec2_gateway_check,
    .steps = (const struct action_step[]){{.name = "detach", .run = ec2_gateway_detach},
                                          {.name = "delete", .run = ec2_gateway_delete},
                                          {0}},
};
