/* Percent-encoding, and the parser of absolute http and https URLs. */
#include "lib/net/uri.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/memory.h"
#include "lib/base/wipe.h"

#define HOST_MAX 255

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_unreserved(char c)
{
    return is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

bool uri_encode(struct buf *to, const char *bytes, size_t n, bool keep_slash)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t escapes = 0;
    for (size_t i = 0; i < n; i++)
        escapes += !is_unreserved(bytes[i]) && !(keep_slash && bytes[i] == '/');
    if (n > SIZE_MAX / 4 || !buf_reserve(to, n + 2 * escapes))
        return buf_fail(to);
    char *out = to->data + to->size;
    for (size_t i = 0; i < n; i++) {
        if (is_unreserved(bytes[i]) || (keep_slash && bytes[i] == '/')) {
            *out++ = bytes[i];
            continue;
        }
        *out++ = '%';
        *out++ = digits[(unsigned char)bytes[i] >> 4];
        *out++ = digits[(unsigned char)bytes[i] & 15];
    }
    *out = '\0';
    to->size = (size_t)(out - to->data);
    return true;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Appends what is decoded, and on failure a part of it. */
static bool uri_decode_part(struct buf *to, const char *text, size_t n, bool plus_is_space)
{
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (c == '%') {
            if (n - i < 3 || hex_value(text[i + 1]) < 0 || hex_value(text[i + 2]) < 0)
                return false;
            c = (char)(hex_value(text[i + 1]) << 4 | hex_value(text[i + 2]));
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if (c == '\0' || !buf_addc(to, c))
            return false;
    }
    return true;
}

bool uri_decode(struct buf *to, const char *text, size_t n, bool plus_is_space)
{
    size_t before = to->size;
    if (uri_decode_part(to, text, n, plus_is_space))
        return true;
    if (to->data) {
        wipe(to->data + before, to->size - before);
        to->size = before;
    }
    return false;
}

/* The text up to the end of the host, for messages: paths and queries may hold secrets, and so may
 * what precedes an '@'. */
static int uri_shown_size(const char *text)
{
    const char *authority = strstr(text, "://");
    size_t n = authority ? (size_t)(authority + 3 - text) : 0;
    n += strcspn(text + n, "/?#");
    if (memchr(text, '@', n))
        n = 0;
    return n > HOST_MAX ? HOST_MAX : (int)n;
}

/* --- parts of a URL; each moves *at past what it has read --- */

static const char *uri_split_name(const char **at, struct uri_span *host)
{
    host->at = *at;
    while (is_alnum(**at) || **at == '-' || **at == '.' || **at == '_')
        (*at)++;
    host->size = (size_t)(*at - host->at);
    if (host->size == 0)
        return "it has no host, or the host has characters other than letters, digits, '-', '.' "
               "and '_'";
    return host->size > HOST_MAX ? "its host has more than 255 characters" : NULL;
}

/* "[::1]". */
static const char *uri_split_ipv6(const char **at, struct uri_span *host)
{
    const char *end = strchr(*at, ']');
    size_t n = end ? (size_t)(end - *at - 1) : 0;
    if (n < 2 || n > 45 || strspn(*at + 1, "0123456789abcdefABCDEF:.") != n ||
        !memchr(*at + 1, ':', n))
        return "the text in brackets is not an IPv6 address";
    *host = (struct uri_span){*at + 1, n};
    *at = end + 1;
    return NULL;
}

static const char *uri_split_port(const char **at, struct uri_parts *to)
{
    to->port = to->https ? 443 : 80;
    if (**at != ':')
        return NULL;
    size_t digits = strspn(*at + 1, "0123456789");
    long port = digits >= 1 && digits <= 5 ? strtol(*at + 1, NULL, 10) : 0;
    if (port < 1 || port > 65535)
        return "its port is not a number from 1 to 65535";
    to->port_given = true;
    *at += 1 + digits;
    if (port == to->port)
        to->authority.size -= 1 + digits;
    to->port = (int)port;
    return NULL;
}

const char *uri_split_origin(const char *text, struct uri_parts *to, const char **rest)
{
    const char *at = text;
    *to = (struct uri_parts){.https = strncasecmp(at, "https://", 8) == 0};
    if (!to->https && strncasecmp(at, "http://", 7) != 0)
        return "it does not begin with http:// or https://";
    at += to->https ? 8 : 7;
    to->authority = (struct uri_span){at, strcspn(at, "/?#")};
    *rest = at + to->authority.size;
    if (memchr(at, '@', to->authority.size))
        return "it has user information before the host";
    const char *problem =
        *at == '[' ? uri_split_ipv6(&at, &to->host) : uri_split_name(&at, &to->host);
    if (!problem)
        problem = uri_split_port(&at, to);
    if (!problem && at != *rest)
        problem = "after the host or port comes something other than '/' or '?'";
    return problem;
}

const char *uri_split(const char *text, struct uri_parts *to)
{
    const char *at = text;
    const char *problem = uri_split_origin(text, to, &at);
    if (problem)
        return problem;
    to->path = (struct uri_span){at, strcspn(at, "?")};
    at += to->path.size;
    if (to->path.size == 0)
        to->path = (struct uri_span){"/", 1};
    at += *at == '?';
    to->query = (struct uri_span){at, strlen(at)};
    return NULL;
}

static const char *uri_find_problem(const char *text, struct uri_parts *to)
{
    for (const char *c = text; *c; c++) {
        if ((unsigned char)*c <= 0x20 || *c == 0x7F)
            return "it has a space or a control character";
        if (*c == '#')
            return "it has a fragment ('#')";
    }
    return uri_split(text, to);
}

bool uri_check(const char *text, struct uri_parts *to, struct err *err)
{
    const char *problem = uri_find_problem(text, to);
    if (!problem)
        return true;
    err_set(err, ERR_INVALID, "", "the URL \"%.*s...\" is not valid: %s", uri_shown_size(text),
            text, problem);
    return false;
}

/* --- copies --- */

static char *uri_copy(char **to, struct uri_span span)
{
    char *copy = *to;
    memcpy(copy, span.at, span.size);
    copy[span.size] = '\0';
    *to += span.size + 1;
    return copy;
}

bool uri_parse(const char *text, struct uri *to, struct err *err)
{
    struct uri_parts parts;
    if (!uri_check(text, &parts, err))
        return false;
    *to = (struct uri){.scheme = parts.https ? "https" : "http",
                       .port = parts.port,
                       .port_given = parts.port_given};
    to->store = xmalloc(parts.host.size + parts.path.size + parts.query.size + 3);
    char *at = to->store;
    to->host = uri_copy(&at, parts.host);
    for (char *c = to->store; *c; c++)
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
    to->path = uri_copy(&at, parts.path);
    to->query = uri_copy(&at, parts.query);
    return true;
}

void uri_free(struct uri *u)
{
    free(u->store);
    *u = (struct uri){0};
}
