/* Checks Signature Version 4 as a service does, independently of lib/aws/auth/sigv4.c, so that each
 * tests the other. Source: AWS IAM User Guide, "Create a signed AWS API request". */
#include "tests/cloud/signature.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/crypto.h"
#include "lib/net/uri.h"

#define CANONICAL_MAX ((size_t)1 << 20)
#define QUERY_MAX     256

/* The parts of "AWS4-HMAC-SHA256 Credential=K/D/R/S/aws4_request, SignedHeaders=a;b,
 * Signature=hex". */
struct claim {
    char date[9];
    char signed_headers[1024];
    char signature[65];
};

void session_keys_make(const char *account, unsigned number, struct session_keys *to)
{
    uint8_t digest[SHA256_SIZE];
    snprintf(to->access_key, sizeof to->access_key, "ASIA%.12s%04X", account, number & 0xffffu);
    hmac_sha256(CLOUD_SECRET_KEY, strlen(CLOUD_SECRET_KEY), to->access_key, strlen(to->access_key),
                digest);
    hex_encode(digest, sizeof digest, to->secret);
    snprintf(to->token, sizeof to->token, "session/of/%s/+=", to->access_key);
}

/* Copies what follows `name` up to one of `ends`. */
static bool signature_copy_part(const char *text, const char *name, const char *ends, char *to,
                                size_t size)
{
    const char *at = strstr(text, name);
    if (!at)
        return false;
    at += strlen(name);
    size_t length = strcspn(at, ends);
    if (length == 0 || length >= size)
        return false;
    memcpy(to, at, length);
    to[length] = '\0';
    return true;
}

static bool signature_read_claim(struct request *r, struct claim *claim)
{
    const char *header = request_header(r, "Authorization");
    char scope[256];
    char end[16];
    return strncmp(header, "AWS4-HMAC-SHA256 ", 17) == 0 &&
           signature_copy_part(header, "Credential=", ", ", scope, sizeof scope) &&
           signature_copy_part(header, "SignedHeaders=", ", ", claim->signed_headers,
                               sizeof claim->signed_headers) &&
           signature_copy_part(header, "Signature=", ", ", claim->signature,
                               sizeof claim->signature) &&
           sscanf(scope, "%63[^/]/%8[0-9]/%39[^/]/%31[^/]/%15s", r->access_key, claim->date,
                  r->region, r->service, end) == 5 &&
           strcmp(end, "aws4_request") == 0;
}

/* Finds the secret of an access key, and its account. */
static bool signature_find_secret(struct request *r, char secret[65])
{
    if (strcmp(r->access_key, CLOUD_ACCESS_KEY) == 0) {
        snprintf(r->account, sizeof r->account, "%s", CLOUD_ACCOUNT);
        snprintf(secret, 65, "%s", CLOUD_SECRET_KEY);
        return true;
    }
    struct session_keys keys = {0};
    if (strlen(r->access_key) != sizeof "ASIA" - 1 + 12 + 4)
        return false;
    snprintf(r->account, sizeof r->account, "%.12s", r->access_key + 4);
    session_keys_make(r->account, (unsigned)strtoul(r->access_key + 16, NULL, 16), &keys);
    memcpy(secret, keys.secret, sizeof keys.secret);
    return strcmp(r->access_key, keys.access_key) == 0 &&
           strcmp(request_header(r, "X-Amz-Security-Token"), keys.token) == 0;
}

static int signature_compare_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Returns one "name=value" of the query, decoded and encoded again. */
static char *signature_canonical_pair(const char *pair, size_t size)
{
    struct buf plain = buf_make(CANONICAL_MAX);
    struct buf out = buf_make(CANONICAL_MAX);
    const char *equal = memchr(pair, '=', size);
    size_t length = equal ? (size_t)(equal - pair) : size;
    bool ok = uri_decode(&plain, pair, length, false) &&
              uri_encode(&out, buf_str(&plain), plain.size, false) && buf_addc(&out, '=');
    buf_reset(&plain);
    ok = ok && (!equal || uri_decode(&plain, equal + 1, size - length - 1, false)) &&
         uri_encode(&out, buf_str(&plain), plain.size, false);
    buf_free(&plain);
    char *made = ok ? buf_take(&out) : NULL;
    buf_free(&out);
    return made;
}

static bool signature_add_query(struct buf *to, const char *query)
{
    char *pairs[QUERY_MAX] = {NULL};
    size_t count = 0;
    bool ok = true;
    while (ok && *query && count < QUERY_MAX) {
        size_t length = strcspn(query, "&");
        pairs[count] = signature_canonical_pair(query, length);
        ok = pairs[count] != NULL;
        count += ok;
        query += length + (query[length] == '&');
    }
    qsort(pairs, count, sizeof pairs[0], signature_compare_text);
    for (size_t i = 0; i < count; i++) {
        ok = ok && (i == 0 || buf_addc(to, '&')) && buf_adds(to, pairs[i]);
        free(pairs[i]);
    }
    return ok;
}

/* S3 signs the path as it is encoded; all other services encode it once more. */
static bool signature_add_path(struct buf *to, const struct request *r)
{
    if (strcmp(r->service, "s3") != 0)
        return uri_encode(to, r->path, strlen(r->path), true);
    struct buf plain = buf_make(CANONICAL_MAX);
    bool ok = uri_decode(&plain, r->path, strlen(r->path), false) &&
              uri_encode(to, buf_str(&plain), plain.size, true);
    buf_free(&plain);
    return ok;
}

