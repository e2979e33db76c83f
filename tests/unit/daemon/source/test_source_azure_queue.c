/* Tests of the Azure queue source: what it sends when, and what becomes of messages. Engine, HTTP
 * and clock are the test's; signing, and reading of answers and messages are real. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "daemon/env.h"
#include "daemon/source/kinds.h"
#include "daemon/source/queue.h"
#include "lib/azure/azure.h"
#include "tests/unit/cloud_server.h"
#include "tests/unit/fake_engine.h"
#include "tests/unit/fake_http_loop.h"

#define NOW      INT64_C(1800000000000)
#define KEY      "AccountName=hgevents;AccountKey=c2VjcmV0"
#define MESSAGES "GET https://hgevents.queue.core.windows.net/events/messages?"
#define MESSAGE  "https://hgevents.queue.core.windows.net/events/messages/m-1?popreceipt="
#define POISON   "https://hgevents.queue.core.windows.net/events-poison"
#define EVENT    "a/events/1/event.json"
#define BLOB     "https://hgevents.blob.core.windows.net/hyperglance/" EVENT
#define ANNOUNCES                                                                                  \
    "{\"eventType\":\"Microsoft.Storage.BlobCreated\",\"data\":{\"url\":\"" BLOB "\"}}"

/* --- the fixture --- */

