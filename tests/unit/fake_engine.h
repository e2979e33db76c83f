/* An engine that only records what it is given, for tests of sources: the test settles deliveries
 * and decides when the work of workers is done. It replaces daemon/run/engine.c in the test's
 * program.
 * */
#ifndef HGAUTOD_TESTS_FAKE_ENGINE_H
#define HGAUTOD_TESTS_FAKE_ENGINE_H

#include <stdlib.h>
#include <string.h>

#include "daemon/run/engine.h"
#include "daemon/source/source.h"
#include "tests/unit/fake_clock.h"

#define FAKE_MAX 64

struct fake_work {
    void (*fn)(void *arg, struct http_client *http);
    void (*done)(void *arg);
    void *arg;
};

struct engine {
    struct delivery *deliveries[FAKE_MAX]; /* all that were ever submitted and not settled */
    size_t count;
    size_t submitted;
    size_t room; /* deliveries at once */
    struct fake_work work[FAKE_MAX];
    size_t work_count;
};

bool engine_has_room(const struct engine *e)
{
    return e->count < e->room;
}

void engine_submit(struct engine *e, struct delivery *d)
{
    if (e->count == FAKE_MAX)
        abort();
    e->deliveries[e->count++] = d;
    e->submitted++;
}

void engine_work(struct engine *e, void (*fn)(void *arg, struct http_client *http),
                 void (*done)(void *arg), void *arg)
{
    if (e->work_count == FAKE_MAX)
        abort();
    e->work[e->work_count++] = (struct fake_work){fn, done, arg};
}

/* Does the first waiting work on this thread. Returns false if there is none. */
static inline bool fake_do_work(struct engine *e)
{
    if (e->work_count == 0)
        return false;
    struct fake_work w = e->work[0];
    memmove(e->work, e->work + 1, --e->work_count * sizeof w);
    w.fn(w.arg, NULL);
    w.done(w.arg);
    return true;
}

/* Returns the unsettled delivery of a key; NULL if there is none. */
static inline struct delivery *fake_find(const struct engine *e, const char *key)
{
    for (size_t i = 0; i < e->count; i++)
        if (strcmp(e->deliveries[i]->key, key) == 0)
            return e->deliveries[i];
    return NULL;
}

/* Settles the delivery of a key. Returns false if there is none. */
static inline bool fake_settle(struct engine *e, const char *key, enum settle how, int64_t delay_ms)
{
    for (size_t i = 0; i < e->count; i++) {
        struct delivery *d = e->deliveries[i];
        if (strcmp(d->key, key) != 0)
            continue;
        e->deliveries[i] = e->deliveries[--e->count];
        d->settle(d, how, delay_ms, NULL);
        return true;
    }
    return false;
}

/* Runs the loop and the workers until nothing is left to do now. */
static inline void fake_settle_down(const struct source_host *host)
{
    for (int quiet = 0; quiet < 3; quiet++) {
        uv_update_time(host->loop);
        uv_run(host->loop, UV_RUN_NOWAIT);
        while (fake_do_work(host->engine))
            quiet = 0;
    }
}

#endif
