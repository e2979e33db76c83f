/* Identities that prove themselves to the token service: by a client secret, a certificate, or a
 * workload identity's token. Source: Microsoft identity platform, "OAuth 2.0 client credentials
 * flow". */
#include <string.h>

#include "lib/azure/auth/identity_link.h"
#include "lib/azure/client.h"
#include "lib/base/secret.h"
#include "lib/net/uri.h"

#define WHO      "token service"
#define FORM_MAX (128u << 10)
#define PEM_MAX  (256u << 10)

/* A tenant goes into the path: a GUID or a domain's name. */
static bool tenant_valid(const char *tenant)
{
    size_t n = strlen(tenant);
    return n > 0 && n <= 253 && tenant[0] != '.' &&
           strspn(tenant, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") == n;
}

/* Whether tenant and client are known, as the thing called `given` needs them. */
static bool check_who(const struct identity_ask *ask, const char *given, struct err *err)
{
    if (!ask->tenant_id || !ask->client_id) {
        return err_set(err, ERR_CREDENTIALS, "", "%s is set, but %s is not", given,
                       ask->tenant_id ? "AZURE_CLIENT_ID ([azure] client_id)"
                                      : "AZURE_TENANT_ID ([azure] tenant_id)");
    }
    return tenant_valid(ask->tenant_id) ||
           err_set(err, ERR_CREDENTIALS, "",
                   "\"%.80s\" is not a valid tenant: it must be a GUID or a domain",
                   ask->tenant_id);
}

static bool add_token_url(const struct identity_ask *ask, struct buf *to)
{
    return buf_addf(to, "%s/%s/oauth2/v2.0/token", ask->cloud->authority, ask->tenant_id);
}

static void add_field(struct buf *form, const char *name, const char *value)
{
    buf_addf(form, "%s%s=", form->size > 0 ? "&" : "", name);
    uri_encode(form, value, strlen(value), false);
}

/* Sends the form, `proof` and all; frees it. */
static enum identity_result post(const struct identity_ask *ask, struct buf *form,
                                 struct azure_token **token, struct err *err)
{
    struct buf url = buf_make(2048);
    add_field(form, "client_id", ask->client_id);
    add_field(form, "grant_type", "client_credentials");
    add_field(form, "scope", ask->scope);
    bool ok = buf_ok(form) && add_token_url(ask, &url);
    struct http_request request = {
        .method = "POST",
        .url = buf_take(&url),
        .owned_body = *form,
        .body = {.data = form->data, .size = form->size},
    };
    buf_free(&url);
    ok = ok && request.url &&
         http_headers_add(&request.headers, "Content-Type", "application/x-www-form-urlencoded") &&
         http_headers_add(&request.headers, "Accept", "application/json");
    if (ok) {
        *token = identity_request(ask, &request, WHO, err);
    } else {
        err_set(err, ERR_CREDENTIALS, "", "the request to the token service is too long");
        http_request_free(&request);
    }
    return *token ? IDENTITY_FOUND : IDENTITY_BROKEN;
}

enum identity_result identity_client_secret(const struct identity_ask *ask,
                                            struct azure_token **token, struct err *err)
{
    if (ask->certificate_forced || !ask->client_secret) {
        err_set(err, ERR_CREDENTIALS, "", "%s",
                ask->certificate_forced ? "passed over, [azure] client_certificate is set"
                                        : "AZURE_CLIENT_SECRET is not set");
        return IDENTITY_NONE;
    }
    if (!check_who(ask, "AZURE_CLIENT_SECRET", err))
        return IDENTITY_BROKEN;
    struct buf form = buf_make_secret(FORM_MAX);
    add_field(&form, "client_secret", ask->client_secret);
    return post(ask, &form, token, err);
}

/* Posts a signed statement instead of a secret. */
static enum identity_result post_assertion(const struct identity_ask *ask, const char *assertion,
                                           struct azure_token **token, struct err *err)
{
    struct buf form = buf_make_secret(FORM_MAX);
    add_field(&form, "client_assertion_type",
              "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    add_field(&form, "client_assertion", assertion);
    return post(ask, &form, token, err);
}

enum identity_result identity_certificate(const struct identity_ask *ask,
                                          struct azure_token **token, struct err *err)
{
    if (!ask->client_certificate) {
        err_set(err, ERR_CREDENTIALS, "",
                "neither AZURE_CLIENT_CERTIFICATE_PATH nor [azure] client_certificate is set");
        return IDENTITY_NONE;
    }
    if (!check_who(ask, "the client certificate", err))
        return IDENTITY_BROKEN;
    enum identity_result result = IDENTITY_BROKEN;
    struct buf pem = buf_make_secret(PEM_MAX);
    struct buf url = buf_make(2048);
    struct buf assertion = buf_make_secret(FORM_MAX);
    if (add_token_url(ask, &url) &&
        secret_read_file(ask->client_certificate, "certificate file", &pem, err) &&
        identity_assertion(&pem, ask->client_certificate,
                           secret_env("AZURE_CLIENT_CERTIFICATE_PASSWORD"), ask->client_id,
                           buf_str(&url), ask->clock, &assertion, err))
        result = post_assertion(ask, buf_str(&assertion), token, err);
    buf_free(&assertion);
    buf_free(&url);
    buf_free(&pem);
    return result;
}

/* The file is read anew each time: the kubelet rewrites it. */
enum identity_result identity_workload(const struct identity_ask *ask, struct azure_token **token,
                                       struct err *err)
{
    const char *file = secret_env("AZURE_FEDERATED_TOKEN_FILE");
    if (!file) {
        err_set(err, ERR_CREDENTIALS, "", "AZURE_FEDERATED_TOKEN_FILE is not set");
        return IDENTITY_NONE;
    }
    if (!check_who(ask, "AZURE_FEDERATED_TOKEN_FILE", err))
        return IDENTITY_BROKEN;
    enum identity_result result = IDENTITY_BROKEN;
    struct buf assertion = buf_make_secret(64u << 10);
    if (secret_read_token(file, &assertion, err))
        result = post_assertion(ask, buf_str(&assertion), token, err);
    /* It has run out: a newer one is laid into the same file. */
    if (result == IDENTITY_BROKEN && strstr(err->message, "AADSTS700024"))
        err->kind = ERR_TRANSIENT;
    buf_free(&assertion);
    return result;
}
