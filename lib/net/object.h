/* Objects of a store, alike in S3, Azure Blob Storage and a directory: what is known about one, and
 * how one is put. */
#ifndef HGAUTOD_LIB_NET_OBJECT_H
#define HGAUTOD_LIB_NET_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/net/http.h"

/* Sizes in bytes, with the NUL. */
#define OBJECT_ETAG_SIZE     128
#define OBJECT_METADATA_SIZE 128

struct object_meta {
    /* Opaque; changes with every write. With its quotes. */
    char etag[OBJECT_ETAG_SIZE];
    /* When it was last written, by the store's clock. */
    int64_t modified_ms;
    /* Nanoseconds beyond these milliseconds; 0 where the store is not that precise. */
    int32_t modified_ns;
    /* The store's clock when it responded; 0: not known. */
    int64_t now_ms;
    size_t size;
};

enum object_condition { OBJECT_ALWAYS, OBJECT_IF_ABSENT, OBJECT_IF_MATCH };

/* What to put; all strings are borrowed. */
struct object_put {
    const char *key;
    const struct http_body *body;
    /* NULL: none is sent. */
    const char *content_type;
    enum object_condition condition;
    /* The ETag to match, with OBJECT_IF_MATCH. */
    const char *etag;
    /* Stored with the object as its one metadata entry, visible ASCII of at most 127 bytes; NULL or
     * "": none. */
    const char *metadata;
};

/* Called for each object of a listing. Returning false ends the listing early, successfully. */
typedef bool (*object_each_fn)(void *ctx, const char *key, const struct object_meta *meta);

#endif
