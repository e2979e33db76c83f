/* The managed identity of a server under Azure Arc: whoever may read a file that the agent names
 * may have the token. Source: "Authenticate against Azure resources with Azure Arc-enabled
 * servers". */
#include <string.h>
#include <strings.h>

#include "lib/azure/auth/identity_link.h"
#include "lib/azure/client.h"
#include "lib/azure/names.h"
#include "lib/base/secret.h"

#define WHO     "Azure Arc agent"
#define VERSION "2020-06-01"
#define KEY_MAX 4096 /* bytes, as the agent's documentation says */

/* The file in 'Basic realm=/var/opt/azcmagent/tokens/....key': in that folder itself, and of that
 * kind. NULL when it is not. */
static const char *key_file(const struct identity_ask *ask, const struct http_response *response)
{
    const char *challenge = http_headers_get(&response->headers, "WWW-Authenticate");
    const char *realm = challenge ? strcasestr(challenge, "realm=") : NULL;
    const char *path = realm ? realm + strlen("realm=") : "";
    size_t directory = strlen(ask->arc_directory);
    size_t n = strlen(path);
    bool good = n > directory + 4 && n < 1024 &&
                strncmp(path, ask->arc_directory, directory) == 0 &&
                !strchr(path + directory, '/') && strcmp(path + n - 4, ".key") == 0;
    return good ? path : NULL;
}

/* The second request, with the key. */
static struct azure_token *ask_with_key(const struct identity_ask *ask, const char *endpoint,
                                        const char *path, struct err *err)
{
    struct http_request request;
    struct azure_token *token = NULL;
    struct buf key = buf_make_secret(KEY_MAX);
    struct buf value = buf_make_secret(KEY_MAX + 16);
    if (secret_read_token(path, &key, err) &&
        identity_endpoint(ask, endpoint, VERSION, "Metadata", "true", &request, err)) {
        if (buf_addf(&value, "Basic %s", buf_str(&key)) &&
            http_headers_add(&request.headers, "Authorization", buf_str(&value))) {
            token = identity_request(ask, &request, WHO, err);
        } else {
            http_request_free(&request);
            err_set(err, ERR_INTERNAL, "", "out of memory");
        }
    }
    buf_free(&key);
    buf_free(&value);
    return token;
}

/* The first request is refused, and the refusal says where the key is. */
static struct azure_token *challenge(const struct identity_ask *ask, const char *endpoint,
                                     struct err *err)
{
    struct http_request request;
    struct http_response response = {0};
    struct azure_token *token = NULL;
    if (!identity_endpoint(ask, endpoint, VERSION, "Metadata", "true", &request, err))
        return NULL;
    if (http_perform(ask->http, &request, &response, err)) {
        const char *path = key_file(ask, &response);
        if (response.status != 401) {
            token = identity_read(ask, &response, WHO, err);
        } else if (!path) {
            err_set(err, ERR_CREDENTIALS, "", "the " WHO " names no .key file in %s",
                    ask->arc_directory);
        } else {
            token = ask_with_key(ask, endpoint, path, err);
        }
        http_response_free(&response);
    }
    http_request_free(&request);
    return token;
}

enum identity_result identity_arc(const struct identity_ask *ask, struct azure_token **token,
                                  struct err *err)
{
    const char *endpoint = secret_env("IDENTITY_ENDPOINT");
    struct identity_ask own = *ask;
    if (!endpoint || !secret_env("IMDS_ENDPOINT")) {
        err_set(err, ERR_CREDENTIALS, "", "%s is not set",
                endpoint ? "IMDS_ENDPOINT" : "IDENTITY_ENDPOINT");
        return IDENTITY_NONE;
    }
    if (!azure_may_carry_secrets(endpoint)) {
        err_set(err, ERR_CREDENTIALS, "",
                "IDENTITY_ENDPOINT is not on this machine, where the " WHO " is");
        return IDENTITY_BROKEN;
    }
    own.client_id = NULL; /* the server's own identity is the only one */
    *token = challenge(&own, endpoint, err);
    return *token ? IDENTITY_FOUND : IDENTITY_BROKEN;
}
