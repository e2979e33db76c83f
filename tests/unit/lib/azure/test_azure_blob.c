/* Tests of blobs: requests as Microsoft's library sends them, conditions, listings. */
#include "tests/unit/azure_world.h"

#include "lib/azure/blob.h"

#define REQUESTS "tests/unit/data/azure_requests"
#define CONNECTION                                                                                 \
    "BlobEndpoint=http://127.0.0.1:PORT/account1;QueueEndpoint=http://127.0.0.1:PORT/account1;"    \
    "AccountName=account1;AccountKey=c2VjcmV0"

static struct world world;
static struct azure_storage *storage;
static struct azure_container reports;

static void start_world(cloud_answer_fn answer, const char *connection_string)
{
    struct err err = ERR_INIT;
    world_start(&world, answer);
    char *text = world_with_port(&world, connection_string);
    struct azure_storage_options options = {.azure = world.azure, .connection_string = text};
    storage = azure_storage_new(&options, &err);
    assert_string_equal(storage ? "" : err.message, "");
    reports = (struct azure_container){.storage = storage, .name = "reports"};
    free(text);
}

static void stop_world(void)
{
    azure_storage_free(storage);
    world_stop(&world);
}

/* --- recorded requests --- */

#define WRITTEN "ETag: \"0x1\"\r\nLast-Modified: Thu, 29 Feb 2024 23:59:58 GMT\r\n"

#define ANSWERED "Date: Thu, 29 Feb 2024 23:59:59 GMT\r\n"

static void answer_empty(void *ctx, const struct cloud_request *request, struct cloud_reply *reply)
{
    (void)ctx;
    reply->status = 200;
    reply->headers = WRITTEN;
    if (strstr(request->target, "comp=list"))
        strcpy(reply->body, "<EnumerationResults><Blobs/><NextMarker/></EnumerationResults>");
}

static const char *given_text(const json_t *test, const char *name)
{
    return json_string_value(json_object_get(json_object_get(test, "given"), name));
}

static bool ignore_blob(void *ctx, const char *name, const struct object_meta *meta)
{
    (void)ctx, (void)name, (void)meta;
    return true;
}

static bool put_given(const json_t *test, struct err *err)
{
    const char *condition = given_text(test, "condition");
    const char *text = given_text(test, "body");
    struct http_body body = {.data = text, .size = strlen(text)};
    enum object_condition how = !condition                        ? OBJECT_ALWAYS
                                : strcmp(condition, "match") == 0 ? OBJECT_IF_MATCH
                                                                  : OBJECT_IF_ABSENT;
    return azure_blob_put(&reports, world.http,
                          &(struct object_put){.key = given_text(test, "name"),
                                               .body = &body,
                                               .content_type = given_text(test, "content_type"),
                                               .condition = how,
                                               .etag = given_text(test, "etag")},
                          NULL, err);
}

static bool run_given(const json_t *test, struct err *err)
{
    const char *operation = json_string_value(json_object_get(test, "operation"));
    struct buf body = buf_make(1000);
    bool ok;
    if (strcmp(operation, "blob_get") == 0)
        ok = azure_blob_get(&reports, world.http, given_text(test, "name"), &body, NULL, err);
    else if (strcmp(operation, "blob_delete") == 0)
        ok = azure_blob_delete(&reports, world.http, given_text(test, "name"), NULL, err);
    else if (strcmp(operation, "blob_list") == 0)
        ok = azure_blob_list(&reports, world.http, given_text(test, "prefix"), ignore_blob, NULL,
                             err);
    else
        ok = put_given(test, err);
    buf_free(&body);
    return ok;
}

/* The headers to compare, in lower case. */
static json_t *headers_of(char *head)
{
    static const char *const skipped[] = {"host", "user-agent", "accept", "content-length"};
    json_t *headers = json_object();
    char *rest = strstr(head, "\r\n"), *line;
    assert_non_null(rest);
    while ((line = strtok_r(rest, "\r\n", &rest))) {
        char *colon = strchr(line, ':');
        bool skip = false;
        assert_non_null(colon);
        *colon = '\0';
        for (char *c = line; *c; c++)
            *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
        for (size_t i = 0; i < sizeof skipped / sizeof *skipped; i++)
            skip = skip || strcmp(line, skipped[i]) == 0;
        if (!skip)
            json_object_set_new(headers, line, json_string(colon + 1 + strspn(colon + 1, " ")));
    }
    return headers;
}

