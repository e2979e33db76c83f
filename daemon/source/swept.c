/* The source of a bucket or container without a queue, or of a directory: it only sweeps.
 *
 * In a directory, writers may write in place. An event is taken when it is found unchanged
 * twice, SWEPT_RECHECK_MS apart: writers that rename a complete file into place are safe at any
 * pace, and one that writes in place must not pause for longer than that. */
#include <stdlib.h>

#include "daemon/env.h"
#include "daemon/source/sweep.h"
#include "lib/base/container.h"
#include "lib/base/memory.h"

#define SWEPT_RECHECK_MS 200

struct swept_source {
    struct source base;
    struct sweep *sweep;
};

static struct sweep *swept_sweep(const struct source *base)
{
    return container_of(base, const struct swept_source, base)->sweep;
}

static void swept_start(struct source *base)
{
    sweep_start(swept_sweep(base));
}

static void swept_stop(struct source *base)
{
    sweep_stop(swept_sweep(base));
}

static bool swept_idle(const struct source *base)
{
    return sweep_idle(swept_sweep(base));
}

static bool swept_drained(const struct source *base)
{
    return sweep_drained(swept_sweep(base));
}

static bool swept_failing(const struct source *base)
{
    return sweep_failing(swept_sweep(base));
}

static void swept_free(struct source *base)
{
    struct swept_source *s = container_of(base, struct swept_source, base);
    sweep_free(s->sweep);
    base->store->ops->free(base->store);
    free(s);
}

static const struct source_ops swept_ops = {
    .start = swept_start,
    .stop = swept_stop,
    .idle = swept_idle,
    .drained = swept_drained,
    .failing = swept_failing,
    .free = swept_free,
};

struct source *source_swept_open(const struct source_host *host, const struct config_source *config,
                                 struct store *store, struct err *err)
{
    (void)err;
    struct swept_source *s = xcalloc(1, sizeof *s);
    s->base = (struct source){
        .ops = &swept_ops, .config = config, .store = store, .env = host->env, .host = host};
    bool local = source_facts[config->type].cloud == SOURCE_LOCAL;
    s->sweep =
        sweep_new(&s->base, &(struct sweep_options){.interval_ms = config->sweep_interval,
                                                    .recheck_ms = local ? SWEPT_RECHECK_MS : 0});
    return &s->base;
}
