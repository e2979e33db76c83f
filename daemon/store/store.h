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

struct store_meta {
    char etag[128];      /* changes with every write; opaque */
    int64_t modified_ms; /* the store's clock */
    int32_t modified_ns; /* beyond these milliseconds, where the store says it so finely; else 0 */
    int64_t now_ms;      /* the store's clock when it answered; 0: it does not tell */
    size_t size;
};

enum store_condition { STORE_ALWAYS, STORE_IF_ABSENT, STORE_IF_MATCH };

/* One key of a listing; false stops it early. */
typedef bool (*store_each_fn)(void *ctx, const char *key, const struct store_meta *meta);

struct store;

struct store_ops {
    /* Reads a whole object; *body's max is the limit (ERR_LIMIT). ERR_NOT_FOUND when it is not
     * there. meta may be NULL. */
    bool (*get)(struct store *s, struct http_client *http, const char *key, struct buf *body,
                struct store_meta *meta, struct err *err);
    /* Writes a whole object at once (readers see the old or the new). STORE_IF_MATCH compares with
     * etag. A lost condition is ERR_PRECONDITION (a match on a missing object too). new_etag may be
     * NULL. */
    bool (*put)(struct store *s, struct http_client *http, const char *key,
                const struct http_body *body, enum store_condition condition, const char *etag,
                char new_etag[128], struct err *err);
    /* Writes a report, and keeps with it which version of the event it is of (an ETag), where the
     * store has a place for that beside the bytes. */
    bool (*put_report)(struct store *s, struct http_client *http, const char *key,
                       const struct http_body *body, const char *event_etag, struct err *err);
    /* Size, ETag and time without the bytes. ERR_NOT_FOUND when it is not there. event_etag may be
     * NULL; else it becomes what put_report kept, "" when nothing was. */
    bool (*head)(struct store *s, struct http_client *http, const char *key,
                 struct store_meta *meta, char event_etag[128], struct err *err);
    /* Deletes; already gone is success. */
    bool (*del)(struct store *s, struct http_client *http, const char *key, struct err *err);
    /* Deletes what has this ETag; already gone is success, another ETag is ERR_PRECONDITION. */
    bool (*del_if_match)(struct store *s, struct http_client *http, const char *key,
                         const char *etag, struct err *err);
    /* Every key beginning with prefix, in no particular order. */
    bool (*list)(struct store *s, struct http_client *http, const char *prefix, store_each_fn each,
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
