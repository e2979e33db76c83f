/* The source behind a directory: it sweeps when something below has changed, and now and then
 * without being told.
 *
 * An event is taken when it looks the same twice, LOOK_MS apart. Writers that rename a complete
 * file into place are safe whatever the pace; one that writes in place must not pause for longer
 * than that. */
#include <stdlib.h>

#include "daemon/env.h"
#include "daemon/source/sweep.h"
#include "daemon/source/watch.h"

#define DEFAULT_INTERVAL_MS 60000
#define LOOK_MS             200

struct dir_source {
    struct source base; /* first */
    struct sweep *sweep;
    struct watch *watch;
};

static void on_changed(void *ctx)
{
    struct dir_source *s = ctx;
    sweep_now(s->sweep);
}

static bool dir_start(struct source *base, struct err *err)
{
    (void)err;
    struct dir_source *s = (struct dir_source *)base;
    watch_start(s->watch);
    sweep_start(s->sweep);
    return true;
}

static void dir_stop(struct source *base)
{
    struct dir_source *s = (struct dir_source *)base;
    watch_stop(s->watch);
    sweep_stop(s->sweep);
}

static bool dir_idle(const struct source *base)
{
    const struct dir_source *s = (const struct dir_source *)base;
    return sweep_idle(s->sweep) && watch_idle(s->watch);
}

static bool dir_drained(const struct source *base)
{
    const struct dir_source *s = (const struct dir_source *)base;
    return sweep_drained(s->sweep) && watch_quiet(s->watch);
}

static bool dir_failing(const struct source *base)
{
    const struct dir_source *s = (const struct dir_source *)base;
    return sweep_failing(s->sweep);
}

static void dir_source_free(struct source *base)
{
    struct dir_source *s = (struct dir_source *)base;
    watch_free(s->watch);
    sweep_free(s->sweep);
    base->store->ops->free(base->store);
    free(s);
}

static const struct source_ops dir_ops = {
    .start = dir_start,
    .stop = dir_stop,
    .idle = dir_idle,
    .drained = dir_drained,
    .failing = dir_failing,
    .free = dir_source_free,
};

struct source *source_dir_new(const struct source_host *host, const struct config_source *config,
                              struct err *err)
{
    if (!config->path) {
        err_set(err, ERR_INVALID, "", "source \"%s\": path is missing", config->name);
        return NULL;
    }
    struct dir_source *s = calloc(1, sizeof *s);
    if (!s) {
        err_set(err, ERR_INTERNAL, "", "out of memory");
        return NULL;
    }
    s->base = (struct source){.ops = &dir_ops, .config = config, .env = host->env, .host = host};
    s->base.store = store_dir_new(config->path, err);
    if (!s->base.store)
        goto no_store;
    struct sweep_options options = {
        .interval_ms = config->sweep_interval > 0 ? config->sweep_interval : DEFAULT_INTERVAL_MS,
        .look_ms = LOOK_MS};
    s->sweep = sweep_new(&s->base, &options);
    if (!s->sweep)
        goto no_sweep;
    s->watch = watch_new(host, config->name, config->path, on_changed, s);
    if (s->watch)
        return &s->base;
    sweep_free(s->sweep);
no_sweep:
    err_set(err, ERR_INTERNAL, "", "out of memory");
    s->base.store->ops->free(s->base.store);
no_store:
    free(s);
    return NULL;
}
