/* Percent-encoding, and absolute http and https URLs taken apart. */
#include "lib/net/uri.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/wipe.h"

enum { HOST_MAX = 255 };

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

/* Appends what is decoded; may leave a part behind when it fails. */
static bool decode(struct buf *to, const char *text, size_t n, bool plus_is_space)
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

    if (decode(to, text, n, plus_is_space))
        return true;
    if (to->data) {
        wipe(to->data + before, to->size - before);
        to->size = before;
    }
    return false;
}

/* The text as far as the end of the host, for messages: paths and queries may hold secrets, and so
 * may what stands before an '@'. */
static int shown_size(const char *text)
{
    const char *authority = strstr(text, "://");
    size_t n = authority ? (size_t)(authority + 3 - text) : 0;

    n += strcspn(text + n, "/?#");
    if (memchr(text, '@', n))
        n = 0;
    return n > HOST_MAX ? HOST_MAX : (int)n;
}

static bool invalid(const char *text, struct err *err, const char *problem)
{
    return err_set(err, ERR_INVALID, "", "the URL \"%.*s...\" is not valid: %s", shown_size(text),
                   text, problem);
}

/* Copies the host in lower case and moves *at behind it. */
static const char *take_name(const char **at, char *to)
{
    size_t n = 0;

    for (; is_alnum(**at) || **at == '-' || **at == '.' || **at == '_'; (*at)++, n++)
        to[n] = (char)(**at >= 'A' && **at <= 'Z' ? **at - 'A' + 'a' : **at);
    to[n] = '\0';
    if (n == 0)
        return "it names no host, or the host has characters other than letters, digits, '-', '.' "
               "and '_'";
    return n > HOST_MAX ? "its host has more than 255 characters" : NULL;
}

/* The same for "[::1]", without the brackets. */
static const char *take_ipv6(const char **at, char *to)
{
    const char *end = strchr(*at, ']');
    size_t n = end ? (size_t)(end - *at - 1) : 0;

    if (n < 2 || n > 45 || strspn(*at + 1, "0123456789abcdefABCDEF:.") != n ||
        !memchr(*at + 1, ':', n))
        return "what stands in brackets is no IPv6 address";
    for (size_t i = 0; i < n; i++) {
        char c = (*at)[i + 1];
        to[i] = (char)(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
    }
    to[n] = '\0';
    *at = end + 1;
    return NULL;
}

static const char *take_port(const char **at, struct uri *u)
{
    u->port = strcmp(u->scheme, "https") == 0 ? 443 : 80;
    if (**at != ':')
        return NULL;

    size_t digits = strspn(*at + 1, "0123456789");
    long port = digits >= 1 && digits <= 5 ? strtol(*at + 1, NULL, 10) : 0;
    if (port < 1 || port > 65535)
        return "its port is not a number from 1 to 65535";
    u->port = (int)port;
    u->port_given = true;
    *at += 1 + digits;
    return NULL;
}

/* Copies path and query, as they are, behind the host. */
static const char *take_rest(const char *at, struct uri *u, char *to)
{
    if (*at != '\0' && *at != '/' && *at != '?')
        return "after the host or port comes something other than '/' or '?'";

    size_t path = strcspn(at, "?");
    u->path = to;
    if (path == 0)
        *to++ = '/';
    memcpy(to, at, path);
    to[path] = '\0';
    to += path + 1;
    u->query = to;

    const char *query = at[path] == '?' ? at + path + 1 : "";
    memcpy(to, query, strlen(query) + 1);
    return NULL;
}

static const char *parse(const char *text, struct uri *u)
{
    const char *at = text;

    for (const char *c = text; *c; c++) {
        if ((unsigned char)*c <= 0x20 || *c == 0x7F)
            return "it has a space or a control character";
        if (*c == '#')
            return "it has a fragment ('#')";
    }
    if (strncasecmp(at, "https://", 8) == 0)
        u->scheme = "https";
    else if (strncasecmp(at, "http://", 7) == 0)
        u->scheme = "http";
    else
        return "it does not begin with http:// or https://";
    at += strlen(u->scheme) + 3;
    if (memchr(at, '@', strcspn(at, "/?")))
        return "it has user information before the host";

    u->host = u->store;
    const char *problem = *at == '[' ? take_ipv6(&at, u->store) : take_name(&at, u->store);
    if (!problem)
        problem = take_port(&at, u);
    if (!problem)
        problem = take_rest(at, u, u->store + strlen(u->store) + 1);
    return problem;
}

bool uri_parse(const char *text, struct uri *to, struct err *err)
{
    /* Scheme and "://" leave room for a '/' and the ends of host, path and query. */
    struct uri u = {.store = malloc(strlen(text) + 4)};

    if (!u.store)
        return err_set(err, ERR_INTERNAL, "", "out of memory for a URL");

    const char *problem = parse(text, &u);
    if (problem) {
        uri_free(&u);
        return invalid(text, err, problem);
    }
    *to = u;
    return true;
}

void uri_free(struct uri *u)
{
    free(u->store);
    *u = (struct uri){0};
}
