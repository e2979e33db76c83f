/* Tests of the SQS source: what it sends when, and what becomes of messages. Engine, HTTP and clock
 * are the test's; signing, encoding and decoding are real. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <jansson.h>

#include "daemon/env.h"
#include "daemon/source/kinds.h"
#include "lib/json/jpath.h"
#include "tests/unit/fake_engine.h"
#include "tests/unit/fake_http_loop.h"

#define NOW INT64_C(1800000000000)
#define URL "https://sqs.us-east-1.amazonaws.com/123456789012/events"

/* --- the fixture --- */

struct fixture {
    struct config_source config;
    struct aws_options aws_options;
    struct env env;
    struct source_counts counts;
    struct source_host host;
    struct fake_clock clock;
    struct engine engine;
    struct http_loop http;
    uv_loop_t loop;
    struct source *source;
    FILE *log; /* what was logged; see keep_log */
};

static struct fixture *fixture_new(void)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct err err = ERR_INIT;
    setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret", 1);
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    setenv("AWS_CONFIG_FILE", "/no/such/file", 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/no/such/file", 1);
    f->clock = fake_clock_make(NOW);
    f->aws_options =
        (struct aws_options){.clock = &f->clock.clock, .limits = ratelimit_new(&f->clock.clock)};
    f->engine.room = FAKE_MAX;
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->env = (struct env){.clock = &f->clock.clock, .aws = aws_new(&f->aws_options, &err)};
    f->host = (struct source_host){.env = &f->env,
                                   .engine = &f->engine,
                                   .http = &f->http,
                                   .counts = &f->counts,
                                   .loop = &f->loop};
    if (!f->env.aws)
        fail_msg("aws_new: %s", err.message);
    f->config = (struct config_source){
        .type = SOURCE_SQS, .wait_time = 20000, .visibility_timeout = 300000, .max_messages = 10};
    f->config.name = strdup("test");
    f->config.queue_url = strdup(URL);
    return f;
}

static int set_up(void **state)
{
    struct fixture *f = fixture_new();
    f->config.bucket = strdup("events-bucket");
    f->config.prefix = strdup("hg/");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    if (f->source) {
        f->source->ops->stop(f->source);
        f->source->ops->free(f->source);
    }
    uv_run(&f->loop, UV_RUN_DEFAULT);
    int left = uv_loop_close(&f->loop);
    fake_http_loop_free(&f->http);
    aws_free(f->env.aws);
    ratelimit_free(f->aws_options.limits);
    log_free(f->env.log);
    if (f->log)
        fclose(f->log);
    free(f->config.name);
    free(f->config.queue_url);
    free(f->config.bucket);
    free(f->config.prefix);
    free(f->config.region);
    free(f);
    return left;
}

static void start(struct fixture *f)
{
    struct err err = ERR_INIT;
    f->source = source_new(&f->host, &f->config, &err);
    if (!f->source)
        fail_msg("source_new: %s", err.message);
    f->source->ops->start(f->source);
    fake_settle_down(&f->host);
}

/* The one open request of an operation, which must be there. */
static struct http_transfer *open_request(struct fixture *f, const char *operation)
{
    struct http_transfer *found = NULL;
    char target[64];
    snprintf(target, sizeof target, "AmazonSQS.%s", operation);
    for (size_t i = 0; i < f->http.count; i++) {
        struct http_transfer *t = &f->http.at[i];
        const char *has = http_headers_get(&t->request.headers, "X-Amz-Target");
        if (!t->open || !has || strcmp(has, target) != 0)
            continue;
        if (found)
            fail_msg("two requests %s are under way", operation);
        found = t;
    }
    if (!found)
        fail_msg("no request %s is under way", operation);
    return found;
}

static void answer(struct fixture *f, struct http_transfer *t, int status, const char *body)
{
    struct http_response response = {.status = status, .body = buf_make(1 << 20)};
    buf_adds(&response.body, body);
    fake_answer(t, &response);
    fake_settle_down(&f->host);
}

static void answer_error(struct fixture *f, struct http_transfer *t, int status, const char *code)
{
    char body[200];
    snprintf(body, sizeof body, "{\"__type\":\"com.amazonaws.sqs#%s\",\"message\":\"x\"}", code);
    answer(f, t, status, body);
}

