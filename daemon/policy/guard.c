/* The policy: what the [guard] section allows. When in doubt, no. */
#include "daemon/policy/guard.h"

#include <string.h>
#include <strings.h>

#include "lib/json/jpath.h"

static bool refuse(struct err *err, const char *what, const char *name, const char *setting)
{
    return err_set(err, ERR_DENIED, "", "%s \"%.128s\" %s", what, name, setting);
}

static bool list_has(const struct config_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->at[i], name) == 0)
            return true;
    return false;
}

bool guard_action(const struct config *config, const struct action *action, struct err *err)
{
    const struct config_list *enabled = &config->guard.enable_actions;
    if (list_has(&config->guard.disable_actions, action->name))
        return refuse(err, "the action", action->name, "is disabled by [guard] disable_actions");
    if (list_has(enabled, action->name))
        return true;
    if (action->extra)
        return refuse(err, "the action", action->name,
                      "is not offered unless [guard] enable_actions names it");
    return enabled->count == 0 ||
           refuse(err, "the action", action->name, "is not among [guard] enable_actions");
}

/* Subscription ids are GUIDs, whose letters may have any case. */
static bool account_allowed(const struct config *config, const struct action *action,
                            const char *account, struct err *err)
{
    bool azure = action->cloud == CLOUD_AZURE;
    const struct config_list *allowed =
        azure ? &config->guard.allow_subscriptions : &config->guard.allow_accounts;
    if (allowed->count == 0)
        return true;
    for (size_t i = 0; i < allowed->count; i++)
        if ((azure ? strcasecmp : strcmp)(allowed->at[i], account) == 0)
            return true;
    return azure ? refuse(err, "the subscription", account,
                          "is not among [guard] allow_subscriptions")
                 : refuse(err, "the account", account, "is not among [guard] allow_accounts");
}

static char plain_letter(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Azure writes a location as "westeurope" or as "West Europe". */
static bool same_location(const char *a, const char *b)
{
    for (;;) {
        a += strspn(a, " ");
        b += strspn(b, " ");
        if (plain_letter(*a) != plain_letter(*b))
            return false;
        if (*a == '\0')
            return true;
        a++;
        b++;
    }
}

bool guard_region(const struct config *config, enum cloud cloud, const char *region,
                  struct err *err)
{
    const struct config_list *allowed = &config->guard.allow_regions;
    if (allowed->count == 0)
        return true;
    for (size_t i = 0; *region != '\0' && i < allowed->count; i++)
        if (cloud == CLOUD_AZURE ? same_location(allowed->at[i], region)
                                 : strcmp(allowed->at[i], region) == 0)
            return true;
    return refuse(err, "the region", region, "is not among [guard] allow_regions");
}

/* Whether a tag is one that `entry` ("key" or "key=value") protects. A tag whose key has '=' in it
 * may be named whole. */
static bool protects(const char *entry, bool any_case, const char *key, const json_t *value)
{
    int (*compare)(const char *, const char *, size_t) = any_case ? strncasecmp : strncmp;
    size_t n = strlen(key);
    if (compare(entry, key, n) != 0)
        return false;
    if (entry[n] == '\0')
        return true;
    if (entry[n] != '=')
        return false;
    return !json_is_string(value) || strcmp(entry + n + 1, json_string_value(value)) == 0;
}

static bool tag_allowed(const struct config_list *protected, bool any_case, const char *key,
                        const json_t *value, struct err *err)
{
    for (size_t i = 0; i < protected->count; i++)
        if (protects(protected->at[i], any_case, key, value))
            return refuse(err, "the resource has the tag", key,
                          "and is protected by [guard] protect_tags");
    return true;
}

static bool tags_allowed(const struct config *config, const struct action *action,
                         const json_t *resource, struct err *err)
{
    const struct config_list *protected = &config->guard.protect_tags;
    json_t *tags = json_object_get(resource, "tags");
    if (protected->count == 0)
        return true;
    if (tags == NULL)
        return err_set(err, ERR_DENIED, "",
                       "the event does not say which tags the resource has, so that [guard] "
                       "protect_tags cannot be checked");
    if (!json_is_object(tags))
        return err_set(err, ERR_DENIED, "",
                       "the resource's tags are not an object, so that [guard] protect_tags "
                       "cannot be checked");
    const char *key;
    json_t *value;
    json_object_foreach(tags, key, value)
        if (!tag_allowed(protected, action->cloud == CLOUD_AZURE, key, value, err))
            return false;
    return true;
}

bool guard_resource(const struct config *config, const struct action *action, const char *account,
                    const char *region, const json_t *resource, struct err *err)
{
    /* Azure needs no region to be called; the resource itself says where it is. */
    const char *where = region;
    if (action->cloud == CLOUD_AZURE)
        where = jstr(resource, "region");
    return account_allowed(config, action, account, err) &&
           (action->global ||
            guard_region(config, action->cloud, where != NULL ? where : "", err)) &&
           tags_allowed(config, action, resource, err);
}

bool guard_needs_location(const struct config *config, const struct action *action)
{
    return action->cloud == CLOUD_AZURE && config->guard.allow_regions.count > 0;
}
