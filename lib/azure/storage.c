/* A storage account: its name, endpoints and authorization, from a connection string or an account
 * name. Touches memory only. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/azure/client.h"
#include "lib/azure/names.h"
#include "lib/azure/storage_private.h"
#include "lib/base/crypto.h"
#include "lib/base/memory.h"
#include "lib/base/wipe.h"
#include "lib/net/uri.h"

#define STRING_MAX (16u << 10)
#define URL_MAX    (32u << 10)

/* The emulator's account, whose key is public. Source: "Use the Azurite emulator", well-known
 * storage account and key. */
#define EMULATOR_ACCOUNT "devstoreaccount1"
#define EMULATOR_KEY                                                                               \
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

/* The parts of a connection string that are used; others (tables, files) are ignored. */
enum part {
    ACCOUNT_NAME,
    ACCOUNT_KEY,
    SIGNATURE,
    BLOB_ENDPOINT,
    QUEUE_ENDPOINT,
    ENDPOINT_SUFFIX,
    PROTOCOL,
    USE_EMULATOR,
    EMULATOR_PROXY,
    PARTS
};

static const char *const part_names[PARTS] = {
    "AccountName",
    "AccountKey",
    "SharedAccessSignature",
    "BlobEndpoint",
    "QueueEndpoint",
    "EndpointSuffix",
    "DefaultEndpointsProtocol",
    "UseDevelopmentStorage",
    "DevelopmentStorageProxyUri",
};

struct parts {
    /* Owned: the string, split at its separators. Secret. */
    char *text;
    /* Of text, to overwrite it. */
    size_t size;
    /* Into text; NULL if absent. */
    const char *of[PARTS];
};

static void parts_free(struct parts *p)
{
    if (p->text)
        wipe(p->text, p->size);
    free(p->text);
}

/* Removes the white space around a text, in place. */
static char *parts_trim(char *text)
{
    text += strspn(text, " \t\r\n");
    size_t n = strlen(text);
    while (n > 0 && strchr(" \t\r\n", text[n - 1]))
        text[--n] = '\0';
    return text;
}

static bool parts_add(struct parts *p, char *text, struct err *err)
{
    text = parts_trim(text);
    char *equals = strchr(text, '=');
    if (!*text)
        return true;
    if (!equals)
        return err_set(err, ERR_INVALID, "",
                       "the storage connection string has a part without '='; the format is "
                       "AccountName=...;AccountKey=...");
    *equals = '\0';
    for (size_t i = 0; i < PARTS; i++) {
        if (strcasecmp(parts_trim(text), part_names[i]) != 0)
            continue;
        if (p->of[i])
            return err_set(err, ERR_INVALID, "", "the storage connection string has %s twice",
                           part_names[i]);
        p->of[i] = parts_trim(equals + 1);
    }
    return true;
}

static bool parts_read(struct parts *p, const char *text, struct err *err)
{
    *p = (struct parts){.size = strlen(text)};
    if (p->size > STRING_MAX)
        return err_set(err, ERR_INVALID, "", "the storage connection string is longer than 16 KiB");
    p->text = xstrdup(text);
    char *rest = p->text;
    bool ok = true;
    for (char *part; ok && (part = strsep(&rest, ";"));)
        ok = parts_add(p, part, err);
    for (size_t i = 0; i < PARTS; i++)
        if (p->of[i] && !*p->of[i])
            p->of[i] = NULL;
    return ok;
}

/* --- account and endpoints --- */

