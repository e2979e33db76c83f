/* Reads the shared config and credentials files of the AWS CLI. The grammar is the one that the
 * CLI's own reader accepts: sections, keys in any case, '=' or ':', continuation by indentation,
 * comments on lines of their own. */
#include "lib/aws/auth/profile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/aws/auth/command_line.h"
#include "lib/base/array.h"
#include "lib/base/buf.h"
#include "lib/base/file.h"
#include "lib/base/ini.h"
#include "lib/base/memory.h"

#define FILE_MAX (1u << 20)
/* Sections of a file, and settings of a section. */
#define ENTRIES_MAX 20000
/* Bytes of a value over several lines. */
#define VALUE_MAX 8192

#define SPACE " \t\r\f\v"

/* One setting, in the text of its file. A nested one ("s3 =" followed by indented lines) has the
 * outer key, and its own name in sub. */
struct setting {
    const char *key;
    /* NULL: not nested. */
    const char *sub;
    char *value;
};

struct section {
    /* "profile", "services", "sso-session". */
    char *kind;
    char *name;
    /* [default] in the config file, to which [profile default] is preferred. */
    bool plain;
    struct setting *settings;
    size_t count, room;
};

/* Identifies the version of a file; all zero: there was none. */
struct stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
};

/* A file, what it was like when it was read, and its content. */
struct file {
    /* Owned; "" for none. */
    char *path;
    struct stamp stamp;
    /* Cut into the strings of the settings. */
    struct buf text;
    struct section *sections;
    size_t count, room;
};

struct aws_profiles {
    struct file credentials, config;
};

static void file_free(struct file *f)
{
    for (size_t i = 0; i < f->count; i++) {
        free(f->sections[i].settings);
        free(f->sections[i].kind);
        free(f->sections[i].name);
    }
    free(f->sections);
    free(f->path);
    buf_free(&f->text);
}

void aws_profiles_free(struct aws_profiles *p)
{
    if (p) {
        file_free(&p->credentials);
        file_free(&p->config);
        free(p);
    }
}

static struct section *file_find_section(const struct file *f, const char *kind, const char *name)
{
    for (size_t i = 0; i < f->count; i++)
        if (strcmp(f->sections[i].kind, kind) == 0 && strcmp(f->sections[i].name, name) == 0)
            return &f->sections[i];
    return NULL;
}

static struct setting *section_find(const struct section *s, const char *key, const char *sub)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct setting *at = &s->settings[i];
        bool same_sub = sub ? at->sub && strcmp(at->sub, sub) == 0 : !at->sub;
        if (same_sub && strcmp(at->key, key) == 0)
            return &s->settings[i];
    }
    return NULL;
}

/* --- reading --- */

/* The position of the reader in a file. */
struct reader {
    struct file *file;
    bool is_credentials;
    unsigned line;
    /* NULL: before the first, or in one that is ignored. */
    struct section *section;
    bool in_section;
    /* The setting that an indented line continues; NULL: none. */
    const char *key;
    /* White space before it. */
    size_t key_indent;
    /* Its own line had no value: indented lines are nested settings. */
    bool nested;
    struct err *err;
};

static bool reader_fail(struct reader *r, const char *what)
{
    return err_set(r->err, ERR_INVALID, "", "%s, line %u: %s", r->file->path, r->line, what);
}

/* Cuts white space off both ends, in place. */
static char *reader_trim(char *text)
{
    text += strspn(text, SPACE);
    size_t n = strlen(text);
    while (n > 0 && strchr(SPACE, text[n - 1]))
        text[--n] = '\0';
    return text;
}

/* Begins or continues a section. The config file may have both [default] and [profile default]:
 * only the latter is used, as by the SDKs. */
static bool reader_take_section(struct reader *r, const char *kind, const char *name, bool plain)
{
    struct file *f = r->file;
    struct section *s = file_find_section(f, kind, name);
    if (s && s->plain == plain)
        return reader_fail(r, "this section was there before; merge the two");
    if (s && plain)
        return true;
    if (!s && f->count == ENTRIES_MAX)
        return reader_fail(r, "too many sections");
    if (!s) {
        f->sections = array_room(f->sections, f->count, &f->room, sizeof *f->sections);
        s = &f->sections[f->count++];
        *s = (struct section){.kind = xstrdup(kind), .name = xstrdup(name)};
    }
    s->count = 0;
    s->plain = plain;
    r->section = s;
    return true;
}