/* Answers the open receive with one message of this body. */
static void deliver(struct fixture *f, const char *id, const char *body)
{
    json_t *json =
        json_pack("{s[{ssssss}]}", "Messages", "MessageId", id, "ReceiptHandle", id, "Body", body);
    char *text = json_dumps(json, JSON_COMPACT);
    answer(f, open_request(f, "ReceiveMessage"), 200, text);
    free(text);
    json_decref(json);
}

#define RECORD(bucket, key)                                                                        \
    "{\"eventVersion\":\"2.1\",\"eventSource\":\"aws:s3\",\"eventName\":\"ObjectCreated:Put\","    \
    "\"s3\":{\"bucket\":{\"name\":\"" bucket "\"},\"object\":{\"key\":\"" key "\"}}}"
#define NOTIFICATION(records) "{\"Records\":[" records "]}"
#define ONE                   NOTIFICATION(RECORD("events-bucket", "hg/events/1/event.json"))

static json_t *params_of(const struct http_transfer *t)
{
    json_t *params = json_loadb(t->request.body.data, t->request.body.size, 0, NULL);
    assert_non_null(params);
    return params;
}

static int64_t param(const struct http_transfer *t, const char *name)
{
    json_t *params = params_of(t);
    int64_t value = jint(params, name, -1);
    json_decref(params);
    return value;
}

static void assert_param(const struct http_transfer *t, const char *name, const char *expected)
{
    json_t *params = params_of(t);
    const char *value = jstr(params, name);
    assert_non_null(value);
    assert_string_equal(value, expected);
    json_decref(params);
}

/* Keeps what is logged from now on, for times_logged. */
static void keep_log(struct fixture *f)
{
    f->log = tmpfile();
    assert_non_null(f->log);
    f->env.log = log_new(fileno(f->log), LOG_INFO_LEVEL, LOG_TEXT);
    assert_non_null(f->env.log);
}

/* How many lines of the log hold a text. */
static unsigned times_logged(struct fixture *f, const char *text)
{
    char line[4096];
    unsigned times = 0;
    rewind(f->log);
    while (fgets(line, sizeof line, f->log))
        times += strstr(line, text) != NULL;
    return times;
}

/* --- tests --- */

static void test_it_polls_the_queue_once_at_a_time(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct http_transfer *t = open_request(f, "ReceiveMessage");
    assert_int_equal(fake_open_requests(&f->http), 1);
    assert_string_equal(t->request.url, "https://sqs.us-east-1.amazonaws.com/");
    assert_param(t, "QueueUrl", URL);
    assert_int_equal(param(t, "WaitTimeSeconds"), 20);
    assert_int_equal(param(t, "VisibilityTimeout"), 300);
    assert_int_equal(param(t, "MaxNumberOfMessages"), 10);
    assert_true(t->request.timeout_ms > 20000);
    assert_non_null(strstr(http_headers_get(&t->request.headers, "Authorization"),
                           "/us-east-1/sqs/aws4_request"));
}

static void test_a_queue_elsewhere_is_asked_where_its_url_says(void **state)
{
    struct fixture *f = *state;
    free(f->config.queue_url);
    f->config.queue_url = strdup("http://127.0.0.1:9324/000000000000/q");
    f->config.region = strdup("eu-west-1");
    start(f);
    struct http_transfer *t = open_request(f, "ReceiveMessage");
    assert_string_equal(t->request.url, "http://127.0.0.1:9324/");
    assert_non_null(strstr(http_headers_get(&t->request.headers, "Authorization"),
                           "/eu-west-1/sqs/aws4_request"));
}

