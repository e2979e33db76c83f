/* Issues tokens: client credentials with a secret or an assertion, and managed identities.
 * Source: Microsoft Entra documentation, "OAuth 2.0 client credentials flow"; Azure documentation,
 * "How to use managed identities to acquire an access token". Assertions are accepted unchecked. */
#include "tests/cloud/azure_token.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/crypto.h"
#include "lib/base/memory.h"

#define IMDS_PATH  "/metadata/identity/oauth2/token"
#define ENTRA_TAIL "/oauth2/v2.0/token"
#define SCOPE_TAIL "/.default"
#define ASSERTION  "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

struct azure_tokens {
    json_t *issued; /* {token: expires_ms} */
    unsigned count;
};

struct azure_tokens *azure_tokens_new(void)
{
    struct azure_tokens *t = xcalloc(1, sizeof *t);
    t->issued = json_object();
    return t;
}

void azure_tokens_free(struct azure_tokens *t)
{
    if (!t)
        return;
    json_decref(t->issued);
    free(t);
}

void azure_tokens_clear(struct azure_tokens *t)
{
    json_object_clear(t->issued);
}

void azure_tokens_revoke(struct azure_tokens *t)
{
    json_object_clear(t->issued);
}

static bool token_ends_with(const char *text, const char *tail)
{
    size_t n = strlen(text), m = strlen(tail);
    return n >= m && strcmp(text + n - m, tail) == 0;
}

bool azure_token_names(struct request *r)
{
    bool imds = strcmp(r->path, IMDS_PATH) == 0;
    if (!imds && !token_ends_with(r->path, ENTRA_TAIL))
        return false;
    snprintf(r->service, sizeof r->service, "%s", imds ? "imds" : "entra");
    snprintf(r->operation, sizeof r->operation, "token");
    return true;
}

static void token_reply_error(struct reply *reply, unsigned status, const char *error,
                              const char *description)
{
    reply->status = status;
    reply_json(reply, json_pack("{s:s, s:s}", "error", error, "error_description", description));
    reply->type = "application/json; charset=utf-8";
}

static void token_add_part(struct buf *to, const char *dot, json_t *part)
{
    char *text = json_dumps(part, JSON_COMPACT);
    buf_adds(to, dot);
    if (text)
        base64url_add(to, text, strlen(text));
    free(text);
    json_decref(part);
}

/* Returns a token that is valid for its scope only, with the claims that Azurite checks. It has no
 * valid signature, since there is no key. */
static char *token_issue(struct azure_tokens *t, const char *scope, int64_t now_ms, int64_t seconds)
{
    size_t tail = token_ends_with(scope, SCOPE_TAIL) ? strlen(SCOPE_TAIL) : 0;
    json_int_t from = now_ms / 1000, until = (now_ms + 999) / 1000 + seconds;
    struct buf text = buf_make((size_t)1 << 16);
    char unique[16];
    snprintf(unique, sizeof unique, "%08u", ++t->count);
    token_add_part(&text, "", json_pack("{s:s, s:s}", "typ", "JWT", "alg", "RS256"));
    token_add_part(&text, ".",
                   json_pack("{s:s%, s:s, s:I, s:I, s:I, s:s, s:s, s:s, s:s}", "aud", scope,
                             strlen(scope) - tail, "iss",
                             "https://sts.windows.net/" CLOUD_TENANT "/", "iat", from, "nbf", from,
                             "exp", until, "appid", CLOUD_CLIENT, "tid", CLOUD_TENANT, "oid",
                             CLOUD_OBJECT, "uti", unique));
    buf_adds(&text, ".dW5zaWduZWQ");
    char *token = buf_take(&text);
    buf_free(&text);
    bool storage = strstr(scope, "storage.azure.com") != NULL;
    if (token && !storage)
        json_object_set_new(t->issued, token, json_integer(now_ms + seconds * 1000));
    return token;
}

static void token_answer_entra(struct azure_tokens *t, const struct request *r, const json_t *form,
                               struct reply *reply, int64_t now_ms, int64_t seconds)
{
    char *token = NULL;
    const char *scope = form_get(form, "scope");
    bool assertion = strcmp(form_get(form, "client_assertion_type"), ASSERTION) == 0 &&
                     *form_get(form, "client_assertion");
    if (strncmp(r->path + 1, CLOUD_TENANT, strlen(CLOUD_TENANT)) != 0)
        token_reply_error(reply, 400, "invalid_request", "AADSTS90002: Tenant not found.");
    else if (strcmp(form_get(form, "grant_type"), "client_credentials") != 0)
        token_reply_error(reply, 400, "unsupported_grant_type",
                          "AADSTS70003: Unsupported grant type.");
    else if (strcmp(form_get(form, "client_id"), CLOUD_CLIENT) != 0)
        token_reply_error(reply, 400, "unauthorized_client",
                          "AADSTS700016: Application was not found.");
    else if (!assertion && strcmp(form_get(form, "client_secret"), CLOUD_CLIENT_SECRET) != 0)
        token_reply_error(reply, 401, "invalid_client",
                          "AADSTS7000215: Invalid client secret provided.");
    else if (!token_ends_with(scope, SCOPE_TAIL))
        token_reply_error(reply, 400, "invalid_scope", "AADSTS1002012: The scope is not valid.");
    else if ((token = token_issue(t, scope, now_ms, seconds))) {
        reply_json(reply, json_pack("{s:s, s:I, s:I, s:s}", "token_type", "Bearer", "expires_in",
                                    (json_int_t)seconds, "ext_expires_in", (json_int_t)seconds,
                                    "access_token", token));
        reply->type = "application/json; charset=utf-8";
    }
    free(token);
}

static void token_answer_imds(struct azure_tokens *t, const struct request *r, const json_t *query,
                              struct reply *reply, int64_t now_ms, int64_t seconds)
{
    char *token = NULL;
    char in[24], on[24];
    const char *resource = form_get(query, "resource");
    if (strcmp(request_header(r, "Metadata"), "true") != 0)
        token_reply_error(reply, 400, "invalid_request", "Required metadata header not specified");
    else if (!*form_get(query, "api-version") || !*resource)
        token_reply_error(reply, 400, "invalid_request", "Required query variable is missing");
    else if ((token = token_issue(t, resource, now_ms, seconds))) {
        snprintf(in, sizeof in, "%" PRId64, seconds);
        snprintf(on, sizeof on, "%" PRId64, now_ms / 1000 + seconds);
        reply_json(reply,
                   json_pack("{s:s, s:s, s:s, s:s, s:s}", "access_token", token, "expires_in", in,
                             "expires_on", on, "resource", resource, "token_type", "Bearer"));
        reply->type = "application/json; charset=utf-8";
    }
    free(token);
}

void azure_token_answer(struct azure_tokens *t, struct request *r, struct reply *reply,
                        int64_t now_ms, int64_t seconds)
{
    bool imds = strcmp(r->service, "imds") == 0;
    json_t *form =
        imds ? form_parse(r->query, strlen(r->query)) : form_parse(buf_str(&r->body), r->body.size);
    reply->status = 200;
    if (strcmp(r->method, imds ? "GET" : "POST") != 0)
        token_reply_error(reply, 405, "invalid_request", "The method is not allowed.");
    else if (imds)
        token_answer_imds(t, r, form, reply, now_ms, seconds);
    else
        token_answer_entra(t, r, form, reply, now_ms, seconds);
    json_decref(form);
}

bool azure_token_good(const struct azure_tokens *t, const char *bearer, int64_t now_ms)
{
    return json_integer_value(json_object_get(t->issued, bearer)) > now_ms;
}
