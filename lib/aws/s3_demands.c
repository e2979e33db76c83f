/* The headers that a bucket's policy or Object Lock may demand of a PutObject: encryption, an ACL,
 * a checksum.
 * Source: Amazon S3 API Reference, PutObject; "Checking object integrity". */
#include "lib/aws/s3_demands.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/crypto.h"

#define PIECE 16384

/* A checksum in progress: SHA-256 if `sha256` is set, else a CRC. */
struct checksum {
    struct sha256 *sha256;
    uint32_t polynomial, crc;
};

/* Polynomials are reflected. */
static const struct checksum_algorithm {
    const char *name, *header;
    /* 0: SHA-256. */
    uint32_t polynomial;
} algorithms[] = {
    {"crc32", "x-amz-checksum-crc32", UINT32_C(0xEDB88320)},
    {"crc32c", "x-amz-checksum-crc32c", UINT32_C(0x82F63B78)},
    {"sha256", "x-amz-checksum-sha256", 0},
};

static const struct checksum_algorithm *checksum_find(const char *name)
{
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++)
        if (strcmp(algorithms[i].name, name) == 0)
            return &algorithms[i];
    return NULL;
}

static void checksum_begin(struct checksum *s, const struct checksum_algorithm *how)
{
    *s = (struct checksum){.polynomial = how->polynomial, .crc = UINT32_MAX};
    if (!how->polynomial)
        s->sha256 = sha256_new();
}

static void checksum_add(struct checksum *s, const void *bytes, size_t n)
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

/* Writes the digest and ends the checksum. Returns the digest's size. */
static size_t checksum_end(struct checksum *s, uint8_t digest[SHA256_SIZE])
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

static void checksum_read_body(struct checksum *s, const struct http_body *body)
{
    char piece[PIECE];
    size_t n;
    if (body->data || !body->read) {
        checksum_add(s, body->data ? body->data : "", body->data ? body->size : 0);
        return;
    }
    body->rewind(body->ctx);
    while ((n = body->read(body->ctx, piece, sizeof piece)) > 0)
        checksum_add(s, piece, n);
    body->rewind(body->ctx);
}

static void s3_demands_add(struct s3_demands *d, const char *name, const char *value)
{
    if (value && *value)
        d->at[d->count++] = (struct http_header){name, value};
}

static bool s3_demands_add_checksum(struct s3_demands *d, const char *name,
                                    const struct http_body *body, struct err *err)
{
    const struct checksum_algorithm *how = checksum_find(name);
    struct buf text = buf_make(sizeof d->checksum - 1);
    uint8_t digest[SHA256_SIZE];
    struct checksum sum;
    if (!how)
        return err_set(err, ERR_INVALID, "", "\"%.20s\" is not a checksum that S3 supports", name);
    checksum_begin(&sum, how);
    checksum_read_body(&sum, body);
    size_t size = checksum_end(&sum, digest);
    base64_add(&text, digest, size);
    snprintf(d->checksum, sizeof d->checksum, "%s", buf_str(&text));
    buf_free(&text);
    s3_demands_add(d, how->header, d->checksum);
    return true;
}

bool s3_demands_set(struct s3_demands *d, const struct s3_bucket *bucket,
                    const struct http_body *body, struct err *err)
{
    *d = (struct s3_demands){.count = 0};
    s3_demands_add(d, "x-amz-server-side-encryption", bucket->encryption);
    s3_demands_add(d, "x-amz-server-side-encryption-aws-kms-key-id", bucket->kms_key_id);
    s3_demands_add(d, "x-amz-acl", bucket->acl);
    return !bucket->checksum || !*bucket->checksum ||
           s3_demands_add_checksum(d, bucket->checksum, body, err);
}