static void test_a_message_is_deleted_when_its_event_is_done(void **state)
{
    struct fixture *f = *state;
    start(f);
    deliver(f, "m1", ONE);
    const struct delivery *d = fake_find(&f->engine, "hg/events/1/event.json");
    assert_non_null(d);
    assert_string_equal(d->id, "m1");
    assert_string_equal(d->store->name, "s3://events-bucket");
    assert_ptr_equal(d->rules, &f->config.rules);
    assert_false(f->source->ops->idle(f->source));
    assert_true(fake_settle(&f->engine, "hg/events/1/event.json", SETTLE_DONE, 0));
    fake_settle_down(&f->host);
    struct http_transfer *t = open_request(f, "DeleteMessage");
    assert_param(t, "ReceiptHandle", "m1");
    assert_false(f->source->ops->idle(f->source));
    answer(f, t, 200, "");
    assert_true(f->source->ops->idle(f->source));
    assert_int_equal(f->counts.messages, 1);
    assert_int_equal(f->counts.deleted, 1);
}

static void test_a_released_event_makes_its_message_visible_after_the_delay(void **state)
{
    struct fixture *f = *state;
    start(f);
    deliver(f, "m1",
            NOTIFICATION(RECORD("events-bucket", "hg/events/1/event.json") "," RECORD(
                "events-bucket", "hg/events/2/event.json")));
    assert_true(fake_settle(&f->engine, "hg/events/1/event.json", SETTLE_RELEASE, 4500));
    fake_settle_down(&f->host);
    assert_int_equal(fake_open_requests(&f->http), 1);
    assert_true(fake_settle(&f->engine, "hg/events/2/event.json", SETTLE_DONE, 0));
    fake_settle_down(&f->host);
    struct http_transfer *t = open_request(f, "ChangeMessageVisibility");
    assert_int_equal(param(t, "VisibilityTimeout"), 5);
    answer(f, t, 200, "");
    assert_true(f->source->ops->idle(f->source));
    assert_int_equal(f->counts.released, 1);
}

static void test_a_message_is_extended_while_its_event_runs(void **state)
{
    struct fixture *f = *state;
    start(f);
    deliver(f, "m1", ONE);
    f->clock.now_ms += 149999;
    deliver(f, "m2", "no notification");
    assert_int_equal(fake_open_requests(&f->http), 1);
    f->clock.now_ms += 1;
    deliver(f, "m3", "no notification");
    struct http_transfer *t = open_request(f, "ChangeMessageVisibility");
    assert_param(t, "ReceiptHandle", "m1");
    assert_int_equal(param(t, "VisibilityTimeout"), 300);
    answer_error(f, t, 400, "InvalidParameterValue");
    f->clock.now_ms += 300000;
    deliver(f, "m4", "no notification");
    assert_int_equal(fake_open_requests(&f->http), 1);
}

static void test_a_failed_deletion_is_repeated_and_a_gone_message_is_not(void **state)
{
    struct fixture *f = *state;
    start(f);
    deliver(f, "m1", ONE);
    assert_true(fake_settle(&f->engine, "hg/events/1/event.json", SETTLE_DONE, 0));
    fake_settle_down(&f->host);
    answer_error(f, open_request(f, "DeleteMessage"), 500, "InternalError");
    assert_int_equal(fake_open_requests(&f->http), 1);
    assert_false(f->source->ops->idle(f->source));
    f->clock.now_ms += 2000;
    deliver(f, "m2", "no notification");
    answer_error(f, open_request(f, "DeleteMessage"), 400, "ReceiptHandleIsInvalid");
    assert_true(f->source->ops->idle(f->source));
    assert_int_equal(f->counts.deleted, 0);
}

static void test_test_events_and_events_of_others_are_deleted_and_counted(void **state)
{
    struct fixture *f = *state;
    start(f);
    deliver(f, "m1", "{\"Service\":\"Amazon S3\",\"Event\":\"s3:TestEvent\",\"Bucket\":\"b\"}");
    answer(f, open_request(f, "DeleteMessage"), 200, "");
    deliver(f, "m2",
            NOTIFICATION(RECORD("other-bucket", "hg/events/1/event.json") "," RECORD(
                "events-bucket",
                "elsewhere/events/1/event.json") "," RECORD("events-bucket",
                                                            "hg/events/1/other.json")));
    answer(f, open_request(f, "DeleteMessage"), 200, "");
    assert_int_equal(f->counts.test_events, 1);
    assert_int_equal(f->counts.ignored, 3);
    assert_int_equal(f->counts.deleted, 2);
    assert_int_equal(f->engine.submitted, 0);
    assert_true(f->source->ops->idle(f->source));
}

