/* Reads secrets from variables, files and JSON answers. */
#include "lib/base/secret.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/file.h"
#include "lib/base/wipe.h"

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
    struct err why = ERR_INIT;
    /* Readable they may be: Kubernetes lays tokens and certificates down for everybody in the
     * container. */
    return file_read(path, FILE_KEPT, to, NULL, &why) ||
           err_set(err, ERR_CREDENTIALS, "", "the %s %s cannot be read: %s", what, path,
                   why.message);
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
        if (object)
            err_set(err, ERR_CREDENTIALS, "", "the answer of the %s is not a JSON object", who);
        else
            err_set(
                err, ERR_TRANSIENT, "",
                "the answer of the %s cannot be read as JSON: it was cut off, or is not its own",
                who);
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
