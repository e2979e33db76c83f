/* Reads credentials from the JSON objects in which AWS services return them. */
#include "lib/aws/auth/creds_json.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/secret.h"
#include "lib/json/jpath.h"

/* Returns true if the object has a value other than null under the key. */
static bool creds_json_has(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return value && !json_is_null(value);
}

/* Returns the string under a key; NULL with *err if it is missing or cannot be part of a
 * credential. */
static const char *creds_json_get(const json_t *object, const char *key, const char *source,
                                  struct err *err)
{
    const char *text = jstr(object, key);
    if (!text || !secret_text_valid(text)) {
        err_set(err, ERR_CREDENTIALS, "", "the credentials from the %s have %s %s", source,
                creds_json_has(object, key) ? "a malformed" : "no", key);
        return NULL;
    }
    return text;
}

/* Reads the token under its key; *token is NULL if there is none and none is required. */
static bool creds_json_read_token(const json_t *object, const char *key, bool required,
                                  const char *source, const char **token, struct err *err)
{
    const char *text = jstr(object, key);
    bool none = !creds_json_has(object, key) || (text && !*text);
    *token = none && !required ? NULL : creds_json_get(object, key, source, err);
    return *token || (none && !required);
}

static bool creds_json_read_expiry(const json_t *object, bool required, const char *source,
                                   int64_t *expires_ms, struct err *err)
{
    const char *until = jstr(object, "Expiration");
    *expires_ms = INT64_MAX;
    if (!required && !creds_json_has(object, "Expiration"))
        return true;
    return (until && clock_parse(until, expires_ms)) ||
           err_set(err, ERR_CREDENTIALS, "", "the credentials from the %s have %s Expiration",
                   source, creds_json_has(object, "Expiration") ? "a malformed" : "no");
}

static struct aws_creds *creds_json_read(const json_t *object, const char *token_key,
                                         bool temporary, const char *source, struct err *err)
{
    const char *id = creds_json_get(object, "AccessKeyId", source, err);
    const char *secret = id ? creds_json_get(object, "SecretAccessKey", source, err) : NULL;
    const char *token = NULL;
    int64_t expires_ms;
    if (!secret || !creds_json_read_token(object, token_key, temporary, source, &token, err) ||
        !creds_json_read_expiry(object, temporary, source, &expires_ms, err))
        return NULL;
    return aws_creds_new(id, secret, token, expires_ms, source);
}

struct aws_creds *aws_creds_from_json(json_t *object, const char *token_key, bool temporary,
                                      const char *source, struct err *err)
{
    struct aws_creds *creds = creds_json_read(object, token_key, temporary, source, err);
    const char *secrets[] = {"SecretAccessKey", token_key};
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
        secret_wipe_json(json_object_get(object, secrets[i]));
    return creds;
}
