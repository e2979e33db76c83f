/* Reads the configuration file. */
#include <string.h>
#include <sys/stat.h>

#include "daemon/config/loader.h"
#include "lib/base/file.h"
#include "lib/base/ini.h"
#include "lib/base/memory.h"

#define SOURCE_NAME_MAX   40
#define SOURCE_NAME_BYTES "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

struct file_loader {
    struct loader *l;
    /* In a section that has been reported as wrong. */
    bool skip;
    /* SECTION_COUNT: before the first. */
    enum section section;
    /* The first secret that the file itself contains. */
    const char *secret_key;
    unsigned secret_line;
};

/* Reports what is wrong with the name of a source; false if anything. */
static bool load_check_name(struct loader *l, unsigned line, const char *name)
{
    const struct config *c = l->config;
    size_t n = strlen(name);
    if (n == 0) {
        loader_problem(l, line, "a source needs a name: [source NAME]");
        return false;
    }
    if (n > SOURCE_NAME_MAX || strspn(name, SOURCE_NAME_BYTES) != n) {
        loader_problem(l, line,
                       "'%s' is not a valid source name: use at most %d of the characters A-Z a-z "
                       "0-9 . _ -",
                       name, SOURCE_NAME_MAX);
        return false;
    }
    for (size_t i = 0; i < c->source_count; i++)
        if (strcmp(c->sources[i].name, name) == 0) {
            loader_problem(l, line, "[source %s] is already defined on line %u", name,
                           c->sources[i].line);
            return false;
        }
    if (c->source_count == CONFIG_SOURCE_MAX)
        loader_problem(l, line, "more than %d sources", CONFIG_SOURCE_MAX);
    return c->source_count < CONFIG_SOURCE_MAX;
}

static void load_begin_source(struct file_loader *f, unsigned line, const char *name)
{
    struct config *c = f->l->config;
    name += strspn(name, " \t");
    if (!load_check_name(f->l, line, name))
        return;
    c->sources = xrealloc(c->sources, (c->source_count + 1) * sizeof *c->sources);
    c->sources[c->source_count++] = (struct config_source){
        .name = xstrdup(name),
        .line = line,
        .origin = xcalloc(config_setting_count(), sizeof(unsigned)),
    };
    f->section = SECTION_SOURCE;
    f->skip = false;
}

static void load_section(void *ctx, unsigned line, const char *title)
{
    struct file_loader *f = ctx;
    f->skip = true;
    if (!title)
        return;
    title += strspn(title, " \t");
    if (strncmp(title, "source", 6) == 0 && (!title[6] || strchr(" \t", title[6]))) {
        load_begin_source(f, line, title + 6);
        return;
    }
    struct text_match match = {.written = title};
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        text_match_offer(&match, config_sections[i].name);
        if (i == SECTION_SOURCE || strcmp(title, config_sections[i].name) != 0)
            continue;
        f->section = (enum section)i;
        f->skip = false;
        return;
    }
    if (match.name)
        loader_problem(f->l, line, "unknown section [%s]; did you mean [%s%s]?", title, match.name,
                       strcmp(match.name, "source") == 0 ? " NAME" : "");
    else
        loader_problem(f->l, line,
                       "unknown section [%s]; the sections are daemon, log, http, guard, aws, "
                       "azure and source NAME",
                       title);
}

static void load_report_unknown(struct file_loader *f, unsigned line, const char *key)
{
    const char *name = config_sections[f->section].name;
    for (size_t i = 0; i < SECTION_COUNT; i++)
        if (config_setting_find((enum section)i, key)) {
            loader_problem(f->l, line, "'%s' is not valid in [%s]; it belongs in [%s]", key, name,
                           config_sections[i].name);
            return;
        }
    loader_begin_problem(f->l, line);
    buf_addf(f->l->problems, "unknown key '%s' in [%s]", key, name);
    loader_propose_key(f->l, f->section, key, "");
}

static void load_setting(void *ctx, unsigned line, const char *key, const char *value)
{
    struct file_loader *f = ctx;
    struct loader *l = f->l;
    if (f->skip)
        return;
    if (f->section == SECTION_COUNT) {
        loader_problem(l, line, "'%s' precedes the first [section]", key);
        return;
    }
    const struct setting *s = config_setting_find(f->section, key);
    if (!s) {
        load_report_unknown(f, line, key);
        return;
    }
    unsigned *origin = loader_origin(l, s);
    if (*origin) {
        loader_problem(l, line, "%s is already set on line %u", key, *origin);
        return;
    }
    if (!*value) {
        *origin = line;
        config_value_forget(s, loader_base(l, s->section));
        loader_problem(l, line, "%s has no value; remove the line to use the default", key);
        return;
    }
    if (loader_set(l, s, value, line, key) && !f->secret_key &&
        config_value_is_secret(s, loader_base(l, s->section))) {
        f->secret_key = s->key;
        f->secret_line = line;
    }
}

static void load_problem(void *ctx, unsigned line, const char *sentence)
{
    const struct file_loader *f = ctx;
    loader_problem(f->l, line, "%s", sentence);
}

void loader_read_file(struct loader *l, bool may_be_absent)
{
    struct file_loader f = {.l = l, .section = SECTION_COUNT};
    const struct ini_events events = {&f, load_section, load_setting, load_problem};
    struct buf text = buf_make_secret(CONFIG_FILE_MAX);
    struct err err = ERR_INIT;
    mode_t mode;
    if (file_read(l->path, FILE_STREAMS, &text, &mode, &err)) {
        l->config->path = xstrdup(l->path);
        ini_read(text.data, text.size, &events);
        if (f.secret_key && S_ISREG(mode) && (mode & (S_IRWXG | S_IRWXO)))
            loader_problem(l, f.secret_line,
                           "%s is a secret, but users other than its owner can read or change the "
                           "file (mode %04o); run chmod 600 %s, or put the secret in a separate "
                           "file with %s_file",
                           f.secret_key, (unsigned)mode & 07777u, l->path, f.secret_key);
    } else if (err.kind != ERR_NOT_FOUND || !may_be_absent) {
        loader_problem(l, 0, "the configuration cannot be read: %s", err.message);
    }
    buf_free(&text);
}
