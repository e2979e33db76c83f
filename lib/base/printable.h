/* Displays untrusted text. A terminal acts on control characters, and characters that change the
 * display order of text mislead the reader; neither reaches a terminal or the log from here.
 * Thread-safe. */
#ifndef HGAUTOD_LIB_BASE_PRINTABLE_H
#define HGAUTOD_LIB_BASE_PRINTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"

/* Appends n bytes of text. Control characters (except newline and tab), DEL, U+0080 to U+009F and
 * the bidirectional controls become escapes like "\u001b", which is the same string in JSON; bytes
 * that are not UTF-8 become U+FFFD. Returns false if the text does not fit. */
bool printable_add(struct buf *to, const char *text, size_t n);

/* Writes n bytes to a stream: as by printable_add if it is a terminal, otherwise unchanged, for a
 * program to read. A character that is split by the end of the bytes is treated as invalid UTF-8.
 * Returns false if the text cannot be written. */
bool printable_write(FILE *to, const char *text, size_t n);

/* Prints a formatted text as by printable_add. Returns false if it cannot be written. */
bool printable_print(FILE *to, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
