/* The types of sources, and the facts that follow from a type. What a type does is in
 * daemon/source/kinds.h. */
#ifndef HGAUTOD_DAEMON_CONFIG_SOURCE_TYPE_H
#define HGAUTOD_DAEMON_CONFIG_SOURCE_TYPE_H

#include <stdbool.h>
#include <stdint.h>

enum source_type { SOURCE_SQS, SOURCE_S3, SOURCE_AZURE_QUEUE, SOURCE_AZURE_BLOB, SOURCE_DIRECTORY };

#define SOURCE_TYPE_COUNT (SOURCE_DIRECTORY + 1)

/* Where the events of a source are. Events in a cloud may name only that cloud's actions, local
 * ones those of any. */
enum source_cloud { SOURCE_IN_AWS, SOURCE_IN_AZURE, SOURCE_LOCAL };

struct source_facts {
    /* The value of `type` in the configuration. */
    const char *name;
    enum source_cloud cloud;
    /* Events are announced in a queue; otherwise the store is swept, and sweep_interval is never
     * off. */
    bool queue;
    /* Messages may name the bucket: `bucket` may be "*" or missing. */
    bool any_bucket;
    /* How many messages one receive may return; 0: no queue. */
    int64_t max_messages;
    /* The default of sweep_interval. */
    const char *sweep_interval;
};

/* By enum source_type. */
extern const struct source_facts source_facts[SOURCE_TYPE_COUNT];

/* The names, ended by NULL. */
extern const char *const source_type_names[SOURCE_TYPE_COUNT + 1];

#endif
