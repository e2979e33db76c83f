/* Sources by type. */
#include "daemon/source/source.h"

struct source *source_new(const struct source_host *host, const struct config_source *config,
                          struct err *err)
{
    switch (config->type) {
    case SOURCE_SQS:
        return source_sqs_new(host, config, err);
    case SOURCE_AZURE_QUEUE:
        return source_azure_queue_new(host, config, err);
    case SOURCE_S3:
    case SOURCE_AZURE_BLOB:
        return source_swept_new(host, config, err);
    case SOURCE_DIRECTORY:
        return source_dir_new(host, config, err);
    }
    return NULL;
}
