/* Tests of Azure Resource Manager: calls, errors, long-running operations. */
#include "tests/unit/azure_world.h"

#include "lib/azure/arm.h"
#include "lib/json/jpath.h"

#define SUBSCRIPTION "cccccccc-1111-2222-3333-444444444444"
#define REQUESTS     "tests/unit/data/azure_requests"
#define ERRORS       "tests/unit/data/arm_errors"

static const struct arm_op vm_start = {"Microsoft.Compute/virtualMachines", "virtualMachines/start",
                                       "POST", "/start", true};
static const struct arm_op vm_get = {"Microsoft.Compute/virtualMachines", "virtualMachines/get",
                                     "GET", "", false};
static const struct arm_op disk_delete = {"Microsoft.Compute/disks", "disks/delete", "DELETE", "",
                                          true};
static const struct arm_op tags_patch = {"Microsoft.Resources/tags", "tags/update", "PATCH", "",
                                         true};

static struct world world;

/* The responses of the server in order; the last one is repeated. URL in a header is replaced by
 * that of the server. */
struct step {
    int status;
    const char *headers, *body;
};
static const struct step *steps;
static size_t step_count;
static _Atomic size_t step_at;

static void answer_steps(void *ctx, const struct cloud_request *request, struct cloud_reply *reply)
{
    static char headers[40000];
    struct world *w = ctx;
    size_t i = step_at++;
    const struct step *step = &steps[i < step_count ? i : step_count - 1];
    const char *url = strstr(step->headers, "URL");
    (void)request;
    snprintf(headers, sizeof headers, "%.*s%s%s",
             url ? (int)(url - step->headers) : (int)strlen(step->headers), step->headers,
             url ? w->server.url : "", url ? url + 3 : "");
    reply->status = step->status;
    reply->headers = headers;
    snprintf(reply->body, sizeof reply->body, "%s", step->body);
}

static void start_world(const struct step *these, size_t count)
{
    steps = these;
    step_count = count;
    step_at = 0;
    world_start(&world, answer_steps);
}
#define START(these) start_world(these, sizeof these / sizeof(*(these)))

static struct buf make_path(const char *type, const char *name)
{
    struct buf path = buf_make(4096);
    assert_true(buf_adds(&path, "/subscriptions"));
    assert_true(arm_path_add(&path, SUBSCRIPTION));
    assert_true(buf_adds(&path, "/resourceGroups"));
    assert_true(arm_path_add(&path, "my group (1)"));
    assert_true(buf_adds(&path, "/providers"));
    assert_true(arm_path_add(&path, "Microsoft.Compute"));
    assert_true(arm_path_add(&path, type));
    assert_true(arm_path_add(&path, name));
    return path;
}

static bool call_op(const struct arm_op *op, const json_t *body, json_t **response,
                    struct arm_poll *poll, struct err *err)
{
    struct buf path =
        op == &disk_delete ? make_path("disks", "disk-1") : make_path("virtualMachines", "vm-1");
    struct arm_call call = {
        .op = op, .subscription = SUBSCRIPTION, .path = buf_str(&path), .body = body};
    *response = arm_call(world.azure, world.http, &call, poll, err);
    buf_free(&path);
    return *response != NULL;
}

/* Starts the virtual machine, which must work. */
static void begin_poll(struct arm_poll *poll)
{
    struct err err = ERR_INIT;
    json_t *response = NULL;
    bool ok = call_op(&vm_start, NULL, &response, poll, &err);
    assert_string_equal(ok ? "" : err.message, "");
    json_decref(response);
}

static void expect_poll(struct arm_poll *poll, bool done, int64_t wait_ms)
{
    struct err err = ERR_INIT;
    bool is_done = !done;
    bool ok = arm_poll_once(world.azure, world.http, poll, &is_done, &err);
    assert_string_equal(ok ? "" : err.message, "");
    assert_int_equal(is_done, done);
    if (!done)
        assert_int_equal(poll->wait_ms, wait_ms);
}

static void expect_poll_error(struct arm_poll *poll, enum err_kind kind, const char *text)
{
    struct err err = ERR_INIT;
    char is[1500];
    bool done = true;
    assert_false(arm_poll_once(world.azure, world.http, poll, &done, &err));
    assert_false(done);
    assert_kind(err, kind);
    assert_string_equal(err_text(&err, is, sizeof is), text);
}

/* --- requests --- */

