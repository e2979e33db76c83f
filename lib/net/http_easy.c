/* One easy handle of libcurl: a request is set up on it, and its answer gathered. */
#include "lib/net/http_easy.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "lib/net/uri.h"

enum {
    CONNECT_TIMEOUT_MS = 5000,
    REQUEST_TIMEOUT_MS = 60000,
    KEEPALIVE_IDLE_S = 30,
    KEEPALIVE_INTERVAL_S = 15,
    REQUEST_HEADERS_MAX = 1 << 20, /* bytes */
    ANSWER_HEADERS_MAX = 1 << 18   /* bytes */
};

static size_t on_body(char *bytes, size_t one, size_t n, void *ctx)
{
    struct http_easy *e = ctx;
    struct buf *body = &e->response.body;

    (void)one;
    if (body->size == 0) {
        curl_off_t length = -1;
        curl_easy_getinfo(e->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
        if (length > (curl_off_t)body->max) {
            e->stop = HTTP_ANSWER_TOO_LARGE;
            return 0;
        }
        if (length > 0 && !buf_reserve(body, (size_t)length)) {
            e->stop = HTTP_NO_MEMORY;
            return 0;
        }
    }
    if (buf_add(body, bytes, n))
        return n;
    e->stop = n > body->max - body->size ? HTTP_ANSWER_TOO_LARGE : HTTP_NO_MEMORY;
    return 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The status of a status line, "HTTP/1.1 200 OK"; 0 when it is not one. */
static int status_of(const char *line, size_t n)
{
    const char *at = n >= 5 && memcmp(line, "HTTP/", 5) == 0 ? memchr(line, ' ', n) : NULL;

    if (!at || (size_t)(line + n - at) < 4 || !isdigit((unsigned char)at[1]) ||
        !isdigit((unsigned char)at[2]) || !isdigit((unsigned char)at[3]))
        return 0;
    return (at[1] - '0') * 100 + (at[2] - '0') * 10 + (at[3] - '0');
}

/* Whether the head of the answer itself has come to its end; those of 1xx come before it. */
static bool is_head_whole(const struct http_easy *e)
{
    return e->head_ended && e->head_status >= 200;
}

static void begin_head(struct http_easy *e, int status)
{
    http_headers_free(&e->response.headers);
    e->head_status = status;
    e->head_ended = false;
    e->framed = false;
}

/* Whether this header says where the body ends. */
static bool is_framing(const char *name, size_t n)
{
    static const char *const names[] = {"Content-Length", "Transfer-Encoding"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strlen(names[i]) == n && strncasecmp(name, names[i], n) == 0)
            return true;
    return false;
}

/* Keeps a "Name: value" line. */
static bool add_header(struct http_easy *e, const char *line, size_t n)
{
    const char *colon = memchr(line, ':', n);

    if (!colon || colon == line || is_blank(line[0]))
        return true;
    const char *value = colon + 1;
    const char *end = line + n;
    while (value < end && is_blank(*value))
        value++;
    while (end > value && is_blank(end[-1]))
        end--;
    e->framed = e->framed || is_framing(line, (size_t)(colon - line));
    return http_headers_append(&e->response.headers, line, (size_t)(colon - line), value,
                               (size_t)(end - value));
}

static size_t on_header(char *line, size_t one, size_t n, void *ctx)
{
    struct http_easy *e = ctx;

    (void)one;
    e->header_bytes += n;
    if (e->header_bytes > ANSWER_HEADERS_MAX) {
        e->stop = HTTP_HEADERS_TOO_LARGE;
        return 0;
    }
    if (is_head_whole(e)) /* a trailer, behind the last chunk */
        return n;
    int status = status_of(line, n);
    if (status > 0) {
        begin_head(e, status);
        return n;
    }
    if (n == 0 || line[0] == '\n' || (n == 2 && line[0] == '\r' && line[1] == '\n')) {
        e->head_ended = true;
        return n;
    }
    if (add_header(e, line, n))
        return n;
    e->stop = HTTP_NO_MEMORY;
    return 0;
}

static size_t on_read(char *to, size_t one, size_t n, void *ctx)
{
    struct http_easy *e = ctx;
    const struct http_body *body = &e->request->body;
    size_t rest = body->size - e->sent;
    size_t want = n < rest ? n : rest;

    (void)one;
    size_t got = want > 0 ? body->read(body->ctx, to, want) : 0;
    e->sent += got;
    if (got == 0 && want > 0) {
        e->stop = HTTP_BODY_TOO_SHORT;
        return CURL_READFUNC_ABORT;
    }
    return got;
}

/* libcurl goes back to the start when it sends again on a new connection; to nowhere else. */
static int on_seek(void *ctx, curl_off_t offset, int origin)
{
    struct http_easy *e = ctx;
    const struct http_body *body = &e->request->body;

    if (offset != 0 || origin != SEEK_SET || !body->rewind)
        return CURL_SEEKFUNC_CANTSEEK;
    body->rewind(body->ctx);
    e->sent = 0;
    return CURL_SEEKFUNC_OK;
}

/* libcurl does not say why it got no socket. Nothing that we start inherits one. */
static curl_socket_t on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *at)
{
    struct http_easy *e = ctx;
    int s = socket(at->family, at->socktype | SOCK_CLOEXEC, at->protocol);

    (void)purpose;
    if (s >= 0)
        return s;
    e->socket_errno = errno;
    return CURL_SOCKET_BAD;
}

/* Whether all of the options given as pairs were taken. Options that are not known to this libcurl
 * would be a mistake in the build: they fail too. */
#define SET(option, value) (curl_easy_setopt(c, (option), (value)) == CURLE_OK)

static bool set_callbacks(struct http_easy *e)
{
    CURL *c = e->curl;

    return SET(CURLOPT_ERRORBUFFER, e->error) && SET(CURLOPT_PRIVATE, (void *)e) &&
           SET(CURLOPT_WRITEFUNCTION, on_body) && SET(CURLOPT_WRITEDATA, (void *)e) &&
           SET(CURLOPT_HEADERFUNCTION, on_header) && SET(CURLOPT_HEADERDATA, (void *)e) &&
           SET(CURLOPT_READFUNCTION, on_read) && SET(CURLOPT_READDATA, (void *)e) &&
           SET(CURLOPT_OPENSOCKETFUNCTION, on_socket) && SET(CURLOPT_OPENSOCKETDATA, (void *)e) &&
           SET(CURLOPT_SEEKFUNCTION, on_seek) && SET(CURLOPT_SEEKDATA, (void *)e);
}

static bool set_manners(CURL *c)
{
    /* QUICK_EXIT: a deadline does not wait for the resolver's thread. */
    return SET(CURLOPT_NOSIGNAL, 1L) && SET(CURLOPT_QUICK_EXIT, 1L) &&
           SET(CURLOPT_FOLLOWLOCATION, 0L) && SET(CURLOPT_PROTOCOLS_STR, "http,https") &&
           SET(CURLOPT_PATH_AS_IS, 1L) && SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
           SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) && SET(CURLOPT_SSL_VERIFYPEER, 1L) &&
           SET(CURLOPT_SSL_VERIFYHOST, 2L) &&
           SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
           SET(CURLOPT_TCP_KEEPALIVE, 1L) && SET(CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_IDLE_S) &&
           SET(CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_INTERVAL_S) &&
           SET(CURLOPT_MAXCONNECTS, (long)HTTP_KEPT_CONNECTIONS);
}

