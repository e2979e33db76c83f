/* Tests of the HTTP client on the libuv loop. Each ends by closing the loop, which fails when a
 * handle is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/net/http_loop.h"
#include "tests/unit/http_server.h"

struct fixture {
    struct http_server *server;
    struct http_options options;
    uv_loop_t loop;
    struct http_loop *http;
    struct err err;
};

/* What became of one transfer, and what its callback shall do. */
struct outcome {
    struct fixture *f;
    struct http_transfer *transfer;
    int calls;
    int status;
    char body[64];
    struct err err;
    struct outcome *cancels; /* another transfer */
    struct outcome *sends;   /* another request, to /status/201 */
    bool closes;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->server = server_start();
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->http = http_loop_new(&f->loop, &f->options);
    assert_non_null(f->http);
    f->err = ERR_INIT;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    if (f->http)
        http_loop_close(f->http);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    server_stop(f->server);
    free(f);
    return 0;
}

static void send_to(struct outcome *o, const char *path);

static void on_done(void *ctx, struct http_response *response, const struct err *err)
{
    struct outcome *o = ctx;
    o->calls++;
    if (response) {
        assert_null(err);
        o->status = response->status;
        snprintf(o->body, sizeof o->body, "%s", buf_str(&response->body));
    } else {
        o->err = *err;
    }
    if (o->cancels)
        http_transfer_cancel(o->cancels->transfer);
    if (o->sends)
        send_to(o->sends, "/status/201");
    if (o->closes) {
        http_loop_close(o->f->http);
        o->f->http = NULL;
    }
}

static struct http_request request_for(struct fixture *f, const char *method, const char *path)
{
    char url[300];
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", f->server->port, path);
    return (struct http_request){.method = method, .url = strdup(url)};
}

static void send_request(struct outcome *o, struct http_request *request)
{
    o->transfer = http_loop_send(o->f->http, request, on_done, o, &o->f->err);
    if (!o->transfer)
        fail_msg("not sent: %s", o->f->err.message);
    assert_null(request->url);
    assert_int_equal(o->calls, 0);
}

static void send_to(struct outcome *o, const char *path)
{
    struct http_request request = request_for(o->f, "GET", path);
    send_request(o, &request);
}

static void expect(const struct outcome *o, int status, const char *body)
{
    assert_int_equal(o->calls, 1);
    assert_string_equal(o->err.message, "");
    assert_int_equal(o->status, status);
    assert_string_equal(o->body, body);
}

static void expect_nothing(const struct outcome *o)
{
    assert_int_equal(o->calls, 0);
}

static void test_an_answer_comes_by_the_loop(void **state)
{
    struct fixture *f = *state;
    struct outcome o = {.f = f};
    send_to(&o, "/status/404");
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    expect(&o, 404, "text");
}

static void test_many_are_under_way_at_once(void **state)
{
    struct fixture *f = *state;
    struct outcome all[40] = {0};
    for (size_t i = 0; i < 40; i++) {
        all[i].f = f;
        send_to(&all[i], i % 2 ? "/chunked" : "/status/200");
    }
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    for (size_t i = 0; i < 40; i++)
        expect(&all[i], 200, i % 2 ? "one two" : "text");
}

static void test_the_body_moves_with_the_request(void **state)
{
    struct fixture *f = *state;
    struct outcome o = {.f = f};
    struct http_request request = request_for(f, "POST", "/echo");
    request.owned_body = buf_make(100);
    assert_true(buf_adds(&request.owned_body, "the body"));
    request.body = (struct http_body){.data = request.owned_body.data, .size = 8};
    assert_true(http_headers_add(&request.headers, "X-Header", "value"));
    send_request(&o, &request);
    assert_null(request.owned_body.data);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    expect(&o, 200, "the body");
    assert_true(server_saw(f->server, "\r\nX-Header: value\r\n"));
}

static void test_a_connection_is_used_again(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 5; i++) {
        struct outcome o = {.f = f};
        send_to(&o, "/status/200");
        uv_run(&f->loop, UV_RUN_DEFAULT);
        expect(&o, 200, "text");
    }
    assert_int_equal(server_connections(f->server), 1);
}

static void expect_error(const struct outcome *o, enum err_kind kind, const char *format, int port)
{
    const char *at = strstr(format, "PORT");
    char message[sizeof o->err.message];
    snprintf(message, sizeof message, "%.*s%d%s", (int)(at - format), format, port, at + 4);
    assert_int_equal(o->calls, 1);
    assert_string_equal(o->err.message, message);
    assert_int_equal(o->err.kind, kind);
}

