/* The values of settings: read from text, written as text and JSON, freed. */
#include "daemon/config/table.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/wipe.h"

enum { LIST_MAX = 4096, SHOWN_MAX = 80 };

static const char MASK[] = "********";

static const struct unit {
    const char *name;
    int64_t ms;
} units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

static void *field(const struct setting *s, void *base)
{
    return (char *)base + s->at;
}

static const void *const_field(const struct setting *s, const void *base)
{
    return (const char *)base + s->at;
}

static char *string_of(const struct setting *s, const void *base)
{
    char *const *at = const_field(s, base);

    return *at;
}

/* --- reading --- */

/* Quotes the text, or its beginning, for a message. */
static void show(struct buf *to, const char *text)
{
    size_t n = strlen(text);
    size_t shown = n <= SHOWN_MAX ? n : SHOWN_MAX;

    while (shown < n && shown && ((unsigned char)text[shown] & 0xc0) == 0x80)
        shown--; /* not in the middle of a character */
    buf_addc(to, '\'');
    buf_add(to, text, shown);
    buf_adds(to, shown < n ? "...' " : "' ");
}

static bool refuse(struct buf *problem, const char *text, const char *wanted)
{
    show(problem, text);
    buf_addf(problem, "is not %s", wanted);
    return false;
}

static bool no_memory(struct buf *problem)
{
    buf_adds(problem, "out of memory");
    return false;
}

static bool put_string(char **at, const char *text, struct buf *problem)
{
    char *copy = strdup(text);

    if (!copy)
        return no_memory(problem);
    wipe_free(*at);
    *at = copy;
    return true;
}

static bool parse_string(const struct setting *s, const char *text, char **at, struct buf *problem)
{
    const char *wanted = s->check && s->kind != VALUE_FILE ? s->check(text) : NULL;

    if (s->kind == VALUE_SECRET)
        return put_string(at, text, problem);
    if (strstr(text, " #") || strstr(text, "\t#")) {
        buf_adds(problem, "a comment at the end of a line begins with ';', not with '#'");
        return false;
    }
    if ((s->kind == VALUE_PATH || s->kind == VALUE_FILE) && text[0] != '/')
        wanted = "an absolute path";
    if (wanted && strchr(text, '@')) { /* it may hold a password */
        buf_addf(problem, "the value is not %s", wanted);
        return false;
    }
    return wanted ? refuse(problem, text, wanted) : put_string(at, text, problem);
}

/* The index of a name, or -1 with a sentence that lists all. */
static int parse_name(const struct setting *s, const char *text, struct buf *problem)
{
    for (int i = 0; s->names[i]; i++)
        if (strcasecmp(s->names[i], text) == 0)
            return i;
    refuse(problem, text, "one of");
    for (int i = 0; s->names[i]; i++)
        buf_addf(problem, "%s %s", i ? "," : "", s->names[i]);
    return -1;
}

static bool parse_choice(const struct setting *s, const char *text, char **at, struct buf *problem)
{
    int i = parse_name(s, text, problem);

    return i >= 0 && put_string(at, s->names[i], problem);
}

static bool parse_enum(const struct setting *s, const char *text, int *at, struct buf *problem)
{
    int i = parse_name(s, text, problem);

    if (i < 0)
        return false;
    *at = (int)s->min + i;
    return true;
}

static bool parse_bool(const char *text, bool *at, struct buf *problem)
{
    static const char *const words[] = {"no", "false", "off", "yes", "true", "on"};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasecmp(text, words[i]) == 0) {
            *at = i >= 3;
            return true;
        }
    return refuse(problem, text, "yes or no (true, false, on, off)");
}

/* Reads digits; *rest is what follows. False when there are none or too many. */
static bool read_digits(const char *text, int64_t *value, const char **rest)
{
    char *end;
    long long n;

    if (!isdigit((unsigned char)text[0]))
        return false;
    errno = 0;
    n = strtoll(text, &end, 10);
    *value = n;
    *rest = end;
    return errno == 0;
}

static bool parse_number(const struct setting *s, const char *text, int64_t *at,
                         struct buf *problem)
{
    const char *rest = "";
    int64_t value;

