/* Ongoing failures, logged once. */
#include "daemon/source/outage.h"

#include <string.h>

#include "lib/net/backoff.h"

/* Failures in a row; takes some seconds, as the pauses grow. */
#define OUTAGE_LASTS_AFTER 5

int64_t outage_failed(struct outage *o, const struct err *err, const char *advice)
{
    if (err->kind == ERR_BUSY)
        return err->retry_after_ms > 0 ? err->retry_after_ms : 100;
    bool same = o->failures > 0 && o->kind == err->kind && strcmp(o->code, err->code) == 0;
    if (!same)
        log_error(o->log, o->began, LOG_STR("source", o->source), LOG_ERR("error", err),
                  LOG_STR("advice", advice));
    o->failures++;
    o->kind = err->kind;
    memcpy(o->code, err->code, sizeof o->code);
    return backoff_pause(&backoff_forever, o->clock, o->failures, err);
}

void outage_ended(struct outage *o)
{
    if (o->failures > 0)
        log_info(o->log, o->ended, LOG_STR("source", o->source));
    o->failures = 0;
}

bool outage_lasts(const struct outage *o)
{
    return o->failures >= OUTAGE_LASTS_AFTER;
}
