/* Private to the HTTP client: one libcurl easy handle and the request that is on its way through
 * it. http.c sends it and waits; http_loop.c hands it to a multi handle. */
#ifndef HGAUTOD_LIB_NET_HTTP_EASY_H
#define HGAUTOD_LIB_NET_HTTP_EASY_H

#include <curl/curl.h>

#include "lib/net/http.h"

/* Why a callback of ours broke a transfer off. */
enum http_stop {
    HTTP_GOES_ON,
    HTTP_ANSWER_TOO_LARGE,
    HTTP_HEADERS_TOO_LARGE,
    HTTP_BODY_TOO_SHORT, /* the request's stream ended before its size */
    HTTP_NO_MEMORY
};

/* Does not move between http_easy_init and http_easy_free: libcurl knows its address. */
struct http_easy {
    CURL *curl;
    const struct http_options *options;
    bool direct; /* whether the handle is set to use no proxy */
    char error[CURL_ERROR_SIZE];

    /* The request under way. */
    const struct http_request *request;
    struct http_response response;
    struct buf lines;        /* the request's header lines, each with its NUL */
    struct curl_slist *list; /* an array whose members point into lines and to each other */
    size_t list_room;
    size_t header_bytes; /* received */
    int head_status;     /* of the head that is being received: its status line's; 0: none yet */
    bool head_ended;     /* the blank line behind that head came */
    bool framed;         /* the head says where the body ends: by its length or by chunks */
    int socket_errno;    /* why a socket could not be had; 0 */
    size_t sent;         /* bytes of a streamed body */
    enum http_stop stop;
    long timeout_ms, connect_timeout_ms; /* in force */
};

/* Makes the handle with all that does not change from request to request. False when there is no
 * memory. */
bool http_easy_init(struct http_easy *e, const struct http_options *options) MUST_CHECK;
/* Also in the middle of a request. */
void http_easy_free(struct http_easy *e);
/* Readies the handle for a request, which is borrowed until http_easy_finish. */
bool http_easy_start(struct http_easy *e, const struct http_request *request,
                     struct err *err) MUST_CHECK;
/* Ends the request: hands over the answer, or fills in *err and leaves *response empty. */
bool http_easy_finish(struct http_easy *e, CURLcode result, struct http_response *response,
                      struct err *err) MUST_CHECK;

/* Says what a broken transfer means (http_fault.c). Returns false. */
bool http_fault(const struct http_easy *e, CURLcode result, struct err *err);

#endif
