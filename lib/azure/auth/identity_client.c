/* Identities that authenticate to the token service with a client secret, a certificate, or the
 * token of a workload identity. Source: Microsoft identity platform, "OAuth 2.0 client credentials
 * flow". */
#include <string.h>

#include "lib/azure/auth/identity_kinds.h"
#include "lib/base/secret.h"
#include "lib/net/uri.h"

#define URL_MAX  2048
#define FORM_MAX (128u << 10)
#define PEM_MAX  (256u << 10)

/* A tenant becomes part of the path: it must be a GUID or a domain name. */
static bool client_tenant_valid(const char *tenant)
{
    size_t n = strlen(tenant);
    return n > 0 && n <= 253 && tenant[0] != '.' &&
           strspn(tenant, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") == n;
}

/* Checks that tenant and client are configured, as the setting called `given` requires. */
static bool client_check_params(const struct identity_params *params, const char *given,
                                struct err *err)
{
    if (!params->tenant_id || !params->client_id)
        return err_set(err, ERR_CREDENTIALS, "", "%s is set, but %s is not", given,
                       params->tenant_id ? "AZURE_CLIENT_ID ([azure] client_id)"
                                         : "AZURE_TENANT_ID ([azure] tenant_id)");
    return client_tenant_valid(params->tenant_id) ||
           err_set(err, ERR_CREDENTIALS, "",
                   "\"%.80s\" is not a valid tenant: it must be a GUID or a domain",
                   params->tenant_id);
}

static bool client_add_url(const struct identity_params *params, struct buf *to)
{
    return buf_addf(to, "%s/%s/oauth2/v2.0/token", params->cloud->authority, params->tenant_id);
}

static void client_add_field(struct buf *form, const char *name, const char *value)
{
    buf_addf(form, "%s%s=", form->size > 0 ? "&" : "", name);
    uri_encode(form, value, strlen(value), false);
}

/* Completes the form, which authenticates the client, and posts it; takes the form. */
static enum identity_result client_post(const struct identity_params *params, struct buf *form,
                                        struct azure_token **token, struct err *err)
{
    struct buf url = buf_make(URL_MAX);
    client_add_field(form, "client_id", params->client_id);
    client_add_field(form, "grant_type", "client_credentials");
    client_add_field(form, "scope", params->scope);
    bool ok = buf_ok(form) && client_add_url(params, &url);
    struct http_request request = {
        .method = "POST",
        .url = buf_take(&url),
        .owned_body = *form,
        .body = {.data = form->data, .size = form->size},
    };
    buf_free(&url);
    ok = ok &&
         http_headers_add(&request.headers, "Content-Type", "application/x-www-form-urlencoded") &&
         http_headers_add(&request.headers, "Accept", "application/json");
    if (ok) {
        *token = identity_send(params, &request, "token service", err);
    } else {
        err_set(err, ERR_CREDENTIALS, "", "the request to the token service is too long");
        http_request_free(&request);
    }
    return *token ? IDENTITY_FOUND : IDENTITY_FAILED;
}

enum identity_result identity_try_secret(const struct identity_params *params,
                                         struct azure_token **token, struct err *err)
{
    if (params->certificate_forced || !params->client_secret) {
        err_set(err, ERR_CREDENTIALS, "", "%s",
                params->certificate_forced ? "not used: [azure] client_certificate is set"
                                           : "AZURE_CLIENT_SECRET is not set");
        return IDENTITY_NOT_CONFIGURED;
    }
    if (!client_check_params(params, "AZURE_CLIENT_SECRET", err))
        return IDENTITY_FAILED;
    struct buf form = buf_make_secret(FORM_MAX);
    client_add_field(&form, "client_secret", params->client_secret);
    return client_post(params, &form, token, err);
}

/* Posts a signed assertion instead of a secret. */
static enum identity_result client_post_assertion(const struct identity_params *params,
                                                  const char *assertion, struct azure_token **token,
                                                  struct err *err)
{
    struct buf form = buf_make_secret(FORM_MAX);
    client_add_field(&form, "client_assertion_type",
                     "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    client_add_field(&form, "client_assertion", assertion);
    return client_post(params, &form, token, err);
}

enum identity_result identity_try_certificate(const struct identity_params *params,
                                              struct azure_token **token, struct err *err)
{
    if (!params->client_certificate) {
        err_set(err, ERR_CREDENTIALS, "",
                "neither AZURE_CLIENT_CERTIFICATE_PATH nor [azure] client_certificate is set");
        return IDENTITY_NOT_CONFIGURED;
    }
    if (!client_check_params(params, "the client certificate", err))
        return IDENTITY_FAILED;
    enum identity_result result = IDENTITY_FAILED;
    struct buf pem = buf_make_secret(PEM_MAX);
    struct buf url = buf_make(URL_MAX);
    struct buf assertion = buf_make_secret(FORM_MAX);
    struct identity_certificate certificate = {
        .pem = &pem,
        .path = params->client_certificate,
        .password = secret_env("AZURE_CLIENT_CERTIFICATE_PASSWORD"),
    };
    if (!client_add_url(params, &url))
        err_set(err, ERR_CREDENTIALS, "", "the URL of the token service is too long");
    else if (secret_read_file(certificate.path, "certificate file", &pem, err) &&
             identity_sign_assertion(params, &certificate, buf_str(&url), &assertion, err))
        result = client_post_assertion(params, buf_str(&assertion), token, err);
    buf_free(&assertion);
    buf_free(&url);
    buf_free(&pem);
    return result;
}

/* The file is read each time, because the kubelet rewrites it. */
enum identity_result identity_try_workload(const struct identity_params *params,
                                           struct azure_token **token, struct err *err)
{
    const char *file = secret_env("AZURE_FEDERATED_TOKEN_FILE");
    if (!file) {
        err_set(err, ERR_CREDENTIALS, "", "AZURE_FEDERATED_TOKEN_FILE is not set");
        return IDENTITY_NOT_CONFIGURED;
    }
    if (!client_check_params(params, "AZURE_FEDERATED_TOKEN_FILE", err))
        return IDENTITY_FAILED;
    enum identity_result result = IDENTITY_FAILED;
    struct buf assertion = buf_make_secret(64u << 10);
    if (secret_read_token(file, &assertion, err))
        result = client_post_assertion(params, buf_str(&assertion), token, err);
    /* It has expired: a newer one will be written to the same file. */
    if (result == IDENTITY_FAILED && strstr(err->message, "AADSTS700024"))
        err->kind = ERR_TRANSIENT;
    buf_free(&assertion);
    return result;
}
