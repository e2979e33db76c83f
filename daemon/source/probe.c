/* Connects to a source's queue and store, for `check --online`, and reports one line for each, "ok
 * ..." or "FAIL ...". Writes objects and deletes them again; receives no message. */
#include "daemon/source/probe.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/env.h"
#include "daemon/run/report.h"
#include "lib/aws/sqs.h"
#include "lib/azure/queue.h"
#include "lib/json/jpath.h"

/* What may be missing, by the kind of error; NULL if the error itself is sufficient. */
static const char *probe_advice(const struct err *err, const char *permission, const char *setting)
{
    switch (err->kind) {
    case ERR_DENIED:
        return permission;
    case ERR_NOT_FOUND:
    case ERR_INVALID:
        return setting;
    default:
        return NULL;
    }
}

bool probe_failed(struct buf *to, const char *what, const struct err *err, const char *advice)
{
    char text[1400];
    buf_addf(to, "FAIL  %s: %s%s%s\n", what, err_text(err, text, sizeof text), advice ? "; " : "",
             advice ? advice : "");
    return false;
}

/* --- queues --- */

static void probe_report_sqs(struct buf *to, const char *url, const json_t *response)
{
    const json_t *attributes = jget(response, "Attributes");
    buf_addf(to,
             "ok    sqs %s (%" JSON_INTEGER_FORMAT " messages waiting, %" JSON_INTEGER_FORMAT
             " in flight)\n",
             url, (json_int_t)jint(attributes, "ApproximateNumberOfMessages", 0),
             (json_int_t)jint(attributes, "ApproximateNumberOfMessagesNotVisible", 0));
    if (!jstr(attributes, "RedrivePolicy"))
        buf_adds(to, "note  the queue has no dead-letter queue: a message that cannot be parsed "
                     "is redelivered until it expires\n");
}

static bool probe_sqs_queue(const struct env *env, const struct config_source *config,
                            struct http_client *http, struct buf *to)
{
    struct err err = ERR_INIT;
    struct sqs_queue queue;
    json_t *response = NULL;
    struct buf what = buf_make(4096);
    buf_addf(&what, "sqs %s", config->queue_url);
    json_t *params = json_pack("{s[s]}", "AttributeNames", "All");
    bool ok = sqs_queue_init(&queue, config->queue_url, config->region, aws_region(env->aws), &err);
    if (ok) {
        struct aws_call call;
        ok = sqs_make_call(env->aws, &queue, &sqs_get_queue_attributes, params, &call, &err) &&
             aws_call(env->aws, http, &call, &response, &err);
        sqs_queue_free(&queue);
    }
    if (ok)
        probe_report_sqs(to, config->queue_url, response);
    else
        probe_failed(
            to, buf_str(&what), &err,
            probe_advice(&err,
                         "allow sqs:GetQueueAttributes, sqs:ReceiveMessage, sqs:DeleteMessage "
                         "and sqs:ChangeMessageVisibility on the queue",
                         "check queue_url and region"));
    json_decref(response);
    json_decref(params);
    buf_free(&what);
    return ok;
}

static bool probe_azure_messages(const struct azure_storage *storage, const char *queue,
                                 struct http_client *http, struct buf *to)
{
    struct err err = ERR_INIT;
    struct azure_queue of = {.storage = storage, .name = queue};
    int64_t messages;
    char what[256];
    snprintf(what, sizeof what, "%.150s/%.63s", azure_storage_queue_endpoint(storage), queue);
    if (!azure_queue_metadata(&of, http, &messages, &err))
        return probe_failed(
            to, what, &err,
            probe_advice(&err, "give this identity the role Storage Queue Data Contributor",
                         "check account and queue"));
    if (messages < 0)
        buf_addf(to, "ok    %s (? messages)\n", what);
    else
        buf_addf(to, "ok    %s (%" PRId64 " messages)\n", what, messages);
    return true;
}

/* --- stores --- */

