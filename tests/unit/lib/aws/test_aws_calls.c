/* Tests of how a step's calls are made: who is asked before a change and told after it, what goes
 * with each call of S3's, and answers that say nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actions/aws/list.h"
#include "tests/unit/action_world.h"

static const struct aws_op stop = {&aws_ec2, "StopInstances", .changes = true};
static const struct aws_op look = {&aws_ec2, "DescribeInstances", .method = NULL};
static const struct aws_op users = {&aws_iam, "ListUsers", .method = NULL};
static const struct aws_op versions = {&aws_s3, "GetBucketVersions", .method = "GET",
                                       .path = "/{Bucket}", .query = "versions"};

static unsigned asked, told;
static bool refuses;

static bool before_change(struct step_ctx *ctx)
{
    asked++;
    return !refuses || err_set(&ctx->err, ERR_BUSY, "", "not now");
}

static void after_change(struct step_ctx *ctx)
{
    (void)ctx;
    told++;
}

static struct step_ctx context(struct action_world *w)
{
    asked = told = 0;
    refuses = false;
    return (struct step_ctx){.account = WORLD_ACCOUNT,
                             .region = "us-east-1",
                             .partition = "aws",
                             .aws = w->aws,
                             .http = w->http,
                             .clock = &w->clock.clock,
                             .before_change = before_change,
                             .after_change = after_change,
                             .err = ERR_INIT};
}

static json_t *instance(void)
{
    return json_pack("{s:[s]}", "InstanceId", "i-01234567");
}

/* --- changes --- */

static void test_a_change_that_may_not_be_made_is_not_sent(void **state)
{
    struct action_world *w = *state;
    struct step_ctx ctx = context(w);
    refuses = true;
    world_script(w, NULL, NULL);
    assert_int_equal(act_step(&ctx, &stop, instance()), STEP_FAILED);
    assert_int_equal(ctx.err.kind, ERR_BUSY);
    assert_string_equal(ctx.err.message, "not now");
    assert_int_equal(world_calls(w, "StopInstances", NULL), 0);
    assert_int_equal(asked, 1);
    assert_int_equal(told, 0);
}

static void test_a_change_is_told_of_once_it_was_made(void **state)
{
    static const struct world_answer answers[] = {
        {.op = "StopInstances",
         .times = 1,
         .status = 400,
         .body = "<R><Errors><Error><Code>IncorrectInstanceState</Code><Message>no</Message>"
                 "</Error></Errors></R>"},
        {NULL}};
    struct action_world *w = *state;
    struct step_ctx ctx = context(w);
    world_script(w, answers, NULL);
    assert_int_equal(act_step(&ctx, &stop, instance()), STEP_FAILED);
    /* Refused: nothing was changed. */
    assert_int_equal(told, 0);
    assert_int_equal(act_step(&ctx, &stop, instance()), STEP_DONE);
    assert_int_equal(world_calls(w, "StopInstances", NULL), 2);
    assert_int_equal(asked, 2);
    assert_int_equal(told, 1);
}

static void test_nobody_is_asked_about_a_look(void **state)
{
    struct action_world *w = *state;
    struct step_ctx ctx = context(w);
    refuses = true;
    world_script(w, NULL, NULL);
    assert_int_equal(act_step(&ctx, &look, instance()), STEP_DONE);
    assert_int_equal(asked + told, 0);
}

/* --- buckets --- */

static json_t *bucket(void)
{
    return json_pack("{s:s}", "Bucket", "photos");
}

static void test_a_bucket_must_be_of_the_resources_account(void **state)
{
    struct action_world *w = *state;
    struct step_ctx ctx = context(w);
    world_script(w, NULL, NULL);
    assert_true(act_do(&ctx, &versions, bucket()));
    char *last = cloud_last(&w->server);
    assert_non_null(strcasestr(last, "\r\nx-amz-expected-bucket-owner: " WORLD_ACCOUNT "\r\n"));
    free(last);
}

static bool allow_none(const void *ctx, const char *region, struct err *err)
{
    (void)ctx;
    return err_set(err, ERR_DENIED, "", "%s is not allowed", region);
}

