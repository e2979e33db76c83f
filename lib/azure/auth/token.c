/* Counted tokens, wiped with their last reference, what they say of themselves, and the cache of
 * them by scope. */
#include "lib/azure/auth/token.h"

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/azure/names.h"
#include "lib/base/buf.h"
#include "lib/base/crypto.h"
#include "lib/base/wipe.h"
#include "lib/net/flight.h"

#define SLOTS_MAX  16
#define CLAIMS_MAX (64u << 10)
/* So long before its end a token is given out no more: a request that is on its way when its token
 * expires is refused. Of short lives a twentieth. */
#define MARGIN_MS 10000

/* The public part comes first, so that a pointer to it is a pointer to the whole. */
struct counted {
    struct azure_token token;
    atomic_uint refs;
    atomic_bool accepted; /* by some service */
    size_t size;          /* of text[] */
    char text[];
};

struct azure_token *azure_token_new(const char *value, int64_t expires_ms)
{
    size_t size = strlen(value) + 1;
    struct counted *c = malloc(sizeof(*c) + size);
    if (!c)
        return NULL;
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
        snprintf(err->message + n, sizeof(err->message) - n,
                 "; no service has accepted this token yet: check this host's clock, and that "
                 "cloud, tenant and endpoints belong together");
}

/* --- what is in it --- */

/* A token's second part as JSON: NULL when it is not made so. Source: RFC 7519. */
static json_t *read_claims(const char *value)
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

static void copy_guid(const json_t *claims, const char *name, char to[37])
{
    const char *value = json_string_value(json_object_get(claims, name));
    if (value && !azure_guid_problem(value))
        memcpy(to, value, 37);
}

void azure_token_who(const struct azure_token *t, struct azure_who *who)
{
    json_t *claims = read_claims(t->value);
    *who = (struct azure_who){0};
    copy_guid(claims, "tid", who->tenant);
    copy_guid(claims, "azp", who->client);   /* of version 2.0 */
    copy_guid(claims, "appid", who->client); /* of version 1.0 */
    copy_guid(claims, "oid", who->object);
    json_decref(claims);
}

/* --- the cache --- */

struct slot {
    char *scope; /* owned */
    struct flight flight;
    struct azure_token *token; /* NULL: none */
    int64_t refresh_at_ms;     /* wall clock, as is the next */
    int64_t usable_until_ms;
};

struct azure_tokens {
    const struct clock *clock;
    token_fetch_fn fetch;
    void *ctx;
    pthread_mutex_t lock; /* of everything below */
    struct slot slots[SLOTS_MAX];
    size_t count;
};

struct azure_tokens *azure_tokens_new(const struct clock *clock, token_fetch_fn fetch, void *ctx)
{
    struct azure_tokens *t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    t->clock = clock;
    t->fetch = fetch;
    t->ctx = ctx;
    if (pthread_mutex_init(&t->lock, NULL) != 0) {
        free(t);
        return NULL;
    }
    return t;
}

void azure_tokens_free(struct azure_tokens *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->count; i++) {
        azure_token_unref(t->slots[i].token);
        flight_free(&t->slots[i].flight);
        free(t->slots[i].scope);
    }
    pthread_mutex_destroy(&t->lock);
    free(t);
}

static struct slot *slot_find(struct azure_tokens *t, const char *scope)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->slots[i].scope, scope) == 0)
            return &t->slots[i];
    return NULL;
}

static struct slot *slot_of(struct azure_tokens *t, const char *scope, struct err *err)
{
    struct slot *s = slot_find(t, scope);
    if (s)
        return s;
    if (t->count == SLOTS_MAX) {
        err_set(err, ERR_LIMIT, "", "tokens for more than %d scopes are asked for", SLOTS_MAX);
        return NULL;
    }
    s = &t->slots[t->count];
    s->scope = strdup(scope);
    if (!s->scope) {
        err_set(err, ERR_INTERNAL, "", "out of memory");
        return NULL;
    }
    t->count++;
    return s;
}

static int64_t usable_until(int64_t now_ms, int64_t expires_ms)
{
    int64_t part = (expires_ms - now_ms) / 20;
    return expires_ms - (part < MARGIN_MS ? part : MARGIN_MS);
}

static bool is_valid(const struct azure_tokens *t, const struct slot *s)
{
    return s->token && t->clock->wall_ms(t->clock) < s->usable_until_ms;
}

static bool is_due(const struct azure_tokens *t, const struct slot *s)
{
    return s->flight.wanted || t->clock->wall_ms(t->clock) >= s->refresh_at_ms;
}

