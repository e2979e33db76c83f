/* Token buckets that are open until a service throttles.
 *
 * The growth after throttling is that of CUBIC (RFC 9438) with the constants of the AWS SDKs'
 * adaptive retry mode: soon back near the old rate, slowly beyond it, then fast. Three things
 * differ because one bucket serves many threads. Requests that were under way when the rate was cut
 * do not cut it again when they are throttled. A success never lowers the rate. Callers that must
 * wait get consecutive slots, so that they return at the rate of the tokens, not all at once. */
#include "lib/net/ratelimit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cache.h"
#include "lib/base/memory.h"

#define BUCKETS_MAX 4096
/* The length of a measurement, and the pause between two cuts. */
#define WINDOW_MS 500
/* The longest wait, jitter included. */
#define WAIT_MAX_MS 20000

#define CUT_SHARE   0.7
#define CUBIC_SCALE 0.4
#define SMOOTHING   0.8
/* Tokens per second. */
#define SLOWEST_RATE 0.5
/* Of the rate that was throttled: growth beyond it opens the bucket. */
#define OPEN_SHARE 2

struct bucket {
    bool known;
    bool limited;

    /* What passes, measured in windows. Rates are per second. */
    int64_t window_start_ms;
    double successes;
    double measured_rate;

    /* The limit, in tokens per second. */
    double rate;
    /* The rate at which the service last throttled. */
    double throttled_rate;
    int64_t throttled_ms;
    double tokens;
    int64_t filled_ms;
    /* When the last of the waiting callers asks again. */
    int64_t slot_ms;
};

struct ratelimit {
    const struct clock *clock;
    struct cache *buckets;
};

struct ratelimit *ratelimit_new(const struct clock *clock)
{
    struct cache_options options = {.max = BUCKETS_MAX, .value_size = sizeof(struct bucket)};
    clock->random(clock, &options.seed, sizeof options.seed);
    struct ratelimit *r = xmalloc(sizeof *r);
    *r = (struct ratelimit){.clock = clock, .buckets = cache_new(&options)};
    return r;
}

void ratelimit_free(struct ratelimit *r)
{
    if (!r)
        return;
    cache_free(r->buckets);
    free(r);
}

/* Locks the buckets and returns the one of that name. */
static struct bucket *bucket_lock(struct ratelimit *r, const char *name, int64_t now)
{
    struct bucket *b = cache_lock(r->buckets, name, strlen(name));
    if (!b->known)
        *b =
            (struct bucket){.known = true, .window_start_ms = now, .throttled_ms = now - WINDOW_MS};
    return b;
}

static double bucket_capacity(const struct bucket *b)
{
    return fmax(b->rate, 1);
}

static void bucket_fill(struct bucket *b, int64_t now)
{
    b->tokens = fmin(bucket_capacity(b), b->tokens + (double)(now - b->filled_ms) * b->rate / 1000);
    b->filled_ms = now;
}

/* Milliseconds after which a caller that found no token asks again, without the jitter to be added,
 * which is at most *spread. */
static int64_t bucket_next_slot(struct bucket *b, int64_t now, uint64_t *spread)
{
    int64_t interval = (int64_t)ceil(1000 / b->rate);
    int64_t first = now + (int64_t)ceil((1 - b->tokens) * 1000 / b->rate);
    int64_t slot = b->slot_ms + interval > first ? b->slot_ms + interval : first;
    if (slot - now > WAIT_MAX_MS / 2) {
        *spread = WAIT_MAX_MS / 2;
        return WAIT_MAX_MS / 2;
    }
    b->slot_ms = slot;
    *spread = (uint64_t)interval;
    return slot - now;
}

int64_t ratelimit_take(struct ratelimit *r, const char *name)
{
    int64_t now = r->clock->mono_ms(r->clock);
    int64_t wait = 0;
    uint64_t spread = 0;
    struct bucket *b = bucket_lock(r, name, now);
    if (b->limited) {
        bucket_fill(b, now);
        if (b->tokens >= 1)
            b->tokens -= 1;
        else
            wait = bucket_next_slot(b, now, &spread);
    }
    cache_unlock(r->buckets);
    if (wait == 0)
        return 0;
    return wait + (int64_t)clock_random_below(r->clock, spread + 1);
}

static double bucket_rate(const struct bucket *b, int64_t now)
{
    return b->successes * 1000 / fmax((double)(now - b->window_start_ms), WINDOW_MS);
}

/* Ends the window if its time is over. */
static void bucket_measure(struct bucket *b, int64_t now)
{
    if (now - b->window_start_ms < WINDOW_MS)
        return;
    b->measured_rate = bucket_rate(b, now) * SMOOTHING + b->measured_rate * (1 - SMOOTHING);
    b->window_start_ms = now;
    b->successes = 0;
}

static void bucket_set_rate(struct bucket *b, double rate)
{
    b->rate = fmax(rate, SLOWEST_RATE);
    b->tokens = fmin(b->tokens, bucket_capacity(b));
}

static void bucket_cut(struct bucket *b, int64_t now)
{
    if (now - b->throttled_ms < WINDOW_MS)
        return;
    b->throttled_ms = now;
    double passing = fmax(b->measured_rate, bucket_rate(b, now));
    if (b->limited) {
        bucket_fill(b, now);
        passing = fmin(passing, b->rate);
    } else {
        b->limited = true;
        b->tokens = 0;
        b->filled_ms = now;
        b->slot_ms = now;
    }
    b->throttled_rate = passing;
    bucket_set_rate(b, passing * CUT_SHARE);
}

static void bucket_grow(struct bucket *b, int64_t now)
{
    if (!b->limited)
        return;
    double k = cbrt(b->throttled_rate * (1 - CUT_SHARE) / CUBIC_SCALE);
    double seconds = (double)(now - b->throttled_ms) / 1000;
    double grown = CUBIC_SCALE * pow(seconds - k, 3) + b->throttled_rate;
    if (grown > OPEN_SHARE * fmax(b->throttled_rate, SLOWEST_RATE)) {
        b->limited = false;
        return;
    }
    bucket_fill(b, now);
    /* A rate far above what is used would not have been tried on the service. */
    double rate = fmin(grown, 2 * b->measured_rate);
    if (rate > b->rate)
        bucket_set_rate(b, rate);
}

void ratelimit_report(struct ratelimit *r, const char *name, bool throttled)
{
    int64_t now = r->clock->mono_ms(r->clock);
    struct bucket *b = bucket_lock(r, name, now);
    bucket_measure(b, now);
    if (throttled) {
        bucket_cut(b, now);
    } else {
        b->successes += 1;
        bucket_grow(b, now);
    }
    cache_unlock(r->buckets);
}
