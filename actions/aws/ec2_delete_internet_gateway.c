/* ec2_delete_internet_gateway: off its VPC first. */
#include "actions/aws/ec2.h"
#include "lib/json/jpath.h"

#define GATEWAY_GONE "InvalidInternetGatewayID.NotFound"

static const struct aws_op describe_gateways = {&aws_ec2, "DescribeInternetGateways",
                                                .changes = false};
static const struct aws_op detach_gateway = {&aws_ec2, "DetachInternetGateway", .changes = true};
static const struct aws_op delete_gateway = {&aws_ec2, "DeleteInternetGateway", .changes = true};

static const char *gateway(struct step_ctx *ctx)
{
    return act_ec2_id(ctx, NULL, "igw-");
}

static bool check(struct step_ctx *ctx)
{
    return gateway(ctx) != NULL;
}

static enum verdict detach(struct step_ctx *ctx)
{
    json_t *answer =
        act_call(ctx, &describe_gateways, json_pack("{s:[s]}", "InternetGatewayId", gateway(ctx)));
    if (!answer)
        return act_failed_with(ctx, GATEWAY_GONE) ? step_finished(ctx, "already deleted")
                                                  : STEP_FAILED;
    const char *vpc = jstr(answer, "internetGatewaySet[0].attachmentSet[0].vpcId");
    enum verdict verdict = STEP_DONE;
    if (vpc)
        verdict = act_step_dry(
            ctx, &detach_gateway,
            json_pack("{s:s, s:s}", "InternetGatewayId", gateway(ctx), "VpcId", vpc), NULL, NULL);
    json_decref(answer);
    if (verdict == STEP_FAILED && act_failed_with(ctx, "Gateway.NotAttached"))
        return STEP_DONE;
    return verdict == STEP_FINISHED ? STEP_DONE : verdict; /* a dry run goes on to the deletion */
}

static enum verdict delete_it(struct step_ctx *ctx)
{
    return act_step_dry(ctx, &delete_gateway, json_pack("{s:s}", "InternetGatewayId", gateway(ctx)),
                        GATEWAY_GONE, "already deleted");
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
    .check = check,
    .steps = (const struct action_step[]){{.name = "detach", .run = detach},
                                          {.name = "delete", .run = delete_it},
                                          {0}},
};
