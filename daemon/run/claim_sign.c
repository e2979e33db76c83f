/* The signature of is_pending, where the daemons on one queue share a key.
 *
 * It stands at the end of the body, and is of all bytes before it and of which event it is for:
 * what was signed for one event says nothing of another. The owner, the run and the version of the
 * event are in those bytes. */
#include <stdio.h>
#include <string.h>

#include "daemon/run/run.h"
#include "lib/base/crypto.h"

#define BEFORE ",\"signature\":\""
#define BEHIND "\"}"
#define SIZE   (sizeof BEFORE - 1 + 2 * SHA256_SIZE + sizeof BEHIND - 1)

/* The signature of a body without it, as hex. False when out of memory. */
static bool sign(const struct run *run, const char *body, size_t size, char to[SHA256_HEX_SIZE])
{
    const struct config *config = run->env->config;
    const char *key = config->daemon.claim_key;
    struct buf text = buf_make(CLAIM_MAX + 16384);
    uint8_t mac[SHA256_SIZE];
    /* No name holds a NUL, so that no two sets of them make the same text. */
    bool ok = buf_adds(&text, "hgautod claim 1") && buf_addc(&text, '\0') &&
              buf_adds(&text, run->store->name) && buf_addc(&text, '\0') &&
              buf_adds(&text, run->key) && buf_addc(&text, '\0') && buf_add(&text, body, size);
    if (ok) {
        hmac_sha256(key, strlen(key), text.data, text.size, mac);
        hex_encode(mac, sizeof mac, to);
    }
    buf_free(&text);
    return ok;
}

bool claim_sign(const struct run *run, struct buf *body)
{
    char hex[SHA256_HEX_SIZE];
    if (!run->env->config->daemon.claim_key)
        return true;
    body->size--; /* the brace at its end comes behind the signature */
    return sign(run, body->data, body->size, hex) && buf_addf(body, BEFORE "%s" BEHIND, hex);
}

bool claim_signed(const struct run *run, const struct buf *body)
{
    char hex[SHA256_HEX_SIZE], end[SIZE + 1];
    if (!run->env->config->daemon.claim_key)
        return true;
    if (body->size < SIZE || !sign(run, body->data, body->size - SIZE, hex))
        return false;
    snprintf(end, sizeof end, BEFORE "%s" BEHIND, hex);
    return crypto_equal(body->data + body->size - SIZE, end, SIZE);
}
