/* Writes the configuration: the effective one for `hgautod check`, and the reference of all
 * settings, as a sample file and as mdoc for the manual. */
#include "daemon/config/config.h"

#include <inttypes.h>
#include <string.h>

#include "daemon/config/table.h"
#include "lib/base/text.h"

#define COMMENT_COLUMN 48

/* --- the effective configuration --- */

static void print_origin(const struct config *c, unsigned origin, struct buf *to)
{
    if (origin == ORIGIN_DEFAULT)
        buf_adds(to, "default");
    else if (origin == ORIGIN_ENVIRONMENT)
        buf_adds(to, "environment");
    else
        buf_addf(to, "%s:%u", c->path, origin);
}

/* Spaces up to the column of comments; at least one, which an INI comment needs. */
static void print_padding(struct buf *to, size_t line_start)
{
    size_t column = to->size - line_start;
    buf_addf(to, "%*s", column < COMMENT_COLUMN ? (int)(COMMENT_COLUMN - column) : 1, "");
}

static void print_setting(const struct config *c, const struct setting *s, const void *base,
                          unsigned origin, struct buf *to)
{
    size_t start = to->size;
    bool given = config_value_given(s, base);
    buf_addf(to, given ? "%s = " : ";%s =", s->key);
    config_value_format(s, base, to);
    print_padding(to, start);
    buf_adds(to, "; ");
    if (given)
        print_origin(c, origin, to);
    else
        buf_adds(to, "not set");
    buf_addc(to, '\n');
}

static void print_section(const struct config *c, enum section section, struct buf *to)
{
    buf_addf(to, "\n[%s]\n", config_sections[section].name);
    for (const struct setting *s = config_settings; s->key; s++)
        if (s->section == section)
            print_setting(c, s, c, c->origin[s - config_settings], to);
}

static void print_source(const struct config *c, const struct config_source *source, struct buf *to)
{
    buf_addf(to, "\n[source %s]\n", source->name);
    for (const struct setting *s = config_settings; s->key; s++)
        if (s->section == SECTION_SOURCE && config_setting_applies(s, source->type))
            print_setting(c, s, source, source->origin[s - config_settings], to);
}

void config_print(const struct config *c, struct buf *to)
{
    buf_addf(to, "; effective configuration; file: %s\n", c->path ? c->path : "none");
    for (unsigned i = 0; i < SECTION_SOURCE; i++)
        print_section(c, (enum section)i, to);
    for (size_t i = 0; i < c->source_count; i++)
        print_source(c, &c->sources[i], to);
}

static json_t *setting_json(const struct config *c, const struct setting *s, const void *base,
                            unsigned origin)
{
    struct buf text = buf_make(CONFIG_FILE_MAX);
    print_origin(c, origin, &text);
    json_t *json =
        json_pack("{so ss}", "value", config_value_json(s, base), "origin", buf_str(&text));
    buf_free(&text);
    return json;
}

/* The settings of a section as an object; source NULL for a fixed section. */
static json_t *section_json(const struct config *c, enum section section,
                            const struct config_source *source)
{
    const unsigned *origins = source ? source->origin : c->origin;
    const void *base = source ? (const void *)source : c;
    json_t *object = json_object();
    for (const struct setting *s = config_settings; s->key; s++)
        if (s->section == section && (!source || config_setting_applies(s, source->type)))
            json_object_set_new(object, s->key,
                                setting_json(c, s, base, origins[s - config_settings]));
    return object;
}

json_t *config_json(const struct config *c)
{
    /* NULL if the path is not UTF-8; origins contain it too. */
    json_t *all = json_pack("{ss?}", "file", c->path);
    if (!all)
        return NULL;
    for (unsigned i = 0; i < SECTION_SOURCE; i++)
        json_object_set_new(all, config_sections[i].name, section_json(c, (enum section)i, NULL));
    json_t *sources = json_object();
    for (size_t i = 0; i < c->source_count; i++)
        json_object_set_new(sources, c->sources[i].name,
                            section_json(c, SECTION_SOURCE, &c->sources[i]));
    json_object_set_new(all, "sources", sources);
    return all;
}

