/* The Azure client: settings, effective endpoints, api-versions, and the tokens of one identity. */
#include "lib/azure/azure.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/azure/auth/identity.h"
#include "lib/azure/auth/token.h"
#include "lib/azure/client.h"
#include "lib/azure/names.h"
#include "lib/base/memory.h"
#include "lib/base/secret.h"
#include "lib/net/fresh.h"
#include "lib/net/uri.h"

/* Tokens are kept for so many scopes. */
#define SCOPES_MAX 16
/* A token is not sent so shortly before it expires. */
#define MARGIN_MS    10000
#define VERSIONS_MAX 64

static const struct azure_cloud clouds[] = {
    {"public", "https://login.microsoftonline.com", "https://management.azure.com",
     "core.windows.net"},
    {"usgov", "https://login.microsoftonline.us", "https://management.usgovcloudapi.net",
     "core.usgovcloudapi.net"},
    {"china", "https://login.chinacloudapi.cn", "https://management.chinacloudapi.cn",
     "core.chinacloudapi.cn"},
};

static const struct {
    const char *name;
    const char *cloud;
} aliases[] = {
    {"AzureCloud", "public"},
    {"AzureUSGovernment", "usgov"},
    {"AzureChinaCloud", "china"},
};

struct version {
    char *provider;
    char *version;
};

struct azure {
    struct azure_options options;
    /* The effective endpoints; they point to the strings that follow. */
    struct azure_cloud cloud;
    char *authority;
    char *arm;
    char *arm_scope;
    struct azure_identity *identity;
    /* By scope. */
    struct fresh *tokens;
    /* Constant once there are threads. */
    struct version versions[VERSIONS_MAX];
    size_t version_count;
    struct skew skew;
};

const struct azure_cloud *azure_cloud_by_name(const char *name)
{
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (strcasecmp(name, aliases[i].name) == 0)
            name = aliases[i].cloud;
    for (size_t i = 0; i < sizeof clouds / sizeof *clouds; i++)
        if (strcasecmp(name, clouds[i].name) == 0)
            return &clouds[i];
    return NULL;
}

/* --- settings --- */

/* Sets an endpoint, without slashes at its end; a host name stands for https://host. */
static bool cloud_set_endpoint(const char *given, const char *name, char **to, struct err *err)
{
    struct uri uri;
    struct err why = ERR_INIT;
    struct buf url = buf_make(2048);
    buf_addf(&url, "%s%s", strstr(given, "://") ? "" : "https://", given);
    while (url.size > 0 && url.data[url.size - 1] == '/')
        url.data[--url.size] = '\0';
    bool ok = uri_parse(buf_str(&url), &uri, &why);
    if (!ok) {
        err_set(err, ERR_INVALID, "", "%s is not a usable URL: %s", name, why.message);
    } else {
        if (*uri.query)
            ok = err_set(err, ERR_INVALID, "", "%s has a query; remove it", name);
        else if (!azure_may_carry_secrets(buf_str(&url)))
            ok = err_set(err, ERR_INVALID, "",
                         "%s is not an https URL: tokens and secrets are sent without TLS only to "
                         "this machine",
                         name);
        else
            *to = buf_take(&url);
        uri_free(&uri);
    }
    buf_free(&url);
    return ok;
}

static const char *either(const char *own, const char *otherwise)
{
    return own && *own ? own : otherwise;
}

static bool azure_set_cloud(struct azure *a, struct err *err)
{
    const struct azure_options *o = &a->options;
    const struct azure_cloud *cloud = azure_cloud_by_name(either(o->cloud, "public"));
    if (!cloud)
        return err_set(err, ERR_INVALID, "",
                       "\"%.40s\" is not an Azure cloud: use public, usgov or china", o->cloud);
    const char *variable = secret_env("AZURE_AUTHORITY_HOST");
    const char *authority = either(o->authority, either(variable, cloud->authority));
    bool by_variable = variable && authority == variable;
    if (!cloud_set_endpoint(authority, by_variable ? "AZURE_AUTHORITY_HOST" : "authority",
                            &a->authority, err) ||
        !cloud_set_endpoint(either(o->arm_endpoint, cloud->arm), "arm_endpoint", &a->arm, err))
        return false;
    a->cloud = (struct azure_cloud){
        .name = cloud->name,
        .authority = a->authority,
        .arm = a->arm,
        .storage_suffix = either(o->storage_suffix, cloud->storage_suffix),
    };
    a->arm_scope = xasprintf("%s/.default", a->arm);
    return true;
}