static void test_what_is_not_understood_stays_in_the_queue(void **state)
{
    struct fixture *f = *state;
    start(f);
    deliver(f, "m1", "{\"some\":\"thing\"}");
    assert_int_equal(f->counts.unknown, 1);
    assert_int_equal(fake_open_requests(&f->http), 1);
    assert_true(f->source->ops->idle(f->source));
}

/* Deleted without a word, an event whose announcement is not understood would be lost. */
static void test_an_event_of_another_name_is_told_once_and_an_unknown_one_stays(void **state)
{
    static const char bridged[] = "{\"source\":\"aws.s3\",\"detail-type\":\"%s\",\"detail\":{}}";
    char body[200];
    struct fixture *f = *state;
    keep_log(f);
    start(f);
    for (int i = 0; i < 2; i++) {
        deliver(f, "m1",
                NOTIFICATION("{\"eventSource\":\"aws:s3\",\"eventName\":\"ObjectAcl:Put\"}"));
        answer(f, open_request(f, "DeleteMessage"), 200, "");
        snprintf(body, sizeof body, bridged, "Object Deleted");
        deliver(f, "m2", body);
        answer(f, open_request(f, "DeleteMessage"), 200, "");
    }
    snprintf(body, sizeof body, bridged, "AWS API Call via CloudTrail");
    deliver(f, "m3", body);
    assert_int_equal(fake_open_requests(&f->http), 1);
    assert_int_equal(f->counts.ignored, 4);
    assert_int_equal(f->counts.deleted, 4);
    assert_int_equal(f->counts.unknown, 1);
    assert_int_equal(times_logged(f, "Ignoring events of this name"), 2);
    assert_int_equal(times_logged(f, "event=ObjectAcl:Put"), 1);
    assert_int_equal(times_logged(f, "event=\"Object Deleted\""), 1);
    assert_int_equal(times_logged(f, "detail-type \\\"AWS API Call via CloudTrail\\\""), 1);
}

/* A NUL in one body hides that message alone, and it stays for the dead-letter queue. */
static void test_a_nul_in_one_message_leaves_the_others(void **state)
{
    struct fixture *f = *state;
    json_t *json =
        json_pack("{s[{ssssss#}{ssssss}{ssssss}]}", "Messages", "MessageId", "m1", "ReceiptHandle",
                  "m1", "Body", ONE "\0", (int)sizeof ONE, "MessageId", "m2", "ReceiptHandle", "m2",
                  "Body", ONE, "MessageId", "m3", "ReceiptHandle", "m3", "Body",
                  NOTIFICATION(RECORD("events-bucket", "hg/events/2/event.json")));
    assert_non_null(json);
    char *text = json_dumps(json, JSON_COMPACT);
    assert_non_null(strstr(text, "\\u0000"));
    start(f);
    answer(f, open_request(f, "ReceiveMessage"), 200, text);
    free(text);
    json_decref(json);
    assert_int_equal(f->counts.messages, 3);
    assert_int_equal(f->counts.unknown, 1);
    assert_int_equal(f->engine.submitted, 2);
    assert_true(fake_settle(&f->engine, "hg/events/1/event.json", SETTLE_DONE, 0));
    fake_settle_down(&f->host);
    struct http_transfer *t = open_request(f, "DeleteMessage");
    assert_param(t, "ReceiptHandle", "m2");
    answer(f, t, 200, "");
    assert_true(fake_settle(&f->engine, "hg/events/2/event.json", SETTLE_DONE, 0));
    fake_settle_down(&f->host);
    answer(f, open_request(f, "DeleteMessage"), 200, "");
    assert_true(f->source->ops->idle(f->source));
}