static bool probe_stop_at_first(void *ctx, const char *key, const struct object_meta *meta)
{
    (void)key;
    (void)meta;
    *(bool *)ctx = true;
    return false;
}

/* The folder of the reports of an event below the prefix, which the daemon must be able to
 * write. */
static bool probe_folder(const char *prefix, struct buf *key)
{
    const char *slash = strrchr(prefix, '/');
    struct buf event = buf_make(2048);
    buf_add(&event, prefix, slash ? (size_t)(slash - prefix) + 1 : 0);
    size_t folder = event.size;
    buf_adds(&event, "hgautod-check/event.json");
    bool ok = buf_ok(&event);
    if (ok && !report_folder(buf_str(&event), key)) {
        buf_reset(key);
        ok = buf_add(key, buf_str(&event), folder) && buf_adds(key, "reports/hgautod-check/");
    }
    buf_free(&event);
    return ok && buf_ok(key);
}

/* Advice on a refused put, beyond the error of the service. */
static const char *probe_put_advice(const struct config_source *config, const struct err *err)
{
    bool s3 = source_facts[config->type].cloud == SOURCE_IN_AWS;
    if (s3 && (strcasestr(err->message, "checksum") || strcasestr(err->message, "Content-MD5")))
        return "the bucket requires a checksum: set checksum in the source";
    if (s3 && strcmp(err->code, "AccessControlListNotSupported") == 0)
        return "the bucket does not allow ACLs: remove acl from the source";
    if (s3 && (strncmp(err->code, "KMS.", 4) == 0 || strcasestr(err->message, "kms:")))
        return "check kms_key_id, and allow kms:GenerateDataKey and kms:Decrypt on that key";
    if (s3 && err->kind == ERR_DENIED)
        return "allow s3:PutObject there; if it is already allowed, the bucket policy requires a "
               "header that is not sent: if its conditions name s3:x-amz-server-side-encryption, "
               "set server_side_encryption; if s3:x-amz-server-side-encryption-aws-kms-key-id, "
               "kms_key_id; if s3:x-amz-acl, acl; also check bucket_owner";
    return probe_advice(err, "allow writing reports there", "check bucket or container");
}

/* Puts an object like a report, and deletes it again: only a put shows what a store requires of
 * one. */
static bool probe_report(struct store *store, const struct config_source *config,
                         struct http_client *http, const char *folder, struct buf *to)
{
    struct buf key = buf_make(2048);
    struct err err = ERR_INIT;
    const struct http_body body = {.data = "{}", .size = 2};
    char id[37];
    bool ok = true;
    clock_uuid(&system_clock, id);
    if (!buf_addf(&key, "%shgautod-check-%s.json", folder, id)) {
        buf_addf(to, "FAIL  %s: the prefix is too long\n", store->name);
        ok = false;
    } else if (!store->ops->put(store, http,
                                &(struct object_put){.key = buf_str(&key), .body = &body}, NULL,
                                &err)) {
        ok = probe_failed(to, store->name, &err, probe_put_advice(config, &err));
    } else if (!store->ops->del(store, http, buf_str(&key), NULL, &err)) {
        ok = probe_failed(to, store->name, &err,
                          probe_advice(&err, "allow deleting is_pending below reports", NULL));
        buf_addf(to, "note  %s was not deleted\n", buf_str(&key));
    }
    buf_free(&key);
    return ok;
}

/* A conditional write that must lose: it shows without writing anything whether we may write and
 * whether the store compares. A store that does not has now written it, and it is deleted again. */
