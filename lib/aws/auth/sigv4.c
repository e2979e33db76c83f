/* AWS Signature Version 4, one named step after the other: canonical request, string to sign,
 * signing key, signature. */
#include "lib/aws/auth/sigv4.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/cache.h"
#include "lib/base/clock.h"
#include "lib/base/crypto.h"
#include "lib/base/memory.h"
#include "lib/base/wipe.h"
#include "lib/net/uri.h"

/* Bytes of a canonical request. */
#define CANONICAL_MAX (256u << 10)
/* Signed headers of a request. */
#define HEADERS_MAX 64
/* Query parameters of a request. */
#define PARAMS_MAX 64
/* Characters of a secret access key. */
#define SECRET_MAX 508
/* Path segments where a path is normalized. */
#define SEGMENTS_MAX 256
/* Characters of an access key ID and a scope whose key is kept. */
#define KEY_NAME_MAX 255
/* Some accounts, regions and services at a time. */
#define KEPT_KEYS 128

/* What all steps share. */
struct signing {
    const struct aws_creds *creds;
    const struct sigv4_options *options;
    struct uri_parts url;
    /* 20150830T123600Z. */
    char date[17];
    /* Or a constant such as UNSIGNED-PAYLOAD. */
    char payload_hash[SHA256_HEX_SIZE];
    const struct http_header *headers[HEADERS_MAX];
    size_t header_count;
    struct buf canonical, to_sign;
    /* Where the signed headers' names stand in `canonical`. */
    size_t names_at, names_size;
};

/* --- the headers that signing adds --- */

static bool sigv4_add_header(struct http_request *request, const char *name, const char *value,
                             struct err *err)
{
    if (http_headers_add(&request->headers, name, value))
        return true;
    return err_set(err, ERR_INTERNAL, "",
                   "cannot add the header %s to a request: its value contains a control character",
                   name);
}

/* The Host header as HTTP clients send it: without the port where that is the scheme's own. */
static bool sigv4_add_host(struct http_request *request, const struct uri_parts *url,
                           struct err *err)
{
    char host[300];
    struct uri_span s = url->authority;
    if (http_headers_get(&request->headers, "Host"))
        return true;
    memcpy(host, s.at, s.size);
    host[s.size] = '\0';
    return sigv4_add_header(request, "Host", host, err);
}

static bool sigv4_add_date(struct http_request *request, struct signing *s, struct err *err)
{
    const char *given = http_headers_get(&request->headers, "X-Amz-Date");
    if (!given) {
        clock_iso_basic(s->options->now_ms, s->date);
        return sigv4_add_header(request, "X-Amz-Date", s->date, err);
    }
    if (strlen(given) != sizeof s->date - 1)
        return err_set(err, ERR_INVALID, "", "the X-Amz-Date header is not like 20150830T123600Z");
    memcpy(s->date, given, sizeof s->date);
    return true;
}

static bool sigv4_add_token(struct http_request *request, const struct aws_creds *creds,
                            struct err *err)
{
    return !creds->session_token ||
           sigv4_add_header(request, "X-Amz-Security-Token", creds->session_token, err);
}

/* Reads a stream to its end and rewinds it. */
static bool sigv4_hash_stream(const struct http_body *body, char to[SHA256_HEX_SIZE],
                              struct err *err)
{
    struct sha256 *hash = sha256_new();
    uint8_t digest[SHA256_SIZE];
    char piece[16384];
    size_t n, total = 0;
    body->rewind(body->ctx);
    while ((n = body->read(body->ctx, piece, sizeof piece)) > 0) {
        sha256_add(hash, piece, n);
        total += n;
    }
    sha256_finish(hash, digest);
    body->rewind(body->ctx);
    if (total != body->size)
        return err_set(err, ERR_INTERNAL, "",
                       "a request's body gave %zu bytes where %zu were announced", total,
                       body->size);
    hex_encode(digest, sizeof digest, to);
    return true;
}

static bool sigv4_hash_payload(const struct http_request *request, struct signing *s,
                               struct err *err)
{
    const char *given = s->options->payload_hash;
    if (given) {
        size_t size = strlen(given);
        if (size >= sizeof s->payload_hash)
            return err_set(err, ERR_INVALID, "", "a payload hash is longer than 64 characters");
        memcpy(s->payload_hash, given, size + 1);
        return true;
    }
    if (!request->body.data && request->body.read)
        return sigv4_hash_stream(&request->body, s->payload_hash, err);
    sha256_hex(request->body.data ? request->body.data : "",
               request->body.data ? request->body.size : 0, s->payload_hash);
    return true;
}

