/* Stores by type of source. */
#include "daemon/store.h"

#include "daemon/daemon.h"

static struct store *bucket_of(struct daemon *daemon, const struct config_source *config,
                               struct err *err)
{
    struct store *store;

    if (!config->bucket) {
        err_set(err, ERR_INVALID, "", "source \"%s\" has no bucket of its own: set bucket",
                config->name);
        return NULL;
    }
    store = store_s3_new(daemon->aws, config->bucket, config->region);
    if (!store)
        err_set(err, ERR_INVALID, "", "source \"%s\": bucket \"%.63s\" is no bucket name",
                config->name, config->bucket);
    return store;
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
        break;
    }
    err_set(err, ERR_INVALID, "", "source \"%s\": this hgautod has no stores of type %s",
            config->name, source_type_name(config->type));
    return NULL;
}
