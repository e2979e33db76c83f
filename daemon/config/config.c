/* Loading the configuration: the file, then the environment over it, then defaults, then what must
 * hold between settings. Every problem is told, not only the first. */
#include "daemon/config/config.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actions/action.h"
#include "daemon/config/table.h"
#include "lib/base/file.h"
#include "lib/base/text.h"

static const char ENVIRONMENT_PREFIX[] = "HGAUTOD_";

struct loader {
    struct config *config;
    struct buf *problems;
    const char *path;
    size_t problem_count;
    bool out_of_memory;
    /* Where in the file reading has come to. */
    bool skip;            /* in a section that was complained about */
    enum section section; /* SECTION_COUNT: before the first */
    /* The first secret that the file itself holds. */
    const char *secret_key;
    unsigned secret_line;
};

/* --- problems --- */

/* "file:line: ", "file: " for line 0, "environment: ". */
static void begin_problem(struct loader *l, unsigned line)
{
    l->problem_count++;
    if (line == ORIGIN_ENVIRONMENT)
        buf_adds(l->problems, "environment: ");
    else if (line == 0)
        buf_addf(l->problems, "%s: ", l->path);
    else
        buf_addf(l->problems, "%s:%u: ", l->path, line);
}

static void complain(struct loader *l, unsigned line, const char *format, ...) PRINTF_LIKE(3, 4);

static void complain(struct loader *l, unsigned line, const char *format, ...)
{
    va_list args;

    begin_problem(l, line);
    va_start(args, format);
    buf_vaddf(l->problems, format, args);
    va_end(args);
    buf_addc(l->problems, '\n');
}

/* Whether a name so far from what was written is worth proposing. */
static bool is_near(unsigned distance, const char *written)
{
    return distance <= 2 || distance <= strlen(written) / 2;
}

static const char *nearest_section(const char *written, unsigned *distance)
{
    const char *nearest = NULL;

    *distance = 99;
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        unsigned d = text_distance(written, config_sections[i].name);

        if (d < *distance) {
            *distance = d;
            nearest = config_sections[i].name;
        }
    }
    return nearest;
}

/* Ends a line about an unknown key with the nearest known one, or else all of its section. */
static void propose_key(struct buf *to, enum section section, const char *written,
                        const char *prefix)
{
    const struct setting *nearest = NULL;
    const char *separator = "";
    unsigned distance = 99;

    for (const struct setting *s = config_settings; s->key; s++) {
        unsigned d = s->section == section ? text_distance(written, s->key) : 99;

        if (d < distance) {
            distance = d;
            nearest = s;
        }
    }
    if (nearest && is_near(distance, written)) {
        buf_addf(to, "; did you mean '%s", prefix);
        for (const char *p = nearest->key; *p; p++)
            buf_addc(to, (char)(*prefix ? toupper((unsigned char)*p) : *p));
        buf_adds(to, "'?\n");
        return;
    }
    buf_addf(to, "; the keys of [%s] are ", config_sections[section].name);
    for (const struct setting *s = config_settings; s->key; s++)
        if (s->section == section) {
            buf_addf(to, "%s%s", separator, s->key);
            separator = ", ";
        }
    buf_addc(to, '\n');
}

static void complain_unknown_key(struct loader *l, unsigned line, const char *key)
{
    const char *name = config_sections[l->section].name;

    for (size_t i = 0; i < SECTION_COUNT; i++)
        if (config_setting_find((enum section)i, key)) {
            complain(l, line, "'%s' is not valid in [%s]; it belongs in [%s]", key, name,
                     config_sections[i].name);
            return;
        }
    begin_problem(l, line);
    buf_addf(l->problems, "unknown key '%s' in [%s]", key, name);
    propose_key(l->problems, l->section, key, "");
}

/* --- the file --- */

static unsigned *new_origins(void)
{
    return calloc(config_setting_count(), sizeof(unsigned));
}

static size_t row(const struct setting *s)
{
    return (size_t)(s - config_settings);
}

static struct config_source *last_source(const struct loader *l)
{
    return &l->config->sources[l->config->source_count - 1];
}

/* What holds the fields and origins of a section's settings. */
static void *base_of(const struct loader *l, enum section section)
{
    return section == SECTION_SOURCE ? (void *)last_source(l) : l->config;
}

