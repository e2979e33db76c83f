/* Tests of Azure Storage accounts: connection strings, authorization, errors. */
#include "tests/unit/azure_world.h"

#include "lib/azure/storage.h"

#define CONNECTIONS "tests/unit/data/azure_connection"
#define ERRORS      "tests/unit/data/azure_storage_errors"

static struct world world;

static void answer_nothing(void *ctx, const struct cloud_request *request,
                           struct cloud_reply *reply)
{
    (void)ctx, (void)request;
    reply->status = 404;
}

/* --- connection strings --- */

static void check_account(const struct azure_storage *s, const json_t *expected)
{
    json_t *is = json_pack("{s:s, s:s, s:s, s:s}", "account", azure_storage_account(s), "auth",
                           azure_storage_auth_name(s), "blob", azure_storage_blob_endpoint(s),
                           "queue", azure_storage_queue_endpoint(s));
    assert_json_equal(is, expected);
    json_decref(is);
}

static void test_connection(void **state)
{
    json_t *test = folder_json(*state, "");
    const char *suffix = json_string_value(json_object_get(test, "storage_suffix"));
    const char *error = json_string_value(json_object_get(test, "error"));
    struct azure_options with = {.clock = &system_clock, .storage_suffix = suffix};
    struct err err = ERR_INIT;
    world_clean_environment();
    struct azure *azure = azure_new(&with, &err);
    assert_non_null(azure);
    struct azure_storage_options options = {
        .azure = azure,
        .account = json_string_value(json_object_get(test, "account")),
        .connection_string = json_string_value(json_object_get(test, "connection_string"))};
    struct azure_storage *s = azure_storage_new(&options, &err);
    assert_string_equal(s ? "" : err.message, error ? error : "");
    if (s)
        check_account(s, json_object_get(test, "expected"));
    else
        assert_kind(err, ERR_INVALID);
    azure_storage_free(s);
    azure_free(azure);
    json_decref(test);
}

/* --- errors --- */

static void test_error(void **state)
{
    json_t *test = folder_json(*state, "");
    const char *body = json_string_value(json_object_get(test, "body")), *name;
    struct http_response response = {.status =
                                         (int)json_integer_value(json_object_get(test, "status")),
                                     .body = buf_make(1u << 16)};
    struct err err = ERR_INIT;
    json_t *value;
    assert_true(buf_adds(&response.body, body));
    json_object_foreach(json_object_get(test, "headers"), name, value)
        assert_true(http_headers_add(&response.headers, name, json_string_value(value)));
    azure_storage_set_error("GetBlob", &response, &err);
    json_t *is = json_pack("{s:s, s:s, s:s, s:s, s:I}", "kind", err_kind_name(err.kind), "code",
                           err.code, "message", err.message, "request_id", err.request_id,
                           "retry_after_ms", (json_int_t)err.retry_after_ms);
    assert_json_equal(is, json_object_get(test, "expected"));
    assert_string_equal(err.operation, "GetBlob");
    assert_int_equal(err.http_status, response.status);
    json_decref(is);
    http_response_free(&response);
    json_decref(test);
}

/* --- signing --- */

static struct azure_storage *new_storage(const char *connection_string)
{
    char *text = world_with_port(&world, connection_string);
    struct azure_storage_options options = {.azure = world.azure, .connection_string = text};
    struct err err = ERR_INIT;
    struct azure_storage *s = azure_storage_new(&options, &err);
    assert_string_equal(s ? "" : err.message, "");
    free(text);
    return s;
}

#define BY_TOKEN                                                                                   \
    "BlobEndpoint=http://127.0.0.1:PORT/account1;QueueEndpoint=http://127.0.0.1:PORT/account1"
#define BY_SAS BY_TOKEN ";SharedAccessSignature=sv=1&sig=abc%3D"
#define BY_KEY BY_TOKEN ";AccountName=account1;AccountKey=c2VjcmV0"

static struct http_request new_request(const char *target)
{
    struct http_request r = {.method = "GET"};
    assert_true(asprintf(&r.url, "%s%s", world.server.url, target) > 0);
    return r;
}

static int count_headers(const struct http_request *r, const char *name)
{
    int count = 0;
    for (size_t i = 0; i < r->headers.count; i++)
        count += strcasecmp(r->headers.at[i].name, name) == 0;
    return count;
}

static void sign_request(const struct azure_storage *s, struct http_request *r)
{
    struct err err = ERR_INIT;
    bool ok = azure_storage_sign(s, world.http, r, &err);
    assert_string_equal(ok ? "" : err.message, "");
}

