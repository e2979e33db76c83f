/* Reads secrets from variables, files and JSON answers. */
#include "lib/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/crypto.h"

const char *secret_env(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

bool secret_text_valid(const char *text)
{
    if (!*text)
        return false;
    for (; *text; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

bool secret_read_file(const char *path, const char *what, struct buf *to, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return err_set(err, ERR_CREDENTIALS, "", "the %s %s cannot be opened: %s", what, path,
                       strerror(errno));
    }
    char part[4096];
    ssize_t n;
    bool fits = true;
    while (fits && (n = read(fd, part, sizeof(part))) > 0)
        fits = buf_add(to, part, (size_t)n);
    int problem = fits && n < 0 ? errno : 0;
    wipe(part, sizeof(part));
    close(fd);
    if (!fits || problem) {
        return err_set(err, ERR_CREDENTIALS, "", "the %s %s cannot be read: %s", what, path,
                       problem ? strerror(problem) : "it is too large");
    }
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool secret_read_token(const char *path, struct buf *to, struct err *err)
{
    if (!secret_read_file(path, "token file", to, err))
        return false;
    while (to->size > 0 && is_space(to->data[to->size - 1]))
        to->data[--to->size] = '\0';
    if (!secret_text_valid(buf_str(to)) || strlen(to->data) != to->size)
        return err_set(err, ERR_CREDENTIALS, "", "the token file %s holds no token", path);
    return true;
}

json_t *secret_parse_json(const struct buf *text, const char *who, struct err *err)
{
    json_error_t problem;
    json_t *object = json_loadb(buf_str(text), text->size, JSON_REJECT_DUPLICATES, &problem);
    if (!json_is_object(object)) {
        /* jansson's own words quote the text, which may hold the secret. */
        err_set(err, ERR_CREDENTIALS, "", "the answer of the %s is no JSON object%s", who,
                object ? "" : " or is broken");
        json_decref(object);
        return NULL;
    }
    return object;
}

void secret_wipe_json(json_t *string)
{
    if (json_is_string(string)) {
        /* jansson gives out no other way to its own copy. */
        wipe((char *)json_string_value(string), json_string_length(string));
    }
}
