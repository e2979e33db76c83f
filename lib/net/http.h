/* The HTTP client of both clouds, on libcurl: kept connections, deadlines, a size limit on every
 * response, proxy and CA settings.
 *
 * A request is prepared once and sent either by http_perform (a worker thread, which waits) or by
 * http_loop.h (the main thread, which does not). Redirects are never followed: a signed request
 * goes where it was signed for, or nowhere. */
#ifndef HGAUTOD_LIB_NET_HTTP_H
#define HGAUTOD_LIB_NET_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"
#include "lib/net/http_message.h"

/* Connections that one client keeps: a worker talks to a few services of many accounts. */
#define HTTP_KEPT_CONNECTIONS 16

/* Settings that all requests share. The strings are borrowed and outlive the client. */
struct http_options {
    /* 0: 5000. */
    int64_t connect_timeout_ms;
    /* Of a whole request; 0: 60000. */
    int64_t request_timeout_ms;
    /* NULL or "": from the environment (http_proxy, https_proxy, no_proxy), as libcurl does. */
    const char *proxy;
    /* A PEM file; NULL or "": that of the system. */
    const char *ca_bundle;
    const char *user_agent;
};

/* Initializes libcurl: once per process, before any thread exists. From then on the process ignores
 * SIGPIPE; programs that it starts must restore it. Returns false if this libcurl is not suitable.
 */
bool http_global_init(void) MUST_CHECK;
/* After everything else. */
void http_global_cleanup(void);

/* The client of one thread, with its own connections. */
struct http_client;
/* The options are copied, their strings borrowed. Never returns NULL. */
struct http_client *http_client_new(const struct http_options *options) MUST_CHECK;
/* NULL is allowed. */
void http_client_free(struct http_client *c);

/* Sends a request and waits. Returns true if a complete HTTP response was received, whatever its
 * status; the caller owns *response. On failure *response is empty, and *err is ERR_TRANSIENT (no
 * connection, reset, timeout, failed TLS handshake, a truncated response: it is then unknown
 * whether a change was made), ERR_INVALID (invalid URL, untrusted certificate, unreadable CA
 * bundle), ERR_LIMIT (a response larger than response_max, a request too large) or ERR_INTERNAL (a
 * streamed body that ended early). The message contains host and port, never path, query or
 * headers. */
bool http_perform(struct http_client *c, const struct http_request *request,
                  struct http_response *response, struct err *err) MUST_CHECK;

#endif