struct fixture {
    struct config_source config;
    struct env env;
    struct source_counts counts;
    struct source_host host;
    struct fake_clock clock;
    struct engine engine;
    struct http_loop http;
    uv_loop_t loop;
    struct source *source;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct err err = ERR_INIT;
    f->clock = fake_clock_make(NOW);
    struct azure_options options = {.clock = &f->clock.clock};
    f->engine.room = FAKE_MAX;
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->env = (struct env){.clock = &f->clock.clock, .azure = azure_new(&options, &err)};
    f->host = (struct source_host){.env = &f->env,
                                   .engine = &f->engine,
                                   .http = &f->http,
                                   .counts = &f->counts,
                                   .loop = &f->loop};
    if (!f->env.azure)
        fail_msg("azure_new: %s", err.message);
    f->config = (struct config_source){.type = SOURCE_AZURE_QUEUE,
                                       .visibility_timeout = 300000,
                                       .poll_interval = 10000,
                                       .max_messages = 10,
                                       .max_receive = 2};
    f->config.name = strdup("test");
    f->config.queue = strdup("events");
    f->config.container = strdup("hyperglance");
    f->config.connection_string = strdup(KEY);
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
    azure_free(f->env.azure);
    free(f->config.name);
    free(f->config.queue);
    free(f->config.container);
    free(f->config.connection_string);
    free(f->config.account);
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

/* The open request that begins with "METHOD URL", which must be there. */
static struct http_transfer *request(struct fixture *f, const char *begin)
{
    char line[2000] = "none";
    for (size_t i = 0; i < f->http.count; i++) {
        struct http_transfer *t = &f->http.at[i];
        if (!t->open)
            continue;
        snprintf(line, sizeof line, "%s %s", t->request.method, t->request.url);
        if (strncmp(line, begin, strlen(begin)) == 0)
            return t;
    }
    fail_msg("no request %s; the last one open: %s", begin, line);
    return NULL;
}

/* Answers a request; header: the value of x-ms-popreceipt, or of x-ms-error-code, or NULL. */
static void answer_only(struct fixture *f, const char *begin, int status, const char *header,
                        const char *body)
{
    struct http_transfer *t = request(f, begin);
    struct http_response r = {.status = status, .body = buf_make(1 << 20)};
    if (header)
        assert_true(http_headers_add(&r.headers,
                                     status < 300 ? "x-ms-popreceipt" : "x-ms-error-code", header));
    assert_true(buf_adds(&r.body, body));
    fake_answer(t, &r);
}

/* The same, and what comes of it. */
static void answer(struct fixture *f, const char *begin, int status, const char *header,
                   const char *body)
{
    answer_only(f, begin, status, header, body);
    fake_settle_down(&f->host);
}

static void bring(struct fixture *f, const char *text, unsigned times)
{
    char body[2000];
    snprintf(body, sizeof body,
             "<?xml version=\"1.0\"?><QueueMessagesList><QueueMessage><MessageId>m-1</MessageId>"
             "<PopReceipt>pop+1</PopReceipt><DequeueCount>%u</DequeueCount><MessageText>%s"
             "</MessageText></QueueMessage></QueueMessagesList>",
             times, text);
    answer(f, MESSAGES, 200, NULL, body);
}

#define NO_MESSAGES "<?xml version=\"1.0\"?><QueueMessagesList />"

static void bring_nothing(struct fixture *f)
{
    answer(f, MESSAGES, 200, NULL, NO_MESSAGES);
}

static void pass(struct fixture *f, int64_t ms)
{
    f->clock.now_ms += ms;
    /* The loop's timers follow the machine's clock: an unrelated settlement wakes the source. */
    struct queue_source *q = (struct queue_source *)f->source;
    uv_timer_start(&q->timer, q->timer.timer_cb, 0, 0);
    fake_settle_down(&f->host);
}

/* --- tests --- */

static void test_a_message_is_deleted_when_its_event_is_done(void **state)
{
    struct fixture *f = *state;
    start(f);
    request(f, MESSAGES "numofmessages=10&visibilitytimeout=300");
    bring(f, ANNOUNCES, 1);
    assert_non_null(fake_find(&f->engine, EVENT));
    assert_true(fake_settle(&f->engine, EVENT, SETTLE_DONE, 0));
    fake_settle_down(&f->host);
    answer(f, "DELETE " MESSAGE "pop%2B1", 204, NULL, "");
    assert_int_equal(f->counts.deleted, 1);
}

/* Each renewal brings a new receipt, which the next step must show. */
static void test_renewals_keep_the_new_receipt(void **state)
{
    struct fixture *f = *state;
    start(f);
    bring(f, ANNOUNCES, 1);
    pass(f, 149999);
    assert_int_equal(fake_open_requests(&f->http), 1); /* it receives */
    pass(f, 1);
    answer(f, "PUT " MESSAGE "pop%2B1&visibilitytimeout=300", 204, "pop=2", "");
    pass(f, 150000);
    answer(f, "PUT " MESSAGE "pop%3D2&visibilitytimeout=300", 204, "pop=3", "");
    assert_true(fake_settle(&f->engine, EVENT, SETTLE_DONE, 0));
    fake_settle_down(&f->host);
    answer(f, "DELETE " MESSAGE "pop%3D3", 204, NULL, "");
    assert_int_equal(f->counts.deleted, 1);
}

static void test_a_released_message_is_shown_after_the_delay(void **state)
{
    struct fixture *f = *state;
    start(f);
    bring(f, ANNOUNCES, 1);
    assert_true(fake_settle(&f->engine, EVENT, SETTLE_RELEASE, 2500));
    fake_settle_down(&f->host);
    answer(f, "PUT " MESSAGE "pop%2B1&visibilitytimeout=3", 204, "pop=2", "");
    assert_int_equal(f->counts.released, 1);
}

/* Another daemon works on its event: the message is kept, and the queue counts nothing. */
static void test_a_duplicate_is_looked_at_again_without_being_received_again(void **state)
{
    struct fixture *f = *state;
    start(f);
    bring(f, ANNOUNCES, 1);
    for (int i = 0; i < 40; i++) {
        assert_true(fake_settle(&f->engine, EVENT, SETTLE_LATER, 1000));
        pass(f, 999);
        assert_null(fake_find(&f->engine, EVENT));
        pass(f, 1);
        assert_non_null(fake_find(&f->engine, EVENT));
    }
    assert_int_equal(fake_open_requests(&f->http),
                     1); /* it receives, and tells the queue nothing */
    pass(f, 110000);
    answer(f, "PUT " MESSAGE "pop%2B1&visibilitytimeout=300", 204, "pop=2", "");
    assert_true(fake_settle(&f->engine, EVENT, SETTLE_LATER, 1000));
    pass(f, 149000); /* more extensions, while it waits for room too */
    assert_int_equal(f->counts.released, 0);
    assert_true(fake_settle(&f->engine, EVENT, SETTLE_DONE, 0));
    fake_settle_down(&f->host);
    answer(f, "DELETE " MESSAGE "pop%3D2", 204, NULL, "");
    assert_int_equal(f->counts.deleted, 1);
}

static void test_a_duplicate_waits_for_room(void **state)
{
    struct fixture *f = *state;
    start(f);
    bring(f, ANNOUNCES, 1);
    assert_true(fake_settle(&f->engine, EVENT, SETTLE_LATER, 1000));
    f->engine.room = 0;
    pass(f, 1000);
    assert_null(fake_find(&f->engine, EVENT));
    f->engine.room = 1;
    pass(f, 500);
    assert_non_null(fake_find(&f->engine, EVENT));
    assert_true(fake_settle(&f->engine, EVENT, SETTLE_DONE, 0));
    fake_settle_down(&f->host);
}

static void test_a_duplicate_is_given_back_when_the_daemon_stops(void **state)
{
    struct fixture *f = *state;
    start(f);
    bring(f, ANNOUNCES, 1);
    assert_true(fake_settle(&f->engine, EVENT, SETTLE_LATER, 60000));
    f->source->ops->stop(f->source);
    fake_settle_down(&f->host);
    answer(f, "PUT " MESSAGE "pop%2B1&visibilitytimeout=0", 204, "pop=2", "");
    assert_int_equal(f->counts.released, 1);
}

static void test_a_duplicate_that_is_held_for_half_a_day_is_given_back(void **state)
{
    struct fixture *f = *state;
    start(f);
    f->config.visibility_timeout = 12 * 3600 * INT64_C(1000);
    bring(f, ANNOUNCES, 1);
    pass(f, 11 * 3600 * INT64_C(1000));
    answer(f, "PUT " MESSAGE "pop%2B1", 204, "pop=2", ""); /* it was extended at half */
    assert_true(fake_settle(&f->engine, EVENT, SETTLE_LATER, 1000));
    fake_settle_down(&f->host);
    answer(f, "PUT " MESSAGE "pop%3D2&visibilitytimeout=1", 204, "pop=3", "");
    assert_int_equal(f->counts.released, 1);
}

/* max_receive is 2 here. */
static void test_a_message_whose_event_cannot_be_carried_out_goes_to_the_poison_queue(void **state)
{
    struct fixture *f = *state;
    start(f);
    bring(f, ANNOUNCES, 1);
    assert_true(fake_settle(&f->engine, EVENT, SETTLE_FAILED, 60000));
    fake_settle_down(&f->host);
    answer(f, "PUT " MESSAGE "pop%2B1&visibilitytimeout=60", 204, "pop=2", "");
    pass(f, 200);
    bring(f, ANNOUNCES, 2);
    assert_true(fake_settle(&f->engine, EVENT, SETTLE_FAILED, 60000));
    fake_settle_down(&f->host);
    answer(f, "POST " POISON "/messages", 201, NULL, "");
    answer(f, "DELETE " MESSAGE "pop%2B1", 204, NULL, "");
    assert_int_equal(f->counts.set_aside, 1);
}

/* However often it was received: it was another daemon that worked on it. */
static void test_a_duplicate_does_not_go_to_the_poison_queue(void **state)
{
    struct fixture *f = *state;
    start(f);
    f->host.once = true;
    bring(f, ANNOUNCES, 9);
    assert_true(fake_settle(&f->engine, EVENT, SETTLE_LATER, 3000));
    fake_settle_down(&f->host);
    answer(f, "PUT " MESSAGE "pop%2B1&visibilitytimeout=3", 204, "pop=2", "");
    assert_int_equal(f->counts.set_aside, 0);
}

static void test_a_message_in_other_hands_is_let_go(void **state)
{
    struct fixture *f = *state;
    start(f);
    bring(f, ANNOUNCES, 1);
    assert_true(fake_settle(&f->engine, EVENT, SETTLE_DONE, 0));
    fake_settle_down(&f->host);
    answer(f, "DELETE " MESSAGE "pop%2B1", 400, "PopReceiptMismatch", "");
    assert_int_equal(f->counts.deleted, 0);
    assert_true(((struct queue_source *)f->source)->messages == NULL);
}

static void test_the_poison_queue_is_made_when_it_is_missing(void **state)
{
    struct fixture *f = *state;
    start(f);
    bring(f, "hello", 2);
    answer(f, "POST " POISON "/messages", 404, "QueueNotFound", "");
    pass(f, 100);
    answer(f, "PUT " POISON, 201, NULL, "");
    struct http_transfer *put = request(f, "POST " POISON "/messages");
    assert_non_null(strstr(put->request.body.data, "<MessageText>hello</MessageText>"));
    answer(f, "POST " POISON "/messages", 201, NULL, "");
    assert_int_equal(f->counts.set_aside, 1);
    assert_int_equal(f->counts.deleted, 0); /* not before it is there */
    answer(f, "DELETE " MESSAGE "pop%2B1", 204, NULL, "");
    assert_int_equal(f->counts.deleted, 1);
    assert_int_equal(f->counts.unknown, 1);
}

static void test_what_is_not_understood_first_comes_again(void **state)
{
    struct fixture *f = *state;
    start(f);
    bring(f, "hello", 1);
    assert_int_equal(f->counts.unknown, 1);
    assert_true(((struct queue_source *)f->source)->messages == NULL);
    assert_int_equal(f->engine.submitted, 0);
}

/* A character that XML does not have makes the whole answer unreadable, and no others are lost with
 * it: each comes by itself. */
static void test_an_unreadable_batch_is_asked_for_one_by_one(void **state)
{
    struct fixture *f = *state;
    start(f);
    answer(f, MESSAGES "numofmessages=10", 200, NULL,
           "<QueueMessagesList><QueueMessage><MessageText>&#1;</MessageText></QueueMessage>"
           "</QueueMessagesList>");
    assert_int_equal(f->counts.messages, 0);
    pass(f, 60000);
    request(f, MESSAGES "numofmessages=1&");
    for (int i = 0; i < 20; i++) {
        request(f, MESSAGES "numofmessages=1&");
        bring_nothing(f);
        pass(f, 60000);
    }
    request(f, MESSAGES "numofmessages=10&");
    bring(f, ANNOUNCES, 1);
    assert_int_equal(f->engine.submitted, 1);
}

/* When nothing comes it is asked more and more seldom, and after a hit soon again. */
static void test_the_pauses_grow_while_nothing_comes(void **state)
{
    static const int64_t pauses[] = {200, 400, 800, 1600, 3200, 6400, 10000, 10000};
    struct fixture *f = *state;
    start(f);
    for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++) {
        bring_nothing(f);
        assert_true(f->source->ops->drained(f->source));
        pass(f, pauses[i] - 1);
        assert_int_equal(fake_open_requests(&f->http), 0);
        pass(f, 1);
        assert_int_equal(fake_open_requests(&f->http), 1);
    }
    bring(f, ANNOUNCES, 1);
    assert_false(f->source->ops->drained(f->source));
    pass(f, 200);
    request(f, MESSAGES);
}

