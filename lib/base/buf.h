/* A growable byte buffer with a maximum set at birth.
 *
 * The bytes are always followed by a NUL that is not counted, so a buffer of text may be read as a
 * string. An append that would pass the maximum, or for which there is no memory, fails, leaves the
 * contents as they were, and is remembered: a caller may append many times and ask buf_ok() once.
 * Not thread-safe; one owner. */
#ifndef HGAUTOD_LIB_BASE_BUF_H
#define HGAUTOD_LIB_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/attr.h"

struct buf {
    char *data;  /* NULL until something is stored; owned */
    size_t size; /* bytes stored, without the NUL */
    size_t room; /* bytes allocated */
    size_t max;  /* the most that `size` may become */
    bool failed; /* an append did not fit */
    bool secret; /* wiped whenever its memory is given back or moved */
};

/* An empty buffer of at most max bytes. */
struct buf buf_make(size_t max);
/* The same for secrets. */
struct buf buf_make_secret(size_t max);
/* Gives the memory back (wiped if secret); the buffer may be used again. */
void buf_free(struct buf *b);
/* Forgets the contents and the failure, keeps the memory. */
void buf_reset(struct buf *b);
/* Makes room for at least `more` further bytes. */
bool buf_reserve(struct buf *b, size_t more);

/* Each appends and returns whether it (this one) succeeded. */
bool buf_add(struct buf *b, const void *bytes, size_t n);
bool buf_adds(struct buf *b, const char *text);
bool buf_addc(struct buf *b, char c);
bool buf_addf(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);
bool buf_vaddf(struct buf *b, const char *format, va_list args);

/* True if no append has failed since buf_make or buf_reset. */
bool buf_ok(const struct buf *b);
/* The contents as a string, "" when empty. Owned by the buffer, valid until the next change. */
const char *buf_str(const struct buf *b);
/* Hands the bytes (NUL-terminated) to the caller, who frees them with free(); the buffer is empty
 * after. NULL if an append failed or memory ran out. */
char *buf_take(struct buf *b) MUST_CHECK;

#endif
