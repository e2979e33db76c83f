/* The store in an Azure blob container. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store/store.h"
#include "lib/azure/blob.h"
#include "lib/azure/names.h"

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

static bool blob_get(struct store *base, struct http_client *http, const char *key,
                     struct buf *body, struct object_meta *meta, struct err *err)
{
    struct blob_store *s = (struct blob_store *)base;
    return azure_blob_get(s->storage, http, s->container, key, body, meta, err);
}

static bool blob_head(struct store *base, struct http_client *http, const char *key,
                      struct object_meta *meta, char metadata[OBJECT_METADATA_SIZE],
                      struct err *err)
{
    struct blob_store *s = (struct blob_store *)base;
    return azure_blob_head(s->storage, http, s->container, key, meta, metadata, err);
}

static bool blob_put(struct store *base, struct http_client *http, const struct object_put *put,
                     char new_etag[OBJECT_ETAG_SIZE], struct err *err)
{
    struct blob_store *s = (struct blob_store *)base;
    struct object_put json = *put;
    json.content_type = "application/json";
    if (azure_blob_put(s->storage, http, s->container, &json, new_etag, err))
        return true;
    if (put->condition == OBJECT_IF_MATCH && err->kind == ERR_NOT_FOUND &&
        strcmp(err->code, "ContainerNotFound") != 0)
        err->kind = ERR_PRECONDITION;
    return false;
}

static bool blob_del(struct store *base, struct http_client *http, const char *key,
                     const char *etag, struct err *err)
{
    struct blob_store *s = (struct blob_store *)base;
    return azure_blob_delete(s->storage, http, s->container, key, etag, err);
}

static bool blob_list(struct store *base, struct http_client *http, const char *prefix,
                      object_each_fn each, void *ctx, struct err *err)
{
    struct blob_store *s = (struct blob_store *)base;
    return azure_blob_list(s->storage, http, s->container, prefix, each, ctx, err);
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
    .head = blob_head,
    .put = blob_put,
    .del = blob_del,
    .list = blob_list,
    .free = blob_free,
};

struct store *store_blob_new(struct azure_storage *storage, const char *container)
{
    if (azure_container_problem(container))
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
