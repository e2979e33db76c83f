/* The INI file: lines in, sections and settings out, by way of inih.
 *
 * inih cuts long lines, section titles and multi-line names at fixed sizes without a word, takes an
 * indented line for the continuation of the one before, tells neither line numbers nor empty
 * sections, and reports only the first bad line. So each line is looked at here before inih gets
 * it: inih then splits "key = value" and takes comments away. As built in Debian it also accepts
 * "key: value", comment lines with ';' or '#', and comments after a value that begin with white
 * space and ';'. */
#include "daemon/config/table.h"

#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/utf8.h"
#include "lib/base/wipe.h"

/* Debian's inih has its settings as variables. Elsewhere they are fixed when it is built: then
 * these are not there, and the room for a line is what that build has. */
#pragma weak ini_use_stack
#pragma weak ini_allow_realloc
#pragma weak ini_initial_alloc
#pragma weak ini_max_line

struct lines {
    const struct config_reader *reader;
    const char *at, *end;
    unsigned number;
    bool unanswered; /* inih has been given a line and has not made a setting of it */
};

static void problem(const struct lines *l, const char *sentence)
{
    l->reader->problem(l->reader->ctx, l->number, sentence);
}

static bool is_control(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (((unsigned char)text[i] < 0x20 && text[i] != '\t') || text[i] == 0x7f)
            return true;
    return false;
}

const char *config_text_problem(const char *text, size_t n)
{
    if (is_control(text, n))
        return "contains a control character";
    return utf8_valid(text, n) ? NULL : "is not UTF-8";
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The next line, without white space at either end. */
static const char *take_line(struct lines *l, size_t *size)
{
    const char *start = l->at;
    const char *end = memchr(start, '\n', (size_t)(l->end - start));

    if (!end)
        end = l->end;
    l->at = end < l->end ? end + 1 : end;
    l->number++;
    while (start < end && is_blank(*start))
        start++;
    while (end > start && is_blank(end[-1]))
        end--;
    *size = (size_t)(end - start);
    return start;
}

/* A line that begins with '['. */
static void read_section(struct lines *l, const char *line, size_t size)
{
    char title[128];
    const char *close = memchr(line, ']', size);
    const char *rest = close ? close + 1 : line + size;
    size_t n = (size_t)(rest - line);

    while (rest < line + size && is_blank(*rest))
        rest++;
    if (!close)
        problem(l, "the section title has no closing ']'");
    else if (n >= sizeof title)
        problem(l, "the section title is too long");
    else if (rest < line + size && *rest != ';' && *rest != '#')
        problem(l, "text after the section's ']'; a setting needs its own line");
    if (!close || n >= sizeof title) {
        l->reader->section(l->reader->ctx, l->number, NULL);
        return;
    }
    memcpy(title, line + 1, n - 2);
    title[n - 2] = '\0';
    l->reader->section(l->reader->ctx, l->number, title);
}

static void too_long(const struct lines *l, size_t room)
{
    char text[96];

    snprintf(text, sizeof text, "the line is longer than %zu bytes", room - 2);
    problem(l, text);
}

static void not_text(const struct lines *l, const char *why)
{
    char text[96];

    snprintf(text, sizeof text, "the line %s", why);
    problem(l, text);
}

/* Whether inih should see the line; what is wrong with it, or is a section's title, is dealt with
 * here. */
static bool is_for_inih(struct lines *l, const char *line, size_t size, size_t room)
{
    if (size == 0 || *line == ';' || *line == '#')
        return false;
    if (config_text_problem(line, size))
        not_text(l, config_text_problem(line, size));
    else if (*line == '[')
        read_section(l, line, size);
    else if (size + 2 > room)
        too_long(l, room);
    else if (*line == '=' || *line == ':')
        problem(l, "no key before the '='");
    else
        return true;
    return false;
}

/* Gives inih the next line that is for it; an ini_reader. */
static char *next_line(char *to, int room, void *stream)
{
    struct lines *l = stream;

    if (l->unanswered)
        problem(l, "expected \"key = value\", \"[section]\" or a comment");
    l->unanswered = false;
    while (l->at < l->end) {
        size_t size;
        const char *line = take_line(l, &size);

        if (!is_for_inih(l, line, size, (size_t)room))
            continue;
        memcpy(to, line, size);
        memcpy(to + size, "\n", 2);
        l->unanswered = true;
        return to;
    }
    wipe(to, (size_t)room); /* it may have held a secret, and inih only frees it */
    return NULL;
}

static int take_setting(void *ctx, const char *section, const char *key, const char *value)
{
    struct lines *l = ctx;

    (void)section;
    l->unanswered = false;
    l->reader->setting(l->reader->ctx, l->number, key, value);
    return 1;
}

static void set_up_inih(void)
{
    if (!&ini_use_stack || !&ini_allow_realloc || !&ini_initial_alloc || !&ini_max_line)
        return;
    ini_use_stack = false;
    ini_allow_realloc = false;
    ini_initial_alloc = ini_max_line = CONFIG_LINE_MAX + 2; /* with the newline and the NUL */
}

bool config_parse(const char *text, size_t size, const struct config_reader *reader)
{
    static const char bom[] = "\xef\xbb\xbf";
    struct lines l = {.reader = reader, .at = text, .end = text + size};

    if (size >= 3 && memcmp(text, bom, 3) == 0)
        l.at += 3;
    set_up_inih();
    return ini_parse_stream(next_line, &l, take_setting, &l) != -2;
}
