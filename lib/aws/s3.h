/* The S3 object operations that the daemon's store needs. Functions block; call them on workers.
 * Thread-safe. Source: Amazon S3 API Reference. */
#ifndef HGAUTOD_LIB_AWS_S3_H
#define HGAUTOD_LIB_AWS_S3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/aws/aws.h"
#include "lib/net/object.h"

/* A bucket and what its requests must carry. Strings are borrowed; one that is NULL or "" is not
 * sent. */
struct s3_bucket {
    const char *name;
    /* The account that the bucket must belong to; S3 denies the request otherwise. */
    const char *owner;
    /* Of each put: "AES256", "aws:kms" or "aws:kms:dsse". */
    const char *encryption;
    /* The key of the latter two; NULL: the account's default key for S3. */
    const char *kms_key_id;
    /* Of each put: "bucket-owner-full-control". */
    const char *acl;
    /* Of each put: "crc32", "crc32c" or "sha256"; Object Lock requires one. */
    const char *checksum;
};

/* Appends an object's bytes to *body, whose max is the limit (ERR_LIMIT). A missing object is
 * ERR_NOT_FOUND. meta may be NULL. */
bool s3_get(struct aws *aws, struct http_client *http, const struct s3_bucket *bucket,
            const char *key, struct buf *body, struct object_meta *meta,
            struct err *err) MUST_CHECK;
/* Reads the metadata of an object without its bytes. metadata: receives what s3_put stored, "" if
 * nothing; NULL: not needed. */
bool s3_head(struct aws *aws, struct http_client *http, const struct s3_bucket *bucket,
             const char *key, struct object_meta *meta, char metadata[OBJECT_METADATA_SIZE],
             struct err *err) MUST_CHECK;
/* Puts an object. A lost condition is ERR_PRECONDITION (412, or 409 ConditionalRequestConflict), a
 * match on a missing object ERR_NOT_FOUND. new_etag may be NULL. */
bool s3_put(struct aws *aws, struct http_client *http, const struct s3_bucket *bucket,
            const struct object_put *put, char new_etag[OBJECT_ETAG_SIZE],
            struct err *err) MUST_CHECK;
/* Deletes an object, if it has this ETag (NULL: in any case). A missing object is success, another
 * ETag is ERR_PRECONDITION. A service without conditional deletes responds 501
 * (err->http_status), and some ignore the condition. With an ETag, the identity needs s3:GetObject
 * too. Source: Amazon S3 User Guide, "How to perform conditional deletes". */
bool s3_delete(struct aws *aws, struct http_client *http, const struct s3_bucket *bucket,
               const char *key, const char *etag, struct err *err) MUST_CHECK;
/* Lists all objects whose keys begin with prefix, in order (ListObjectsV2 to its end). each: called
 * on this thread for every object. Returns false with *err; objects may have been passed on before.
 */
bool s3_list(struct aws *aws, struct http_client *http, const struct s3_bucket *bucket,
             const char *prefix, object_each_fn each, void *ctx, struct err *err) MUST_CHECK;

#endif
