/* Comparing texts without regard to case, whatever the alphabet and the locale. Thread-safe. */
#ifndef HGAUTOD_LIB_BASE_FOLD_H
#define HGAUTOD_LIB_BASE_FOLD_H

#include <stdbool.h>

/* Whether two UTF-8 texts differ only in the case of letters, in that of a letter by itself: not
 * "ss" for a sharp s, which has no upper-case form of one character. From where one is not UTF-8
 * they are compared byte by byte. */
bool fold_equal(const char *a, const char *b);

#endif
