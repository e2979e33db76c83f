/* Decides how long a failing call is retried, and when next. */
#include "daemon/run/patience.h"

#include "lib/net/backoff.h"

/* The minimum pause before something unavailable is requested again. */
#define UNAVAILABLE_PAUSE_MS 1000

_Static_assert(HTTP_ATTEMPTS_MAX < UINT16_MAX, "patience.faults counts up to max_attempts");

enum failure { FAILURE_NONE, FAILURE_FAULT, FAILURE_THROTTLED, FAILURE_UNAVAILABLE };

static enum failure failure_of(const struct err *err)
{
    switch (err->kind) {
    case ERR_THROTTLED:
        return FAILURE_THROTTLED;
    case ERR_UNAVAILABLE:
        return FAILURE_UNAVAILABLE;
    default:
        return FAILURE_FAULT;
    }
}

static void increment(uint16_t *counter)
{
    if (*counter < UINT16_MAX)
        ++*counter;
}

static int64_t patience_pause_ms(const struct patience *p, const struct clock *clock,
                                 const struct err *err)
{
    bool unavailable = p->kind == FAILURE_UNAVAILABLE;
    const struct backoff *b = unavailable ? &backoff_forever : &backoff_calls;
    int64_t pause = backoff_pause(b, clock, p->consecutive, err);
    return unavailable && pause < UNAVAILABLE_PAUSE_MS ? UNAVAILABLE_PAUSE_MS : pause;
}

bool patience_note(struct patience *p, const struct config *config, const struct clock *clock,
                   const struct err *err, int64_t *again_ms)
{
    enum failure kind = failure_of(err);
    int64_t now = clock->mono_ms(clock);
    if (p->kind != kind) {
        p->kind = (uint8_t)kind;
        p->since_ms = now;
        p->consecutive = 0;
    }
    increment(&p->consecutive);
    if (kind == FAILURE_FAULT)
        increment(&p->faults);
    int64_t limit =
        kind == FAILURE_THROTTLED ? config->http.throttle_patience : config->http.retry_for;
    int64_t left = p->since_ms + limit - now;
    bool lasts = left > 0 && (kind != FAILURE_FAULT || p->faults < config->http.max_attempts);
    int64_t pause = patience_pause_ms(p, clock, err);
    /* The last attempt is made when the time is over and not up to a pause later, unless the server
     * has set the time. */
    if (lasts && pause > left && err->retry_after_ms < left)
        pause = left;
    *again_ms = now + pause;
    return lasts;
}
