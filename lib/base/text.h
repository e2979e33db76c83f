/* Text for humans: similar names, and lines of a limited width. Thread-safe. */
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

/* The name most similar to one that was written. Begin with the written name alone. */
struct text_match {
    const char *written;
    /* The best candidate so far, borrowed; NULL: none is similar. */
    const char *name;
    unsigned distance;
};

/* Makes the candidate the match if it is more similar than the others: at a distance of at most 2,
 * or of half the length of the written name. */
void text_match_offer(struct text_match *match, const char *candidate);

/* Returns NULL if n bytes are a line of text, otherwise why not, as the predicate of a sentence:
 * "is not UTF-8" or "contains a control character". */
const char *text_problem(const char *text, size_t n);

/* Appends the words of a text, starting at `column` of a line that the caller has begun, and a
 * newline. Lines are broken between words at TEXT_WIDTH; a new line begins with `indent`. */
void text_add_wrapped(struct buf *to, const char *text, size_t column, const char *indent);

/* Appends a text as lines of mdoc, one sentence per line, with everything escaped that roff would
 * take for a request. */
void text_add_mdoc(struct buf *to, const char *text);

#endif
