/* Checks, reads and writes UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above
 * U+10FFFF. Thread-safe. */
#ifndef HGAUTOD_LIB_BASE_UTF8_H
#define HGAUTOD_LIB_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Returns the length (1 to 4) of the character at the beginning of n bytes; 0 if it is not well
 * formed or n is 0. A NUL is a character of length 1. */
size_t utf8_step(const char *bytes, size_t n);
/* Returns true if all n bytes are well formed. */
bool utf8_valid(const char *bytes, size_t n);
/* Returns the code point of a well-formed character of `length` bytes, the result of utf8_step().
 */
uint32_t utf8_decode(const char *bytes, size_t length);
/* Writes a code point, which must not be a surrogate, as 1 to 4 bytes. Returns their number. */
size_t utf8_encode(uint32_t code, char to[4]);

#endif
