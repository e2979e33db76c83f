/* Loads the configuration: the file, then the environment over it, then defaults and secrets, then
 * the checks. */
#include "daemon/config/config.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/config/loader.h"
#include "lib/base/memory.h"

#define HOST_NAME_MAX_BYTES 54

/* The host's name, made fit to be a part of a role's name. */
static char *config_host_name(void)
{
    char host[256];
    if (gethostname(host, sizeof host) != 0 || !host[0])
        return xstrdup("hgautod");
    host[sizeof host - 1] = '\0';
    char *name = xstrndup(host, HOST_NAME_MAX_BYTES);
    for (char *p = name; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("+=,.@_-", *p))
            *p = '-';
    return name;
}

/* Gives what has no origin its default: in the fixed sections (source NULL), or in a source. */
static void config_apply_defaults(struct config *c, struct config_source *source)
{
    void *base = source ? (void *)source : c;
    const unsigned *origins = source ? source->origin : c->origin;
    enum source_type type = source ? source->type : SOURCE_SQS;
    /* A test shows that each default is valid. */
    struct buf ignored = buf_make(4096);
    for (const struct setting *s = config_settings; s->key; s++) {
        const char *fallback = config_setting_fallback(s, type);
        if ((s->section == SECTION_SOURCE) == (source != NULL) && fallback &&
            !origins[s - config_settings] && (!source || config_setting_applies(s, type)))
            config_value_parse(s, fallback, base, &ignored);
    }
    buf_free(&ignored);
}

/* Replaces each {name} in the role by the name of the daemon. */
static void config_fill_in_role(struct config *c)
{
    const char *role = c->aws.cross_account_role;
    if (!role)
        return;
    struct buf text = buf_make(64u << 10);
    const char *at;
    while ((at = strstr(role, "{name}"))) {
        buf_add(&text, role, (size_t)(at - role));
        buf_adds(&text, c->daemon.name ? c->daemon.name : "");
        role = at + strlen("{name}");
    }
    buf_adds(&text, role);
    free(c->aws.cross_account_role);
    c->aws.cross_account_role = buf_take(&text);
}

static void config_finish_source(struct loader *l, struct config_source *s)
{
    if (!config_origin(s->origin, SECTION_SOURCE, "type")) {
        loader_problem(l, s->line,
                       "[source %s] has no type; set it to one of sqs, s3, azure_queue, "
                       "azure_blob, directory",
                       s->name);
        return;
    }
    /* An unknown type has been reported. */
    if ((int)s->type < 0)
        return;
    loader_read_secrets(l, s);
    config_apply_defaults(l->config, s);
    loader_check_source(l, s);
}

static void config_finish(struct loader *l, bool may_be_absent)
{
    struct config *c = l->config;
    config_apply_defaults(c, NULL);
    if (!c->daemon.name && !config_origin(c->origin, SECTION_DAEMON, "name"))
        c->daemon.name = config_host_name();
    loader_read_secrets(l, NULL);
    loader_check(l);
    config_fill_in_role(c);
    for (size_t i = 0; i < c->source_count; i++)
        config_finish_source(l, &c->sources[i]);
    if (c->source_count == 0 && !may_be_absent && l->problem_count == 0)
        loader_problem(l, 0, "no [source NAME] section; at least one is needed");
}

struct config *config_load(const char *path, bool may_be_absent, char *const *environment,
                           struct buf *problems)
{
    struct loader l = {
        .config = xcalloc(1, sizeof(struct config)),
        .problems = problems,
        .path = path ? path : CONFIG_DEFAULT_PATH,
    };
    l.config->origin = xcalloc(config_setting_count(), sizeof(unsigned));
    loader_read_file(&l, !path && may_be_absent);
    loader_read_environment(&l, environment);
    config_finish(&l, may_be_absent);
    if (l.problem_count == 0)
        return l.config;
    config_free(l.config);
    return NULL;
}

void config_free(struct config *c)
{
    if (!c)
        return;
    for (const struct setting *s = config_settings; s->key; s++) {
        if (s->section != SECTION_SOURCE)
            config_value_free(s, c);
        for (size_t i = 0; s->section == SECTION_SOURCE && i < c->source_count; i++)
            config_value_free(s, &c->sources[i]);
    }
    for (size_t i = 0; i < c->source_count; i++) {
        free(c->sources[i].name);
        free(c->sources[i].origin);
    }
    free(c->sources);
    free(c->origin);
    free(c->path);
    free(c);
}