static bool signature_add_header(struct buf *to, const struct request *r, const char *name)
{
    bool space = false;
    if (!buf_adds(to, name) || !buf_addc(to, ':'))
        return false;
    const char *value = request_header(r, name);
    value += strspn(value, " \t");
    for (; *value; value++) {
        if (*value == ' ' || *value == '\t') {
            space = true;
            continue;
        }
        if (space)
            buf_addc(to, ' ');
        space = false;
        buf_addc(to, *value);
    }
    return buf_addc(to, '\n');
}

/* Writes the hash for the canonical request. Returns false if the header contains another one. */
static bool signature_payload_hash(const struct request *r, char hash[SHA256_HEX_SIZE])
{
    const char *told = request_header(r, "X-Amz-Content-Sha256");
    sha256_hex(buf_str(&r->body), r->body.size, hash);
    if (strcmp(told, "UNSIGNED-PAYLOAD") == 0) {
        snprintf(hash, SHA256_HEX_SIZE, "%s", told);
        return true;
    }
    return *told == '\0' || strcmp(told, hash) == 0;
}

static bool signature_canonical_request(struct buf *to, const struct request *r,
                                        const struct claim *claim)
{
    char hash[SHA256_HEX_SIZE];
    char names[sizeof claim->signed_headers];
    if (!signature_payload_hash(r, hash))
        return false;
    buf_addf(to, "%s\n", r->method);
    bool ok = signature_add_path(to, r) && buf_addc(to, '\n') &&
              signature_add_query(to, r->query) && buf_addc(to, '\n');
    memcpy(names, claim->signed_headers, sizeof names);
    char *rest = NULL;
    for (char *name = strtok_r(names, ";", &rest); name; name = strtok_r(NULL, ";", &rest))
        ok = ok && signature_add_header(to, r, name);
    return ok && buf_addf(to, "\n%s\n%s", claim->signed_headers, hash);
}

static void signature_derive_key(const char *secret, const char *date, const struct request *r,
                                 uint8_t key[SHA256_SIZE])
{
    char first[80];
    const char *steps[] = {r->region, r->service, "aws4_request"};
    snprintf(first, sizeof first, "AWS4%s", secret);
    hmac_sha256(first, strlen(first), date, strlen(date), key);
    for (size_t i = 0; i < 3; i++) {
        uint8_t next[SHA256_SIZE];
        hmac_sha256(key, SHA256_SIZE, steps[i], strlen(steps[i]), next);
        memcpy(key, next, SHA256_SIZE);
    }
}

static bool signature_holds(const struct request *r, const struct claim *claim, const char *secret)
{
    struct buf canonical = buf_make(CANONICAL_MAX);
    char hash[SHA256_HEX_SIZE];
    char text[512];
    char hex[SHA256_HEX_SIZE];
    uint8_t key[SHA256_SIZE];
    uint8_t signature[SHA256_SIZE];
    bool ok = signature_canonical_request(&canonical, r, claim);
    sha256_hex(buf_str(&canonical), canonical.size, hash);
    buf_free(&canonical);
    signature_derive_key(secret, claim->date, r, key);
    int length =
        snprintf(text, sizeof text, "AWS4-HMAC-SHA256\n%s\n%s/%s/%s/aws4_request\n%s",
                 request_header(r, "X-Amz-Date"), claim->date, r->region, r->service, hash);
    hmac_sha256(key, sizeof key, text, (size_t)length, signature);
    hex_encode(signature, sizeof signature, hex);
    return ok && strcmp(hex, claim->signature) == 0;
}

/* Returns true if the service accepts the time of the signature; each has its own error. */
static bool signature_is_in_time(struct request *r, int64_t now_ms, struct reply *reply)
{
    const char *date = request_header(r, "X-Amz-Date");
    struct tm tm = {0};
    bool s3 = strcmp(r->service, "s3") == 0;
    bool ok = strptime(date, "%Y%m%dT%H%M%SZ", &tm) != NULL;
    int64_t off_ms = ok ? llabs((int64_t)timegm(&tm) * 1000 - now_ms) : 0;
    if (ok && off_ms < (s3 ? 15 : 5) * INT64_C(60000))
        return true;
    reply_error(r, reply, 403, s3 ? "RequestTimeTooSkewed" : "SignatureDoesNotMatch",
                s3 ? "The difference between the request time and the current time is too large."
                   : "Signature expired, or not yet current.");
    return false;
}

bool signature_check(struct request *r, int64_t now_ms, struct reply *reply)
{
    struct claim claim;
    char secret[65];
    if (!signature_read_claim(r, &claim)) {
        reply_error(r, reply, 403, "MissingAuthenticationToken",
                    "The request has no Signature Version 4 in its Authorization header.");
        return false;
    }
    if (!signature_find_secret(r, secret)) {
        reply_error(r, reply, 403, "InvalidClientTokenId",
                    "The access key or the session token is not one of this server's.");
        return false;
    }
    if (!signature_is_in_time(r, now_ms, reply))
        return false;
    if (!signature_holds(r, &claim, secret)) {
        reply_error(r, reply, 403, "SignatureDoesNotMatch",
                    "The signature is not the one that this request should carry.");
        return false;
    }
    return true;
}
