/* The cache of credentials by account.
 *
 * Each account has a slot. A slot's `flight` says whether somebody is fetching and, after a
 * failure, until when nobody tries again. All of it is read and written under one mutex; the fetch
 * happens outside, by the one caller who set flight.busy. */
#include "lib/aws/identity.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS      1024
#define SLOTS_MAX    8192
#define AHEAD_MS     ((int64_t)5 * 60 * 1000) /* how long before the end credentials are refreshed */
#define PAUSE_MIN_MS 5000                     /* how long a failure is remembered, at first */
#define PAUSE_MAX_MS 60000
#define BUSY_MS      100 /* when to ask again while another fetches: this and up to as much more */
#define EXPIRE_AGAIN_MS                                                                            \
    60000 /* fresh credentials called expired twice within this are a failure                      \
           */

/* One thing that one caller at a time may fetch. */
struct flight {
    bool busy;
    int64_t retry_at_ms; /* monotonic: no try before; 0 after a success */
    int64_t pause_ms;
    struct err *failure; /* owned; what is answered until then */
};

struct slot {
    char account[13]; /* "": the daemon's own */
    struct slot *next;
    struct flight flight;
    struct aws_creds *creds; /* NULL: none */
    int64_t refresh_at_ms;   /* wall clock */
    int64_t dropped_at_ms;   /* monotonic: when a service called the last ones expired; 0: never */
    uint64_t used;           /* for throwing out the one not used for longest */
};

struct aws_identity {
    const struct clock *clock;
    identity_fetch_fn fetch;
    identity_ask_fn ask;
    void *ctx;
    pthread_mutex_t lock; /* of everything below */
    struct slot *buckets[BUCKETS];
    size_t count;
    uint64_t uses;
    struct flight self_flight;
    struct aws_self self;
    bool self_known;
};

struct aws_identity *aws_identity_new(const struct clock *clock, identity_fetch_fn fetch,
                                      identity_ask_fn ask, void *ctx)
{
    struct aws_identity *i = calloc(1, sizeof(*i));
    if (!i) {
        return NULL;
    }
    i->clock = clock;
    i->fetch = fetch;
    i->ask = ask;
    i->ctx = ctx;
    if (pthread_mutex_init(&i->lock, NULL) != 0) {
        free(i);
        return NULL;
    }
    return i;
}

static void slot_free(struct slot *s)
{
    aws_creds_unref(s->creds);
    free(s->flight.failure);
    free(s);
}

void aws_identity_free(struct aws_identity *i)
{
    if (!i) {
        return;
    }
    for (size_t b = 0; b < BUCKETS; b++) {
        while (i->buckets[b]) {
            struct slot *s = i->buckets[b];
            i->buckets[b] = s->next;
            slot_free(s);
        }
    }
    free(i->self_flight.failure);
    pthread_mutex_destroy(&i->lock);
    free(i);
}

/* --- flights; the lock is held
 * ----------------------------------------------------------------------------------- */

/* Whether this caller may fetch: then he has the flight. Else *err says why not. */
static bool flight_take(const struct aws_identity *i, struct flight *f, const char *what,
                        struct err *err)
{
    int64_t now = i->clock->mono_ms(i->clock);
    if (f->busy) {
        err_set(err, ERR_BUSY, "", "%s being fetched by another worker", what);
        err->retry_after_ms = BUSY_MS + (int64_t)clock_random_below(i->clock, BUSY_MS);
        return false;
    }
    if (f->failure && now < f->retry_at_ms) {
        *err = *f->failure;
        if (err_is_retryable(err)) {
            err->retry_after_ms = f->retry_at_ms - now;
        }
        return false;
    }
    f->busy = true;
    return true;
}

static void flight_failed(const struct aws_identity *i, struct flight *f, const struct err *err)
{
    f->busy = false;
    if (err->kind == ERR_BUSY) {
        return; /* nothing was tried: what it needs is being fetched */
    }
    if (!f->failure) {
        f->failure = malloc(sizeof(*f->failure));
    }
    if (f->failure) {
        *f->failure = *err;
    }
    f->pause_ms = f->pause_ms == 0                 ? PAUSE_MIN_MS
                  : f->pause_ms * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS
                                                   : f->pause_ms * 2;
    f->retry_at_ms = i->clock->mono_ms(i->clock) + f->pause_ms;
}

static void flight_landed(struct flight *f)
{
    free(f->failure);
    *f = (struct flight){.busy = false};
}

/* --- slots; the lock is held
 * ------------------------------------------------------------------------------------- */

static size_t bucket_of(const char *account)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (; *account; account++) {
        hash = (hash ^ (unsigned char)*account) * 16777619u;
    }
    return hash % BUCKETS;
}

static struct slot *slot_find(const struct aws_identity *i, const char *account)
{
    struct slot *s = i->buckets[bucket_of(account)];
    while (s && strcmp(s->account, account) != 0) {
        s = s->next;
    }
    return s;
}

/* Throws out the slot not used for longest. One that is being fetched stays, and so does the
 * daemon's own. */