/* --- the reference --- */

/* "sqs, s3" for the types in a mask. */
static void print_types(unsigned types, struct buf *to)
{
    const char *separator = "";
    for (unsigned t = 0; t < SOURCE_TYPE_COUNT; t++)
        if (types & 1u << t) {
            buf_addf(to, "%s%s", separator, source_type_name((enum source_type)t));
            separator = ", ";
        }
}

/* The allowed values: " A duration from 1s to 1h." Of strings, the help describes them. */
static void describe_kind(const struct setting *s, struct buf *to)
{
    switch (s->kind) {
    case VALUE_NUMBER:
        buf_addf(to, " A number from %" PRId64 " to %" PRId64 ".", s->min, s->max);
        break;
    case VALUE_DURATION:
        buf_adds(to, " A duration from ");
        config_duration_format(s->min, to);
        buf_adds(to, " to ");
        config_duration_format(s->max, to);
        buf_adds(to, s->may_be_off ? ", or off." : ".");
        break;
    case VALUE_BOOL:
        buf_adds(to, " One of yes, no.");
        break;
    case VALUE_LIST:
        buf_adds(to, " A list.");
        break;
    case VALUE_ENUM:
    case VALUE_CHOICE:
        buf_adds(to, " One of");
        for (size_t i = 0; s->names[i]; i++)
            buf_addf(to, "%s %s", i ? "," : "", s->names[i]);
        buf_addc(to, '.');
        break;
    case VALUE_PATH:
    case VALUE_FILE:
        buf_adds(to, " An absolute path.");
        break;
    case VALUE_SECRET:
    case VALUE_STRING:
        break;
    }
}

/* " Default: off for sqs, azure_queue; 1s for directory." */
static void describe_defaults_by_type(const struct setting *s, struct buf *to)
{
    const char *separator = " Default: ";
    unsigned done = 0;
    for (unsigned t = 0; t < SOURCE_TYPE_COUNT; t++) {
        const char *fallback = s->fallback_by_type((enum source_type)t);
        unsigned same = 0;
        for (unsigned u = t; u < SOURCE_TYPE_COUNT; u++)
            if (strcmp(s->fallback_by_type((enum source_type)u), fallback) == 0)
                same |= 1u << u;
        if (done & 1u << t)
            continue;
        done |= same;
        buf_addf(to, "%s%s for ", separator, fallback);
        print_types(same, to);
        separator = "; ";
    }
    buf_addc(to, '.');
}

static void describe_default(const struct setting *s, struct buf *to)
{
    if (s->needed && !s->fallback_words)
        return;
    if (s->fallback_by_type)
        describe_defaults_by_type(s, to);
    else
        buf_addf(to, " Default: %s.",
                 s->fallback         ? s->fallback
                 : s->fallback_words ? s->fallback_words
                                     : "none");
}

/* A complete description of a setting, in sentences. */
static void describe_setting(const struct setting *s, struct buf *to)
{
    buf_adds(to, s->help);
    describe_kind(s, to);
    describe_default(s, to);
    if (s->types) {
        buf_adds(to, " For ");
        print_types(s->types, to);
        buf_addc(to, '.');
    }
    if (s->needed && s->needed != s->types && s->types) {
        buf_adds(to, " Required for ");
        print_types(s->needed, to);
        buf_addc(to, '.');
    } else if (s->needed) {
        buf_adds(to, " Required.");
    }
}

/* The text as comment lines. */
static void sample_comment(struct buf *to, const char *text)
{
    buf_adds(to, "# ");
    text_add_wrapped(to, text, 2, "# ");
}

static const char *sample_value(const struct setting *s)
{
    const char *fallback = config_setting_fallback(s, (enum source_type)0);
    return fallback ? fallback : s->example;
}

