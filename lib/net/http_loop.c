/* libcurl's multi interface on a libuv loop: libcurl says which sockets and which timeout to watch,
 * libuv says when. */
#include "lib/net/http_loop.h"

#include <stdlib.h>

#include "lib/net/http_easy.h"

struct http_loop {
    uv_loop_t *loop;
    CURLM *multi;
    uv_timer_t timer;
    struct http_options options;
    struct http_transfer *transfers; /* all that are under way */
    size_t handles;                  /* not yet closed: the timer, and one a socket */
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
struct watch {
    uv_poll_t poll;
    struct http_loop *owner;
    curl_socket_t socket;
};

static void link_transfer(struct http_transfer *t)
{
    struct http_loop *h = t->owner;

    t->next = h->transfers;
    if (t->next)
        t->next->previous = t;
    h->transfers = t;
}

/* Takes a transfer out of the list and of libcurl's hands; it owns its answer still. */
static void detach(struct http_transfer *t)
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

static void finish(struct http_transfer *t, CURLcode result)
{
    struct http_response response = {0};
    struct err err = ERR_INIT;

    detach(t);
    bool ok = http_easy_finish(&t->easy, result, &response, &err);
    t->done(t->ctx, ok ? &response : NULL, ok ? NULL : &err);
    http_response_free(&response);
    transfer_free(t);
}

/* A callback may send, cancel and close: nothing is kept from one message to the next. */
static void finish_all(struct http_loop *h)
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
        finish((struct http_transfer *)((char *)e - offsetof(struct http_transfer, easy)),
               message->data.result);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct http_loop *h = timer->data;
    int running;

    curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    finish_all(h);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct watch *w = poll->data;
    struct http_loop *h = w->owner;
    /* On an error libcurl shall read and write, which tells it what the error is. */
    int flags = status < 0 ? CURL_CSELECT_IN | CURL_CSELECT_OUT : 0;
    int running;

    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    curl_multi_socket_action(h->multi, w->socket, flags, &running);
    finish_all(h);
}

static void handle_closed(struct http_loop *h)
{
    if (--h->handles == 0)
        free(h);
}

static void on_watch_closed(uv_handle_t *handle)
{
    struct watch *w = handle->data;
    struct http_loop *h = w->owner;

    free(w);
    handle_closed(h);
}

static void on_timer_closed(uv_handle_t *handle)
{
    handle_closed(handle->data);
}

static void watch_close(struct watch *w)
{
    uv_poll_stop(&w->poll);
    uv_close((uv_handle_t *)&w->poll, on_watch_closed);
}

static struct watch *watch_new(struct http_loop *h, curl_socket_t socket)
{
    struct watch *w = malloc(sizeof *w);

    if (!w)
        return NULL;
    *w = (struct watch){.owner = h, .socket = socket};
    if (uv_poll_init_socket(h->loop, &w->poll, socket) != 0) {
        free(w);
        return NULL;
    }
    w->poll.data = w;
    h->handles++;
    return w;
}

/* libcurl says what it wants to know of a socket; watch is what we have assigned to it before. */
static int on_socket(CURL *easy, curl_socket_t socket, int what, void *ctx, void *assigned)
{
    struct http_loop *h = ctx;
    struct watch *w = assigned;

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
    return uv_poll_start(&w->poll, events, on_poll) == 0 ? 0 : -1;
}

static int on_timeout_wanted(CURLM *multi, long ms, void *ctx)
{
    struct http_loop *h = ctx;

    (void)multi;
    /* Told while the multi handle is taken down. */
    if (h->closing)
        return 0;
    if (ms < 0)
        return uv_timer_stop(&h->timer) == 0 ? 0 : -1;
    uv_update_time(h->loop);
    return uv_timer_start(&h->timer, on_timer, (uint64_t)ms, 0) == 0 ? 0 : -1;
}

static bool set_multi(struct http_loop *h)
{
    CURLM *m = h->multi;

    return curl_multi_setopt(m, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
           curl_multi_setopt(m, CURLMOPT_SOCKETDATA, (void *)h) == CURLM_OK &&
           curl_multi_setopt(m, CURLMOPT_TIMERFUNCTION, on_timeout_wanted) == CURLM_OK &&
           curl_multi_setopt(m, CURLMOPT_TIMERDATA, (void *)h) == CURLM_OK;
}

struct http_loop *http_loop_new(uv_loop_t *loop, const struct http_options *options)
{
    struct http_loop *h = calloc(1, sizeof *h);

    if (!h)
        return NULL;
    h->loop = loop;
    h->options = *options;
    h->multi = curl_multi_init();
    if (!h->multi)
        goto no_multi;
    if (!set_multi(h) || uv_timer_init(loop, &h->timer) != 0)
        goto no_timer;
    h->timer.data = h;
    h->handles = 1;
    return h;

no_timer:
    curl_multi_cleanup(h->multi);
no_multi:
    free(h);
    return NULL;
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
    uv_close((uv_handle_t *)&h->timer, on_timer_closed);
}

/* A transfer, ready to be handed to libcurl, into which the request's content has moved. */
static struct http_transfer *transfer_new(struct http_loop *h, struct http_request *request,
                                          struct err *err)
{
    struct http_transfer *t = malloc(sizeof *t);

    if (!t)
        goto no_memory;
    *t = (struct http_transfer){.owner = h};
    if (!http_easy_init(&t->easy, &h->options))
        goto no_easy;
    t->request = *request;
    *request = (struct http_request){0};
    if (http_easy_start(&t->easy, &t->request, err))
        return t;
    transfer_free(t);
    return NULL;

no_easy:
    free(t);
no_memory:
    err_set(err, ERR_INTERNAL, "", "out of memory for a request");
    return NULL;
}

struct http_transfer *http_loop_send(struct http_loop *h, struct http_request *request,
                                     http_done_fn done, void *ctx, struct err *err)
{
    struct http_transfer *t = NULL;

    if (h->closing)
        err_set(err, ERR_INTERNAL, "", "a request was made after the end of all requests");
    else if (!request->body.data && request->body.size > 0)
        err_set(err, ERR_INTERNAL, "", "a request with a streamed body was given to the loop");
    else
        t = transfer_new(h, request, err);
    http_request_free(request);
    if (!t)
        return NULL;

    t->done = done;
    t->ctx = ctx;
    if (curl_multi_add_handle(h->multi, t->easy.curl) != CURLM_OK) {
        err_set(err, ERR_INTERNAL, "", "out of memory for a request");
        transfer_free(t);
        return NULL;
    }
    link_transfer(t);
    return t;
}

void http_transfer_cancel(struct http_transfer *t)
{
    detach(t);
    transfer_free(t);
}
