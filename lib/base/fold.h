/* Compares texts without regard to case, for all alphabets and independent of the locale.
 * Thread-safe. */
#ifndef HGAUTOD_LIB_BASE_FOLD_H
#define HGAUTOD_LIB_BASE_FOLD_H

#include <stdbool.h>

/* Returns true if two UTF-8 texts differ at most in the case of single letters ("ss" is not equal
 * to a sharp s, which has no uppercase form of one character). From the first invalid UTF-8 on,
 * they are compared byte by byte. */
bool fold_equal(const char *a, const char *b);

#endif