static void test_main_thread_takes_tokens_from_memory(void **state)
{
    struct http_request r = new_request("/account1/q/messages");
    struct err err = ERR_INIT;
    (void)state;
    world_start(&world, answer_nothing);
    struct azure_storage *s = new_storage(BY_TOKEN);
    assert_false(azure_storage_sign(s, NULL, &r, &err));
    assert_kind(err, ERR_BUSY);
    assert_int_equal(err.retry_after_ms, 200);
    assert_int_equal(world_count(&world), 0);

    sign_request(s, &r);
    assert_int_equal(world.tokens, 1);
    assert_string_equal(http_headers_get(&r.headers, "Authorization"), "Bearer tok3n-1");
    assert_true(azure_storage_sign(s, NULL, &r, &err));
    assert_string_equal(http_headers_get(&r.headers, "Authorization"), "Bearer tok3n-1");

    azure_storage_expire_token(s, &r);
    assert_false(azure_storage_sign(s, NULL, &r, &err));
    http_request_free(&r);
    azure_storage_free(s);
    world_stop(&world);
}

static void test_signed_again(void **state)
{
    static const char *const ways[] = {BY_TOKEN, BY_SAS, BY_KEY};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct http_request r;
        char *once;
        world_start(&world, answer_nothing);
        struct azure_storage *s = new_storage(ways[i]);
        r = new_request("/account1/q/messages?a=b");
        sign_request(s, &r);
        once = strdup(r.url);
        sign_request(s, &r);
        assert_string_equal(r.url, once);
        assert_int_equal(count_headers(&r, "Authorization"), i == 1 ? 0 : 1);
        assert_int_equal(count_headers(&r, "x-ms-date"), 1);
        assert_int_equal(count_headers(&r, "x-ms-version"), 1);
        assert_int_equal(count_headers(&r, "x-ms-client-request-id"), 1);
        free(once);
        http_request_free(&r);
        azure_storage_free(s);
        world_stop(&world);
    }
}

static void test_sas_goes_into_the_query(void **state)
{
    struct http_request r;
    char *wanted;
    (void)state;
    world_start(&world, answer_nothing);
    struct azure_storage *s = new_storage(BY_SAS);
    r = new_request("/account1/c/b");
    sign_request(s, &r);
    assert_true(asprintf(&wanted, "%s/account1/c/b?sv=1&sig=abc%%3D", world.server.url) > 0);
    assert_string_equal(r.url, wanted);
    free(wanted);
    http_request_free(&r);
    azure_storage_free(s);
    world_stop(&world);
}

static void test_too_many_parameters(void **state)
{
    struct buf target = buf_make(4096);
    struct err err = ERR_INIT;
    (void)state;
    world_start(&world, answer_nothing);
    struct azure_storage *s = new_storage(BY_KEY);
    buf_adds(&target, "/account1/c?");
    for (int i = 0; i < 33; i++)
        buf_addf(&target, "p%d=1&", i);
    struct http_request r = new_request(buf_str(&target));
    assert_false(azure_storage_sign(s, world.http, &r, &err));
    assert_string_equal(err.message, "the storage request is too large to be signed");
    http_request_free(&r);
    buf_free(&target);
    azure_storage_free(s);
    world_stop(&world);
}

/* --- sending --- */

/* Rejects the first token. */
static void answer_second_token(void *ctx, const struct cloud_request *request,
                                struct cloud_reply *reply)
{
    (void)ctx;
    bool good = strstr(request->head, "Authorization: Bearer tok3n-2") != NULL;
    reply->status = good ? 200 : 401;
    reply->headers = good ? "" : "x-ms-error-code: InvalidAuthenticationInfo\r\n";
}

static void test_refused_token_is_replaced_once(void **state)
{
    struct http_response response;
    struct err err = ERR_INIT;
    (void)state;
    world_start(&world, answer_second_token);
    struct azure_storage *s = new_storage(BY_TOKEN);
    struct http_request r = new_request("/account1/c/b");
    bool ok = azure_storage_send(s, world.http, "GetBlob", &r, &response, &err);
    assert_string_equal(ok ? "" : err.message, "");
    assert_int_equal(response.status, 200);
    assert_int_equal(world.tokens, 2);
    assert_int_equal(world_count(&world), 4);
    http_response_free(&response);
    http_request_free(&r);
    azure_storage_free(s);
    world_stop(&world);
}

static void answer_refused(void *ctx, const struct cloud_request *request,
                           struct cloud_reply *reply)
{
    (void)ctx, (void)request;
    reply->status = 401;
    reply->headers = "x-ms-error-code: InvalidAuthenticationInfo\r\n";
}

static void test_refused_for_good(void **state)
{
    struct http_response response;
    struct err err = ERR_INIT;
    (void)state;
    world_start(&world, answer_refused);
    struct azure_storage *s = new_storage(BY_TOKEN);
    struct http_request r = new_request("/account1/c/b");
    assert_false(azure_storage_send(s, world.http, "GetBlob", &r, &response, &err));
    assert_kind(err, ERR_DENIED);
    assert_non_null(strstr(err.message, "no service has accepted this token yet: check this host's "
                                        "clock, and that cloud, tenant and endpoints belong "
                                        "together"));
    assert_int_equal(world.tokens, 2);
    assert_int_equal(world_count(&world), 4);
    /* The token stays: the next request uses it, and is rejected itself. */
    assert_false(azure_storage_send(s, world.http, "GetBlob", &r, &response, &err));
    assert_kind(err, ERR_DENIED);
    assert_string_equal(err.code, "InvalidAuthenticationInfo");
    assert_int_equal(world.tokens, 2);
    assert_int_equal(world_count(&world), 5);
    http_request_free(&r);
    azure_storage_free(s);
    world_stop(&world);
}

