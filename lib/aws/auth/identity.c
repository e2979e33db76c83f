/* The cache of credentials by account.
 *
 * Each account has a slot with a flight. All of it is read and written under one mutex; the fetch
 * happens outside, by the one caller who took the flight. */
#include "lib/aws/auth/identity.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/hash.h"
#include "lib/net/flight.h"

#define BUCKETS   1024
#define SLOTS_MAX 8192

struct slot {
    /* "": the daemon's own. */
    char account[13];
    struct slot *next;
    struct flight flight;
    /* NULL: none. */
    struct aws_creds *creds;
    /* By the services' time. */
    int64_t refresh_at_ms;
    /* That is why others are wanted: newer ones may come. */
    bool expired;
    /* For throwing out the one not used for longest. */
    uint64_t used;
};

struct aws_identity {
    struct aws_identity_options options;
    /* NULL: not fetched yet; then found_caller, which does not change any more. */
    _Atomic(const struct aws_caller *) caller;
    struct aws_caller found_caller;
    /* Of everything below. */
    pthread_mutex_t lock;
    struct slot *buckets[BUCKETS];
    size_t count;
    uint64_t uses;
    struct flight caller_flight;
};

struct aws_identity *aws_identity_new(const struct aws_identity_options *options)
{
    struct aws_identity *i = calloc(1, sizeof *i);
    if (!i)
        return NULL;
    i->options = *options;
    if (pthread_mutex_init(&i->lock, NULL) != 0) {
        free(i);
        return NULL;
    }
    return i;
}

static void slot_free(struct slot *s)
{
    aws_creds_unref(s->creds);
    flight_free(&s->flight);
    free(s);
}

void aws_identity_free(struct aws_identity *i)
{
    if (!i)
        return;
    for (size_t b = 0; b < BUCKETS; b++) {
        while (i->buckets[b]) {
            struct slot *s = i->buckets[b];
            i->buckets[b] = s->next;
            slot_free(s);
        }
    }
    flight_free(&i->caller_flight);
    pthread_mutex_destroy(&i->lock);
    free(i);
}

/* --- slots; the lock is held --- */

static size_t bucket_of(const char *account)
{
    return hash_add(HASH_INIT, account) % BUCKETS;
}

static struct slot *slot_find(const struct aws_identity *i, const char *account)
{
    struct slot *s = i->buckets[bucket_of(account)];
    while (s && strcmp(s->account, account) != 0)
        s = s->next;
    return s;
}

/* Throws out the slot not used for longest. One that is being fetched stays, and so does the
 * daemon's own. */
static void slot_evict(struct aws_identity *i)
{
    struct slot **oldest = NULL;
    for (size_t b = 0; b < BUCKETS; b++) {
        for (struct slot **at = &i->buckets[b]; *at; at = &(*at)->next)
            if (!(*at)->flight.busy && *(*at)->account &&
                (!oldest || (*at)->used < (*oldest)->used))
                oldest = at;
    }
    if (oldest) {
        struct slot *s = *oldest;
        *oldest = s->next;
        i->count--;
        slot_free(s);
    }
}

static struct slot *slot_of(struct aws_identity *i, const char *account, struct err *err)
{
    struct slot *s = slot_find(i, account);
    if (!s) {
        if (i->count >= SLOTS_MAX)
            slot_evict(i);
        s = calloc(1, sizeof *s);
        if (!s) {
            err_set(err, ERR_INTERNAL, "", "out of memory");
            return NULL;
        }
        memcpy(s->account, account, strlen(account) + 1);
        size_t b = bucket_of(account);
        s->next = i->buckets[b];
        i->buckets[b] = s;
        i->count++;
    }
    s->used = ++i->uses;
    return s;
}

static int64_t now_ms(const struct aws_identity *i)
{
    return i->options.now_ms(i->options.ctx);
}

static bool is_valid(const struct aws_identity *i, const struct slot *s)
{
    return s->creds && now_ms(i) < s->creds->expires_ms;
}