static void check_last(const json_t *expected)
{
    char *last = cloud_last(&world.server), *body = strstr(last, "\r\n\r\n");
    char method[8], target[2048];
    assert_non_null(body);
    *body = '\0';
    assert_int_equal(sscanf(last, "%7s %2047s", method, target), 2);
    assert_string_equal(method, json_string_value(json_object_get(expected, "method")));
    world_check_target(target, expected);
    assert_string_equal(body + 4, json_string_value(json_object_get(expected, "body")));
    json_t *headers = headers_of(last);
    assert_json_equal(headers, json_object_get(expected, "headers"));
    json_decref(headers);
    free(last);
}

static void test_recorded(void **state)
{
    json_t *test = folder_json(*state, "");
    struct err err = ERR_INIT;
    start_world(answer_empty, json_string_value(json_object_get(test, "connection_string")));
    bool ok = run_given(test, &err);
    assert_string_equal(ok ? "" : err.message, "");
    check_last(json_object_get(test, "expected"));
    stop_world();
    json_decref(test);
}

/* --- responses --- */

static void test_get(void **state)
{
    struct buf body = buf_make(1000);
    struct object_meta meta;
    struct err err = ERR_INIT;
    (void)state;
    start_world(cloud_answer_next, CONNECTION);
    cloud_set_reply(200, WRITTEN ANSWERED, "hello");
    bool ok = azure_blob_get(&reports, world.http, "a", &body, &meta, &err);
    assert_string_equal(ok ? "" : err.message, "");
    assert_string_equal(buf_str(&body), "hello");
    assert_string_equal(meta.etag, "\"0x1\"");
    assert_int_equal(meta.modified_ms, WORLD_NOW);
    assert_int_equal(meta.now_ms, WORLD_NOW + 1000);
    assert_int_equal(meta.size, 5);
    buf_free(&body);
    stop_world();
}

/* The limit for a small blob leaves room for an error, but not for a larger blob. */
static void test_get_small(void **state)
{
    struct buf body = buf_make(4);
    struct err err = ERR_INIT;
    (void)state;
    start_world(cloud_answer_next, CONNECTION);
    cloud_set_reply(404, "x-ms-error-code: BlobNotFound\r\n",
                    "<Error><Message>The specified blob does not exist.</Message></Error>");
    assert_false(azure_blob_get(&reports, world.http, "a", &body, NULL, &err));
    assert_kind(err, ERR_NOT_FOUND);
    assert_string_equal(err.message, "The specified blob does not exist.");
    cloud_set_reply(200, WRITTEN, "hello");
    assert_false(azure_blob_get(&reports, world.http, "a", &body, NULL, &err));
    assert_kind(err, ERR_LIMIT);
    assert_string_equal(err.message, "the blob is larger than 4 bytes");
    assert_int_equal(body.size, 0);
    cloud_set_reply(200, WRITTEN, "hell");
    assert_true(azure_blob_get(&reports, world.http, "a", &body, NULL, &err));
    assert_string_equal(buf_str(&body), "hell");
    assert_int_equal(body.max, 4);
    buf_free(&body);
    stop_world();
}

static void test_head(void **state)
{
    static const char *const malformed[] = {
        WRITTEN,
        WRITTEN "Content-Length: 99999999999999999999\r\n",
        "ETag: \"0x1\"\r\nLast-Modified: rubbish\r\nContent-Length: 5\r\n",
        "Last-Modified: Thu, 29 Feb 2024 23:59:58 GMT\r\nContent-Length: 5\r\n",
    };
    struct object_meta meta;
    char metadata[OBJECT_METADATA_SIZE];
    struct err err = ERR_INIT;
    (void)state;
    start_world(cloud_answer_next, CONNECTION);
    cloud_set_reply(200, WRITTEN ANSWERED "x-ms-meta-hgautod_event: e1\r\nContent-Length: 5\r\n",
                    "");
    /* The server adds no length of its own. */
    cloud_next_reply()->reply.open_ended = true;
    bool ok = azure_blob_head(&reports, world.http, "a", &meta, metadata, &err);
    assert_string_equal(ok ? "" : err.message, "");
    assert_string_equal(meta.etag, "\"0x1\"");
    assert_int_equal(meta.modified_ms, WORLD_NOW);
    assert_int_equal(meta.now_ms, WORLD_NOW + 1000);
    assert_int_equal(meta.size, 5);
    assert_string_equal(metadata, "e1");
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        cloud_set_reply(200, malformed[i], "");
        cloud_next_reply()->reply.open_ended = true;
        assert_false(azure_blob_head(&reports, world.http, "a", &meta, NULL, &err));
        assert_string_equal(err.operation, "GetBlobProperties");
        assert_kind(err, ERR_TRANSIENT);
    }
    stop_world();
}

