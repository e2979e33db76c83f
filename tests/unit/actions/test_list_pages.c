/* Tests of lists of AWS that have several pages: all as one list, up to a limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/action_world.h"

#include "actions/aws/list.h"

static int pages_to_give;
static int pages_given;

static void answer_page(void *ctx, const struct cloud_request *request, struct cloud_reply *reply)
{
    if (strstr(request->body, "Action=GetCallerIdentity")) {
        world_answer(ctx, request, reply);
        return;
    }
    pages_given++;
    *reply = (struct cloud_reply){.status = 200, .headers = ""};
    char next[64] = "";
    if (pages_given < pages_to_give)
        snprintf(next, sizeof next, "<nextToken>t%d</nextToken>", pages_given);
    snprintf(reply->body, sizeof reply->body,
             "<DescribeTagsResponse><tagSet><item><key>k%d</key></item></tagSet>%s"
             "</DescribeTagsResponse>",
             pages_given, next);
}

static json_t *list_pages(int count, struct err *err)
{
    static const struct aws_op op = {.service = &aws_ec2, .name = "DescribeTags"};
    static const struct act_listing listing = {
        .op = &op, .items = "tagSet", .next = "nextToken", .token = "NextToken", .each = {"key"}};
    struct action_world world;
    *err = ERR_INIT;
    pages_to_give = count;
    pages_given = 0;
    action_world_start(&world);
    world.server.answer = answer_page;
    /* Without rate limits, which would ask for pauses. */
    struct aws_options options = {
        .region = "us-east-1", .endpoint_url = world.server.url, .clock = &world.clock.clock};
    struct aws *aws = aws_new(&options, err);
    assert_non_null(aws);
    struct step_ctx ctx = {.account = WORLD_ACCOUNT,
                           .region = "us-east-1",
                           .partition = "aws",
                           .aws = aws,
                           .http = world.http,
                           .clock = &world.clock.clock,
                           .err = ERR_INIT};
    json_t *list = act_list(&ctx, &listing, json_object());
    *err = ctx.err;
    aws_free(aws);
    action_world_stop(&world);
    return list;
}

static void test_a_list_has_at_most_1000_pages(void **state)
{
    struct err err;
    (void)state;
    json_t *list = list_pages(1000, &err);
    assert_int_equal(json_array_size(list), 1000);
    json_decref(list);
    assert_null(list_pages(1001, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_list_has_at_most_1000_pages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