static void expect_recorded(const char *name, const struct arm_op *op)
{
    static const struct step ok[] = {{200, "", "{}"}};
    json_t *wanted = folder_json(REQUESTS, name), *response = NULL;
    struct err err = ERR_INIT;
    char method[8], target[1024];
    START(ok);
    bool worked = call_op(op, NULL, &response, NULL, &err);
    assert_string_equal(worked ? "" : err.message, "");
    json_decref(response);
    char *last = cloud_last(&world.server);
    assert_int_equal(sscanf(last, "%7s %1023s", method, target), 2);
    assert_string_equal(method, json_string_value(json_object_get(wanted, "method")));
    world_check_target(target, wanted);
    assert_non_null(strstr(last, "\r\nAuthorization: Bearer tok3n-1\r\n"));
    assert_non_null(
        strstr(last, "\r\nx-ms-client-request-id: 11111111-1111-4111-9111-111111111111\r\n"));
    if (strcmp(method, "GET") != 0)
        assert_non_null(strcasestr(last, "\r\nContent-Length: 0\r\n"));
    free(last);
    world_stop(&world);
    json_decref(wanted);
}

static void test_recorded(void **state)
{
    (void)state;
    expect_recorded("arm_vm_start.json", &vm_start);
    expect_recorded("arm_vm_get.json", &vm_get);
    expect_recorded("arm_disk_delete.json", &disk_delete);
}

static void test_body_and_response(void **state)
{
    static const struct step tags[] = {
        {200, "", "{\"id\":\"x\",\"properties\":{\"tags\":{\"a\":\"b\"}}}"}};
    json_t *body =
        json_pack("{s:s, s:{s:{s:s}}}", "operation", "Merge", "properties", "tags", "a", "ü");
    json_t *response = NULL;
    struct arm_poll poll;
    struct err err = ERR_INIT;
    (void)state;
    START(tags);
    assert_true(call_op(&tags_patch, body, &response, &poll, &err));
    assert_null(poll.url);
    assert_string_equal(jstr(response, "properties.tags.a"), "b");
    assert_true(cloud_saw(&world.server, "\r\nContent-Type: application/json\r\n"));
    assert_true(
        cloud_saw(&world.server,
                  "\r\n\r\n{\"operation\":\"Merge\",\"properties\":{\"tags\":{\"a\":\"ü\"}}}"));
    assert_true(cloud_saw(&world.server, "?api-version=2021-04-01 HTTP"));
    json_decref(response);
    json_decref(body);
    world_stop(&world);
}

static void test_versions(void **state)
{
    struct err err = ERR_INIT;
    static const struct step ok[] = {{200, "", "{}"}};
    json_t *response = NULL;
    (void)state;
    START(ok);
    assert_string_equal(arm_version(world.azure, "Microsoft.Compute/disks"), "2022-07-02");
    assert_string_equal(arm_version(world.azure, "microsoft.compute/DISKS"), "2022-07-02");
    assert_null(arm_version(world.azure, "Microsoft.Web/sites"));
    assert_string_equal(arm_version_default("Microsoft.Resources/subscriptions"), "2020-01-01");
    assert_true(
        arm_set_version(world.azure, "microsoft.compute/virtualmachines", "2021-03-01", &err));
    assert_true(arm_set_version(world.azure, "Microsoft.Compute/virtualMachines",
                                "2021-04-01-preview", &err));
    assert_true(call_op(&vm_get, NULL, &response, NULL, &err));
    assert_true(cloud_saw(&world.server, "?api-version=2021-04-01-preview HTTP"));
    json_decref(response);
    assert_false(arm_set_version(world.azure, "Microsoft.Compute/disks", "latest", &err));
    assert_string_equal(
        err.message, "\"latest\" is not a valid api-version: it must be a date such as 2022-08-01");
    assert_false(arm_set_version(world.azure, "Microsoft.Compute/disks", "2022-01-01&x=y", &err));
    assert_false(arm_set_version(world.azure, "Microsoft.Web/sites", "2022-01-01", &err));
    assert_string_equal(err.message,
                        "\"Microsoft.Web/sites\" is not a resource type that hgautod calls");
    world_stop(&world);
}

