/* URIs (RFC 3986): percent-encoding and the taking apart of absolute http and https URLs.
 * Thread-safe. */
#ifndef HGAUTOD_LIB_NET_URI_H
#define HGAUTOD_LIB_NET_URI_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"

/* Appends n bytes, all but the unreserved characters (letters, digits, '-', '.', '_', '~') as %XX
 * in upper case. With keep_slash, '/' stays too: for object keys in paths. */
bool uri_encode(struct buf *to, const char *bytes, size_t n, bool keep_slash);
/* Appends what a percent-encoded text stands for; with plus_is_space, '+' is a space (form
 * encoding). False on a broken escape or a NUL. */
bool uri_decode(struct buf *to, const char *text, size_t n, bool plus_is_space) MUST_CHECK;

/* The parts of an absolute URL. All but port point into `store`. */
struct uri {
    const char *scheme; /* "http" or "https" */
    const char *host;   /* lower case, without brackets for IPv6 literals */
    int port;           /* given, or the scheme's default */
    bool port_given;
    const char *path;  /* as sent, percent-encoded; at least "/" */
    const char *query; /* as sent, without '?'; "" if none */
    char *store;       /* owned; uri_free gives it back */
};

/* Parses an absolute http(s) URL without user information; a fragment, control characters, spaces
 * and hosts with characters outside [A-Za-z0-9._-] (or an IPv6 literal) are refused. */
bool uri_parse(const char *text, struct uri *to, struct err *err) MUST_CHECK;
void uri_free(struct uri *u);

#endif
