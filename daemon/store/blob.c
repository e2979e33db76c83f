/* The store in an Azure blob container. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store/store.h"
#include "lib/azure/blob.h"
#include "lib/azure/names.h"
#include "lib/base/container.h"
#include "lib/base/memory.h"

const struct store_form store_form_blob = {
    .account_noun = "subscriptions",
    .suffix = "",
    .clouds = 1u << CLOUD_AZURE,
    .read_permission = "to read blobs: the role Storage Blob Data Contributor on the container or "
                       "the account",
};

struct blob_store {
    struct store base;
    struct azure_storage *storage;
    /* In that storage, by the name that follows. */
    struct azure_container container;
    char container_name[64];
    /* "https://account.blob.core.windows.net/container" */
    char *name;
};

static struct blob_store *blob_store_of(const struct store *base)
{
    return container_of(base, struct blob_store, base);
}

static bool blob_store_get(struct store *base, struct http_client *http, const char *key,
                           struct buf *body, struct object_meta *meta, struct err *err)
{
    struct blob_store *s = blob_store_of(base);
    return azure_blob_get(&s->container, http, key, body, meta, err);
}

static bool blob_store_head(struct store *base, struct http_client *http, const char *key,
                            struct object_meta *meta, char metadata[OBJECT_METADATA_SIZE],
                            struct err *err)
{
    struct blob_store *s = blob_store_of(base);
    return azure_blob_head(&s->container, http, key, meta, metadata, err);
}

static bool blob_store_put(struct store *base, struct http_client *http,
                           const struct object_put *put, char new_etag[OBJECT_ETAG_SIZE],
                           struct err *err)
{
    struct blob_store *s = blob_store_of(base);
    struct object_put json = *put;
    json.content_type = "application/json";
    if (azure_blob_put(&s->container, http, &json, new_etag, err))
        return true;
    if (put->condition == OBJECT_IF_MATCH && err->kind == ERR_NOT_FOUND &&
        strcmp(err->code, "ContainerNotFound") != 0)
        err->kind = ERR_PRECONDITION;
    return false;
}

static bool blob_store_del(struct store *base, struct http_client *http, const char *key,
                           const char *etag, struct err *err)
{
    struct blob_store *s = blob_store_of(base);
    return azure_blob_delete(&s->container, http, key, etag, err);
}

static bool blob_store_list(struct store *base, struct http_client *http, const char *prefix,
                            object_each_fn each, void *ctx, struct err *err)
{
    struct blob_store *s = blob_store_of(base);
    return azure_blob_list(&s->container, http, prefix, each, ctx, err);
}

static void blob_store_free(struct store *base)
{
    struct blob_store *s = blob_store_of(base);
    azure_storage_free(s->storage);
    free(s->name);
    free(s);
}

static const struct store_ops blob_store_ops = {
    .get = blob_store_get,
    .head = blob_store_head,
    .put = blob_store_put,
    .del = blob_store_del,
    .list = blob_store_list,
    .free = blob_store_free,
};

struct store *store_blob_new(struct azure_storage *storage, const char *container, struct err *err)
{
    const char *problem = azure_container_problem(container);
    if (problem) {
        err_set(err, ERR_INVALID, "", "container \"%.80s\" %s", container, problem);
        azure_storage_free(storage);
        return NULL;
    }
    struct blob_store *s = xcalloc(1, sizeof *s);
    s->name = xasprintf("%s/%s", azure_storage_blob_endpoint(storage), container);
    snprintf(s->container_name, sizeof s->container_name, "%s", container);
    s->storage = storage;
    s->container = (struct azure_container){.storage = storage, .name = s->container_name};
    s->base = (struct store){.ops = &blob_store_ops,
                             .name = s->name,
                             .form = &store_form_blob,
                             .holder = azure_storage_account(storage)};
    return &s->base;
}

const struct azure_storage *store_blob_storage(const struct store *s)
{
    return blob_store_of(s)->storage;
}
