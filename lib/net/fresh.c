/* Refreshed values. Each key has a slot in a cache, whose mutex guards all slots; a fetch happens
 * without it, by the one caller that has set `fetching`. */
#include "lib/net/fresh.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/cache.h"
#include "lib/base/memory.h"

/* A refresh begins so long before the end. */
#define AHEAD_MS (INT64_C(5) * 60 * 1000)
/* After the first failure. */
#define PAUSE_MIN_MS 5000
#define PAUSE_MAX_MS 60000
/* The longest that a service may ask for. */
#define PAUSE_GRANTED_MS 300000
/* Try again after this and up to as much more. */
#define BUSY_MS        100
#define RENEW_EVERY_MS 60000

struct slot {
    const struct fresh_kind *kind;
    /* Never removed to make room. */
    bool stays;
    bool fetching;

    void *value;
    /* Of the clock of the kind. */
    int64_t due_ms, expired_ms;

    /* What the last fetch failed with, owned, and when to try again (monotonic). */
    struct err *failure;
    int64_t retry_at_ms;
    int64_t pause_ms;

    /* A service rejected the value, as expired or otherwise, and none has been fetched since. */
    bool rejected, rejected_as_expired;
    /* Monotonic; 0: never. */
    int64_t rejected_at_ms;
};

struct fresh {
    const struct fresh_kind *kind;
    const struct clock *clock;
    void *ctx;
    struct cache *slots;
};

/* --- slots; the lock is held, as in all functions called slot_* --- */

static bool slot_keep(const void *value)
{
    const struct slot *s = value;
    return s->stays || s->fetching;
}

static void slot_drop(void *value)
{
    struct slot *s = value;
    if (s->value && s->kind->unref)
        s->kind->unref(s->value);
    free(s->failure);
}

/* Locks the slot of a key. */
static struct slot *slot_lock(struct fresh *f, const char *key, struct err *err)
{
    struct slot *s = cache_lock(f->slots, key, strlen(key) + 1);
    if (!s) {
        err_set(err, ERR_LIMIT, "", "cannot fetch %s: the limit of %zu is reached", f->kind->what,
                f->kind->max);
        return NULL;
    }
    s->kind = f->kind;
    s->stays = !*key || !f->kind->evicts;
    return s;
}

static struct slot *slot_lock_existing(struct fresh *f, const char *key)
{
    return cache_lock_existing(f->slots, key, strlen(key) + 1);
}

static void *slot_ref(const struct slot *s)
{
    return s->kind->ref ? s->kind->ref(s->value) : s->value;
}

static int64_t slot_now(const struct slot *s, const struct clock *clock)
{
    return s->kind->expires_ms ? clock->wall_ms(clock) : clock->mono_ms(clock);
}

static bool slot_is_valid(const struct slot *s, const struct clock *clock)
{
    return s->value && slot_now(s, clock) < s->expired_ms;
}

static bool slot_is_due(const struct slot *s, const struct clock *clock)
{
    return s->rejected || slot_now(s, clock) >= s->due_ms;
}

/* True if the value is being fetched, or lately was in vain: one that is due may be used then. */
static bool slot_was_tried(const struct slot *s, const struct clock *clock)
{
    return s->fetching || clock->mono_ms(clock) < s->retry_at_ms;
}

