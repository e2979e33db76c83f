/* The source behind a bucket or a container without a queue: it only sweeps. */
#include <stdlib.h>

#include "daemon/env.h"
#include "daemon/source/kinds.h"
#include "daemon/source/sweep.h"

#define DEFAULT_INTERVAL_MS 60000

struct swept_source {
    struct source base; /* first */
    struct sweep *sweep;
};

static struct sweep *sweep_of(const struct source *base)
{
    return ((const struct swept_source *)base)->sweep;
}

static bool swept_start(struct source *base, struct err *err)
{
    (void)err;
    sweep_start(sweep_of(base));
    return true;
}

static void swept_stop(struct source *base)
{
    sweep_stop(sweep_of(base));
}

static bool swept_idle(const struct source *base)
{
    return sweep_idle(sweep_of(base));
}

static bool swept_drained(const struct source *base)
{
    return sweep_drained(sweep_of(base));
}

static bool swept_failing(const struct source *base)
{
    return sweep_failing(sweep_of(base));
}

static void swept_free(struct source *base)
{
    sweep_free(sweep_of(base));
    base->store->ops->free(base->store);
    free(base);
}

static const struct source_ops swept_ops = {
    .start = swept_start,
    .stop = swept_stop,
    .idle = swept_idle,
    .drained = swept_drained,
    .failing = swept_failing,
    .free = swept_free,
};

struct source *source_swept_new(const struct source_host *host, const struct config_source *config,
                                struct err *err)
{
    struct store *store = store_of_source(host->env, config, err);
    if (!store)
        return NULL;
    struct swept_source *s = calloc(1, sizeof *s);
    if (!s)
        goto no_source;
    s->base = (struct source){
        .ops = &swept_ops, .config = config, .store = store, .env = host->env, .host = host};
    struct sweep_options options = {
        .interval_ms = config->sweep_interval > 0 ? config->sweep_interval : DEFAULT_INTERVAL_MS};
    s->sweep = sweep_new(&s->base, &options);
    if (!s->sweep)
        goto no_sweep;
    return &s->base;

no_sweep:
    free(s);
no_source:
    store->ops->free(store);
    err_set(err, ERR_INTERNAL, "", "out of memory");
    return NULL;
}
