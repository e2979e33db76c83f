/* The engine: workers, and the border between them and the main thread. */
#include "daemon/run/engine.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/run/run.h"
#include "lib/net/http.h"

/* Runs under way at a time. More wait in their queue, where other daemons can have them. */
#define MAX_RUNS 64
/* Before the end of a drain, besides the longest request, this is kept for storing progress. */
#define DRAIN_MARGIN_MS 5000

struct engine;

/* A worker thread and its own connections. */
struct worker {
    struct engine *engine;
    struct http_client *http;
    pthread_t thread;
};

struct engine {
    struct run_host host; /* first */
    uv_loop_t *loop;
    struct worker *workers;
    size_t worker_count;

    uv_async_t *wakeup;     /* an allocation of its own: it is closed after the engine is gone */
    uv_timer_t *stop_timer; /* likewise */
    pthread_mutex_t lock;
    struct run *ended; /* for the main thread, linked by next_ended; under lock */
    struct work *done; /* likewise */

    /* The main thread's own. */
    struct run *runs; /* all, linked by next_run */
    size_t run_count;
    size_t work_count; /* engine_work outstanding */
    bool draining;
};

/* A piece of work for engine_work. */
struct work {
    struct job job; /* first */
    struct engine *engine;
    void (*fn)(void *arg, struct http_client *http);
    void (*done)(void *arg);
    void *arg;
    struct work *next;
};

/* --- workers --- */

static void *work_on(void *arg)
{
    struct worker *w = arg;
    struct sched *sched = w->engine->host.sched;
    struct job *job;
    while ((job = sched_next(sched))) {
        struct flow *flow = job->lane ? job->lane->flow : NULL;
        struct job_answer answer = job->run(job, w->http);
        sched_back(sched, job, flow, answer);
    }
    return NULL;
}

/* --- to the main thread --- */

static struct job_answer do_work(struct job *job, struct http_client *http)
{
    struct work *work = (struct work *)job;
    struct engine *e = work->engine;
    work->fn(work->arg, http);
    pthread_mutex_lock(&e->lock);
    work->next = e->done;
    e->done = work;
    pthread_mutex_unlock(&e->lock);
    uv_async_send(e->wakeup);
    return job_gone();
}

/* The run_host's. */
static void run_ended(struct run *run)
{
    struct engine *e = (struct engine *)run->host;
    pthread_mutex_lock(&e->lock);
    run->next_ended = e->ended;
    e->ended = run;
    pthread_mutex_unlock(&e->lock);
    uv_async_send(e->wakeup);
}

static void unlink_run(struct engine *e, struct run *run)
{
    if (run->previous_run)
        run->previous_run->next_run = run->next_run;
    else
        e->runs = run->next_run;
    if (run->next_run)
        run->next_run->previous_run = run->previous_run;
    e->run_count--;
}

static void settle_run(struct engine *e, struct run *run)
{
    struct delivery *delivery = run->delivery;
    enum settle how = run->outcome;
    int64_t delay_ms = run->release_delay_ms;
    char *problem = run->problem;
    run->problem = NULL;
    if (how != SETTLE_DONE)
        run_count(run, COUNT_RUNS_RELEASED, 1);
    unlink_run(e, run);
    run_free(run);
    delivery->settle(delivery, how, delay_ms, how == SETTLE_RELEASE ? problem : NULL);
    free(problem);
}

/* On the main thread: what the workers have finished. */
static void on_wakeup(uv_async_t *handle)
{
    struct engine *e = handle->data;
    pthread_mutex_lock(&e->lock);
    struct run *run = e->ended;
    struct work *work = e->done;
    e->ended = NULL;
    e->done = NULL;
    pthread_mutex_unlock(&e->lock);
    while (run) {
        struct run *next = run->next_ended;
        settle_run(e, run);
        run = next;
    }
    while (work) {
        struct work *next = work->next;
        void (*done)(void *) = work->done;
        void *arg = work->arg;
        free(work);
        e->work_count--;
        done(arg);
        work = next;
    }
}

/* --- the interface for the main thread --- */

bool engine_has_room(const struct engine *e)
{
    return !e->draining && e->run_count < MAX_RUNS;
}

static void add_run(struct engine *e, struct run *run)
{
    run->next_run = e->runs;
    if (e->runs)
        e->runs->previous_run = run;
    e->runs = run;
    e->run_count++;
}

void engine_submit(struct engine *e, struct delivery *d)
{
    struct run *run = run_new(&e->host, d);
    if (!run)
        abort(); /* a few hundred bytes: the system has no memory at all; the queue keeps the
                    message */
    add_run(e, run);
    run->stopping = e->draining;
    sched_wake(e->host.sched, &run->control);
}

void engine_work(struct engine *e, void (*fn)(void *arg, struct http_client *http),
                 void (*done)(void *arg), void *arg)
{
    struct work *work = calloc(1, sizeof *work);
    if (!work)
        abort();
    *work = (struct work){.job = {.run = do_work}, .engine = e, .fn = fn, .done = done, .arg = arg};
    e->work_count++;
    sched_wake(e->host.sched, &work->job);
}

