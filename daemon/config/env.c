/* Reads settings from environment variables, HGAUTOD_SECTION_KEY. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "daemon/config/loader.h"

#define PREFIX "HGAUTOD_"

/* The section that a variable's name (without the prefix) begins with; *key is the rest.
 * SECTION_COUNT: none. */
static enum section env_section(const char *name, const char **key)
{
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        size_t n = strlen(config_sections[i].name);
        size_t same = 0;
        while (same < n && name[same] == toupper((unsigned char)config_sections[i].name[same]))
            same++;
        if (same == n && name[n] == '_') {
            *key = name + n + 1;
            return (enum section)i;
        }
    }
    return SECTION_COUNT;
}

/* Kubernetes gives every pod variables named after the services around it: a service
 * "hgautod-log" brings HGAUTOD_LOG_SERVICE_HOST and HGAUTOD_LOG_PORT_80_TCP. Those are ignored. */
static bool env_is_of_kubernetes(const char *key)
{
    return strncmp(key, "SERVICE_", 8) == 0 || strncmp(key, "PORT_", 5) == 0 ||
           strcmp(key, "PORT") == 0;
}

static void env_report_unknown(struct loader *l, enum section section, const char *name,
                               const char *key)
{
    if (section == SECTION_SOURCE) {
        loader_problem(l, ORIGIN_ENVIRONMENT,
                       "%s: sources cannot be set from the environment, only in the file", name);
        return;
    }
    char prefix[32];
    snprintf(prefix, sizeof prefix, "%.*s", (int)(key - name), name);
    loader_begin_problem(l, ORIGIN_ENVIRONMENT);
    buf_addf(l->problems, "unknown variable %s", name);
    loader_propose_key(l, section, key, prefix);
}

/* A variable's key as it is in the file. Lowercase letters become '?', which matches nothing. */
static void env_lower_key(const char *key, char *to)
{
    for (; *key; key++)
        *to++ = (char)(islower((unsigned char)*key) ? '?' : tolower((unsigned char)*key));
    *to = '\0';
}

/* One "NAME=value". Variables that begin with HGAUTOD_ but name no section are ignored. */
static void env_read_variable(struct loader *l, const char *variable)
{
    const char *equals = strchr(variable, '=');
    char name[96], lower[96];
    size_t n = equals ? (size_t)(equals - variable) : 0;
    if (n == 0 || n >= sizeof name || text_problem(variable, n) ||
        strncmp(variable, PREFIX, strlen(PREFIX)) != 0)
        return;
    memcpy(name, variable, n);
    name[n] = '\0';
    const char *key = NULL;
    enum section section = env_section(name + strlen(PREFIX), &key);
    if (section == SECTION_COUNT || env_is_of_kubernetes(key))
        return;
    env_lower_key(key, lower);
    const struct setting *s =
        section == SECTION_SOURCE ? NULL : config_setting_find(section, lower);
    const char *value = equals + 1;
    const char *problem = text_problem(value, strlen(value));
    if (!s)
        env_report_unknown(l, section, name, key);
    else if (!*value)
        loader_problem(l, ORIGIN_ENVIRONMENT,
                       "%s is set but empty; unset it to keep the setting as it is", name);
    else if (problem)
        loader_problem(l, ORIGIN_ENVIRONMENT, "%s %s", name, problem);
    else
        loader_set(l, s, value, ORIGIN_ENVIRONMENT, name);
}

void loader_read_environment(struct loader *l, char *const *environment)
{
    for (char *const *v = environment; v && *v; v++)
        env_read_variable(l, *v);
}
