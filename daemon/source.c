/* Sources by type. */
#include "daemon/source.h"

struct source *source_new(struct daemon *daemon, const struct config_source *config,
                          struct err *err)
{
    switch (config->type) {
    case SOURCE_SQS:
        return source_sqs_new(daemon, config, err);
    case SOURCE_S3:
        return source_s3_new(daemon, config, err);
    case SOURCE_DIRECTORY:
        return source_dir_new(daemon, config, err);
    case SOURCE_AZURE_QUEUE:
    case SOURCE_AZURE_BLOB:
        break;
    }
    err_set(err, ERR_INVALID, "", "source \"%s\": this hgautod has no sources of type %s",
            config->name, source_type_name(config->type));
    return NULL;
}
