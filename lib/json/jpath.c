/* Reads jansson values by path, and writes a string as JSON. */
#include "lib/json/jpath.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/utf8.h"

/* Resolves one "[n]" at *path. Returns NULL if there is no such element or the path is malformed.
 */
static json_t *jpath_take_index(json_t *value, const char **path)
{
    const char *p = *path + 1;
    size_t index = 0;
    if (*p < '0' || *p > '9')
        return NULL;
    for (; *p >= '0' && *p <= '9'; p++) {
        if (index > SIZE_MAX / 10 - 1)
            return NULL;
        index = index * 10 + (size_t)(*p - '0');
    }
    if (*p != ']')
        return NULL;
    *path = p + 1;
    if (!json_is_array(value))
        return index == 0 ? value : NULL;
    return json_array_get(value, index);
}

json_t *jget(const json_t *value, const char *path)
{
    /* Borrowed as it was passed; nothing is changed here. */
    json_t *at = (json_t *)value;
    while (at && *path) {
        if (*path == '[') {
            at = jpath_take_index(at, &path);
        } else {
            size_t n = strcspn(path, ".[");
            at = json_object_getn(at, path, n);
            path += n;
        }
        if (at && *path == '.')
            path++;
    }
    return at;
}

const char *jstr(const json_t *value, const char *path)
{
    const json_t *at = jget(value, path);
    const char *text = json_string_value(at);
    return text && strlen(text) == json_string_length(at) ? text : NULL;
}

bool jbool(const json_t *value, const char *path, bool otherwise)
{
    const json_t *at = jget(value, path);
    if (json_is_boolean(at))
        return json_is_true(at);
    const char *text = json_string_value(at);
    if (text && strcmp(text, "true") == 0)
        return true;
    return text && strcmp(text, "false") == 0 ? false : otherwise;
}

int64_t jint(const json_t *value, const char *path, int64_t otherwise)
{
    const json_t *at = jget(value, path);
    if (json_is_integer(at))
        return json_integer_value(at);
    const char *text = json_string_value(at);
    if (!text)
        return otherwise;
    const char *digits = text[0] == '-' ? text + 1 : text;
    if (!*digits || digits[strspn(digits, "0123456789")])
        return otherwise;
    errno = 0;
    long long number = strtoll(text, NULL, 10);
    return errno == 0 ? number : otherwise;
}

json_t *jlist(const json_t *value, const char *path)
{
    json_t *at = jget(value, path);
    if (json_is_array(at))
        return json_incref(at);
    json_t *list = json_array();
    bool empty = !at || json_is_null(at) || (json_is_string(at) && json_string_length(at) == 0);
    if (!empty)
        json_array_append(list, at);
    return list;
}

/* Returns the letter of a two-character escape, or 0. */
static char jquote_letter(char c)
{
    switch (c) {
    case '"':
    case '\\':
        return c;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 0;
    }
}

static bool jquote_special(struct buf *to, char c)
{
    char letter = jquote_letter(c);
    if (letter)
        return buf_add(to, (char[]){'\\', letter}, 2);
    return buf_addf(to, "\\u%04x", (unsigned)(unsigned char)c);
}

static bool jquote_is_special(char c)
{
    return (unsigned char)c < 0x20 || c == '"' || c == '\\';
}

bool jquote(struct buf *to, const char *text, size_t n)
{
    bool ok = buf_addc(to, '"');
    size_t at = 0;
    while (ok && at < n) {
        size_t begin = at;
        size_t step = 0;
        while (at < n && !jquote_is_special(text[at]) && (step = utf8_step(text + at, n - at)) != 0)
            at += step;
        ok = buf_add(to, text + begin, at - begin);
        if (!ok || at == n)
            break;
        ok = jquote_is_special(text[at]) ? jquote_special(to, text[at])
                                         : buf_adds(to, "\xEF\xBF\xBD");
        at++;
    }
    return ok && buf_addc(to, '"');
}
