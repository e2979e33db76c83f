/* Stores by type of source. */
#include "daemon/store/store.h"

#include "daemon/daemon.h"
#include "lib/azure/blob.h"

const struct store_form store_form_s3 = {
    .account_noun = "accounts",
    .suffix = ".json",
    .clouds = 1u << CLOUD_AWS,
    .read_permission = "s3:GetObject on the events of this bucket, and, if they are encrypted with "
                       "a key of KMS, kms:Decrypt on that key",
};

const struct store_form store_form_blob = {
    .account_noun = "subscriptions",
    .suffix = "",
    .clouds = 1u << CLOUD_AZURE,
    .read_permission = "to read blobs: the role Storage Blob Data Contributor on the container or "
                       "the account",
};

/* The names of files have at most 255 bytes on Linux's file systems (NAME_MAX). */
const struct store_form store_form_files = {
    .account_noun = "accounts",
    .suffix = ".json",
    .leaf_max = 255,
    .clouds = 1u << CLOUD_AWS | 1u << CLOUD_AZURE,
    .read_permission = "to read the file and to enter its folders",
};

static struct store *bucket_of(struct daemon *daemon, const struct config_source *config,
                               struct err *err)
{
    struct store *store;

    if (!config_source_bucket(config)) {
        err_set(err, ERR_INVALID, "", "source \"%s\" has no bucket of its own: give bucket a name",
                config->name);
        return NULL;
    }
    store = store_s3_new(daemon->aws, config->bucket, config);
    if (!store)
        err_set(err, ERR_INVALID, "", "source \"%s\": bucket \"%.100s\" is not a bucket name",
                config->name, config->bucket);
    return store;
}

static struct store *container_of(struct daemon *daemon, const struct config_source *config,
                                  struct err *err)
{
    struct azure_storage_options options = {.azure = daemon->azure,
                                            .account = config->account,
                                            .connection_string = config->connection_string};
    struct azure_storage *storage;
    struct store *store;

    if (!config->container || !azure_container_valid(config->container)) {
        err_set(err, ERR_INVALID, "", "source \"%s\": container %s", config->name,
                config->container ? "is not a valid name of a container" : "is missing");
        return NULL;
    }
    storage = azure_storage_new(&options, err);
    if (!storage)
        return NULL;
    store = store_blob_new(storage, config->container);
    if (store)
        return store;
    azure_storage_free(storage);
    err_set(err, ERR_INTERNAL, "", "out of memory");
    return NULL;
}

struct store *store_of_source(struct daemon *daemon, const struct config_source *config,
                              struct err *err)
{
    switch (config->type) {
    case SOURCE_SQS:
    case SOURCE_S3:
        return bucket_of(daemon, config, err);
    case SOURCE_DIRECTORY:
        return store_dir_new(config->path, err);
    case SOURCE_AZURE_QUEUE:
    case SOURCE_AZURE_BLOB:
        return container_of(daemon, config, err);
    }
    return NULL;
}