/* Messages of a receive that is under way when the daemon stops are not kept from others. */
static void test_what_comes_after_the_stop_is_given_back(void **state)
{
    struct fixture *f = *state;
    start(f);
    f->source->ops->stop(f->source);
    assert_false(f->source->ops->idle(f->source));
    bring(f, ANNOUNCES, 1);
    assert_int_equal(f->engine.submitted, 0);
    answer(f, "PUT " MESSAGE "pop%2B1&visibilitytimeout=0", 204, "pop=2", "");
    fake_settle_down(&f->host);
    assert_true(f->source->ops->idle(f->source));
    assert_int_equal(fake_open_requests(&f->http), 0);
}

/* Starts a source that has no key; the work of workers is left for the test to do. */
static void by_token(struct fixture *f)
{
    struct err err = ERR_INIT;
    free(f->config.connection_string);
    f->config.connection_string = NULL;
    f->config.account = strdup("hgevents");
    f->source = source_new(&f->host, &f->config, &err);
    if (!f->source)
        fail_msg("source_new: %s", err.message);
    f->source->ops->start(f->source);
    uv_update_time(&f->loop);
    uv_run(&f->loop, UV_RUN_NOWAIT);
}

/* Without a key a token is needed, which only a worker may fetch; the main thread sends nothing
 * until it is there. */
