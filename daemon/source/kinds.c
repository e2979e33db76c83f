/* The table of kinds of sources. */
#include "daemon/source/kinds.h"

#include "daemon/env.h"
#include "daemon/source/probe.h"
#include "lib/azure/storage.h"

/* --- what is wrong with settings --- */

static const char *kind_sqs_problem(const struct config_source *config)
{
    if (!config->queue_url)
        return "queue_url is missing";
    if (!config_source_bucket(config) && config->sweep_interval > 0)
        return "sweep_interval needs the name of a bucket: there is nothing to list without one";
    return NULL;
}

static const char *kind_s3_problem(const struct config_source *config)
{
    return config_source_bucket(config) ? NULL : "bucket is missing";
}

static const char *kind_azure_queue_problem(const struct config_source *config)
{
    if (!config->queue)
        return "queue is missing";
    return config->container ? NULL : "container is missing";
}

static const char *kind_azure_blob_problem(const struct config_source *config)
{
    return config->container ? NULL : "container is missing";
}

static const char *kind_directory_problem(const struct config_source *config)
{
    return config->path ? NULL : "path is missing";
}

/* --- stores --- */

static struct store *kind_open_bucket(const struct env *env, const struct config_source *config,
                                      struct err *err)
{
    if (config_source_bucket(config))
        return store_s3_new(env->aws, config->bucket, config, err);
    err_set(err, ERR_INVALID, "", "no bucket is set: set bucket to the name of a bucket");
    return NULL;
}

static struct store *kind_open_container(const struct env *env, const struct config_source *config,
                                         struct err *err)
{
    const struct azure_storage_options options = {.azure = env->azure,
                                                  .account = config->account,
                                                  .connection_string = config->connection_string};
    struct azure_storage *storage = azure_storage_new(&options, err);
    return storage ? store_blob_new(storage, config->container, err) : NULL;
}

static struct store *kind_open_directory(const struct env *env, const struct config_source *config,
                                         struct err *err)
{
    (void)env;
    return store_dir_new(config->path, err);
}

/* --- the table --- */

const struct source_kind source_kinds[SOURCE_TYPE_COUNT] = {
    [SOURCE_SQS] = {.problem = kind_sqs_problem,
                    .open_store = kind_open_bucket,
                    .open = source_sqs_open,
                    .probe = probe_sqs},
    [SOURCE_S3] = {.problem = kind_s3_problem,
                   .open_store = kind_open_bucket,
                   .open = source_swept_open,
                   .probe = probe_s3},
    [SOURCE_AZURE_QUEUE] = {.problem = kind_azure_queue_problem,
                            .open_store = kind_open_container,
                            .open = source_azure_queue_open,
                            .probe = probe_azure_queue},
    [SOURCE_AZURE_BLOB] = {.problem = kind_azure_blob_problem,
                           .open_store = kind_open_container,
                           .open = source_swept_open,
                           .probe = probe_azure_blob},
    [SOURCE_DIRECTORY] = {.problem = kind_directory_problem,
                          .open_store = kind_open_directory,
                          .open = source_swept_open,
                          .probe = probe_directory},
};

/* Opens the source's store; *store becomes NULL where messages name it. */
static bool kind_open_store(const struct env *env, const struct config_source *config,
                            struct store **store, struct err *err)
{
    const struct source_kind *kind = &source_kinds[config->type];
    const char *problem = kind->problem(config);
    *store = NULL;
    if (problem)
        return err_set(err, ERR_INVALID, "", "%s", problem);
    if (source_facts[config->type].any_bucket && !config_source_bucket(config))
        return true;
    *store = kind->open_store(env, config, err);
    return *store != NULL;
}

struct source *source_new(const struct source_host *host, const struct config_source *config,
                          struct err *err)
{
    struct store *store;
    struct source *source = NULL;
    if (kind_open_store(host->env, config, &store, err)) {
        source = source_kinds[config->type].open(host, config, store, err);
        if (!source && store)
            store->ops->free(store);
    }
    if (!source)
        err_set(err, err->kind, err->code, "source \"%s\": %s", config->name, err->message);
    return source;
}

struct store *source_store_new(const struct env *env, const struct config_source *config,
                               struct err *err)
{
    struct store *store;
    if (kind_open_store(env, config, &store, err) && !store)
        store = source_kinds[config->type].open_store(env, config, err);
    return store;
}

bool source_probe(const struct env *env, const struct config_source *config,
                  struct http_client *http, struct buf *to)
{
    struct err err = ERR_INIT;
    struct store *store;
    if (!kind_open_store(env, config, &store, &err)) {
        probe_failed(to, source_facts[config->type].name, &err, NULL);
        return false;
    }
    bool ok = source_kinds[config->type].probe(env, config, store, http, to);
    if (store)
        store->ops->free(store);
    return ok;
}