bool engine_busy(const struct engine *e)
{
    return e->run_count > 0 || e->work_count > 0;
}

static void stop_runs(struct engine *e)
{
    for (struct run *run = e->runs; run; run = run->next_run) {
        run->stopping = true;
        sched_wake(e->host.sched, &run->control);
    }
}

static void on_stop_time(uv_timer_t *timer)
{
    stop_runs(timer->data);
}

void engine_drain(struct engine *e, int64_t deadline_ms)
{
    const struct clock *clock = e->host.env->clock;
    int64_t left = deadline_ms - clock->mono_ms(clock);
    left -= e->host.env->http.request_timeout_ms + DRAIN_MARGIN_MS;
    e->draining = true;
    if (left <= 0)
        stop_runs(e);
    else
        uv_timer_start(e->stop_timer, on_stop_time, (uint64_t)left, 0);
}

void engine_get_counts(const struct engine *e, struct engine_counts *to)
{
    *to = (struct engine_counts){
        .runs_started = e->host.counts[COUNT_RUNS_STARTED],
        .runs_finished = e->host.counts[COUNT_RUNS_FINISHED],
        .runs_released = e->host.counts[COUNT_RUNS_RELEASED],
        .processed = e->host.counts[COUNT_PROCESSED],
        .errored = e->host.counts[COUNT_ERRORED],
        .critical = e->host.counts[COUNT_CRITICAL],
        .retries = e->host.counts[COUNT_RETRIES],
    };
}

/* --- making and freeing --- */

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

static bool open_handles(struct engine *e)
{
    e->wakeup = calloc(1, sizeof *e->wakeup);
    e->stop_timer = calloc(1, sizeof *e->stop_timer);
    if (!e->wakeup || !e->stop_timer || uv_async_init(e->loop, e->wakeup, on_wakeup) != 0) {
        free(e->wakeup);
        free(e->stop_timer);
        return false;
    }
    uv_timer_init(e->loop, e->stop_timer);
    e->wakeup->data = e;
    e->stop_timer->data = e;
    return true;
}

static void close_handles(struct engine *e)
{
    uv_close((uv_handle_t *)e->wakeup, free_handle);
    uv_close((uv_handle_t *)e->stop_timer, free_handle);
}

/* Stops and frees the workers, however many have been started. */
static void stop_workers(struct engine *e)
{
    sched_stop(e->host.sched);
    for (size_t i = 0; i < e->worker_count; i++) {
        pthread_join(e->workers[i].thread, NULL);
        http_client_free(e->workers[i].http);
    }
    free(e->workers);
}

static bool start_worker(struct engine *e, struct worker *w, struct err *err)
{
    w->engine = e;
    w->http = http_client_new(&e->host.env->http);
    if (!w->http)
        return err_set(err, ERR_INTERNAL, "", "out of memory for the workers");
    int code = pthread_create(&w->thread, NULL, work_on, w);
    if (code == 0)
        return true;
    http_client_free(w->http);
    return err_set(err, ERR_INTERNAL, "",
                   "only %zu of %" PRId64 " worker threads could be started (%s): lower [daemon] "
                   "workers or raise the limit of threads",
                   e->worker_count, e->host.env->config->daemon.workers, strerror(code));
}

static bool start_workers(struct engine *e, struct err *err)
{
    size_t count = (size_t)e->host.env->config->daemon.workers;
    e->workers = calloc(count, sizeof *e->workers);
    if (!e->workers)
        return err_set(err, ERR_INTERNAL, "", "out of memory for the workers");
    for (; e->worker_count < count; e->worker_count++)
        if (!start_worker(e, &e->workers[e->worker_count], err))
            return false;
    return true;
}

struct engine *engine_new(const struct engine_options *options, struct err *err)
{
    struct engine *e = calloc(1, sizeof *e);
    if (!e)
        goto no_memory;
    e->host.env = options->env;
    e->host.share_calls = options->share_calls;
    e->host.ended = run_ended;
    e->loop = options->loop;
    e->host.sched = sched_new(options->env->clock);
    if (!e->host.sched)
        goto no_sched;
    if (!open_handles(e))
        goto no_handles;
    pthread_mutex_init(&e->lock, NULL);
    if (!start_workers(e, err))
        goto no_workers;
    return e;
no_workers:
    stop_workers(e);
    pthread_mutex_destroy(&e->lock);
    close_handles(e);
    sched_free(e->host.sched);
    free(e);
    return NULL;
no_handles:
    sched_free(e->host.sched);
no_sched:
    free(e);
no_memory:
    err_set(err, ERR_INTERNAL, "", "out of memory for the engine");
    return NULL;
}

void engine_free(struct engine *e)
{
    if (!e)
        return;
    stop_workers(e);
    pthread_mutex_destroy(&e->lock);
    close_handles(e);
    sched_free(e->host.sched);
    free(e);
}