static void test_a_token_is_fetched_by_a_worker(void **state)
{
    struct fixture *f = *state;
    by_token(f);
    assert_int_equal(f->engine.work_count, 1);
    assert_int_equal(fake_open_requests(&f->http), 0);
    assert_false(f->source->ops->idle(f->source));
    f->engine.work[0].done(f->engine.work[0].arg); /* in vain */
    f->engine.work_count = 0;
}

/* What the loop has to do now; the work of workers is left for the test to do. */
static void look(struct fixture *f)
{
    struct queue_source *q = (struct queue_source *)f->source;
    uv_timer_start(&q->timer, q->timer.timer_cb, 0, 0);
    uv_update_time(&f->loop);
    uv_run(&f->loop, UV_RUN_NOWAIT);
}

static void give_token(void *ctx, const struct cloud_request *request, struct cloud_reply *reply)
{
    int *given = ctx;
    (void)request;
    reply->status = 200;
    snprintf(reply->body, sizeof reply->body, "{\"access_token\":\"tok3n-%d\",\"expires_in\":3600}",
             ++*given);
}

static void fetch(struct fixture *f)
{
    struct http_options options = {.user_agent = "test"};
    struct http_client *http = http_client_new(&options);
    assert_int_equal(f->engine.work_count, 1);
    f->engine.work[0].fn(f->engine.work[0].arg, http);
    http_client_free(http);
    struct fake_work work = f->engine.work[--f->engine.work_count];
    work.done(work.arg);
    look(f);
}