static bool storage_account_valid(const char *name)
{
    size_t n = strlen(name);
    return n >= 3 && n <= 63 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

/* Returns the account in the URL of an endpoint: the first label of the host name, or, if the
 * host is an address or a single label, the first segment of the path. */
static char *storage_account_of_url(const struct uri *uri)
{
    bool named = strchr(uri->host, '.') && !strchr(uri->host, ':') &&
                 uri->host[strspn(uri->host, "0123456789.")];
    const char *from = named ? uri->host : uri->path + 1;
    return xstrndup(from, strcspn(from, named ? "." : "/"));
}

/* Sets an endpoint, without slashes at its end, and the account if it is not known yet. */
static bool storage_set_endpoint(struct azure_storage *s, const char *given, const char *name,
                                 char **to, struct err *err)
{
    struct uri uri;
    struct err why = ERR_INIT;
    if (!uri_parse(given, &uri, &why))
        return err_set(err, ERR_INVALID, "",
                       "%s in the storage connection string is not a usable URL: it must be "
                       "http(s)://HOST[:PORT][/PATH], without user information, '?' and '#'",
                       name);
    bool ok = !strchr(given, '?') ||
              err_set(err, ERR_INVALID, "",
                      "%s in the storage connection string has a query; a signature belongs in "
                      "SharedAccessSignature",
                      name);
    if (ok) {
        size_t n = strlen(given);
        while (n > 0 && given[n - 1] == '/')
            n--;
        free(*to);
        *to = xstrndup(given, n);
        if (!s->account)
            s->account = storage_account_of_url(&uri);
    }
    uri_free(&uri);
    return ok;
}

/* Returns "https://account.blob.core.windows.net". */
static char *storage_default_endpoint(const struct azure_storage *s, const struct parts *p,
                                      const char *service)
{
    const char *suffix = p->of[ENDPOINT_SUFFIX];
    return xasprintf("%s://%s.%s.%s", p->of[PROTOCOL] ? p->of[PROTOCOL] : "https", s->account,
                     service, suffix ? suffix : azure_cloud(s->azure)->storage_suffix);
}

static bool parts_check(const struct parts *p, struct err *err)
{
    const char *suffix = p->of[ENDPOINT_SUFFIX];
    const char *protocol = p->of[PROTOCOL];
    if (suffix && suffix[strspn(suffix, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                        "0123456789.:-")])
        return err_set(err, ERR_INVALID, "",
                       "EndpointSuffix in the storage connection string is not a valid host name");
    return !protocol || strcmp(protocol, "https") == 0 || strcmp(protocol, "http") == 0 ||
           err_set(err, ERR_INVALID, "",
                   "DefaultEndpointsProtocol in the storage connection string must be https or "
                   "http");
}

static bool storage_set_endpoints(struct azure_storage *s, const struct parts *p, struct err *err)
{
    if (!parts_check(p, err))
        return false;
    if ((p->of[BLOB_ENDPOINT] &&
         !storage_set_endpoint(s, p->of[BLOB_ENDPOINT], "BlobEndpoint", &s->blob, err)) ||
        (p->of[QUEUE_ENDPOINT] &&
         !storage_set_endpoint(s, p->of[QUEUE_ENDPOINT], "QueueEndpoint", &s->queue, err)))
        return false;
    if (!s->account)
        return err_set(err, ERR_INVALID, "",
                       "no storage account given: set account, or AccountName in the connection "
                       "string");
    if (!storage_account_valid(s->account))
        return err_set(
            err, ERR_INVALID, "",
            "\"%.80s\" is not a valid storage account name: it must be 3 to 24 lowercase "
            "letters and digits",
            s->account);
    s->blob = s->blob ? s->blob : storage_default_endpoint(s, p, "blob");
    s->queue = s->queue ? s->queue : storage_default_endpoint(s, p, "queue");
    return true;
}

/* Sets the emulator's endpoints, with its default ports. */
static bool storage_set_emulator(struct azure_storage *s, const struct parts *p, struct err *err)
{
    const char *host = p->of[EMULATOR_PROXY] ? p->of[EMULATOR_PROXY] : "http://127.0.0.1";
    struct buf blob = buf_make(1024);
    struct buf queue = buf_make(1024);
    bool ok = buf_addf(&blob, "%s:10000/%s", host, EMULATOR_ACCOUNT) &&
              buf_addf(&queue, "%s:10001/%s", host, EMULATOR_ACCOUNT);
    if (!ok)
        err_set(err, ERR_INVALID, "", "DevelopmentStorageProxyUri is too long");
    ok = ok && storage_set_endpoint(s, buf_str(&blob), part_names[EMULATOR_PROXY], &s->blob, err) &&
         storage_set_endpoint(s, buf_str(&queue), part_names[EMULATOR_PROXY], &s->queue, err);
    buf_free(&blob);
    buf_free(&queue);
    return ok;
}

/* --- authorization --- */

static bool storage_set_key(struct azure_storage *s, const struct parts *p, struct err *err)
{
    const char *key = p->of[ACCOUNT_KEY];
    if (!p->of[ACCOUNT_NAME])
        return err_set(err, ERR_INVALID, "",
                       "the storage connection string has AccountKey, but no AccountName");
    s->auth = AZURE_AUTH_KEY;
    return (base64_decode(&s->key, key, strlen(key)) && s->key.size > 0) ||
           err_set(err, ERR_INVALID, "",
                   "AccountKey in the storage connection string is not base64");
}

static bool storage_set_sas(struct azure_storage *s, const struct parts *p, struct err *err)
{
    const char *sas = p->of[SIGNATURE];
    sas += *sas == '?';
    for (const char *c = sas; *c; c++)
        if (*c <= ' ' || *c > '~' || *c == '#' || *c == '?')
            return err_set(err, ERR_INVALID, "",
                           "SharedAccessSignature in the storage connection string has a "
                           "character that is not allowed in a query");
    if (!strstr(sas, "sig="))
        return err_set(err, ERR_INVALID, "",
                       "SharedAccessSignature in the storage connection string has no sig=");
    s->auth = AZURE_AUTH_SAS;
    s->sas = xstrdup(sas);
    return true;
}

/* A token is valid for every account that the identity has access to: it is sent without TLS to
 * this machine only. */
static bool storage_set_token(struct azure_storage *s, struct err *err)
{
    s->auth = AZURE_AUTH_TOKEN;
    if (azure_may_carry_secrets(s->blob) && azure_may_carry_secrets(s->queue))
        return true;
    return err_set(err, ERR_INVALID, "",
                   "the storage endpoints of account %s do not use https, so that no token is sent "
                   "there; set AccountKey, or https endpoints",
                   s->account);
}

static bool storage_set_auth(struct azure_storage *s, const struct parts *p, struct err *err)
{
    if (p->of[ACCOUNT_KEY])
        return storage_set_key(s, p, err);
    return p->of[SIGNATURE] ? storage_set_sas(s, p, err) : storage_set_token(s, err);
}

/* The configured account must be that of the connection string. */
static bool storage_set_account(struct azure_storage *s, const char *account, const struct parts *p,
                                struct err *err)
{
    const char *named = p->of[ACCOUNT_NAME];
    bool given = account && *account;
    if (given && named && strcmp(account, named) != 0)
        return err_set(err, ERR_INVALID, "",
                       "account is %.64s, but the connection string is for storage account %.64s",
                       account, named);
    /* Without either, an endpoint may contain it. */
    if (given || named)
        s->account = xstrdup(given ? account : named);
    return true;
}

static bool storage_configure(struct azure_storage *s, const char *account, struct parts *p,
                              struct err *err)
{
    const char *use = p->of[USE_EMULATOR];
    bool emulator = use && strcasecmp(use, "true") == 0;
    if (emulator) {
        p->of[ACCOUNT_NAME] = EMULATOR_ACCOUNT;
        p->of[ACCOUNT_KEY] = EMULATOR_KEY;
    }
    return storage_set_account(s, account, p, err) &&
           (!emulator || storage_set_emulator(s, p, err)) && storage_set_endpoints(s, p, err) &&
           storage_set_auth(s, p, err);
}

struct azure_storage *azure_storage_new(const struct azure_storage_options *options,
                                        struct err *err)
{
    const char *text = options->connection_string ? options->connection_string : "";
    struct azure_storage *s = xcalloc(1, sizeof *s);
    s->azure = options->azure;
    s->key = buf_make_secret(1024);
    struct parts parts = {0};
    bool ok = parts_read(&parts, text, err) && storage_configure(s, options->account, &parts, err);
    parts_free(&parts);
    if (ok)
        return s;
    azure_storage_free(s);
    return NULL;
}

void azure_storage_free(struct azure_storage *s)
{
    if (!s)
        return;
    buf_free(&s->key);
    wipe_free(s->sas);
    free(s->account);
    free(s->blob);
    free(s->queue);
    free(s);
}

const char *azure_storage_blob_endpoint(const struct azure_storage *s)
{
    return s->blob;
}

const char *azure_storage_queue_endpoint(const struct azure_storage *s)
{
    return s->queue;
}

const char *azure_storage_account(const struct azure_storage *s)
{
    return s->account;
}

enum azure_storage_auth azure_storage_auth(const struct azure_storage *s)
{
    return s->auth;
}

const char *azure_storage_auth_name(const struct azure_storage *s)
{
    static const char *const names[] = {"key", "sas", "token"};
    return names[s->auth];
}

/* --- requests --- */

bool storage_build_request(const char *method, const char *endpoint, struct buf *rest,
                           struct http_request *request, struct err *err)
{
    struct buf url = buf_make_secret(URL_MAX);
    bool ok = buf_ok(rest) && buf_adds(&url, endpoint) && buf_adds(&url, buf_str(rest));
    *request = (struct http_request){.method = method, .url = buf_take(&url)};
    buf_free(&url);
    buf_free(rest);
    if (ok)
        return true;
    http_request_free(request);
    return err_set(err, ERR_INVALID, "", "the URL of the storage request is too long");
}
