/* Writes the custom role that the daemon needs in Azure, for its actions and for its queues and
 * blobs. Source: Microsoft, "Azure custom roles", "Permissions for calling data operations"
 * (Storage). */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/command/catalogue.h"
#include "daemon/policy/subscriptions.h"
#include "lib/azure/names.h"
#include "lib/base/memory.h"

#define NO_SUBSCRIPTION "00000000-0000-0000-0000-000000000000"
#define STORAGE         "Microsoft.Storage/storageAccounts/"

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

static void role_append(json_t *array, const char *const *at)
{
    for (; *at; at++)
        json_array_append_new(array, json_string(*at));
}

/* Returns whether a source in Azure, with a queue if `queue`, is accessed with the daemon's
 * identity: a connection string contains its own key. */
static bool role_has_source(const struct config *config, bool queue)
{
    for (size_t i = 0; i < config->source_count; i++) {
        const struct config_source *source = &config->sources[i];
        const struct source_facts *facts = &source_facts[source->type];
        if (facts->cloud == SOURCE_IN_AZURE && facts->queue >= queue && !source->connection_string)
            return true;
    }
    return false;
}

static json_t *role_data_actions(const struct config *config)
{
    bool queue = role_has_source(config, true);
    json_t *array = json_array();
    if (role_has_source(config, false))
        role_append(array, blob_data);
    if (queue)
        role_append(array, queue_data);
    return array;
}

/* --- scopes --- */

static bool role_has_scope(const json_t *scopes, const char *scope)
{
    const json_t *other;
    size_t i;
    json_array_foreach(scopes, i, other)
        if (strcasecmp(json_string_value(other), scope) == 0)
            return true;
    return false;
}

static void role_add_scope(json_t *scopes, const char *subscription)
{
    char *scope = xasprintf("/subscriptions/%s", subscription);
    if (!role_has_scope(scopes, scope))
        json_array_append_new(scopes, json_string(scope));
    free(scope);
}

static json_t *role_scopes(const struct config *config, const struct subscriptions *subscriptions)
{
    const struct config_list *allowed = &config->guard.allow_subscriptions;
    json_t *scopes = json_array();
    const char *entry;
    for (size_t i = 0; i < allowed->count; i++)
        role_add_scope(scopes, allowed->at[i]);
    if (allowed->count == 0 && subscriptions)
        for (size_t i = 0; (entry = subscriptions_entry(subscriptions, i)); i++)
            if (!azure_guid_problem(entry))
                role_add_scope(scopes, entry);
    if (json_array_size(scopes) == 0)
        role_add_scope(scopes, NO_SUBSCRIPTION);
    return scopes;
}

/* --- the role --- */

/* Including what is needed to look up subscriptions by name, and the locations of resources if only
 * some regions are allowed. */
static json_t *role_actions(const struct catalogue *c, const struct config *config)
{
    json_t *actions = catalogue_permissions(c, CLOUD_AZURE, config->guard.allow_regions.count > 0);
    if (config->azure.subscriptions_file)
        json_array_append_new(actions, json_string("Microsoft.Resources/subscriptions/read"));
    return actions;
}

void catalogue_azure_role(const struct catalogue *c, const struct config *config,
                          const struct subscriptions *subscriptions, struct buf *to)
{
    char *name = xasprintf("hgautod %s", config->daemon.name);
    json_t *role = json_pack(
        "{s:s, s:b, s:s, s:o, s:[], s:o, s:[], s:o}", "Name", name, "IsCustom", 1, "Description",
        "Permissions for the enabled actions of hgautod and for its own queues and blobs.",
        "Actions", role_actions(c, config), "NotActions", "DataActions", role_data_actions(config),
        "NotDataActions", "AssignableScopes", role_scopes(config, subscriptions));
    free(name);
    catalogue_add_json(role, JSON_INDENT(2), to);
}