static bool sigv4_add_headers(struct http_request *request, struct signing *s, struct err *err)
{
    return sigv4_add_host(request, &s->url, err) && sigv4_add_date(request, s, err) &&
           sigv4_hash_payload(request, s, err) &&
           (!s->options->add_content_sha256 ||
            http_headers_get(&request->headers, "x-amz-content-sha256") ||
            sigv4_add_header(request, "x-amz-content-sha256", s->payload_hash, err)) &&
           (s->options->omit_session_token || sigv4_add_token(request, s->creds, err));
}

/* --- the canonical request --- */

/* Appends text that is percent-encoded already, in the one way that signatures know: upper-case
 * digits, and nothing encoded that need not be. */
static void sigv4_add_encoded(struct buf *to, struct uri_span text, bool keep_slash)
{
    for (size_t i = 0; i < text.size;) {
        const char *at = text.at + i;
        const char *percent = memchr(at, '%', text.size - i);
        size_t n = percent ? (size_t)(percent - at) : text.size - i;
        if (n == 0 && text.size - i > 2 && isxdigit((unsigned char)at[1]) &&
            isxdigit((unsigned char)at[2])) {
            const char digits[] = {at[1], at[2], '\0'};
            char byte = (char)strtoul(digits, NULL, 16);
            uri_encode(to, &byte, 1, false);
            n = 3;
        } else {
            /* A '%' that begins no escape. */
            n += n == 0;
            uri_encode(to, at, n, keep_slash);
        }
        i += n;
    }
}

/* One segment of a path, or all of it. */
static void sigv4_add_segment(struct signing *s, struct uri_span segment)
{
    if (s->options->double_encode_path)
        uri_encode(&s->canonical, segment.at, segment.size, true);
    else
        sigv4_add_encoded(&s->canonical, segment, true);
}

/* Appends the path without its empty, "." and ".." segments (RFC 3986, section 5.2.4). Fails when
 * there are too many. */
static bool sigv4_add_normal_path(struct signing *s)
{
    struct uri_span path = s->url.path;
    struct uri_span kept[SEGMENTS_MAX];
    size_t count = 0, n;
    for (size_t i = 0; i < path.size; i += n + 1) {
        const char *at = path.at + i;
        const char *slash = memchr(at, '/', path.size - i);
        n = slash ? (size_t)(slash - at) : path.size - i;
        if (n == 0 || (n == 1 && at[0] == '.'))
            continue;
        if (n == 2 && at[0] == '.' && at[1] == '.') {
            count -= count > 0;
            continue;
        }
        if (count == SEGMENTS_MAX)
            return false;
        kept[count++] = (struct uri_span){at, n};
    }
    for (size_t i = 0; i < count; i++) {
        buf_addc(&s->canonical, '/');
        sigv4_add_segment(s, kept[i]);
    }
    if (count == 0 || path.at[path.size - 1] == '/')
        buf_addc(&s->canonical, '/');
    return true;
}

static bool sigv4_add_path(struct signing *s)
{
    if (s->options->normalize_path)
        return sigv4_add_normal_path(s);
    sigv4_add_segment(s, s->url.path);
    return true;
}

/* One query parameter in its canonical form: places in a buffer, which may move while it grows. */
struct param {
    size_t at, key_size, size;
};

