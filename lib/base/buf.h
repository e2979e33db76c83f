/* A growable byte buffer with a maximum set at birth.
 *
 * The bytes are always followed by a NUL that is not counted, so a buffer of text can be read as a
 * string. An append that would exceed the maximum fails, leaves the contents as they were, and is
 * remembered: a caller may append many times and call buf_ok() once. A lack of memory ends the
 * process (memory.h). Not thread-safe; one owner. */
#ifndef HGAUTOD_LIB_BASE_BUF_H
#define HGAUTOD_LIB_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/attr.h"

struct buf {
    /* NULL until something is stored; owned. */
    char *data;
    /* Bytes stored, without the NUL. */
    size_t size;
    /* Bytes allocated. */
    size_t room;
    /* The limit of `size`. */
    size_t max;
    /* An append did not fit. */
    bool failed;
    /* Wiped whenever its memory is released or moved. */
    bool secret;
};

/* Returns an empty buffer of at most max bytes. */
struct buf buf_make(size_t max);
/* The same for secrets. */
struct buf buf_make_secret(size_t max);
/* Releases the memory (wiped if secret); the buffer can be used again. */
void buf_free(struct buf *b);
/* Discards the contents and the failure, keeps the memory. */
void buf_reset(struct buf *b);
/* Makes room for at least `more` further bytes. Returns false, and marks the buffer as failed, if
 * they would exceed the maximum. */
bool buf_reserve(struct buf *b, size_t more);

/* Each appends, and returns whether this append fitted. */
bool buf_add(struct buf *b, const void *bytes, size_t n);
bool buf_adds(struct buf *b, const char *text);
bool buf_addc(struct buf *b, char c);
bool buf_addf(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);
bool buf_vaddf(struct buf *b, const char *format, va_list args);

/* Marks the buffer as failed, for a module whose input cannot be appended. Returns false. */
bool buf_fail(struct buf *b);
/* Returns true if no append has failed since buf_make or buf_reset. */
bool buf_ok(const struct buf *b);
/* Returns the contents as a string, "" if empty. Owned by the buffer, valid until the next change.
 */
const char *buf_str(const struct buf *b);
/* Hands the bytes (NUL-terminated) to the caller, who releases them with free(); the buffer is
 * empty afterwards. Returns NULL only if an append has failed. */
char *buf_take(struct buf *b) MUST_CHECK;

#endif
