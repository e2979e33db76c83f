/* The daemon as a service: start, signals, drain, end. Runs on the main thread. */
#include "daemon/service.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/notify.h"
#include "daemon/run/engine.h"
#include "daemon/source/kinds.h"
#include "daemon/version.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/net/http_loop.h"

/* How often it is checked, while draining and with --once, whether the work is done. */
#define CHECK_MS 50
/* How long the exit may wait for the last lines of the log. */
#define LOG_FLUSH_MS 1000

/* The signals that are commonly sent to daemons. Those with a reason are ignored, with the reason
 * in the log: their default would end the process at once. */
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

enum service_state {
    SERVICE_RUNNING,
    /* After the first signal, or when --once found a source that keeps failing. */
    SERVICE_DRAINING,
    /* Nothing is under way; the loop is being left. */
    SERVICE_STOPPED,
};

struct service {
    const struct env *env;
    bool once;
    uv_loop_t loop;
    struct http_loop *http;
    struct engine *engine;
    struct source_host host;
    struct source_counts counts;
    struct source **sources;
    size_t source_count;
    uv_signal_t signals[SIGNAL_COUNT];
    uv_timer_t check;
    enum service_state state;
    /* Of the drain, monotonic. */
    int64_t deadline_ms;
    enum exit_status status;
};

static int64_t service_mono_ms(const struct service *s)
{
    return s->env->clock->mono_ms(s->env->clock);
}

/* --- the end --- */

static bool service_is_idle(const struct service *s)
{
    if (engine_busy(s->engine))
        return false;
    for (size_t i = 0; i < s->source_count; i++)
        if (!s->sources[i]->ops->idle(s->sources[i]))
            return false;
    return true;
}

/* Whether no source has more events, failing sources included; for --once. */
static bool service_has_finished(const struct service *s)
{
    for (size_t i = 0; i < s->source_count; i++) {
        const struct source *source = s->sources[i];
        if (!source->ops->drained(source) && !source->ops->failing(source))
            return false;
    }
    return !engine_busy(s->engine);
}

/* Logs which sources are failing; returns their number. */
static size_t service_log_failing(const struct service *s)
{
    size_t count = 0;
    for (size_t i = 0; i < s->source_count; i++) {
        if (!s->sources[i]->ops->failing(s->sources[i]))
            continue;
        log_error(s->env->log,
                  "Exiting (--once) with this source still failing; its events are left "
                  "in place",
                  LOG_STR("source", s->sources[i]->config->name));
        count++;
    }
    return count;
}

static void service_stop(struct service *s)
{
    s->state = SERVICE_STOPPED;
    uv_timer_stop(&s->check);
    uv_stop(&s->loop);
}

/* Workers are stuck in requests that outlive the drain timeout. The claims of their runs expire and
 * their messages become visible again. */
static _Noreturn void service_abandon(const struct service *s)
{
    log_error(s->env->log, "Drain timed out; claims on unfinished runs will expire");
    notify_systemd("STATUS=Drain timed out");
    log_flush(s->env->log, LOG_FLUSH_MS);
    _exit(EXIT_WORK_FAILED);
}

static void on_check(uv_timer_t *timer);

/* Runs that cannot end within time_ms are released. */
static void service_drain(struct service *s, int64_t time_ms)
{
    s->state = SERVICE_DRAINING;
    notify_systemd("STOPPING=1\nSTATUS=Draining");
    for (size_t i = 0; i < s->source_count; i++)
        s->sources[i]->ops->stop(s->sources[i]);
    s->deadline_ms = service_mono_ms(s) + s->env->config->daemon.drain_timeout;
    engine_drain(s->engine, service_mono_ms(s) + time_ms);
    uv_timer_start(&s->check, on_check, 0, CHECK_MS);
}

/* Ends a --once when its work is done, or when the rest can only be waited for in vain. */
static void service_check_once(struct service *s)
{
    if (!service_has_finished(s))
        return;
    if (service_log_failing(s) > 0) {
        s->status = EXIT_WORK_FAILED;
        service_drain(s, s->env->config->daemon.drain_timeout);
    } else if (service_is_idle(s)) {
        service_stop(s);
    }
}

static void on_check(uv_timer_t *timer)
{
    struct service *s = timer->data;
    if (s->state == SERVICE_DRAINING) {
        if (service_is_idle(s))
            service_stop(s);
        else if (service_mono_ms(s) > s->deadline_ms)
            service_abandon(s);
    } else if (s->once) {
        service_check_once(s);
    }
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct service *s = handle->data;
    if (s->state == SERVICE_RUNNING) {
        log_info(s->env->log, "Signal received: draining", LOG_INT("signal", number));
        service_drain(s, s->env->config->daemon.drain_timeout);
    } else {
        log_info(s->env->log, "Second signal received: releasing runs in progress",
                 LOG_INT("signal", number));
        service_drain(s, 0);
    }
}

static void on_ignored_signal(uv_signal_t *handle, int number)
{
    struct service *s = handle->data;
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        if (signals[i].number == number)
            log_warn(s->env->log, signals[i].ignored);
}