static void expect_put(int status, const char *headers, enum object_condition condition,
                       const char *etag, enum err_kind kind)
{
    struct http_body body = {.data = "x", .size = 1};
    struct err err = ERR_INIT;
    cloud_set_reply(status, headers, "");
    if (azure_blob_put(
            &reports, world.http,
            &(struct object_put){.key = "a", .body = &body, .condition = condition, .etag = etag},
            NULL, &err))
        err.kind = ERR_NONE;
    assert_kind(err, kind);
}

static void test_put(void **state)
{
    struct http_body body = {.data = "x", .size = 1};
    char etag[128];
    struct err err = ERR_INIT;
    (void)state;
    start_world(cloud_answer_next, CONNECTION);
    cloud_set_reply(201, "ETag: \"0x2\"\r\n", "");
    assert_true(azure_blob_put(&reports, world.http,
                               &(struct object_put){.key = "a", .body = &body}, etag, &err));
    assert_string_equal(etag, "\"0x2\"");
    expect_put(409, "x-ms-error-code: BlobAlreadyExists\r\n", OBJECT_IF_ABSENT, NULL,
               ERR_PRECONDITION);
    expect_put(412, "x-ms-error-code: ConditionNotMet\r\n", OBJECT_IF_MATCH, "\"0x1\"",
               ERR_PRECONDITION);
    expect_put(412, "x-ms-error-code: LeaseIdMissing\r\n", OBJECT_ALWAYS, NULL, ERR_CONFLICT);
    expect_put(503, "x-ms-error-code: ServerBusy\r\n", OBJECT_ALWAYS, NULL, ERR_THROTTLED);
    int before = world_count(&world);
    expect_put(201, "", OBJECT_IF_MATCH, NULL, ERR_INVALID);
    expect_put(201, "", OBJECT_IF_MATCH, "\"0x1\"\r\nEvil: yes", ERR_INVALID);
    body.size = (size_t)5001 << 20;
    assert_false(azure_blob_put(&reports, world.http,
                                &(struct object_put){.key = "a", .body = &body}, NULL, &err));
    assert_kind(err, ERR_LIMIT);
    assert_int_equal(world_count(&world), before);
    stop_world();
}

static void expect_unreadable(const char *headers, const char *message)
{
    struct buf body = buf_make(1000);
    struct err err = ERR_INIT;
    cloud_set_reply(200, headers, "{}");
    assert_false(azure_blob_get(&reports, world.http, "a", &body, NULL, &err));
    assert_kind(err, ERR_TRANSIENT);
    assert_string_equal(err.code, "UnreadableResponse");
    assert_string_equal(err.operation, "GetBlob");
    assert_string_equal(err.message, message);
    buf_free(&body);
}

/* Without a length or chunks, a response that was cut off looks complete. */
static void test_get_without_an_end(void **state)
{
    struct buf body = buf_make(1000);
    struct err err = ERR_INIT;
    (void)state;
    start_world(cloud_answer_next, CONNECTION);
    cloud_set_reply(200, WRITTEN, "hel");
    cloud_next_reply()->reply.open_ended = true;
    assert_false(azure_blob_get(&reports, world.http, "a", &body, NULL, &err));
    assert_kind(err, ERR_TRANSIENT);
    assert_string_equal(err.code, "UnreadableResponse");
    assert_string_equal(err.message,
                        "the response has no length, so that it may have been cut off");
    assert_int_equal(body.size, 0);
    cloud_set_reply(200, WRITTEN, "hello");
    assert_true(azure_blob_get(&reports, world.http, "a", &body, NULL, &err));
    assert_string_equal(buf_str(&body), "hello");
    buf_free(&body);
    stop_world();
}

