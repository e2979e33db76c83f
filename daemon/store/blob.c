/* The store in an Azure blob container. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store/store.h"
#include "lib/azure/blob.h"

const struct store_form store_form_blob = {
    .account_noun = "subscriptions",
    .suffix = "",
    .clouds = 1u << CLOUD_AZURE,
    .read_permission = "to read blobs: the role Storage Blob Data Contributor on the container or "
                       "the account",
};

struct blob_store {
    struct store base; /* first */
    struct azure_storage *storage;
    char container[64];
    char *name; /* "https://account.blob.core.windows.net/container" */
};

static void copy_meta(struct store_meta *to, const struct azure_blob_meta *from)
{
    *to = (struct store_meta){
        .modified_ms = from->modified_ms, .now_ms = from->now_ms, .size = from->size};
    memcpy(to->etag, from->etag, sizeof to->etag);
}

static bool blob_get(struct store *base, struct http_client *http, const char *key,
                     struct buf *body, struct store_meta *meta, struct err *err)
{
    struct blob_store *s = (struct blob_store *)base;
    struct azure_blob_meta m = {0};
    if (!azure_blob_get(s->storage, http, s->container, key, body, &m, err))
        return false;
    if (meta)
        copy_meta(meta, &m);
    return true;
}

static bool blob_put(struct store *base, struct http_client *http, const char *key,
                     const struct http_body *body, enum store_condition condition, const char *etag,
                     char new_etag[128], struct err *err)
{
    static const enum azure_blob_condition conditions[] = {[STORE_ALWAYS] = AZURE_BLOB_ALWAYS,
                                                           [STORE_IF_ABSENT] = AZURE_BLOB_IF_ABSENT,
                                                           [STORE_IF_MATCH] = AZURE_BLOB_IF_MATCH};
    struct blob_store *s = (struct blob_store *)base;
    if (azure_blob_put(s->storage, http, s->container, key, body, "application/json",
                       conditions[condition], etag, new_etag, err))
        return true;
    if (condition == STORE_IF_MATCH && err->kind == ERR_NOT_FOUND &&
        strcmp(err->code, "ContainerNotFound") != 0)
        err->kind = ERR_PRECONDITION;
    return false;
}

static bool blob_del(struct store *base, struct http_client *http, const char *key, struct err *err)
{
    struct blob_store *s = (struct blob_store *)base;
    return azure_blob_delete(s->storage, http, s->container, key, err);
}

/* The names of metadata are identifiers of C#. */
#define EVENT_HEADER "x-ms-meta-hgautod_event"

static bool blob_put_report(struct store *base, struct http_client *http, const char *key,
                            const struct http_body *body, const char *event_etag, struct err *err)
{
    struct blob_store *s = (struct blob_store *)base;
    struct azure_blob_note note = {.header = EVENT_HEADER};
    snprintf(note.value, sizeof note.value, "%s", event_etag);
    return azure_blob_put_noted(s->storage, http, s->container, key, body, "application/json",
                                &note, err);
}

static bool blob_head(struct store *base, struct http_client *http, const char *key,
                      struct store_meta *meta, char event_etag[128], struct err *err)
{
    struct blob_store *s = (struct blob_store *)base;
    struct azure_blob_note note = {.header = EVENT_HEADER};
    struct azure_blob_meta m = {0};
    if (!azure_blob_head(s->storage, http, s->container, key, &m, &note, err))
        return false;
    copy_meta(meta, &m);
    if (event_etag)
        memcpy(event_etag, note.value, sizeof note.value);
    return true;
}

static bool blob_del_if_match(struct store *base, struct http_client *http, const char *key,
                              const char *etag, struct err *err)
{
    struct blob_store *s = (struct blob_store *)base;
    return azure_blob_delete_if_match(s->storage, http, s->container, key, etag, err);
}

struct each {
    store_each_fn fn;
    void *ctx;
};

static bool each_blob(void *ctx, const char *key, const struct azure_blob_meta *meta)
{
    struct each *each = ctx;
    struct store_meta m;
    copy_meta(&m, meta);
    return each->fn(each->ctx, key, &m);
}

static bool blob_list(struct store *base, struct http_client *http, const char *prefix,
                      store_each_fn fn, void *ctx, struct err *err)
{
    struct blob_store *s = (struct blob_store *)base;
    struct each each = {fn, ctx};
    return azure_blob_list(s->storage, http, s->container, prefix, each_blob, &each, err);
}

static void blob_free(struct store *base)
{
    struct blob_store *s = (struct blob_store *)base;
    azure_storage_free(s->storage);
    free(s->name);
    free(s);
}

static const struct store_ops blob_ops = {
    .get = blob_get,
    .put = blob_put,
    .put_report = blob_put_report,
    .head = blob_head,
    .del = blob_del,
    .del_if_match = blob_del_if_match,
    .list = blob_list,
    .free = blob_free,
};

struct store *store_blob_new(struct azure_storage *storage, const char *container)
{
    if (!azure_container_valid(container))
        return NULL;
    struct blob_store *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    if (asprintf(&s->name, "%s/%s", azure_storage_blob_endpoint(storage), container) < 0) {
        free(s);
        return NULL;
    }
    snprintf(s->container, sizeof s->container, "%s", container);
    s->storage = storage;
    s->base = (struct store){.ops = &blob_ops,
                             .name = s->name,
                             .form = &store_form_blob,
                             .holder = azure_storage_account(storage)};
    return &s->base;
}

const struct azure_storage *store_blob_storage(const struct store *s)
{
    return ((const struct blob_store *)s)->storage;
}
