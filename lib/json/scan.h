/* A strict JSON (RFC 8259) reader that builds nothing: it walks over the bytes and says where each
 * value stands.
 *
 * An event of a hundred thousand resources is read once with it, in constant memory, to learn where
 * each resource begins and ends; each resource alone is later parsed into a jansson value and
 * dropped again. It checks the whole grammar, UTF-8 (no overlong forms, no surrogates) and the
 * depth; it does not look for duplicate keys. */
#ifndef HGAUTOD_LIB_JSON_SCAN_H
#define HGAUTOD_LIB_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"

#define SCAN_MAX_DEPTH 64 /* arrays and objects within one another; a 65th is an error */

enum scan_type {
    SCAN_OBJECT,     /* '{' */
    SCAN_OBJECT_END, /* '}' */
    SCAN_ARRAY,      /* '[' */
    SCAN_ARRAY_END,  /* ']' */
    SCAN_KEY,        /* a member's name, quotes included in the span; its value comes next */
    SCAN_STRING,     /* quotes included in the span */
    SCAN_NUMBER,
    SCAN_TRUE,
    SCAN_FALSE,
    SCAN_NULL,
    SCAN_END,  /* the document was complete and nothing but white space follows */
    SCAN_ERROR /* see scan_error; every further call answers the same */
};

struct scan_token {
    enum scan_type type;
    size_t start, end; /* bytes [start, end) of the text */
    bool escaped;      /* a string or key with at least one backslash escape */
};

struct scan {
    const char *text; /* not owned; need not be NUL-terminated */
    size_t size;
    size_t at;
    unsigned depth;
    uint64_t is_object;  /* bit d: the container at depth d is an object */
    unsigned expect;     /* what may come next; private to scan.c */
    const char *problem; /* NULL, or what is wrong at `at` */
};

/* Starts at the beginning of text. A UTF-8 byte order mark is refused (RFC 8259, section 8.1). */
void scan_init(struct scan *s, const char *text, size_t size);
/* The next token. */
struct scan_token scan_next(struct scan *s);
/* After a SCAN_OBJECT or SCAN_ARRAY token: reads on past its matching end. After a SCAN_KEY: reads
 * its whole value. *end becomes the offset behind the value. */
bool scan_skip(struct scan *s, const struct scan_token *first, size_t *end) MUST_CHECK;
/* Fills *err (ERR_INVALID) with "line L, column C: problem" after SCAN_ERROR. Lines and columns (in
 * bytes) count from 1. */
void scan_error(const struct scan *s, struct err *err);
/* "line L, column C" of any offset, for errors of shape found by the caller. */
void scan_where(const char *text, size_t size, size_t offset, unsigned *line, unsigned *column);
/* Whether a key or string token equals the text `is` (escapes are resolved). */
bool scan_equals(const struct scan *s, const struct scan_token *token, const char *is);
/* Appends what a key or string token stands for, escapes resolved, in UTF-8. False when it does not
 * fit, and when it holds \u0000 or half of a surrogate pair, which the grammar allows and a string
 * cannot hold. */
bool scan_text(const struct scan *s, const struct scan_token *token, struct buf *to) MUST_CHECK;

#endif
