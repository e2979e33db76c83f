/* The daemon as a service: start, signals, drain, end. */
#include "daemon/service.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/notify.h"
#include "daemon/version.h"
#include "lib/base/log.h"
#include "lib/net/http_loop.h"

/* While draining, and with --once, it is looked this often whether all is done. */
#define LOOK_MS 50

/* The signals that are sent to daemons; those with a reason, which the log tells, are ignored:
 * their default would end the process at once. */
static const struct {
    int number;
    const char *ignored;
} signals[] = {
    {SIGTERM, NULL},
    {SIGINT, NULL},
    {SIGHUP, "SIGHUP is ignored: restart the daemon to reload the configuration"},
    {SIGUSR1, "SIGUSR1 is ignored: it has no meaning for this daemon"},
    {SIGUSR2, "SIGUSR2 is ignored: it has no meaning for this daemon"},
};
#define SIGNAL_COUNT (sizeof signals / sizeof *signals)

/* How long the end may wait for the log's last lines. */
#define LOG_FLUSH_MS 1000

enum service_state {
    SERVICE_RUNNING,
    SERVICE_DRAINING, /* after the first signal, or when --once found the sources drained */
    SERVICE_STOPPED,  /* nothing is under way; the loop is being left */
};

struct service {
    struct daemon *daemon;
    uv_signal_t signals[SIGNAL_COUNT];
    uv_timer_t look;
    enum service_state state;
    int64_t deadline_ms; /* of the drain, monotonic */
    int status;
};

static int64_t mono(const struct service *s)
{
    return s->daemon->clock->mono_ms(s->daemon->clock);
}

/* --- the end --- */

static bool all_idle(const struct daemon *d)
{
    if (engine_busy(d->engine))
        return false;
    for (size_t i = 0; i < d->source_count; i++)
        if (!d->sources[i]->ops->idle(d->sources[i]))
            return false;
    return true;
}

/* --once: nothing more is to be had from any source, of those that fail not either. */
static bool all_given(const struct daemon *d)
{
    for (size_t i = 0; i < d->source_count; i++) {
        const struct source *source = d->sources[i];
        if (!source->ops->drained(source) && !source->ops->failing(source))
            return false;
    }
    return !engine_busy(d->engine);
}

/* Says which sources fail, and how many they are. */
static size_t name_failing(const struct daemon *d)
{
    size_t count = 0;
    for (size_t i = 0; i < d->source_count; i++) {
        if (!d->sources[i]->ops->failing(d->sources[i]))
            continue;
        log_error(d->log,
                  "Exiting (--once) with this source still failing; its events are left "
                  "in place",
                  LOG_STR("source", d->sources[i]->config->name));
        count++;
    }
    return count;
}

static void leave(struct service *s)
{
    s->state = SERVICE_STOPPED;
    uv_timer_stop(&s->look);
    uv_stop(s->daemon->loop);
}

/* Workers are stuck in requests that outlive the drain timeout. Their runs' claims expire and their
 * messages become visible again. */
static void give_up(const struct service *s)
{
    log_error(s->daemon->log, "Drain timed out; claims on unfinished runs will expire");
    notify_systemd("STATUS=Drain timed out");
    log_flush(s->daemon->log, LOG_FLUSH_MS);
    _exit(1);
}

static void look(uv_timer_t *timer); /* ends what drain begins, and may begin it */

static void drain(struct service *s, int64_t time_ms)
{
    struct daemon *d = s->daemon;
    s->state = SERVICE_DRAINING;
    notify_systemd("STOPPING=1\nSTATUS=Draining");
    for (size_t i = 0; i < d->source_count; i++)
        d->sources[i]->ops->stop(d->sources[i]);
    s->deadline_ms = mono(s) + d->config->daemon.drain_timeout;
    engine_drain(d->engine, mono(s) + time_ms);
    uv_timer_start(&s->look, look, 0, LOOK_MS);
}

/* Ends what --once was asked for, when that is done or can only be waited for in vain. */
static void end_once(struct service *s)
{
    struct daemon *d = s->daemon;
    if (!all_given(d))
        return;
    if (name_failing(d) > 0) {
        s->status = 1;
        drain(s, d->config->daemon.drain_timeout);
    } else if (all_idle(d)) {
        leave(s);
    }
}

static void look(uv_timer_t *timer)
{
    struct service *s = timer->data;
    if (s->state == SERVICE_DRAINING) {
        if (all_idle(s->daemon))
            leave(s);
        else if (mono(s) > s->deadline_ms)
            give_up(s);
    } else if (s->daemon->once) {
        end_once(s);
    }
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct service *s = handle->data;
    struct daemon *d = s->daemon;
    if (s->state == SERVICE_RUNNING) {
        log_info(d->log, "Signal received: draining", LOG_INT("signal", number));
        drain(s, d->config->daemon.drain_timeout);
    } else {
        log_info(d->log, "Second signal received: releasing runs in progress",
                 LOG_INT("signal", number));
        drain(s, 0);
    }
}

static void on_ignored(uv_signal_t *handle, int number)
{
    struct service *s = handle->data;
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        if (signals[i].number == number)
            log_warn(s->daemon->log, signals[i].ignored);
}

/* --- the start --- */

