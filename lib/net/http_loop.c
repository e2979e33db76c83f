/* Runs libcurl's multi interface on a libuv loop: libcurl names the sockets and the timeout to
 * watch, libuv reports when they are due. */
#include "lib/net/http_loop.h"

#include <stdlib.h>

#include "lib/base/memory.h"
#include "lib/net/http_easy.h"

struct http_loop {
    uv_loop_t *loop;
    CURLM *multi;
    uv_timer_t timer;
    struct http_options options;
    /* All that are in progress. */
    struct http_transfer *transfers;
    /* Not closed yet: the timer, and one per socket. */
    size_t handles;
    bool closing;
};

struct http_transfer {
    struct http_loop *owner;
    struct http_transfer *next, *previous;
    struct http_request request;
    struct http_easy easy;
    http_done_fn done;
    void *ctx;
};

/* A socket that libcurl wants watched. */
struct socket_watch {
    uv_poll_t poll;
    struct http_loop *owner;
    curl_socket_t socket;
};

/* --- transfers --- */

static void transfer_link(struct http_transfer *t)
{
    struct http_loop *h = t->owner;
    t->next = h->transfers;
    if (t->next)
        t->next->previous = t;
    h->transfers = t;
}

/* Removes a transfer from the list and from libcurl; it still owns its response. */
static void transfer_unlink(struct http_transfer *t)
{
    struct http_loop *h = t->owner;
    curl_multi_remove_handle(h->multi, t->easy.curl);
    *(t->previous ? &t->previous->next : &h->transfers) = t->next;
    if (t->next)
        t->next->previous = t->previous;
}

static void transfer_free(struct http_transfer *t)
{
    http_easy_free(&t->easy);
    http_request_free(&t->request);
    free(t);
}

static void transfer_finish(struct http_transfer *t, CURLcode result)
{
    struct http_response response = {0};
    struct err err = ERR_INIT;
    transfer_unlink(t);
    bool ok = http_easy_finish(&t->easy, result, &response, &err);
    t->done(t->ctx, ok ? &response : NULL, ok ? NULL : &err);
    http_response_free(&response);
    transfer_free(t);
}

/* A callback may send, cancel and close: nothing is kept from one message to the next. */
static void transfer_finish_all(struct http_loop *h)
{
    while (!h->closing) {
        int left;
        CURLMsg *message = curl_multi_info_read(h->multi, &left);
        if (!message)
            return;
        if (message->msg != CURLMSG_DONE)
            continue;
        char *private = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        struct http_easy *e = (struct http_easy *)(void *)private;
        transfer_finish((struct http_transfer *)((char *)e - offsetof(struct http_transfer, easy)),
                        message->data.result);
    }
}

/* --- events of the loop --- */

static void loop_on_timer(uv_timer_t *timer)
{
    struct http_loop *h = timer->data;
    int running;
    curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    transfer_finish_all(h);
}

static void loop_on_poll(uv_poll_t *poll, int status, int events)
{
    struct socket_watch *w = poll->data;
    struct http_loop *h = w->owner;
    /* On an error libcurl is to read and write, and so finds out what the error is. */
    int flags = status < 0 ? CURL_CSELECT_IN | CURL_CSELECT_OUT : 0;
    int running;
    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    curl_multi_socket_action(h->multi, w->socket, flags, &running);
    transfer_finish_all(h);
}

static void loop_handle_closed(struct http_loop *h)
{
    if (--h->handles == 0)
        free(h);
}

static void loop_on_watch_closed(uv_handle_t *handle)
{
    struct socket_watch *w = handle->data;
    struct http_loop *h = w->owner;
    free(w);
    loop_handle_closed(h);
}

static void loop_on_timer_closed(uv_handle_t *handle)
{
    loop_handle_closed(handle->data);
}

static void watch_close(struct socket_watch *w)
{
    uv_poll_stop(&w->poll);
    uv_close((uv_handle_t *)&w->poll, loop_on_watch_closed);
}

