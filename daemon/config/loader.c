/* Sets values and reports problems, for the other files of this folder. */
#include "daemon/config/loader.h"

#include <ctype.h>
#include <stdarg.h>

void loader_begin_problem(struct loader *l, unsigned line)
{
    l->problem_count++;
    if (line == ORIGIN_ENVIRONMENT)
        buf_adds(l->problems, "environment: ");
    else if (line == 0)
        buf_addf(l->problems, "%s: ", l->path);
    else
        buf_addf(l->problems, "%s:%u: ", l->path, line);
}

void loader_problem(struct loader *l, unsigned line, const char *format, ...)
{
    va_list args;
    loader_begin_problem(l, line);
    va_start(args, format);
    buf_vaddf(l->problems, format, args);
    va_end(args);
    buf_addc(l->problems, '\n');
}

void loader_propose_key(struct loader *l, enum section section, const char *written,
                        const char *prefix)
{
    struct text_match match = {.written = written};
    for (const struct setting *s = config_settings; s->key; s++)
        if (s->section == section)
            text_match_offer(&match, s->key);
    if (match.name) {
        buf_addf(l->problems, "; did you mean '%s", prefix);
        for (const char *p = match.name; *p; p++)
            buf_addc(l->problems, (char)(*prefix ? toupper((unsigned char)*p) : *p));
        buf_adds(l->problems, "'?\n");
        return;
    }
    buf_addf(l->problems, "; the keys of [%s] are ", config_sections[section].name);
    const char *separator = "";
    for (const struct setting *s = config_settings; s->key; s++)
        if (s->section == section) {
            buf_addf(l->problems, "%s%s", separator, s->key);
            separator = ", ";
        }
    buf_addc(l->problems, '\n');
}

static struct config_source *loader_last_source(const struct loader *l)
{
    return &l->config->sources[l->config->source_count - 1];
}

void *loader_base(const struct loader *l, enum section section)
{
    return section == SECTION_SOURCE ? (void *)loader_last_source(l) : l->config;
}

unsigned *loader_origin(const struct loader *l, const struct setting *s)
{
    unsigned *origins =
        s->section == SECTION_SOURCE ? loader_last_source(l)->origin : l->config->origin;
    return &origins[s - config_settings];
}

unsigned config_origin(const unsigned *origins, enum section section, const char *key)
{
    return origins[config_setting_find(section, key) - config_settings];
}

bool loader_set(struct loader *l, const struct setting *s, const char *value, unsigned origin,
                const char *shown)
{
    void *base = loader_base(l, s->section);
    struct buf problem = buf_make(4096);
    bool ok = config_value_parse(s, value, base, &problem);
    *loader_origin(l, s) = origin;
    if (!ok) {
        loader_problem(l, origin, "%s: %s", shown, buf_str(&problem));
        config_value_forget(s, base);
    }
    buf_free(&problem);
    return ok;
}
