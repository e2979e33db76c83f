/* The values of settings: read from text, written as text and JSON, freed. */
#include "daemon/config/table.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/array.h"
#include "lib/base/memory.h"
#include "lib/base/wipe.h"

#define LIST_MAX  4096
#define SHOWN_MAX 80
#define MASK      "********"

static const struct unit {
    const char *name;
    int64_t ms;
} units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

static void *value_field(const struct setting *s, void *base)
{
    return (char *)base + s->at;
}

static const void *value_const_field(const struct setting *s, const void *base)
{
    return (const char *)base + s->at;
}

static char *value_string(const struct setting *s, const void *base)
{
    char *const *at = value_const_field(s, base);
    return *at;
}

/* --- reading --- */

/* Quotes the text, or its beginning, for a message. */
static void value_quote(struct buf *to, const char *text)
{
    size_t n = strlen(text);
    size_t shown = n <= SHOWN_MAX ? n : SHOWN_MAX;
    /* Not in the middle of a character. */
    while (shown < n && shown && ((unsigned char)text[shown] & 0xc0) == 0x80)
        shown--;
    buf_addc(to, '\'');
    buf_add(to, text, shown);
    buf_adds(to, shown < n ? "...' " : "' ");
}

/* Appends "'text' is not ...". Returns false. */
static bool value_refuse(struct buf *problem, const char *text, const char *predicate)
{
    value_quote(problem, text);
    buf_adds(problem, predicate);
    return false;
}

static void value_replace(char **at, const char *text)
{
    wipe_free(*at);
    *at = xstrdup(text);
}

static bool parse_string(const struct setting *s, const char *text, char **at, struct buf *problem)
{
    const char *predicate = s->check && s->kind != VALUE_FILE ? s->check(text) : NULL;
    if (s->kind == VALUE_SECRET) {
        value_replace(at, text);
        return true;
    }
    if (strstr(text, " #") || strstr(text, "\t#")) {
        buf_adds(problem, "a comment at the end of a line begins with ';', not with '#'");
        return false;
    }
    if ((s->kind == VALUE_PATH || s->kind == VALUE_FILE) && text[0] != '/')
        predicate = "is not an absolute path";
    /* It may contain a password. */
    if (predicate && strchr(text, '@')) {
        buf_addf(problem, "the value %s", predicate);
        return false;
    }
    if (predicate)
        return value_refuse(problem, text, predicate);
    value_replace(at, text);
    return true;
}

/* The index of a name; -1 with a problem that lists all names. */
static int parse_name(const struct setting *s, const char *text, struct buf *problem)
{
    for (int i = 0; s->names[i]; i++)
        if (strcasecmp(s->names[i], text) == 0)
            return i;
    value_refuse(problem, text, "is not one of");
    for (int i = 0; s->names[i]; i++)
        buf_addf(problem, "%s %s", i ? "," : "", s->names[i]);
    return -1;
}

static bool parse_choice(const struct setting *s, const char *text, char **at, struct buf *problem)
{
    int i = parse_name(s, text, problem);
    if (i >= 0)
        value_replace(at, s->names[i]);
    return i >= 0;
}

static bool parse_enum(const struct setting *s, const char *text, int *at, struct buf *problem)
{
    int i = parse_name(s, text, problem);
    if (i >= 0)
        *at = (int)s->min + i;
    return i >= 0;
}

static bool parse_bool(const char *text, bool *at, struct buf *problem)
{
    static const char *const words[] = {"no", "false", "off", "yes", "true", "on"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasecmp(text, words[i]) == 0) {
            *at = i >= 3;
            return true;
        }
    return value_refuse(problem, text, "is not yes or no (true, false, on, off)");
}

/* Reads digits; *rest is what follows them. False if there are none or too many. */
static bool parse_digits(const char *text, int64_t *value, const char **rest)
{
    if (!isdigit((unsigned char)text[0]))
        return false;
    char *end;
    errno = 0;
    *value = strtoll(text, &end, 10);
    *rest = end;
    return errno == 0;
}

static bool parse_number(const struct setting *s, const char *text, int64_t *at,
                         struct buf *problem)
{
    const char *rest = "";
    int64_t value;
    if (!parse_digits(text, &value, &rest) || *rest)
        return value_refuse(problem, text, "is not a whole number");
    if (value < s->min || value > s->max) {
        value_quote(problem, text);
        buf_addf(problem, "is not between %" PRId64 " and %" PRId64, s->min, s->max);
        return false;
    }
    *at = value;
    return true;
}

