/* Reads the shared config and credentials files of the AWS CLI. The grammar is the one that the
 * CLI's own reader accepts: sections, keys in any case, '=' or ':', continuation by indentation,
 * comments in lines of their own. */
#include "lib/aws/auth/profile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/aws/auth/words.h"
#include "lib/base/buf.h"
#include "lib/base/wipe.h"

#define FILE_MAX    (1u << 20)
#define ENTRIES_MAX 20000 /* sections and settings of one file */
#define VALUE_MAX   8192  /* of a value over several lines, bytes */

/* One setting. A nested one ("s3 =" followed by indented lines) has the outer key and its own name
 * in sub. */
struct setting {
    char *key;
    char *sub; /* NULL */
    char *value;
};

struct section {
    char *kind; /* "profile", "services", "sso-session" */
    char *name;
    bool plain; /* [default] in the config file, to which [profile default] is preferred */
    struct setting *settings;
    size_t count, room;
};

struct file {
    struct section *sections;
    size_t count, room;
};

/* By which a changed file is known; all zero: there was none. */
struct stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
};

/* A file, and what it was like when it was read. */
struct source {
    char *path; /* owned; "" for none */
    struct stamp stamp;
};

struct aws_profiles {
    struct file credentials, config;
    struct source credentials_source, config_source;
};

/* --- memory --- */

static void section_clear(struct section *s)
{
    for (size_t i = 0; i < s->count; i++) {
        free(s->settings[i].key);
        free(s->settings[i].sub);
        wipe_free(s->settings[i].value);
    }
    s->count = 0;
}

static void section_free(struct section *s)
{
    section_clear(s);
    free(s->settings);
    free(s->kind);
    free(s->name);
}

static void file_free(struct file *f)
{
    for (size_t i = 0; i < f->count; i++)
        section_free(&f->sections[i]);
    free(f->sections);
}

void aws_profiles_free(struct aws_profiles *p)
{
    if (p) {
        file_free(&p->credentials);
        file_free(&p->config);
        free(p->credentials_source.path);
        free(p->config_source.path);
        free(p);
    }
}

/* Room for one more element in an array. */
static bool grow(void **array, size_t *room, size_t count, size_t element)
{
    if (count < *room)
        return true;
    size_t more = *room ? *room * 2 : 8;
    void *bigger = count < ENTRIES_MAX ? realloc(*array, more * element) : NULL;
    if (!bigger)
        return false;
    *array = bigger;
    *room = more;
    return true;
}

static struct section *find_section(const struct file *f, const char *kind, const char *name)
{
    for (size_t i = 0; i < f->count; i++)
        if (strcmp(f->sections[i].kind, kind) == 0 && strcmp(f->sections[i].name, name) == 0)
            return &f->sections[i];
    return NULL;
}

static struct section *add_section(struct file *f, const char *kind, const char *name)
{
    if (!grow((void **)&f->sections, &f->room, f->count, sizeof(*f->sections)))
        return NULL;
    struct section *s = &f->sections[f->count];
    *s = (struct section){.kind = strdup(kind), .name = strdup(name)};
    f->count++;
    return s->kind && s->name ? s : NULL;
}

static struct setting *find_setting(const struct section *s, const char *key, const char *sub)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct setting *at = &s->settings[i];
        bool same_sub = sub ? at->sub && strcmp(at->sub, sub) == 0 : !at->sub;
        if (same_sub && strcmp(at->key, key) == 0)
            return &s->settings[i];
    }
    return NULL;
}

static struct setting *add_setting(struct section *s, const char *key, const char *sub,
                                   const char *value)
{
    if (!grow((void **)&s->settings, &s->room, s->count, sizeof(*s->settings)))
        return NULL;
    struct setting *at = &s->settings[s->count];
    *at = (struct setting){
        .key = strdup(key), .sub = sub ? strdup(sub) : NULL, .value = strdup(value)};
    s->count++;
    return at->key && at->value && (at->sub || !sub) ? at : NULL;
}

/* --- reading --- */

/* Where the reader stands in a file. */
struct reader {
    const char *path;
    bool is_credentials;
    unsigned line;
    struct file *file;
    struct section *section; /* NULL: before the first, or in one that is of no concern to us */
    bool in_section;
    char *key;      /* the setting that an indented line continues; NULL: none */
    int key_indent; /* white space before it */
    bool nested;    /* its own line had no value: indented lines are nested settings */
    struct err *err;
};

static bool broken(struct reader *r, const char *what)
{
    return err_set(r->err, ERR_INVALID, "", "%s, line %u: %s", r->path, r->line, what);
}

static bool no_memory(struct reader *r)
{
    return err_set(r->err, ERR_INTERNAL, "", "%s: out of memory or more than %d entries", r->path,
                   ENTRIES_MAX);
}

