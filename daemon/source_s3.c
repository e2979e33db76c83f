/* The source behind a bucket without a queue: it only sweeps. */
#include <stdlib.h>

#include "daemon/daemon.h"
#include "daemon/sweep.h"
#include "lib/aws/s3.h"

#define DEFAULT_INTERVAL_MS 60000

struct s3_source {
    struct source base; /* first */
    struct sweep *sweep;
};

static struct sweep *sweep_of(const struct source *base)
{
    return ((const struct s3_source *)base)->sweep;
}

static bool s3_start(struct source *base, struct err *err)
{
    (void)err;
    base->started = true;
    sweep_start(sweep_of(base));
    return true;
}

static void s3_stop(struct source *base)
{
    sweep_stop(sweep_of(base));
}

static bool s3_idle(const struct source *base)
{
    return sweep_idle(sweep_of(base));
}

static bool s3_drained(const struct source *base)
{
    return sweep_drained(sweep_of(base));
}

static void s3_free(struct source *base)
{
    sweep_free(sweep_of(base));
    base->store->ops->free(base->store);
    free(base);
}

/* Deliveries name the sweep's face, so nothing is settled here. */
static const struct source_ops s3_ops = {
    .start = s3_start,
    .stop = s3_stop,
    .idle = s3_idle,
    .drained = s3_drained,
    .free = s3_free,
};

struct source *source_s3_new(struct daemon *daemon, const struct config_source *config,
                             struct err *err)
{
    if (!config->bucket || !s3_bucket_valid(config->bucket)) {
        err_set(err, ERR_INVALID, "", "source \"%s\": bucket %s", config->name,
                config->bucket ? "is no bucket name" : "is missing");
        return NULL;
    }
    struct s3_source *s = calloc(1, sizeof *s);
    if (!s)
        goto no_source;
    s->base = (struct source){.ops = &s3_ops, .config = config, .daemon = daemon};
    s->base.store = store_s3_new(daemon->aws, config->bucket, config->region);
    if (!s->base.store)
        goto no_store;
    struct sweep_options options = {
        .interval_ms = config->sweep_interval > 0 ? config->sweep_interval : DEFAULT_INTERVAL_MS};
    s->sweep = sweep_new(&s->base, &options);
    if (!s->sweep)
        goto no_sweep;
    return &s->base;

no_sweep:
    s->base.store->ops->free(s->base.store);
no_store:
    free(s);
no_source:
    err_set(err, ERR_INTERNAL, "", "out of memory");
    return NULL;
}
