/* Authorizes storage requests with the account's key, a shared access signature or a bearer token.
 * Source: Azure Storage REST, "Authorize with Shared Key", the version of 2009-09-19 and later. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/azure/client.h"
#include "lib/azure/storage_private.h"
#include "lib/base/crypto.h"
#include "lib/base/memory.h"
#include "lib/base/wipe.h"
#include "lib/net/uri.h"

/* Of the interface; supported by Azurite too. */
#define VERSION "2021-12-02"
/* X-ms- headers, and parameters, of one request. */
#define NAMES_MAX 32
#define SIGN_MAX  (64u << 10)
/* Until a token may have been fetched. */
#define FETCH_MS 200

/* A name and its value, borrowed. */
struct pair {
    const char *name;
    const char *value;
};

static int sign_compare_pairs(const void *a, const void *b)
{
    const struct pair *left = a;
    const struct pair *right = b;
    int names = strcasecmp(left->name, right->name);
    return names != 0 ? names : strcmp(left->value, right->value);
}

static void sign_add_lower(struct buf *to, const char *text)
{
    for (; *text; text++)
        buf_addc(to, (char)(*text >= 'A' && *text <= 'Z' ? *text - 'A' + 'a' : *text));
}

/* --- the text that the key signs --- */

static void sign_add_standard_headers(struct buf *to, const struct http_request *request)
{
    static const char *const before[] = {"Content-Encoding", "Content-Language"};
    static const char *const after[] = {"Content-MD5",         "Content-Type", "Date",
                                        "If-Modified-Since",   "If-Match",     "If-None-Match",
                                        "If-Unmodified-Since", "Range"};
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        const char *value = http_headers_get(&request->headers, before[i]);
        buf_addf(to, "%s\n", value ? value : "");
    }
    if (request->body.size > 0)
        buf_addf(to, "%zu", request->body.size);
    buf_addc(to, '\n');
    for (size_t i = 0; i < sizeof after / sizeof *after; i++) {
        const char *value = http_headers_get(&request->headers, after[i]);
        buf_addf(to, "%s\n", value ? value : "");
    }
}

static bool sign_add_ms_headers(struct buf *to, const struct http_request *request)
{
    struct pair pairs[NAMES_MAX] = {{NULL, NULL}};
    size_t count = 0;
    for (size_t i = 0; i < request->headers.count; i++) {
        const struct http_header *h = &request->headers.at[i];
        if (strncasecmp(h->name, "x-ms-", 5) == 0) {
            if (count == NAMES_MAX)
                return false;
            pairs[count++] = (struct pair){h->name, h->value};
        }
    }
    qsort(pairs, count, sizeof *pairs, sign_compare_pairs);
    for (size_t i = 0; i < count; i++) {
        sign_add_lower(to, pairs[i].name);
        buf_addf(to, ":%s\n", pairs[i].value);
    }
    return true;
}

/* Decodes the parameters of a query into `store`, one string after the other, and lists them. */
static bool sign_read_parameters(const char *query, struct buf *store, struct pair pairs[NAMES_MAX],
                                 size_t *count)
{
    size_t starts[2 * NAMES_MAX];
    *count = 0;
    for (const char *at = query; *at;) {
        size_t all = strcspn(at, "&");
        size_t name = strcspn(at, "=&");
        size_t skip = name < all ? name + 1 : all;
        if (all > 0 && *count == NAMES_MAX)
            return false;
        if (all > 0) {
            starts[2 * *count] = store->size;
            bool ok = uri_decode(store, at, name, false) && buf_addc(store, '\0');
            starts[2 * *count + 1] = store->size;
            ok = ok && uri_decode(store, at + skip, all - skip, false) && buf_addc(store, '\0');
            if (!ok)
                return false;
            ++*count;
        }
        at += all + (at[all] == '&');
    }
    for (size_t i = 0; i < *count; i++)
        pairs[i] = (struct pair){store->data + starts[2 * i], store->data + starts[2 * i + 1]};
    return true;
}

static bool sign_add_parameters(struct buf *to, const char *query)
{
    struct pair pairs[NAMES_MAX] = {{NULL, NULL}};
    size_t count;
    struct buf store = buf_make(SIGN_MAX);
    bool ok = sign_read_parameters(query, &store, pairs, &count);
    if (ok)
        qsort(pairs, count, sizeof *pairs, sign_compare_pairs);
    for (size_t i = 0; ok && i < count; i++) {
        if (i > 0 && strcasecmp(pairs[i].name, pairs[i - 1].name) == 0) {
            buf_addf(to, ",%s", pairs[i].value);
        } else {
            buf_addc(to, '\n');
            sign_add_lower(to, pairs[i].name);
            buf_addf(to, ":%s", pairs[i].value);
        }
    }
    buf_free(&store);
    return ok;
}

