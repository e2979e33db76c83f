/* Text for people: similar names, and lines of a limited width. Thread-safe. */
#ifndef HGAUTOD_LIB_BASE_TEXT_H
#define HGAUTOD_LIB_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"

/* The characters of a line, without the newline. */
#define TEXT_WIDTH 78

/* Returns the edit distance of two names, ignoring case: insertions, deletions, replacements and
 * swapped neighbors. Returns 99 if a name is longer than 64 bytes. */
unsigned text_distance(const char *a, const char *b);

/* Appends the words of a text, starting at `column` of a line that the caller has begun, and a
 * newline. Lines are broken between words at TEXT_WIDTH; a new line begins with `indent`. False
 * if the buffer has failed. */
bool text_add_wrapped(struct buf *to, const char *text, size_t column, const char *indent);

/* Appends a text as lines of mdoc, one sentence per line, with everything escaped that roff would
 * take for a request. False if the buffer has failed. */
bool text_add_mdoc(struct buf *to, const char *text);

#endif
