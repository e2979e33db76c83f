/* A storage account: its name, endpoints and the right to it, out of a connection string or an
 * account's name. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/azure/client.h"
#include "lib/azure/names.h"
#include "lib/azure/storage_private.h"
#include "lib/base/crypto.h"
#include "lib/base/wipe.h"
#include "lib/net/uri.h"

#define STRING_MAX (16u << 10)
#define URL_MAX    (32u << 10)

/* The emulator's account, whose key is public. Source: "Use the Azurite emulator", well-known
 * storage account and key. */
#define EMULATOR_ACCOUNT "devstoreaccount1"
#define EMULATOR_KEY                                                                               \
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

/* What we read of a connection string; other parts (tables, files) are passed over. */
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
    char *text;            /* owned: the string, cut at its separators; a secret */
    size_t size;           /* of text, for wiping */
    const char *of[PARTS]; /* into text; NULL when absent */
};

static void parts_free(struct parts *p)
{
    if (p->text)
        wipe(p->text, p->size);
    free(p->text);
}

/* Without the blanks around it; cuts the text. */
static char *trim(char *text)
{
    text += strspn(text, " \t\r\n");
    size_t n = strlen(text);
    while (n > 0 && strchr(" \t\r\n", text[n - 1]))
        text[--n] = '\0';
    return text;
}

static bool take_part(struct parts *p, char *text, struct err *err)
{
    text = trim(text);
    char *equals = strchr(text, '=');
    if (!*text)
        return true;
    if (!equals) {
        return err_set(err, ERR_INVALID, "",
                       "the storage connection string has a part without '=': it looks like "
                       "AccountName=...;AccountKey=...");
    }
    *equals = '\0';
    for (size_t i = 0; i < PARTS; i++) {
        if (strcasecmp(trim(text), part_names[i]) == 0) {
            if (p->of[i]) {
                return err_set(err, ERR_INVALID, "", "the storage connection string has %s twice",
                               part_names[i]);
            }
            p->of[i] = trim(equals + 1);
        }
    }
    return true;
}

static bool parts_read(struct parts *p, const char *text, struct err *err)
{
    *p = (struct parts){.size = strlen(text)};
    if (p->size > STRING_MAX)
        return err_set(err, ERR_INVALID, "", "the storage connection string is too long");
    p->text = strdup(text);
    if (!p->text)
        return err_set(err, ERR_INTERNAL, "", "out of memory");
    char *rest = p->text;
    bool ok = true;
    for (char *part; ok && (part = strsep(&rest, ";"));)
        ok = take_part(p, part, err);
    for (size_t i = 0; i < PARTS; i++)
        if (p->of[i] && !*p->of[i])
            p->of[i] = NULL;
    return ok;
}

/* --- account and endpoints --- */

