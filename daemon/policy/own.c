/* Collects the resources that the daemon itself depends on, and decides whether an event names one.
 */
#include "daemon/policy/own.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "actions/azure/id.h"
#include "lib/aws/wire/partition.h"
#include "lib/azure/storage.h"
#include "lib/base/array.h"
#include "lib/base/memory.h"
#include "lib/json/jpath.h"

enum own_kind { OWN_BUCKET, OWN_QUEUE, OWN_STORAGE_ACCOUNT };

struct own_thing {
    enum own_kind kind;
    char *name;
};

struct own {
    struct own_thing *at;
    size_t count, room;
};

/* --- collecting --- */

/* `name` is n bytes. */
static void own_add(struct own *own, enum own_kind kind, const char *name, size_t n)
{
    own->at = array_room(own->at, own->count, &own->room, sizeof *own->at);
    own->at[own->count++] = (struct own_thing){.kind = kind, .name = xstrndup(name, n)};
}

/* The last segment of a queue's URL is its name. */
static void own_add_queue(struct own *own, const char *url)
{
    const char *slash = strrchr(url, '/');
    const char *name = slash ? slash + 1 : url;
    own_add(own, OWN_QUEUE, name, strcspn(name, "?#"));
}

/* The account of an Azure source, which its connection string may contain. */
static bool own_add_account(struct own *own, const struct config_source *source,
                            struct azure *azure, struct err *err)
{
    struct azure_storage_options options = {
        .azure = azure, .account = source->account, .connection_string = source->connection_string};
    struct azure_storage *storage = azure_storage_new(&options, err);
    if (!storage)
        return err_set(err, err->kind, err->code, "source \"%s\": %s", source->name, err->message);
    const char *account = azure_storage_account(storage);
    own_add(own, OWN_STORAGE_ACCOUNT, account, strlen(account));
    azure_storage_free(storage);
    return true;
}

struct own *own_new(const struct config *config, struct azure *azure, struct err *err)
{
    struct own *own = xcalloc(1, sizeof *own);
    bool ok = true;
    for (size_t i = 0; ok && i < config->source_count; i++) {
        const struct config_source *source = &config->sources[i];
        if (source_facts[source->type].cloud == SOURCE_IN_AZURE)
            ok = own_add_account(own, source, azure, err);
        if (config_source_bucket(source))
            own_add(own, OWN_BUCKET, source->bucket, strlen(source->bucket));
        if (source->queue_url)
            own_add_queue(own, source->queue_url);
    }
    if (ok)
        return own;
    own_free(own);
    return NULL;
}

void own_free(struct own *own)
{
    if (!own)
        return;
    for (size_t i = 0; i < own->count; i++)
        free(own->at[i].name);
    free(own->at);
    free(own);
}

/* --- what a resource names --- */

static bool own_has_type(const struct action *action, const json_t *resource, const char *type)
{
    const char *given_type = jstr(resource, "type");
    if (given_type && strcasecmp(given_type, type) == 0)
        return true;
    for (const char *const *t = action->resource_types; t && *t; t++)
        if (strcmp(*t, type) == 0)
            return true;
    return false;
}

/* Returns whether the ARN in `arn` or `id` is of this service, and its resource is `name` or
 * something within it (an object in a bucket). */
static bool own_arn_matches(const json_t *resource, const char *service, const char *name)
{
    static const char *const fields[] = {"arn", "id"};
    struct aws_arn arn;
    size_t n = strlen(name);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        const char *text = jstr(resource, fields[i]);
        if (text && aws_arn_parse(text, &arn) && strcmp(arn.service, service) == 0 &&
            strncmp(arn.resource, name, n) == 0 && (!arn.resource[n] || arn.resource[n] == '/'))
            return true;
    }
    return false;
}

/* Returns whether `id` or `name` is this name. */
static bool own_field_matches(const json_t *resource, const char *name)
{
    const char *id = jstr(resource, "id"), *other = jstr(resource, "name");
    return (id && strcmp(id, name) == 0) || (other && strcmp(other, name) == 0);
}

/* Returns whether the ARM ID is that of the storage account, or of something within it. */
static bool own_id_in_account(const json_t *resource, const char *account)
{
    const char *text = jstr(resource, "id");
    struct az_id id;
    bool within = false;
    if (!text || !az_id_parse(text, &id))
        return false;
    for (size_t i = 0; i + 1 < id.count; i++)
        within = within || (strcasecmp(id.at[i], "storageAccounts") == 0 &&
                            strcasecmp(id.at[i + 1], account) == 0);
    az_id_free(&id);
    return within;
}