static void test_path_segments(void **state)
{
    static const struct {
        const char *segment, *encoded;
    } tests[] = {
        {"vm-1", "/vm-1"},
        {"a b", "/a%20b"},
        {"rg(1)_x.y", "/rg%281%29_x.y"},
        {"ü", "/%C3%BC"},
        {"a&b=c", "/a%26b%3Dc"},
        {"...", "/..."},
        {"", NULL},
        {".", NULL},
        {"..", NULL},
        {"a/b", NULL},
        {"a\\b", NULL},
        {"a?b", NULL},
        {"a#b", NULL},
        {"a%2fb", NULL},
        {"a\nb", NULL},
        {"a\x7f", NULL},
        {"\xff", NULL},
    };
    char longest[262];
    (void)state;
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        struct buf path = buf_make(1000);
        assert_string_equal(arm_path_add(&path, tests[i].segment) ? "added" : "refused",
                            tests[i].encoded ? "added" : "refused");
        assert_string_equal(buf_str(&path), tests[i].encoded ? tests[i].encoded : "");
        buf_free(&path);
    }
    struct buf path = buf_make(1000);
    memset(longest, 'a', 261);
    longest[261] = '\0';
    assert_false(arm_path_add(&path, longest));
    longest[260] = '\0';
    assert_true(arm_path_add(&path, longest));
    buf_free(&path);
}

static void test_invalid_paths(void **state)
{
    static const char *const paths[] = {"",
                                        "/",
                                        "/providers/x",
                                        "https://evil.example.com/",
                                        "/subscriptions/a?b=c",
                                        "/subscriptions/a#b"};
    static const struct step ok[] = {{200, "", "{}"}};
    (void)state;
    START(ok);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct err err = ERR_INIT;
        struct arm_call call = {.op = &vm_get, .subscription = SUBSCRIPTION, .path = paths[i]};
        assert_null(arm_call(world.azure, world.http, &call, NULL, &err));
        assert_kind(err, ERR_INVALID);
    }
    assert_int_equal(world_count(&world), 0);
    world_stop(&world);
}

/* --- responses and errors --- */

static void expect_unreadable(const struct arm_op *op, const char *operation)
{
    json_t *response = NULL;
    struct err err = ERR_INIT;
    assert_false(call_op(op, NULL, &response, NULL, &err));
    assert_kind(err, ERR_TRANSIENT);
    assert_string_equal(err.code, "UnreadableResponse");
    assert_string_equal(err.operation, operation);
    assert_null(response);
}

/* A read requires a response; the outcome of a change whose response is malformed is unknown. */
static void test_unreadable_responses(void **state)
{
    static const char *const bodies[] = {"<html>", "{\"a\":"};
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        const struct step step[] = {{200, "", bodies[i]}};
        START(step);
        expect_unreadable(&vm_get, "virtualMachines/get");
        expect_unreadable(&disk_delete, "disks/delete");
        world_stop(&world);
    }
}

/* The response to a change may be empty, that to a read never is. */
static void test_responses_without_an_object(void **state)
{
    static const char *const bodies[] = {"", "null", "[1]"};
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        const struct step step[] = {{200, "", bodies[i]}};
        json_t *response = NULL;
        struct err err = ERR_INIT;
        START(step);
        expect_unreadable(&vm_get, "virtualMachines/get");
        assert_true(call_op(&disk_delete, NULL, &response, NULL, &err));
        assert_int_equal(json_object_size(response), 0);
        json_decref(response);
        world_stop(&world);
    }
}

/* A page of a proxy proves neither that a change was made nor that a resource is gone. */
static void test_page_is_no_success(void **state)
{
    static const struct step page[] = {
        {200, "Content-Type: Text/HTML; charset=utf-8\r\n", "<p>Sign in"}};
    static const struct step not_there[] = {{404, "Content-Type: text/html\r\n", "<p>Where?"}};
    static const struct step nothing[] = {{200, "Content-Type: text/html\r\n", ""}};
    json_t *response = NULL;
    struct err err = ERR_INIT;
    (void)state;
    START(page);
    assert_false(call_op(&disk_delete, NULL, &response, NULL, &err));
    assert_kind(err, ERR_TRANSIENT);
    assert_string_equal(err.code, "UnreadableResponse");
    assert_string_equal(err.operation, "disks/delete");
    world_stop(&world);
    START(not_there);
    assert_false(call_op(&disk_delete, NULL, &response, NULL, &err));
    assert_kind(err, ERR_PROVIDER);
    assert_string_equal(err.message, "the service responded with HTTP status 404 and no message");
    world_stop(&world);
    START(nothing);
    assert_true(call_op(&disk_delete, NULL, &response, NULL, &err));
    json_decref(response);
    world_stop(&world);
}

