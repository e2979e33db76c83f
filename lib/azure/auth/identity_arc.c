/* The managed identity of a server under Azure Arc, from the agent on that server: a process that
 * can read the key file named by the agent gets the token.
 * Source: "Authenticate against Azure resources with Azure Arc-enabled servers". */
#include <string.h>
#include <strings.h>

#include "lib/azure/auth/identity_kinds.h"
#include "lib/azure/names.h"
#include "lib/base/secret.h"

#define SERVICE "Azure Arc agent"
/* Bytes, by the agent's documentation. */
#define KEY_MAX  4096
#define PATH_MAX 1024

/* Returns the path in "Basic realm=/var/opt/azcmagent/tokens/....key", if it is a .key file in that
 * very directory; else NULL. */
static const char *arc_key_path(const struct identity_params *params,
                                const struct http_response *response)
{
    const char *challenge = http_headers_get(&response->headers, "WWW-Authenticate");
    const char *realm = challenge ? strcasestr(challenge, "realm=") : NULL;
    if (!realm)
        return NULL;
    const char *path = realm + strlen("realm=");
    size_t directory = strlen(params->arc_directory);
    size_t n = strlen(path);
    bool acceptable = n > directory + 4 && n < PATH_MAX &&
                      strncmp(path, params->arc_directory, directory) == 0 &&
                      !strchr(path + directory, '/') && strcmp(path + n - 4, ".key") == 0;
    return acceptable ? path : NULL;
}

/* Sends the second request, with the key. */
static struct azure_token *arc_send_key(const struct identity_params *params,
                                        const struct identity_endpoint *endpoint, const char *path,
                                        struct err *err)
{
    struct azure_token *token = NULL;
    struct buf key = buf_make_secret(KEY_MAX);
    struct buf value = buf_make_secret(KEY_MAX + 16);
    struct http_request request;
    if (secret_read_token(path, &key, err) &&
        identity_build_request(params, endpoint, &request, err)) {
        if (buf_addf(&value, "Basic %s", buf_str(&key)) &&
            http_headers_add(&request.headers, "Authorization", buf_str(&value))) {
            token = identity_send(params, &request, SERVICE, err);
        } else {
            http_request_free(&request);
            err_set(err, ERR_CREDENTIALS, "", "the key in %s cannot be sent as a header", path);
        }
    }
    buf_free(&key);
    buf_free(&value);
    return token;
}

/* Sends the first request; its refusal names the key file. */
static struct azure_token *arc_fetch(const struct identity_params *params,
                                     const struct identity_endpoint *endpoint, struct err *err)
{
    struct http_request request;
    if (!identity_build_request(params, endpoint, &request, err))
        return NULL;
    struct http_response response = {0};
    struct azure_token *token = NULL;
    if (http_perform(params->http, &request, &response, err)) {
        const char *path = arc_key_path(params, &response);
        if (response.status != 401)
            token = identity_read_token(params, &response, SERVICE, err);
        else if (!path)
            err_set(err, ERR_CREDENTIALS, "", "the " SERVICE " named no .key file in %s",
                    params->arc_directory);
        else
            token = arc_send_key(params, endpoint, path, err);
        http_response_free(&response);
    }
    http_request_free(&request);
    return token;
}

enum identity_result identity_try_arc(const struct identity_params *params,
                                      struct azure_token **token, struct err *err)
{
    struct identity_endpoint endpoint = {
        .url = secret_env("IDENTITY_ENDPOINT"),
        .version = "2020-06-01",
        .header = "Metadata",
        .value = "true",
    };
    if (!endpoint.url || !secret_env("IMDS_ENDPOINT")) {
        err_set(err, ERR_CREDENTIALS, "", "%s is not set",
                endpoint.url ? "IMDS_ENDPOINT" : "IDENTITY_ENDPOINT");
        return IDENTITY_NOT_CONFIGURED;
    }
    if (!azure_may_carry_secrets(endpoint.url)) {
        err_set(err, ERR_CREDENTIALS, "",
                "IDENTITY_ENDPOINT is not on this machine, where the " SERVICE " runs");
        return IDENTITY_FAILED;
    }
    struct identity_params own = *params;
    /* The server's own identity is the only one. */
    own.client_id = NULL;
    *token = arc_fetch(&own, &endpoint, err);
    return *token ? IDENTITY_FOUND : IDENTITY_FAILED;
}
