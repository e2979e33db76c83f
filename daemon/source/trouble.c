/* Failures that may last, said once. */
#include "daemon/source/trouble.h"

#include <string.h>

#include "lib/net/backoff.h"

#define LASTS_AFTER 5 /* failures in a row; some seconds, as the pauses grow */

int64_t trouble_met(struct trouble *t, const struct trouble_about *about, const char *advice,
                    const struct err *err)
{
    if (err->kind == ERR_BUSY)
        return err->retry_after_ms > 0 ? err->retry_after_ms : 100;
    bool again = t->attempts > 0 && t->kind == err->kind && strcmp(t->code, err->code) == 0;
    if (!again)
        log_error(about->log, about->failed, LOG_STR("source", about->source),
                  LOG_ERR("error", err), LOG_STR("advice", advice));
    t->attempts++;
    t->kind = err->kind;
    memcpy(t->code, err->code, sizeof t->code);
    return backoff_pause(&backoff_forever, about->clock, t->attempts, err);
}

bool trouble_lasts(const struct trouble *t)
{
    return t->attempts >= LASTS_AFTER;
}

void trouble_over(struct trouble *t, const struct trouble_about *about)
{
    if (t->attempts > 0)
        log_info(about->log, about->over, LOG_STR("source", about->source));
    *t = (struct trouble){0};
}