static bool is_due(const struct aws_identity *i, const struct slot *s)
{
    return s->flight.wanted || now_ms(i) >= s->refresh_at_ms;
}

/* Puts fetched credentials in their place; steals the reference. */
static void slot_store(struct aws_identity *i, struct slot *s, struct aws_creds *creds)
{
    s->refresh_at_ms = flight_refresh_at(now_ms(i), creds->expires_ms);
    aws_creds_unref(s->creds);
    s->creds = creds;
    flight_landed(&s->flight);
}

/* --- credentials --- */

/* What the cache has to say: credentials, a refusal (*err), or neither: *mine, this caller fetches.
 */
static struct aws_creds *look_up(struct aws_identity *i, const char *account, bool *mine,
                                 struct err *err)
{
    struct aws_creds *creds = NULL;
    pthread_mutex_lock(&i->lock);
    struct slot *s = slot_of(i, account, err);
    if (s && is_valid(i, s)) {
        struct err reason = ERR_INIT;
        *mine = is_due(i, s) &&
                flight_take(&s->flight, i->options.clock, "the credentials are", &reason);
        creds = *mine ? NULL : aws_creds_ref(s->creds);
    } else if (s) {
        *mine = flight_take(&s->flight, i->options.clock, "the credentials are", err);
    }
    pthread_mutex_unlock(&i->lock);
    return creds;
}

/* Whether the fetch has brought but what a service calls expired, and none has accepted since. */
static bool is_stale(const struct slot *s, const struct aws_creds *fetched)
{
    return s->flight.wanted && s->expired && s->creds && aws_creds_same(s->creds, fetched) &&
           aws_creds_accepted_at(s->creds) <= s->flight.refused_at_ms;
}

static struct aws_creds *refuse_stale(struct aws_creds *fetched, struct err *err)
{
    err_set(
        err, ERR_UNAVAILABLE, "",
        "the credentials (%s) are accepted no longer, and where they come from there are no newer "
        "ones yet: renew them there",
        fetched->source);
    aws_creds_unref(fetched);
    return NULL;
}

/* Keeps what came of a fetch (NULL: *err). An early refresh that failed is no failure to its
 * caller. */
static struct aws_creds *settle(struct aws_identity *i, const char *account,
                                struct aws_creds *fetched, struct err *err)
{
    pthread_mutex_lock(&i->lock);
    /* Busy: nobody has thrown it out. */
    struct slot *s = slot_find(i, account);
    struct aws_creds *creds = NULL;
    if (fetched && is_stale(s, fetched))
        fetched = refuse_stale(fetched, err);
    if (fetched) {
        slot_store(i, s, fetched);
        creds = aws_creds_ref(fetched);
    } else {
        flight_failed(&s->flight, i->options.clock, err);
        creds = is_valid(i, s) ? aws_creds_ref(s->creds) : NULL;
    }
    pthread_mutex_unlock(&i->lock);
    return creds;
}

struct aws_creds *aws_identity_creds(struct aws_identity *i, struct http_client *http,
                                     const char *account, struct err *err)
{
    bool mine = false;
    struct aws_creds *creds = look_up(i, account, &mine, err);
    if (!mine)
        return creds;
    struct err why = ERR_INIT;
    creds = settle(i, account, i->options.fetch(i->options.ctx, http, account, &why), &why);
    if (!creds)
        *err = why;
    return creds;
}

void aws_identity_refusal_stands(const struct aws_creds *creds, struct err *err)
{
    size_t n = strlen(err->message);
    if (err->kind == ERR_EXPIRED)
        err->kind = ERR_DENIED;
    if (aws_creds_accepted_at(creds) == 0)
        snprintf(err->message + n, sizeof err->message - n,
                 "; no service has accepted these credentials (%s) yet: check this host's clock, "
                 "and whether the session was revoked",
                 creds->source);
}

/* What the cache has to say to one whose credentials were refused: others, or an error (*err), or
 * neither: *mine, this caller fetches. */
