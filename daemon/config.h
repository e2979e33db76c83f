/* The configuration: an INI file and HGAUTOD_<SECTION>_<KEY> variables, read by one table of settings that is also their
 * documentation (hgautod check, conf/hgautod.ini and the manual are checked against it).
 * Read once at start; constant afterwards and shared by all threads. */
#ifndef HGAUTOD_DAEMON_CONFIG_H
#define HGAUTOD_DAEMON_CONFIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/buf.h"
#include "lib/log.h"

#define CONFIG_DEFAULT_PATH "/etc/hgautod/hgautod.ini"

enum source_type { SOURCE_SQS, SOURCE_S3, SOURCE_AZURE_QUEUE, SOURCE_AZURE_BLOB, SOURCE_DIRECTORY };

/* A list of strings: comma- or white-space-separated in the file. Owned by the configuration. */
struct config_list {
    char **at;
    size_t count;
};

/* One [source NAME]. Strings are NULL when not given. Times are in milliseconds. */
struct config_source {
    char *name;
    enum source_type type;
    char *queue_url, *region, *bucket, *prefix; /* sqs, s3; prefix also blob */
    int64_t wait_time;                          /* sqs: 0..20 s, default 20 s */
    int64_t visibility_timeout;                 /* default 5 min, 30 s..12 h */
    int64_t max_messages;                       /* a receive, 1..10 (Azure 32), default 10 */
    char *account, *queue, *container, *connection_string; /* azure; the last is a secret */
    int64_t max_receive;                        /* azure_queue, default 5 */
    int64_t poll_interval;                      /* azure_queue 10 s; */
    char *path;                                 /* directory */
    bool claims;                                /* default on */
    int64_t claim_ttl;                          /* default 2 min, 10 s..1 h */
    int64_t sweep_interval;                     /* 0: off, the default; s3 and azure_blob without a queue: 1 min */
    int64_t sweep_max_age;                      /* default 24 h */
    unsigned line;                              /* of the section, for messages; 0 from elsewhere */
};

struct config {
    struct {
        char *name; /* default: the host's name */
        int64_t workers; /* 1..1024, default 16 */
        char *state_dir;
        int64_t drain_timeout; /* ms, default 60 s */
    } daemon;
    struct {
        enum log_level level;
        int format; /* enum log_format, or -1: text on a terminal, journal under systemd, else text */
    } log;
    struct {
        char *listen;
    } admin;
    struct {
        int64_t connect_timeout, request_timeout; /* ms */
        int64_t max_attempts;                     /* 1..20, default 5 */
        char *proxy, *ca_bundle;
    } http;
    struct {
        bool dry_run;
        struct config_list enable_actions, disable_actions, allow_accounts, allow_subscriptions,
            allow_regions, protect_tags; /* protect_tags: "key" or "key=value" */
    } guard;
    struct {
        char *region, *profile, *endpoint_url, *cross_account_role, *external_id;
    } aws;
    struct {
        char *cloud, *tenant_id, *client_id, *client_certificate, *subscriptions_file;
        char *arm_endpoint, *authority, *storage_suffix; /* endpoint overrides */
    } azure;
    struct config_source *sources;
    size_t source_count;
    char *path; /* the file read, NULL when there is none */
};

/* Reads the file (path NULL: the default path, which may then be absent only when may_be_absent) and the environment `environ`, checks all of it, and
 * appends every problem, a line each ("file:line: ..."), to `problems`. NULL when there was any problem. */
struct config *config_load(const char *path, bool may_be_absent, char *const *environment,
                           struct buf *problems) MUST_CHECK;
void config_free(struct config *c); /* wipes secrets */

/* Appends the effective configuration as an INI file, each value with where it came from (file:line, environment, default) in a comment,
 * secrets masked. */
bool config_print(const struct config *c, struct buf *to);
/* The same as a JSON object; a new reference. */
json_t *config_json(const struct config *c) MUST_CHECK;
/* Appends the reference of all settings, from the table: as a commented sample file, or as mdoc for the manual. */
bool config_sample(struct buf *to);
bool config_mdoc(struct buf *to);
const char *source_type_name(enum source_type type);

#endif
