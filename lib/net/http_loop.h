/* Non-blocking HTTP: libcurl's multi interface on a libuv loop, for the long polls, renewals and
 * deletions of the main thread. All functions belong to the thread of the loop. */
#ifndef HGAUTOD_LIB_NET_HTTP_LOOP_H
#define HGAUTOD_LIB_NET_HTTP_LOOP_H

#include <uv.h>

#include "lib/net/http.h"

/* The multi handle and its timers. */
struct http_loop;
/* One request in progress. */
struct http_transfer;

/* Receives the outcome of a transfer: response is NULL exactly if *err is set (with the errors of
 * http_perform). Both are borrowed for the time of the call. Never called from within
 * http_loop_send. */
typedef void (*http_done_fn)(void *ctx, struct http_response *response, const struct err *err);

/* The loop is borrowed; the options are copied, their strings borrowed. Never returns NULL. */
struct http_loop *http_loop_new(uv_loop_t *loop, const struct http_options *options) MUST_CHECK;
/* Cancels all transfers, without callbacks, and closes the handles. When the loop has run once more
 * (uv_run until no handle is active), everything is freed. NULL is allowed. */
void http_loop_close(struct http_loop *h);

/* Sends *request, which moves into the transfer: the caller's struct is zeroed. Its body must be in
 * memory. Returns the transfer, which is valid until its callback has been called; or NULL with
 * *err if it cannot be started. */
struct http_transfer *http_loop_send(struct http_loop *h, struct http_request *request,
                                     http_done_fn done, void *ctx, struct err *err) MUST_CHECK;
/* Ends a transfer without a callback. */
void http_transfer_cancel(struct http_transfer *t);

#endif