static unsigned *origins_of(const struct loader *l, enum section section)
{
    return section == SECTION_SOURCE ? last_source(l)->origin : l->config->origin;
}

static bool add_source(struct loader *l, unsigned line, const char *name)
{
    struct config *c = l->config;
    struct config_source *bigger = realloc(c->sources, (c->source_count + 1) * sizeof *bigger);
    struct config_source source = {.line = line};

    if (!bigger)
        return false;
    c->sources = bigger;
    source.name = strdup(name);
    source.origin = new_origins();
    if (!source.name || !source.origin) {
        free(source.name);
        free(source.origin);
        return false;
    }
    c->sources[c->source_count++] = source;
    return true;
}

static bool is_source_name(const char *name)
{
    size_t n = strlen(name);

    return n >= 1 && n <= 40 &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == n;
}

static void begin_source(struct loader *l, unsigned line, const char *name)
{
    const struct config *c = l->config;

    l->skip = true;
    name += strspn(name, " \t");
    if (!*name) {
        complain(l, line, "a source needs a name: [source NAME]");
        return;
    }
    if (!is_source_name(name)) {
        complain(l, line,
                 "'%s' is not a valid source name: use at most 40 of the characters A-Z a-z 0-9 . "
                 "_ -",
                 name);
        return;
    }
    for (size_t i = 0; i < c->source_count; i++)
        if (strcmp(c->sources[i].name, name) == 0) {
            complain(l, line, "[source %s] is already defined on line %u", name,
                     c->sources[i].line);
            return;
        }
    if (c->source_count == CONFIG_SOURCE_MAX) {
        complain(l, line, "more than %d sources", CONFIG_SOURCE_MAX);
        return;
    }
    l->section = SECTION_SOURCE;
    l->skip = !add_source(l, line, name);
    l->out_of_memory = l->out_of_memory || l->skip;
}

static void on_section(void *ctx, unsigned line, const char *title)
{
    struct loader *l = ctx;
    const char *nearest;
    unsigned distance;

    l->skip = true;
    if (!title)
        return;
    title += strspn(title, " \t");
    if (strncmp(title, "source", 6) == 0 && (!title[6] || strchr(" \t", title[6]))) {
        begin_source(l, line, title + 6);
        return;
    }
    for (size_t i = 0; i < SECTION_SOURCE; i++)
        if (strcmp(title, config_sections[i].name) == 0) {
            l->section = (enum section)i;
            l->skip = false;
            return;
        }
    nearest = nearest_section(title, &distance);
    if (nearest && is_near(distance, title))
        complain(l, line, "unknown section [%s]; did you mean [%s]?", title,
                 strcmp(nearest, "source") == 0 ? "source NAME" : nearest);
    else
        complain(l, line,
                 "unknown section [%s]; the sections are daemon, log, http, guard, aws, azure and "
                 "source NAME",
                 title);
}

/* Reads a value into its field and says so if it will not do. `shown` is how the setting was
 * written. */
static bool set_value(struct loader *l, const struct setting *s, const char *value, unsigned origin,
                      const char *shown)
{
    void *base = base_of(l, s->section);
    struct buf problem = buf_make(4096);
    bool ok = config_value_parse(s, value, base, &problem);

    origins_of(l, s->section)[row(s)] = origin;
    if (!ok) {
        complain(l, origin, "%s: %s", shown, buf_str(&problem));
        config_value_forget(s, base);
    }
    buf_free(&problem);
    return ok;
}

static void on_setting(void *ctx, unsigned line, const char *key, const char *value)
{
    struct loader *l = ctx;
    const struct setting *s;
    unsigned first;

    if (l->skip)
        return;
    if (l->section == SECTION_COUNT) {
        complain(l, line, "'%s' precedes the first [section]", key);
        return;
    }
    s = config_setting_find(l->section, key);
    if (!s) {
        complain_unknown_key(l, line, key);
        return;
    }
    first = origins_of(l, s->section)[row(s)];
    if (first) {
        complain(l, line, "%s is already set on line %u", key, first);
        return;
    }
    if (!*value) {
        origins_of(l, s->section)[row(s)] = line;
        config_value_forget(s, base_of(l, s->section));
        complain(l, line, "%s has no value; remove the line to use the default", key);
        return;
    }
    if (set_value(l, s, value, line, key) && config_value_is_secret(s, base_of(l, s->section)) &&
        !l->secret_key) {
        l->secret_key = s->key;
        l->secret_line = line;
    }
}

