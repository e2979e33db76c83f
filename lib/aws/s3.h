/* The few S3 object operations that the store and actions share. All wait for the answer; call them
 * on workers. Source: Amazon S3 API Reference. */
#ifndef HGAUTOD_LIB_AWS_S3_H
#define HGAUTOD_LIB_AWS_S3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/aws/aws.h"

/* A bucket, and how it wants to be spoken to. Strings are borrowed; NULL or "" where nothing is
 * said of it. */
struct s3_bucket {
    const char *name;
    const char *owner; /* the account that it must belong to, or each call is refused */
    /* What the bucket demands of each put: */
    const char *encryption; /* "AES256", "aws:kms", "aws:kms:dsse" */
    const char *kms_key_id; /* with the latter two; else the account's own key for S3 */
    const char *acl;        /* "bucket-owner-full-control" */
    const char *checksum;   /* "crc32", "crc32c", "sha256"; Object Lock wants one */
};

struct s3_meta {
    char etag[128]; /* with its quotes, as sent */
    int64_t modified_ms;
    int64_t now_ms; /* S3's clock when it answered (Date); 0: it did not say */
    size_t size;
};

enum s3_condition { S3_ALWAYS, S3_IF_ABSENT, S3_IF_MATCH };

/* An object's bytes into *body (whose max is the limit: ERR_LIMIT beyond). Gone: ERR_NOT_FOUND.
 * meta may be NULL. */
bool s3_get(struct aws *aws, struct http_client *http, const struct s3_bucket *bucket,
            const char *key, struct buf *body, struct s3_meta *meta, struct err *err) MUST_CHECK;
/* Size, ETag and time without the bytes. */
bool s3_head(struct aws *aws, struct http_client *http, const struct s3_bucket *bucket,
             const char *key, struct s3_meta *meta, struct err *err) MUST_CHECK;
/* Puts an object; etag (the match for S3_IF_MATCH) may be NULL otherwise. A lost condition is
 * ERR_PRECONDITION (412, or 409 ConditionalRequestConflict), a match on a missing object
 * ERR_NOT_FOUND. new_etag may be NULL. */
bool s3_put(struct aws *aws, struct http_client *http, const struct s3_bucket *bucket,
            const char *key, const struct http_body *body, const char *content_type,
            enum s3_condition condition, const char *etag, char new_etag[128],
            struct err *err) MUST_CHECK;
/* User metadata of an object: one header, "x-amz-meta-...", and visible ASCII in it. */
struct s3_note {
    const char *header;
    char value[128];
};
/* As s3_head; *note's value becomes what the object has under its header, "" when it has nothing.
 */
bool s3_head_noted(struct aws *aws, struct http_client *http, const struct s3_bucket *bucket,
                   const char *key, struct s3_meta *meta, struct s3_note *note,
                   struct err *err) MUST_CHECK;
/* As s3_put, without a condition and with a note. */
bool s3_put_noted(struct aws *aws, struct http_client *http, const struct s3_bucket *bucket,
                  const char *key, const struct http_body *body, const char *content_type,
                  const struct s3_note *note, struct err *err) MUST_CHECK;
/* Deletes; already gone is success. */
bool s3_delete(struct aws *aws, struct http_client *http, const struct s3_bucket *bucket,
               const char *key, struct err *err) MUST_CHECK;

/* Deletes the object if it has this ETag; already gone is success, another ETag is
 * ERR_PRECONDITION. A service that knows no conditional delete answers 501 (err->http_status), and
 * some take no notice of the condition. The identity needs s3:GetObject too.
 * Source: Amazon S3 User Guide, "How to perform conditional deletes". */
bool s3_delete_if_match(struct aws *aws, struct http_client *http, const struct s3_bucket *bucket,
                        const char *key, const char *etag, struct err *err) MUST_CHECK;

/* One object of a listing. Return false to stop the listing early (which is success). */
typedef bool (*s3_each_fn)(void *ctx, const char *key, const struct s3_meta *meta);
/* ListObjectsV2 to the end, all keys that begin with prefix, in order. */
bool s3_list(struct aws *aws, struct http_client *http, const struct s3_bucket *bucket,
             const char *prefix, s3_each_fn each, void *ctx, struct err *err) MUST_CHECK;

#endif
