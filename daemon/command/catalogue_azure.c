/* The custom role that the daemon needs in Azure: its actions' operations, and its queues and
 * blobs. Source: Microsoft, "Azure custom roles", "Permissions for calling data operations"
 * (Storage). */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/command/catalogue.h"
#include "daemon/policy/subscriptions.h"
#include "lib/azure/arm.h"
#include "lib/azure/names.h"

#define NO_SUBSCRIPTION "00000000-0000-0000-0000-000000000000"
#define STORAGE         "Microsoft.Storage/storageAccounts/"

enum { SCOPE_MAX = 128 };

static const char *const queue_data[] = {
    STORAGE "queueServices/queues/messages/delete",
    STORAGE "queueServices/queues/messages/process/action",
    STORAGE "queueServices/queues/messages/read",
    STORAGE "queueServices/queues/messages/write",
    NULL,
};
static const char *const blob_data[] = {
    STORAGE "blobServices/containers/blobs/delete",
    STORAGE "blobServices/containers/blobs/read",
    STORAGE "blobServices/containers/blobs/write",
    NULL,
};

static bool append_all(json_t *array, const char *const *at)
{
    for (; *at; at++)
        if (json_array_append_new(array, json_string(*at)) != 0)
            return false;
    return true;
}

/* Whether a source of this type is reached by the daemon's identity: a connection string has its
 * own key. */
static bool has_source(const struct config *config, enum source_type type)
{
    for (size_t i = 0; i < config->source_count; i++)
        if (config->sources[i].type == type && !config->sources[i].connection_string)
            return true;
    return false;
}

static json_t *data_actions(const struct config *config)
{
    bool queue = has_source(config, SOURCE_AZURE_QUEUE);
    bool blob = queue || has_source(config, SOURCE_AZURE_BLOB);
    json_t *array = json_array();

    if (array && (!blob || append_all(array, blob_data)) &&
        (!queue || append_all(array, queue_data)))
        return array;
    json_decref(array);
    return NULL;
}

/* --- scopes --- */

static bool is_there(const json_t *scopes, const char *scope)
{
    const json_t *there;
    size_t i;

    json_array_foreach(scopes, i, there)
        if (strcasecmp(json_string_value(there), scope) == 0)
            return true;
    return false;
}

static bool add_scope(json_t *scopes, const char *subscription)
{
    struct buf scope = buf_make(SCOPE_MAX);
    bool ok = buf_adds(&scope, "/subscriptions/") && buf_adds(&scope, subscription);

    if (ok && !is_there(scopes, buf_str(&scope)))
        ok = json_array_append_new(scopes, json_string(buf_str(&scope))) == 0;
    buf_free(&scope);
    return ok;
}

/* Those of the subscriptions that are given by id: a name cannot be a scope. */
static bool add_listed(json_t *scopes, const struct subscriptions *subscriptions)
{
    const char *entry;

    for (size_t i = 0; (entry = subscriptions_entry(subscriptions, i)); i++)
        if (!azure_guid_problem(entry) && !add_scope(scopes, entry))
            return false;
    return true;
}

static json_t *scopes_of(const struct config *config, const struct subscriptions *subscriptions)
{
    const struct config_list *allowed = &config->guard.allow_subscriptions;
    json_t *scopes = json_array();
    bool ok = scopes != NULL;

    for (size_t i = 0; ok && i < allowed->count; i++)
        ok = add_scope(scopes, allowed->at[i]);
    if (ok && allowed->count == 0 && subscriptions)
        ok = add_listed(scopes, subscriptions);
    if (ok && json_array_size(scopes) == 0)
        ok = add_scope(scopes, NO_SUBSCRIPTION);
    if (ok)
        return scopes;
    json_decref(scopes);
    return NULL;
}

/* --- the whole --- */

/* The subscriptions that are named, and not given by id, are looked up by name. Where a resource
 * is, is asked when only some regions are allowed. */
static json_t *role_actions(const struct catalogue *c, const struct config *config)
{
    json_t *actions = catalogue_permissions(c, CLOUD_AZURE, config->guard.allow_regions.count > 0);

    if (actions && config->azure.subscriptions_file &&
        json_array_append_new(actions, json_string("Microsoft.Resources/subscriptions/read")) !=
            0) {
        json_decref(actions);
        return NULL;
    }
    return actions;
}

bool catalogue_azure_role(const struct catalogue *c, const struct config *config,
                          const struct subscriptions *subscriptions, struct buf *to)
{
    struct buf name = buf_make(SCOPE_MAX);
    json_t *role = NULL;

    if (buf_addf(&name, "hgautod %s", config->daemon.name))
        role = json_pack("{s:s, s:b, s:s, s:o, s:[], s:o, s:[], s:o}", "Name", buf_str(&name),
                         "IsCustom", 1, "Description",
                         "Permissions for the enabled actions of hgautod and for its own queues "
                         "and blobs.",
                         "Actions", role_actions(c, config), "NotActions", "DataActions",
                         data_actions(config), "NotDataActions", "AssignableScopes",
                         scopes_of(config, subscriptions));
    buf_free(&name);
    return catalogue_add_json(role, JSON_INDENT(2), to);
}