static void test_without_a_configured_bucket_each_has_a_store(void **state)
{
    struct fixture *f = *state;
    free(f->config.bucket);
    f->config.bucket = NULL;
    start(f);
    deliver(f, "m1",
            NOTIFICATION(RECORD("bucket-a", "hg/events/1/event.json") "," RECORD(
                "bucket-b", "hg/events/2/event.json") "," RECORD("bucket-a",
                                                                 "hg/events/3/event.json")));
    const struct store *first = fake_find(&f->engine, "hg/events/1/event.json")->store;
    const struct store *second = fake_find(&f->engine, "hg/events/2/event.json")->store;
    assert_string_equal(first->name, "s3://bucket-a");
    assert_string_equal(second->name, "s3://bucket-b");
    assert_ptr_equal(fake_find(&f->engine, "hg/events/3/event.json")->store, first);
    for (int i = 1; i <= 3; i++) {
        char key[40];
        snprintf(key, sizeof key, "hg/events/%d/event.json", i);
        assert_true(fake_settle(&f->engine, key, SETTLE_DONE, 0));
    }
    fake_settle_down(&f->host);
    answer(f, open_request(f, "DeleteMessage"), 200, "");
    assert_true(f->source->ops->idle(f->source));
}

/* Whoever can send to the queue names the bucket: that must be wanted. */
static void test_any_bucket_is_warned_of_unless_it_is_wanted(void **state)
{
    struct fixture *f = *state;
    free(f->config.bucket);
    f->config.bucket = NULL;
    keep_log(f);
    start(f);
    assert_int_equal(times_logged(f, "No bucket is set: events of any bucket"), 1);
}

static void test_a_star_stands_for_any_bucket(void **state)
{
    struct fixture *f = *state;
    free(f->config.bucket);
    f->config.bucket = strdup("*");
    keep_log(f);
    start(f);
    deliver(f, "m1", NOTIFICATION(RECORD("bucket-a", "hg/events/1/event.json")));
    const struct delivery *d = fake_find(&f->engine, "hg/events/1/event.json");
    assert_non_null(d);
    assert_string_equal(d->store->name, "s3://bucket-a");
    assert_ptr_equal(d->rules, &f->config.rules);
    assert_int_equal(times_logged(f, "bucket"), 0);
    assert_true(fake_settle(&f->engine, "hg/events/1/event.json", SETTLE_DONE, 0));
    fake_settle_down(&f->host);
    answer(f, open_request(f, "DeleteMessage"), 200, "");
}

static void test_it_does_not_poll_without_room(void **state)
{
    struct fixture *f = *state;
    f->engine.room = 1;
    start(f);
    deliver(f, "m1", ONE);
    assert_int_equal(fake_open_requests(&f->http), 0);
    assert_true(fake_settle(&f->engine, "hg/events/1/event.json", SETTLE_DONE, 0));
    fake_settle_down(&f->host);
    assert_non_null(open_request(f, "ReceiveMessage"));
}

static void test_a_failed_receive_pauses_and_goes_on(void **state)
{
    struct fixture *f = *state;
    start(f);
    for (int i = 0; i < 20; i++) {
        answer_error(f, open_request(f, "ReceiveMessage"), 400, "QueueDoesNotExist");
        assert_int_equal(fake_open_requests(&f->http), 0);
        assert_false(f->source->ops->drained(f->source));
        /* The longest pause there is; starting again wakes the source, as its timer would. */
        f->clock.now_ms += 60000;
        f->source->ops->start(f->source);
        fake_settle_down(&f->host);
    }
    assert_non_null(open_request(f, "ReceiveMessage"));
}

static void test_expired_credentials_are_fetched_anew_at_once(void **state)
{
    struct fixture *f = *state;
    start(f);
    answer_error(f, open_request(f, "ReceiveMessage"), 403, "ExpiredToken");
    struct http_transfer *t = open_request(f, "ReceiveMessage");
    assert_int_equal(f->http.count, 2);
    /* Should they expire again without a success between, there is a pause. */
    answer_error(f, t, 403, "ExpiredToken");
    assert_int_equal(fake_open_requests(&f->http), 0);
}

/* As keys that were rotated and deleted are. */
static void test_unknown_credentials_are_fetched_anew_at_once(void **state)
{
    struct fixture *f = *state;
    start(f);
    answer_error(f, open_request(f, "ReceiveMessage"), 403, "InvalidClientTokenId");
    struct http_transfer *t = open_request(f, "ReceiveMessage");
    assert_int_equal(f->http.count, 2);
    answer_error(f, t, 403, "UnrecognizedClientException");
    assert_int_equal(fake_open_requests(&f->http), 0);
}

