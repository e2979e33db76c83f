/* Computes digests and HMACs with OpenSSL, and writes bytes as base64 and hex. */
#include "lib/base/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/base/wipe.h"

#define SHA256_BLOCK 64

/* Fetched once: a fetch costs more than the digest of a short text. Constant after
 * crypto_fetch_digests. */
static EVP_MD *sha256_md;
static EVP_MD *md5_md;
static pthread_once_t fetched = PTHREAD_ONCE_INIT;

struct sha256 {
    EVP_MD_CTX *ctx;
};

/* Without a digest, requests would be signed with garbage. */
static void crypto_must(bool worked)
{
    if (worked)
        return;
    fputs("hgautod: OpenSSL cannot compute a digest; check that its configuration (openssl.cnf) "
          "allows SHA-256 and MD5\n",
          stderr);
    abort();
}

static void crypto_fetch_digests(void)
{
    sha256_md = EVP_MD_fetch(NULL, "SHA256", NULL);
    /* MD5 protects nothing here, so it may come from a provider without FIPS approval. */
    md5_md = EVP_MD_fetch(NULL, "MD5", "-fips");
}

static EVP_MD_CTX *digest_new(EVP_MD *const *md)
{
    pthread_once(&fetched, crypto_fetch_digests);
    EVP_MD_CTX *ctx = memory_or_die(EVP_MD_CTX_new());
    crypto_must(*md && EVP_DigestInit_ex2(ctx, *md, NULL) == 1);
    return ctx;
}

static void digest_compute(EVP_MD *const *md, const void *bytes, size_t n, uint8_t *to)
{
    EVP_MD_CTX *ctx = digest_new(md);
    crypto_must(EVP_DigestUpdate(ctx, bytes, n) == 1 && EVP_DigestFinal_ex(ctx, to, NULL) == 1);
    EVP_MD_CTX_free(ctx);
}

struct sha256 *sha256_new(void)
{
    struct sha256 *s = xmalloc(sizeof *s);
    s->ctx = digest_new(&sha256_md);
    return s;
}

void sha256_add(struct sha256 *s, const void *bytes, size_t n)
{
    crypto_must(EVP_DigestUpdate(s->ctx, bytes, n) == 1);
}

void sha256_finish(struct sha256 *s, uint8_t to[SHA256_SIZE])
{
    crypto_must(EVP_DigestFinal_ex(s->ctx, to, NULL) == 1);
    EVP_MD_CTX_free(s->ctx);
    free(s);
}

void sha256(const void *bytes, size_t n, uint8_t to[SHA256_SIZE])
{
    digest_compute(&sha256_md, bytes, n, to);
}

void sha256_hex(const void *bytes, size_t n, char to[SHA256_HEX_SIZE])
{
    uint8_t binary[SHA256_SIZE];
    sha256(bytes, n, binary);
    hex_encode(binary, sizeof binary, to);
}

void md5(const void *bytes, size_t n, uint8_t to[MD5_SIZE])
{
    digest_compute(&md5_md, bytes, n, to);
}

/* Computes one of the two digests that an HMAC consists of. */
static bool digest_padded(EVP_MD_CTX *ctx, const uint8_t pad[SHA256_BLOCK], const void *bytes,
                          size_t n, uint8_t to[SHA256_SIZE])
{
    return EVP_DigestUpdate(ctx, pad, SHA256_BLOCK) == 1 && EVP_DigestUpdate(ctx, bytes, n) == 1 &&
           EVP_DigestFinal_ex(ctx, to, NULL) == 1;
}

/* RFC 2104 over the digest fetched once: EVP_MAC fetches it each time, which is most of the cost
 * of a signature. */
void hmac_sha256(const void *key, size_t key_size, const void *bytes, size_t n,
                 uint8_t to[SHA256_SIZE])
{
    uint8_t pad[SHA256_BLOCK] = {0};
    uint8_t inner[SHA256_SIZE];
    EVP_MD_CTX *ctx = digest_new(&sha256_md);
    if (key_size > sizeof pad)
        sha256(key, key_size, pad);
    else if (key_size > 0)
        memcpy(pad, key, key_size);
    for (size_t i = 0; i < sizeof pad; i++)
        pad[i] ^= 0x36;
    crypto_must(digest_padded(ctx, pad, bytes, n, inner));
    for (size_t i = 0; i < sizeof pad; i++)
        pad[i] ^= 0x36 ^ 0x5C;
    crypto_must(EVP_DigestInit_ex2(ctx, NULL, NULL) == 1 &&
                digest_padded(ctx, pad, inner, sizeof inner, to));
    EVP_MD_CTX_free(ctx);
    wipe(pad, sizeof pad);
    wipe(inner, sizeof inner);
}

bool crypto_equal(const void *a, const void *b, size_t n)
{
    return CRYPTO_memcmp(a, b, n) == 0;
}

void hex_encode(const void *bytes, size_t n, char *to)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *from = bytes;
    for (size_t i = 0; i < n; i++) {
        *to++ = digits[from[i] >> 4];
        *to++ = digits[from[i] & 15];
    }
    *to = '\0';
}

static const char base64_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static bool base64_encode(struct buf *to, const uint8_t *from, size_t n, const char *alphabet,
                          bool pad)
{
    if (n > SIZE_MAX / 2 || !buf_reserve(to, pad ? (n + 2) / 3 * 4 : (n * 4 + 2) / 3))
        return buf_fail(to);
    char *out = to->data + to->size;
    for (size_t i = 0; i < n; i += 3) {
        size_t have = n - i < 3 ? n - i : 3;
        uint32_t group = (uint32_t)from[i] << 16 | (have > 1 ? (uint32_t)from[i + 1] << 8 : 0) |
                         (have > 2 ? from[i + 2] : 0);
        for (size_t k = 0; k <= have; k++)
            *out++ = alphabet[group >> (18 - 6 * k) & 63];
        for (size_t k = have; pad && k < 3; k++)
            *out++ = '=';
    }
    *out = '\0';
    to->size = (size_t)(out - to->data);
    return true;
}

bool base64_add(struct buf *to, const void *bytes, size_t n)
{
    return base64_encode(to, bytes, n, base64_alphabet, true);
}

bool base64url_add(struct buf *to, const void *bytes, size_t n)
{
    return base64_encode(to, bytes, n, base64url_alphabet, false);
}

/* Returns the value of a base64 digit, or -1. */
static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Appends what is decoded; may leave a part of it when it fails. */
static bool base64_decode_digits(struct buf *to, const char *text, size_t n)
{
    uint32_t bits = 0;
    unsigned digits = 0;
    unsigned pads = 0;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
            continue;
        if (c == '=') {
            pads++;
            continue;
        }
        int value = base64_value(c);
        if (value < 0 || pads > 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        if (++digits % 4 != 1 && !buf_addc(to, (char)(bits >> (6 - 2 * ((digits + 3) % 4)) & 0xFF)))
            return false;
    }
    if (pads > 2 || (digits + pads) % 4 != 0)
        return false;
    /* An encoder writes zeroes for the bits that padding leaves over. */
    return (bits & (pads == 2 ? 0x0F : pads == 1 ? 0x03 : 0)) == 0;
}

bool base64_decode(struct buf *to, const char *text, size_t n)
{
    size_t before = to->size;
    if (base64_decode_digits(to, text, n))
        return true;
    if (to->data) {
        wipe(to->data + before, to->size - before);
        to->size = before;
    }
    return false;
}