/* Begins the section [header]. In the credentials file each is a profile; in the config file
 * profiles other than the default one are [profile name]. All others are ignored, as by the CLI. */
static bool reader_begin_section(struct reader *r, const char *header)
{
    r->section = NULL;
    r->in_section = true;
    struct aws_command_line line = {0};
    struct err ignored = ERR_INIT;
    if (r->is_credentials || strcmp(header, "default") == 0)
        return reader_take_section(r, "profile", header, true);
    if (!aws_command_line_split(header, &line, &ignored))
        return true;
    bool ok = line.count != 2 || reader_take_section(r, line.argv[0], line.argv[1], false);
    aws_command_line_free(&line);
    return ok;
}

static bool reader_take_header(struct reader *r, char *text)
{
    char *end = strrchr(text, ']');
    if (!end || end == text + 1)
        return reader_fail(r, "a section begins with '[' and ends with ']'");
    *end = '\0';
    r->key = NULL;
    return reader_begin_section(r, text + 1);
}

/* Adds a setting to the section, unless that is ignored. */
static bool reader_add(struct reader *r, const char *key, const char *sub, char *value)
{
    struct section *s = r->section;
    if (!s)
        return true;
    if (section_find(s, key, sub))
        return reader_fail(r, "this key was there before in the same section");
    if (s->count == ENTRIES_MAX)
        return reader_fail(r, "too many settings in one section");
    s->settings = array_room(s->settings, s->count, &s->room, sizeof *s->settings);
    s->settings[s->count++] = (struct setting){.key = key, .sub = sub, .value = value};
    return true;
}

/* An indented line under "key =": "sub = value". */
static bool reader_take_nested(struct reader *r, char *text)
{
    char *equals = strchr(text, '=');
    if (!equals)
        return reader_fail(r, "an indented line under a key without a value must be \"name = "
                              "value\"");
    *equals = '\0';
    return reader_add(r, r->key, reader_trim(text), reader_trim(equals + 1));
}

/* An indented line under "key = value" extends the value by a line. The value ends before the line
 * in the text, so it is extended in place. */
static bool reader_take_continuation(struct reader *r, const char *text)
{
    struct setting *at = r->section ? section_find(r->section, r->key, NULL) : NULL;
    if (!at)
        return true;
    size_t had = strlen(at->value);
    if (had + strlen(text) > VALUE_MAX)
        return reader_fail(r, "a value over several lines is longer than 8 KiB");
    at->value[had] = '\n';
    memmove(at->value + had + 1, text, strlen(text) + 1);
    return true;
}