static void slot_evict(struct aws_identity *i)
{
    struct slot **oldest = NULL;
    for (size_t b = 0; b < BUCKETS; b++) {
        for (struct slot **at = &i->buckets[b]; *at; at = &(*at)->next) {
            if (!(*at)->flight.busy && *(*at)->account &&
                (!oldest || (*at)->used < (*oldest)->used)) {
                oldest = at;
            }
        }
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
        if (i->count >= SLOTS_MAX) {
            slot_evict(i);
        }
        s = calloc(1, sizeof(*s));
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

static bool is_valid(const struct aws_identity *i, const struct slot *s)
{
    return s->creds && i->clock->wall_ms(i->clock) < s->creds->expires_ms;
}

static bool is_due(const struct aws_identity *i, const struct slot *s)
{
    return i->clock->wall_ms(i->clock) >= s->refresh_at_ms;
}

/* Puts fetched credentials in their place; steals the reference. */
static void slot_store(struct aws_identity *i, struct slot *s, struct aws_creds *creds)
{
    int64_t now = i->clock->wall_ms(i->clock);
    int64_t left = creds->expires_ms - now;
    int64_t ahead = left / 10 < AHEAD_MS ? left / 10 : AHEAD_MS;
    s->refresh_at_ms = creds->expires_ms == INT64_MAX ? INT64_MAX : creds->expires_ms - ahead;
    aws_creds_unref(s->creds);
    s->creds = creds;
    flight_landed(&s->flight);
}

/* --- credentials
 * -------------------------------------------------------------------------------------------------
 */

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
        *mine = is_due(i, s) && flight_take(i, &s->flight, "the credentials are", &reason);
        creds = *mine ? NULL : aws_creds_ref(s->creds);
    } else if (s) {
        *mine = flight_take(i, &s->flight, "the credentials are", err);
    }
    pthread_mutex_unlock(&i->lock);
    return creds;
}

/* Keeps what came of a fetch (NULL: *err). An early refresh that failed is no failure to its
 * caller. */
static struct aws_creds *settle(struct aws_identity *i, const char *account,
                                struct aws_creds *fetched, struct err *err)
{
    pthread_mutex_lock(&i->lock);
    struct slot *s = slot_find(i, account); /* busy: nobody has thrown it out */
    struct aws_creds *creds = NULL;
    if (fetched) {
        slot_store(i, s, fetched);
        creds = aws_creds_ref(fetched);
    } else {
        flight_failed(i, &s->flight, err);
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
    if (!mine) {
        return creds;
    }
    struct err why = ERR_INIT;
    creds = settle(i, account, i->fetch(i->ctx, http, account, &why), &why);
    if (!creds) {
        *err = why;
    }
    return creds;
}

struct aws_creds *aws_identity_peek(struct aws_identity *i)
{
    struct aws_creds *creds = NULL;
    pthread_mutex_lock(&i->lock);
    const struct slot *s = slot_find(i, "");
    if (s && is_valid(i, s)) {
        /* Due ones are given out still while somebody refreshes them, or has lately tried in vain.
         */
        bool tried = s->flight.busy || i->clock->mono_ms(i->clock) < s->flight.retry_at_ms;
        creds = !is_due(i, s) || tried ? aws_creds_ref(s->creds) : NULL;
    }
    pthread_mutex_unlock(&i->lock);
    return creds;
}

void aws_identity_expire(struct aws_identity *i, const char *account, const struct aws_creds *creds)
{
    pthread_mutex_lock(&i->lock);
    struct slot *s = slot_find(i, account);
    if (s && s->creds == creds) {
        int64_t now = i->clock->mono_ms(i->clock);
        if (s->dropped_at_ms > 0 && now - s->dropped_at_ms < EXPIRE_AGAIN_MS && !s->flight.busy) {
            /* Fetching once more for every request would not help either. */
            struct err err;
            err_set(&err, ERR_CREDENTIALS, "",
                    "freshly fetched credentials (%s) were called expired: check this host's clock "
                    "and whether the session was revoked",
                    creds->source);
            flight_failed(i, &s->flight, &err);
        }
        s->dropped_at_ms = now > 0 ? now : 1;
        aws_creds_unref(s->creds);
        s->creds = NULL;
    }
    pthread_mutex_unlock(&i->lock);
}

/* --- the daemon itself
 * ------------------------------------------------------------------------------------------- */

bool aws_identity_known(struct aws_identity *i, struct aws_self *self)
{
    pthread_mutex_lock(&i->lock);
    bool known = i->self_known;
    if (known) {
        *self = i->self;
    }
    pthread_mutex_unlock(&i->lock);
    return known;
}

bool aws_identity_self(struct aws_identity *i, struct http_client *http, struct aws_self *self,
                       struct err *err)
{
    pthread_mutex_lock(&i->lock);
    bool known = i->self_known;
    bool mine = !known && flight_take(i, &i->self_flight, "the daemon's own account is", err);
    if (known) {
        *self = i->self;
    }
    pthread_mutex_unlock(&i->lock);
    if (!mine) {
        return known;
    }
    bool ok = i->ask(i->ctx, http, self, err);
    pthread_mutex_lock(&i->lock);
    if (ok) {
        i->self = *self;
        i->self_known = true;
        flight_landed(&i->self_flight);
    } else {
        flight_failed(i, &i->self_flight, err);
    }
    pthread_mutex_unlock(&i->lock);
    return ok;
}
