/* Digests, HMAC, base64 and hex over OpenSSL. A digest that cannot be computed, because OpenSSL's
 * configuration does not allow it, ends the process. All functions are thread-safe. */
#ifndef HGAUTOD_LIB_BASE_CRYPTO_H
#define HGAUTOD_LIB_BASE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"

#define SHA256_SIZE 32
/* With the NUL. */
#define SHA256_HEX_SIZE 65
#define MD5_SIZE        16

/* A digest in steps, for bodies that are streamed. Opaque; used from sha256_new to sha256_finish by
 * one thread. */
struct sha256;
/* Begins a digest; sha256_finish releases it. */
struct sha256 *sha256_new(void) NEVER_NULL MUST_CHECK;
void sha256_add(struct sha256 *s, const void *bytes, size_t n);
/* Writes the digest and frees s. */
void sha256_finish(struct sha256 *s, uint8_t to[SHA256_SIZE]);

void sha256(const void *bytes, size_t n, uint8_t to[SHA256_SIZE]);
void sha256_hex(const void *bytes, size_t n, char to[SHA256_HEX_SIZE]);
/* For Content-MD5 only. */
void md5(const void *bytes, size_t n, uint8_t to[MD5_SIZE]);
/* RFC 2104. */
void hmac_sha256(const void *key, size_t key_size, const void *bytes, size_t n,
                 uint8_t to[SHA256_SIZE]);

/* Returns true if two sequences of n bytes are equal, in a time that does not depend on where they
 * differ. */
bool crypto_equal(const void *a, const void *b, size_t n) MUST_CHECK;

/* Writes n bytes as lowercase hex digits and a NUL: 2n + 1 characters. */
void hex_encode(const void *bytes, size_t n, char *to);
/* Append n bytes as base64 (RFC 4648), padded / as base64url, unpadded. Return false if they do not
 * fit. */
bool base64_add(struct buf *to, const void *bytes, size_t n);
bool base64url_add(struct buf *to, const void *bytes, size_t n);
/* Appends the bytes that a base64 text represents; white space in it is allowed. Returns false if
 * it is not base64 or the bytes do not fit; nothing is appended then. */
bool base64_decode(struct buf *to, const char *text, size_t n) MUST_CHECK;

#endif