static bool sign_add_text(const struct azure_storage *s, const struct http_request *request,
                          const struct uri *uri, struct buf *to)
{
    buf_addf(to, "%s\n", request->method);
    sign_add_standard_headers(to, request);
    bool ok = sign_add_ms_headers(to, request);
    buf_addf(to, "/%s%s", s->account, uri->path);
    return ok && sign_add_parameters(to, uri->query) && buf_ok(to);
}

/* --- headers --- */

static bool sign_set_header(struct http_request *request, const char *name, const char *value)
{
    http_headers_remove(&request->headers, name);
    return http_headers_add(&request->headers, name, value);
}

int64_t azure_storage_now_ms(const struct azure_storage *s)
{
    return skew_now(azure_skew(s->azure), azure_clock(s->azure));
}

static void sign_set_common(const struct azure_storage *s, struct http_request *request)
{
    char date[30];
    clock_http_date(azure_storage_now_ms(s), date);
    char id[37];
    clock_uuid(azure_clock(s->azure), id);
    /* Without control characters these cannot fail. */
    (void)(sign_set_header(request, "x-ms-version", VERSION) &&
           sign_set_header(request, "x-ms-date", date) &&
           sign_set_header(request, "x-ms-client-request-id", id));
}

/* --- the three kinds of authorization --- */

static bool sign_with_key(const struct azure_storage *s, struct http_request *request,
                          struct err *err)
{
    struct uri uri;
    struct buf text = buf_make(SIGN_MAX);
    struct buf value = buf_make_secret(256);
    uint8_t mac[SHA256_SIZE];
    if (!uri_parse(request->url, &uri, err))
        return false;
    bool ok = sign_add_text(s, request, &uri, &text);
    if (ok) {
        hmac_sha256(s->key.data, s->key.size, text.data, text.size, mac);
        ok = buf_addf(&value, "SharedKey %s:", s->account) && base64_add(&value, mac, sizeof mac) &&
             sign_set_header(request, "Authorization", buf_str(&value));
        wipe(mac, sizeof mac);
    }
    uri_free(&uri);
    buf_free(&text);
    buf_free(&value);
    return ok || err_set(err, ERR_INVALID, "", "the storage request is too large to be signed");
}

static void sign_with_sas(const struct azure_storage *s, struct http_request *request)
{
    size_t url = strlen(request->url);
    size_t sas = strlen(s->sas);
    if (url > sas && strcmp(request->url + url - sas, s->sas) == 0)
        return;
    char *longer = xmalloc(url + sas + 2);
    memcpy(longer, request->url, url);
    longer[url] = strchr(request->url, '?') ? '&' : '?';
    memcpy(longer + url + 1, s->sas, sas + 1);
    wipe_free(request->url);
    request->url = longer;
}

static bool sign_with_token(const struct azure_storage *s, struct http_client *http,
                            struct http_request *request, struct err *err)
{
    struct azure_token *token = http ? azure_get_token(s->azure, http, AZURE_SCOPE_STORAGE, err)
                                     : azure_peek_token(s->azure, AZURE_SCOPE_STORAGE);
    if (!token && !http) {
        err_set(err, ERR_BUSY, "", "a token for storage is being fetched");
        err->retry_after_ms = FETCH_MS;
    }
    if (!token)
        return false;
    struct buf value = buf_make_secret(64u << 10);
    bool ok = buf_addf(&value, "Bearer %s", token->value) &&
              sign_set_header(request, "Authorization", buf_str(&value));
    buf_free(&value);
    azure_token_unref(token);
    return ok || err_set(err, ERR_CREDENTIALS, "", "the token cannot be sent as a header");
}

bool azure_storage_sign(const struct azure_storage *s, struct http_client *http,
                        struct http_request *request, struct err *err)
{
    sign_set_common(s, request);
    switch (s->auth) {
    case AZURE_AUTH_KEY:
        return sign_with_key(s, request, err);
    case AZURE_AUTH_SAS:
        sign_with_sas(s, request);
        return true;
    default:
        return sign_with_token(s, http, request, err);
    }
}

struct azure_token *storage_token_of(const struct azure_storage *s,
                                     const struct http_request *request)
{
    const char *sent = http_headers_get(&request->headers, "Authorization");
    struct azure_token *token =
        s->auth == AZURE_AUTH_TOKEN ? azure_peek_token(s->azure, AZURE_SCOPE_STORAGE) : NULL;
    if (token && sent && strncmp(sent, "Bearer ", 7) == 0 && strcmp(sent + 7, token->value) == 0)
        return token;
    azure_token_unref(token);
    return NULL;
}

void azure_storage_expire_token(const struct azure_storage *s, const struct http_request *request)
{
    struct azure_token *token = storage_token_of(s, request);
    if (token)
        azure_expire_token(s->azure, AZURE_SCOPE_STORAGE, token);
    azure_token_unref(token);
}
