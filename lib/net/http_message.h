/* What HTTP requests and responses consist of. Plain data without locks: one thread at a time. */
#ifndef HGAUTOD_LIB_NET_HTTP_MESSAGE_H
#define HGAUTOD_LIB_NET_HTTP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"

/* The limit of a response's body where the request sets none, bytes. */
#define HTTP_RESPONSE_MAX (16u << 20)

struct http_header {
    const char *name;
    const char *value;
};

/* An ordered list of headers; owns its strings. {0} is the empty list. All values are wiped when
 * they are freed, since some are secrets (Authorization, x-amz-security-token). */
struct http_headers {
    struct http_header *at;
    size_t count, room;
};

/* Appends a copy. Returns false if the name is not a token (RFC 9110, section 5.6.2) or the value
 * has a control character, which could start another header. */
bool http_headers_add(struct http_headers *h, const char *name, const char *value) MUST_CHECK;
/* Appends a copy of parts of a header that was received: their characters are not checked. */
void http_headers_append(struct http_headers *h, const char *name, size_t name_size,
                         const char *value, size_t value_size);
/* Removes the first header of that name, ignoring case, if there is one. */
void http_headers_remove(struct http_headers *h, const char *name);
/* Returns the first value of that name, ignoring case; NULL if there is none. Borrowed. */
const char *http_headers_get(const struct http_headers *h, const char *name);
/* Returns the time in the Date header, in milliseconds since 1970: the clock of the server when it
 * responded, in whole seconds. 0 if there is none, or it cannot be parsed. */
int64_t http_headers_date(const struct http_headers *h);
/* Leaves the list empty. */
void http_headers_free(struct http_headers *h);

/* The body of a request: bytes in memory (data), or, where data is NULL and read is not, a stream
 * of exactly `size` bytes that can be restarted: it is read once for the signature and at least
 * once for sending. */
struct http_body {
    /* Borrowed. */
    const void *data;
    size_t size;
    /* Copies at most n further bytes to `to`; returns 0 only at the end. */
    size_t (*read)(void *ctx, void *to, size_t n);
    void (*rewind)(void *ctx);
    void *ctx;
};

struct http_request {
    /* A constant. */
    const char *method;
    /* Owned. */
    char *url;
    struct http_headers headers;
    /* What it points to is the caller's and outlives the request. */
    struct http_body body;
    /* If the body was built with the request: body.data points into it. */
    struct buf owned_body;
    /* The limit of the response's body, bytes; 0: HTTP_RESPONSE_MAX. */
    size_t response_max;
    /* Of the whole request; 0: the client's request_timeout. */
    int64_t timeout_ms;
    /* 0: the client's. */
    int64_t connect_timeout_ms;
    /* Never through a proxy (metadata services). */
    bool direct;
    /* On a new connection. If a kept connection was closed meanwhile, libcurl sends a request again
     * by itself; this one must not be sent twice. */
    bool fresh;
    /* The response has secrets: its memory is wiped. */
    bool response_secret;
};

/* Leaves the request empty. */
void http_request_free(struct http_request *r);

struct http_response {
    int status;
    /* The body had neither a length nor chunks and ended with the connection: HTTP allows that, but
     * it cannot be distinguished from a truncated one. Readers of bytes without an end of their own
     * must not accept it. */
    bool open_ended;
    struct http_headers headers;
    struct buf body;
};

/* Leaves the response empty. */
void http_response_free(struct http_response *r);

#endif
