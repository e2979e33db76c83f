/* Corrects the clock by the Date header, as the AWS SDKs do. */
#include "lib/net/skew.h"

#include <stdlib.h>

#define MINUTE_MS INT64_C(60000)
/* Services accept a difference of five minutes, some of fifteen. */
#define NOTICED_MS (4 * MINUTE_MS)
#define MAX_MS     (INT64_C(366) * 24 * 60 * MINUTE_MS)

static int64_t skew_distance(int64_t a, int64_t b)
{
    return a > b ? a - b : b - a;
}

int64_t skew_now(struct skew *s, const struct clock *clock)
{
    return clock->wall_ms(clock) + atomic_load(&s->offset_ms);
}

bool skew_learn(struct skew *s, const struct clock *clock, struct log *log, int64_t signed_ms,
                const struct http_response *response)
{
    const char *date = http_headers_get(&response->headers, "Date");
    int64_t here = clock->wall_ms(clock);
    int64_t known = atomic_load(&s->offset_ms);
    int64_t theirs;
    if (!date || !clock_parse(date, &theirs) || skew_distance(theirs, here) > MAX_MS ||
        skew_distance(theirs, signed_ms) < NOTICED_MS)
        return false;
    /* Another thread may have learned it since the request was signed. */
    if (skew_distance(theirs, here + known) >= MINUTE_MS &&
        atomic_compare_exchange_strong(&s->offset_ms, &known, theirs - here))
        log_warn(log, "Clock of this host is wrong; signing with the service's time",
                 LOG_INT("ahead_s", (here - theirs) / 1000), LOG_STR("service_date", date),
                 LOG_STR("advice", "set the clock right (NTP)"));
    return true;
}
