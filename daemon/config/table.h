/* The table of settings, as the files config*.c share it. Everything that is known of a setting
 * stands in its one row; the row drives parsing, defaults, messages, `hgautod check`, the sample
 * file and the manual. */
#ifndef HGAUTOD_DAEMON_CONFIG_TABLE_H
#define HGAUTOD_DAEMON_CONFIG_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/config/config.h"
#include "lib/base/buf.h"

enum section {
    SECTION_DAEMON,
    SECTION_LOG,
    SECTION_HTTP,
    SECTION_GUARD,
    SECTION_AWS,
    SECTION_AZURE,
    SECTION_SOURCE, /* [source NAME]; all above are fixed: they have no name and can be set from the
                       environment */
    SECTION_COUNT
};

struct section_info {
    const char *name;
    const char *help; /* one sentence or more */
};
extern const struct section_info config_sections[SECTION_COUNT];

enum value_kind {
    VALUE_STRING, /* char * */
    VALUE_PATH,   /* char *: an absolute path */
    VALUE_SECRET, /* char *: never shown */
    VALUE_FILE, /* char *: an absolute path; the file's content becomes the secret at `secret_at` */
    VALUE_CHOICE,   /* char *: one of `names` */
    VALUE_ENUM,     /* an int or enum: names[0] is `min`, names[1] is min + 1, ... */
    VALUE_NUMBER,   /* int64_t, min..max */
    VALUE_DURATION, /* int64_t in ms, min..max, a multiple of `step` */
    VALUE_BOOL,     /* bool */
    VALUE_LIST,     /* struct config_list */
};

struct setting {
    enum section section;
    enum value_kind kind;
    const char *key; /* NULL ends the table */
    size_t at;       /* of the field in struct config, or in struct config_source for sources */
    const char *fallback;       /* the default as one would write it; NULL: none */
    const char *fallback_words; /* the default in words, where it is not a constant */
    const char *example;        /* for the sample file, where there is no fallback */
    int64_t min, max, step;
    const char *const *names; /* ended by NULL */
    unsigned types;           /* which source types know it, 1 << enum source_type; 0: all */
    unsigned needed;          /* which source types cannot do without it */
    const char *other;        /* the default of other_types, instead of fallback */
    unsigned other_types;
    bool may_be_off;  /* a duration that also takes "off", which is 0 */
    size_t secret_at; /* VALUE_FILE */
    /* For strings, and for each entry of a list: NULL when it will do, else what it should be ("a
     * 12-digit account id"). */
    const char *(*check)(const char *text);
    const char *help; /* sentences */
};

extern const struct setting config_settings[];
/* Rows of the table without the end. */
size_t config_setting_count(void);
/* NULL when there is none. */
const struct setting *config_setting_find(enum section section, const char *key);
/* Whether a source of this type knows the setting. */
bool config_setting_applies(const struct setting *s, enum source_type type);
/* The default for a type of source (any type for fixed sections); NULL: none. */
const char *config_setting_fallback(const struct setting *s, enum source_type type);

/* What struct config.origin and struct config_source.origin hold for each row of the table: one of
 * these, or a line. */
#define ORIGIN_DEFAULT     0u
#define ORIGIN_ENVIRONMENT (~0u)

/* --- values (value.c) --- */

/* Reads text into the setting's field in base (a struct config or config_source), replacing what is
 * there. False when it will not do: then what is wrong with it is appended to `problem`, without
 * the text itself where that is a secret. */
bool config_value_parse(const struct setting *s, const char *text, void *base, struct buf *problem);
/* After a failed parse: numbers, durations and enums become what no text gives (-1, or below the
 * first name), so that checks between settings leave them alone. */
void config_value_forget(const struct setting *s, void *base);
/* Appends the field as one would write it; nothing when it is not given. Secrets are masked. */
bool config_value_format(const struct setting *s, const void *base, struct buf *to);
/* The same as JSON; a new reference. */
json_t *config_value_json(const struct setting *s, const void *base);
/* Whether a string or list has been given; true for all other kinds. */
bool config_value_given(const struct setting *s, const void *base);
/* Whether the field holds a secret: a VALUE_SECRET, or a URL with user information. */
bool config_value_is_secret(const struct setting *s, const void *base);
/* Frees, and wipes, what the field owns. */
void config_value_free(const struct setting *s, void *base);
/* Appends a duration with the largest unit that needs no fraction: "90s". */
bool config_duration_format(int64_t ms, struct buf *to);

/* --- the file (ini.c) --- */

/* What the INI reader tells; the strings are valid during the call. */
struct config_reader {
    void *ctx;
    /* A line "[title]"; NULL when the title is broken, of which problem() has told. */
    void (*section)(void *ctx, unsigned line, const char *title);
    /* A line "key = value"; neither is empty. */
    void (*setting)(void *ctx, unsigned line, const char *key, const char *value);
    /* A line that is neither, nor a comment, nor blank. */
    void (*problem)(void *ctx, unsigned line, const char *sentence);
};

/* What keeps n bytes from being a line of text ("is not UTF-8", "holds a control character"); NULL:
 * nothing. */
const char *config_text_problem(const char *text, size_t n);
/* Reads an INI file's text. False when out of memory. */
bool config_parse(const char *text, size_t size, const struct config_reader *reader);

#endif
