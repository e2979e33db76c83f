/* Decides what the [guard] section allows. What is unclear is refused. */
#include "daemon/policy/guard.h"

#include <string.h>
#include <strings.h>

#include "lib/json/jpath.h"

static bool guard_refuse(struct err *err, const char *what, const char *name, const char *setting)
{
    return err_set(err, ERR_DENIED, "", "%s \"%.128s\" %s", what, name, setting);
}

static bool guard_list_has(const struct config_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->at[i], name) == 0)
            return true;
    return false;
}

bool guard_action(const struct config *config, const struct action *action, struct err *err)
{
    const struct config_list *enabled = &config->guard.enable_actions;
    if (guard_list_has(&config->guard.disable_actions, action->name))
        return guard_refuse(err, "the action", action->name,
                            "is disabled by [guard] disable_actions");
    if (guard_list_has(enabled, action->name))
        return true;
    if (action->extra)
        return guard_refuse(err, "the action", action->name,
                            "is not offered unless [guard] enable_actions names it");
    return enabled->count == 0 ||
           guard_refuse(err, "the action", action->name, "is not among [guard] enable_actions");
}

/* Subscription IDs are GUIDs, which are case-insensitive. */
static bool guard_account(const struct config *config, const struct action *action,
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
    return azure ? guard_refuse(err, "the subscription", account,
                                "is not among [guard] allow_subscriptions")
                 : guard_refuse(err, "the account", account, "is not among [guard] allow_accounts");
}

static char guard_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Azure writes a location as "westeurope" or as "West Europe". */
static bool guard_same_location(const char *a, const char *b)
{
    for (;;) {
        a += strspn(a, " ");
        b += strspn(b, " ");
        if (guard_lower(*a) != guard_lower(*b))
            return false;
        if (!*a)
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
    for (size_t i = 0; *region && i < allowed->count; i++)
        if (cloud == CLOUD_AZURE ? guard_same_location(allowed->at[i], region)
                                 : strcmp(allowed->at[i], region) == 0)
            return true;
    return guard_refuse(err, "the region", region, "is not among [guard] allow_regions");
}

/* Returns whether `entry` ("key" or "key=value") protects a tag. The key may contain '='. */
static bool guard_tag_matches(const char *entry, bool any_case, const char *key,
                              const json_t *value)
{
    int (*compare)(const char *, const char *, size_t) = any_case ? strncasecmp : strncmp;
    size_t n = strlen(key);
    if (compare(entry, key, n) != 0)
        return false;
    if (!entry[n])
        return true;
    if (entry[n] != '=')
        return false;
    return !json_is_string(value) || strcmp(entry + n + 1, json_string_value(value)) == 0;
}

static bool guard_tag(const struct config_list *protected, bool any_case, const char *key,
                      const json_t *value, struct err *err)
{
    for (size_t i = 0; i < protected->count; i++)
        if (guard_tag_matches(protected->at[i], any_case, key, value))
            return guard_refuse(err, "the resource has the tag", key,
                                "and is protected by [guard] protect_tags");
    return true;
}

static bool guard_tags(const struct config *config, const struct action *action,
                       const json_t *resource, struct err *err)
{
    const struct config_list *protected = &config->guard.protect_tags;
    json_t *tags = json_object_get(resource, "tags");
    if (protected->count == 0)
        return true;
    if (!tags)
        return err_set(err, ERR_DENIED, "",
                       "the event does not contain the tags of the resource, so that [guard] "
                       "protect_tags cannot be checked");
    if (!json_is_object(tags))
        return err_set(err, ERR_DENIED, "",
                       "the resource's tags are not an object, so that [guard] protect_tags "
                       "cannot be checked");
    const char *key;
    json_t *value;
    json_object_foreach(tags, key, value)
        if (!guard_tag(protected, action->cloud == CLOUD_AZURE, key, value, err))
            return false;
    return true;
}

bool guard_resource(const struct config *config, const struct action *action, const char *account,
                    const char *region, const json_t *resource, struct err *err)
{
    /* Calls in Azure have no region; it is that of the resource. */
    if (action->cloud == CLOUD_AZURE)
        region = jstr(resource, "region");
    return guard_account(config, action, account, err) &&
           (action->global || guard_region(config, action->cloud, region ? region : "", err)) &&
           guard_tags(config, action, resource, err);
}

bool guard_needs_location(const struct config *config, const struct action *action)
{
    return action->cloud == CLOUD_AZURE && config->guard.allow_regions.count > 0;
}
