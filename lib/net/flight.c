/* One fetch at a time, and failures remembered. */
#include "lib/net/flight.h"

#include <stdlib.h>

#define AHEAD_MS     (INT64_C(5) * 60 * 1000) /* how long before its end a thing is refreshed */
#define PAUSE_MIN_MS 5000                     /* how long a failure is remembered, at first */
#define PAUSE_MAX_MS 60000
#define ASKED_MAX_MS 300000 /* the longest pause that a service is granted */
#define BUSY_MS      100 /* when to ask again while another fetches: this and up to as much more */
#define AGAIN_MS     60000 /* what was fetched anew for a refusal is not so again within this */

void flight_free(struct flight *f)
{
    free(f->failure);
    *f = (struct flight){0};
}

bool flight_take(struct flight *f, const struct clock *clock, const char *what, struct err *err)
{
    int64_t now = clock->mono_ms(clock);
    if (f->busy) {
        err_set(err, ERR_BUSY, "", "%s being fetched by another worker", what);
        err->retry_after_ms = BUSY_MS + (int64_t)clock_random_below(clock, BUSY_MS);
        return false;
    }
    if (f->failure && now < f->retry_at_ms) {
        *err = *f->failure;
        if (err_is_retryable(err))
            err->retry_after_ms = f->retry_at_ms - now;
        return false;
    }
    f->busy = true;
    return true;
}

static int64_t next_pause(int64_t last)
{
    if (last == 0)
        return PAUSE_MIN_MS;
    return last * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : last * 2;
}

/* How long nobody tries again: what the service, or the failed flight that this one needed, asks
 * for; else longer each time. */
static int64_t choose_pause(struct flight *f, const struct err *err)
{
    if (err_is_retryable(err) && err->retry_after_ms > 0)
        return err->retry_after_ms < ASKED_MAX_MS ? err->retry_after_ms : ASKED_MAX_MS;
    f->pause_ms = next_pause(f->pause_ms);
    return f->pause_ms;
}

void flight_failed(struct flight *f, const struct clock *clock, struct err *err)
{
    f->busy = false;
    if (err->kind == ERR_BUSY)
        return; /* nothing was tried: what it needs is being fetched */
    int64_t pause_ms = choose_pause(f, err);
    if (err_is_retryable(err)) {
        err->kind = ERR_UNAVAILABLE;
        err->retry_after_ms = pause_ms;
    }
    if (!f->failure)
        f->failure = malloc(sizeof(*f->failure));
    if (f->failure)
        *f->failure = *err;
    f->retry_at_ms = clock->mono_ms(clock) + pause_ms;
}

void flight_landed(struct flight *f)
{
    int64_t refused_at_ms = f->refused_at_ms;
    flight_free(f);
    f->refused_at_ms = refused_at_ms;
}

bool flight_tried(const struct flight *f, const struct clock *clock)
{
    return f->busy || clock->mono_ms(clock) < f->retry_at_ms;
}

bool flight_refused(struct flight *f, const struct clock *clock)
{
    int64_t now = clock->mono_ms(clock);
    if (!f->wanted) {
        if (f->refused_at_ms > 0 && now - f->refused_at_ms < AGAIN_MS)
            return false;
        f->refused_at_ms = now > 0 ? now : 1;
        f->wanted = true;
    }
    return true;
}

int64_t flight_refresh_at(int64_t now_ms, int64_t expires_ms)
{
    int64_t left = expires_ms - now_ms;
    int64_t ahead = left / 10 < AHEAD_MS ? left / 10 : AHEAD_MS;
    return expires_ms == INT64_MAX ? INT64_MAX : expires_ms - ahead;
}