/* A response that was cut off, or comes from a proxy. */
static void test_missing_headers(void **state)
{
    static const char lacks[] = "the response has no valid ETag or Last-Modified";
    struct http_body body = {.data = "x", .size = 1};
    struct err err = ERR_INIT;
    (void)state;
    start_world(cloud_answer_next, CONNECTION);
    expect_unreadable("", lacks);
    expect_unreadable("ETag: \"0x1\"\r\n", lacks);
    expect_unreadable("ETag: \"0x1\"\r\nLast-Modified: rubbish\r\n", lacks);
    expect_unreadable("Last-Modified: Thu, 29 Feb 2024 23:59:58 GMT\r\n", lacks);
    cloud_set_reply(201, "", "");
    assert_false(azure_blob_put(&reports, world.http,
                                &(struct object_put){.key = "a", .body = &body}, NULL, &err));
    assert_kind(err, ERR_TRANSIENT);
    assert_string_equal(err.operation, "PutBlob");
    assert_string_equal(err.message, "the response has no valid ETag");
    stop_world();
}

static void test_delete(void **state)
{
    struct err err = ERR_INIT;
    (void)state;
    start_world(cloud_answer_next, CONNECTION);
    cloud_set_reply(202, "", "");
    assert_true(azure_blob_delete(&reports, world.http, "a", NULL, &err));
    cloud_set_reply(404, "x-ms-error-code: BlobNotFound\r\n", "");
    assert_true(azure_blob_delete(&reports, world.http, "a", NULL, &err));
    cloud_set_reply(404, "x-ms-error-code: ContainerNotFound\r\n", "");
    assert_false(azure_blob_delete(&reports, world.http, "a", NULL, &err));
    assert_kind(err, ERR_NOT_FOUND);
    stop_world();
}

static void test_delete_if_match(void **state)
{
    struct err err = ERR_INIT;
    (void)state;
    start_world(cloud_answer_next, CONNECTION);
    cloud_set_reply(202, "", "");
    assert_true(azure_blob_delete(&reports, world.http, "a", "\"0x1\"", &err));
    assert_true(cloud_saw(&world.server, "If-Match: \"0x1\""));
    cloud_set_reply(412, "x-ms-error-code: ConditionNotMet\r\n", "");
    assert_false(azure_blob_delete(&reports, world.http, "a", "\"0x1\"", &err));
    assert_kind(err, ERR_PRECONDITION);
    int before = world_count(&world);
    assert_false(azure_blob_delete(&reports, world.http, "a", "", &err));
    assert_kind(err, ERR_INVALID);
    assert_int_equal(world_count(&world), before);
    stop_world();
}

/* Names that lead out of the container, or are invalid. */
static void test_hostile_names(void **state)
{
    static const char *const names[] = {"",     ".",   "..",       "../x/y", "a/../../b", "a/.",
                                        "a/..", "./a", "a\\..\\b", "a\\..",  "..\\a"};
    static const char *const containers[] = {"",    "ab",  "A-upper", "a/b",
                                             "-ab", "ab-", "a--b",    ".."};
    struct buf body = buf_make(1000);
    (void)state;
    start_world(answer_empty, CONNECTION);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct err err = ERR_INIT;
        assert_false(azure_blob_get(&reports, world.http, names[i], &body, NULL, &err));
        assert_kind(err, ERR_INVALID);
    }
    for (size_t i = 0; i < sizeof containers / sizeof *containers; i++) {
        struct azure_container container = {.storage = storage, .name = containers[i]};
        struct err err = ERR_INIT;
        assert_false(azure_blob_get(&container, world.http, "a", &body, NULL, &err));
        assert_kind(err, ERR_INVALID);
        err = (struct err)ERR_INIT;
        assert_false(azure_blob_list(&container, world.http, "", ignore_blob, NULL, &err));
        assert_kind(err, ERR_INVALID);
    }
    assert_int_equal(world_count(&world), 0);
    assert_true(
        azure_blob_get(&reports, world.http, "a/.../..b/c..", &body, NULL, &(struct err){0}));
    buf_free(&body);
    stop_world();
}

/* --- listings --- */

#define BLOB(name, more)                                                                           \
    "<Blob><Name>" name "</Name><Properties><Last-Modified>Thu, 29 Feb 2024 23:59:58 GMT"          \
    "</Last-Modified><Etag>0x1</Etag><Content-Length>5</Content-Length>" more                      \
    "</Properties></Blob>"
#define PAGE(blobs, marker)                                                                        \
    "\xEF\xBB\xBF<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults "                   \
    "ServiceEndpoint=\"http://x/\" ContainerName=\"reports\"><Prefix>e</Prefix><Blobs>" blobs      \
    "</Blobs><NextMarker>" marker "</NextMarker></EnumerationResults>"

