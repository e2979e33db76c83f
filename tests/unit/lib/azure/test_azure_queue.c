/* Tests of queues: requests as Microsoft's library sends them, and the messages in responses. */
#include "tests/unit/azure_world.h"

#include "lib/azure/queue.h"

#define REQUESTS "tests/unit/data/azure_requests"
#define MESSAGES "tests/unit/data/azure_messages"

static struct world world;

static void answer_nothing(void *ctx, const struct cloud_request *request,
                           struct cloud_reply *reply)
{
    (void)ctx, (void)request;
    reply->status = 404;
}

static struct azure_storage *start_answering(const char *connection_string, cloud_answer_fn answer)
{
    struct err err = ERR_INIT;
    world_start(&world, answer);
    char *text = world_with_port(&world, connection_string);
    struct azure_storage_options options = {.azure = world.azure, .connection_string = text};
    struct azure_storage *s = azure_storage_new(&options, &err);
    assert_string_equal(s ? "" : err.message, "");
    free(text);
    return s;
}

static struct azure_storage *start_world(const char *connection_string)
{
    return start_answering(connection_string, answer_nothing);
}

static void stop_world(struct azure_storage *s)
{
    azure_storage_free(s);
    world_stop(&world);
}

/* --- recorded requests --- */

static bool build_request(const struct azure_storage *s, const json_t *test, struct http_request *r,
                          struct err *err)
{
    const char *operation = json_string_value(json_object_get(test, "operation"));
    const json_t *given = json_object_get(test, "given");
    const char *id = json_string_value(json_object_get(given, "id"));
    const char *receipt = json_string_value(json_object_get(given, "pop_receipt"));
    unsigned visibility = (unsigned)json_integer_value(json_object_get(given, "visibility_s"));
    if (strcmp(operation, "queue_receive") == 0)
        return azure_queue_receive(&(struct azure_queue){s, "events-1"},
                                   (unsigned)json_integer_value(json_object_get(given, "count")),
                                   visibility, r, err);
    if (strcmp(operation, "queue_update") == 0)
        return azure_queue_update(&(struct azure_queue){s, "events-1"}, id, receipt, visibility, r,
                                  err);
    if (strcmp(operation, "queue_delete") == 0)
        return azure_queue_delete(&(struct azure_queue){s, "events-1"}, id, receipt, r, err);
    if (strcmp(operation, "queue_create") == 0)
        return azure_queue_create(&(struct azure_queue){s, "events-1"}, r, err);
    return azure_queue_put(&(struct azure_queue){s, "events-1"},
                           json_string_value(json_object_get(given, "text")), r, err);
}

static void check_request(const struct http_request *r, const json_t *expected)
{
    json_t *headers = json_object();
    const char *body = r->body.data ? r->body.data : "";
    assert_string_equal(r->method, json_string_value(json_object_get(expected, "method")));
    world_check_target(strstr(r->url, "/devstoreaccount1"), expected);
    assert_string_equal(body, json_string_value(json_object_get(expected, "body")));
    assert_int_equal(r->body.size, strlen(body));
    for (size_t i = 0; i < r->headers.count; i++) {
        char name[64] = "";
        for (size_t c = 0; c < sizeof name - 1 && r->headers.at[i].name[c]; c++) {
            char letter = r->headers.at[i].name[c];
            name[c] = (char)(letter >= 'A' && letter <= 'Z' ? letter + 32 : letter);
        }
        json_object_set_new(headers, name, json_string(r->headers.at[i].value));
    }
    assert_json_equal(headers, json_object_get(expected, "headers"));
    json_decref(headers);
}

static void test_recorded(void **state)
{
    json_t *test = folder_json(*state, "");
    struct http_request r;
    struct err err = ERR_INIT;
    struct azure_storage *s =
        start_world(json_string_value(json_object_get(test, "connection_string")));
    bool ok = build_request(s, test, &r, &err) && azure_storage_sign(s, NULL, &r, &err);
    assert_string_equal(ok ? "" : err.message, "");
    check_request(&r, json_object_get(test, "expected"));
    http_request_free(&r);
    stop_world(s);
    json_decref(test);
}

/* --- invalid arguments --- */

