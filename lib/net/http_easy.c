/* One easy handle of libcurl: sets up a request on it and collects the response. */
#include "lib/net/http_easy.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "lib/base/memory.h"
#include "lib/net/uri.h"

#define CONNECT_TIMEOUT_MS   5000
#define REQUEST_TIMEOUT_MS   60000
#define KEEPALIVE_IDLE_S     30
#define KEEPALIVE_INTERVAL_S 15
/* Bytes. */
#define REQUEST_HEADERS_MAX (1 << 20)

/* --- the response --- */

static size_t easy_on_body(char *bytes, size_t one, size_t n, void *ctx)
{
    struct http_easy *e = ctx;
    struct buf *body = &e->response.body;
    (void)one;
    if (body->size == 0) {
        curl_off_t length = -1;
        curl_easy_getinfo(e->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
        if (length > 0)
            buf_reserve(body, (size_t)length);
    }
    if (buf_ok(body) && buf_add(body, bytes, n))
        return n;
    e->stop = HTTP_RESPONSE_TOO_LARGE;
    return 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The status of a status line, "HTTP/1.1 200 OK"; 0 if it is another line. */
static int easy_status_of(const char *line, size_t n)
{
    const char *at = n >= 5 && memcmp(line, "HTTP/", 5) == 0 ? memchr(line, ' ', n) : NULL;
    if (!at || (size_t)(line + n - at) < 4 || !isdigit((unsigned char)at[1]) ||
        !isdigit((unsigned char)at[2]) || !isdigit((unsigned char)at[3]))
        return 0;
    return (at[1] - '0') * 100 + (at[2] - '0') * 10 + (at[3] - '0');
}

/* True if the head of the response itself is complete; those of 1xx precede it. */
static bool easy_head_is_complete(const struct http_easy *e)
{
    return e->head_ended && e->head_status >= 200;
}

static void easy_begin_head(struct http_easy *e, int status)
{
    http_headers_free(&e->response.headers);
    e->head_status = status;
    e->head_ended = false;
    e->framed = false;
}

/* True if this header states where the body ends. */
static bool easy_is_framing(const char *name, size_t n)
{
    return (n == 14 && strncasecmp(name, "Content-Length", n) == 0) ||
           (n == 17 && strncasecmp(name, "Transfer-Encoding", n) == 0);
}

/* Stores a "Name: value" line. */
static void easy_add_header(struct http_easy *e, const char *line, size_t n)
{
    const char *colon = memchr(line, ':', n);
    if (!colon || colon == line || is_blank(line[0]))
        return;
    const char *value = colon + 1;
    const char *end = line + n;
    while (value < end && is_blank(*value))
        value++;
    while (end > value && is_blank(end[-1]))
        end--;
    e->framed = e->framed || easy_is_framing(line, (size_t)(colon - line));
    http_headers_append(&e->response.headers, line, (size_t)(colon - line), value,
                        (size_t)(end - value));
}

static size_t easy_on_header(char *line, size_t one, size_t n, void *ctx)
{
    struct http_easy *e = ctx;
    (void)one;
    e->header_bytes += n;
    if (e->header_bytes > HTTP_RESPONSE_HEADERS_MAX) {
        e->stop = HTTP_HEADERS_TOO_LARGE;
        return 0;
    }
    /* A trailer, after the last chunk. */
    if (easy_head_is_complete(e))
        return n;
    int status = easy_status_of(line, n);
    if (status > 0)
        easy_begin_head(e, status);
    else if (n == 0 || line[0] == '\n' || (n == 2 && line[0] == '\r' && line[1] == '\n'))
        e->head_ended = true;
    else
        easy_add_header(e, line, n);
    return n;
}

/* --- the request --- */

static size_t easy_on_read(char *to, size_t one, size_t n, void *ctx)
{
    struct http_easy *e = ctx;
    const struct http_body *body = &e->request->body;
    size_t rest = body->size - e->sent;
    size_t wanted = n < rest ? n : rest;
    size_t got = wanted > 0 ? body->read(body->ctx, to, wanted) : 0;
    (void)one;
    e->sent += got;
    if (got == 0 && wanted > 0) {
        e->stop = HTTP_BODY_TOO_SHORT;
        return CURL_READFUNC_ABORT;
    }
    return got;
}

/* libcurl returns to the start to send again on a new connection, and to nowhere else. */
static int easy_on_seek(void *ctx, curl_off_t offset, int origin)
{
    struct http_easy *e = ctx;
    const struct http_body *body = &e->request->body;
    if (offset != 0 || origin != SEEK_SET || !body->rewind)
        return CURL_SEEKFUNC_CANTSEEK;
    body->rewind(body->ctx);
    e->sent = 0;
    return CURL_SEEKFUNC_OK;
}

/* libcurl does not report why it got no socket. No child process inherits one. */
static curl_socket_t easy_on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *at)
{
    struct http_easy *e = ctx;
    int s = socket(at->family, at->socktype | SOCK_CLOEXEC, at->protocol);
    (void)purpose;
    if (s >= 0)
        return s;
    e->socket_errno = errno;
    return CURL_SOCKET_BAD;
}

/* An option that this libcurl does not know would be a mistake in the build: it fails too. */
#define EASY_SET(c, option, value) (curl_easy_setopt((c), (option), (value)) == CURLE_OK)

static bool easy_set_callbacks(struct http_easy *e)
{
    CURL *c = e->curl;
    return EASY_SET(c, CURLOPT_ERRORBUFFER, e->error) && EASY_SET(c, CURLOPT_PRIVATE, (void *)e) &&
           EASY_SET(c, CURLOPT_WRITEFUNCTION, easy_on_body) &&
           EASY_SET(c, CURLOPT_WRITEDATA, (void *)e) &&
           EASY_SET(c, CURLOPT_HEADERFUNCTION, easy_on_header) &&
           EASY_SET(c, CURLOPT_HEADERDATA, (void *)e) &&
           EASY_SET(c, CURLOPT_READFUNCTION, easy_on_read) &&
           EASY_SET(c, CURLOPT_READDATA, (void *)e) &&
           EASY_SET(c, CURLOPT_OPENSOCKETFUNCTION, easy_on_socket) &&
           EASY_SET(c, CURLOPT_OPENSOCKETDATA, (void *)e) &&
           EASY_SET(c, CURLOPT_SEEKFUNCTION, easy_on_seek) &&
           EASY_SET(c, CURLOPT_SEEKDATA, (void *)e);
}

static bool easy_set_protocol(CURL *c)
{
    /* QUICK_EXIT: a deadline does not wait for the thread of the resolver. */
    return EASY_SET(c, CURLOPT_NOSIGNAL, 1L) && EASY_SET(c, CURLOPT_QUICK_EXIT, 1L) &&
           EASY_SET(c, CURLOPT_FOLLOWLOCATION, 0L) &&
           EASY_SET(c, CURLOPT_PROTOCOLS_STR, "http,https") &&
           EASY_SET(c, CURLOPT_PATH_AS_IS, 1L) &&
           EASY_SET(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
           EASY_SET(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) &&
           EASY_SET(c, CURLOPT_SSL_VERIFYPEER, 1L) && EASY_SET(c, CURLOPT_SSL_VERIFYHOST, 2L) &&
           EASY_SET(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
           EASY_SET(c, CURLOPT_TCP_KEEPALIVE, 1L) &&
           EASY_SET(c, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_IDLE_S) &&
           EASY_SET(c, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_INTERVAL_S) &&
           EASY_SET(c, CURLOPT_MAXCONNECTS, (long)HTTP_KEPT_CONNECTIONS);
}

static bool is_given(const char *text)
{
    return text && *text;
}

static bool easy_set_settings(CURL *c, const struct http_options *o)
{
    return (!is_given(o->proxy) || EASY_SET(c, CURLOPT_PROXY, o->proxy)) &&
           (!is_given(o->ca_bundle) || EASY_SET(c, CURLOPT_CAINFO, o->ca_bundle)) &&
           (!is_given(o->user_agent) || EASY_SET(c, CURLOPT_USERAGENT, o->user_agent));
}

bool http_easy_init(struct http_easy *e, const struct http_options *options)
{
    *e = (struct http_easy){
        .curl = curl_easy_init(),
        .options = options,
        .lines = buf_make_secret(REQUEST_HEADERS_MAX),
    };
    if (e->curl && easy_set_callbacks(e) && easy_set_protocol(e->curl) &&
        easy_set_settings(e->curl, options))
        return true;
    http_easy_free(e);
    return false;
}

void http_easy_free(struct http_easy *e)
{
    curl_easy_cleanup(e->curl);
    http_response_free(&e->response);
    buf_free(&e->lines);
    free(e->list);
    *e = (struct http_easy){0};
}

/* Writes "Name: value"; libcurl expects a header without a value as "Name;". */
static void easy_add_line(struct buf *lines, const struct http_header *h)
{
    buf_adds(lines, h->name);
    if (h->value[strspn(h->value, " \t")] == '\0') {
        buf_addc(lines, ';');
    } else {
        buf_add(lines, ": ", 2);
        buf_adds(lines, h->value);
    }
    buf_addc(lines, '\0');
}

/* Without "Expect" and "Content-Type" libcurl would add them by itself: a pause before large
 * bodies, and a type that is wrong. */
static bool easy_add_lines(struct buf *lines, const struct http_headers *h)
{
    static const char no_expect[] = "Expect:";
    static const char no_content_type[] = "Content-Type:";
    buf_reset(lines);
    for (size_t i = 0; i < h->count; i++)
        easy_add_line(lines, &h->at[i]);
    if (!http_headers_get(h, "Expect"))
        buf_add(lines, no_expect, sizeof no_expect);
    if (!http_headers_get(h, "Content-Type"))
        buf_add(lines, no_content_type, sizeof no_content_type);
    return buf_ok(lines);
}

/* The list is built here rather than by curl_slist_append so that its memory is used again and can
 * be wiped. */
static bool easy_set_headers(struct http_easy *e)
{
    size_t count = 0, room = e->request->headers.count + 2;
    if (!easy_add_lines(&e->lines, &e->request->headers))
        return false;
    if (room > e->list_room) {
        e->list = xrealloc(e->list, room * sizeof *e->list);
        e->list_room = room;
    }
    for (char *line = e->lines.data; line < e->lines.data + e->lines.size;
         line += strlen(line) + 1) {
        e->list[count].data = line;
        e->list[count].next = &e->list[count + 1];
        count++;
    }
    if (count > 0)
        e->list[count - 1].next = NULL;
    return EASY_SET(e->curl, CURLOPT_HTTPHEADER, count > 0 ? e->list : NULL);
}

static bool easy_set_method(CURL *c, const struct http_request *request)
{
    const char *method = request->method;
    const struct http_body *body = &request->body;
    if (strcmp(method, "HEAD") == 0)
        return EASY_SET(c, CURLOPT_CUSTOMREQUEST, NULL) && EASY_SET(c, CURLOPT_NOBODY, 1L);
    bool may_have_body =
        strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0;
    if (body->size == 0 && !may_have_body)
        return EASY_SET(c, CURLOPT_HTTPGET, 1L) && EASY_SET(c, CURLOPT_CUSTOMREQUEST, method);
    /* Without fields libcurl calls easy_on_read; an empty body is never streamed. */
    const void *fields = body->data || body->size > 0 ? body->data : "";
    return EASY_SET(c, CURLOPT_POST, 1L) && EASY_SET(c, CURLOPT_CUSTOMREQUEST, method) &&
           EASY_SET(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->size) &&
           EASY_SET(c, CURLOPT_POSTFIELDS, fields);
}

/* The first of them that is set, as libcurl takes it. */
static long easy_choose_timeout(int64_t own, int64_t general, int64_t usual)
{
    int64_t ms = own > 0 ? own : general > 0 ? general : usual;
    return ms > INT_MAX ? INT_MAX : (long)ms;
}

static bool easy_set_connection(struct http_easy *e)
{
    CURL *c = e->curl;
    const struct http_options *o = e->options;
    const struct http_request *r = e->request;
    e->timeout_ms = easy_choose_timeout(r->timeout_ms, o->request_timeout_ms, REQUEST_TIMEOUT_MS);
    e->connect_timeout_ms =
        easy_choose_timeout(r->connect_timeout_ms, o->connect_timeout_ms, CONNECT_TIMEOUT_MS);
    if (!EASY_SET(c, CURLOPT_TIMEOUT_MS, e->timeout_ms) ||
        !EASY_SET(c, CURLOPT_CONNECTTIMEOUT_MS, e->connect_timeout_ms) ||
        !EASY_SET(c, CURLOPT_FRESH_CONNECT, r->fresh ? 1L : 0L))
        return false;
    if (e->direct == r->direct)
        return true;
    /* Past all proxies, also those of the environment, and back. */
    e->direct = r->direct;
    return EASY_SET(c, CURLOPT_NOPROXY, e->direct ? "*" : NULL);
}

static void easy_begin(struct http_easy *e, const struct http_request *request)
{
    size_t max = request->response_max > 0 ? request->response_max : HTTP_RESPONSE_MAX;
    e->request = request;
    e->response = (struct http_response){
        .body = request->response_secret ? buf_make_secret(max) : buf_make(max),
    };
    e->header_bytes = 0;
    easy_begin_head(e, 0);
    e->socket_errno = 0;
    e->sent = 0;
    e->stop = HTTP_GOES_ON;
    e->error[0] = '\0';
    /* Signing has read the stream to its end. */
    if (!request->body.data && request->body.rewind)
        request->body.rewind(request->body.ctx);
}

bool http_easy_start(struct http_easy *e, const struct http_request *request, struct err *err)
{
    struct uri_parts parts;
    if (!uri_check(request->url, &parts, err))
        return false;
    easy_begin(e, request);
    if (EASY_SET(e->curl, CURLOPT_URL, request->url) && easy_set_method(e->curl, request) &&
        easy_set_headers(e) && easy_set_connection(e))
        return true;
    buf_reset(&e->lines);
    return err_set(err, ERR_LIMIT, "",
                   "cannot send a request to %.*s: its URL or its headers are too large",
                   (int)parts.host.size, parts.host.at);
}

/* True if the response stated where it ends, so that it is known to be complete. */
static bool easy_has_known_end(const struct http_easy *e, int status)
{
    return e->framed || status == 204 || status == 304 || strcmp(e->request->method, "HEAD") == 0;
}

bool http_easy_finish(struct http_easy *e, CURLcode result, struct http_response *response,
                      struct err *err)
{
    buf_reset(&e->lines);
    /* libcurl accepts a connection that ends in the middle of the headers: such a response would
     * look like a complete one without a body. */
    if (result != CURLE_OK || !easy_head_is_complete(e)) {
        http_fault(e, result, err);
        http_response_free(&e->response);
        return false;
    }
    long status = 0;
    curl_easy_getinfo(e->curl, CURLINFO_RESPONSE_CODE, &status);
    *response = e->response;
    response->status = (int)status;
    response->open_ended = !easy_has_known_end(e, (int)status);
    e->response = (struct http_response){0};
    return true;
}
