/* What is the daemon's own, and whether an event names it. */
#include "daemon/policy/own.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "actions/azure/id.h"
#include "lib/aws/wire/partition.h"
#include "lib/azure/storage.h"
#include "lib/json/jpath.h"

enum own_kind { OWN_BUCKET, OWN_QUEUE, OWN_STORAGE_ACCOUNT };

struct own_thing {
    enum own_kind kind;
    char *name;
};

struct own {
    struct own_thing *at;
    size_t count;
};

/* --- learning --- */

/* `name` is n bytes. False when out of memory. */
static bool add_thing(struct own *own, enum own_kind kind, const char *name, size_t n)
{
    struct own_thing *thing = &own->at[own->count];
    *thing = (struct own_thing){.kind = kind, .name = strndup(name, n)};
    own->count += thing->name != NULL;
    return thing->name != NULL;
}

/* The last segment of a queue's URL is its name. */
static bool add_queue(struct own *own, const char *url)
{
    const char *slash = strrchr(url, '/');
    const char *name = slash ? slash + 1 : url;
    return add_thing(own, OWN_QUEUE, name, strcspn(name, "?#"));
}

/* The account of an Azure source, which its connection string may name. */
static bool add_account(struct own *own, const struct config_source *source, struct azure *azure,
                        struct err *err)
{
    struct azure_storage_options options = {
        .azure = azure, .account = source->account, .connection_string = source->connection_string};
    struct azure_storage *storage = azure_storage_new(&options, err);
    if (!storage)
        return err_set(err, err->kind, err->code, "source \"%s\": %s", source->name, err->message);
    const char *account = azure_storage_account(storage);
    bool ok = add_thing(own, OWN_STORAGE_ACCOUNT, account, strlen(account));
    azure_storage_free(storage);
    return ok || err_set(err, ERR_INTERNAL, "", "out of memory");
}

static bool add_source(struct own *own, const struct config_source *source, struct azure *azure,
                       struct err *err)
{
    if (source_facts[source->type].cloud == SOURCE_IN_AZURE)
        return add_account(own, source, azure, err);
    if (config_source_bucket(source) &&
        !add_thing(own, OWN_BUCKET, source->bucket, strlen(source->bucket)))
        return err_set(err, ERR_INTERNAL, "", "out of memory");
    if (source->queue_url && !add_queue(own, source->queue_url))
        return err_set(err, ERR_INTERNAL, "", "out of memory");
    return true;
}

struct own *own_new(const struct config *config, struct azure *azure, struct err *err)
{
    struct own *own = calloc(1, sizeof *own);
    if (own)
        own->at = calloc(2 * config->source_count + 1, sizeof *own->at);
    if (!own || !own->at) {
        own_free(own);
        err_set(err, ERR_INTERNAL, "", "out of memory");
        return NULL;
    }
    for (size_t i = 0; i < config->source_count; i++) {
        if (!add_source(own, &config->sources[i], azure, err)) {
            own_free(own);
            return NULL;
        }
    }
    return own;
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

static bool has_type(const struct action *action, const json_t *resource, const char *type)
{
    const char *said = jstr(resource, "type");
    if (said && strcasecmp(said, type) == 0)
        return true;
    for (const char *const *t = action->resource_types; t && *t; t++)
        if (strcmp(*t, type) == 0)
            return true;
    return false;
}

/* Whether the ARN in `arn` or `id` is of this service and its resource is `name`, or what follows
 * `name` after a '/' (an object in a bucket). */
static bool arn_names(const json_t *resource, const char *service, const char *name)
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

/* Whether `id` or `name` is this name. */
static bool field_names(const json_t *resource, const char *name)
{
    const char *id = jstr(resource, "id"), *said = jstr(resource, "name");
    return (id && strcmp(id, name) == 0) || (said && strcmp(said, name) == 0);
}

/* Whether the ARM id is that of the storage account, or of something within it. */
static bool id_in_account(const json_t *resource, const char *account)
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

static bool names_thing(enum own_kind kind, const char *name, const struct action *action,
                        const json_t *resource)
{
    switch (kind) {
    case OWN_BUCKET:
        return action->cloud == CLOUD_AWS &&
               (arn_names(resource, "s3", name) ||
                (has_type(action, resource, "S3 Bucket") && field_names(resource, name)));
    case OWN_QUEUE:
        return action->cloud == CLOUD_AWS &&
               (arn_names(resource, "sqs", name) ||
                (has_type(action, resource, "SQS Queue") && field_names(resource, name)));
    case OWN_STORAGE_ACCOUNT:
        return action->cloud == CLOUD_AZURE && id_in_account(resource, name);
    }
    return false;
}

/* --- answering --- */

static bool refuse(enum own_kind kind, const char *name, struct err *err)
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

bool own_needs_self(const struct action *action, const json_t *resource)
{
    return action->cloud == CLOUD_AWS &&
           (has_type(action, resource, "IAM User") || has_type(action, resource, "IAM Role") ||
            arn_names(resource, "iam", "user") || arn_names(resource, "iam", "role"));
}

/* The name within "user/path/NAME" or "assumed-role/NAME/session"; its length goes to *n. */
static const char *name_in_self(const struct aws_arn *self, const char **type, size_t *n)
{
    static const char user[] = "user/", role[] = "assumed-role/";
    const char *name = NULL;
    if (strncmp(self->resource, user, sizeof user - 1) == 0) {
        *type = "user";
        name = strrchr(self->resource, '/') + 1;
    } else if (strncmp(self->resource, role, sizeof role - 1) == 0) {
        *type = "role";
        name = self->resource + sizeof role - 1;
    }
    *n = name ? strcspn(name, "/") : 0;
    return name;
}

/* Whether the last segment of the IAM ARN "user/path/NAME" is the name. */
static bool iam_arn_names(const json_t *resource, const char *field, const char *type,
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

/* Another account's user of the same name is another user. */
static bool self_allows(const struct aws_self *self, const struct action *action,
                        const json_t *resource, struct err *err)
{
    struct aws_arn arn;
    const char *type = NULL, *account = jstr(resource, "account");
    size_t n;
    if (!aws_arn_parse(self->arn, &arn) || (account && strcmp(account, self->account) != 0))
        return true;
    const char *at = name_in_self(&arn, &type, &n);
    if (!at)
        return true;
    char name[sizeof arn.store];
    snprintf(name, sizeof name, "%.*s", (int)n, at);
    bool user = strcmp(type, "user") == 0;
    if (!iam_arn_names(resource, "arn", type, name) && !iam_arn_names(resource, "id", type, name) &&
        !(has_type(action, resource, user ? "IAM User" : "IAM Role") &&
          field_names(resource, name)))
        return true;
    return err_set(err, ERR_DENIED, "",
                   "the %s \"%.255s\" is the daemon's own: hgautod acts as it, and no action may "
                   "change it",
                   type, name);
}

bool own_allows(const struct own *own, const struct store *store, const struct aws_self *self,
                const struct action *action, const json_t *resource, struct err *err)
{
    enum own_kind held =
        store->form->clouds == 1u << CLOUD_AZURE ? OWN_STORAGE_ACCOUNT : OWN_BUCKET;
    if (store->holder && names_thing(held, store->holder, action, resource))
        return refuse(held, store->holder, err);
    for (size_t i = 0; own && i < own->count; i++)
        if (names_thing(own->at[i].kind, own->at[i].name, action, resource))
            return refuse(own->at[i].kind, own->at[i].name, err);
    return !self || self_allows(self, action, resource, err);
}
