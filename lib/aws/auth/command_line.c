/* Splits a line into words by the quoting rules of the POSIX shell. */
#include "lib/aws/auth/command_line.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/wipe.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Copies what stands between quotes to *out; answers the place behind the closing quote, NULL if
 * there is none. */
static const char *copy_quoted(const char *in, char **out)
{
    char quote = *in++;
    while (*in && *in != quote) {
        /* Between double quotes a backslash is special only before the two characters that need
         * one. */
        if (quote == '"' && *in == '\\' && (in[1] == '"' || in[1] == '\\'))
            in++;
        *(*out)++ = *in++;
    }
    return *in ? in + 1 : NULL;
}

/* Copies one word to *out; answers the place behind it, NULL when it is broken. */
static const char *copy_word(const char *in, char **out)
{
    while (in && *in && !is_space(*in)) {
        if (*in == '\'' || *in == '"') {
            in = copy_quoted(in, out);
        } else if (*in == '\\' && in[1] == '\0') {
            return NULL;
        } else {
            if (*in == '\\')
                in++;
            *(*out)++ = *in++;
        }
    }
    if (in)
        *(*out)++ = '\0';
    return in;
}

bool aws_command_line_split(const char *line, struct aws_command_line *to, struct err *err)
{
    /* A word never grows, and its NUL takes the place of the white space behind it. */
    char *store = malloc(strlen(line) + 1);
    if (!store)
        return err_set(err, ERR_INTERNAL, "", "out of memory");
    *to = (struct aws_command_line){.store = store};
    char *out = store;
    const char *in = line;
    for (;;) {
        while (is_space(*in))
            in++;
        if (!*in)
            return true;
        if (to->count == AWS_ARGUMENTS_MAX) {
            err_set(err, ERR_INVALID, "", "more than %d words", AWS_ARGUMENTS_MAX);
            break;
        }
        to->at[to->count++] = out;
        in = copy_word(in, &out);
        if (!in) {
            err_set(err, ERR_INVALID, "", "unterminated quote or trailing backslash");
            break;
        }
    }
    wipe(store, (size_t)(out - store));
    free(store);
    *to = (struct aws_command_line){0};
    return false;
}

void aws_command_line_free(struct aws_command_line *w)
{
    if (w->store) {
        const char *end = w->store;
        if (w->count > 0)
            end = w->at[w->count - 1] + strlen(w->at[w->count - 1]);
        wipe(w->store, (size_t)(end - w->store));
        free(w->store);
    }
    *w = (struct aws_command_line){0};
}