static void test_refused(void **state)
{
    struct http_request r;
    struct err err = ERR_INIT;
    struct azure_storage *s = start_world("AccountName=account1;AccountKey=c2VjcmV0");
    (void)state;
    assert_false(azure_queue_receive(&(struct azure_queue){s, "Events"}, 1, 30, &r, &err));
    assert_false(azure_queue_receive(&(struct azure_queue){s, "a/b"}, 1, 30, &r, &err));
    assert_false(azure_queue_receive(&(struct azure_queue){s, "events"}, 0, 30, &r, &err));
    assert_false(azure_queue_receive(&(struct azure_queue){s, "events"}, 33, 30, &r, &err));
    assert_false(azure_queue_receive(&(struct azure_queue){s, "events"}, 1, 0, &r, &err));
    assert_false(azure_queue_receive(&(struct azure_queue){s, "events"}, 1, 604801, &r, &err));
    assert_false(
        azure_queue_update(&(struct azure_queue){s, "events"}, "id", "r", 604801, &r, &err));
    assert_false(azure_queue_update(&(struct azure_queue){s, "events"}, "", "r", 1, &r, &err));
    assert_false(azure_queue_delete(&(struct azure_queue){s, "events"}, "..", "r", &r, &err));
    assert_false(azure_queue_put(&(struct azure_queue){s, "events"}, "\x01", &r, &err));
    assert_kind(err, ERR_INVALID);
    assert_string_equal(err.message,
                        "the message has a character that XML cannot represent; send it as base64");
    stop_world(s);
}

/* An ID from a response stays one segment of the path. */
static void test_hostile_id(void **state)
{
    struct http_request r;
    struct err err = ERR_INIT;
    struct azure_storage *s = start_world("AccountName=account1;AccountKey=c2VjcmV0");
    (void)state;
    assert_true(
        azure_queue_delete(&(struct azure_queue){s, "events"}, "../../x?a=b#c", "r", &r, &err));
    assert_string_equal(r.url, "https://account1.queue.core.windows.net/events/messages/"
                               "..%2F..%2Fx%3Fa%3Db%23c?popreceipt=r");
    http_request_free(&r);
    stop_world(s);
}

static void test_release_at_once(void **state)
{
    struct http_request r;
    struct err err = ERR_INIT;
    struct azure_storage *s = start_world("AccountName=account1;AccountKey=c2VjcmV0");
    (void)state;
    assert_true(azure_queue_update(&(struct azure_queue){s, "events"}, "id", "r", 0, &r, &err));
    assert_string_equal(r.url, "https://account1.queue.core.windows.net/events/messages/"
                               "id?popreceipt=r&visibilitytimeout=0");
    http_request_free(&r);
    stop_world(s);
}

/* The limit is 64 KiB when escaped for XML. */
static void expect_put(const struct azure_storage *s, size_t plain, size_t escaped, bool fits)
{
    struct http_request r = {0};
    struct err err = ERR_INIT;
    struct buf text = buf_make(1u << 20);
    for (size_t i = 0; i < plain; i++)
        buf_addc(&text, 'x');
    for (size_t i = 0; i < escaped; i++)
        buf_addc(&text, '<');
    bool ok = azure_queue_put(&(struct azure_queue){s, "events"}, buf_str(&text), &r, &err);
    assert_int_equal(ok, fits);
    if (!ok)
        assert_kind(err, ERR_LIMIT);
    http_request_free(&r);
    buf_free(&text);
}

static void test_put_size(void **state)
{
    struct azure_storage *s = start_world("AccountName=account1;AccountKey=c2VjcmV0");
    (void)state;
    expect_put(s, 65536, 0, true);
    expect_put(s, 65537, 0, false);
    expect_put(s, 0, 65536 / 4, true);
    expect_put(s, 1, 65536 / 4, false);
    expect_put(s, 0, 65536, false);
    stop_world(s);
}

static void test_gone(void **state)
{
    struct err err;
    (void)state;
    err_set(&err, ERR_NOT_FOUND, "MessageNotFound", "-");
    assert_true(azure_queue_message_gone(&err));
    err_set(&err, ERR_CONFLICT, "PopReceiptMismatch", "-");
    assert_true(azure_queue_message_gone(&err));
    err_set(&err, ERR_NOT_FOUND, "QueueNotFound", "-");
    assert_false(azure_queue_message_gone(&err));
}

/* --- messages --- */

