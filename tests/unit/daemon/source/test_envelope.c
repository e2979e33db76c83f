/* Tests of recognizing queue messages: bodies in data/envelope, each beside what must be found in
 * it. */
#include "tests/unit/aws_folder.h"
#include "tests/unit/golden.h"

#include "daemon/source/envelope.h"

static void test_body(void **state)
{
    static const char *const kinds[] = {
        [ENVELOPE_EVENTS] = "events", [ENVELOPE_TEST] = "test", [ENVELOPE_UNKNOWN] = "unknown"};
    const char *path = *state;
    struct buf out = buf_make(1 << 20), expected = buf_make(1000);
    struct buf body = folder_read(path, "");
    struct envelope e;
    struct err err = ERR_INIT;
    enum envelope_kind kind = envelope_parse(buf_str(&body), body.size, &e, &err);
    buf_addf(&out, "%s\n", kinds[kind]);
    for (size_t i = 0; i < e.count; i++)
        buf_addf(&out, "object <%s> <%s>\n", e.objects[i].container, e.objects[i].key);
    if (kind == ENVELOPE_EVENTS)
        buf_addf(&out, "ignored %zu\n", e.ignored);
    for (const char *const *name = e.ignored_names; *name; name++)
        buf_addf(&out, "ignored name <%s>\n", *name);
    if (err.kind != ERR_NONE)
        buf_addf(&out, "%s: %s\n", err_kind_name(err.kind), err.message);
    buf_addf(&expected, "%.*s.answer", (int)(strlen(path) - strlen(".body")), path);
    golden_compare(buf_str(&expected), buf_str(&out));
    envelope_free(&e);
    buf_free(&body);
    buf_free(&out);
    buf_free(&expected);
}

static void check_unknown(const struct buf *body, enum err_kind kind, const char *message)
{
    struct envelope e;
    struct err err = ERR_INIT;
    assert_int_equal(envelope_parse(body->data, body->size, &e, &err), ENVELOPE_UNKNOWN);
    assert_int_equal(err.kind, kind);
    assert_string_equal(err.message, message);
    assert_int_equal(e.count, 0);
    envelope_free(&e);
}

static void add_times(struct buf *to, const char *text, size_t times)
{
    for (size_t i = 0; i < times; i++)
        assert_true(buf_adds(to, text));
}

static void test_too_large(void **state)
{
    struct buf body = buf_make(ENVELOPE_MAX + 1);
    (void)state;
    add_times(&body, " ", ENVELOPE_MAX + 1);
    check_unknown(&body, ERR_LIMIT, "a message of 1048577 bytes; at most 1048576 are read");
    buf_free(&body);
}

static void test_too_deep(void **state)
{
    struct buf body = buf_make(ENVELOPE_MAX);
    (void)state;
    add_times(&body, "[", 100000);
    check_unknown(&body, ERR_INVALID,
                  "line 1, column 65: arrays and objects are nested more than 64 levels deep");
    buf_free(&body);
}

/* The Message of an SNS envelope is measured by itself. */
static void test_too_deep_within_sns(void **state)
{
    struct buf body = buf_make(ENVELOPE_MAX);
    (void)state;
    buf_adds(&body, "{\"Type\":\"Notification\",\"Message\":\"");
    add_times(&body, "[", 1000);
    buf_adds(&body, "\"}");
    check_unknown(&body, ERR_INVALID,
                  "line 1, column 65: arrays and objects are nested more than 64 levels deep");
    buf_free(&body);
}

static void make_bridged(struct buf *body, size_t key_size)
{
    buf_adds(body,
             "{\"source\":\"aws.s3\",\"detail-type\":\"Object Created\",\"detail\":{\"bucket\":"
             "{\"name\":\"bucket\"},\"object\":{\"key\":\"");
    add_times(body, "k", key_size - strlen("/event.json"));
    buf_adds(body, "/event.json\"}}}");
}

static void test_a_key_has_at_most_1024_bytes(void **state)
{
    struct buf body = buf_make(ENVELOPE_MAX);
    struct envelope e;
    struct err err = ERR_INIT;
    (void)state;
    make_bridged(&body, 1024);
    assert_int_equal(envelope_parse(body.data, body.size, &e, &err), ENVELOPE_EVENTS);
    assert_int_equal(e.count, 1);
    assert_int_equal(strlen(e.objects[0].key), 1024);
    envelope_free(&e);
    buf_reset(&body);
    make_bridged(&body, 1025);
    check_unknown(&body, ERR_INVALID, "the object's key has 1025 bytes; S3 allows 1 to 1024");
    buf_free(&body);
}

/* One message may carry thousands of records. */
static void test_many_records(void **state)
{
    struct buf body = buf_make(ENVELOPE_MAX);
    struct envelope e;
    struct err err = ERR_INIT;
    (void)state;
    buf_adds(&body, "{\"Records\":[");
    for (int i = 0; i < 5000; i++)
        buf_addf(&body,
                 "%s{\"eventSource\":\"aws:s3\",\"eventName\":\"ObjectCreated:Put\",\"s3\":"
                 "{\"bucket\":{\"name\":\"bucket\"},\"object\":{\"key\":\"e/%d/event.json\"}}}",
                 i == 0 ? "" : ",", i);
    buf_adds(&body, "]}");
    assert_true(buf_ok(&body));
    assert_int_equal(envelope_parse(body.data, body.size, &e, &err), ENVELOPE_EVENTS);
    assert_int_equal(e.count, 5000);
    assert_string_equal(e.objects[4999].key, "e/4999/event.json");
    envelope_free(&e);
    buf_free(&body);
}

int main(void)
{
    struct folder_tests tests = {.count = 0};
    folder_add(&tests, "tests/unit/data/envelope", ".body", test_body);
#define ADD(test) folder_add_test(&tests, #test, test)
    ADD(test_too_large);
    ADD(test_too_deep);
    ADD(test_too_deep_within_sns);
    ADD(test_a_key_has_at_most_1024_bytes);
    ADD(test_many_records);
    return folder_run("envelope", &tests);
}