static void test_error(void **state)
{
    json_t *test = folder_json(*state, "");
    struct buf headers = buf_make(4096);
    struct err err = ERR_INIT;
    const char *name;
    json_t *value, *response;
    json_object_foreach(json_object_get(test, "headers"), name, value)
        buf_addf(&headers, "%s: %s\r\n", name, json_string_value(value));
    const struct step step[] = {{(int)json_integer_value(json_object_get(test, "status")),
                                 buf_str(&headers),
                                 json_string_value(json_object_get(test, "body"))}};
    START(step);
    assert_false(call_op(&vm_start, NULL, &response, NULL, &err));
    assert_null(response);
    json_t *is = json_pack("{s:s, s:s, s:s, s:s, s:I}", "kind", err_kind_name(err.kind), "code",
                           err.code, "message", err.message, "request_id", err.request_id,
                           "retry_after_ms", (json_int_t)err.retry_after_ms);
    assert_json_equal(is, json_object_get(test, "expected"));
    assert_string_equal(err.operation, "virtualMachines/start");
    json_decref(is);
    world_stop(&world);
    buf_free(&headers);
    json_decref(test);
}

static void test_refused_token_is_replaced_once(void **state)
{
    static const struct step refused[] = {
        {401, "", "{\"error\":{\"code\":\"ExpiredAuthenticationToken\",\"message\":\"expired\"}}"},
        {200, "", "{}"}};
    static const struct step always[] = {
        {401, "", "{\"error\":{\"code\":\"InvalidAuthenticationToken\",\"message\":\"no\"}}"}};
    json_t *response = NULL;
    struct err err = ERR_INIT;
    (void)state;
    START(refused);
    bool ok = call_op(&vm_get, NULL, &response, NULL, &err);
    assert_string_equal(ok ? "" : err.message, "");
    assert_int_equal(world.tokens, 2);
    assert_true(cloud_saw(&world.server, "Bearer tok3n-2"));
    json_decref(response);
    world_stop(&world);
    START(always);
    assert_false(call_op(&vm_get, NULL, &response, NULL, &err));
    assert_kind(err, ERR_DENIED);
    assert_string_equal(err.code, "InvalidAuthenticationToken");
    assert_string_equal(err.message,
                        "no; no service has accepted this token yet: check this host's clock, and "
                        "that cloud, tenant and endpoints belong together");
    assert_int_equal(world.tokens, 2);
    assert_int_equal(world_count(&world), 4);
    world_stop(&world);
}

#define TRUSTING "dddddddd-1111-2222-3333-444444444444"

/* One subscription rejects every token, the other accepts them. */
static void answer_by_subscription(void *ctx, const struct cloud_request *request,
                                   struct cloud_reply *reply)
{
    (void)ctx;
    bool good = strstr(request->target, TRUSTING) != NULL;
    reply->status = good ? 200 : 401;
    snprintf(reply->body, sizeof reply->body, "%s",
             good ? "{}"
                  : "{\"error\":{\"code\":\"InvalidAuthenticationToken\",\"message\":\"not "
                    "yours\"}}");
}

static bool call_in_subscription(const char *subscription, struct err *err)
{
    char path[200];
    *err = ERR_INIT;
    snprintf(path, sizeof path,
             "/subscriptions/%s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/v",
             subscription);
    struct arm_call call = {.op = &vm_get, .subscription = subscription, .path = path};
    json_t *response = arm_call(world.azure, world.http, &call, NULL, err);
    json_decref(response);
    return response != NULL;
}

/* The rejections of one subscription concern only that one: the token stays in use for the
 * others. */
static void test_refusals_of_one_subscription(void **state)
{
    struct err err;
    (void)state;
    world_start(&world, answer_by_subscription);
    for (int i = 0; i < 10; i++) {
        bool ok = call_in_subscription(TRUSTING, &err);
        assert_string_equal(ok ? "" : err.message, "");
        assert_false(call_in_subscription(SUBSCRIPTION, &err));
        assert_kind(err, ERR_DENIED);
        assert_string_equal(err.code, "InvalidAuthenticationToken");
        /* The first time it is another token, which no service has accepted yet. */
        if (i > 0)
            assert_string_equal(err.message, "not yours");
    }
    assert_int_equal(world.tokens, 2);
    /* Also while no other token is available. */
    world.passed_ms += 120000;
    assert_true(call_in_subscription(TRUSTING, &err));
    world.token_status = 503;
    for (int i = 0; i < 10; i++) {
        assert_false(call_in_subscription(SUBSCRIPTION, &err));
        assert_kind(err, ERR_UNAVAILABLE);
        assert_string_equal(err.message,
                            "client secret: the token service responded with HTTP status 503");
        assert_true(call_in_subscription(TRUSTING, &err));
    }
    world_stop(&world);
}

/* A token of a tenant that the subscription does not trust is not replaced. */
static void test_wrong_tenant(void **state)
{
    static const struct step wrong[] = {
        {401, "", "{\"error\":{\"code\":\"InvalidAuthenticationTokenTenant\",\"message\":\"x\"}}"}};
    json_t *response = NULL;
    struct err err = ERR_INIT;
    (void)state;
    START(wrong);
    assert_false(call_op(&vm_get, NULL, &response, NULL, &err));
    assert_kind(err, ERR_DENIED);
    assert_int_equal(world.tokens, 1);
    world_stop(&world);
}