static void on_problem(void *ctx, unsigned line, const char *sentence)
{
    complain(ctx, line, "%s", sentence);
}

static void check_permissions(struct loader *l, mode_t mode)
{
    if (l->secret_key && S_ISREG(mode) && (mode & (S_IRWXG | S_IRWXO)))
        complain(l, l->secret_line,
                 "%s is a secret, but users other than its owner can read or change the file "
                 "(mode %04o); run chmod 600 %s, or put the secret in a separate file with %s%s",
                 l->secret_key, (unsigned)mode & 07777u, l->path, l->secret_key, "_file");
}

static void load_file(struct loader *l, bool may_be_absent)
{
    const struct config_reader reader = {l, on_section, on_setting, on_problem};
    struct buf text = buf_make_secret(CONFIG_FILE_MAX);
    struct err err = ERR_INIT;
    mode_t mode;

    if (!file_read(l->path, FILE_STREAMS, &text, &mode, &err)) {
        if (err.kind != ERR_NOT_FOUND || !may_be_absent)
            complain(l, 0, "the configuration cannot be read: %s", err.message);
        goto done;
    }
    l->config->path = strdup(l->path);
    if (!l->config->path || !config_parse(buf_str(&text), text.size, &reader))
        l->out_of_memory = true;
    check_permissions(l, mode);
done:
    buf_free(&text);
}

/* --- the environment --- */

/* The section that a variable's name (without HGAUTOD_) begins with; *key is the rest.
 * SECTION_COUNT: none. */
static enum section section_of_variable(const char *name, const char **key)
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
 * "hgautod-log" brings HGAUTOD_LOG_SERVICE_HOST and HGAUTOD_LOG_PORT_80_TCP. They are not
 * meant for us. */
static bool is_of_kubernetes(const char *key)
{
    return strncmp(key, "SERVICE_", 8) == 0 || strncmp(key, "PORT_", 5) == 0 ||
           strcmp(key, "PORT") == 0;
}

static void unknown_variable(struct loader *l, enum section section, const char *name,
                             const char *key)
{
    char prefix[32];

    if (section == SECTION_SOURCE) {
        complain(l, ORIGIN_ENVIRONMENT,
                 "%s: sources cannot be set from the environment, only in the file", name);
        return;
    }
    snprintf(prefix, sizeof prefix, "%.*s", (int)(key - name), name);
    begin_problem(l, ORIGIN_ENVIRONMENT);
    buf_addf(l->problems, "unknown variable %s", name);
    propose_key(l->problems, section, key, prefix);
}

/* A variable's key as the file has it. Small letters become '?', so that they match nothing. */
static void lower_key(const char *key, char *to)
{
    for (; *key; key++)
        *to++ = (char)(islower((unsigned char)*key) ? '?' : tolower((unsigned char)*key));
    *to = '\0';
}

/* One "NAME=value". Other variables that begin with HGAUTOD_ but name no section are left alone. */
static void load_variable(struct loader *l, const char *variable)
{
    const char *equals = strchr(variable, '=');
    const char *key = NULL;
    const struct setting *s;
    char name[96], lower[96];
    enum section section;
    size_t n = equals ? (size_t)(equals - variable) : 0;
    const char *wrong;

    if (n == 0 || n >= sizeof name || config_text_problem(variable, n) ||
        strncmp(variable, ENVIRONMENT_PREFIX, strlen(ENVIRONMENT_PREFIX)) != 0)
        return;
    wrong = config_text_problem(equals + 1, strlen(equals + 1));
    memcpy(name, variable, n);
    name[n] = '\0';
    section = section_of_variable(name + strlen(ENVIRONMENT_PREFIX), &key);
    if (section == SECTION_COUNT || is_of_kubernetes(key))
        return;
    lower_key(key, lower);
    s = section == SECTION_SOURCE ? NULL : config_setting_find(section, lower);
    if (!s)
        unknown_variable(l, section, name, key);
    else if (!equals[1])
        complain(l, ORIGIN_ENVIRONMENT,
                 "%s is set but empty; unset it to keep the setting as it "
                 "is",
                 name);
    else if (wrong)
        complain(l, ORIGIN_ENVIRONMENT, "%s %s", name, wrong);
    else
        set_value(l, s, equals + 1, ORIGIN_ENVIRONMENT, name);
}

