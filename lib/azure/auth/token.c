/* Counted tokens, overwritten with their last reference, and the claims in them. Touches memory
 * only. */
#include "lib/azure/auth/token.h"

#include <jansson.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/azure/names.h"
#include "lib/base/buf.h"
#include "lib/base/crypto.h"
#include "lib/base/memory.h"
#include "lib/base/wipe.h"

#define CLAIMS_MAX (64u << 10)

/* The public part comes first, so that a pointer to it is a pointer to the whole. */
struct counted {
    struct azure_token token;
    atomic_uint refs;
    /* By some service. */
    atomic_bool accepted;
    /* Of text[]. */
    size_t size;
    char text[];
};

struct azure_token *azure_token_new(const char *value, int64_t expires_ms)
{
    size_t size = strlen(value) + 1;
    struct counted *c = xmalloc(sizeof *c + size);
    atomic_init(&c->refs, 1);
    atomic_init(&c->accepted, false);
    c->size = size;
    memcpy(c->text, value, size);
    c->token = (struct azure_token){.value = c->text, .expires_ms = expires_ms};
    return &c->token;
}

struct azure_token *azure_token_ref(struct azure_token *t)
{
    if (t)
        atomic_fetch_add_explicit(&((struct counted *)t)->refs, 1, memory_order_relaxed);
    return t;
}

void azure_token_unref(struct azure_token *t)
{
    struct counted *all = (struct counted *)t;
    if (!t || atomic_fetch_sub_explicit(&all->refs, 1, memory_order_acq_rel) != 1)
        return;
    wipe(all->text, all->size);
    free(all);
}

void azure_token_accepted(const struct azure_token *t)
{
    atomic_store_explicit(&((struct counted *)t)->accepted, true, memory_order_relaxed);
}

void azure_token_refusal_stands(const struct azure_token *t, struct err *err)
{
    size_t n = strlen(err->message);
    bool accepted =
        atomic_load_explicit(&((const struct counted *)t)->accepted, memory_order_relaxed);
    if (err->kind == ERR_EXPIRED)
        err->kind = ERR_DENIED;
    if (!accepted)
        snprintf(err->message + n, sizeof err->message - n,
                 "; no service has accepted this token yet: check this host's clock, and that "
                 "cloud, tenant and endpoints belong together");
}

/* --- claims --- */

/* Returns the second part of a token as JSON; NULL if it is not a JWT. Source: RFC 7519. */
static json_t *token_read_claims(const char *value)
{
    const char *from = strchr(value, '.');
    const char *to = from ? strchr(from + 1, '.') : NULL;
    struct buf text = buf_make(CLAIMS_MAX);
    struct buf bytes = buf_make(CLAIMS_MAX);
    json_t *claims = NULL;
    for (const char *c = from; to && ++c < to;)
        buf_addc(&text, *c == '-' ? '+' : *c == '_' ? '/' : *c);
    while (text.size % 4 != 0)
        buf_addc(&text, '=');
    if (buf_ok(&text) && base64_decode(&bytes, buf_str(&text), text.size))
        claims = json_loadb(buf_str(&bytes), bytes.size, JSON_REJECT_DUPLICATES, NULL);
    buf_free(&text);
    buf_free(&bytes);
    return claims;
}

static void token_copy_guid(const json_t *claims, const char *name, char to[37])
{
    const char *value = json_string_value(json_object_get(claims, name));
    if (value && !azure_guid_problem(value))
        memcpy(to, value, 37);
}

void azure_token_read_owner(const struct azure_token *t, struct azure_token_owner *owner)
{
    json_t *claims = token_read_claims(t->value);
    *owner = (struct azure_token_owner){0};
    token_copy_guid(claims, "tid", owner->tenant);
    /* Of version 2.0 and of version 1.0. */
    token_copy_guid(claims, "azp", owner->client);
    token_copy_guid(claims, "appid", owner->client);
    token_copy_guid(claims, "oid", owner->object);
    json_decref(claims);
}
