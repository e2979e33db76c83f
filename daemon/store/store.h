/* A store: where events, their reports and is_pending live. An S3 bucket, a blob container, or a
 * directory.
 *
 * Operations wait; they are called on worker threads with that worker's http_client, several at a
 * time on one store. Keys are relative to the store's root, UTF-8, without a leading '/'. */
#ifndef HGAUTOD_DAEMON_STORE_STORE_H
#define HGAUTOD_DAEMON_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actions/action.h"
#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/net/http.h"
#include "lib/net/object.h"

struct store;

/* What can be done with objects; all wait. ERR_NOT_FOUND: there is no such object. */
struct store_ops {
    /* Appends a whole object to *body, whose max is the limit (ERR_LIMIT). meta may be NULL. */
    bool (*get)(struct store *s, struct http_client *http, const char *key, struct buf *body,
                struct object_meta *meta, struct err *err);
    /* Size, ETag and time without the bytes. metadata may be NULL; else it becomes what was put with
     * the object, "" if nothing was. */
    bool (*head)(struct store *s, struct http_client *http, const char *key,
                 struct object_meta *meta, char metadata[OBJECT_METADATA_SIZE], struct err *err);
    /* Writes a whole object at once: readers get the old one or the new one. The store decides the
     * content type. The metadata of a report is the ETag of its event; it is lost where the file
     * system of a directory store has no extended attributes. A lost condition is
     * ERR_PRECONDITION, also a match on a missing object. new_etag may be NULL. */
    bool (*put)(struct store *s, struct http_client *http, const struct object_put *put,
                char new_etag[OBJECT_ETAG_SIZE], struct err *err);
    /* Deletes an object, if it has this ETag (NULL: in any case). A missing object is success,
     * another ETag is ERR_PRECONDITION. */
    bool (*del)(struct store *s, struct http_client *http, const char *key, const char *etag,
                struct err *err);
    /* Every key that begins with prefix, in no particular order. */
    bool (*list)(struct store *s, struct http_client *http, const char *prefix, object_each_fn each,
                 void *ctx, struct err *err);
    void (*free)(struct store *s);
};

/* How the names of reports look in a kind of store, and whose events it holds. */
struct store_form {
    const char *account_noun; /* "accounts" or "subscriptions" */
    const char *suffix;       /* ".json" or "" */
    size_t leaf_max; /* bytes that the last segment of a key may have; 0: no limit but the key's */
    unsigned clouds; /* 1 << CLOUD_AWS, 1 << CLOUD_AZURE: whose actions its events may name */
    const char *read_permission; /* what lets an identity read an event, behind "allow it ..." */
};
extern const struct store_form store_form_s3, store_form_blob, store_form_files;

/* What all stores have; each kind embeds it first. Constant after creation. */
struct store {
    const struct store_ops *ops;
    const char *name; /* for messages: "s3://bucket", "directory /srv/events"; owned by the kind */
    const struct store_form *form;
    const char *holder; /* the bucket or the storage account; NULL: files; owned by the kind */
};

struct aws;
struct config_source;
/* Events in an S3 bucket. The source's configuration, borrowed as long as the store, says what the
 * bucket demands; its region is a hint that is not needed: S3 says where a bucket is. NULL when out
 * of memory or when bucket is not a bucket name. */
struct store *store_s3_new(struct aws *aws, const char *bucket,
                           const struct config_source *config) MUST_CHECK;

struct azure_storage;
/* Events in a container of an Azure storage account. The store takes over `storage`. NULL when out
 * of memory or when container is no container name; then `storage` is still the caller's. */
struct store *store_blob_new(struct azure_storage *storage, const char *container) MUST_CHECK;
/* The account that such a store is in; borrowed, as long as the store. */
const struct azure_storage *store_blob_storage(const struct store *s);

/* Events below a directory. Writes are atomic renames of files in the same folder; conditions hold
 * between processes on the same file system (an advisory lock on the folder's lock file is held for
 * the comparison and the rename). Keys with "..", empty segments or a leading '/' are refused;
 * symbolic links inside are not followed. Its clock is this host's, which also stamps what is
 * written: hosts that share a directory over a network must have clocks that agree to within
 * seconds. */
struct store *store_dir_new(const char *path, struct err *err) MUST_CHECK;

#endif
