/* What a bucket's policy or Object Lock may demand of a PutObject: encryption, an ACL, a checksum.
 * Source: Amazon S3 API Reference, PutObject; "Checking object integrity". */
#include "lib/aws/s3_demands.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/crypto.h"

#define PIECE 16384

/* A checksum under way; which one, `sha256` and `polynomial` say. */
struct sum {
    struct sha256 *sha256;
    uint32_t polynomial, crc;
};

/* The polynomials are reflected. */
static const struct algorithm {
    const char *name, *header;
    /* 0: SHA-256. */
    uint32_t polynomial;
} algorithms[] = {
    {"crc32", "x-amz-checksum-crc32", UINT32_C(0xEDB88320)},
    {"crc32c", "x-amz-checksum-crc32c", UINT32_C(0x82F63B78)},
    {"sha256", "x-amz-checksum-sha256", 0},
};

static const struct algorithm *algorithm_named(const char *name)
{
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++)
        if (strcmp(algorithms[i].name, name) == 0)
            return &algorithms[i];
    return NULL;
}

static bool sum_begin(struct sum *s, const struct algorithm *how)
{
    *s = (struct sum){.polynomial = how->polynomial, .crc = UINT32_MAX};
    if (!how->polynomial)
        s->sha256 = sha256_new();
    return how->polynomial || s->sha256;
}

static void sum_add(struct sum *s, const void *bytes, size_t n)
{
    const uint8_t *at = bytes;
    if (s->sha256) {
        sha256_add(s->sha256, bytes, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        s->crc ^= at[i];
        for (int bit = 0; bit < 8; bit++)
            s->crc = s->crc >> 1 ^ (s->crc & 1 ? s->polynomial : 0);
    }
}

/* Writes the digest, and how many bytes it has; ends the sum. */
static size_t sum_end(struct sum *s, uint8_t digest[SHA256_SIZE])
{
    uint32_t crc = ~s->crc;
    if (s->sha256) {
        sha256_finish(s->sha256, digest);
        return SHA256_SIZE;
    }
    for (int i = 0; i < 4; i++)
        digest[i] = (uint8_t)(crc >> (24 - 8 * i));
    return 4;
}

static void sum_body(struct sum *s, const struct http_body *body)
{
    char piece[PIECE];
    size_t n;
    if (body->data || !body->read) {
        sum_add(s, body->data ? body->data : "", body->data ? body->size : 0);
        return;
    }
    body->rewind(body->ctx);
    while ((n = body->read(body->ctx, piece, sizeof piece)) > 0)
        sum_add(s, piece, n);
    body->rewind(body->ctx);
}

static void add(struct s3_demands *d, const char *name, const char *value)
{
    /* http_header wants char *, but a call only reads it. */
    if (value && *value)
        d->at[d->count++] = (struct http_header){(char *)name, (char *)value};
}

static bool add_checksum(struct s3_demands *d, const char *name, const struct http_body *body,
                         struct err *err)
{
    const struct algorithm *how = algorithm_named(name);
    struct buf text = buf_make(sizeof d->checksum - 1);
    uint8_t digest[SHA256_SIZE];
    struct sum sum;
    if (!how)
        return err_set(err, ERR_INVALID, "", "\"%.20s\" is not a checksum that S3 knows", name);
    if (!sum_begin(&sum, how))
        return err_set(err, ERR_INTERNAL, "", "out of memory for a checksum");
    sum_body(&sum, body);
    size_t size = sum_end(&sum, digest);
    bool ok = base64_add(&text, digest, size);
    snprintf(d->checksum, sizeof d->checksum, "%s", buf_str(&text));
    buf_free(&text);
    add(d, how->header, d->checksum);
    return ok || err_set(err, ERR_INTERNAL, "", "out of memory for a checksum");
}

bool s3_demands_set(struct s3_demands *d, const struct s3_bucket *bucket,
                    const struct http_body *body, struct err *err)
{
    *d = (struct s3_demands){.count = 0};
    add(d, "x-amz-server-side-encryption", bucket->encryption);
    add(d, "x-amz-server-side-encryption-aws-kms-key-id", bucket->kms_key_id);
    add(d, "x-amz-acl", bucket->acl);
    return !bucket->checksum || !*bucket->checksum || add_checksum(d, bucket->checksum, body, err);
}