static void answer_pages(void *ctx, const struct cloud_request *request, struct cloud_reply *reply)
{
    (void)ctx;
    reply->status = 200;
    reply->headers = ANSWERED;
    if (!strstr(request->target, "marker="))
        strcpy(reply->body, PAGE(BLOB("e/1", "") BLOB("e/dir", "<ResourceType>directory"
                                                               "</ResourceType>"),
                                 "2!8 =&amp;+/"));
    else if (strstr(request->target, "marker=2%218%20%3D%26%2B%2F"))
        strcpy(reply->body, PAGE("", "3"));
    else
        strcpy(reply->body, PAGE(BLOB("e/&lt;ü&gt; 3", "<ResourceType>file</ResourceType>"), ""));
}

struct seen {
    struct buf names;
    int most;
};

static bool add_seen(void *ctx, const char *name, const struct object_meta *meta)
{
    struct seen *seen = ctx;
    assert_true(buf_addf(&seen->names, "%s %s %zu;", name, meta->etag, meta->size));
    assert_int_equal(meta->modified_ms, WORLD_NOW);
    assert_int_equal(meta->now_ms, WORLD_NOW + 1000);
    return --seen->most > 0;
}

static void expect_list(int most, const char *names, int requests)
{
    struct seen seen = {.names = buf_make(1000), .most = most};
    struct err err = ERR_INIT;
    int before = world_count(&world);
    bool ok = azure_blob_list(&reports, world.http, "e", add_seen, &seen, &err);
    assert_string_equal(ok ? "" : err.message, "");
    assert_string_equal(buf_str(&seen.names), names);
    assert_int_equal(world_count(&world) - before, requests);
    buf_free(&seen.names);
}

static void test_pages(void **state)
{
    (void)state;
    start_world(answer_pages, CONNECTION);
    expect_list(100, "e/1 \"0x1\" 5;e/<ü> 3 \"0x1\" 5;", 3);
    expect_list(1, "e/1 \"0x1\" 5;", 1);
    stop_world();
}

static void test_unreadable_listings(void **state)
{
    static const struct {
        const char *body, *message;
    } tests[] = {
        {PAGE(BLOB("", ""), ""), "the response contains a blob without a name"},
        {PAGE("<Blob><Properties/></Blob>", ""), "the response contains a blob without a name"},
        {PAGE("<Blob><Name>a</Name><Properties><Etag>0x1</Etag></Properties></Blob>", ""),
         "the response contains a blob without a valid ETag or Last-Modified"},
        {"<Other/>", "the response has another root element than EnumerationResults"},
        {"<EnumerationResults><Blobs/></EnumerationResults>",
         "the response has no NextMarker, so that it may be incomplete"},
        {PAGE("", "same"), "the response repeats the last marker, or its marker is too long"},
        {"", "the response is not valid XML"},
    };
    (void)state;
    start_world(cloud_answer_next, CONNECTION);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        struct err err = ERR_INIT;
        cloud_set_reply(200, "", tests[i].body);
        assert_false(azure_blob_list(&reports, world.http, "e", ignore_blob, NULL, &err));
        assert_string_equal(err.message, tests[i].message);
        assert_kind(err, ERR_TRANSIENT);
    }
    stop_world();
}

int main(void)
{
    struct folder_tests tests = {0}, blobs = {0};
    if (!http_global_init())
        return 1;
    folder_add(&tests, REQUESTS, ".json", test_recorded);
    for (size_t i = 0; i < tests.count; i++)
        if (strstr(tests.at[i].name, "/blob_"))
            blobs.at[blobs.count++] = tests.at[i];
        else
            free(tests.at[i].initial_state);
    folder_add_test(&blobs, "get", test_get);
    folder_add_test(&blobs, "get_small", test_get_small);
    folder_add_test(&blobs, "get_without_an_end", test_get_without_an_end);
    folder_add_test(&blobs, "head", test_head);
    folder_add_test(&blobs, "put", test_put);
    folder_add_test(&blobs, "missing_headers", test_missing_headers);
    folder_add_test(&blobs, "delete", test_delete);
    folder_add_test(&blobs, "delete if match", test_delete_if_match);
    folder_add_test(&blobs, "hostile_names", test_hostile_names);
    folder_add_test(&blobs, "pages", test_pages);
    folder_add_test(&blobs, "unreadable_listings", test_unreadable_listings);
    int failed = folder_run("azure_blob", &blobs);
    http_global_cleanup();
    return failed;
}
