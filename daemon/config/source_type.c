/* The facts of the types of sources. */
#include "daemon/config/source_type.h"

#include <stddef.h>

#define SQS         "sqs"
#define S3          "s3"
#define AZURE_QUEUE "azure_queue"
#define AZURE_BLOB  "azure_blob"
#define DIRECTORY   "directory"

const char *const source_type_names[] = {SQS, S3, AZURE_QUEUE, AZURE_BLOB, DIRECTORY, NULL};

const struct source_facts source_facts[] = {
    [SOURCE_SQS] = {.name = SQS,
                    .cloud = SOURCE_IN_AWS,
                    .queue = true,
                    .any_bucket = true,
                    .max_messages = 10,
                    .sweep_interval = "off"},
    [SOURCE_S3] = {.name = S3, .cloud = SOURCE_IN_AWS, .sweep_interval = "1m"},
    [SOURCE_AZURE_QUEUE] = {.name = AZURE_QUEUE,
                            .cloud = SOURCE_IN_AZURE,
                            .queue = true,
                            .max_messages = 32,
                            .sweep_interval = "off"},
    [SOURCE_AZURE_BLOB] = {.name = AZURE_BLOB, .cloud = SOURCE_IN_AZURE, .sweep_interval = "1m"},
    [SOURCE_DIRECTORY] = {.name = DIRECTORY, .cloud = SOURCE_LOCAL, .sweep_interval = "1s"},
};