static bool is_given(const char *text)
{
    return text && *text;
}

static bool set_settings(CURL *c, const struct http_options *o)
{
    return (!is_given(o->proxy) || SET(CURLOPT_PROXY, o->proxy)) &&
           (!is_given(o->ca_bundle) || SET(CURLOPT_CAINFO, o->ca_bundle)) &&
           (!is_given(o->user_agent) || SET(CURLOPT_USERAGENT, o->user_agent));
}

bool http_easy_init(struct http_easy *e, const struct http_options *options)
{
    *e = (struct http_easy){
        .curl = curl_easy_init(),
        .options = options,
        .lines = buf_make_secret(REQUEST_HEADERS_MAX),
    };
    if (e->curl && set_callbacks(e) && set_manners(e->curl) && set_settings(e->curl, options))
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

/* A value of blanks alone is none to a server. */
static bool is_empty(const char *value)
{
    while (*value == ' ' || *value == '\t')
        value++;
    return *value == '\0';
}

/* Writes "Name: value"; libcurl wants one without a value as "Name;". */
static bool add_line(struct buf *lines, const struct http_header *h)
{
    bool ok = buf_adds(lines, h->name);

    if (is_empty(h->value))
        ok = ok && buf_addc(lines, ';');
    else
        ok = ok && buf_add(lines, ": ", 2) && buf_adds(lines, h->value);
    return ok && buf_addc(lines, '\0');
}

/* Headers that libcurl would add of its own accord: a pause before large bodies, and a type that is
 * not true. */
static const char no_expect[] = "Expect:";
static const char no_content_type[] = "Content-Type:";

static bool add_lines(struct buf *lines, const struct http_headers *h)
{
    bool ok = true;

    buf_reset(lines);
    for (size_t i = 0; i < h->count; i++)
        ok = ok && add_line(lines, &h->at[i]);
    if (!http_headers_get(h, "Expect"))
        ok = ok && buf_add(lines, no_expect, sizeof no_expect);
    if (!http_headers_get(h, "Content-Type"))
        ok = ok && buf_add(lines, no_content_type, sizeof no_content_type);
    return ok;
}

static bool list_reserve(struct http_easy *e, size_t count)
{
    if (count <= e->list_room)
        return true;

    struct curl_slist *list = realloc(e->list, count * sizeof *list);
    if (!list)
        return false;
    e->list = list;
    e->list_room = count;
    return true;
}

/* The list is built here rather than by curl_slist_append so that its memory is used again and can
 * be wiped. */
static bool set_headers(struct http_easy *e)
{
    CURL *c = e->curl;
    size_t count = 0;

    if (!add_lines(&e->lines, &e->request->headers) ||
        !list_reserve(e, e->request->headers.count + 2))
        return false;
    for (char *line = e->lines.data; line < e->lines.data + e->lines.size;
         line += strlen(line) + 1) {
        e->list[count].data = line;
        e->list[count].next = &e->list[count + 1];
        count++;
    }
    if (count > 0)
        e->list[count - 1].next = NULL;
    return SET(CURLOPT_HTTPHEADER, count > 0 ? e->list : NULL);
}

static bool set_method(struct http_easy *e)
{
    CURL *c = e->curl;
    const char *method = e->request->method;
    const struct http_body *body = &e->request->body;

    if (strcmp(method, "HEAD") == 0)
        return SET(CURLOPT_CUSTOMREQUEST, NULL) && SET(CURLOPT_NOBODY, 1L);

    bool may_have_body =
        strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0;
    if (body->size == 0 && !may_have_body)
        return SET(CURLOPT_HTTPGET, 1L) && SET(CURLOPT_CUSTOMREQUEST, method);

    /* With no fields libcurl asks on_read; an empty body is never streamed. */
    const void *fields = body->data || body->size > 0 ? body->data : "";
    return SET(CURLOPT_POST, 1L) && SET(CURLOPT_CUSTOMREQUEST, method) &&
           SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->size) &&
           SET(CURLOPT_POSTFIELDS, fields);
}

