/* URIs (RFC 3986): percent-encoding, and the one parser of absolute http and https URLs. Pure
 * functions of their input; any thread. */
#ifndef HGAUTOD_LIB_NET_URI_H
#define HGAUTOD_LIB_NET_URI_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"

/* Appends n bytes, all but the unreserved characters (letters, digits, '-', '.', '_', '~') as %XX
 * in upper case. With keep_slash, '/' stays too: for object keys in paths. Returns false if they do
 * not fit. */
bool uri_encode(struct buf *to, const char *bytes, size_t n, bool keep_slash);
/* Appends what a percent-encoded text stands for; with plus_is_space, '+' is a space (form
 * encoding). Returns false, with nothing appended, on an incomplete escape, on a NUL, or if it does
 * not fit. */
bool uri_decode(struct buf *to, const char *text, size_t n, bool plus_is_space) MUST_CHECK;

/* A part of a text; not terminated. */
struct uri_span {
    const char *at;
    size_t size;
};

/* The parts of an absolute URL, as they are written there. */
struct uri_parts {
    bool https;
    bool port_given;
    /* As given, or the default of the scheme. */
    int port;
    /* Without the brackets of an IPv6 address. */
    struct uri_span host;
    /* Host and port as in a Host header: without the default port of the scheme. */
    struct uri_span authority;
    /* Percent-encoded; "/" if there is none. */
    struct uri_span path;
    /* Without '?'; of size 0 if there is none. */
    struct uri_span query;
};

/* Splits an absolute http(s) URL without user information. The host consists of [A-Za-z0-9._-] or
 * is an IPv6 address; the characters of path and query are not checked. Returns NULL, or what is
 * wrong: "it has user information before the host". Copies nothing. */
const char *uri_split(const char *text, struct uri_parts *to) MUST_CHECK;
/* The same up to and including the port. *rest is what follows: "", or a path, query or fragment.
 * If only host or port are invalid, `authority` and *rest are set all the same. */
const char *uri_split_origin(const char *text, struct uri_parts *to, const char **rest) MUST_CHECK;
/* The same as uri_split, and refuses spaces, control characters and fragments. Returns false with
 * *err (ERR_INVALID), which shows the URL up to its host at most. */
bool uri_check(const char *text, struct uri_parts *to, struct err *err) MUST_CHECK;

/* The same parts as strings. All but port point into `store`. */
struct uri {
    /* "http" or "https". */
    const char *scheme;
    /* In lower case. */
    const char *host;
    int port;
    bool port_given;
    const char *path;
    const char *query;
    /* Owned; uri_free releases it. */
    char *store;
};

/* As uri_check, with copies. On failure *to is unchanged. */
bool uri_parse(const char *text, struct uri *to, struct err *err) MUST_CHECK;
/* {0} is allowed. */
void uri_free(struct uri *u);

#endif
