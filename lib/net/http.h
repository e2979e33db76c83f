/* The HTTP client under both clouds, over libcurl: connections kept and used again, deadlines, a
 * size limit on every answer, proxy and CA settings.
 *
 * A request is prepared once and sent either by http_perform (a worker thread, which waits) or by
 * http_loop (the main thread, which does not). Redirects are never followed: a signed request goes
 * where it was signed for, or nowhere. */
#ifndef HGAUTOD_LIB_NET_HTTP_H
#define HGAUTOD_LIB_NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"

#define HTTP_ANSWER_MAX                                                                            \
    (16u << 20) /* the limit of an answer's body where the request names none, bytes */

/* Connections that one client keeps: a worker talks to a few services of many accounts. */
#define HTTP_KEPT_CONNECTIONS 16

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
/* The first value of that name, in any case; NULL if none. Borrowed. */
const char *http_headers_get(const struct http_headers *h, const char *name);
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

/* Settings that all requests share; the strings are borrowed and outlive the client. */
struct http_options {
    int64_t connect_timeout_ms; /* default 5000 */
    int64_t request_timeout_ms; /* default 60000 */
    const char *proxy;     /* NULL or "": the environment's (http_proxy, https_proxy, no_proxy) as
                              libcurl does */
    const char *ca_bundle; /* a PEM file; NULL or "": the system's */
    const char *user_agent;
};

/* Once a process, before any thread and after all; false when libcurl cannot be used. The process
 * ignores SIGPIPE from then on: who starts other programs sets it back in them. */
bool http_global_init(void) MUST_CHECK;
void http_global_cleanup(void);

/* One thread's client with its own kept connections. Not thread-safe. */
struct http_client;
struct http_client *http_client_new(const struct http_options *options) MUST_CHECK;
void http_client_free(struct http_client *c);

/* Sends and waits. True when a whole HTTP answer arrived, whatever its status: *response is the
 * caller's to free. False with ERR_TRANSIENT (no connection, reset, timeout, TLS handshake broken
 * off, an answer that ends in the middle: of a change nobody knows then whether it was made),
 * ERR_INVALID (bad URL, certificate refused, cannot resolve the CA bundle), ERR_LIMIT (answer
 * larger than answer_max): *response is empty. The message names host and port, never path, query
 * or headers. */
bool http_perform(struct http_client *c, const struct http_request *request,
                  struct http_response *response, struct err *err) MUST_CHECK;

#endif