static bool parse_ms(const char *text, int64_t *ms)
{
    const char *unit = "";
    int64_t value;
    if (!parse_digits(text, &value, &unit))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(unit, units[i].name) == 0)
            return !__builtin_mul_overflow(value, units[i].ms, ms);
    return false;
}

static bool parse_duration(const struct setting *s, const char *text, int64_t *at,
                           struct buf *problem)
{
    int64_t ms = 0;
    if (s->may_be_off && strcasecmp(text, "off") == 0) {
        *at = 0;
        return true;
    }
    if (!parse_ms(text, &ms))
        return value_refuse(
            problem, text,
            "is not a duration: a whole number with its unit, ms, s, m, h or d, for example 90s");
    if (ms < s->min || ms > s->max) {
        value_quote(problem, text);
        buf_adds(problem, "is not between ");
        config_duration_format(s->min, problem);
        buf_adds(problem, " and ");
        config_duration_format(s->max, problem);
        if (s->may_be_off)
            buf_adds(problem, ", nor off");
        return false;
    }
    if (s->whole_seconds && ms % 1000 != 0)
        return value_refuse(problem, text, "is not a number of whole seconds");
    *at = ms;
    return true;
}

static void value_list_free(struct config_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->at[i]);
    free(list->at);
    *list = (struct config_list){0};
}

/* The next entry of a list, cut out of *text in place; NULL at its end, or with *predicate set. */
static char *parse_entry(char **text, const char **predicate)
{
    static const char between[] = ", \t";
    static const char half_quoted[] = "is not a list whose quotes (\") enclose whole entries";
    char *entry = *text + strspn(*text, between);
    if (!*entry)
        return NULL;
    bool quoted = *entry == '"';
    entry += quoted;
    char *end = quoted ? strchr(entry, '"') : entry + strcspn(entry, between);
    if (quoted ? !end || (end[1] && !strchr(between, end[1]))
               : memchr(entry, '"', (size_t)(end - entry)) != NULL)
        *predicate = half_quoted;
    else if (!quoted && *entry == '#')
        *predicate = "is not a list; a comment at the end of a line begins with ';'";
    if (*predicate)
        return NULL;
    *text = end + (*end ? 1 : 0);
    *end = '\0';
    return entry;
}

/* Fills the list from `rest`, a copy of the text, which is cut into entries. */
static bool parse_entries(const struct setting *s, char *rest, const char *text,
                          struct config_list *list, struct buf *problem)
{
    const char *predicate = NULL;
    size_t room = 0;
    char *entry;
    while ((entry = parse_entry(&rest, &predicate))) {
        if (s->check(entry))
            return value_refuse(problem, entry, s->check(entry));
        if (list->count == LIST_MAX)
            return value_refuse(problem, text, "has more than 4096 entries");
        list->at = array_room(list->at, list->count, &room, sizeof *list->at);
        list->at[list->count++] = xstrdup(entry);
    }
    if (!predicate && list->count == 0)
        predicate = "is a list without an entry";
    return !predicate || value_refuse(problem, text, predicate);
}

static bool parse_list(const struct setting *s, const char *text, struct config_list *at,
                       struct buf *problem)
{
    struct config_list list = {0};
    char *copy = xstrdup(text);
    bool ok = parse_entries(s, copy, text, &list, problem);
    free(copy);
    value_list_free(ok ? at : &list);
    if (ok)
        *at = list;
    return ok;
}

bool config_value_parse(const struct setting *s, const char *text, void *base, struct buf *problem)
{
    void *at = value_field(s, base);
    switch (s->kind) {
    case VALUE_STRING:
    case VALUE_PATH:
    case VALUE_SECRET:
    case VALUE_FILE:
        return parse_string(s, text, at, problem);
    case VALUE_CHOICE:
        return parse_choice(s, text, at, problem);
    case VALUE_ENUM:
        return parse_enum(s, text, at, problem);
    case VALUE_NUMBER:
        return parse_number(s, text, at, problem);
    case VALUE_DURATION:
        return parse_duration(s, text, at, problem);
    case VALUE_BOOL:
        return parse_bool(text, at, problem);
    case VALUE_LIST:
        return parse_list(s, text, at, problem);
    }
    return false;
}

void config_value_forget(const struct setting *s, void *base)
{
    void *at = value_field(s, base);
    if (s->kind == VALUE_NUMBER || s->kind == VALUE_DURATION)
        *(int64_t *)at = -1;
    else if (s->kind == VALUE_ENUM)
        *(int *)at = (int)s->min - 1;
}

