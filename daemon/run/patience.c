/* How long a failing call is tried again, and when next. */
#include "daemon/run/patience.h"

#include "lib/net/backoff.h"

/* What cannot be had now is not asked for sooner than this. */
#define UNAVAILABLE_PAUSE_MS 1000

_Static_assert(HTTP_ATTEMPTS_MAX < UINT16_MAX, "patience.faults counts up to max_attempts");

enum trouble { TROUBLE_NONE, TROUBLE_FAULT, TROUBLE_THROTTLED, TROUBLE_UNAVAILABLE };

static enum trouble trouble_of(const struct err *err)
{
    switch (err->kind) {
    case ERR_THROTTLED:
        return TROUBLE_THROTTLED;
    case ERR_UNAVAILABLE:
        return TROUBLE_UNAVAILABLE;
    default:
        return TROUBLE_FAULT;
    }
}

static void count_up(uint16_t *counter)
{
    if (*counter < UINT16_MAX)
        ++*counter;
}

/* The pause before the next try. */
static int64_t pause_of(const struct patience *p, const struct clock *clock, const struct err *err)
{
    bool unavailable = p->kind == TROUBLE_UNAVAILABLE;
    const struct backoff *b = unavailable ? &backoff_forever : &backoff_calls;
    int64_t pause = backoff_pause(b, clock, p->row, err);
    return unavailable && pause < UNAVAILABLE_PAUSE_MS ? UNAVAILABLE_PAUSE_MS : pause;
}

bool patience_note(struct patience *p, const struct config *config, const struct clock *clock,
                   const struct err *err, int64_t *again_ms)
{
    enum trouble kind = trouble_of(err);
    int64_t now = clock->mono_ms(clock);
    if (p->kind != kind) {
        p->kind = (uint8_t)kind;
        p->since_ms = now;
        p->row = 0;
    }
    count_up(&p->row);
    if (kind == TROUBLE_FAULT)
        count_up(&p->faults);
    int64_t limit =
        kind == TROUBLE_THROTTLED ? config->http.throttle_patience : config->http.retry_for;
    int64_t left = p->since_ms + limit - now;
    bool lasts = left > 0 && (kind != TROUBLE_FAULT || p->faults < config->http.max_attempts);
    int64_t pause = pause_of(p, clock, err);
    /* The last try is made when the time is over, not some of the pause later; unless the server
     * has said when. */
    if (lasts && pause > left && err->retry_after_ms < left)
        pause = left;
    *again_ms = now + pause;
    return lasts;
}