static void sample_section(enum section section, struct buf *to)
{
    buf_addc(to, '\n');
    sample_comment(to, config_sections[section].help);
    buf_addf(to, "[%s]\n", config_sections[section].name);
    for (const struct setting *s = config_settings; s->key; s++) {
        struct buf text = buf_make(4096);
        if (s->section == section) {
            describe_setting(s, &text);
            buf_addc(to, '\n');
            sample_comment(to, buf_str(&text));
            buf_addf(to, ";%s = %s\n", s->key, sample_value(s));
        }
        buf_free(&text);
    }
}

/* An example of a source with the settings that its type requires. */
static void sample_source(enum source_type type, struct buf *to)
{
    buf_addf(to, "\n;[source my-%s]\n;type = %s\n", source_type_name(type), source_type_name(type));
    for (const struct setting *s = config_settings; s->key; s++)
        if (s->section == SECTION_SOURCE && (s->needed & 1u << type) && strcmp(s->key, "type") != 0)
            buf_addf(to, ";%s = %s\n", s->key, s->example);
    if (source_facts[type].cloud == SOURCE_IN_AZURE)
        buf_addf(to, ";account = %s\n", config_setting_find(SECTION_SOURCE, "account")->example);
}

static void sample_source_keys(struct buf *to)
{
    buf_addc(to, '\n');
    sample_comment(to, "All keys of a source:");
    for (const struct setting *s = config_settings; s->key; s++) {
        struct buf text = buf_make(4096);
        if (s->section == SECTION_SOURCE) {
            describe_setting(s, &text);
            buf_adds(to, "#\n");
            buf_addf(to, "# %s = %s\n", s->key, sample_value(s));
            sample_comment(to, buf_str(&text));
        }
        buf_free(&text);
    }
}

void config_sample(struct buf *to)
{
    sample_comment(to, "The configuration of hgautod, see hgautod.ini(5). This file is installed "
                       "as " CONFIG_DEFAULT_PATH ".");
    buf_adds(to, "#\n");
    sample_comment(to, "Every setting is shown. A line that begins with ';' is off: it shows the "
                       "default, or an example where there is no default. A setting here except "
                       "those of sources can also be given in the environment, as "
                       "HGAUTOD_<SECTION>_<KEY>, for example HGAUTOD_DAEMON_WORKERS=32. `hgautod "
                       "check` prints the effective settings and their origin.");
    buf_adds(to, "#\n");
    sample_comment(to,
                   "Durations need a unit: ms, s, m, h or d. Lists are separated by commas or "
                   "blanks; an entry that contains a comma or a blank must be enclosed in double "
                   "quotes.");
    for (unsigned i = 0; i < SECTION_SOURCE; i++)
        sample_section((enum section)i, to);
    buf_addc(to, '\n');
    sample_comment(to, config_sections[SECTION_SOURCE].help);
    for (unsigned t = 0; t < SOURCE_TYPE_COUNT; t++)
        sample_source((enum source_type)t, to);
    sample_source_keys(to);
}

static void mdoc_setting(const struct setting *s, struct buf *to)
{
    struct buf text = buf_make(4096);
    buf_addf(to, ".It Ic %s\n", s->key);
    describe_setting(s, &text);
    text_add_mdoc(to, buf_str(&text));
    buf_free(&text);
}

void config_mdoc(struct buf *to)
{
    for (unsigned i = 0; i < SECTION_COUNT; i++) {
        buf_addf(to, ".Ss Section %s%s\n", config_sections[i].name,
                 i == SECTION_SOURCE ? " NAME" : "");
        text_add_mdoc(to, config_sections[i].help);
        buf_adds(to, ".Bl -tag -width Ds\n");
        for (const struct setting *s = config_settings; s->key; s++)
            if (s->section == (enum section)i)
                mdoc_setting(s, to);
        buf_adds(to, ".El\n");
    }
}