/* Returns NULL if libuv cannot watch the socket. */
static struct socket_watch *watch_new(struct http_loop *h, curl_socket_t socket)
{
    struct socket_watch *w = xmalloc(sizeof *w);
    *w = (struct socket_watch){.owner = h, .socket = socket};
    if (uv_poll_init_socket(h->loop, &w->poll, socket) != 0) {
        free(w);
        return NULL;
    }
    w->poll.data = w;
    h->handles++;
    return w;
}

/* --- what libcurl wants watched --- */

/* `assigned` is what has been assigned to the socket before. */
static int loop_watch_socket(CURL *easy, curl_socket_t socket, int what, void *ctx, void *assigned)
{
    struct http_loop *h = ctx;
    struct socket_watch *w = assigned;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (w) {
            curl_multi_assign(h->multi, socket, NULL);
            watch_close(w);
        }
        return 0;
    }
    if (!w) {
        w = watch_new(h, socket);
        if (!w)
            return -1;
        curl_multi_assign(h->multi, socket, w);
    }
    int events = 0;
    if (what & CURL_POLL_IN)
        events |= UV_READABLE;
    if (what & CURL_POLL_OUT)
        events |= UV_WRITABLE;
    return uv_poll_start(&w->poll, events, loop_on_poll) == 0 ? 0 : -1;
}

static int loop_watch_timeout(CURLM *multi, long ms, void *ctx)
{
    struct http_loop *h = ctx;
    (void)multi;
    /* Called while the multi handle is cleaned up. */
    if (h->closing)
        return 0;
    if (ms < 0)
        return uv_timer_stop(&h->timer) == 0 ? 0 : -1;
    uv_update_time(h->loop);
    return uv_timer_start(&h->timer, loop_on_timer, (uint64_t)ms, 0) == 0 ? 0 : -1;
}

/* --- for callers --- */

struct http_loop *http_loop_new(uv_loop_t *loop, const struct http_options *options)
{
    struct http_loop *h = xmalloc(sizeof *h);
    *h = (struct http_loop){
        .loop = loop, .options = *options, .multi = memory_or_die(curl_multi_init()), .handles = 1};
    curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, loop_watch_socket);
    curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, (void *)h);
    curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, loop_watch_timeout);
    curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, (void *)h);
    uv_timer_init(loop, &h->timer);
    h->timer.data = h;
    return h;
}

void http_loop_close(struct http_loop *h)
{
    if (!h || h->closing)
        return;
    h->closing = true;
    for (struct http_transfer *t = h->transfers, *next; t; t = next) {
        next = t->next;
        http_transfer_cancel(t);
    }
    curl_multi_cleanup(h->multi);
    uv_close((uv_handle_t *)&h->timer, loop_on_timer_closed);
}

struct http_transfer *http_loop_send(struct http_loop *h, struct http_request *request,
                                     http_done_fn done, void *ctx, struct err *err)
{
    if (h->closing || (!request->body.data && request->body.size > 0)) {
        err_set(err, ERR_INTERNAL, "",
                h->closing ? "a request was sent after the loop was closed"
                           : "a request with a streamed body was sent on the loop");
        http_request_free(request);
        return NULL;
    }
    struct http_transfer *t = xmalloc(sizeof *t);
    *t = (struct http_transfer){.owner = h, .request = *request, .done = done, .ctx = ctx};
    *request = (struct http_request){0};
    if (!http_easy_init(&t->easy, &h->options))
        die_no_memory();
    if (!http_easy_start(&t->easy, &t->request, err)) {
        transfer_free(t);
        return NULL;
    }
    CURLMcode code = curl_multi_add_handle(h->multi, t->easy.curl);
    if (code != CURLM_OK) {
        err_set(err, ERR_INTERNAL, "", "cannot start a request: %s", curl_multi_strerror(code));
        transfer_free(t);
        return NULL;
    }
    transfer_link(t);
    return t;
}

void http_transfer_cancel(struct http_transfer *t)
{
    transfer_unlink(t);
    transfer_free(t);
}
