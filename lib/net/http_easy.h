/* Private to the HTTP client: one libcurl easy handle and the request in progress on it. http.c
 * sends it and waits; http_loop.c adds it to a multi handle. One thread at a time. */
#ifndef HGAUTOD_LIB_NET_HTTP_EASY_H
#define HGAUTOD_LIB_NET_HTTP_EASY_H

#include <curl/curl.h>

#include "lib/net/http.h"

/* Bytes. */
#define HTTP_RESPONSE_HEADERS_MAX (1 << 18)

/* Why a callback has stopped a transfer. */
enum http_stop {
    HTTP_GOES_ON,
    HTTP_RESPONSE_TOO_LARGE,
    HTTP_HEADERS_TOO_LARGE,
    /* The request's stream ended before its size. */
    HTTP_BODY_TOO_SHORT
};

/* Must not move between http_easy_init and http_easy_free: libcurl knows its address. */
struct http_easy {
    CURL *curl;
    const struct http_options *options;
    /* The handle is set to use no proxy. */
    bool direct;
    char error[CURL_ERROR_SIZE];

    /* The request in progress, borrowed, and the response so far. */
    const struct http_request *request;
    struct http_response response;
    /* The header lines of the request, each with its NUL. */
    struct buf lines;
    /* An array whose members point into `lines` and to each other. */
    struct curl_slist *list;
    size_t list_room;
    /* Received. */
    size_t header_bytes;
    /* From the status line of the head that is being received; 0: none yet. */
    int head_status;
    /* The blank line after that head was received. */
    bool head_ended;
    /* The head states where the body ends: by its length or by chunks. */
    bool framed;
    /* Why there was no socket, or 0. */
    int socket_errno;
    /* Bytes of a streamed body. */
    size_t sent;
    enum http_stop stop;
    /* In force. */
    long timeout_ms, connect_timeout_ms;
};

/* Creates the handle with all that does not change from request to request; `options` are borrowed.
 * Returns false if this libcurl lacks an option. */
bool http_easy_init(struct http_easy *e, const struct http_options *options) MUST_CHECK;
/* Also while a request is in progress. */
void http_easy_free(struct http_easy *e);
/* Sets up a request, which is borrowed until http_easy_finish. Returns false with *err if the URL
 * is not valid, or it or the headers are too large. */
bool http_easy_start(struct http_easy *e, const struct http_request *request,
                     struct err *err) MUST_CHECK;
/* Ends the request. Returns true with the response, which the caller owns, or false with *err and
 * *response unchanged. */
bool http_easy_finish(struct http_easy *e, CURLcode result, struct http_response *response,
                      struct err *err) MUST_CHECK;

/* Describes a failed transfer (http_fault.c). Returns false. */
bool http_fault(const struct http_easy *e, CURLcode result, struct err *err);

#endif