static bool probe_conditional_write(struct store *store, struct http_client *http, const char *key,
                                    bool claims, struct buf *to)
{
    struct err err = ERR_INIT;
    const struct http_body body = {.data = "{}", .size = 2};
    const struct object_put put = {.key = key,
                                   .body = &body,
                                   .condition = OBJECT_IF_MATCH,
                                   .etag = "\"00000000000000000000000000000000\""};
    if (!store->ops->put(store, http, &put, NULL, &err)) {
        if (err.kind != ERR_PRECONDITION)
            return probe_failed(to, store->name, &err,
                                probe_advice(&err,
                                             "allow writing, reading and deleting reports there",
                                             "claims need a store that supports If-Match; without "
                                             "one, set claims = off"));
        buf_addf(to, "ok    %s: writing reports is allowed; conditional writes work\n",
                 store->name);
        return true;
    }
    if (!store->ops->del(store, http, key, NULL, &err))
        return probe_failed(to, store->name, &err,
                            probe_advice(&err, "allow deleting is_pending below reports", NULL));
    buf_addf(to, "%s  %s: writing reports is allowed, but conditional writes are ignored%s\n",
             claims ? "FAIL" : "ok  ", store->name,
             claims ? ": two daemons would carry out the same event; set claims = off and run "
                      "only one daemon"
                    : "");
    return !claims;
}

static bool probe_store(struct store *store, const struct config_source *config,
                        struct http_client *http, struct buf *to)
{
    const char *prefix = config->prefix ? config->prefix : "";
    struct err err = ERR_INIT;
    bool found = false;
    if (!store->ops->list(store, http, prefix, probe_stop_at_first, &found, &err))
        return probe_failed(
            to, store->name, &err,
            probe_advice(&err, "allow listing the store below prefix",
                         "check bucket and region, account and container, or path"));
    buf_addf(to, "ok    %s: listing is allowed%s%s%s\n", store->name, *prefix ? " below " : "",
             prefix, found ? "" : " (it is empty)");
    struct buf key = buf_make(2048);
    bool ok = probe_folder(prefix, &key);
    if (!ok)
        buf_addf(to, "FAIL  %s: the prefix is too long\n", store->name);
    /* A directory demands nothing but rights, and would keep the folder. */
    if (ok && source_facts[config->type].cloud != SOURCE_LOCAL)
        ok = probe_report(store, config, http, buf_str(&key), to);
    ok = ok && buf_adds(&key, "is_pending") &&
         probe_conditional_write(store, http, buf_str(&key), config->rules.claims, to);
    buf_free(&key);
    return ok;
}

/* --- by kind --- */

bool probe_sqs(const struct env *env, const struct config_source *config, struct store *store,
               struct http_client *http, struct buf *to)
{
    bool ok = probe_sqs_queue(env, config, http, to);
    if (store)
        return probe_store(store, config, http, to) && ok;
    buf_adds(to, "note  no bucket is set: events are read from the bucket named in each message, "
                 "which cannot be checked here\n");
    return ok;
}

bool probe_s3(const struct env *env, const struct config_source *config, struct store *store,
              struct http_client *http, struct buf *to)
{
    (void)env;
    return probe_store(store, config, http, to);
}

static void probe_note_authorization(const struct store *store, struct buf *to)
{
    buf_addf(to, "note  authorized by %s\n", azure_storage_auth_name(store_blob_storage(store)));
}

bool probe_azure_queue(const struct env *env, const struct config_source *config,
                       struct store *store, struct http_client *http, struct buf *to)
{
    (void)env;
    probe_note_authorization(store, to);
    bool ok = probe_azure_messages(store_blob_storage(store), config->queue, http, to);
    return probe_store(store, config, http, to) && ok;
}

bool probe_azure_blob(const struct env *env, const struct config_source *config,
                      struct store *store, struct http_client *http, struct buf *to)
{
    (void)env;
    probe_note_authorization(store, to);
    return probe_store(store, config, http, to);
}

bool probe_directory(const struct env *env, const struct config_source *config, struct store *store,
                     struct http_client *http, struct buf *to)
{
    (void)env;
    if (!probe_store(store, config, http, to))
        return false;
    if (faccessat(AT_FDCWD, config->path, R_OK | W_OK | X_OK, AT_EACCESS) == 0)
        return true;
    buf_addf(to, "FAIL  directory %s: this user is not allowed to write there\n", config->path);
    return false;
}
