/* elb_delete_load_balancer: deletes a load balancer by one call, which succeeds if it does not
 * exist. */
#include <string.h>

#include "actions/aws/call.h"

static const struct aws_op delete_load_balancer = {&aws_elbv2, "DeleteLoadBalancer",
                                                   .changes = true};

/* "app/name/0123456789abcdef" */
static bool elb_name_valid(const char *name)
{
    return act_name_valid(name, "-/", 3, 128) && !strstr(name, "//");
}

/* An `id` may be the name alone: of "app/name/0123456789abcdef" the second part. */
static bool elb_name_same(const char *id, const char *name)
{
    size_t n = strlen(id);
    const char *slash = strchr(name, '/');
    return slash && strncmp(slash + 1, id, n) == 0 && slash[1 + n] == '/';
}

static const struct act_naming balancers = {
    .what = "a load balancer",
    .service = "elasticloadbalancing",
    .prefix = "loadbalancer/",
    .valid = elb_name_valid,
    .same = elb_name_same,
};

static bool elb_check(struct step_ctx *ctx)
{
    return act_arn(ctx, &balancers) != NULL;
}

static enum verdict elb_delete(struct step_ctx *ctx)
{
    return act_step_unless(ctx, &delete_load_balancer,
                           json_pack("{s:s}", "LoadBalancerArn", act_arn(ctx, &balancers)),
                           "LoadBalancerNotFound", "already deleted");
}

const struct action action_elb_delete_load_balancer = {
    .name = "elb_delete_load_balancer",
    .display_name = "Delete Load Balancer",
    .description = "Deletes the load balancer with its listeners.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_DELETES,
    .resource_types =
        (const char *const[]){"Application Load Balancer", "Network Load Balancer", NULL},
    .permissions = (const char *const[]){"elasticloadbalancing:DeleteLoadBalancer", NULL},
    .check = elb_check,
    .steps = (const struct action_step[]){{.name = "delete", .run = elb_delete}, {0}},
};
