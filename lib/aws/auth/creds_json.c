/* Makes credentials of the JSON objects in which AWS services hand them out. */
#include "lib/aws/auth/creds_json.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/secret.h"
#include "lib/json/jpath.h"

/* Whether the object has something under a key: null is nothing. */
static bool has(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return value && !json_is_null(value);
}

/* The string under a key, NULL (and *err) when it is missing or holds what no credential holds. */
static const char *member(const json_t *object, const char *key, const char *source,
                          struct err *err)
{
    const char *text = jstr(object, key);
    if (!text || !secret_text_valid(text)) {
        err_set(err, ERR_CREDENTIALS, "", "the answer of the %s has %s %s", source,
                has(object, key) ? "an ill-formed" : "no", key);
        return NULL;
    }
    return text;
}

/* The token under its key; *token is NULL when there is none, and none is needed. */
static bool read_token(const json_t *object, const char *key, bool needed, const char *source,
                       const char **token, struct err *err)
{
    const char *text = jstr(object, key);
    bool none = !has(object, key) || (text && !*text);
    *token = none && !needed ? NULL : member(object, key, source, err);
    return *token || (none && !needed);
}

static bool read_expiry(const json_t *object, bool needed, const char *source, int64_t *expires_ms,
                        struct err *err)
{
    const char *until = jstr(object, "Expiration");
    *expires_ms = INT64_MAX;
    if (!needed && !has(object, "Expiration"))
        return true;
    return (until && clock_parse(until, expires_ms)) ||
           err_set(err, ERR_CREDENTIALS, "", "the answer of the %s has %s Expiration", source,
                   has(object, "Expiration") ? "an ill-formed" : "no");
}

static struct aws_creds *make(const json_t *object, const char *token_key, bool temporary,
                              const char *source, struct err *err)
{
    const char *id = member(object, "AccessKeyId", source, err);
    const char *secret = id ? member(object, "SecretAccessKey", source, err) : NULL;
    const char *token = NULL;
    int64_t expires_ms;
    if (!secret || !read_token(object, token_key, temporary, source, &token, err) ||
        !read_expiry(object, temporary, source, &expires_ms, err))
        return NULL;
    struct aws_creds *creds = aws_creds_new(id, secret, token, expires_ms, source);
    if (!creds)
        err_set(err, ERR_INTERNAL, "", "out of memory");
    return creds;
}

struct aws_creds *aws_creds_from_json(json_t *object, const char *token_key, bool temporary,
                                      const char *source, struct err *err)
{
    struct aws_creds *creds = make(object, token_key, temporary, source, err);
    const char *secrets[] = {"SecretAccessKey", token_key};
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
        secret_wipe_json(json_object_get(object, secrets[i]));
    return creds;
}
