/* dynamodb_delete_table: deletes a table by one call. */
#include "actions/aws/call.h"

static const struct aws_op delete_table = {&aws_dynamodb, "DeleteTable", .changes = true};

static bool dynamodb_table_valid(const char *name)
{
    return act_name_valid(name, "_.-", 3, 255);
}

static const struct act_naming tables = {
    .what = "a DynamoDB table",
    .service = "dynamodb",
    .prefix = "table/",
    .valid = dynamodb_table_valid,
    .fields = {"id", "name"},
};

static bool dynamodb_table_check(struct step_ctx *ctx)
{
    return act_name(ctx, &tables) != NULL;
}

/* The call succeeds for a table that is being deleted. It is rejected while the table is being
 * created or updated. */
static enum verdict dynamodb_table_delete(struct step_ctx *ctx)
{
    enum verdict verdict =
        act_step_unless(ctx, &delete_table, json_pack("{s:s}", "TableName", act_name(ctx, &tables)),
                        "ResourceNotFoundException", "already deleted");
    return verdict == STEP_FAILED && act_failed_with(ctx, "ResourceInUseException")
               ? step_retry(ctx, WAIT_MINUTES(10))
               : verdict;
}

const struct action action_dynamodb_delete_table = {
    .name = "dynamodb_delete_table",
    .display_name = "Delete Dynamo DB Table",
    .description = "Deletes the DynamoDB table with all its items.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_DELETES,
    .resource_types = (const char *const[]){"DynamoDB Table", NULL},
    .permissions = (const char *const[]){"dynamodb:DeleteTable", NULL},
    .check = dynamodb_table_check,
    .steps = (const struct action_step[]){{.name = "delete", .run = dynamodb_table_delete}, {0}},
};