    if (!read_digits(text, &value, &rest) || *rest)
        return refuse(problem, text, "a whole number");
    if (value < s->min || value > s->max) {
        show(problem, text);
        buf_addf(problem, "is not between %" PRId64 " and %" PRId64, s->min, s->max);
        return false;
    }
    *at = value;
    return true;
}

static bool read_duration(const char *text, int64_t *ms)
{
    const char *unit = "";
    int64_t value;

    if (!read_digits(text, &value, &unit))
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
    if (!read_duration(text, &ms))
        return refuse(
            problem, text,
            "a duration: a whole number with its unit, ms, s, m, h or d, for example 90s");
    if (ms < s->min || ms > s->max) {
        show(problem, text);
        buf_adds(problem, "is not between ");
        config_duration_format(s->min, problem);
        buf_adds(problem, " and ");
        config_duration_format(s->max, problem);
        if (s->may_be_off)
            buf_adds(problem, ", nor off");
        return false;
    }
    if (ms % s->step != 0)
        return refuse(problem, text, "a number of whole seconds");
    *at = ms;
    return true;
}

static void list_free(struct config_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->at[i]);
    free(list->at);
    *list = (struct config_list){0};
}

/* The next entry of a list, cut out of *text in place; NULL at its end, or with *wrong set. */
static char *next_entry(char **text, const char **wrong)
{
    static const char between[] = ", \t";
    char *entry = *text + strspn(*text, between);
    char *end;

    if (!*entry)
        return NULL;
    if (*entry == '"') {
        end = strchr(++entry, '"');
        if (!end || (end[1] && !strchr(between, end[1]))) {
            *wrong = "a list whose quotes (\") enclose whole entries";
            return NULL;
        }
    } else {
        end = entry + strcspn(entry, between);
        if (*entry == '#')
            *wrong = "a list; a comment at the end of a line begins with ';'";
        else if (memchr(entry, '"', (size_t)(end - entry)))
            *wrong = "a list whose quotes (\") enclose whole entries";
        if (*wrong)
            return NULL;
    }
    *text = end + (*end ? 1 : 0);
    *end = '\0';
    return entry;
}

static bool list_add(struct config_list *list, const char *entry)
{
    char **bigger = realloc(list->at, (list->count + 1) * sizeof *bigger);

    if (!bigger)
        return false;
    list->at = bigger;
    list->at[list->count] = strdup(entry);
    return list->at[list->count] && ++list->count;
}

/* Fills the list from text, which is taken apart. */
static bool fill_list(const struct setting *s, char *rest, const char *text,
                      struct config_list *list, struct buf *problem)
{
    const char *wrong = NULL;
    char *entry;

    while ((entry = next_entry(&rest, &wrong))) {
        const char *wanted = s->check(entry);

        if (wanted)
            return refuse(problem, entry, wanted);
        if (list->count == LIST_MAX)
            return refuse(problem, text, "a list of at most 4096 entries");
        if (!list_add(list, entry))
            return no_memory(problem);
    }
    if (wrong || list->count == 0)
        return refuse(problem, text, wrong ? wrong : "a list: it has no entry");
    return true;
}

static bool parse_list(const struct setting *s, const char *text, struct config_list *at,
                       struct buf *problem)
{
    struct config_list list = {0};
    char *copy = strdup(text);
    bool ok = copy ? fill_list(s, copy, text, &list, problem) : no_memory(problem);

    free(copy);
    if (!ok) {
        list_free(&list);
        return false;
    }
    list_free(at);
    *at = list;
    return true;
}

bool config_value_parse(const struct setting *s, const char *text, void *base, struct buf *problem)
{
    void *at = field(s, base);

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
    void *at = field(s, base);

    if (s->kind == VALUE_NUMBER || s->kind == VALUE_DURATION)
        *(int64_t *)at = -1;
    else if (s->kind == VALUE_ENUM)
        *(int *)at = (int)s->min - 1;
}

/* --- writing --- */

bool config_duration_format(int64_t ms, struct buf *to)
{
    size_t i = 0;

    if (ms == 0)
        return buf_adds(to, "0s");
    while (ms % units[i].ms != 0)
        i++;
    return buf_addf(to, "%" PRId64 "%s", ms / units[i].ms, units[i].name);
}