static void test_throttled_bucket_slows_down(void **state)
{
    static const struct step throttled[] = {{429, "Retry-After: 3\r\n", ""}};
    json_t *response = NULL;
    struct err err = ERR_INIT;
    struct ratelimit *limits;
    (void)state;
    START(throttled);
    limits = ratelimit_new(&world.clock);
    world.options.limits = limits;
    azure_free(world.azure);
    world.azure = azure_new(&world.options, &err);
    assert_non_null(world.azure);
    assert_false(call_op(&vm_get, NULL, &response, NULL, &err));
    assert_kind(err, ERR_THROTTLED);
    assert_int_equal(err.retry_after_ms, 3000);
    for (int i = 0; i < 100 && err.kind != ERR_BUSY; i++)
        assert_false(call_op(&vm_get, NULL, &response, NULL, &err));
    assert_kind(err, ERR_BUSY);
    assert_string_equal(err.message, "requests of " SUBSCRIPTION
                                     "/arm-Microsoft.Compute/virtualMachines are being "
                                     "rate-limited");
    assert_string_equal(err.operation, "virtualMachines/get");
    assert_true(err.retry_after_ms > 0);
    int before = world_count(&world);
    /* Another bucket. */
    assert_false(call_op(&disk_delete, NULL, &response, NULL, &err));
    assert_kind(err, ERR_THROTTLED);
    assert_int_equal(world_count(&world), before + 1);
    world_stop(&world);
    ratelimit_free(limits);
}

/* --- long-running operations --- */

#define OPERATION "URL/subscriptions/x/operations/1?api-version=2022-08-01"

static void test_done_at_once(void **state)
{
    static const struct step ok[] = {{200, "", ""}};
    static const struct step nothing[] = {{204, "", ""}};
    struct arm_poll poll;
    (void)state;
    START(ok);
    begin_poll(&poll);
    assert_null(poll.url);
    world_stop(&world);
    START(nothing);
    begin_poll(&poll);
    assert_null(poll.url);
    world_stop(&world);
}

/* Azure-AsyncOperation precedes Location; header names and states are matched in any case. */
static void test_async_operation(void **state)
{
    static const struct step all[] = {
        {202, "azure-asyncoperation: " OPERATION "\r\nLocation: http://h/\r\nretry-after: 2\r\n",
         ""},
        {200, "Retry-After: 5\r\n", "{\"status\":\"InProgress\"}"},
        {200, "", "{\"status\":\"Weird\"}"},
        {202, "", "{\"status\":\"Updating\"}"},
        {200, "", "{\"status\":\"sUcceeded\"}"}};
    struct arm_poll poll;
    (void)state;
    START(all);
    begin_poll(&poll);
    assert_non_null(strstr(poll.url, "/subscriptions/x/operations/1"));
    assert_false(poll.location);
    assert_int_equal(poll.wait_ms, 2000);
    expect_poll(&poll, false, 5000);
    assert_true(
        cloud_saw(&world.server, "GET /subscriptions/x/operations/1?api-version=2022-08-01 "));
    assert_true(cloud_saw(&world.server, "Bearer tok3n-1"));
    expect_poll(&poll, false, 4000);
    expect_poll(&poll, false, 8000);
    expect_poll(&poll, true, 0);
    assert_int_equal(poll.polls, 4);
    arm_poll_free(&poll);
    world_stop(&world);
}

/* Also with status 200 or 201; the pause grows to 30 s at most. */
static void test_growing_pause(void **state)
{
    static const int64_t waits[] = {2000, 4000, 8000, 16000, 30000, 30000};
    static const struct step all[] = {{201, "Azure-AsyncOperation: " OPERATION "\r\n", "{}"},
                                      {200, "", "{\"status\":\"Running\"}"}};
    struct arm_poll poll;
    (void)state;
    START(all);
    begin_poll(&poll);
    assert_int_equal(poll.wait_ms, 1000);
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++)
        expect_poll(&poll, false, waits[i]);
    arm_poll_free(&poll);
    world_stop(&world);
}

