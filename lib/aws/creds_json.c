/* Makes credentials of the JSON objects in which AWS services hand them out. */
#include "lib/aws/creds_json.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/jpath.h"
#include "lib/secret.h"

/* The string under a key, NULL (and *err) when it is missing or holds what no credential holds. */
static const char *member(const json_t *object, const char *key, const char *source,
                          struct err *err)
{
    const char *text = jstr(object, key);
    if (!text || !secret_text_valid(text)) {
        err_set(err, ERR_CREDENTIALS, "", "the answer of the %s has %s %s", source,
                text ? "an ill-formed" : "no", key);
        return NULL;
    }
    return text;
}

static struct aws_creds *make(const json_t *object, const char *token_key, bool temporary,
                              const char *source, struct err *err)
{
    const char *id = member(object, "AccessKeyId", source, err);
    const char *secret = id ? member(object, "SecretAccessKey", source, err) : NULL;
    if (!secret)
        return NULL;
    const char *token = NULL;
    const char *until = jstr(object, "Expiration");
    int64_t expires_ms = INT64_MAX;
    if (temporary || jget(object, token_key)) {
        token = member(object, token_key, source, err);
        if (!token)
            return NULL;
    }
    if ((temporary || jget(object, "Expiration")) && (!until || !clock_parse(until, &expires_ms))) {
        err_set(err, ERR_CREDENTIALS, "", "the answer of the %s has %s Expiration", source,
                until ? "an ill-formed" : "no");
        return NULL;
    }
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
    for (size_t i = 0; i < sizeof(secrets) / sizeof(*secrets); i++)
        secret_wipe_json(json_object_get(object, secrets[i]));
    return creds;
}
