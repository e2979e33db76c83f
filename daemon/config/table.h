/* The table of settings, shared by the files of this folder. One row contains everything about a
 * setting; it drives parsing, defaults, messages, `hgautod check`, the sample and the manual. */
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
    /* [source NAME]. All above are fixed: they have no name and can be set from the environment. */
    SECTION_SOURCE,
    SECTION_COUNT
};

struct section_info {
    const char *name;
    /* Sentences. */
    const char *help;
};
extern const struct section_info config_sections[SECTION_COUNT];

enum value_kind {
    /* char * */
    VALUE_STRING,
    /* char *, an absolute path */
    VALUE_PATH,
    /* char *, never shown */
    VALUE_SECRET,
    /* char *, an absolute path; the content of the file becomes the secret at `secret_at` */
    VALUE_FILE,
    /* char *, one of `names` */
    VALUE_CHOICE,
    /* int or an enum: names[0] is `min`, names[1] is min + 1, ... */
    VALUE_ENUM,
    /* int64_t, min..max */
    VALUE_NUMBER,
    /* int64_t in ms, min..max */
    VALUE_DURATION,
    /* bool */
    VALUE_BOOL,
    /* struct config_list */
    VALUE_LIST,
};

struct setting {
    enum section section;
    enum value_kind kind;
    /* NULL ends the table. */
    const char *key;
    /* The offset of the field in struct config, or in struct config_source for SECTION_SOURCE. */
    size_t at;
    /* The default as it would be written; NULL: none. */
    const char *fallback;
    /* A description of the default if it is not constant. */
    const char *fallback_words;
    /* For the sample file, if there is no fallback. */
    const char *example;
    int64_t min, max;
    /* Ended by NULL. */
    const char *const *names;
    /* The source types that have it, 1 << enum source_type; 0: all. */
    unsigned types;
    /* The source types that require it. */
    unsigned needed;
    /* Returns the default for a type of source, instead of fallback. */
    const char *(*fallback_by_type)(enum source_type type);
    /* A duration that can also be "off", which is 0. */
    bool may_be_off;
    /* A duration that must be a number of whole seconds. */
    bool whole_seconds;
    /* VALUE_FILE: the offset of the secret. */
    size_t secret_at;
    /* For strings and each entry of a list: returns NULL if the text is valid, otherwise what is
     * wrong with it, as the predicate of a sentence ("is not a valid bucket name: ..."). */
    const char *(*check)(const char *text);
    /* Sentences. */
    const char *help;
};

extern const struct setting config_settings[];

/* Returns the number of rows, without the end. */
size_t config_setting_count(void);

/* Returns NULL if there is no such setting. */
const struct setting *config_setting_find(enum section section, const char *key);

/* Returns whether a source of this type has the setting. */
bool config_setting_applies(const struct setting *s, enum source_type type);

/* Returns the default for a type of source (any type for fixed sections); NULL: none. */
const char *config_setting_fallback(const struct setting *s, enum source_type type);

/* An element of struct config.origin or struct config_source.origin, one for each row of the table:
 * one of these, or a line of the file. */
#define ORIGIN_DEFAULT     0u
#define ORIGIN_ENVIRONMENT (~0u)

/* --- values (value.c) --- */

/* Reads a text into the setting's field of base (a struct config or config_source), replacing the
 * previous value. Returns false if the text is not valid: then what is wrong is appended to
 * `problem`, without the text itself if it may be a secret. */
bool config_value_parse(const struct setting *s, const char *text, void *base, struct buf *problem);

/* After a failed parse: sets numbers, durations and enums to what no text yields (-1, or below the
 * first name), so that checks between settings skip them. */
void config_value_forget(const struct setting *s, void *base);

/* Appends the field as it would be written, secrets masked; nothing if it is not set. */
void config_value_format(const struct setting *s, const void *base, struct buf *to);

/* Returns the same as JSON; a new reference. */
json_t *config_value_json(const struct setting *s, const void *base);

/* Returns whether a string or list is set; true for all other kinds. */
bool config_value_given(const struct setting *s, const void *base);

/* Returns whether the field contains a secret: a VALUE_SECRET, or a URL with user information. */
bool config_value_is_secret(const struct setting *s, const void *base);

/* Frees, and wipes, what the field owns. */
void config_value_free(const struct setting *s, void *base);

/* Appends a duration in the largest unit that needs no fraction: "90s". */
void config_duration_format(int64_t ms, struct buf *to);

#endif
