/* Reads INI files: the lines that matter, or sections and settings. */
#ifndef HGAUTOD_LIB_BASE_INI_H
#define HGAUTOD_LIB_BASE_INI_H

#include <stdbool.h>
#include <stddef.h>

/* The maximum length of a line, in bytes; a longer one is a problem, it is never cut. */
#define INI_LINE_MAX (16u << 10)

/* The lines of a text that are neither blank nor comments (lines that begin with ';' or '#'). */
struct ini_lines {
    char *at, *end;
    unsigned number;
};

struct ini_line {
    /* From 1. */
    unsigned number;
    /* Bytes of white space before the text. */
    size_t indent;
    /* Without white space at either end, followed by a NUL; `size` bytes, which may be NULs too. */
    char *text;
    size_t size;
};

/* Starts at the beginning of a text of `size` bytes, followed by one writable byte, after its byte
 * order mark if there is one. The text is borrowed and modified. */
struct ini_lines ini_lines_begin(char *text, size_t size);

/* Returns whether there is another line. */
bool ini_lines_next(struct ini_lines *lines, struct ini_line *line);

/* What ini_read calls. The strings are valid during the call. */
struct ini_events {
    void *ctx;
    /* A line "[title]". title is NULL if it is malformed; problem() has been called then. */
    void (*section)(void *ctx, unsigned line, const char *title);
    /* A line "key = value" or "key: value". The value, which may be empty, ends before a comment:
     * white space and ';'. */
    void (*setting)(void *ctx, unsigned line, const char *key, const char *value);
    /* A line that is malformed. */
    void (*problem)(void *ctx, unsigned line, const char *sentence);
};

/* Reads a text, as ini_lines_begin does, through inih. Not thread-safe, because inih's limits are
 * global variables. */
void ini_read(char *text, size_t size, const struct ini_events *events);

#endif
