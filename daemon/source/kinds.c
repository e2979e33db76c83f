/* The store of each type of source. */
#include "daemon/source/kinds.h"

#include "daemon/env.h"
#include "daemon/store/store.h"
#include "lib/azure/blob.h"
#include "lib/azure/names.h"

static struct store *bucket_of(const struct env *env, const struct config_source *config,
                               struct err *err)
{
    struct store *store;

    if (!config_source_bucket(config)) {
        err_set(err, ERR_INVALID, "", "source \"%s\" has no bucket of its own: give bucket a name",
                config->name);
        return NULL;
    }
    store = store_s3_new(env->aws, config->bucket, config);
    if (!store)
        err_set(err, ERR_INVALID, "", "source \"%s\": bucket \"%.100s\" is not a bucket name",
                config->name, config->bucket);
    return store;
}

static struct store *container_of(const struct env *env, const struct config_source *config,
                                  struct err *err)
{
    struct azure_storage_options options = {.azure = env->azure,
                                            .account = config->account,
                                            .connection_string = config->connection_string};
    struct azure_storage *storage;
    struct store *store;

    const char *container = config->container ? config->container : "";
    if (azure_container_problem(container)) {
        err_set(err, ERR_INVALID, "", "source \"%s\": container \"%.80s\" %s", config->name,
                container, azure_container_problem(container));
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

struct store *store_of_source(const struct env *env, const struct config_source *config,
                              struct err *err)
{
    switch (config->type) {
    case SOURCE_SQS:
    case SOURCE_S3:
        return bucket_of(env, config, err);
    case SOURCE_DIRECTORY:
        return store_dir_new(config->path, err);
    case SOURCE_AZURE_QUEUE:
    case SOURCE_AZURE_BLOB:
        return container_of(env, config, err);
    }
    return NULL;
}