/* --- tokens --- */

static void *token_fetch(void *ctx, struct http_client *http, const char *scope, struct err *err)
{
    struct azure *a = ctx;
    return azure_identity_fetch(a->identity, http, scope, err);
}

static void *token_ref(void *token)
{
    return azure_token_ref(token);
}

static void token_unref(void *token)
{
    azure_token_unref(token);
}

static int64_t token_expires_ms(const void *token)
{
    return ((const struct azure_token *)token)->expires_ms;
}

static bool token_same(const void *a, const void *b)
{
    const struct azure_token *left = a;
    const struct azure_token *right = b;
    return strcmp(left->value, right->value) == 0;
}

static void token_refusal_stands(const void *token, struct err *err)
{
    azure_token_refusal_stands(token, err);
}

static const struct fresh_kind token_kind = {
    .what = "a token",
    .max = SCOPES_MAX,
    .fetch = token_fetch,
    .ref = token_ref,
    .unref = token_unref,
    .expires_ms = token_expires_ms,
    .margin_ms = MARGIN_MS,
    .same = token_same,
    .refusal_stands = token_refusal_stands,
};

struct azure_token *azure_get_token(struct azure *a, struct http_client *http, const char *scope,
                                    struct err *err)
{
    return fresh_get(a->tokens, http, scope, err);
}

struct azure_token *azure_renew_token(struct azure *a, struct http_client *http, const char *scope,
                                      const struct azure_token *refused, struct err *err)
{
    return fresh_renew(a->tokens, http, scope, refused, err);
}

struct azure_token *azure_peek_token(struct azure *a, const char *scope)
{
    bool due;
    return fresh_peek(a->tokens, scope, &due);
}

bool azure_token_due(struct azure *a, const char *scope)
{
    bool due;
    azure_token_unref(fresh_peek(a->tokens, scope, &due));
    return due;
}

void azure_expire_token(struct azure *a, const char *scope, const struct azure_token *token)
{
    fresh_expire(a->tokens, scope, token);
}

void azure_describe_identity(struct azure *a, struct buf *to)
{
    azure_identity_describe(a->identity, to);
}

/* --- the client --- */

struct azure *azure_new(const struct azure_options *options, struct err *err)
{
    struct azure *a = xcalloc(1, sizeof *a);
    a->options = *options;
    if (!azure_set_cloud(a, err)) {
        azure_free(a);
        return NULL;
    }
    a->identity = azure_identity_new(&a->options, &a->cloud, &a->skew);
    a->tokens = fresh_new(&token_kind, options->clock, a);
    return a;
}

void azure_free(struct azure *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->version_count; i++) {
        free(a->versions[i].provider);
        free(a->versions[i].version);
    }
    fresh_free(a->tokens);
    azure_identity_free(a->identity);
    free(a->arm_scope);
    free(a->arm);
    free(a->authority);
    free(a);
}

const struct azure_cloud *azure_cloud(const struct azure *a)
{
    return &a->cloud;
}

const struct clock *azure_clock(const struct azure *a)
{
    return a->options.clock;
}

struct skew *azure_skew(struct azure *a)
{
    return &a->skew;
}

struct ratelimit *azure_limits(const struct azure *a)
{
    return a->options.limits;
}

struct log *azure_log(const struct azure *a)
{
    return a->options.log;
}

const char *azure_arm_scope(const struct azure *a)
{
    return a->arm_scope;
}

/* --- api-versions --- */

static struct version *azure_find_version(const struct azure *a, const char *provider)
{
    for (size_t i = 0; i < a->version_count; i++)
        if (strcasecmp(a->versions[i].provider, provider) == 0)
            return (struct version *)&a->versions[i];
    return NULL;
}

const char *azure_version_override(const struct azure *a, const char *provider)
{
    const struct version *v = azure_find_version(a, provider);
    return v ? v->version : NULL;
}

bool azure_add_version(struct azure *a, const char *provider, const char *version, struct err *err)
{
    struct version *v = azure_find_version(a, provider);
    if (!v && a->version_count == VERSIONS_MAX)
        return err_set(err, ERR_LIMIT, "", "more than %d api-versions", VERSIONS_MAX);
    if (!v) {
        v = &a->versions[a->version_count++];
        v->provider = xstrdup(provider);
    }
    free(v->version);
    v->version = xstrdup(version);
    return true;
}
