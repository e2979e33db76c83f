/* Reading jansson values by path, and writing one string as JSON. */
#include "lib/json/jpath.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/utf8.h"

/* Takes one "[n]" at *path off value. NULL when there is no such element or the path is malformed.
 */
static json_t *take_index(json_t *value, const char **path)
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
    json_t *at = (json_t *)value; /* lent as we got it; nothing is changed here */
    while (at != NULL && *path != '\0') {
        if (*path == '[') {
            at = take_index(at, &path);
        } else {
            size_t n = strcspn(path, ".[");
            at = json_object_getn(at, path, n);
            path += n;
        }
        if (at != NULL && *path == '.')
            path++;
    }
    return at;
}

const char *jstr(const json_t *value, const char *path)
{
    const json_t *at = jget(value, path);
    const char *text = json_string_value(at);
    return text != NULL && strlen(text) == json_string_length(at) ? text : NULL;
}

bool jbool(const json_t *value, const char *path, bool otherwise)
{
    const json_t *at = jget(value, path);
    if (json_is_boolean(at))
        return json_is_true(at);
    const char *text = json_string_value(at);
    if (text != NULL && strcmp(text, "true") == 0)
        return true;
    return text != NULL && strcmp(text, "false") == 0 ? false : otherwise;
}

int64_t jint(const json_t *value, const char *path, int64_t otherwise)
{
    const json_t *at = jget(value, path);
    if (json_is_integer(at))
        return json_integer_value(at);
    const char *text = json_string_value(at);
    if (text == NULL)
        return otherwise;
    const char *digits = text[0] == '-' ? text + 1 : text;
    if (digits[0] == '\0' || digits[strspn(digits, "0123456789")] != '\0')
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
    bool nothing =
        at == NULL || json_is_null(at) || (json_is_string(at) && json_string_length(at) == 0);
    if (list == NULL || nothing)
        return list;
    if (json_array_append(list, at) != 0) {
        json_decref(list);
        return NULL;
    }
    return list;
}

/* The letter of a two-character escape, or 0. */
static char short_escape(char c)
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

static bool quote_special(struct buf *to, char c)
{
    char letter = short_escape(c);
    if (letter != 0)
        return buf_add(to, (char[]){'\\', letter}, 2);
    return buf_addf(to, "\\u%04x", (unsigned)(unsigned char)c);
}

static bool needs_escape(char c)
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
        while (at < n && !needs_escape(text[at]) && (step = utf8_step(text + at, n - at)) != 0)
            at += step;
        ok = buf_add(to, text + begin, at - begin);
        if (!ok || at == n)
            break;
        ok = needs_escape(text[at]) ? quote_special(to, text[at]) : buf_adds(to, "\xEF\xBF\xBD");
        at++;
    }
    return ok && buf_addc(to, '"');
}
