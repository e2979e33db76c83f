/* Reads secrets from variables, files and JSON responses. */
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
    /* Others may read it: in Kubernetes, tokens and certificates are readable by every user of the
     * container. */
    return file_read(path, FILE_KEPT, to, NULL, &why) ||
           err_set(err, ERR_CREDENTIALS, "", "the %s %s cannot be read: %s", what, path,
                   why.message);
}

static bool secret_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool secret_read_token(const char *path, struct buf *to, struct err *err)
{
    if (!secret_read_file(path, "token file", to, err))
        return false;
    while (to->size > 0 && secret_is_space(to->data[to->size - 1]))
        to->data[--to->size] = '\0';
    if (!secret_text_valid(buf_str(to)) || strlen(to->data) != to->size)
        return err_set(err, ERR_CREDENTIALS, "", "the token file %s does not contain a token",
                       path);
    return true;
}

json_t *secret_parse_json(const struct buf *text, const char *service, struct err *err)
{
    json_error_t problem;
    json_t *object = json_loadb(buf_str(text), text->size, JSON_REJECT_DUPLICATES, &problem);
    if (!json_is_object(object)) {
        /* jansson's message quotes the text, which may contain the secret. */
        if (object)
            err_set(err, ERR_CREDENTIALS, "", "the response from the %s is not a JSON object",
                    service);
        else
            err_set(err, ERR_TRANSIENT, "",
                    "the response from the %s is not valid JSON; it may be incomplete", service);
        json_decref(object);
        return NULL;
    }
    return object;
}

void secret_wipe_json(json_t *string)
{
    /* jansson provides no other access to its copy. */
    if (json_is_string(string))
        wipe((char *)json_string_value(string), json_string_length(string));
}