/* --- the start --- */

static bool service_open_engine(struct service *s, struct err *err)
{
    struct engine_options options = {
        .env = s->env, .loop = &s->loop, .share_calls = env_shares_calls()};
    s->http = http_loop_new(&s->loop, &s->env->http);
    s->engine = engine_new(&options, err);
    return s->engine != NULL;
}

/* Determines the daemon's own identity before the first event needs it, on a worker. A failure is
 * logged there; the sources log it too, with its consequences. */
static void fetch_identity(void *aws, struct http_client *http)
{
    struct err ignored = ERR_INIT;
    const struct aws_caller *known = aws_get_caller(aws, http, &ignored);
    (void)known;
}

static void on_identity_fetched(void *aws)
{
    (void)aws;
}

static bool has_aws_source(const struct config *config)
{
    for (size_t i = 0; i < config->source_count; i++)
        if (source_facts[config->sources[i].type].cloud == SOURCE_IN_AWS)
            return true;
    return false;
}

static bool service_open_sources(struct service *s, struct err *err)
{
    const struct config *config = s->env->config;
    s->host = (struct source_host){.env = s->env,
                                   .loop = &s->loop,
                                   .engine = s->engine,
                                   .http = s->http,
                                   .counts = &s->counts,
                                   .once = s->once};
    s->sources = xcalloc(config->source_count, sizeof *s->sources);
    for (size_t i = 0; i < config->source_count; i++) {
        s->sources[i] = source_new(&s->host, &config->sources[i], err);
        if (!s->sources[i])
            return false;
        s->source_count++;
    }
    if (has_aws_source(config))
        engine_work(s->engine, fetch_identity, on_identity_fetched, s->env->aws);
    for (size_t i = 0; i < s->source_count; i++)
        s->sources[i]->ops->start(s->sources[i]);
    return true;
}

static void service_open_handles(struct service *s)
{
    uv_timer_init(&s->loop, &s->check);
    s->check.data = s;
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        uv_signal_init(&s->loop, &s->signals[i]);
        s->signals[i].data = s;
        uv_signal_start(&s->signals[i], signals[i].ignored ? on_ignored_signal : on_signal,
                        signals[i].number);
    }
    if (s->once)
        uv_timer_start(&s->check, on_check, CHECK_MS, CHECK_MS);
}

static void service_log_ready(const struct service *s)
{
    log_info(s->env->log, "Ready", LOG_STR("version", HGAUTOD_VERSION),
             LOG_INT("workers", s->env->config->daemon.workers),
             LOG_UINT("sources", s->source_count),
             s->env->config->guard.dry_run ? LOG_BOOL("dry_run", true) : LOG_STR("dry_run", NULL));
    notify_systemd("READY=1\nSTATUS=Waiting for events");
}

/* --- all of it --- */

static void service_close(struct service *s)
{
    for (size_t i = 0; i < s->source_count; i++)
        s->sources[i]->ops->free(s->sources[i]);
    free(s->sources);
    engine_free(s->engine);
    http_loop_close(s->http);
    uv_close((uv_handle_t *)&s->check, NULL);
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        uv_close((uv_handle_t *)&s->signals[i], NULL);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    uv_loop_close(&s->loop);
}

static void service_log_stopped(const struct service *s)
{
    const struct source_counts *c = &s->counts;
    struct engine_counts n;
    engine_get_counts(s->engine, &n);
    log_info(s->env->log, "Stopped", LOG_UINT("runs", n.runs_finished),
             LOG_UINT("processed", n.processed), LOG_UINT("errored", n.errored),
             LOG_UINT("messages", c->messages), LOG_UINT("deleted", c->deleted),
             LOG_UINT("released", c->released), LOG_UINT("ignored", c->ignored),
             LOG_UINT("test_events", c->test_events), LOG_UINT("unknown", c->unknown),
             LOG_UINT("set_aside", c->set_aside), LOG_UINT("sweeps", c->sweeps),
             LOG_UINT("swept", c->swept));
}

enum exit_status service_run(const struct env *env, bool once)
{
    struct service s = {.env = env, .once = once};
    struct err err = ERR_INIT;
    if (uv_loop_init(&s.loop) != 0) {
        log_error(env->log, "Cannot initialize the event loop");
        return EXIT_WORK_FAILED;
    }
    service_open_handles(&s);
    if (!log_start_writer(env->log))
        log_warn(env->log, "The log has no thread of its own: the daemon waits for its reader");
    if (service_open_engine(&s, &err) && service_open_sources(&s, &err)) {
        service_log_ready(&s);
        uv_run(&s.loop, UV_RUN_DEFAULT);
        service_log_stopped(&s);
    } else {
        log_error(env->log, "The daemon could not start", LOG_ERR("error", &err));
        s.status = err.kind == ERR_INVALID ? EXIT_USAGE : EXIT_WORK_FAILED;
        if (s.engine) {
            service_drain(&s, 0);
            uv_run(&s.loop, UV_RUN_DEFAULT);
        }
    }
    service_close(&s);
    return s.status;
}