/* The first of them that is set, as libcurl takes it. */
static long timeout(int64_t own, int64_t general, int64_t usual)
{
    int64_t ms = own > 0 ? own : general > 0 ? general : usual;

    return ms > INT_MAX ? INT_MAX : (long)ms;
}

static bool set_timeouts(struct http_easy *e)
{
    CURL *c = e->curl;
    const struct http_options *o = e->options;

    e->timeout_ms = timeout(e->request->timeout_ms, o->request_timeout_ms, REQUEST_TIMEOUT_MS);
    e->connect_timeout_ms =
        timeout(e->request->connect_timeout_ms, o->connect_timeout_ms, CONNECT_TIMEOUT_MS);
    return SET(CURLOPT_TIMEOUT_MS, e->timeout_ms) &&
           SET(CURLOPT_CONNECTTIMEOUT_MS, e->connect_timeout_ms) &&
           SET(CURLOPT_FRESH_CONNECT, e->request->fresh ? 1L : 0L);
}

/* Sending past all proxies, those of the environment too, and back. */
static bool set_direct(struct http_easy *e)
{
    CURL *c = e->curl;

    if (e->direct == e->request->direct)
        return true;
    e->direct = e->request->direct;
    return SET(CURLOPT_NOPROXY, e->direct ? "*" : NULL);
}

static void begin(struct http_easy *e, const struct http_request *request)
{
    size_t max = request->answer_max > 0 ? request->answer_max : HTTP_ANSWER_MAX;

    e->request = request;
    e->response = (struct http_response){
        .body = request->answer_secret ? buf_make_secret(max) : buf_make(max),
    };
    e->header_bytes = 0;
    begin_head(e, 0);
    e->socket_errno = 0;
    e->sent = 0;
    e->stop = HTTP_GOES_ON;
    e->error[0] = '\0';
    /* Whoever signed the request has read the stream to its end. */
    if (!request->body.data && request->body.rewind)
        request->body.rewind(request->body.ctx);
}

bool http_easy_start(struct http_easy *e, const struct http_request *request, struct err *err)
{
    CURL *c = e->curl;
    struct uri u;

    if (!uri_parse(request->url, &u, err))
        return false;
    uri_free(&u);
    begin(e, request);
    if (SET(CURLOPT_URL, request->url) && set_method(e) && set_headers(e) && set_timeouts(e) &&
        set_direct(e))
        return true;
    e->stop = HTTP_NO_MEMORY;
    http_fault(e, CURLE_OUT_OF_MEMORY, err);
    buf_reset(&e->lines);
    return false;
}

/* Whether the answer itself said where it ends, so that it is known to be whole. */
static bool has_known_end(const struct http_easy *e, int status)
{
    return e->framed || status == 204 || status == 304 || strcmp(e->request->method, "HEAD") == 0;
}

bool http_easy_finish(struct http_easy *e, CURLcode result, struct http_response *response,
                      struct err *err)
{
    long status = 0;

    buf_reset(&e->lines);
    /* libcurl is content with a connection that ends in the middle of the headers: such an answer
     * would look like a whole one without a body. */
    if (result != CURLE_OK || !is_head_whole(e)) {
        http_fault(e, result, err);
        http_response_free(&e->response);
        return false;
    }
    curl_easy_getinfo(e->curl, CURLINFO_RESPONSE_CODE, &status);
    *response = e->response;
    response->status = (int)status;
    response->open_ended = !has_known_end(e, (int)status);
    e->response = (struct http_response){0};
    return true;
}
