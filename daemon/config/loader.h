/* Loading the configuration, as the files of this folder share it: where settings go, where they
 * came from, and what is wrong with them. Every problem is reported, not only the first. */
#ifndef HGAUTOD_DAEMON_CONFIG_LOADER_H
#define HGAUTOD_DAEMON_CONFIG_LOADER_H

#include "daemon/config/table.h"
#include "lib/base/attr.h"
#include "lib/base/text.h"

struct loader {
    struct config *config;
    struct buf *problems;
    const char *path;
    size_t problem_count;
};

/* Begins a line about a problem with "file:line: ", "file: " for line 0, or "environment: " for
 * ORIGIN_ENVIRONMENT; the caller appends the rest and a newline. */
void loader_begin_problem(struct loader *l, unsigned line);

/* Appends a whole line. */
void loader_problem(struct loader *l, unsigned line, const char *format, ...) PRINTF_LIKE(3, 4);

/* Ends a line about an unknown key: with the most similar one, else with all keys of the section.
 * `prefix` is "", or what environment variables have before the key. */
void loader_propose_key(struct loader *l, enum section section, const char *written,
                        const char *prefix);

/* What contains the fields of a section's settings: the configuration, or for SECTION_SOURCE the
 * last source. */
void *loader_base(const struct loader *l, enum section section);

/* Returns where a setting of that section came from. */
unsigned *loader_origin(const struct loader *l, const struct setting *s);

/* Returns where a setting came from, given the origins of the configuration or of a source. */
unsigned config_origin(const unsigned *origins, enum section section, const char *key);

/* Reads a value into its field and records its origin; reports what is wrong with it. `shown` is
 * the setting's name as it was written. Returns whether the value is valid. */
bool loader_set(struct loader *l, const struct setting *s, const char *value, unsigned origin,
                const char *shown);

/* Reads the file (load.c). It may be absent if that is allowed. */
void loader_read_file(struct loader *l, bool may_be_absent);

/* Reads the variables HGAUTOD_SECTION_KEY of an environment that ends with NULL (env.c). */
void loader_read_environment(struct loader *l, char *const *environment);

/* Reads the files that *_file settings name into the secrets they stand for (secrets.c): of the
 * fixed sections (source NULL), or of a source. */
void loader_read_secrets(struct loader *l, struct config_source *source);

/* Checks what must hold between settings (checks.c): of the fixed sections, or of a source. */
void loader_check(struct loader *l);
void loader_check_source(struct loader *l, const struct config_source *source);

#endif