static int sigv4_compare_bytes(const char *a, size_t a_size, const char *b, size_t b_size)
{
    int order = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

/* By name, then by value, as bytes. */
static bool sigv4_param_before(const char *data, const struct param *a, const struct param *b)
{
    const char *x = data + a->at, *y = data + b->at;
    int order = sigv4_compare_bytes(x, a->key_size, y, b->key_size);
    if (order == 0)
        order = sigv4_compare_bytes(x + a->key_size, a->size - a->key_size, y + b->key_size,
                                    b->size - b->key_size);
    return order < 0;
}

static struct param sigv4_encode_param(struct buf *to, struct uri_span text)
{
    const char *equals = memchr(text.at, '=', text.size);
    size_t key_size = equals ? (size_t)(equals - text.at) : text.size;
    struct param p = {.at = to->size};
    sigv4_add_encoded(to, (struct uri_span){text.at, key_size}, false);
    p.key_size = to->size - p.at;
    buf_addc(to, '=');
    if (equals)
        sigv4_add_encoded(to, (struct uri_span){equals + 1, text.size - key_size - 1}, false);
    p.size = to->size - p.at;
    return p;
}

/* Encodes every parameter into `work` and lists them in order. Fails when there are too many. */
static bool sigv4_sort_params(struct uri_span query, struct buf *work, struct param *params,
                              size_t *count)
{
    const char *end = query.at + query.size;
    for (const char *at = query.at; at < end;) {
        const char *stop = memchr(at, '&', (size_t)(end - at));
        struct param p;
        size_t i = *count;
        if (!stop)
            stop = end;
        if (*count == PARAMS_MAX)
            return false;
        if (stop > at) {
            p = sigv4_encode_param(work, (struct uri_span){at, (size_t)(stop - at)});
            if (!buf_ok(work))
                return false;
            for (; i > 0 && sigv4_param_before(work->data, &p, &params[i - 1]); i--)
                params[i] = params[i - 1];
            params[i] = p;
            ++*count;
        }
        at = stop + 1;
    }
    return true;
}

static bool sigv4_add_query(struct signing *s)
{
    struct param params[PARAMS_MAX];
    struct buf work = buf_make(CANONICAL_MAX);
    size_t count = 0;
    bool ok = sigv4_sort_params(s->url.query, &work, params, &count);
    for (size_t i = 0; ok && i < count; i++) {
        if (i > 0)
            buf_addc(&s->canonical, '&');
        buf_add(&s->canonical, work.data + params[i].at, params[i].size);
    }
    buf_free(&work);
    return ok;
}

/* Proxies and HTTP libraries change these on the way, or add them later. */
static bool sigv4_is_unsigned(const char *name)
{
    static const char *const names[] = {"authorization", "connection",        "user-agent",
                                        "expect",        "transfer-encoding", "x-amzn-trace-id"};
    /* In lower case; most differ here. */
    char first = (char)(*name | 0x20);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (first == names[i][0] && strcasecmp(name, names[i]) == 0)
            return true;
    return false;
}

/* Lists the headers to sign by name; those of one name stay in the order in which they were added.
 */
static bool sigv4_sort_headers(const struct http_headers *all, struct signing *s)
{
    for (size_t h = 0; h < all->count; h++) {
        size_t i = s->header_count;
        if (sigv4_is_unsigned(all->at[h].name))
            continue;
        if (s->header_count == HEADERS_MAX)
            return false;
        for (; i > 0 && strcasecmp(all->at[h].name, s->headers[i - 1]->name) < 0; i--)
            s->headers[i] = s->headers[i - 1];
        s->headers[i] = &all->at[h];
        s->header_count++;
    }
    return true;
}

static void sigv4_add_lowercase(struct buf *to, const char *name)
{
    size_t at = to->size;
    if (!buf_adds(to, name))
        return;
    for (; at < to->size; at++)
        if (to->data[at] >= 'A' && to->data[at] <= 'Z')
            to->data[at] = (char)(to->data[at] + ('a' - 'A'));
}

static const char *sigv4_skip(const char *at, bool blanks)
{
    while (*at && (*at == ' ' || *at == '\t') == blanks)
        at++;
    return at;
}

/* Appends a header's value without outer blanks, inner runs of them as one space. */
static void sigv4_add_trimmed(struct buf *to, const char *value)
{
    const char *at = sigv4_skip(value, true);
    while (*at) {
        const char *end = sigv4_skip(at, false);
        buf_add(to, at, (size_t)(end - at));
        at = sigv4_skip(end, true);
        if (*at)
            buf_addc(to, ' ');
    }
}

/* `previous` is NULL before the first. */
static bool sigv4_same_name(const struct http_header *previous, const struct http_header *header)
{
    return previous && strcasecmp(previous->name, header->name) == 0;
}

static void sigv4_add_canonical_headers(struct signing *s)
{
    const struct http_header *previous = NULL;
    for (size_t i = 0; i < s->header_count; i++) {
        const struct http_header *header = s->headers[i];
        if (sigv4_same_name(previous, header)) {
            buf_addc(&s->canonical, ',');
        } else {
            if (previous)
                buf_addc(&s->canonical, '\n');
            sigv4_add_lowercase(&s->canonical, header->name);
            buf_addc(&s->canonical, ':');
        }
        sigv4_add_trimmed(&s->canonical, header->value);
        previous = header;
    }
    buf_addc(&s->canonical, '\n');
}

static void sigv4_add_signed_names(struct signing *s)
{
    struct buf *to = &s->canonical;
    const struct http_header *previous = NULL;
    s->names_at = to->size;
    for (size_t i = 0; i < s->header_count; i++) {
        const struct http_header *header = s->headers[i];
        if (sigv4_same_name(previous, header))
            continue;
        if (previous)
            buf_addc(to, ';');
        sigv4_add_lowercase(to, header->name);
        previous = header;
    }
    s->names_size = to->size - s->names_at;
}

static bool sigv4_build_canonical(const struct http_request *request, struct signing *s,
                                  struct err *err)
{
    struct buf *to = &s->canonical;
    /* As most are; the allocator has small pieces at hand. */
    bool ok = buf_reserve(to, 1000);

    buf_adds(to, request->method);
    buf_addc(to, '\n');
    ok = ok && sigv4_add_path(s);
    buf_addc(to, '\n');
    ok = ok && sigv4_add_query(s) && sigv4_sort_headers(&request->headers, s);
    buf_addc(to, '\n');
    sigv4_add_canonical_headers(s);
    buf_addc(to, '\n');
    sigv4_add_signed_names(s);
    buf_addc(to, '\n');
    buf_adds(to, s->payload_hash);
    if (ok && buf_ok(to))
        return true;
    return err_set(
        err, ERR_LIMIT, "",
        "cannot sign a request: it is larger than %u bytes, or has more than %d headers, "
        "%d query parameters or %d path segments",
        CANONICAL_MAX, HEADERS_MAX, PARAMS_MAX, SEGMENTS_MAX);
}

/* --- string to sign, key --- */

/* Appends "20150830/us-east-1/service/aws4_request". */
static void sigv4_add_scope(struct buf *to, const struct signing *s)
{
    buf_add(to, s->date, 8);
    buf_addc(to, '/');
    buf_adds(to, s->options->region);
    buf_addc(to, '/');
    buf_adds(to, s->options->service);
    buf_adds(to, "/aws4_request");
}

static bool sigv4_build_string_to_sign(struct signing *s, struct err *err)
{
    char hash[SHA256_HEX_SIZE];
    sha256_hex(s->canonical.data, s->canonical.size, hash);
    buf_reserve(&s->to_sign, 256);
    buf_adds(&s->to_sign, "AWS4-HMAC-SHA256\n");
    buf_adds(&s->to_sign, s->date);
    buf_addc(&s->to_sign, '\n');
    sigv4_add_scope(&s->to_sign, s);
    buf_addc(&s->to_sign, '\n');
    buf_adds(&s->to_sign, hash);
    return buf_ok(&s->to_sign) ||
           err_set(err, ERR_INTERNAL, "", "the request is too long to be signed");
}

/* The key of one day, region and service. It depends on nothing else. */
static void sigv4_derive_key(const struct signing *s, uint8_t key[SHA256_SIZE])
{
    char start[4 + SECRET_MAX + 1];
    int size = snprintf(start, sizeof start, "AWS4%s", s->creds->secret_access_key);
    hmac_sha256(start, (size_t)size, s->date, 8, key);
    wipe(start, sizeof start);
    hmac_sha256(key, SHA256_SIZE, s->options->region, strlen(s->options->region), key);
    hmac_sha256(key, SHA256_SIZE, s->options->service, strlen(s->options->service), key);
    hmac_sha256(key, SHA256_SIZE, "aws4_request", 12, key);
}

/* --- keys that are kept --- */

/* A key, and the secret that it was derived from. */
struct kept_key {
    char secret[SECRET_MAX + 1];
    uint8_t key[SHA256_SIZE];
};

struct sigv4_keys {
    struct cache *cache;
};

struct sigv4_keys *sigv4_keys_new(void)
{
    static const struct cache_options options = {
        .max = KEPT_KEYS, .value_size = sizeof(struct kept_key), .secret = true};
    struct sigv4_keys *keys = xmalloc(sizeof *keys);
    keys->cache = cache_new(&options);
    return keys;
}

void sigv4_keys_free(struct sigv4_keys *keys)
{
    if (!keys)
        return;
    cache_free(keys->cache);
    free(keys);
}

static bool find_key(struct sigv4_keys *keys, const struct buf *name, const char *secret,
                     uint8_t key[SHA256_SIZE])
{
    const struct kept_key *kept = cache_lock_existing(keys->cache, name->data, name->size);
    if (!kept)
        return false;
    bool found = strcmp(kept->secret, secret) == 0;
    if (found)
        memcpy(key, kept->key, SHA256_SIZE);
    cache_unlock(keys->cache);
    return found;
}

static void keep_key(struct sigv4_keys *keys, const struct buf *name, const char *secret,
                     const uint8_t key[SHA256_SIZE])
{
    struct kept_key *kept = cache_lock(keys->cache, name->data, name->size);
    if (!kept)
        return;
    wipe(kept, sizeof *kept);
    memcpy(kept->secret, secret, strlen(secret) + 1);
    memcpy(kept->key, key, SHA256_SIZE);
    cache_unlock(keys->cache);
}

/* The key that was kept or, failing that, a new one. Keys are found by what is no secret. */
static bool sigv4_get_key(const struct signing *s, uint8_t key[SHA256_SIZE], struct err *err)
{
    struct sigv4_keys *keys = s->options->keys;
    const char *secret = s->creds->secret_access_key;
    struct buf name = buf_make(KEY_NAME_MAX);
    if (strlen(secret) > SECRET_MAX)
        return err_set(err, ERR_CREDENTIALS, "",
                       "the secret access key (from %s) is longer than %d characters",
                       s->creds->source, SECRET_MAX);
    if (keys) {
        buf_reserve(&name, 127);
        buf_adds(&name, s->creds->access_key_id);
        buf_addc(&name, '/');
        sigv4_add_scope(&name, s);
    }
    bool kept = keys && buf_ok(&name);
    if (!kept || !find_key(keys, &name, secret, key)) {
        sigv4_derive_key(s, key);
        if (kept)
            keep_key(keys, &name, secret, key);
    }
    buf_free(&name);
    return true;
}

/* --- signature --- */

static bool sigv4_add_authorization(struct http_request *request, const struct signing *s,
                                    struct err *err)
{
    uint8_t key[SHA256_SIZE], signature[SHA256_SIZE];
    char hex[SHA256_HEX_SIZE];
    struct buf value = buf_make(CANONICAL_MAX);
    bool ok = false;
    if (!sigv4_get_key(s, key, err))
        return false;
    hmac_sha256(key, sizeof key, s->to_sign.data, s->to_sign.size, signature);
    wipe(key, sizeof key);
    hex_encode(signature, sizeof signature, hex);

    buf_reserve(&value, 512);
    buf_adds(&value, "AWS4-HMAC-SHA256 Credential=");
    buf_adds(&value, s->creds->access_key_id);
    buf_addc(&value, '/');
    sigv4_add_scope(&value, s);
    buf_adds(&value, ", SignedHeaders=");
    buf_add(&value, s->canonical.data + s->names_at, s->names_size);
    buf_adds(&value, ", Signature=");
    buf_adds(&value, hex);
    if (buf_ok(&value))
        ok = sigv4_add_header(request, "Authorization", buf_str(&value), err);
    else
        err_set(err, ERR_INTERNAL, "", "the request is too long to be signed");
    buf_free(&value);
    return ok;
}

bool sigv4_sign(struct http_request *request, const struct aws_creds *creds,
                const struct sigv4_options *options, struct sigv4_trace *trace, struct err *err)
{
    struct signing s = {
        .creds = creds,
        .options = options,
        /* The session token is among the headers that the canonical request lists. */
        .canonical = buf_make_secret(CANONICAL_MAX),
        .to_sign = buf_make(CANONICAL_MAX)};
    const char *problem = uri_split(request->url, &s.url);
    if (problem)
        err_set(err, ERR_INVALID, "", "cannot sign a request: its URL is not valid: %s", problem);
    bool ok = !problem && sigv4_add_headers(request, &s, err) &&
              sigv4_build_canonical(request, &s, err) && sigv4_build_string_to_sign(&s, err) &&
              sigv4_add_authorization(request, &s, err) &&
              (!options->omit_session_token || sigv4_add_token(request, creds, err));
    if (trace) {
        trace->canonical_request = s.canonical;
        trace->string_to_sign = s.to_sign;
    } else {
        buf_free(&s.canonical);
        buf_free(&s.to_sign);
    }
    return ok;
}