/* --- writing --- */

void config_duration_format(int64_t ms, struct buf *to)
{
    size_t i = 0;
    while (ms % units[i].ms != 0)
        i++;
    buf_addf(to, "%" PRId64 "%s", ms / units[i].ms, ms ? units[i].name : "s");
}

/* The user information of a URL, as [*start, *end). False if there is none. */
static bool value_find_user(const char *url, size_t *start, size_t *end)
{
    const char *scheme = strstr(url, "://");
    /* The last '@', because a password may contain '@' and '/'. */
    const char *at = scheme ? strrchr(scheme, '@') : NULL;
    if (!at)
        return false;
    *start = (size_t)(scheme + 3 - url);
    *end = (size_t)(at - url);
    return true;
}

static void format_string(const char *text, struct buf *to)
{
    size_t start, end;
    if (value_find_user(text, &start, &end)) {
        buf_add(to, text, start);
        buf_adds(to, MASK);
        text += end;
    }
    buf_adds(to, text);
}

static void format_list(const struct config_list *list, struct buf *to)
{
    for (size_t i = 0; i < list->count; i++) {
        const char *quote = strpbrk(list->at[i], ", \t#") ? "\"" : "";
        buf_addf(to, "%s%s%s%s", i ? ", " : "", quote, list->at[i], quote);
    }
}

void config_value_format(const struct setting *s, const void *base, struct buf *to)
{
    const void *at = value_const_field(s, base);
    if (!config_value_given(s, base))
        return;
    switch (s->kind) {
    case VALUE_SECRET:
        buf_adds(to, MASK);
        break;
    case VALUE_STRING:
    case VALUE_PATH:
    case VALUE_FILE:
    case VALUE_CHOICE:
        format_string(value_string(s, base), to);
        break;
    case VALUE_ENUM:
        buf_adds(to, s->names[*(const int *)at - s->min]);
        break;
    case VALUE_NUMBER:
        buf_addf(to, "%" PRId64, *(const int64_t *)at);
        break;
    case VALUE_DURATION:
        if (s->may_be_off && *(const int64_t *)at == 0)
            buf_adds(to, "off");
        else
            config_duration_format(*(const int64_t *)at, to);
        break;
    case VALUE_BOOL:
        buf_adds(to, *(const bool *)at ? "yes" : "no");
        break;
    case VALUE_LIST:
        format_list(at, to);
        break;
    }
}

static json_t *value_list_json(const struct config_list *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(array, json_string(list->at[i]));
    return array;
}

json_t *config_value_json(const struct setting *s, const void *base)
{
    const void *at = value_const_field(s, base);
    if (s->kind == VALUE_LIST)
        return value_list_json(at);
    if (!config_value_given(s, base))
        return json_null();
    if (s->kind == VALUE_NUMBER)
        return json_integer(*(const int64_t *)at);
    if (s->kind == VALUE_BOOL)
        return json_boolean(*(const bool *)at);
    struct buf text = buf_make(CONFIG_FILE_MAX);
    config_value_format(s, base, &text);
    json_t *json = json_string(buf_str(&text));
    buf_free(&text);
    return json;
}

bool config_value_given(const struct setting *s, const void *base)
{
    switch (s->kind) {
    case VALUE_STRING:
    case VALUE_PATH:
    case VALUE_SECRET:
    case VALUE_FILE:
    case VALUE_CHOICE:
        return value_string(s, base) != NULL;
    case VALUE_LIST:
        return ((const struct config_list *)value_const_field(s, base))->count > 0;
    default:
        return true;
    }
}

bool config_value_is_secret(const struct setting *s, const void *base)
{
    size_t start, end;
    if (s->kind == VALUE_SECRET)
        return value_string(s, base) != NULL;
    return s->kind == VALUE_STRING && value_string(s, base) &&
           value_find_user(value_string(s, base), &start, &end);
}

static void value_clear(char **string)
{
    wipe_free(*string);
    *string = NULL;
}

void config_value_free(const struct setting *s, void *base)
{
    void *at = value_field(s, base);
    switch (s->kind) {
    case VALUE_FILE:
        value_clear((char **)((char *)base + s->secret_at));
        /* fall through */
    case VALUE_STRING:
    case VALUE_PATH:
    case VALUE_SECRET:
    case VALUE_CHOICE:
        value_clear(at);
        break;
    case VALUE_LIST:
        value_list_free(at);
        break;
    default:
        break;
    }
}