/* Cuts white space off both ends, in place. */
static char *trim(char *text)
{
    text += strspn(text, " \t\r\f\v");
    size_t n = strlen(text);
    while (n > 0 && strchr(" \t\r\f\v", text[n - 1]))
        text[--n] = '\0';
    return text;
}

static void lower(char *text)
{
    for (; *text; text++)
        if (*text >= 'A' && *text <= 'Z')
            *text = (char)(*text - 'A' + 'a');
}

/* Takes up the section for the lines that follow. In the config file both [default] and [profile
 * default] may stand: the latter counts alone, as with the SDKs. */
static bool take_section(struct reader *r, const char *kind, const char *name, bool plain)
{
    struct section *there = find_section(r->file, kind, name);
    if (there && there->plain == plain)
        return broken(r, "this section was there before; merge the two");
    if (there && plain)
        return true; /* passed over */
    if (there)
        section_clear(there);
    r->section = there ? there : add_section(r->file, kind, name);
    if (!r->section)
        return no_memory(r);
    r->section->plain = plain;
    return true;
}

/* Starts the section [header]. In the credentials file each is a profile; in the config file
 * profiles other than the default one say so: [profile name]. What is neither is skipped, as the
 * CLI does. */
static bool begin_section(struct reader *r, const char *header)
{
    r->section = NULL;
    r->in_section = true;
    struct aws_words words = {0};
    struct err ignored = ERR_INIT;
    if (r->is_credentials || strcmp(header, "default") == 0)
        return take_section(r, "profile", header, true);
    if (!aws_words_split(header, &words, &ignored))
        return true;
    bool ok = words.count != 2 || take_section(r, words.at[0], words.at[1], false);
    aws_words_free(&words);
    return ok;
}

static bool read_header(struct reader *r, char *text)
{
    char *end = strrchr(text, ']');
    if (!end || end == text + 1)
        return broken(r, "a section begins with '[' and ends with ']'");
    *end = '\0';
    free(r->key);
    r->key = NULL;
    return begin_section(r, text + 1);
}

/* An indented line under "key =": "sub = value". */
static bool read_nested(struct reader *r, char *text)
{
    char *equals = strchr(text, '=');
    if (!equals)
        return broken(r, "an indented line under a key without a value must be \"name = value\"");
    *equals = '\0';
    const char *sub = trim(text);
    const char *value = trim(equals + 1);
    if (r->section && find_setting(r->section, r->key, sub))
        return broken(r, "this key was there before in the same section");
    return !r->section || add_setting(r->section, r->key, sub, value) || no_memory(r);
}

/* An indented line under "key = value" makes the value longer by a line. */
static bool read_continuation(struct reader *r, const char *text)
{
    struct setting *at = r->section ? find_setting(r->section, r->key, NULL) : NULL;
    if (!at)
        return true;
    size_t had = strlen(at->value);
    if (had + strlen(text) > VALUE_MAX)
        return broken(r, "a value over several lines is longer than 8 KiB");
    char *longer = malloc(had + strlen(text) + 2);
    if (!longer)
        return no_memory(r);
    memcpy(longer, at->value, had);
    longer[had] = '\n';
    memcpy(longer + had + 1, text, strlen(text) + 1);
    wipe_free(at->value);
    at->value = longer;
    return true;
}

static bool read_setting(struct reader *r, char *text, int indent)
{
    if (!r->in_section)
        return broken(r, "a setting before the first [section]");
    size_t n = strcspn(text, "=:");
    if (!text[n] || n == 0)
        return broken(r, "neither a [section], a \"key = value\" nor a comment");
    text[n] = '\0';
    char *key = trim(text);
    const char *value = trim(text + n + 1);
    lower(key);
    if (r->section && find_setting(r->section, key, NULL))
        return broken(r, "this key was there before in the same section");
    free(r->key);
    r->key = strdup(key);
    r->key_indent = indent;
    r->nested = !*value;
    if (!r->key || (r->section && !add_setting(r->section, key, NULL, value)))
        return no_memory(r);
    return true;
}

static bool read_line(struct reader *r, char *line)
{
    int indent = (int)strspn(line, " \t");
    char *text = trim(line);
    if (!*text || *text == '#' || *text == ';')
        return true;
    if (r->key && indent > r->key_indent)
        return r->nested ? read_nested(r, text) : read_continuation(r, text);
    return *text == '[' ? read_header(r, text) : read_setting(r, text, indent);
}

static bool read_text(struct reader *r, char *text)
{
    if (strncmp(text, "\xEF\xBB\xBF", 3) == 0)
        text += 3; /* a byte order mark, which some editors write */
    while (text) {
        char *next = strchr(text, '\n');
        if (next)
            *next++ = '\0';
        r->line++;
        if (!read_line(r, text))
            return false;
        text = next;
    }
    return true;
}

