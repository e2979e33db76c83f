/* Waits on behalf of commands. */
#include "daemon/command/waiting.h"

#include <time.h>

#define WAITING_MS 10000
#define PAUSE_MS   100 /* where the failure names none */

struct waiting waiting_begin(const struct clock *clock)
{
    return (struct waiting){.clock = clock, .until_ms = clock->mono_ms(clock) + WAITING_MS};
}

bool waiting_pause(const struct waiting *p, const struct err *err)
{
    int64_t pause_ms = err->retry_after_ms > 0 ? err->retry_after_ms : PAUSE_MS;
    bool passes = err->kind == ERR_UNAVAILABLE || err->kind == ERR_BUSY;
    if (!passes || p->clock->mono_ms(p->clock) + pause_ms > p->until_ms)
        return false;
    struct timespec pause = {.tv_sec = pause_ms / 1000, .tv_nsec = pause_ms % 1000 * 1000000};
    nanosleep(&pause, NULL); /* a signal ends it early: no matter */
    return true;
}