static json_t *messages_json(const struct azure_messages *m)
{
    json_t *list = json_array();
    for (size_t i = 0; i < m->count; i++) {
        assert_int_equal(m->at[i].text_size, strlen(m->at[i].text));
        json_array_append_new(list, json_pack("{s:s, s:s, s:i, s:s}", "id", m->at[i].id,
                                              "pop_receipt", m->at[i].pop_receipt, "dequeue_count",
                                              (int)m->at[i].dequeue_count, "text", m->at[i].text));
    }
    return json_pack("{s:o}", "messages", list);
}

static void test_messages(void **state)
{
    const char *path = *state;
    char name[512];
    struct azure_messages messages;
    struct err err = ERR_INIT;
    snprintf(name, sizeof name, "%.*s.json", (int)(strlen(path) - strlen(".xml")), path);
    json_t *expected = folder_json(name, "");
    struct http_response response = {.status = 200, .body = folder_read(path, "")};
    bool ok = azure_queue_messages(&response, &messages, &err);
    json_t *is = ok ? messages_json(&messages) : json_pack("{s:s}", "error", err.message);
    /* The next response may be complete. */
    if (!ok) {
        assert_kind(err, ERR_TRANSIENT);
        assert_string_equal(err.code, "UnreadableResponse");
    }
    assert_json_equal(is, expected);
    json_decref(is);
    azure_messages_free(&messages);
    http_response_free(&response);
    json_decref(expected);
}

/* --- the number of messages --- */

static const char *count_header;

static void answer_count(void *ctx, const struct cloud_request *request, struct cloud_reply *reply)
{
    (void)ctx;
    bool asked = strcmp(request->target, "/account1/events?comp=metadata") == 0;
    reply->status = asked && count_header ? 200 : 404;
    reply->headers = count_header;
}

static void test_metadata(void **state)
{
    static const struct {
        const char *header;
        int64_t messages;
    } cases[] = {
        {"x-ms-approximate-messages-count: 0\r\n", 0},
        {"x-ms-approximate-messages-count: 12345\r\n", 12345},
        {"x-ms-approximate-messages-count: -1\r\n", -1},
        {"x-ms-approximate-messages-count: 1x\r\n", -1},
        {"x-ms-approximate-messages-count: 99999999999999999999\r\n", -1},
        {"x-ms-other: 1\r\n", -1},
    };
    struct azure_storage *s = start_answering(
        "BlobEndpoint=http://127.0.0.1:PORT/account1;QueueEndpoint=http://127.0.0.1:PORT/account1;"
        "AccountName=account1;AccountKey=c2VjcmV0",
        answer_count);
    struct err err = ERR_INIT;
    int64_t messages;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        count_header = cases[i].header;
        assert_true(
            azure_queue_metadata(&(struct azure_queue){s, "events"}, world.http, &messages, &err));
        assert_int_equal(messages, cases[i].messages);
    }
    count_header = NULL;
    assert_false(
        azure_queue_metadata(&(struct azure_queue){s, "events"}, world.http, &messages, &err));
    assert_int_equal(err.kind, ERR_NOT_FOUND);
    assert_string_equal(err.operation, "GetQueueMetadata");
    assert_false(
        azure_queue_metadata(&(struct azure_queue){s, "../x"}, world.http, &messages, &err));
    assert_int_equal(err.kind, ERR_INVALID);
    stop_world(s);
}

int main(void)
{
    struct folder_tests tests = {0}, queues = {0};
    if (!http_global_init())
        return 1;
    folder_add(&tests, REQUESTS, ".json", test_recorded);
    for (size_t i = 0; i < tests.count; i++)
        if (strstr(tests.at[i].name, "/queue_"))
            queues.at[queues.count++] = tests.at[i];
        else
            free(tests.at[i].initial_state);
    folder_add(&queues, MESSAGES, ".xml", test_messages);
    folder_add_test(&queues, "refused", test_refused);
    folder_add_test(&queues, "hostile_id", test_hostile_id);
    folder_add_test(&queues, "release_at_once", test_release_at_once);
    folder_add_test(&queues, "put_size", test_put_size);
    folder_add_test(&queues, "gone", test_gone);
    folder_add_test(&queues, "metadata", test_metadata);
    int failed = folder_run("azure_queue", &queues);
    http_global_cleanup();
    return failed;
}
