/* What an HTTP request and an HTTP response are made of. Plain data without locks: one thread at a
 * time. */
#ifndef HGAUTOD_LIB_NET_HTTP_MESSAGE_H
#define HGAUTOD_LIB_NET_HTTP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"

#define HTTP_ANSWER_MAX                                                                            \
    (16u << 20) /* the limit of an answer's body where the request names none, bytes */

struct http_header {
    char *name;
    char *value;
};

/* An ordered list of headers; owns its strings. {0} is the empty list. Values of secret headers
 * (Authorization, x-amz-security-token, ...) are wiped when freed: all values are. */
struct http_headers {
    struct http_header *at;
    size_t count, room;
};

/* Appends a copy. False when out of memory or when name or value hold a control character (no
 * header injection). */
bool http_headers_add(struct http_headers *h, const char *name, const char *value) MUST_CHECK;
/* Appends a copy of parts of a header that came from the network: their characters are not checked.
 * False when out of memory. */
bool http_headers_append(struct http_headers *h, const char *name, size_t name_size,
                         const char *value, size_t value_size) MUST_CHECK;
/* The first value of that name, in any case; NULL if none. Borrowed. */
const char *http_headers_get(const struct http_headers *h, const char *name);
/* The time in the Date header, in milliseconds since the epoch: the server's clock when it
 * answered, in whole seconds. 0 when there is none that can be read. */
int64_t http_headers_date(const struct http_headers *h);
void http_headers_free(struct http_headers *h);

/* A request's body: bytes in memory (data), or, where data is NULL and read is not, a stream of
 * exactly `size` bytes that can be started anew: it is read once for the signature and once, or
 * more often, for sending. */
struct http_body {
    const void *data; /* borrowed */
    size_t size;
    /* Copies at most n next bytes to `to`; 0 only at the end. */
    size_t (*read)(void *ctx, void *to, size_t n);
    void (*rewind)(void *ctx);
    void *ctx;
};

struct http_request {
    const char *method; /* a constant */
    char *url;          /* owned */
    struct http_headers headers;
    struct http_body body; /* what it points to is the caller's and outlives the request */
    struct buf owned_body; /* when the body was built with the request: body.data points into it */
    size_t answer_max;     /* 0: HTTP_ANSWER_MAX */
    int64_t timeout_ms;    /* the whole of it; 0: the client's request_timeout */
    int64_t connect_timeout_ms; /* 0: the client's */
    bool direct;                /* never through a proxy (metadata services) */
    bool fresh; /* on a connection of its own: libcurl sends a request again by itself when a kept
                   connection has been closed meanwhile, and this one must not be sent twice */
    bool answer_secret; /* the answer holds secrets: its memory is wiped */
};

void http_request_free(struct http_request *r);

struct http_response {
    int status;
    /* The body had neither a length nor chunks and ended with the connection: HTTP allows it, but
     * nobody can tell it from one that was cut off. Who reads bytes that have no end of their own
     * must not take it for whole. */
    bool open_ended;
    struct http_headers headers;
    struct buf body;
};

void http_response_free(struct http_response *r);

#endif
