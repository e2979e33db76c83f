/* The configuration: an INI file and HGAUTOD_<SECTION>_<KEY> variables, read by one table of
 * settings from which hgautod check, conf/hgautod.ini and the manual are generated. Read once at
 * start; then constant and shared by all threads. */
#ifndef HGAUTOD_DAEMON_CONFIG_CONFIG_H
#define HGAUTOD_DAEMON_CONFIG_CONFIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/config/source_type.h"
#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/base/log.h"

#define CONFIG_DEFAULT_PATH "/etc/hgautod/hgautod.ini"

/* In bytes: of the file, and of a file that a *_file setting names. */
#define CONFIG_FILE_MAX   (1u << 20)
#define CONFIG_SECRET_MAX (64u << 10)

/* Sources. */
#define CONFIG_SOURCE_MAX 256

/* The upper limit of [http] max_attempts. */
#define HTTP_ATTEMPTS_MAX 1000

/* A list of strings, separated by commas or white space in the file; an entry that contains either
 * is in double quotes. Owned by the configuration. */
struct config_list {
    char **at;
    size_t count;
};

/* The rules for runs of the events of one source. */
struct run_rules {
    /* Whether an event is claimed before it is carried out. */
    bool claims;
    /* In ms. */
    int64_t claim_ttl;
};

/* The types, limits and defaults of the settings below are in the table, table.c. Strings are NULL
 * if not set. Times are in milliseconds. */

/* A section [source NAME]. */
struct config_source {
    /* [A-Za-z0-9._-]{1,40}, unique. */
    char *name;
    enum source_type type;
    char *queue_url, *region;
    /* See config_source_bucket. */
    char *bucket;
    char *prefix;
    char *bucket_owner, *server_side_encryption, *kms_key_id, *checksum, *acl;
    int64_t wait_time, visibility_timeout, max_messages;
    /* account is NULL if the connection string names it. */
    char *account, *queue, *container;
    /* A secret. */
    char *connection_string;
    char *connection_string_file;
    int64_t max_receive, poll_interval;
    char *path;
    struct run_rules rules;
    /* 0: off, for queues only. */
    int64_t sweep_interval;
    int64_t sweep_max_age;
    /* Of the section, for messages. */
    unsigned line;
    /* Private to this folder: where each setting came from. */
    unsigned *origin;
};

struct config {
    struct {
        char *name;
        int64_t workers;
        /* A secret; NULL: claims are not signed. */
        char *claim_key;
        char *claim_key_file;
        int64_t drain_timeout;
    } daemon;
    struct {
        enum log_level level;
        /* enum log_format, or -1: journal under systemd, otherwise text. */
        int format;
    } log;
    struct {
        int64_t connect_timeout, request_timeout;
        int64_t max_attempts;
        int64_t retry_for, throttle_patience;
        /* A secret if it contains user information. */
        char *proxy;
        char *proxy_file;
        char *ca_bundle;
    } http;
    struct {
        bool dry_run;
        struct config_list enable_actions, disable_actions, allow_accounts, allow_subscriptions,
            allow_regions;
        /* "key" or "key=value". */
        struct config_list protect_tags;
    } guard;
    struct {
        char *region, *profile, *endpoint_url;
        /* {name} has been replaced, {partition} and {account} have not. */
        char *cross_account_role;
        char *external_id;
    } aws;
    struct {
        /* "public", "usgov" or "china"; never NULL. */
        char *cloud;
        char *tenant_id, *client_id, *client_certificate, *subscriptions_file;
        char *arm_endpoint, *authority, *storage_suffix;
        /* "TYPE=VERSION", as arm_set_version takes them. */
        struct config_list arm_versions;
    } azure;
    struct config_source *sources;
    size_t source_count;
    /* The file that was read; NULL: none. */
    char *path;
    /* Private to this folder: where each setting came from. */
    unsigned *origin;
};

/* Reads the file (path NULL: the default path) and the environment, which ends with NULL, and
 * checks all of it. With may_be_absent (exec, actions) there need not be any source, nor a file at
 * the default path. Returns NULL after appending each problem, one per line ("file:line: ..."), to
 * `problems`. Released with config_free. Not thread-safe (see ini_read). */
struct config *config_load(const char *path, bool may_be_absent, char *const *environment,
                           struct buf *problems) MUST_CHECK;

/* Wipes secrets. NULL is allowed. */
void config_free(struct config *c);

/* Appends the effective configuration as an INI file, with the origin of each value (file:line,
 * environment, default) in a comment, secrets masked. */
void config_print(const struct config *c, struct buf *to);

/* Returns the same as a JSON object, a new reference: {"file": ..., "daemon": {"workers": {"value":
 * 16, "origin": "default"}, ...}, ..., "sources": {NAME: {...}}}. Durations are strings with a
 * unit; settings that are not set are null. NULL if the file's path is not UTF-8. */
json_t *config_json(const struct config *c) MUST_CHECK;

/* Append the reference of all settings, from the table: as a commented sample file, and as mdoc for
 * the manual. */
void config_sample(struct buf *to);
void config_mdoc(struct buf *to);

const char *source_type_name(enum source_type type);

/* The warning about an sqs source without `bucket`. */
#define CONFIG_ANY_BUCKET                                                                          \
    "No bucket is set: events of any bucket named in a message are carried out, and anyone who "   \
    "can send to the queue can name one. Set bucket, or bucket = * to allow this"

/* Returns the one bucket of an sqs or s3 source; NULL: any bucket that a notification names,
 * because `bucket` is "*" or not set. */
const char *config_source_bucket(const struct config_source *s);

#endif
