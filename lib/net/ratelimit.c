/* Token buckets that stand open until a service throttles.
 *
 * The growth after throttling is that of CUBIC (RFC 9438) with the constants of the AWS SDKs'
 * adaptive retry mode: back near the old rate soon, slowly past it, then fast. Three things differ
 * because one bucket serves many threads. Refusals of requests that were under way when the rate
 * was cut do not cut it again. A success never lowers the rate. And those who wait are sent to
 * slots one after the other, so that they come back at the rate at which tokens do, not all at
 * once. */
#include "lib/net/ratelimit.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    BUCKETS_MAX = 4096,
    HEADS = 1024,        /* of the hash table */
    WINDOW_MS = 500,     /* of one measurement; also the pause between two cuts */
    FARTHEST_MS = 20000, /* nobody is sent away for longer */
};

static const double cut_share = 0.7;
static const double cubic_scale = 0.4;
static const double smoothing = 0.8;
static const double slowest_rate = 0.5; /* tokens a second */
static const double open_share =
    2; /* of the rate that was throttled: growth past it opens the bucket */

struct bucket {
    struct bucket *next;          /* in the hash chain */
    struct bucket *newer, *older; /* in order of use */
    uint64_t hash;
    bool limited;

    /* What passes, measured in windows. */
    int64_t window_start_ms;
    double passed;        /* successes in this window */
    double measured_rate; /* smoothed, a second */

    /* The limit; all rates are tokens a second. */
    double rate;
    double throttled_rate; /* the rate at which the service last throttled */
    int64_t throttled_ms;
    double tokens;
    int64_t filled_ms;
    int64_t slot_ms; /* when the last one sent away shall ask again */

    char name[];
};

struct ratelimit {
    const struct clock *clock;
    uint64_t seed;
    pthread_mutex_t lock; /* everything below */
    struct bucket *heads[HEADS];
    struct bucket *newest, *oldest;
    size_t count;
};

struct ratelimit *ratelimit_new(const struct clock *clock)
{
    struct ratelimit *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    if (pthread_mutex_init(&r->lock, NULL) != 0) {
        free(r);
        return NULL;
    }
    r->clock = clock;
    clock->random(clock, &r->seed, sizeof r->seed);
    return r;
}

void ratelimit_free(struct ratelimit *r)
{
    if (!r)
        return;
    while (r->newest) {
        struct bucket *older = r->newest->older;
        free(r->newest);
        r->newest = older;
    }
    pthread_mutex_destroy(&r->lock);
    free(r);
}

/* FNV-1a, seeded: account names come from outside. */
static uint64_t hash_of(const struct ratelimit *r, const char *name)
{
    uint64_t h = r->seed ^ UINT64_C(0xcbf29ce484222325);

    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    return h;
}

static struct bucket **head_of(struct ratelimit *r, uint64_t hash)
{
    return &r->heads[(hash ^ hash >> 32) % HEADS];
}

static void take_out_of_order(struct ratelimit *r, struct bucket *b)
{
    *(b->newer ? &b->newer->older : &r->newest) = b->older;
    *(b->older ? &b->older->newer : &r->oldest) = b->newer;
}

static void put_newest(struct ratelimit *r, struct bucket *b)
{
    b->newer = NULL;
    b->older = r->newest;
    *(r->newest ? &r->newest->newer : &r->oldest) = b;
    r->newest = b;
}

static void drop_oldest(struct ratelimit *r)
{
    struct bucket *b = r->oldest;
    struct bucket **link = head_of(r, b->hash);

    while (*link != b)
        link = &(*link)->next;
    *link = b->next;
    take_out_of_order(r, b);
    free(b);
    r->count--;
}

static struct bucket *bucket_new(struct ratelimit *r, const char *name, uint64_t hash, int64_t now)
{
    size_t size = strlen(name) + 1;
    struct bucket *b = calloc(1, sizeof *b + size);

    if (!b)
        return NULL;
    if (r->count == BUCKETS_MAX)
        drop_oldest(r);
    memcpy(b->name, name, size);
    b->hash = hash;
    b->window_start_ms = now;
    b->throttled_ms = now - WINDOW_MS;

    struct bucket **head = head_of(r, hash);
    b->next = *head;
    *head = b;
    put_newest(r, b);
    r->count++;
    return b;
}

/* The bucket of that name, made when new; NULL when memory ran out. */
static struct bucket *look_up(struct ratelimit *r, const char *name, uint64_t hash, int64_t now)
{
    struct bucket *b = *head_of(r, hash);