static void test_stop_cancels_the_receive_and_finishes_what_it_holds(void **state)
{
    struct fixture *f = *state;
    start(f);
    deliver(f, "m1", ONE);
    f->source->ops->stop(f->source);
    f->source->ops->stop(f->source);
    assert_int_equal(fake_open_requests(&f->http), 0);
    assert_false(f->source->ops->idle(f->source));
    assert_true(fake_settle(&f->engine, "hg/events/1/event.json", SETTLE_RELEASE, 0));
    fake_settle_down(&f->host);
    struct http_transfer *t = open_request(f, "ChangeMessageVisibility");
    assert_int_equal(param(t, "VisibilityTimeout"), 0);
    answer(f, t, 200, "");
    assert_true(f->source->ops->idle(f->source));
    assert_int_equal(fake_open_requests(&f->http), 0);
}

static void test_once_it_is_drained_when_a_poll_brings_nothing(void **state)
{
    struct fixture *f = *state;
    f->host.once = true;
    start(f);
    struct http_transfer *t = open_request(f, "ReceiveMessage");
    assert_int_equal(param(t, "WaitTimeSeconds"), 1);
    assert_false(f->source->ops->drained(f->source));
    deliver(f, "m1", ONE);
    assert_false(f->source->ops->drained(f->source));
    answer(f, open_request(f, "ReceiveMessage"), 200, "{}");
    assert_false(f->source->ops->drained(f->source));
    assert_true(fake_settle(&f->engine, "hg/events/1/event.json", SETTLE_DONE, 0));
    fake_settle_down(&f->host);
    answer(f, open_request(f, "DeleteMessage"), 200, "");
    assert_true(f->source->ops->drained(f->source));
    assert_int_equal(fake_open_requests(&f->http), 0);
}

static void assert_refused(struct fixture *f, const char *expected)
{
    struct err err = ERR_INIT;
    assert_null(source_new(&f->host, &f->config, &err));
    assert_int_equal(err.kind, ERR_INVALID);
    assert_string_equal(err.message, expected);
}

static void test_what_can_never_work_is_refused(void **state)
{
    struct fixture *f = *state;
    strcpy(f->config.bucket, "Bad/Bucket");
    assert_refused(
        f, "source \"test\": bucket \"Bad/Bucket\" is not a valid bucket name: use 3 to 255 "
           "of the characters A-Z a-z 0-9 . _ -");
    free(f->config.bucket);
    f->config.bucket = NULL;
    f->config.sweep_interval = 60000;
    assert_refused(f, "source \"test\": sweep_interval needs the name of a bucket: there is "
                      "nothing to list without one");
    free(f->config.queue_url);
    f->config.queue_url = NULL;
    assert_refused(f, "source \"test\": queue_url is missing");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_it_polls_the_queue_once_at_a_time),
        TEST(test_a_queue_elsewhere_is_asked_where_its_url_says),
        TEST(test_a_message_is_deleted_when_its_event_is_done),
        TEST(test_a_released_event_makes_its_message_visible_after_the_delay),
        TEST(test_a_message_is_extended_while_its_event_runs),
        TEST(test_a_failed_deletion_is_repeated_and_a_gone_message_is_not),
        TEST(test_test_events_and_events_of_others_are_deleted_and_counted),
        TEST(test_what_is_not_understood_stays_in_the_queue),
        TEST(test_an_event_of_another_name_is_told_once_and_an_unknown_one_stays),
        TEST(test_without_a_configured_bucket_each_has_a_store),
        TEST(test_any_bucket_is_warned_of_unless_it_is_wanted),
        TEST(test_a_star_stands_for_any_bucket),
        TEST(test_a_nul_in_one_message_leaves_the_others),
        TEST(test_it_does_not_poll_without_room),
        TEST(test_a_failed_receive_pauses_and_goes_on),
        TEST(test_expired_credentials_are_fetched_anew_at_once),
        TEST(test_unknown_credentials_are_fetched_anew_at_once),
        TEST(test_stop_cancels_the_receive_and_finishes_what_it_holds),
        TEST(test_once_it_is_drained_when_a_poll_brings_nothing),
        TEST(test_what_can_never_work_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