static void expect_receive_with(struct fixture *f, const char *authorization)
{
    const struct http_transfer *t = request(f, MESSAGES);
    assert_string_equal(http_headers_get(&t->request.headers, "Authorization"), authorization);
}

/* Five minutes before its end a token is to be fetched anew; until that is done, whenever a worker
 * gets to it, the old one is used. */
static void test_the_old_token_is_used_while_a_new_one_is_fetched(void **state)
{
    struct fixture *f = *state;
    struct cloud_server server;
    struct err err = ERR_INIT;
    int given = 0;
    cloud_clean_environment();
    cloud_start(&server, give_token, &given);
    azure_free(f->env.azure);
    f->env.azure =
        azure_new(&(struct azure_options){.clock = &f->clock.clock,
                                          .authority = server.url,
                                          .tenant_id = "aaaaaaaa-1111-2222-3333-444444444444",
                                          .client_id = "bbbbbbbb-1111-2222-3333-444444444444",
                                          .client_secret = "s3cret"},
                  &err);
    assert_string_equal(f->env.azure ? "" : err.message, "");
    by_token(f);
    fetch(f);
    expect_receive_with(f, "Bearer tok3n-1");
    f->clock.now_ms += 3300000;
    look(f);
    assert_int_equal(f->engine.work_count, 1);
    for (int i = 0; i < 3; i++) {
        answer_only(f, MESSAGES, 200, NULL, NO_MESSAGES);
        f->clock.now_ms += 10000;
        look(f);
        expect_receive_with(f, "Bearer tok3n-1");
        assert_int_equal(f->engine.work_count, 1);
    }
    fetch(f);
    answer_only(f, MESSAGES, 200, NULL, NO_MESSAGES);
    f->clock.now_ms += 10000;
    look(f);
    expect_receive_with(f, "Bearer tok3n-2");
    assert_int_equal(f->engine.work_count, 0);
    cloud_stop(&server);
}