/* --- defaults and secrets from files --- */

/* The host's name made fit to be a part of a role's name. */
static char *host_name(void)
{
    char host[256];
    char *name;

    if (gethostname(host, sizeof host) != 0 || !host[0])
        return strdup("hgautod");
    host[sizeof host - 1] = '\0';
    name = strndup(host, 54);
    for (char *p = name; p && *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("+=,.@_-", *p))
            *p = '-';
    return name;
}

static void apply_defaults(struct loader *l, bool source, enum source_type type, void *base,
                           const unsigned *origins)
{
    struct buf problem = buf_make(4096);

    for (const struct setting *s = config_settings; s->key; s++) {
        const char *fallback = config_setting_fallback(s, type);

        if ((s->section == SECTION_SOURCE) != source || origins[row(s)] || !fallback ||
            (source && !config_setting_applies(s, type)))
            continue;
        if (!config_value_parse(s, fallback, base, &problem))
            l->out_of_memory = true;
    }
    buf_free(&problem);
}

/* What is wrong with a secret's text as a value; NULL: nothing. */
static const char *check_secret(const struct setting *s, const struct buf *text)
{
    const char *bytes = buf_str(text);

    if (text->size == 0)
        return "is empty";
    for (size_t i = 0; i < text->size; i++)
        if ((unsigned char)bytes[i] < 0x20 || bytes[i] == 0x7f)
            return "contains more than one line, or control characters";
    return s->check && s->check(bytes) ? "does not contain a valid value" : NULL;
}

/* Reads the file that a *_file setting names into the secret beside it. */
static void load_secret(struct loader *l, const struct setting *s, void *base, unsigned *origins)
{
    const char *path = *(char **)((char *)base + s->at);
    char **secret = (char **)((char *)base + s->secret_at);
    struct buf text = buf_make_secret(CONFIG_SECRET_MAX);
    unsigned origin = origins[row(s)];
    const char *wrong;
    struct err err = ERR_INIT;

    if (*secret) {
        complain(l, origin, "%s: set either this or the secret itself, not both", s->key);
        goto done;
    }
    if (!file_read(path, FILE_SECRET, &text, NULL, &err)) {
        complain(l, origin, "%s: %s cannot be read: %s", s->key, path, err.message);
        goto done;
    }
    while (text.size && (text.data[text.size - 1] == '\n' || text.data[text.size - 1] == '\r'))
        text.data[--text.size] = '\0';
    wrong = check_secret(s, &text);
    if (wrong) {
        complain(l, origin, "%s: %s %s", s->key, path, wrong);
        goto done;
    }
    *secret = strdup(buf_str(&text));
    l->out_of_memory = l->out_of_memory || !*secret;
    for (const struct setting *of = config_settings; of->key; of++)
        if (of->section == s->section && of->at == s->secret_at)
            origins[row(of)] = origin;
done:
    buf_free(&text);
}

static void load_secrets(struct loader *l, bool source, void *base, unsigned *origins)
{
    for (const struct setting *s = config_settings; s->key; s++)
        if (s->kind == VALUE_FILE && (s->section == SECTION_SOURCE) == source &&
            config_value_given(s, base))
            load_secret(l, s, base, origins);
}

/* --- what must hold between settings --- */

/* Durations in words, for a message. */
struct words {
    char text[32];
};

static struct words duration(int64_t ms)
{
    struct buf b = buf_make(sizeof(struct words) - 1);
    struct words w;

    config_duration_format(ms, &b);
    snprintf(w.text, sizeof w.text, "%s", buf_str(&b));
    buf_free(&b);
    return w;
}

/* The origin to blame: the first of two settings that is not a default. */
static unsigned blame(unsigned one, unsigned other)
{
    return one ? one : other;
}

static unsigned origin_of(const unsigned *origins, enum section section, const char *key)
{
    return origins[row(config_setting_find(section, key))];
}

