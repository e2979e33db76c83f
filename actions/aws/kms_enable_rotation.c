/* kms_enable_rotation: enables the rotation of a key by one call. */
#include <string.h>

#include "actions/aws/call.h"

static const struct aws_op enable_rotation = {&aws_kms, "EnableKeyRotation", .changes = true};

static const char *kms_key(const struct step_ctx *ctx)
{
    return param_string(ctx, "KMS Key Id");
}

static bool kms_key_id_valid(const char *text)
{
    return act_name_valid(text, "-", 8, 64);
}

/* A key of another account or region is not the resource of the event, and not what the policy has
 * allowed. */
static bool kms_key_arn_valid(const struct step_ctx *ctx, const char *text)
{
    struct aws_arn arn;
    return aws_arn_parse(text, &arn) && strcmp(arn.service, "kms") == 0 &&
           strcmp(arn.partition, ctx->partition) == 0 && strcmp(arn.account, ctx->account) == 0 &&
           strcmp(arn.region, ctx->region) == 0 && strncmp(arn.resource, "key/", 4) == 0 &&
           kms_key_id_valid(arn.resource + 4);
}

static bool kms_key_check(struct step_ctx *ctx)
{
    char shown[84];
    if (kms_key_id_valid(kms_key(ctx)) || kms_key_arn_valid(ctx, kms_key(ctx)))
        return true;
    return err_set(&ctx->err, ERR_INVALID, "",
                   "parameter \"KMS Key Id\" is \"%s\", which is neither a key ID nor the ARN of "
                   "one in account %s and region %s",
                   act_shown(kms_key(ctx), shown), ctx->account, ctx->region);
}

static enum verdict kms_key_enable_rotation(struct step_ctx *ctx)
{
    return act_step(ctx, &enable_rotation, json_pack("{s:s}", "KeyId", kms_key(ctx)));
}

const struct action action_kms_enable_rotation = {
    .name = "kms_enable_rotation",
    .display_name = "Enable KMS Rotation",
    .description = "Enables the yearly rotation of the KMS key.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_CHANGES,
    .resource_types = (const char *const[]){"Region", NULL},
    .params = (const struct action_param[]){{.name = "KMS Key Id",
                                             .type = PARAM_STRING,
                                             .fallback = "",
                                             .required = true,
                                             .help = "The key ID or ARN."},
                                            {0}},
    .permissions = (const char *const[]){"kms:EnableKeyRotation", NULL},
    .check = kms_key_check,
    .steps = (const struct action_step[]){{.name = "enable", .run = kms_key_enable_rotation}, {0}},
};
