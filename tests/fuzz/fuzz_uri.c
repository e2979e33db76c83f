/* Fuzzes lib/net/uri.c: URLs of any kind, and decoding as the inverse of encoding. */
#include <stdlib.h>
#include <string.h>

#include "lib/net/uri.h"
#include "tests/fuzz/target.h"

static void parse(const char *text)
{
    struct uri u;
    struct uri_parts parts;
    struct err err = ERR_INIT;
    const char *problem = uri_split(text, &parts);
    const char *end = text + strlen(text);
    if (!problem) {
        MUST(parts.host.at > text && parts.host.size > 0 && parts.host.at + parts.host.size <= end);
        MUST(parts.authority.at > text && parts.authority.at + parts.authority.size <= end);
        MUST(parts.query.at + parts.query.size == end);
    }
    if (!uri_parse(text, &u, &err)) {
        MUST(err.kind != ERR_NONE);
        return;
    }
    MUST(!problem);
    MUST(strcmp(u.scheme, "http") == 0 || strcmp(u.scheme, "https") == 0);
    MUST(u.host[0] != '\0' && !strpbrk(u.host, "/?#@ \r\n"));
    MUST(u.port > 0 && u.port <= 65535);
    MUST(u.path[0] == '/' && !strpbrk(u.path, "?# \r\n"));
    MUST(!strpbrk(u.query, "# \r\n"));
    uri_free(&u);
}

static void encode_and_back(const char *bytes, size_t n)
{
    struct buf encoded = buf_make(3 * n), back = buf_make(n);
    MUST(uri_encode(&encoded, bytes, n, false));
    bool has_nul = memchr(bytes, '\0', n) != NULL;
    MUST(uri_decode(&back, buf_str(&encoded), encoded.size, true) == !has_nul);
    MUST(has_nul || (back.size == n && (n == 0 || memcmp(back.data, bytes, n) == 0)));
    buf_free(&encoded);
    buf_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    MUST(text);
    parse(text);
    free(text);
    encode_and_back((const char *)data, size);
    struct buf decoded = buf_make(size);
    if (uri_decode(&decoded, (const char *)data, size, false))
        encode_and_back(buf_str(&decoded), decoded.size);
    buf_free(&decoded);
    return 0;
}