/* True if this caller is to fetch, and then to call slot_store or slot_fail. */
static bool slot_begin_fetch(struct slot *s, const struct clock *clock, struct err *err)
{
    int64_t now = clock->mono_ms(clock);
    if (s->fetching) {
        err_set(err, ERR_BUSY, "", "%s is already being fetched", s->kind->what);
        err->retry_after_ms = BUSY_MS + (int64_t)clock_random_below(clock, BUSY_MS);
        return false;
    }
    if (s->failure && now < s->retry_at_ms) {
        *err = *s->failure;
        if (err_is_retryable(err))
            err->retry_after_ms = s->retry_at_ms - now;
        return false;
    }
    s->fetching = true;
    return true;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Ends a fetch that succeeded; takes the reference. */
static void slot_store(struct slot *s, const struct clock *clock, void *value)
{
    int64_t now = slot_now(s, clock);
    int64_t expires = s->kind->expires_ms ? s->kind->expires_ms(value) : now + s->kind->lifetime_ms;
    int64_t left = expires - now;
    s->due_ms = expires == INT64_MAX ? INT64_MAX : expires - smaller(left / 10, AHEAD_MS);
    s->expired_ms = expires - smaller(left / 20, s->kind->margin_ms);
    if (s->value && s->kind->unref)
        s->kind->unref(s->value);
    s->value = value;
    free(s->failure);
    s->failure = NULL;
    s->retry_at_ms = 0;
    s->pause_ms = 0;
    s->rejected = false;
    s->fetching = false;
}

/* What the service asks for, or the failed fetch that this one needed; else longer each time. */
static int64_t slot_choose_pause(struct slot *s, const struct err *err)
{
    if (err_is_retryable(err) && err->retry_after_ms > 0)
        return smaller(err->retry_after_ms, PAUSE_GRANTED_MS);
    s->pause_ms = s->pause_ms ? smaller(s->pause_ms * 2, PAUSE_MAX_MS) : PAUSE_MIN_MS;
    return s->pause_ms;
}

/* Ends a fetch that failed. */
static void slot_fail(struct slot *s, const struct clock *clock, struct err *err)
{
    s->fetching = false;
    /* Nothing was tried: what it needs is being fetched. */
    if (err->kind == ERR_BUSY)
        return;
    int64_t pause_ms = slot_choose_pause(s, err);
    if (err_is_retryable(err)) {
        err->kind = ERR_UNAVAILABLE;
        err->retry_after_ms = pause_ms;
    }
    if (!s->failure)
        s->failure = xmalloc(sizeof *s->failure);
    *s->failure = *err;
    s->retry_at_ms = clock->mono_ms(clock) + pause_ms;
}

/* Notes that the value was rejected. False if that led to a fetch within the last minute. */
static bool slot_reject(struct slot *s, const struct clock *clock, bool as_expired)
{
    int64_t now = clock->mono_ms(clock);
    if (!s->rejected) {
        if (s->rejected_at_ms > 0 && now - s->rejected_at_ms < RENEW_EVERY_MS)
            return false;
        s->rejected_at_ms = now > 0 ? now : 1;
        s->rejected = true;
    }
    s->rejected_as_expired = as_expired;
    return true;
}

/* False with *err if a service calls the value expired, and the fetch brought no other. */
static bool slot_is_renewed_by(const struct slot *s, const void *fetched, struct err *err)
{
    return !s->rejected || !s->rejected_as_expired || !s->value || !s->kind->renews ||
           s->kind->renews(s->value, fetched, s->rejected_at_ms, err);
}

/* --- getting --- */

struct fresh *fresh_new(const struct fresh_kind *kind, const struct clock *clock, void *ctx)
{
    struct cache_options options = {
        .max = kind->max, .value_size = sizeof(struct slot), .keep = slot_keep, .drop = slot_drop};
    clock->random(clock, &options.seed, sizeof options.seed);
    struct fresh *f = xmalloc(sizeof *f);
    *f = (struct fresh){.kind = kind, .clock = clock, .ctx = ctx, .slots = cache_new(&options)};
    return f;
}

void fresh_free(struct fresh *f)
{
    if (!f)
        return;
    cache_free(f->slots);
    free(f);
}

/* Fetches, for the caller whose slot_begin_fetch was true, and ends that. An early refresh that
 * failed is no failure for its caller. */
static void *fresh_fetch(struct fresh *f, struct http_client *http, const char *key,
                         struct err *err)
{
    struct err why = ERR_INIT;
    void *value = NULL;
    void *fetched = f->kind->fetch(f->ctx, http, key, &why);
    /* It is there: what is being fetched stays. */
    struct slot *s = slot_lock_existing(f, key);
    bool ok = fetched && slot_is_renewed_by(s, fetched, &why);
    if (ok)
        slot_store(s, f->clock, fetched);
    else
        slot_fail(s, f->clock, &why);
    if (ok || slot_is_valid(s, f->clock))
        value = slot_ref(s);
    cache_unlock(f->slots);
    if (fetched && !ok && f->kind->unref)
        f->kind->unref(fetched);
    if (!ok)
        *err = why;
    return value;
}

void *fresh_get(struct fresh *f, struct http_client *http, const char *key, struct err *err)
{
    struct err why = ERR_INIT;
    struct slot *s = slot_lock(f, key, err);
    if (!s)
        return NULL;
    bool valid = slot_is_valid(s, f->clock);
    bool fetch = (!valid || slot_is_due(s, f->clock)) && slot_begin_fetch(s, f->clock, &why);
    void *value = valid && !fetch ? slot_ref(s) : NULL;
    cache_unlock(f->slots);
    if (fetch)
        value = fresh_fetch(f, http, key, &why);
    if (!value)
        *err = why;
    return value;
}

void *fresh_renew(struct fresh *f, struct http_client *http, const char *key, const void *refused,
                  struct err *err)
{
    struct err why = ERR_INIT;
    void *value = NULL;
    bool fetch = false, stands = false;
    struct slot *s = slot_lock(f, key, err);
    if (!s)
        return NULL;
    if (s->value != refused && slot_is_valid(s, f->clock))
        value = slot_ref(s);
    else if (s->value == refused && !slot_reject(s, f->clock, err->kind == ERR_EXPIRED))
        stands = true;
    else
        fetch = slot_begin_fetch(s, f->clock, &why);
    cache_unlock(f->slots);
    if (fetch)
        value = fresh_fetch(f, http, key, &why);
    /* Services that give out values have caches too, and may return the same again. */
    if (fetch && value && f->kind->same(value, refused)) {
        f->kind->unref(value);
        value = NULL;
        stands = why.kind == ERR_NONE;
    }
    if (stands)
        f->kind->refusal_stands(refused, err);
    else if (!value)
        *err = why;
    return value;
}

void *fresh_peek(struct fresh *f, const char *key, bool *due)
{
    void *value = NULL;
    *due = false;
    struct slot *s = slot_lock_existing(f, key);
    if (!s)
        return NULL;
    bool tried = slot_was_tried(s, f->clock);
    if (slot_is_valid(s, f->clock)) {
        *due = slot_is_due(s, f->clock) && !tried;
        value = s->rejected && !tried ? NULL : slot_ref(s);
    }
    cache_unlock(f->slots);
    return value;
}

void fresh_expire(struct fresh *f, const char *key, const void *value)
{
    struct slot *s = slot_lock_existing(f, key);
    if (!s)
        return;
    if (s->value == value)
        (void)slot_reject(s, f->clock, true);
    cache_unlock(f->slots);
}
