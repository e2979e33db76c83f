/* Tests of recognizing what Azure Event Grid puts into a queue: bodies in data/envelope_azure, each
 * beside what must be found in it. */
#include "tests/unit/aws_folder.h"
#include "tests/unit/golden.h"

#include "daemon/source/envelope.h"

#define ENDPOINT "https://hgevents.blob.core.windows.net"

static void test_body(void **state)
{
    static const char *const kinds[] = {
        [ENVELOPE_EVENTS] = "events", [ENVELOPE_TEST] = "test", [ENVELOPE_UNKNOWN] = "unknown"};
    const char *path = *state;
    struct buf out = buf_make(1 << 20), expected = buf_make(1000);
    struct buf body = folder_read(path, "");
    struct envelope e;
    struct err err = ERR_INIT;
    enum envelope_kind kind = envelope_azure_parse(buf_str(&body), body.size, ENDPOINT, &e, &err);
    buf_addf(&out, "%s\n", kinds[kind]);
    for (size_t i = 0; i < e.count; i++)
        buf_addf(&out, "object <%s> <%s>\n", e.objects[i].container, e.objects[i].key);
    if (kind == ENVELOPE_EVENTS)
        buf_addf(&out, "ignored %zu\n", e.ignored);
    for (const char *const *name = e.ignored_names; *name; name++)
        buf_addf(&out, "ignored name <%s>\n", *name);
    if (kind == ENVELOPE_EVENTS && *e.foreign)
        buf_addf(&out, "foreign <%s>\n", e.foreign);
    if (err.kind != ERR_NONE)
        buf_addf(&out, "%s: %s\n", err_kind_name(err.kind), err.message);
    buf_addf(&expected, "%.*s.answer", (int)(strlen(path) - strlen(".body")), path);
    golden_compare(buf_str(&expected), buf_str(&out));
    envelope_free(&e);
    buf_free(&body);
    buf_free(&out);
    buf_free(&expected);
}

/* An event of a blob at `url`, parsed for an account at `endpoint`: its key, or NULL. */
static char *key_at(const char *endpoint, const char *url)
{
    char body[1000];
    char *key = NULL;
    struct envelope e;
    struct err err = ERR_INIT;
    snprintf(body, sizeof body,
             "{\"eventType\":\"Microsoft.Storage.BlobCreated\",\"data\":{\"url\":\"%s\"}}", url);
    assert_int_equal(envelope_azure_parse(body, strlen(body), endpoint, &e, &err), ENVELOPE_EVENTS);
    if (e.count > 0)
        key = strdup(e.objects[0].key);
    assert_int_equal(e.count + e.ignored, 1);
    envelope_free(&e);
    return key;
}

/* Emulators have the account in the path, where nothing but the whole of it counts. */
static void test_an_endpoint_with_a_path(void **state)
{
    static const char endpoint[] = "http://127.0.0.1:10000/devstoreaccount1";
    (void)state;
    char *key = key_at(endpoint, "http://127.0.0.1:10000/devstoreaccount1/events/a/event.json");
    assert_string_equal(key, "a/event.json");
    free(key);
    assert_null(key_at(endpoint, "http://127.0.0.1:10000/devstoreaccount12/events/a/event.json"));
    assert_null(key_at(endpoint, "http://127.0.0.1:10001/devstoreaccount1/events/a/event.json"));
    assert_null(key_at(endpoint, "http://127.0.0.1:10000/devstoreaccount1"));
}

static void test_too_large(void **state)
{
    struct buf body = buf_make(ENVELOPE_MAX + 1);
    struct envelope e;
    struct err err = ERR_INIT;
    (void)state;
    for (size_t i = 0; i <= ENVELOPE_MAX; i++)
        assert_true(buf_addc(&body, ' '));
    assert_int_equal(envelope_azure_parse(body.data, body.size, ENDPOINT, &e, &err),
                     ENVELOPE_UNKNOWN);
    assert_int_equal(err.kind, ERR_LIMIT);
    assert_string_equal(err.message, "a message of 1048577 bytes; at most 1048576 are read");
    assert_int_equal(e.count, 0);
    buf_free(&body);
}

int main(void)
{
    struct folder_tests tests = {.count = 0};
    folder_add(&tests, "tests/unit/data/envelope_azure", ".body", test_body);
    folder_add_test(&tests, "test_an_endpoint_with_a_path", test_an_endpoint_with_a_path);
    folder_add_test(&tests, "test_too_large", test_too_large);
    return folder_run("envelope_azure", &tests);
}
