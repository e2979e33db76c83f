/* An HTTP loop whose requests wait until the test responds. It replaces lib/net/http_loop.c in the
 * test's program. */
#ifndef HGAUTOD_TESTS_FAKE_HTTP_LOOP_H
#define HGAUTOD_TESTS_FAKE_HTTP_LOOP_H

#include <stdlib.h>

#include "lib/net/http_loop.h"

#define FAKE_TRANSFERS 64

struct http_transfer {
    struct http_request request;
    http_done_fn done;
    void *ctx;
    bool open;
};

struct http_loop {
    struct http_transfer at[FAKE_TRANSFERS]; /* all that were ever sent */
    size_t count;
};

struct http_transfer *http_loop_send(struct http_loop *h, struct http_request *request,
                                     http_done_fn done, void *ctx, struct err *err)
{
    (void)err;
    if (h->count == FAKE_TRANSFERS)
        abort();
    struct http_transfer *t = &h->at[h->count++];
    *t = (struct http_transfer){.request = *request, .done = done, .ctx = ctx, .open = true};
    *request = (struct http_request){0};
    return t;
}

void http_transfer_cancel(struct http_transfer *t)
{
    t->open = false;
}

static inline size_t fake_open_requests(const struct http_loop *h)
{
    size_t n = 0;
    for (size_t i = 0; i < h->count; i++)
        n += h->at[i].open;
    return n;
}

/* Ends a request with this response, which is freed. */
static inline void fake_answer(struct http_transfer *t, struct http_response *response)
{
    t->open = false;
    t->done(t->ctx, response, NULL);
    http_response_free(response);
}

static inline void fake_http_loop_free(struct http_loop *h)
{
    for (size_t i = 0; i < h->count; i++)
        http_request_free(&h->at[i].request);
}

#endif
