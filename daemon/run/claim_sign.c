/* Signs is_pending, if the daemons on one queue share a key.
 *
 * The signature is at the end of the body. It covers all bytes before it, and the store and key of
 * the event: a body that was signed for one event is not valid for another. The owner, the run and
 * the version of the event are among those bytes. */
#include <stdio.h>
#include <string.h>

#include "daemon/run/run.h"
#include "lib/base/crypto.h"

#define BEFORE         ",\"signature\":\""
#define AFTER          "\"}"
#define SIGNATURE_SIZE (sizeof BEFORE - 1 + 2 * SHA256_SIZE + sizeof AFTER - 1)
/* Bytes of the names that are signed together with the body. */
#define NAMES_MAX 16384

/* Computes the signature of a body without it, in hexadecimal. Returns false if the names are too
 * long. */
static bool claim_compute_signature(const struct run *run, const char *body, size_t size,
                                    char to[SHA256_HEX_SIZE])
{
    const char *key = run->env->config->daemon.claim_key;
    struct buf text = buf_make(CLAIM_MAX + NAMES_MAX);
    uint8_t mac[SHA256_SIZE];
    /* No name contains a NUL, so that different names never produce the same text. */
    buf_adds(&text, "hgautod claim 1");
    buf_addc(&text, '\0');
    buf_adds(&text, run->store->name);
    buf_addc(&text, '\0');
    buf_adds(&text, run->key);
    buf_addc(&text, '\0');
    buf_add(&text, body, size);
    bool ok = buf_ok(&text);
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
    /* The closing brace comes after the signature. */
    body->size--;
    return claim_compute_signature(run, body->data, body->size, hex) &&
           buf_addf(body, BEFORE "%s" AFTER, hex);
}

bool claim_signed(const struct run *run, const struct buf *body)
{
    char hex[SHA256_HEX_SIZE], end[SIGNATURE_SIZE + 1];
    if (!run->env->config->daemon.claim_key)
        return true;
    if (body->size < SIGNATURE_SIZE ||
        !claim_compute_signature(run, body->data, body->size - SIGNATURE_SIZE, hex))
        return false;
    snprintf(end, sizeof end, BEFORE "%s" AFTER, hex);
    return crypto_equal(body->data + body->size - SIGNATURE_SIZE, end, SIGNATURE_SIZE);
}