static void test_errors_come_by_the_loop_too(void **state)
{
    struct fixture *f = *state;
    struct outcome cut = {.f = f};
    struct outcome large = {.f = f};
    struct outcome late = {.f = f};
    struct http_request request = request_for(f, "GET", "/size/1001");
    request.response_max = 1000;
    send_request(&large, &request);
    request = request_for(f, "GET", "/hang");
    request.timeout_ms = 60;
    send_request(&late, &request);
    send_to(&cut, "/reset");
    uv_run(&f->loop, UV_RUN_DEFAULT);
    expect_error(&large, ERR_LIMIT, "the response from 127.0.0.1:PORT is larger than 1000 bytes",
                 f->server->port);
    expect_error(&late, ERR_TRANSIENT, "no complete response from 127.0.0.1:PORT within 60 ms",
                 f->server->port);
    expect_error(&cut, ERR_TRANSIENT,
                 "127.0.0.1:PORT closed the connection before sending a complete response: Recv "
                 "failure: Connection reset by peer",
                 f->server->port);
}

static void test_nobody_listening(void **state)
{
    struct fixture *f = *state;
    struct outcome o = {.f = f};
    struct http_request request = {.method = "GET"};
    char url[64];
    int port;
    close(server_listen(&port));
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", port);
    request.url = strdup(url);
    send_request(&o, &request);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    expect_error(&o, ERR_TRANSIENT,
                 "cannot connect to 127.0.0.1:PORT: Connection refused: check that it is running "
                 "and that no firewall blocks it",
                 port);
}

static size_t read_nothing(void *ctx, void *to, size_t n)
{
    (void)ctx, (void)to, (void)n;
    return 0;
}

static void test_what_cannot_be_started_is_freed(void **state)
{
    struct fixture *f = *state;
    struct outcome o = {.f = f};
    struct http_request request = {.method = "GET", .url = strdup("ftp://host/")};
    assert_null(http_loop_send(f->http, &request, on_done, &o, &f->err));
    assert_int_equal(f->err.kind, ERR_INVALID);
    assert_null(request.url);

    request = request_for(f, "PUT", "/echo");
    request.body = (struct http_body){.size = 10, .read = read_nothing};
    assert_null(http_loop_send(f->http, &request, on_done, &o, &f->err));
    assert_int_equal(f->err.kind, ERR_INTERNAL);
    assert_null(request.url);

    uv_run(&f->loop, UV_RUN_DEFAULT);
    expect_nothing(&o);
}

static void test_a_cancelled_one_is_silent_and_others_go_on(void **state)
{
    struct fixture *f = *state;
    struct outcome hanging = {.f = f};
    struct outcome unsent = {.f = f};
    struct outcome other = {.f = f};
    send_to(&hanging, "/hang");
    /* Until the server has it. */
    while (!server_saw(f->server, "GET /hang"))
        uv_run(&f->loop, UV_RUN_ONCE);
    send_to(&unsent, "/status/200");
    send_to(&other, "/status/200");
    http_transfer_cancel(hanging.transfer);
    http_transfer_cancel(unsent.transfer);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    expect_nothing(&hanging);
    expect_nothing(&unsent);
    expect(&other, 200, "text");
}

static void test_a_callback_may_cancel_and_send(void **state)
{
    struct fixture *f = *state;
    struct outcome hanging = {.f = f};
    struct outcome next = {.f = f};
    struct outcome first = {.f = f, .cancels = &hanging, .sends = &next};
    send_to(&hanging, "/hang");
    send_to(&first, "/status/200");
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    expect(&first, 200, "text");
    expect(&next, 201, "text");
    expect_nothing(&hanging);
}

static void test_closing_is_silent(void **state)
{
    struct fixture *f = *state;
    struct outcome hanging = {.f = f};
    struct outcome unsent = {.f = f};
    send_to(&hanging, "/hang");
    while (!server_saw(f->server, "GET /hang"))
        uv_run(&f->loop, UV_RUN_ONCE);
    send_to(&unsent, "/status/200");
    http_loop_close(f->http);

    struct http_request request = request_for(f, "GET", "/status/200");
    assert_null(http_loop_send(f->http, &request, on_done, &unsent, &f->err));
    assert_int_equal(f->err.kind, ERR_INTERNAL);
    assert_null(request.url);
    f->http = NULL;
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    expect_nothing(&hanging);
    expect_nothing(&unsent);
}

static void test_a_callback_may_close(void **state)
{
    struct fixture *f = *state;
    struct outcome all[10] = {0};
    int called = 0;
    for (size_t i = 0; i < 10; i++) {
        all[i] = (struct outcome){.f = f, .closes = true};
        send_to(&all[i], "/status/200");
    }
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    for (size_t i = 0; i < 10; i++)
        called += all[i].calls;
    assert_int_equal(called, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_answer_comes_by_the_loop),
        TEST(test_many_are_under_way_at_once),
        TEST(test_the_body_moves_with_the_request),
        TEST(test_a_connection_is_used_again),
        TEST(test_errors_come_by_the_loop_too),
        TEST(test_nobody_listening),
        TEST(test_what_cannot_be_started_is_freed),
        TEST(test_a_cancelled_one_is_silent_and_others_go_on),
        TEST(test_a_callback_may_cancel_and_send),
        TEST(test_closing_is_silent),
        TEST(test_a_callback_may_close),
    };
    if (!http_global_init())
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    http_global_cleanup();
    return failed;
}
