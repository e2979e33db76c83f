/* Reads INI files.
 *
 * inih (https://github.com/benhoyt/inih) splits "key = value" and removes comments. It truncates
 * section titles, treats an indented line as the continuation of the previous one, reports neither
 * line numbers nor empty sections, and only the first malformed line. So it is given the file line
 * by line, and sections are handled here. */
#include "lib/base/ini.h"

#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/base/wipe.h"

#define TITLE_MAX 126

/* --- lines --- */

static bool ini_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

struct ini_lines ini_lines_begin(char *text, size_t size)
{
    static const char bom[] = "\xef\xbb\xbf";
    size_t skipped = size >= 3 && memcmp(text, bom, 3) == 0 ? 3 : 0;
    return (struct ini_lines){.at = text + skipped, .end = text + size};
}

bool ini_lines_next(struct ini_lines *lines, struct ini_line *line)
{
    while (lines->at < lines->end) {
        char *start = lines->at;
        char *end = memchr(start, '\n', (size_t)(lines->end - start));
        lines->at = end ? end + 1 : lines->end;
        lines->number++;
        if (!end)
            end = lines->end;
        char *text = start;
        while (text < end && ini_is_blank(*text))
            text++;
        while (end > text && ini_is_blank(end[-1]))
            end--;
        if (text == end || *text == ';' || *text == '#')
            continue;
        *end = '\0';
        *line = (struct ini_line){.number = lines->number,
                                  .indent = (size_t)(text - start),
                                  .text = text,
                                  .size = (size_t)(end - text)};
        return true;
    }
    return false;
}

/* --- sections and settings --- */

struct ini_state {
    const struct ini_events *events;
    struct ini_lines lines;
    /* inih has been given the current line and has not made a setting of it. */
    bool pending;
};

static void ini_problem(const struct ini_state *s, const char *sentence)
{
    s->events->problem(s->events->ctx, s->lines.number, sentence);
}

/* A line that begins with '['. */
static void ini_read_section(const struct ini_state *s, const struct ini_line *line)
{
    const char *close = strchr(line->text, ']');
    const char *rest = close ? close + 1 : "";
    size_t n = close ? (size_t)(close - line->text) - 1 : 0;
    rest += strspn(rest, " \t\r");
    if (!close)
        ini_problem(s, "the section title has no closing ']'");
    else if (n > TITLE_MAX)
        ini_problem(s, "the section title is too long");
    else if (*rest && *rest != ';' && *rest != '#')
        ini_problem(s, "text after the section's ']'; a setting needs its own line");
    char title[TITLE_MAX + 1] = "";
    bool whole = close && n <= TITLE_MAX;
    if (whole)
        memcpy(title, line->text + 1, n);
    s->events->section(s->events->ctx, line->number, whole ? title : NULL);
}

/* Returns whether the line is for inih, which has room for a line, its newline and a NUL: sections
 * and malformed lines are handled here. */
static bool ini_is_setting(const struct ini_state *s, const struct ini_line *line, size_t room)
{
    char sentence[96];
    const char *predicate = text_problem(line->text, line->size);
    if (predicate) {
        snprintf(sentence, sizeof sentence, "the line %s", predicate);
        ini_problem(s, sentence);
    } else if (*line->text == '[') {
        ini_read_section(s, line);
    } else if (line->size + 2 > room) {
        snprintf(sentence, sizeof sentence, "the line is longer than %zu bytes", room - 2);
        ini_problem(s, sentence);
    } else if (*line->text == '=' || *line->text == ':') {
        ini_problem(s, "no key before the '='");
    } else {
        return true;
    }
    return false;
}

/* An ini_reader of inih: gives it the next setting. */
static char *ini_next_setting(char *to, int room, void *ctx)
{
    struct ini_state *s = ctx;
    struct ini_line line;
    if (s->pending)
        ini_problem(s, "expected \"key = value\", \"[section]\" or a comment");
    s->pending = false;
    while (ini_lines_next(&s->lines, &line)) {
        if (!ini_is_setting(s, &line, (size_t)room))
            continue;
        memcpy(to, line.text, line.size);
        memcpy(to + line.size, "\n", 2);
        s->pending = true;
        return to;
    }
    /* inih only frees it, and it may contain a secret. */
    wipe(to, (size_t)room);
    return NULL;
}

/* An ini_handler of inih. */
static int ini_take_setting(void *ctx, const char *section, const char *key, const char *value)
{
    struct ini_state *s = ctx;
    (void)section;
    s->pending = false;
    s->events->setting(s->events->ctx, s->lines.number, key, value);
    return 1;
}

void ini_read(char *text, size_t size, const struct ini_events *events)
{
    struct ini_state s = {.events = events, .lines = ini_lines_begin(text, size)};
    /* With the newline and the NUL. */
    ini_initial_alloc = ini_max_line = INI_LINE_MAX + 2;
    ini_use_stack = false;
    ini_allow_realloc = false;
    if (ini_parse_stream(ini_next_setting, &s, ini_take_setting, &s) == -2)
        die_no_memory();
}