/* Linux's /dev/null (Documentation/admin-guide/devices.txt), by which people say "no such file". */
static bool is_null_device(const struct stat *st)
{
    return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

static struct stamp stamp_of(const struct stat *st)
{
    return (struct stamp){
        .device = st->st_dev,
        .inode = st->st_ino,
        .size = st->st_size,
        .modified = st->st_mtim,
    };
}

static bool same_stamp(const struct stamp *a, const struct stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec;
}

/* Reads a whole file; a missing one leaves *text empty, and *stamp as it is. */
static bool slurp(const char *path, struct buf *text, struct stamp *stamp, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return errno == ENOENT || errno == ENOTDIR ||
               err_set(err, ERR_INVALID, "", "%s cannot be opened: %s", path, strerror(errno));
    }
    struct stat st;
    char part[4096];
    ssize_t n = 0;
    bool ok = fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || is_null_device(&st));
    if (ok)
        *stamp = stamp_of(&st);
    else
        err_set(err, ERR_INVALID, "", "%s is not a regular file", path);
    while (ok && (n = read(fd, part, sizeof(part))) > 0) {
        ok = buf_add(text, part, (size_t)n) ||
             err_set(err, ERR_INVALID, "", "%s is larger than 1 MiB", path);
    }
    if (ok && n < 0)
        ok = err_set(err, ERR_INVALID, "", "%s cannot be read: %s", path, strerror(errno));
    if (ok && text->size > 0 && memchr(text->data, '\0', text->size))
        ok = err_set(err, ERR_INVALID, "", "%s holds a NUL byte: it is not text", path);
    wipe(part, sizeof(part));
    close(fd);
    return ok;
}

static bool load(struct source *source, bool is_credentials, struct file *to, struct err *err)
{
    const char *path = source->path;
    struct buf text = buf_make_secret(FILE_MAX);
    struct reader r = {.path = path, .is_credentials = is_credentials, .file = to, .err = err};
    bool ok = (!*path || slurp(path, &text, &source->stamp, err)) &&
              (text.size == 0 || read_text(&r, text.data));
    free(r.key);
    buf_free(&text);
    return ok;
}

/* The path that is given, or the environment's, or the usual one under the home directory. "" when
 * there is no home. */
static char *file_path(const char *given, const char *variable, const char *usual)
{
    const char *home = getenv("HOME");
    const char *named = given ? given : getenv(variable);
    char *path = NULL;
    if (named && *named && (strncmp(named, "~/", 2) != 0 || !home))
        return strdup(named);
    if (!home || !*home)
        return strdup("");
    const char *rest = named && *named ? named + 2 : usual;
    return asprintf(&path, "%s/%s", home, rest) < 0 ? NULL : path;
}

struct aws_profiles *aws_profiles_load(const char *config, const char *credentials, struct err *err)
{
    struct aws_profiles *p = calloc(1, sizeof(*p));
    if (!p) {
        err_set(err, ERR_INTERNAL, "", "out of memory");
        return NULL;
    }
    p->config_source.path = file_path(config, "AWS_CONFIG_FILE", ".aws/config");
    p->credentials_source.path =
        file_path(credentials, "AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials");
    bool ok = p->config_source.path && p->credentials_source.path;
    if (!ok)
        err_set(err, ERR_INTERNAL, "", "out of memory");
    if (ok && load(&p->config_source, false, &p->config, err) &&
        load(&p->credentials_source, true, &p->credentials, err))
        return p;
    aws_profiles_free(p);
    return NULL;
}

static bool source_changed(const struct source *source)
{
    struct stat st;
    struct stamp now = {0};
    if (*source->path && stat(source->path, &st) == 0)
        now = stamp_of(&st);
    return !same_stamp(&now, &source->stamp);
}

bool aws_profiles_changed(const struct aws_profiles *p)
{
    return source_changed(&p->config_source) || source_changed(&p->credentials_source);
}

struct aws_profiles *aws_profiles_reload(const struct aws_profiles *p, struct err *err)
{
    return aws_profiles_load(p->config_source.path, p->credentials_source.path, err);
}

/* --- asking --- */

static const char *value_in(const struct file *f, const char *kind, const char *name,
                            const char *key, const char *sub)
{
    const struct section *s = find_section(f, kind, name);
    const struct setting *at = s ? find_setting(s, key, sub) : NULL;
    return at ? at->value : NULL;
}

const char *aws_profile_get(const struct aws_profiles *p, const char *profile, const char *key)
{
    const char *value = value_in(&p->credentials, "profile", profile, key, NULL);
    return value ? value : value_in(&p->config, "profile", profile, key, NULL);
}

const char *aws_profile_section_get(const struct aws_profiles *p, const char *section,
                                    const char *name, const char *key, const char *sub)
{
    return value_in(&p->config, section, name, key, sub);
}

bool aws_profile_exists(const struct aws_profiles *p, const char *profile)
{
    return find_section(&p->credentials, "profile", profile) ||
           find_section(&p->config, "profile", profile);
}
