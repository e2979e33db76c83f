/* HTTP without waiting: libcurl's multi interface on a libuv loop, for the main thread's long
 * polls, renewals and deletions. Everything here belongs to the loop's thread. */
#ifndef HGAUTOD_LIB_NET_HTTP_LOOP_H
#define HGAUTOD_LIB_NET_HTTP_LOOP_H

#include <uv.h>

#include "lib/net/http.h"

struct http_loop;     /* the multi handle and its timers */
struct http_transfer; /* one request under way */

/* What a transfer ends with: response is NULL exactly when *err is set (as http_perform's errors).
 * The response is borrowed for the time of the call. Never called from within http_loop_send. */
typedef void (*http_done_fn)(void *ctx, struct http_response *response, const struct err *err);

struct http_loop *http_loop_new(uv_loop_t *loop, const struct http_options *options) MUST_CHECK;
/* Cancels what is under way (no callbacks) and closes the handles; run the loop once more (uv_run
 * until no handle is active) and everything is freed. */
void http_loop_close(struct http_loop *h);

/* Sends *request, whose content moves into the transfer (the caller's struct is zeroed). Only
 * in-memory bodies. NULL with *err when it cannot be started (the request is freed). The transfer
 * is valid until its callback has been called. */
struct http_transfer *http_loop_send(struct http_loop *h, struct http_request *request,
                                     http_done_fn done, void *ctx, struct err *err) MUST_CHECK;
/* Ends it without a callback. */
void http_transfer_cancel(struct http_transfer *t);

#endif