/* Times below 0 are not known: their values have been complained about. */
static void check_timeouts(struct loader *l)
{
    const struct config *c = l->config;
    int64_t request = c->http.request_timeout;
    unsigned request_origin = origin_of(c->origin, SECTION_HTTP, "request_timeout");

    if (request > 0 && c->http.connect_timeout > request)
        complain(l, blame(origin_of(c->origin, SECTION_HTTP, "connect_timeout"), request_origin),
                 "connect_timeout (%s) of [http] is longer than request_timeout (%s)",
                 duration(c->http.connect_timeout).text, duration(request).text);
    if (c->daemon.drain_timeout > 0 && request > c->daemon.drain_timeout)
        complain(l, blame(request_origin, origin_of(c->origin, SECTION_DAEMON, "drain_timeout")),
                 "request_timeout (%s) of [http] is longer than drain_timeout (%s) of [daemon]: a "
                 "request could take longer than the shutdown",
                 duration(request).text, duration(c->daemon.drain_timeout).text);
}

static void check_action_names(struct loader *l, const struct config_list *list, const char *key)
{
    unsigned origin = origin_of(l->config->origin, SECTION_GUARD, key);

    for (size_t i = 0; i < list->count; i++) {
        const char *nearest = NULL;
        unsigned least = 99;

        if (action_find(list->at[i]))
            continue;
        for (const struct action *const *a = action_table; *a; a++) {
            unsigned d = text_distance(list->at[i], (*a)->name);

            if (d < least) {
                least = d;
                nearest = (*a)->name;
            }
        }
        if (nearest && is_near(least, list->at[i]))
            complain(l, origin, "%s: there is no action '%s'; did you mean '%s'?", key, list->at[i],
                     nearest);
        else
            complain(l, origin, "%s: there is no action '%s'", key, list->at[i]);
    }
}

static void fill_in_role(struct loader *l)
{
    struct config *c = l->config;
    const char *role = c->aws.cross_account_role;
    struct buf text = buf_make(4096);
    const char *at;

    if (!role)
        return;
    while ((at = strstr(role, "{name}"))) {
        buf_add(&text, role, (size_t)(at - role));
        buf_adds(&text, c->daemon.name ? c->daemon.name : "");
        role = at + strlen("{name}");
    }
    buf_adds(&text, role);
    free(c->aws.cross_account_role);
    c->aws.cross_account_role = buf_take(&text);
    l->out_of_memory = l->out_of_memory || !c->aws.cross_account_role;
}

/* The keys that a source has and should not, and should have and has not. */
static void check_keys(struct loader *l, const struct config_source *s)
{
    const char *type = source_type_name(s->type);

    for (const struct setting *k = config_settings; k->key; k++) {
        unsigned origin = k->section == SECTION_SOURCE ? s->origin[row(k)] : 0;

        if (k->section != SECTION_SOURCE)
            continue;
        if (origin && !config_setting_applies(k, s->type)) {
            begin_problem(l, origin);
            buf_addf(l->problems, "%s is not for type = %s; it is for", k->key, type);
            for (unsigned t = 0; t <= SOURCE_DIRECTORY; t++)
                if (k->types & 1u << t)
                    buf_addf(l->problems, " %s", source_type_name((enum source_type)t));
            buf_addc(l->problems, '\n');
        }
        if (!origin && (k->needed & 1u << s->type))
            complain(l, s->line, "[source %s] has no %s, which type = %s needs", s->name, k->key,
                     type);
    }
}

static void check_claim(struct loader *l, const struct config_source *s)
{
    int64_t request = l->config->http.request_timeout;

    if (s->rules.claims && s->rules.claim_ttl > 0 && s->rules.claim_ttl < 2 * request)
        complain(l,
                 blame(origin_of(s->origin, SECTION_SOURCE, "claim_ttl"),
                       origin_of(l->config->origin, SECTION_HTTP, "request_timeout")),
                 "claim_ttl (%s) of [source %s] is shorter than twice request_timeout (%s) of "
                 "[http]: a claim could expire while it is being renewed",
                 duration(s->rules.claim_ttl).text, s->name, duration(request).text);
}

