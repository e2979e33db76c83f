/* Private to s3.c: the headers by which a PutObject meets what its bucket demands. */
#ifndef HGAUTOD_LIB_AWS_S3_DEMANDS_H
#define HGAUTOD_LIB_AWS_S3_DEMANDS_H

#include "lib/aws/s3.h"

/* Encryption, key, ACL and checksum. */
#define S3_DEMANDS_MAX 4

/* Headers of one put. They point into the bucket, and that of the checksum into the struct itself,
 * which must not move while they are used. */
struct s3_demands {
    struct http_header at[S3_DEMANDS_MAX];
    size_t count;
    char checksum[64];
};

/* Fills in the headers for a put of this body, which is read to its end once if the bucket demands
 * a checksum. Returns false with ERR_INVALID for an unknown checksum. */
bool s3_demands_set(struct s3_demands *d, const struct s3_bucket *bucket,
                    const struct http_body *body, struct err *err) MUST_CHECK;

#endif