static void assert_refused(struct fixture *f, const char *message)
{
    struct err err = ERR_INIT;
    assert_null(source_new(&f->host, &f->config, &err));
    assert_string_equal(err.message, message);
}

static void test_bad_settings(void **state)
{
    struct fixture *f = *state;
    memcpy(f->config.queue, "Events", 6);
    assert_refused(f, "source \"test\": queue \"Events\" is not a valid queue name: use 3 to 63 "
                      "lowercase letters, digits and single hyphens between them");
    memcpy(f->config.queue, "events", 6);
    memcpy(f->config.container, "hyper_glanc", 11);
    assert_refused(f, "source \"test\": container \"hyper_glanc\" is not a valid container name: "
                      "use 3 to 63 lowercase letters, digits and single hyphens between them");
}

/* Event Grid names blobs by the account's own host. */
static void test_an_endpoint_that_events_do_not_name_is_warned_of(void **state)
{
    static const struct {
        const char *endpoint;
        bool warned;
    } cases[] = {
        {"https://hgevents.blob.core.windows.net", false},
        {"http://127.0.0.1:10000/hgevents", false},
        {"https://blobs.example.com", true},
        {"https://hgevents2.blob.core.windows.net", true},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[600] = "";
        struct err err = ERR_INIT;
        FILE *log = tmpfile();
        assert_non_null(log);
        f->env.log = log_new(fileno(log), LOG_WARN_LEVEL, LOG_TEXT);
        free(f->config.connection_string);
        snprintf(text, sizeof text, "AccountName=hgevents;AccountKey=c2VjcmV0;BlobEndpoint=%s",
                 cases[i].endpoint);
        f->config.connection_string = strdup(text);
        struct source *source = source_new(&f->host, &f->config, &err);
        if (!source)
            fail_msg("%s: %s", cases[i].endpoint, err.message);
        source->ops->free(source);
        log_free(f->env.log);
        f->env.log = NULL;
        memset(text, 0, sizeof text);
        rewind(log);
        assert_int_equal(fread(text, 1, sizeof text - 1, log) > 0, cases[i].warned);
        if (cases[i].warned)
            assert_non_null(strstr(text, "messages are ignored unless they name this one"));
        fclose(log);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_an_unreadable_batch_is_asked_for_one_by_one),
        TEST(test_an_endpoint_that_events_do_not_name_is_warned_of),
        TEST(test_a_message_is_deleted_when_its_event_is_done),
        TEST(test_renewals_keep_the_new_receipt),
        TEST(test_a_released_message_is_shown_after_the_delay),
        TEST(test_a_duplicate_is_looked_at_again_without_being_received_again),
        TEST(test_a_duplicate_waits_for_room),
        TEST(test_a_duplicate_is_given_back_when_the_daemon_stops),
        TEST(test_a_duplicate_that_is_held_for_half_a_day_is_given_back),
        TEST(test_a_message_whose_event_cannot_be_carried_out_goes_to_the_poison_queue),
        TEST(test_a_duplicate_does_not_go_to_the_poison_queue),
        TEST(test_a_message_in_other_hands_is_let_go),
        TEST(test_the_poison_queue_is_made_when_it_is_missing),
        TEST(test_what_is_not_understood_first_comes_again),
        TEST(test_the_pauses_grow_while_nothing_comes),
        TEST(test_what_comes_after_the_stop_is_given_back),
        TEST(test_a_token_is_fetched_by_a_worker),
        TEST(test_the_old_token_is_used_while_a_new_one_is_fetched),
        TEST(test_bad_settings),
    };
    return cmocka_run_group_tests_name("source_azure_queue", tests, NULL, NULL);
}