/* The user information of a URL, as [*start, *end); false when it has none. */
static bool find_user(const char *url, size_t *start, size_t *end)
{
    const char *scheme = strstr(url, "://");
    const char *at = scheme ? strrchr(scheme, '@') : NULL; /* a password may hold '@' and '/' */

    if (!at)
        return false;
    *start = (size_t)(scheme + 3 - url);
    *end = (size_t)(at - url);
    return true;
}

static bool format_string(const char *text, struct buf *to)
{
    size_t start, end;

    if (!find_user(text, &start, &end))
        return buf_adds(to, text);
    return buf_add(to, text, start) && buf_adds(to, MASK) && buf_adds(to, text + end);
}

static bool format_list(const struct config_list *list, struct buf *to)
{
    bool ok = true;

    for (size_t i = 0; i < list->count; i++) {
        const char *quote = strpbrk(list->at[i], ", \t#") ? "\"" : "";

        ok = buf_addf(to, "%s%s%s%s", i ? ", " : "", quote, list->at[i], quote) && ok;
    }
    return ok;
}

bool config_value_format(const struct setting *s, const void *base, struct buf *to)
{
    const void *at = const_field(s, base);

    if (!config_value_given(s, base))
        return true;
    switch (s->kind) {
    case VALUE_SECRET:
        return buf_adds(to, MASK);
    case VALUE_STRING:
    case VALUE_PATH:
    case VALUE_FILE:
    case VALUE_CHOICE:
        return format_string(string_of(s, base), to);
    case VALUE_ENUM:
        return buf_adds(to, s->names[*(const int *)at - s->min]);
    case VALUE_NUMBER:
        return buf_addf(to, "%" PRId64, *(const int64_t *)at);
    case VALUE_DURATION:
        return s->may_be_off && *(const int64_t *)at == 0
                   ? buf_adds(to, "off")
                   : config_duration_format(*(const int64_t *)at, to);
    case VALUE_BOOL:
        return buf_adds(to, *(const bool *)at ? "yes" : "no");
    case VALUE_LIST:
        return format_list(at, to);
    }
    return false;
}

static json_t *list_json(const struct config_list *list)
{
    json_t *array = json_array();

    for (size_t i = 0; i < list->count; i++)
        if (json_array_append_new(array, json_string(list->at[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

json_t *config_value_json(const struct setting *s, const void *base)
{
    const void *at = const_field(s, base);
    struct buf text = buf_make(CONFIG_LINE_MAX);
    json_t *json;

    if (s->kind == VALUE_LIST)
        return list_json(at);
    if (!config_value_given(s, base))
        return json_null();
    if (s->kind == VALUE_NUMBER)
        return json_integer(*(const int64_t *)at);
    if (s->kind == VALUE_BOOL)
        return json_boolean(*(const bool *)at);
    json = config_value_format(s, base, &text) ? json_string(buf_str(&text)) : NULL;
    buf_free(&text);
    return json;
}

bool config_value_given(const struct setting *s, const void *base)
{
    const struct config_list *list;

    switch (s->kind) {
    case VALUE_STRING:
    case VALUE_PATH:
    case VALUE_SECRET:
    case VALUE_FILE:
    case VALUE_CHOICE:
        return string_of(s, base) != NULL;
    case VALUE_LIST:
        list = const_field(s, base);
        return list->count > 0;
    default:
        return true;
    }
}

bool config_value_is_secret(const struct setting *s, const void *base)
{
    size_t start, end;

    if (s->kind == VALUE_SECRET)
        return string_of(s, base) != NULL;
    return s->kind == VALUE_STRING && string_of(s, base) &&
           find_user(string_of(s, base), &start, &end);
}

void config_value_free(const struct setting *s, void *base)
{
    char **string;

    switch (s->kind) {
    case VALUE_FILE:
        string = (char **)((char *)base + s->secret_at);
        wipe_free(*string);
        *string = NULL;
        /* fall through */
    case VALUE_STRING:
    case VALUE_PATH:
    case VALUE_SECRET:
    case VALUE_CHOICE:
        string = field(s, base);
        wipe_free(*string);
        *string = NULL;
        break;
    case VALUE_LIST:
        list_free(field(s, base));
        break;
    default:
        break;
    }
}