static bool own_matches(enum own_kind kind, const char *name, const struct action *action,
                        const json_t *resource)
{
    switch (kind) {
    case OWN_BUCKET:
        return action->cloud == CLOUD_AWS &&
               (own_arn_matches(resource, "s3", name) ||
                (own_has_type(action, resource, "S3 Bucket") && own_field_matches(resource, name)));
    case OWN_QUEUE:
        return action->cloud == CLOUD_AWS &&
               (own_arn_matches(resource, "sqs", name) ||
                (own_has_type(action, resource, "SQS Queue") && own_field_matches(resource, name)));
    case OWN_STORAGE_ACCOUNT:
        return action->cloud == CLOUD_AZURE && own_id_in_account(resource, name);
    }
    return false;
}

/* --- deciding --- */

static bool own_refuse(enum own_kind kind, const char *name, struct err *err)
{
    static const char *const nouns[] = {
        [OWN_BUCKET] = "bucket",
        [OWN_QUEUE] = "queue",
        [OWN_STORAGE_ACCOUNT] = "storage account",
    };
    return err_set(err, ERR_DENIED, "",
                   "the %s \"%.255s\" is the daemon's own: events come from there, and no action "
                   "may change it",
                   nouns[kind], name);
}

bool own_needs_caller(const struct action *action, const json_t *resource)
{
    return action->cloud == CLOUD_AWS &&
           (own_has_type(action, resource, "IAM User") ||
            own_has_type(action, resource, "IAM Role") ||
            own_arn_matches(resource, "iam", "user") || own_arn_matches(resource, "iam", "role"));
}

/* The name within "user/path/NAME" or "assumed-role/NAME/session"; its length goes to *n. */
static const char *own_caller_name(const struct aws_arn *caller, const char **type, size_t *n)
{
    static const char user[] = "user/", role[] = "assumed-role/";
    const char *name = NULL;
    if (strncmp(caller->resource, user, sizeof user - 1) == 0) {
        *type = "user";
        name = strrchr(caller->resource, '/') + 1;
    } else if (strncmp(caller->resource, role, sizeof role - 1) == 0) {
        *type = "role";
        name = caller->resource + sizeof role - 1;
    }
    *n = name ? strcspn(name, "/") : 0;
    return name;
}

/* Returns whether the last segment of the IAM ARN "user/path/NAME" is the name. */
static bool own_iam_arn_matches(const json_t *resource, const char *field, const char *type,
                                const char *name)
{
    const char *text = jstr(resource, field);
    struct aws_arn arn;
    size_t n = strlen(type);
    if (!text || !aws_arn_parse(text, &arn) || strcmp(arn.service, "iam") != 0 ||
        strncmp(arn.resource, type, n) != 0 || arn.resource[n] != '/')
        return false;
    return strcmp(strrchr(arn.resource, '/') + 1, name) == 0;
}

/* A user of the same name in another account is another user. */
static bool own_caller_allows(const struct aws_caller *caller, const struct action *action,
                              const json_t *resource, struct err *err)
{
    struct aws_arn arn;
    const char *type = NULL, *account = jstr(resource, "account");
    size_t n;
    if (!aws_arn_parse(caller->arn, &arn) || (account && strcmp(account, caller->account) != 0))
        return true;
    const char *at = own_caller_name(&arn, &type, &n);
    if (!at)
        return true;
    char name[sizeof arn.store];
    snprintf(name, sizeof name, "%.*s", (int)n, at);
    bool user = strcmp(type, "user") == 0;
    if (!own_iam_arn_matches(resource, "arn", type, name) &&
        !own_iam_arn_matches(resource, "id", type, name) &&
        !(own_has_type(action, resource, user ? "IAM User" : "IAM Role") &&
          own_field_matches(resource, name)))
        return true;
    return err_set(err, ERR_DENIED, "",
                   "the %s \"%.255s\" is the daemon's own: hgautod acts as it, and no action may "
                   "change it",
                   type, name);
}

bool own_allows(const struct own *own, const struct store *store, const struct aws_caller *caller,
                const struct action *action, const json_t *resource, struct err *err)
{
    enum own_kind held =
        store->form->clouds == 1u << CLOUD_AZURE ? OWN_STORAGE_ACCOUNT : OWN_BUCKET;
    if (store->holder && own_matches(held, store->holder, action, resource))
        return own_refuse(held, store->holder, err);
    for (size_t i = 0; own && i < own->count; i++)
        if (own_matches(own->at[i].kind, own->at[i].name, action, resource))
            return own_refuse(own->at[i].kind, own->at[i].name, err);
    return !caller || own_caller_allows(caller, action, resource, err);
}
