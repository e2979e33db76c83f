/* Text of strangers for a person to read. A terminal acts on control characters, and a reader is
 * misled by characters that change the order in which text is shown: neither reaches a terminal or
 * the log from here. Thread-safe. */
#ifndef HGAUTOD_LIB_BASE_PRINTABLE_H
#define HGAUTOD_LIB_BASE_PRINTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"

/* Appends n bytes of text. Control characters (but newline and tab), DEL, U+0080 to U+009F and the
 * bidirectional controls become "\u001b", which is the same string in JSON; bytes that are not
 * UTF-8 become U+FFFD. False when *to has no room. */
bool printable_add(struct buf *to, const char *text, size_t n);

/* Writes n bytes to a stream: as printable_add has them where it leads to a terminal, else as they
 * are, for a program to read. A character that is cut in two by the end of a piece counts as not
 * being UTF-8. False when it cannot be written. */
bool printable_write(FILE *to, const char *text, size_t n);

/* Prints a formatted text for people, as printable_add has it. Returns whether it was written. */
bool printable_print(FILE *to, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