static bool reader_take_setting(struct reader *r, char *text, size_t indent)
{
    if (!r->in_section)
        return reader_fail(r, "a setting before the first [section]");
    size_t n = strcspn(text, "=:");
    if (!text[n] || n == 0)
        return reader_fail(r, "neither a [section], a \"key = value\" nor a comment");
    text[n] = '\0';
    char *key = reader_trim(text);
    char *value = reader_trim(text + n + 1);
    for (char *c = key; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    r->key = key;
    r->key_indent = indent;
    r->nested = !*value;
    return reader_add(r, key, NULL, value);
}

static bool reader_take_line(struct reader *r, const struct ini_line *line)
{
    char *text = reader_trim(line->text);
    r->line = line->number;
    if (!*text || *text == '#' || *text == ';')
        return true;
    if (r->key && line->indent > r->key_indent)
        return r->nested ? reader_take_nested(r, text) : reader_take_continuation(r, text);
    return *text == '[' ? reader_take_header(r, text) : reader_take_setting(r, text, line->indent);
}

/* --- files --- */

/* Linux's /dev/null (Documentation/admin-guide/devices.txt), a usual way to name no file. */
static bool file_is_null_device(const struct stat *st)
{
    return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

static struct stamp file_stamp(const struct stat *st)
{
    return (struct stamp){
        .device = st->st_dev,
        .inode = st->st_ino,
        .size = st->st_size,
        .modified = st->st_mtim,
    };
}

static bool file_same_stamp(const struct stamp *a, const struct stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec;
}

/* Reads the text of a file; a missing one is empty, and its stamp zero. */
static bool file_read_text(struct file *f, struct err *err)
{
    struct stat st = {0};
    int fd = file_open(AT_FDCWD, f->path, 0, &st);
    int why = fd < 0 ? errno : file_read_fd(fd, &f->text);
    if (fd >= 0)
        close(fd);
    if (why == ENOENT || why == ENOTDIR)
        return true;
    f->stamp = file_stamp(&st);
    if (why == ENOTSUP && file_is_null_device(&st))
        return true;
    if (why == EFBIG)
        return err_set(err, ERR_INVALID, "", "%s is larger than 1 MiB", f->path);
    if (why == EISDIR || why == ENOTSUP)
        return err_set(err, ERR_INVALID, "", "%s is not a regular file", f->path);
    if (why != 0)
        return err_set(err, ERR_INVALID, "", "%s cannot be %s: %s", f->path,
                       fd < 0 ? "opened" : "read", strerror(why));
    return !memchr(buf_str(&f->text), '\0', f->text.size) ||
           err_set(err, ERR_INVALID, "", "%s contains a NUL byte: it is not text", f->path);
}

/* Loads the file at f->path, which may be "". */
static bool file_load(struct file *f, bool is_credentials, struct err *err)
{
    f->text = buf_make_secret(FILE_MAX);
    if (*f->path && !file_read_text(f, err))
        return false;
    struct reader r = {.file = f, .is_credentials = is_credentials, .err = err};
    struct ini_lines lines = ini_lines_begin(f->text.data, f->text.size);
    struct ini_line line;
    while (ini_lines_next(&lines, &line))
        if (!reader_take_line(&r, &line))
            return false;
    return true;
}

/* Returns the given path, or that of the environment, or the usual one below the home directory; ""
 * if there is no home. */
static char *file_path(const char *given, const char *variable, const char *usual)
{
    const char *home = getenv("HOME");
    const char *named = given ? given : getenv(variable);
    if (named && *named && (strncmp(named, "~/", 2) != 0 || !home))
        return xstrdup(named);
    if (!home || !*home)
        return xstrdup("");
    return xasprintf("%s/%s", home, named && *named ? named + 2 : usual);
}

struct aws_profiles *aws_profiles_load(const char *config, const char *credentials, struct err *err)
{
    struct aws_profiles *p = xcalloc(1, sizeof *p);
    p->config.path = file_path(config, "AWS_CONFIG_FILE", ".aws/config");
    p->credentials.path = file_path(credentials, "AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials");
    if (file_load(&p->config, false, err) && file_load(&p->credentials, true, err))
        return p;
    aws_profiles_free(p);
    return NULL;
}

static bool file_changed(const struct file *f)
{
    struct stat st;
    struct stamp now = {0};
    if (*f->path && stat(f->path, &st) == 0)
        now = file_stamp(&st);
    return !file_same_stamp(&now, &f->stamp);
}

bool aws_profiles_changed(const struct aws_profiles *p)
{
    return file_changed(&p->config) || file_changed(&p->credentials);
}

struct aws_profiles *aws_profiles_reload(const struct aws_profiles *p, struct err *err)
{
    return aws_profiles_load(p->config.path, p->credentials.path, err);
}

/* --- looking up --- */

static const char *file_value(const struct file *f, const char *kind, const char *name,
                              const char *key, const char *sub)
{
    const struct section *s = file_find_section(f, kind, name);
    const struct setting *at = s ? section_find(s, key, sub) : NULL;
    return at ? at->value : NULL;
}

const char *aws_profile_get(const struct aws_profiles *p, const char *profile, const char *key)
{
    const char *value = file_value(&p->credentials, "profile", profile, key, NULL);
    return value ? value : file_value(&p->config, "profile", profile, key, NULL);
}

const char *aws_profile_section_get(const struct aws_profiles *p, const char *section,
                                    const char *name, const char *key, const char *sub)
{
    return file_value(&p->config, section, name, key, sub);
}

bool aws_profile_exists(const struct aws_profiles *p, const char *profile)
{
    return file_find_section(&p->credentials, "profile", profile) ||
           file_find_section(&p->config, "profile", profile);
}
