/* A strict JSON (RFC 8259) reader that builds nothing: it walks over the bytes and reports where
 * each value is.
 *
 * An event of a hundred thousand resources is read once with it, in constant memory, to find where
 * each resource begins and ends; later each resource is parsed into a jansson value by itself and
 * released again. The reader checks the whole grammar, UTF-8 (no overlong forms, no surrogates) and
 * the depth, but not whether keys repeat. Thread-safe on separate readers. */
#ifndef HGAUTOD_LIB_JSON_SCAN_H
#define HGAUTOD_LIB_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"

/* The limit of nested arrays and objects; one level more is an error. */
#define SCAN_MAX_DEPTH 64

enum scan_type {
    /* '{', '}', '[' and ']'. */
    SCAN_OBJECT,
    SCAN_OBJECT_END,
    SCAN_ARRAY,
    SCAN_ARRAY_END,
    /* A member's name, including its quotes; its value comes next. */
    SCAN_KEY,
    /* Including its quotes. */
    SCAN_STRING,
    SCAN_NUMBER,
    SCAN_TRUE,
    SCAN_FALSE,
    SCAN_NULL,
    /* The document was complete, and only white space follows. */
    SCAN_END,
    /* See scan_error; every later call returns the same. */
    SCAN_ERROR
};

struct scan_token {
    enum scan_type type;
    /* Bytes [start, end) of the text. */
    size_t start, end;
    /* A string or key with at least one backslash escape. */
    bool escaped;
};

struct scan {
    /* Borrowed; need not be NUL-terminated. */
    const char *text;
    size_t size;
    size_t at;
    unsigned depth;
    /* Bit d: the container at depth d is an object. */
    uint64_t is_object;
    /* What may come next; private to scan.c. */
    unsigned expect;
    /* NULL, or what is wrong at `at`. */
    const char *problem;
};

/* Starts at the beginning of text. A UTF-8 byte order mark is rejected (RFC 8259, section 8.1). */
void scan_init(struct scan *s, const char *text, size_t size);
/* Returns the next token. */
struct scan_token scan_next(struct scan *s);
/* After a SCAN_OBJECT or SCAN_ARRAY token: skips to its matching end. After a SCAN_KEY: skips its
 * value. *end becomes the offset after the value. Returns false on an error; see scan_error. */
bool scan_skip(struct scan *s, const struct scan_token *first, size_t *end) MUST_CHECK;
/* Sets *err (ERR_INVALID) to "line L, column C: problem" after SCAN_ERROR. Lines and columns (in
 * bytes) count from 1. */
void scan_error(const struct scan *s, struct err *err);
/* Finds line and column of an offset, for errors of structure that the caller finds. */
void scan_where(const char *text, size_t size, size_t offset, unsigned *line, unsigned *column);
/* Returns true if a key or string token, with escapes resolved, equals `text`. */
bool scan_equals(const struct scan *s, const struct scan_token *token, const char *text);
/* Appends the UTF-8 text of a key or string token, with escapes resolved. Returns false if it does
 * not fit, or contains \u0000 or half of a surrogate pair, which the grammar allows but a string in
 * C cannot contain. */
bool scan_text(const struct scan *s, const struct scan_token *token, struct buf *to) MUST_CHECK;

#endif