    while (b && (b->hash != hash || strcmp(b->name, name) != 0))
        b = b->next;
    if (!b)
        return bucket_new(r, name, hash, now);
    if (b != r->newest) {
        take_out_of_order(r, b);
        put_newest(r, b);
    }
    return b;
}

static double capacity(const struct bucket *b)
{
    return fmax(b->rate, 1);
}

static void fill(struct bucket *b, int64_t now)
{
    b->tokens = fmin(capacity(b), b->tokens + (double)(now - b->filled_ms) * b->rate / 1000);
    b->filled_ms = now;
}

/* Milliseconds after which one that found no token shall ask again, before jitter; *spread is how
 * much of that to add. */
static int64_t next_slot(struct bucket *b, int64_t now, uint64_t *spread)
{
    int64_t interval = (int64_t)ceil(1000 / b->rate);
    int64_t first = now + (int64_t)ceil((1 - b->tokens) * 1000 / b->rate);
    int64_t slot = b->slot_ms + interval > first ? b->slot_ms + interval : first;

    if (slot - now > FARTHEST_MS / 2) {
        *spread = FARTHEST_MS / 2;
        return FARTHEST_MS / 2;
    }
    b->slot_ms = slot;
    *spread = (uint64_t)interval;
    return slot - now;
}

int64_t ratelimit_take(struct ratelimit *r, const char *name)
{
    uint64_t hash = hash_of(r, name);
    int64_t now = r->clock->mono_ms(r->clock);
    int64_t wait = 0;
    uint64_t spread = 0;

    pthread_mutex_lock(&r->lock);
    struct bucket *b = look_up(r, name, hash, now);
    if (b && b->limited) {
        fill(b, now);
        if (b->tokens >= 1)
            b->tokens -= 1;
        else
            wait = next_slot(b, now, &spread);
    }
    pthread_mutex_unlock(&r->lock);
    if (wait == 0)
        return 0;
    return wait + (int64_t)clock_random_below(r->clock, spread + 1);
}

static double rate_in_window(const struct bucket *b, int64_t now)
{
    return b->passed * 1000 / fmax((double)(now - b->window_start_ms), WINDOW_MS);
}

/* Closes the window of measurement when it is over. */
static void measure(struct bucket *b, int64_t now)
{
    if (now - b->window_start_ms < WINDOW_MS)
        return;
    b->measured_rate = rate_in_window(b, now) * smoothing + b->measured_rate * (1 - smoothing);
    b->window_start_ms = now;
    b->passed = 0;
}

static void set_rate(struct bucket *b, double rate)
{
    b->rate = fmax(rate, slowest_rate);
    b->tokens = fmin(b->tokens, capacity(b));
}

static void on_throttled(struct bucket *b, int64_t now)
{
    if (now - b->throttled_ms < WINDOW_MS)
        return;
    b->throttled_ms = now;

    double passing = fmax(b->measured_rate, rate_in_window(b, now));
    if (b->limited) {
        fill(b, now);
        passing = fmin(passing, b->rate);
    } else {
        b->limited = true;
        b->tokens = 0;
        b->filled_ms = now;
        b->slot_ms = now;
    }
    b->throttled_rate = passing;
    set_rate(b, passing * cut_share);
}

static void on_success(struct bucket *b, int64_t now)
{
    if (!b->limited)
        return;

    double k = cbrt(b->throttled_rate * (1 - cut_share) / cubic_scale);
    double seconds = (double)(now - b->throttled_ms) / 1000;
    double grown = cubic_scale * pow(seconds - k, 3) + b->throttled_rate;
    if (grown > open_share * fmax(b->throttled_rate, slowest_rate)) {
        b->limited = false;
        return;
    }
    fill(b, now);
    /* Growth far past what is used would say nothing about what the service bears. */
    double rate = fmin(grown, 2 * b->measured_rate);
    if (rate > b->rate)
        set_rate(b, rate);
}

void ratelimit_report(struct ratelimit *r, const char *name, int throttled)
{
    uint64_t hash = hash_of(r, name);
    int64_t now = r->clock->mono_ms(r->clock);

    pthread_mutex_lock(&r->lock);
    struct bucket *b = look_up(r, name, hash, now);
    if (b) {
        measure(b, now);
        if (throttled) {
            on_throttled(b, now);
        } else {
            b->passed += 1;
            on_success(b, now);
        }
    }
    pthread_mutex_unlock(&r->lock);
}
