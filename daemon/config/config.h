/* The configuration: an INI file and HGAUTOD_<SECTION>_<KEY> variables, read by one table of
 * settings that is also their documentation (hgautod check, conf/hgautod.ini and the manual are
 * checked against it). Read once at start; constant afterwards and shared by all threads. */
#ifndef HGAUTOD_DAEMON_CONFIG_CONFIG_H
#define HGAUTOD_DAEMON_CONFIG_CONFIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/base/log.h"

#define CONFIG_DEFAULT_PATH "/etc/hgautod/hgautod.ini"

#define CONFIG_FILE_MAX   (1u << 20)  /* bytes of the file */
#define CONFIG_LINE_MAX   (16u << 10) /* bytes of a line; a longer one is an error, never cut */
#define CONFIG_SECRET_MAX (64u << 10) /* bytes of what a *_file key names */
#define CONFIG_SOURCE_MAX 256         /* sources */

enum source_type { SOURCE_SQS, SOURCE_S3, SOURCE_AZURE_QUEUE, SOURCE_AZURE_BLOB, SOURCE_DIRECTORY };

/* A list of strings: comma- or white-space-separated in the file, an entry with either of them in
 * double quotes. Owned by the configuration. */
struct config_list {
    char **at;
    size_t count;
};

/* The rules for runs of the events of one source. */
struct run_rules {
    /* Whether an event is claimed before it is carried out; default on. */
    bool claims;
    /* In ms, 10 s..1 h, default 2 min, at least twice http.request_timeout. */
    int64_t claim_ttl;
};

/* One [source NAME]. Strings are NULL when not given. Times are in milliseconds. */
struct config_source {
    char *name; /* [A-Za-z0-9._-]{1,40}, unique */
    enum source_type type;
    /* sqs, s3. The bucket is where events live and reports go; s3 needs it; see
     * config_source_bucket. Only keys with the prefix are taken; also azure. */
    char *queue_url, *region, *bucket, *prefix;
    /* sqs, s3: whose the bucket must be, and what it demands of each object that is put there. */
    char *bucket_owner, *server_side_encryption, *kms_key_id, *checksum, *acl;
    int64_t wait_time;          /* sqs: 0..20 s, whole seconds, default 20 s */
    int64_t visibility_timeout; /* sqs, azure_queue: whole seconds, 30 s..12 h, default 5 min */
    int64_t max_messages;       /* sqs, azure_queue: a receive, 1..10 (Azure 32), default 10 */
    char *account, *queue,
        *container;               /* azure; account is NULL when the connection string names it */
    char *connection_string;      /* azure; a secret, from the key or from its file */
    char *connection_string_file; /* where it was read from */
    int64_t max_receive;          /* azure_queue: 1..1000, default 5 */
    int64_t poll_interval;        /* azure_queue: default 10 s */
    char *path;                   /* directory: absolute */
    struct run_rules rules;
    int64_t sweep_interval; /* queues: 0 is off, the default; others: never off, default 1 min */
    int64_t sweep_max_age;  /* default 24 h */
    unsigned line;          /* of the section, for messages; 0 from elsewhere */
    unsigned *origin;       /* private to config*.c: where each setting came from */
};

/* The most that [http] max_attempts may be. */
#define HTTP_ATTEMPTS_MAX 1000

struct config {
    struct {
        char *name;            /* [A-Za-z0-9+=,.@_-]{1,54}; default: the host's name */
        int64_t workers;       /* 1..1024, default 16 */
        char *claim_key;       /* a secret, at least 16 bytes; NULL: claims are not signed */
        char *claim_key_file;  /* where it was read from */
        int64_t drain_timeout; /* ms, 1 s..1 h, default 60 s; not below http.request_timeout */
    } daemon;
    struct {
        enum log_level level;
        int format; /* enum log_format, or -1: text on a terminal, journal under systemd, else text
                     */
    } log;
    struct {
        int64_t connect_timeout;   /* ms, 100 ms..1 min, default 5 s; not above request_timeout */
        int64_t request_timeout;   /* ms, 1 s..10 min, default 30 s */
        int64_t max_attempts;      /* 1..HTTP_ATTEMPTS_MAX, default 30 */
        int64_t retry_for;         /* ms, 1 s..1 day, default 2 min */
        int64_t throttle_patience; /* ms, 1 s..1 day, default 10 min */
        char *proxy;               /* a secret when it holds user information */
        char *proxy_file;          /* where it was read from */
        char *ca_bundle;           /* absolute, or NULL */
    } http;
    struct {
        bool dry_run;
        struct config_list enable_actions, disable_actions, allow_accounts, allow_subscriptions,
            allow_regions, protect_tags; /* protect_tags: "key" or "key=value" */
    } guard;
    struct {
        char *region, *profile, *endpoint_url;
        char *cross_account_role; /* {name} is filled in, {partition} and {account} are not */
        char *external_id;
    } aws;
    struct {
        char *cloud; /* "public", "usgov" or "china"; never NULL */
        char *tenant_id, *client_id, *client_certificate, *subscriptions_file;
        char *arm_endpoint, *authority, *storage_suffix; /* endpoint overrides */
        struct config_list arm_versions; /* "TYPE=VERSION", as arm_set_version takes them */
    } azure;
    struct config_source *sources;
    size_t source_count;
    char *path;       /* the file read, NULL when there is none */
    unsigned *origin; /* private to config*.c: where each setting came from */
};

/* Reads the file (path NULL: the default path, which may then be absent only when may_be_absent)
 * and the environment `environment` (ended by NULL), checks all of it, and appends every problem, a
 * line each ("file:line: ..."), to `problems`. NULL when there was any problem. With may_be_absent
 * (exec, actions) there may be no source either; without it there must be one. Not thread-safe
 * (inih has settings of its own). */
struct config *config_load(const char *path, bool may_be_absent, char *const *environment,
                           struct buf *problems) MUST_CHECK;
void config_free(struct config *c); /* wipes secrets; NULL is allowed */

/* Appends the effective configuration as an INI file, each value with where it came from
 * (file:line, environment, default) in a comment, secrets masked. */
bool config_print(const struct config *c, struct buf *to);
/* The same as a JSON object; a new reference: {"file": ..., "daemon": {"workers": {"value": 16,
 * "origin": "default"}, ...}, ..., "sources": {NAME: {...}}}. Durations are strings with a unit,
 * settings that are not given are null. */
json_t *config_json(const struct config *c) MUST_CHECK;
/* Appends the reference of all settings, from the table: as a commented sample file, or as mdoc for
 * the manual. */
bool config_sample(struct buf *to);
bool config_mdoc(struct buf *to);
const char *source_type_name(enum source_type type);

/* What is said of an sqs source without `bucket`. */
#define CONFIG_ANY_BUCKET                                                                          \
    "No bucket is set: events of any bucket named in a message are carried out, and anyone who "   \
    "can send to the queue can name one. Set bucket, or bucket = * to allow this"

/* The one bucket of an sqs or s3 source; NULL: whichever a notification names, because `bucket` is
 * "*" or not given. */
const char *config_source_bucket(const struct config_source *s);

#endif