/* Rejects what is signed by another clock than its own. */
static void answer_of_another_hour(void *ctx, const struct cloud_request *request,
                                   struct cloud_reply *reply)
{
    (void)ctx;
    bool ok = strstr(request->head, "x-ms-date: Thu, 29 Feb 2024 23:44:57 GMT\r\n") != NULL;
    reply->status = ok ? 200 : 403;
    reply->headers = ok ? ""
                        : "x-ms-error-code: AuthenticationFailed\r\n"
                          "Date: Thu, 29 Feb 2024 23:44:57 GMT\r\n";
    if (!ok)
        strcpy(reply->body, "<Error><Message>Server failed to authenticate.</Message></Error>");
}

/* Signed again by the service's clock, and with it from then on. */
static void test_skewed_clock_is_corrected(void **state)
{
    struct http_response response;
    struct err err = ERR_INIT;
    (void)state;
    world_start(&world, answer_of_another_hour);
    struct azure_storage *s = new_storage(BY_KEY);
    struct http_request r = new_request("/account1/c/b");
    for (int i = 0; i < 2; i++) {
        bool ok = azure_storage_send(s, world.http, "GetBlob", &r, &response, &err);
        assert_string_equal(ok ? "" : err.message, "");
        assert_int_equal(world_count(&world), 2 + i);
        http_response_free(&response);
    }
    http_request_free(&r);
    azure_storage_free(s);
    world_stop(&world);
}

/* A time that is years away is not used, but reported. */
static void answer_of_another_age(void *ctx, const struct cloud_request *request,
                                  struct cloud_reply *reply)
{
    (void)ctx, (void)request;
    reply->status = 403;
    reply->headers = "x-ms-error-code: AuthenticationFailed\r\n"
                     "Date: Thu, 28 Feb 2019 23:44:57 GMT\r\n";
    strcpy(reply->body, "<Error><Message>Server failed to authenticate.</Message></Error>");
}

/* The Date of a rejection for another reason is not used. */
static void answer_bad_request(void *ctx, const struct cloud_request *request,
                               struct cloud_reply *reply)
{
    (void)ctx, (void)request;
    reply->status = 400;
    reply->headers = "x-ms-error-code: InvalidInput\r\n"
                     "Date: Thu, 29 Feb 2024 23:44:57 GMT\r\n";
}

static void test_other_rejections_do_not_change_the_clock(void **state)
{
    struct http_response response;
    struct err err = ERR_INIT;
    (void)state;
    world_start(&world, answer_bad_request);
    struct azure_storage *s = new_storage(BY_KEY);
    struct http_request r = new_request("/account1/c/b");
    assert_false(azure_storage_send(s, world.http, "GetBlob", &r, &response, &err));
    assert_int_equal(world_count(&world), 1);
    http_request_free(&r);
    azure_storage_free(s);
    world_stop(&world);
}

static void test_skewed_clock_is_named(void **state)
{
    struct http_response response;
    struct err err = ERR_INIT;
    (void)state;
    world_start(&world, answer_of_another_age);
    struct azure_storage *s = new_storage(BY_KEY);
    struct http_request r = new_request("/account1/c/b");
    assert_false(azure_storage_send(s, world.http, "GetBlob", &r, &response, &err));
    assert_string_equal(err.message,
                        "Server failed to authenticate.; this host's clock differs from the "
                        "service's by more than 15 minutes: synchronize it (NTP)");
    assert_int_equal(world_count(&world), 1);
    http_request_free(&r);
    azure_storage_free(s);
    world_stop(&world);
}

int main(void)
{
    struct folder_tests tests = {0};
    if (!http_global_init())
        return 1;
    folder_add(&tests, CONNECTIONS, ".json", test_connection);
    folder_add(&tests, ERRORS, ".json", test_error);
    folder_add_test(&tests, "main_thread_takes_tokens_from_memory",
                    test_main_thread_takes_tokens_from_memory);
    folder_add_test(&tests, "signed_again", test_signed_again);
    folder_add_test(&tests, "sas_goes_into_the_query", test_sas_goes_into_the_query);
    folder_add_test(&tests, "too_many_parameters", test_too_many_parameters);
    folder_add_test(&tests, "refused_token_is_replaced_once", test_refused_token_is_replaced_once);
    folder_add_test(&tests, "refused_for_good", test_refused_for_good);
    folder_add_test(&tests, "skewed_clock_is_corrected", test_skewed_clock_is_corrected);
    folder_add_test(&tests, "skewed_clock_is_named", test_skewed_clock_is_named);
    folder_add_test(&tests, "other_rejections_do_not_change_the_clock",
                    test_other_rejections_do_not_change_the_clock);
    int failed = folder_run("azure_storage", &tests);
    http_global_cleanup();
    return failed;
}
