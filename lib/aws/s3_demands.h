/* Private to the S3 operations: the headers by which a PutObject meets what its bucket demands. */
#ifndef HGAUTOD_LIB_AWS_S3_DEMANDS_H
#define HGAUTOD_LIB_AWS_S3_DEMANDS_H

#include "lib/aws/s3.h"

#define S3_DEMANDS_MAX 5 /* headers, and one is left for a condition */

/* Headers of one put. They point into the bucket, and the checksum's into the struct itself: it
 * does not move while they are used. */
struct s3_demands {
    struct http_header at[S3_DEMANDS_MAX];
    size_t count;
    char checksum[64];
};

/* Fills in what goes with a put of this body, which is read to its end once when a checksum is
 * wanted. ERR_INVALID: a checksum that is not known; ERR_INTERNAL. */
bool s3_demands_set(struct s3_demands *d, const struct s3_bucket *bucket,
                    const struct http_body *body, struct err *err) MUST_CHECK;

#endif