static bool open_engine(struct daemon *d, struct err *err)
{
    struct engine_options options = {.config = d->config,
                                     .clock = d->clock,
                                     .log = d->log,
                                     .aws = d->aws,
                                     .azure = d->azure,
                                     .subscriptions = d->subscriptions,
                                     .own = d->own,
                                     .http = &d->http_options,
                                     .loop = d->loop};
    d->http = http_loop_new(d->loop, &d->http_options);
    if (!d->http)
        return err_set(err, ERR_INTERNAL, "", "out of memory for the HTTP client");
    d->engine = engine_new(&options, err);
    return d->engine != NULL;
}

/* Finds out who the daemon is before the first event asks, on a worker. What is wrong is logged
 * there; the sources say it again, with what they lack because of it. */
static void learn_identity(void *arg, struct http_client *http)
{
    struct aws_self self;
    struct err ignored = ERR_INIT;
    bool known = aws_self(arg, http, &self, &ignored);
    (void)known;
}

static void learned(void *arg)
{
    (void)arg;
}

static bool has_aws_source(const struct config *config)
{
    for (size_t i = 0; i < config->source_count; i++) {
        enum source_type type = config->sources[i].type;
        if (type == SOURCE_SQS || type == SOURCE_S3)
            return true;
    }
    return false;
}

static bool open_sources(struct daemon *d, struct err *err)
{
    d->source_count = 0;
    d->sources = calloc(d->config->source_count + 1, sizeof *d->sources);
    if (!d->sources)
        return err_set(err, ERR_INTERNAL, "", "out of memory for the sources");
    for (size_t i = 0; i < d->config->source_count; i++) {
        d->sources[i] = source_new(d, &d->config->sources[i], err);
        if (!d->sources[i])
            return false;
        d->source_count++;
    }
    if (has_aws_source(d->config))
        engine_work(d->engine, learn_identity, learned, d->aws);
    for (size_t i = 0; i < d->source_count; i++)
        if (!d->sources[i]->ops->start(d->sources[i], err))
            return false;
    return true;
}

static void watch_signals(struct service *s)
{
    uv_loop_t *loop = s->daemon->loop;
    uv_timer_init(loop, &s->look);
    s->look.data = s;
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        uv_signal_init(loop, &s->signals[i]);
        s->signals[i].data = s;
        uv_signal_start(&s->signals[i], signals[i].ignored ? on_ignored : on_signal,
                        signals[i].number);
    }
    if (s->daemon->once)
        uv_timer_start(&s->look, look, LOOK_MS, LOOK_MS);
}

static void say_ready(const struct daemon *d)
{
    log_info(d->log, "Ready", LOG_STR("version", HGAUTOD_VERSION),
             LOG_INT("workers", d->config->daemon.workers), LOG_UINT("sources", d->source_count),
             d->config->guard.dry_run ? LOG_BOOL("dry_run", true) : LOG_STR("dry_run", NULL));
    notify_systemd("READY=1\nSTATUS=Waiting for events");
}

/* --- all of it --- */

static void close_all(struct service *s)
{
    struct daemon *d = s->daemon;
    for (size_t i = 0; i < d->source_count; i++)
        d->sources[i]->ops->free(d->sources[i]);
    free(d->sources);
    d->sources = NULL;
    d->source_count = 0;
    engine_free(d->engine);
    d->engine = NULL;
    if (d->http)
        http_loop_close(d->http);
    d->http = NULL;
    uv_close((uv_handle_t *)&s->look, NULL);
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        uv_close((uv_handle_t *)&s->signals[i], NULL);
    uv_run(d->loop, UV_RUN_DEFAULT);
}

static void say_stopped(const struct daemon *d)
{
    const struct source_counts *c = &d->counts;
    struct engine_counts n;
    engine_get_counts(d->engine, &n);
    log_info(d->log, "Stopped", LOG_UINT("runs", n.runs_finished),
             LOG_UINT("processed", n.processed), LOG_UINT("errored", n.errored),
             LOG_UINT("messages", c->messages), LOG_UINT("deleted", c->deleted),
             LOG_UINT("released", c->released), LOG_UINT("ignored", c->ignored),
             LOG_UINT("test_events", c->test_events), LOG_UINT("unknown", c->unknown),
             LOG_UINT("set_aside", c->set_aside), LOG_UINT("sweeps", c->sweeps),
             LOG_UINT("swept", c->swept));
}

int service_run(struct daemon *d)
{
    struct service s = {.daemon = d};
    struct err err = ERR_INIT;
    uv_loop_t loop;
    if (uv_loop_init(&loop) != 0) {
        log_error(d->log, "Cannot initialize the event loop");
        return 1;
    }
    d->loop = &loop;
    watch_signals(&s);
    if (!log_start_writer(d->log))
        log_warn(d->log, "The log has no thread of its own: the daemon waits for its reader");
    if (open_engine(d, &err) && open_sources(d, &err)) {
        say_ready(d);
        uv_run(&loop, UV_RUN_DEFAULT);
        say_stopped(d);
    } else {
        log_error(d->log, "The daemon could not start", LOG_ERR("error", &err));
        s.status = err.kind == ERR_INVALID ? 2 : 1;
        if (d->engine) {
            drain(&s, 0);
            uv_run(&loop, UV_RUN_DEFAULT);
        }
    }
    close_all(&s);
    uv_loop_close(&loop);
    d->loop = NULL;
    return s.status;
}