static struct aws_creds *find_others(struct aws_identity *i, const char *account,
                                     const struct aws_creds *refused, bool *mine, struct err *err)
{
    struct aws_creds *creds = NULL;
    struct err why = ERR_INIT;
    pthread_mutex_lock(&i->lock);
    struct slot *s = slot_of(i, account, err);
    if (s && s->creds != refused && is_valid(i, s)) {
        creds = aws_creds_ref(s->creds);
    } else if (s && s->creds == refused && !flight_refused(&s->flight, i->options.clock)) {
        aws_identity_refusal_stands(refused, err);
    } else if (s) {
        s->expired = err->kind == ERR_EXPIRED;
        *mine = flight_take(&s->flight, i->options.clock, "the credentials are", &why);
        if (!*mine)
            *err = why;
    }
    pthread_mutex_unlock(&i->lock);
    return creds;
}

struct aws_creds *aws_identity_renew(struct aws_identity *i, struct http_client *http,
                                     const char *account, const struct aws_creds *refused,
                                     struct err *err)
{
    bool mine = false;
    struct aws_creds *creds = find_others(i, account, refused, &mine, err);
    if (!mine)
        return creds;
    struct err why = ERR_INIT;
    creds = settle(i, account, i->options.fetch(i->options.ctx, http, account, &why), &why);
    if (creds && !aws_creds_same(creds, refused))
        return creds;
    if (why.kind == ERR_NONE)
        aws_identity_refusal_stands(refused, err);
    else
        *err = why;
    aws_creds_unref(creds);
    return NULL;
}

struct aws_creds *aws_identity_peek(struct aws_identity *i)
{
    struct aws_creds *creds = NULL;
    pthread_mutex_lock(&i->lock);
    const struct slot *s = slot_find(i, "");
    if (s && is_valid(i, s)) {
        /* Due ones are given out still while somebody refreshes them, or has lately tried in vain.
         */
        bool usable = !is_due(i, s) || flight_tried(&s->flight, i->options.clock);
        creds = usable ? aws_creds_ref(s->creds) : NULL;
    }
    pthread_mutex_unlock(&i->lock);
    return creds;
}

void aws_identity_expire(struct aws_identity *i, const char *account, const struct aws_creds *creds)
{
    pthread_mutex_lock(&i->lock);
    struct slot *s = slot_find(i, account);
    if (s && s->creds == creds && flight_refused(&s->flight, i->options.clock))
        s->expired = true;
    pthread_mutex_unlock(&i->lock);
}

/* --- the daemon itself --- */

const struct aws_caller *aws_identity_known_caller(struct aws_identity *i)
{
    return atomic_load(&i->caller);
}

/* Whether this caller shall fetch the daemon's identity; else *known, or NULL with *err. */
static bool take_caller_flight(struct aws_identity *i, const struct aws_caller **known,
                               struct err *err)
{
    pthread_mutex_lock(&i->lock);
    /* Another thread may have found it meanwhile. */
    *known = atomic_load(&i->caller);
    bool mine = !*known && flight_take(&i->caller_flight, i->options.clock,
                                       "the daemon's own account is", err);
    pthread_mutex_unlock(&i->lock);
    return mine;
}

const struct aws_caller *aws_identity_get_caller(struct aws_identity *i, struct http_client *http,
                                                 struct err *err)
{
    const struct aws_caller *known = atomic_load(&i->caller);
    if (known || !take_caller_flight(i, &known, err))
        return known;
    /* Only the owner of the flight writes it, and nobody reads it before it is known. */
    bool ok = i->options.fetch_caller(i->options.ctx, http, &i->found_caller, err);
    pthread_mutex_lock(&i->lock);
    if (ok) {
        atomic_store(&i->caller, &i->found_caller);
        flight_landed(&i->caller_flight);
    } else {
        flight_failed(&i->caller_flight, i->options.clock, err);
    }
    pthread_mutex_unlock(&i->lock);
    return ok ? &i->found_caller : NULL;
}