/* What the cache has to say: a token, a refusal (*err), or neither: *mine, this caller fetches. */
static struct azure_token *look_up(struct azure_tokens *t, const char *scope, bool *mine,
                                   struct err *err)
{
    struct azure_token *token = NULL;
    pthread_mutex_lock(&t->lock);
    struct slot *s = slot_of(t, scope, err);
    if (s && is_valid(t, s)) {
        struct err reason = ERR_INIT;
        *mine = is_due(t, s) && flight_take(&s->flight, t->clock, "a token is", &reason);
        token = *mine ? NULL : azure_token_ref(s->token);
    } else if (s) {
        *mine = flight_take(&s->flight, t->clock, "a token is", err);
    }
    pthread_mutex_unlock(&t->lock);
    return token;
}

/* Keeps what came of a fetch (NULL: *err). An early refresh that failed is no failure to its
 * caller. */
static struct azure_token *settle(struct azure_tokens *t, const char *scope,
                                  struct azure_token *fetched, struct err *err)
{
    struct azure_token *token = NULL;
    pthread_mutex_lock(&t->lock);
    struct slot *s = slot_find(t, scope);
    if (fetched) {
        int64_t now = t->clock->wall_ms(t->clock);
        s->refresh_at_ms = flight_refresh_at(now, fetched->expires_ms);
        s->usable_until_ms = usable_until(now, fetched->expires_ms);
        azure_token_unref(s->token);
        s->token = fetched;
        flight_landed(&s->flight);
        token = azure_token_ref(fetched);
    } else {
        flight_failed(&s->flight, t->clock, err);
        token = is_valid(t, s) ? azure_token_ref(s->token) : NULL;
    }
    pthread_mutex_unlock(&t->lock);
    return token;
}

struct azure_token *azure_tokens_get(struct azure_tokens *t, struct http_client *http,
                                     const char *scope, struct err *err)
{
    bool mine = false;
    struct azure_token *token = look_up(t, scope, &mine, err);
    if (!mine)
        return token;
    struct err why = ERR_INIT;
    struct azure_token *fetched = t->fetch(t->ctx, http, scope, &why);
    token = settle(t, scope, fetched, &why);
    if (!token)
        *err = why;
    return token;
}

/* What the cache has to say to one whose token was refused: another, or an error (*err), or
 * neither: *mine, this caller fetches. */
static struct azure_token *find_other(struct azure_tokens *t, const char *scope,
                                      const struct azure_token *refused, bool *mine,
                                      struct err *err)
{
    struct azure_token *token = NULL;
    struct err why = ERR_INIT;
    pthread_mutex_lock(&t->lock);
    struct slot *s = slot_of(t, scope, err);
    if (s && s->token != refused && is_valid(t, s)) {
        token = azure_token_ref(s->token);
    } else if (s && s->token == refused && !flight_refused(&s->flight, t->clock)) {
        azure_token_refusal_stands(refused, err);
    } else if (s) {
        *mine = flight_take(&s->flight, t->clock, "a token is", &why);
        if (!*mine)
            *err = why;
    }
    pthread_mutex_unlock(&t->lock);
    return token;
}

struct azure_token *azure_tokens_renew(struct azure_tokens *t, struct http_client *http,
                                       const char *scope, const struct azure_token *refused,
                                       struct err *err)
{
    bool mine = false;
    struct azure_token *token = find_other(t, scope, refused, &mine, err);
    if (!mine)
        return token;
    struct err why = ERR_INIT;
    struct azure_token *fetched = t->fetch(t->ctx, http, scope, &why);
    token = settle(t, scope, fetched, &why);
    /* Metadata services have a memory too, and give out the same again. */
    if (token && strcmp(token->value, refused->value) != 0)
        return token;
    if (why.kind == ERR_NONE)
        azure_token_refusal_stands(refused, err);
    else
        *err = why;
    azure_token_unref(token);
    return NULL;
}

struct azure_token *azure_tokens_peek(struct azure_tokens *t, const char *scope)
{
    pthread_mutex_lock(&t->lock);
    const struct slot *s = slot_find(t, scope);
    /* One that was refused is given out again when no other could be had. */
    bool usable = s && is_valid(t, s) && (!s->flight.wanted || flight_tried(&s->flight, t->clock));
    struct azure_token *token = usable ? azure_token_ref(s->token) : NULL;
    pthread_mutex_unlock(&t->lock);
    return token;
}

bool azure_tokens_due(struct azure_tokens *t, const char *scope)
{
    pthread_mutex_lock(&t->lock);
    const struct slot *s = slot_find(t, scope);
    bool due = s && is_valid(t, s) && is_due(t, s) && !flight_tried(&s->flight, t->clock);
    pthread_mutex_unlock(&t->lock);
    return due;
}

void azure_tokens_expire(struct azure_tokens *t, const char *scope, const struct azure_token *token)
{
    pthread_mutex_lock(&t->lock);
    struct slot *s = slot_find(t, scope);
    if (s && s->token == token) {
        bool anew = flight_refused(&s->flight, t->clock);
        (void)anew; /* else it stays as it is */
    }
    pthread_mutex_unlock(&t->lock);
}
