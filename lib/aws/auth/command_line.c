/* Splits a line into arguments by the quoting rules of the POSIX shell. */
#include "lib/aws/auth/command_line.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/base/wipe.h"

static bool command_line_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Copies the text between quotes to *out. Returns the position after the closing quote, NULL if it
 * is missing. */
static const char *command_line_copy_quoted(const char *in, char **out)
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

/* Copies one argument to *out. Returns the position after it, NULL if it is malformed. */
static const char *command_line_copy_argument(const char *in, char **out)
{
    while (in && *in && !command_line_is_space(*in)) {
        if (*in == '\'' || *in == '"') {
            in = command_line_copy_quoted(in, out);
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
    /* An argument never grows, and its NUL takes the place of the white space after it. */
    char *store = xmalloc(strlen(line) + 1);
    *to = (struct aws_command_line){.store = store};
    char *out = store;
    const char *in = line;
    for (;;) {
        while (command_line_is_space(*in))
            in++;
        if (!*in)
            return true;
        if (to->count == AWS_ARGUMENTS_MAX) {
            err_set(err, ERR_INVALID, "", "more than %d arguments", AWS_ARGUMENTS_MAX);
            break;
        }
        to->argv[to->count++] = out;
        in = command_line_copy_argument(in, &out);
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

void aws_command_line_free(struct aws_command_line *line)
{
    if (line->store) {
        const char *end = line->store;
        if (line->count > 0)
            end = line->argv[line->count - 1] + strlen(line->argv[line->count - 1]);
        wipe(line->store, (size_t)(end - line->store));
        free(line->store);
    }
    *line = (struct aws_command_line){0};
}
