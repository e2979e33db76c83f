/* Digests, HMAC, base64 and hex over OpenSSL. All functions are thread-safe. */
#ifndef HGAUTOD_LIB_BASE_CRYPTO_H
#define HGAUTOD_LIB_BASE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"

#define SHA256_SIZE     32
#define SHA256_HEX_SIZE 65 /* with the NUL */
#define MD5_SIZE        16

/* A digest in steps, for bodies that are streamed. Opaque; from sha256_new to sha256_finish by one
 * thread. */
struct sha256;
struct sha256 *sha256_new(void) MUST_CHECK; /* NULL when OpenSSL has no memory */
void sha256_add(struct sha256 *s, const void *bytes, size_t n);
/* Writes the digest and frees s. */
void sha256_finish(struct sha256 *s, uint8_t to[SHA256_SIZE]);

void sha256(const void *bytes, size_t n, uint8_t to[SHA256_SIZE]);
void sha256_hex(const void *bytes, size_t n, char to[SHA256_HEX_SIZE]);
void md5(const void *bytes, size_t n, uint8_t to[MD5_SIZE]); /* for Content-MD5 only */
void hmac_sha256(const void *key, size_t key_size, const void *bytes, size_t n,
                 uint8_t to[SHA256_SIZE]);

/* Whether two texts of n bytes are equal, in a time that says nothing of where they differ. */
bool crypto_equal(const void *a, const void *b, size_t n) MUST_CHECK;

/* Lower-case hex of n bytes and a NUL: 2n + 1 characters. */
void hex_encode(const void *bytes, size_t n, char *to);
/* Appends the base64 (RFC 4648, padded) / base64url (unpadded) of n bytes. */
bool base64_add(struct buf *to, const void *bytes, size_t n);
bool base64url_add(struct buf *to, const void *bytes, size_t n);
/* Appends the bytes that a base64 text stands for; white space between is allowed. False when it is
 * not base64. */
bool base64_decode(struct buf *to, const char *text, size_t n) MUST_CHECK;

#endif