static void test_a_bucket_is_not_followed_to_a_region_that_is_not_allowed(void **state)
{
    static const struct world_answer answers[] = {
        {.op = "GET versions",
         .status = 301,
         .headers = "x-amz-bucket-region: eu-central-1\r\n",
         .body = "<Error><Code>PermanentRedirect</Code><Message>no</Message></Error>"},
        {NULL}};
    struct action_world *w = *state;
    struct step_ctx ctx = context(w);
    struct aws_options options = {.region = "us-east-1",
                                  .endpoint_url = w->server.url,
                                  .clock = &w->clock.clock,
                                  .allow_region = allow_none};
    ctx.aws = aws_new(&options, &ctx.err);
    assert_non_null(ctx.aws);
    world_script(w, answers, NULL);
    assert_false(act_do(&ctx, &versions, bucket()));
    assert_int_equal(ctx.err.kind, ERR_DENIED);
    assert_non_null(strstr(ctx.err.message, "eu-central-1 is not allowed"));
    assert_int_equal(world_calls(w, "GET versions", NULL), 1);
    aws_free(ctx.aws);
}

/* --- answers that say nothing --- */

static void expect_empty_refused(struct action_world *w, const struct aws_op *op, const char *root)
{
    struct world_answer answers[] = {{.op = op->name, .body = root}, {NULL}};
    struct step_ctx ctx = context(w);
    world_script(w, answers, NULL);
    assert_false(act_do(&ctx, op, json_object()));
    char message[64];
    snprintf(message, sizeof message, "the response from %s is empty", op->name);
    assert_string_equal(ctx.err.message, message);
    assert_string_equal(ctx.err.code, "UnreadableResponse");
    assert_int_equal(ctx.err.kind, ERR_TRANSIENT);
}

static void test_an_answer_that_says_nothing_is_none(void **state)
{
    struct action_world *w = *state;
    expect_empty_refused(w, &look, "<DescribeInstancesResponse></DescribeInstancesResponse>");
    expect_empty_refused(
        w, &users, "<ListUsersResponse><ListUsersResult></ListUsersResult></ListUsersResponse>");
}

static void test_a_change_has_nothing_to_say(void **state)
{
    static const struct world_answer answers[] = {
        {.op = "StopInstances", .body = "<StopInstancesResponse></StopInstancesResponse>"}, {NULL}};
    struct action_world *w = *state;
    struct step_ctx ctx = context(w);
    world_script(w, answers, NULL);
    assert_true(act_do(&ctx, &stop, instance()));
}

/* --- texts --- */

static void test_a_text_that_is_missing_is_not_left_out(void **state)
{
    struct action_world *w = *state;
    struct step_ctx ctx = context(w);
    json_t *list = json_pack("[{s:s}, {s:s}]", "id", "a", "id", "b");
    json_t *texts = act_texts(&ctx, list, "id");
    char *text = json_dumps(texts, JSON_COMPACT);
    assert_string_equal(text, "[\"a\",\"b\"]");
    free(text);
    json_decref(texts);
    json_object_del(json_array_get(list, 1), "id");
    assert_null(act_texts(&ctx, list, "id"));
    assert_int_equal(ctx.err.kind, ERR_TRANSIENT);
    assert_string_equal(ctx.err.message, "the response contains an element without id");
    json_decref(list);
}

static struct action_world world;

static int set_up(void **state)
{
    action_world_start(&world);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    action_world_stop(*state);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_change_that_may_not_be_made_is_not_sent),
        TEST(test_a_change_is_told_of_once_it_was_made),
        TEST(test_nobody_is_asked_about_a_look),
        TEST(test_a_bucket_must_be_of_the_resources_account),
        TEST(test_a_bucket_is_not_followed_to_a_region_that_is_not_allowed),
        TEST(test_an_answer_that_says_nothing_is_none),
        TEST(test_a_change_has_nothing_to_say),
        TEST(test_a_text_that_is_missing_is_not_left_out),
    };
    return cmocka_run_group_tests_name("aws_calls", tests, NULL, NULL);
}
