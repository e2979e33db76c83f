/* A store: where events, their reports and is_pending are kept. An S3 bucket, a blob container,
 * or a directory.
 *
 * Operations block; they are called on worker threads with that worker's http_client, several at
 * a time on one store. Keys are relative to the store's root, UTF-8, without a leading '/'. */
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

/* The operations on objects. ERR_NOT_FOUND: there is no such object. */
struct store_ops {
    /* Appends a whole object to *body, whose max is the limit (ERR_LIMIT). meta may be NULL. */
    bool (*get)(struct store *s, struct http_client *http, const char *key, struct buf *body,
                struct object_meta *meta, struct err *err);
    /* Size, ETag and time without the bytes. metadata may be NULL; else it becomes what was put
     * with the object, "" if nothing was. */
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

/* What differs between kinds of stores in the names of reports, and whose events they hold. */
struct store_form {
    /* "accounts" or "subscriptions". */
    const char *account_noun;
    /* ".json" or "". */
    const char *suffix;
    /* Maximum bytes of the last segment of a key; 0: only the key's own limit. */
    size_t leaf_max;
    /* 1 << CLOUD_AWS, 1 << CLOUD_AZURE: whose actions its events may name. */
    unsigned clouds;
    /* What an identity needs to read an event, following "allow it ...". */
    const char *read_permission;
};
extern const struct store_form store_form_s3, store_form_blob, store_form_files;

/* What all stores have in common; each kind embeds it. Constant after creation. */
struct store {
    const struct store_ops *ops;
    /* For messages: "s3://bucket", "directory /srv/events". Owned by the kind. */
    const char *name;
    const struct store_form *form;
    /* The bucket or the storage account; NULL for files. Owned by the kind. */
    const char *holder;
};

struct aws;
struct azure_storage;
struct config_source;

/* Opens the store in an S3 bucket. The source's configuration, borrowed for as long as the store
 * exists, has what the bucket requires; its region is a hint that may be missing, S3 reports
 * where a bucket is. Returns NULL with *err if bucket is not a valid name. */
struct store *store_s3_new(struct aws *aws, const char *bucket, const struct config_source *config,
                           struct err *err) MUST_CHECK;

/* Opens the store in a container of an Azure storage account. Takes over `storage`, also on
 * failure. Returns NULL with *err if container is not a valid name. */
struct store *store_blob_new(struct azure_storage *storage, const char *container,
                             struct err *err) MUST_CHECK;
/* Returns the account of such a store; borrowed for as long as the store exists. */
const struct azure_storage *store_blob_storage(const struct store *s);

/* Opens the store below a directory. Writes are atomic renames of files in the same folder;
 * conditions hold between processes on the same file system (an advisory lock on the store's lock
 * file is held during the comparison and the rename). Keys with "..", empty segments or a leading
 * '/' are refused; symbolic links inside are not followed. The store's clock is this host's, which
 * also stamps what is written: hosts that share a directory over a network must have clocks that
 * agree to within seconds. Returns NULL with *err if the directory cannot be opened. */
struct store *store_dir_new(const char *path, struct err *err) MUST_CHECK;

#endif