/* A Location may change, and ends with status 200 or 204. */
static void test_location(void **state)
{
    static const struct step all[] = {{202, "Location: " OPERATION "\r\nRetry-After: 0\r\n", ""},
                                      {202, "Location: URL/subscriptions/x/operations/2\r\n", ""},
                                      {202, "Location: /subscriptions/x/operations/3\r\n", ""},
                                      {202, "", "{\"status\":\"Failed\"}"},
                                      {204, "", ""}};
    struct arm_poll poll;
    (void)state;
    START(all);
    begin_poll(&poll);
    assert_true(poll.location);
    assert_int_equal(poll.wait_ms, 100);
    expect_poll(&poll, false, 2000);
    assert_non_null(strstr(poll.url, "/operations/2"));
    expect_poll(&poll, false, 4000);
    assert_non_null(strstr(poll.url, "/operations/3"));
    expect_poll(&poll, false, 8000);
    assert_true(cloud_saw(&world.server, "GET /subscriptions/x/operations/3 "));
    expect_poll(&poll, true, 0);
    arm_poll_free(&poll);
    world_stop(&world);
}

static void test_location_returns_a_page(void **state)
{
    static const struct step all[] = {{202, "Location: " OPERATION "\r\n", ""},
                                      {200, "Content-Type: text/html\r\n", "<p>Sign in"},
                                      {200, "", "a,b,c"}};
    struct arm_poll poll;
    (void)state;
    START(all);
    begin_poll(&poll);
    expect_poll_error(&poll, ERR_TRANSIENT,
                      "UnreadableResponse: the response is an HTML page, as proxies send: "
                      "the outcome of the call is unknown (virtualMachines/start)");
    expect_poll(&poll, true, 0);
    arm_poll_free(&poll);
    world_stop(&world);
}

/* 202 means running; any other success ends the operation. */
static void test_location_ends_with_201(void **state)
{
    static const struct step all[] = {{202, "Location: " OPERATION "\r\n", ""}, {201, "", ""}};
    struct arm_poll poll;
    (void)state;
    START(all);
    begin_poll(&poll);
    expect_poll(&poll, true, 0);
    arm_poll_free(&poll);
    world_stop(&world);
}

static void test_operation_fails(void **state)
{
    static const struct step with_error[] = {
        {202, "Azure-AsyncOperation: " OPERATION "\r\n", ""},
        {200, "x-ms-request-id: r1\r\n",
         "{\"status\":\"Failed\",\"error\":{\"code\":\"OperationNotAllowed\",\"message\":\"It is "
         "locked.\"}}"}};
    /* An error that is retryable for a request is final for an operation that has ended. */
    static const struct step retryable[] = {
        {202, "Azure-AsyncOperation: " OPERATION "\r\n", ""},
        {200, "Retry-After: 9\r\n",
         "{\"status\":\"failed\",\"error\":{\"code\":\"RetryableErrorDueToAnotherOperation\","
         "\"message\":\"Busy.\"}}"}};
    static const struct step canceled[] = {{202, "Azure-AsyncOperation: " OPERATION "\r\n", ""},
                                           {200, "", "{\"status\":\"Canceled\"}"}};
    struct arm_poll poll;
    (void)state;
    START(with_error);
    begin_poll(&poll);
    expect_poll_error(&poll, ERR_PROVIDER,
                      "OperationNotAllowed: It is locked. (virtualMachines/start, request id r1)");
    arm_poll_free(&poll);
    world_stop(&world);
    START(retryable);
    begin_poll(&poll);
    expect_poll_error(&poll, ERR_PROVIDER,
                      "RetryableErrorDueToAnotherOperation: Busy. (virtualMachines/start)");
    arm_poll_free(&poll);
    world_stop(&world);
    START(canceled);
    begin_poll(&poll);
    expect_poll_error(&poll, ERR_PROVIDER,
                      "Canceled: the operation ended with status Canceled (virtualMachines/start)");
    arm_poll_free(&poll);
    world_stop(&world);
}

/* Failures of the poll itself are transient, and the operation continues. */
static void test_poll_faults(void **state)
{
    static const struct step all[] = {
        {202, "Azure-AsyncOperation: " OPERATION "\r\n", ""},
        {503, "", ""},
        {429, "Retry-After: 2\r\n", ""},
        {408, "", ""},
        {200, "", ""},
        {200, "", "{\"status\":\"Succeeded\"}"},
        {404, "", "{\"error\":{\"code\":\"NotFound\",\"message\":\"Gone.\"}}"}};
    struct arm_poll poll;
    (void)state;
    START(all);
    begin_poll(&poll);
    expect_poll_error(&poll, ERR_TRANSIENT,
                      "the service responded with HTTP status 503 and no message "
                      "(virtualMachines/start)");
    expect_poll_error(&poll, ERR_THROTTLED,
                      "the service responded with HTTP status 429 and no message "
                      "(virtualMachines/start)");
    expect_poll_error(&poll, ERR_TRANSIENT,
                      "the service responded with HTTP status 408 and no message "
                      "(virtualMachines/start)");
    expect_poll_error(&poll, ERR_TRANSIENT,
                      "the response has no status of the operation (virtualMachines/start)");
    expect_poll(&poll, true, 0);
    expect_poll_error(&poll, ERR_NOT_FOUND, "NotFound: Gone. (virtualMachines/start)");
    arm_poll_free(&poll);
    world_stop(&world);
}