static bool account_valid(const char *name)
{
    size_t n = strlen(name);
    return n >= 3 && n <= 63 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

/* The account in an endpoint's URL: the first label of a host's name, or, where hosts have no
 * account's name (an address, one label alone), the first segment of the path. */
static char *account_of_url(const struct uri *uri)
{
    bool named = strchr(uri->host, '.') && !strchr(uri->host, ':') &&
                 uri->host[strspn(uri->host, "0123456789.")];
    const char *from = named ? uri->host : uri->path + 1;
    return strndup(from, strcspn(from, named ? "." : "/"));
}

/* Takes an endpoint as given, without slashes at its end; learns the account from it when nothing
 * has named that. */
static bool take_endpoint(struct azure_storage *s, const char *given, const char *name, char **to,
                          struct err *err)
{
    struct uri uri;
    struct err why = ERR_INIT;
    if (!uri_parse(given, &uri, &why)) {
        return err_set(err, ERR_INVALID, "",
                       "%s in the storage connection string is not a usable URL: it must be "
                       "http(s)://HOST[:PORT][/PATH], without user information, '?' and '#'",
                       name);
    }
    size_t n = strlen(given);
    while (n > 0 && given[n - 1] == '/')
        n--;
    bool ok = true;
    if (strchr(given, '?')) {
        ok = err_set(err, ERR_INVALID, "",
                     "%s in the storage connection string has a query: a signature belongs in "
                     "SharedAccessSignature",
                     name);
    } else {
        free(*to);
        *to = strndup(given, n);
        if (!s->account)
            s->account = account_of_url(&uri);
        ok = (*to && s->account) || err_set(err, ERR_INTERNAL, "", "out of memory");
    }
    uri_free(&uri);
    return ok;
}

/* "https://account.blob.core.windows.net" */
static char *make_endpoint(const struct azure_storage *s, const struct parts *p,
                           const char *service)
{
    const char *suffix = p->of[ENDPOINT_SUFFIX];
    struct buf url = buf_make(1024);
    buf_addf(&url, "%s://%s.%s.%s", p->of[PROTOCOL] ? p->of[PROTOCOL] : "https", s->account,
             service, suffix ? suffix : azure_cloud(s->azure)->storage_suffix);
    char *made = buf_take(&url);
    buf_free(&url);
    return made;
}

/* Completes and checks what the account's own endpoints are. */
static bool set_endpoints(struct azure_storage *s, const struct parts *p, struct err *err)
{
    const char *suffix = p->of[ENDPOINT_SUFFIX];
    const char *protocol = p->of[PROTOCOL];
    if (suffix && suffix[strspn(suffix, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                        "0123456789.:-")]) {
        return err_set(err, ERR_INVALID, "",
                       "EndpointSuffix in the storage connection string is not a valid host name");
    }
    if (protocol && strcmp(protocol, "https") != 0 && strcmp(protocol, "http") != 0) {
        return err_set(err, ERR_INVALID, "",
                       "DefaultEndpointsProtocol in the storage connection string is neither "
                       "https nor http");
    }
    if ((p->of[BLOB_ENDPOINT] &&
         !take_endpoint(s, p->of[BLOB_ENDPOINT], "BlobEndpoint", &s->blob, err)) ||
        (p->of[QUEUE_ENDPOINT] &&
         !take_endpoint(s, p->of[QUEUE_ENDPOINT], "QueueEndpoint", &s->queue, err)))
        return false;
    if (!s->account) {
        return err_set(err, ERR_INVALID, "",
                       "no storage account is named: set account, or AccountName in the "
                       "connection string");
    }
    if (!account_valid(s->account)) {
        return err_set(
            err, ERR_INVALID, "",
            "\"%.80s\" is not a valid storage account name: it must be 3 to 24 lower-case letters "
            "and digits",
            s->account);
    }
    s->blob = s->blob ? s->blob : make_endpoint(s, p, "blob");
    s->queue = s->queue ? s->queue : make_endpoint(s, p, "queue");
    return (s->blob && s->queue) || err_set(err, ERR_INTERNAL, "", "out of memory");
}

/* The emulator's endpoints at its usual ports. */
static bool set_emulator(struct azure_storage *s, const struct parts *p, struct err *err)
{
    const char *host = p->of[EMULATOR_PROXY] ? p->of[EMULATOR_PROXY] : "http://127.0.0.1";
    struct buf blob = buf_make(1024);
    struct buf queue = buf_make(1024);
    bool ok = buf_addf(&blob, "%s:10000/%s", host, EMULATOR_ACCOUNT) &&
              buf_addf(&queue, "%s:10001/%s", host, EMULATOR_ACCOUNT);
    if (!ok)
        err_set(err, ERR_INVALID, "", "DevelopmentStorageProxyUri is too long");
    ok = ok && take_endpoint(s, buf_str(&blob), part_names[EMULATOR_PROXY], &s->blob, err) &&
         take_endpoint(s, buf_str(&queue), part_names[EMULATOR_PROXY], &s->queue, err);
    buf_free(&blob);
    buf_free(&queue);
    return ok;
}

/* --- the right to it --- */

static bool set_key(struct azure_storage *s, const struct parts *p, struct err *err)
{
    const char *key = p->of[ACCOUNT_KEY];
    if (!p->of[ACCOUNT_NAME]) {
        return err_set(err, ERR_INVALID, "",
                       "the storage connection string has AccountKey, but no AccountName");
    }
    s->auth = STORAGE_KEY;
    return (base64_decode(&s->key, key, strlen(key)) && s->key.size > 0) ||
           err_set(err, ERR_INVALID, "",
                   "AccountKey in the storage connection string is not base64");
}

static bool set_signature(struct azure_storage *s, const struct parts *p, struct err *err)
{
    const char *sas = p->of[SIGNATURE];
    sas += *sas == '?';
    for (const char *c = sas; *c; c++) {
        if (*c <= ' ' || *c > '~' || *c == '#' || *c == '?') {
            return err_set(err, ERR_INVALID, "",
                           "SharedAccessSignature in the storage connection string has a "
                           "character that no query may have");
        }
    }
    if (!strstr(sas, "sig=")) {
        return err_set(err, ERR_INVALID, "",
                       "SharedAccessSignature in the storage connection string has no sig=");
    }
    s->auth = STORAGE_SAS;
    s->sas = strdup(sas);
    return s->sas || err_set(err, ERR_INTERNAL, "", "out of memory");
}

/* A token opens every account that the identity may enter: it is sent over TLS only, but to this
 * machine. */
static bool set_token(struct azure_storage *s, struct err *err)
{
    s->auth = STORAGE_TOKEN;
    if (azure_may_carry_secrets(s->blob) && azure_may_carry_secrets(s->queue))
        return true;
    return err_set(err, ERR_INVALID, "",
                   "the storage endpoints of account %s are reached without https: an identity's "
                   "token is not sent there. Give AccountKey, or https endpoints",
                   s->account);
}

static bool set_right(struct azure_storage *s, const struct parts *p, struct err *err)
{
    if (p->of[ACCOUNT_KEY])
        return set_key(s, p, err);
    return p->of[SIGNATURE] ? set_signature(s, p, err) : set_token(s, err);
}

/* The account by our own configuration must be that of the connection string. */
static bool set_account(struct azure_storage *s, const char *account, const struct parts *p,
                        struct err *err)
{
    const char *named = p->of[ACCOUNT_NAME];
    bool given = account && *account;
    if (given && named && strcmp(account, named) != 0) {
        return err_set(err, ERR_INVALID, "",
                       "the source names storage account %.64s, its connection string %.64s",
                       account, named);
    }
    if (!given && !named)
        return true; /* an endpoint may name it */
    s->account = strdup(given ? account : named);
    return s->account || err_set(err, ERR_INTERNAL, "", "out of memory");
}

static bool fill(struct azure_storage *s, const char *account, struct parts *p, struct err *err)
{
    const char *use = p->of[USE_EMULATOR];
    bool emulator = use && strcasecmp(use, "true") == 0;
    if (emulator) {
        p->of[ACCOUNT_NAME] = EMULATOR_ACCOUNT;
        p->of[ACCOUNT_KEY] = EMULATOR_KEY;
    }
    return set_account(s, account, p, err) && (!emulator || set_emulator(s, p, err)) &&
           set_endpoints(s, p, err) && set_right(s, p, err);
}

struct azure_storage *azure_storage_new(const struct azure_storage_options *options,
                                        struct err *err)
{
    const char *text = options->connection_string ? options->connection_string : "";
    struct azure_storage *s = calloc(1, sizeof(*s));
    struct parts parts = {0};
    if (!s) {
        err_set(err, ERR_INTERNAL, "", "out of memory");
        return NULL;
    }
    s->azure = options->azure;
    s->key = buf_make_secret(1024);
    bool ok = parts_read(&parts, text, err) && fill(s, options->account, &parts, err);
    parts_free(&parts);
    if (!ok) {
        azure_storage_free(s);
        return NULL;
    }
    return s;
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

bool azure_storage_uses_tokens(const struct azure_storage *s)
{
    return s->auth == STORAGE_TOKEN;
}

const char *azure_storage_auth_name(const struct azure_storage *s)
{
    static const char *const names[] = {"key", "sas", "token"};
    return names[s->auth];
}

/* --- requests --- */

bool storage_request(const char *method, const char *endpoint, struct buf *rest,
                     struct http_request *request, struct err *err)
{
    struct buf url = buf_make_secret(URL_MAX);
    bool ok = buf_ok(rest) && buf_adds(&url, endpoint) && buf_adds(&url, buf_str(rest));
    *request = (struct http_request){.method = method, .url = buf_take(&url)};
    buf_free(&url);
    buf_free(rest);
    if (ok && request->url)
        return true;
    http_request_free(request);
    return err_set(err, ERR_INVALID, "",
                   "the address within storage is too long, or there is no memory for it");
}