static void check_source(struct loader *l, const struct config_source *s)
{
    bool azure = s->type == SOURCE_AZURE_QUEUE || s->type == SOURCE_AZURE_BLOB;

    check_keys(l, s);
    check_claim(l, s);
    if (azure && !origin_of(s->origin, SECTION_SOURCE, "account") &&
        !origin_of(s->origin, SECTION_SOURCE, "connection_string") &&
        !origin_of(s->origin, SECTION_SOURCE, "connection_string_file"))
        complain(l, s->line,
                 "[source %s] has neither account nor connection_string_file; type = %s needs one "
                 "of them",
                 s->name, source_type_name(s->type));
    if (s->kms_key_id && (!s->server_side_encryption ||
                          strncmp(s->server_side_encryption, "aws:kms", strlen("aws:kms")) != 0))
        complain(l, origin_of(s->origin, SECTION_SOURCE, "kms_key_id"),
                 "kms_key_id needs server_side_encryption = aws:kms or aws:kms:dsse");
    if (s->type == SOURCE_SQS && s->max_messages > 10)
        complain(l, origin_of(s->origin, SECTION_SOURCE, "max_messages"),
                 "max_messages: '%" PRId64 "' is not between 1 and 10, the maximum of SQS",
                 s->max_messages);
    if (s->type == SOURCE_S3 && s->bucket && !config_source_bucket(s))
        complain(l, origin_of(s->origin, SECTION_SOURCE, "bucket"),
                 "bucket: '*' is for type = sqs; type = s3 needs the name of a bucket");
    if (s->type == SOURCE_SQS && s->sweep_interval > 0 && !config_source_bucket(s))
        complain(
            l, origin_of(s->origin, SECTION_SOURCE, "sweep_interval"),
            "sweep_interval needs the name of a bucket: without it there is nothing to search");
    if (s->type != SOURCE_SQS && s->type != SOURCE_AZURE_QUEUE && s->sweep_interval == 0)
        complain(l, origin_of(s->origin, SECTION_SOURCE, "sweep_interval"),
                 "sweep_interval cannot be off for type = %s: sweeping is how it finds events",
                 source_type_name(s->type));
}

static void finish_source(struct loader *l, struct config_source *s)
{
    unsigned type_origin = origin_of(s->origin, SECTION_SOURCE, "type");

    if (!type_origin) {
        complain(l, s->line,
                 "[source %s] has no type; set it to one of sqs, s3, azure_queue, azure_blob, "
                 "directory",
                 s->name);
        return;
    }
    if ((int)s->type < SOURCE_SQS)
        return; /* not known */
    load_secrets(l, true, s, s->origin);
    apply_defaults(l, true, s->type, s, s->origin);
    check_source(l, s);
}

static void finish(struct loader *l, bool may_be_absent)
{
    struct config *c = l->config;

    apply_defaults(l, false, SOURCE_SQS, c, c->origin);
    if (!c->daemon.name && !origin_of(c->origin, SECTION_DAEMON, "name")) {
        c->daemon.name = host_name();
        l->out_of_memory = l->out_of_memory || !c->daemon.name;
    }
    load_secrets(l, false, c, c->origin);
    check_timeouts(l);
    check_action_names(l, &c->guard.enable_actions, "enable_actions");
    check_action_names(l, &c->guard.disable_actions, "disable_actions");
    fill_in_role(l);
    for (size_t i = 0; i < c->source_count; i++)
        finish_source(l, &c->sources[i]);
    if (c->source_count == 0 && !may_be_absent && l->problem_count == 0)
        complain(l, 0, "no [source NAME] section; at least one is needed");
}

/* --- the whole --- */

struct config *config_load(const char *path, bool may_be_absent, char *const *environment,
                           struct buf *problems)
{
    struct loader l = {
        .config = calloc(1, sizeof(struct config)),
        .problems = problems,
        .path = path ? path : CONFIG_DEFAULT_PATH,
        .section = SECTION_COUNT,
    };

    if (l.config)
        l.config->origin = new_origins();
    if (!l.config || !l.config->origin) {
        l.out_of_memory = true;
        goto done;
    }
    load_file(&l, !path && may_be_absent);
    for (char *const *v = environment; v && *v; v++)
        load_variable(&l, *v);
    finish(&l, may_be_absent);
done:
    if (l.out_of_memory)
        complain(&l, 0, "out of memory");
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
