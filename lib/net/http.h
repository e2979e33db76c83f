/* The HTTP client under both clouds, over libcurl: connections kept and used again, deadlines, a
 * size limit on every answer, proxy and CA settings.
 *
 * A request is prepared once and sent either by http_perform (a worker thread, which waits) or by
 * http_loop (the main thread, which does not). Redirects are never followed: a signed request goes
 * where it was signed for, or nowhere. */
#ifndef HGAUTOD_LIB_NET_HTTP_H
#define HGAUTOD_LIB_NET_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"
#include "lib/net/http_message.h"

/* Connections that one client keeps: a worker talks to a few services of many accounts. */
#define HTTP_KEPT_CONNECTIONS 16

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