/* The token is sent to the configured host only. */
static void test_foreign_urls(void **state)
{
    static const char *const urls[] = {"https://evil.example.com/subscriptions/x",
                                       "http://127.0.0.1:1/subscriptions/x",
                                       "https://127.0.0.1/subscriptions/x",
                                       "//evil.example.com/x",
                                       "http://127.0.0.1@evil.example.com/",
                                       "gopher://127.0.0.1/",
                                       "relative"};
    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        char headers[200];
        struct arm_poll poll;
        struct err err = ERR_INIT;
        bool done;
        snprintf(headers, sizeof headers, "Location: %s\r\n", urls[i]);
        const struct step step[] = {{202, headers, ""}};
        START(step);
        begin_poll(&poll);
        int before = world_count(&world);
        assert_false(arm_poll_once(world.azure, world.http, &poll, &done, &err));
        assert_kind(err, ERR_PROVIDER);
        assert_string_equal(err.code, "ForeignUrl");
        assert_string_equal(err.operation, "virtualMachines/start");
        assert_int_equal(world_count(&world), before);
        arm_poll_free(&poll);
        world_stop(&world);
    }
}

/* The same host and port with another scheme are a different endpoint. */
static void test_foreign_scheme(void **state)
{
    static const struct step all[] = {{202, "Location: " OPERATION "\r\n", ""}};
    struct arm_poll poll;
    struct err err = ERR_INIT;
    bool done;
    char *secure;
    (void)state;
    START(all);
    begin_poll(&poll);
    assert_true(asprintf(&secure, "https%s", poll.url + strlen("http")) > 0);
    free(poll.url);
    poll.url = secure;
    assert_false(arm_poll_once(world.azure, world.http, &poll, &done, &err));
    assert_string_equal(err.code, "ForeignUrl");
    arm_poll_free(&poll);
    world_stop(&world);
}

static void test_long_url(void **state)
{
    static char headers[20000];
    const struct step step[] = {{202, headers, ""}, {200, "", "{\"status\":\"Succeeded\"}"}};
    struct arm_poll poll;
    (void)state;
    size_t n = (size_t)sprintf(headers, "Azure-AsyncOperation: URL/subscriptions/x?t=");
    memset(headers + n, 'a', 16000);
    memcpy(headers + n + 16000, "\r\n", 3);
    START(step);
    begin_poll(&poll);
    expect_poll(&poll, true, 0);
    arm_poll_free(&poll);
    world_stop(&world);

    struct err err = ERR_INIT;
    json_t *response;
    memset(headers + n, 'a', 17000);
    memcpy(headers + n + 17000, "\r\n", 3);
    START(step);
    assert_false(call_op(&vm_start, NULL, &response, &poll, &err));
    assert_kind(err, ERR_LIMIT);
    assert_null(poll.url);
    assert_null(response);
    world_stop(&world);
}

/* It could not be kept in a task's state. */
static void test_url_that_is_not_utf8(void **state)
{
    static const struct step step[] = {
        {202, "Azure-AsyncOperation: URL/subscriptions/x?t=\xff\r\n", ""}};
    struct arm_poll poll;
    struct err err = ERR_INIT;
    json_t *response;
    (void)state;
    START(step);
    assert_false(call_op(&vm_start, NULL, &response, &poll, &err));
    assert_string_equal(err.message, "the URL of the operation is not valid UTF-8");
    assert_null(poll.url);
    world_stop(&world);
}

