/* Checking UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. Thread-safe.
 */
#ifndef HGAUTOD_LIB_BASE_UTF8_H
#define HGAUTOD_LIB_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The length (1 to 4) of the character that begins at bytes, of which n may be read; 0 when it is
 * not a well-formed one or n is 0. A NUL is a character of length 1. */
size_t utf8_step(const char *bytes, size_t n);
/* Whether all n bytes are well-formed. */
bool utf8_valid(const char *bytes, size_t n);
/* The code point of a well-formed character of `length` bytes, as utf8_step() has measured it. */
uint32_t utf8_decode(const char *bytes, size_t length);
/* Writes a code point, not a surrogate, as 1 to 4 bytes and returns how many. */
size_t utf8_encode(uint32_t code, char to[4]);

#endif