/* A PATCH without a header has its state in the resource itself. */
static void test_provisioning_state(void **state)
{
    static const struct step all[] = {
        {200, "", "{\"properties\":{\"provisioningState\":\"Updating\"}}"},
        {200, "", "{\"properties\":{\"provisioningState\":\"Updating\"}}"},
        {200, "", "{\"properties\":{\"provisioningState\":\"Succeeded\"}}"}};
    static const struct step gone[] = {
        {200, "", "{\"properties\":{\"provisioningState\":\"Updating\"}}"},
        {200, "", "{\"properties\":{}}"}};
    static const struct step failed[] = {
        {200, "", "{\"properties\":{\"provisioningState\":\"Failed\"}}"}};
    static const struct step started[] = {
        {200, "", "{\"properties\":{\"provisioningState\":\"Updating\"}}"}};
    json_t *response = NULL, *body = json_object();
    struct arm_poll poll;
    struct err err = ERR_INIT;
    (void)state;
    START(all);
    assert_true(call_op(&tags_patch, body, &response, &poll, &err));
    json_decref(response);
    assert_true(poll.resource);
    expect_poll(&poll, false, 2000);
    assert_true(cloud_saw(&world.server, "virtualMachines/vm-1?api-version=2021-04-01 "));
    expect_poll(&poll, true, 0);
    arm_poll_free(&poll);
    world_stop(&world);
    START(gone);
    assert_true(call_op(&tags_patch, body, &response, &poll, &err));
    json_decref(response);
    expect_poll(&poll, true, 0);
    arm_poll_free(&poll);
    world_stop(&world);
    START(failed);
    assert_false(call_op(&tags_patch, body, &response, &poll, &err));
    assert_string_equal(err.message, "the operation ended with status Failed");
    assert_null(response);
    world_stop(&world);
    /* The response to a POST describes something else. */
    START(started);
    begin_poll(&poll);
    assert_null(poll.url);
    world_stop(&world);
    json_decref(body);
}

static void test_kept_in_a_state(void **state)
{
    struct arm_poll poll = {.url = strdup("https://management.azure.com/x"),
                            .wait_ms = 7000,
                            .polls = 3,
                            .location = true,
                            .operation = strdup("disks/delete"),
                            .bucket = strdup("s/arm-x")};
    struct arm_poll back;
    json_t *json = arm_poll_to_json(&poll), *again;
    (void)state;
    assert_true(arm_poll_from_json(json, &back));
    again = arm_poll_to_json(&back);
    assert_json_equal(again, json);
    assert_true(back.location);
    assert_int_equal(back.wait_ms, 7000);
    assert_int_equal(back.polls, 3);
    arm_poll_free(&back);
    json_decref(again);
    json_object_set_new(json, "url", json_integer(1));
    assert_false(arm_poll_from_json(json, &back));
    assert_null(back.url);
    assert_false(arm_poll_from_json(NULL, &back));
    json_object_set_new(json, "url", json_string("https://x/"));
    json_object_set_new(json, "polls", json_integer(-1));
    assert_false(arm_poll_from_json(json, &back));
    json_decref(json);
    arm_poll_free(&poll);
}

/* A state that was forged in the store does not send the token elsewhere. */
static void test_state_is_not_trusted(void **state)
{
    static const struct step ok[] = {{200, "", "{\"status\":\"Succeeded\"}"}};
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:s, s:i, s:i}", "url", "https://evil.example.com/", "way",
                  "status", "operation", "x", "bucket", "b", "wait_ms", 0, "polls", 0);
    struct arm_poll poll;
    (void)state;
    START(ok);
    assert_true(arm_poll_from_json(json, &poll));
    struct err err = ERR_INIT;
    bool done;
    assert_false(arm_poll_once(world.azure, world.http, &poll, &done, &err));
    assert_string_equal(err.code, "ForeignUrl");
    assert_int_equal(world_count(&world), 0);
    arm_poll_free(&poll);
    json_decref(json);
    world_stop(&world);
}

#define TEST(name) folder_add_test(&tests, #name, test_##name)

int main(void)
{
    struct folder_tests tests = {0};
    if (!http_global_init())
        return 1;
    TEST(recorded);
    TEST(body_and_response);
    TEST(versions);
    TEST(path_segments);
    TEST(invalid_paths);
    TEST(unreadable_responses);
    TEST(responses_without_an_object);
    TEST(page_is_no_success);
    folder_add(&tests, ERRORS, ".json", test_error);
    TEST(refusals_of_one_subscription);
    TEST(refused_token_is_replaced_once);
    TEST(wrong_tenant);
    TEST(throttled_bucket_slows_down);
    TEST(done_at_once);
    TEST(async_operation);
    TEST(growing_pause);
    TEST(location);
    TEST(location_ends_with_201);
    TEST(location_returns_a_page);
    TEST(operation_fails);
    TEST(poll_faults);
    TEST(foreign_urls);
    TEST(foreign_scheme);
    TEST(long_url);
    TEST(url_that_is_not_utf8);
    TEST(provisioning_state);
    TEST(kept_in_a_state);
    TEST(state_is_not_trusted);
    int failed = folder_run("arm", &tests);
    http_global_cleanup();
    return failed;
}
