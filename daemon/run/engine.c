/* The engine: owns the workers and the runs, and passes work between workers and the main thread.
 *
 * Workers hand over what they have finished through two lists under `lock`, and wake the loop. All
 * other members are accessed by the main thread only, or constant while workers run. */
#include "daemon/run/engine.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/run/run.h"
#include "lib/base/memory.h"
#include "lib/net/http.h"

/* Number of runs in progress at a time. Further ones wait in their queue, where other daemons can
 * get them. */
#define MAX_RUNS 64
/* Kept before the end of a drain for storing progress, in addition to the longest request. */
#define DRAIN_MARGIN_MS 5000

struct engine;
struct work;

/* A worker thread and its own connections. */
struct worker {
    struct engine *engine;
    struct http_client *http;
    pthread_t thread;
};

struct engine {
    /* First. */
    struct run_host host;
    uv_loop_t *loop;
    struct worker *workers;
    size_t worker_count;
    /* Allocated separately, since they are closed after the engine is gone. */
    uv_async_t *wakeup;
    uv_timer_t *stop_timer;

    pthread_mutex_t lock;
    /* For the main thread, under lock; linked by next_ended and next. */
    struct run *ended;
    struct work *done;

    /* Of the main thread only. All runs, linked by next_run. */
    struct run *runs;
    size_t run_count;
    /* Number of engine_work outstanding. */
    size_t work_count;
    bool draining;
};

/* A call of engine_work. */
struct work {
    /* First. */
    struct job job;
    struct engine *engine;
    void (*fn)(void *arg, struct http_client *http);
    void (*done)(void *arg);
    void *arg;
    struct work *next;
};

/* --- workers --- */

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct sched *sched = w->engine->host.sched;
    struct job *job;
    while ((job = sched_next(sched))) {
        struct run_queue *queue = job->queue ? job->queue->run_queue : NULL;
        struct job_answer answer = job->run(job, w->http);
        sched_return(sched, job, queue, answer);
    }
    return NULL;
}

static struct job_answer work_run(struct job *job, struct http_client *http)
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

/* The host's `ended`. */
static void engine_run_ended(struct run *run)
{
    struct engine *e = (struct engine *)run->host;
    pthread_mutex_lock(&e->lock);
    run->next_ended = e->ended;
    e->ended = run;
    pthread_mutex_unlock(&e->lock);
    uv_async_send(e->wakeup);
}

/* --- the main thread --- */

static void engine_link_run(struct engine *e, struct run *run)
{
    run->next_run = e->runs;
    if (e->runs)
        e->runs->previous_run = run;
    e->runs = run;
    e->run_count++;
}

static void engine_unlink_run(struct engine *e, struct run *run)
{
    if (run->previous_run)
        run->previous_run->next_run = run->next_run;
    else
        e->runs = run->next_run;
    if (run->next_run)
        run->next_run->previous_run = run->previous_run;
    e->run_count--;
}

/* Settles the delivery of a run that has ended, after freeing the run. */
static void engine_settle_run(struct engine *e, struct run *run)
{
    struct delivery *delivery = run->delivery;
    enum settle how = run->outcome;
    int64_t delay_ms = run->release_delay_ms;
    char *problem = run->problem;
    run->problem = NULL;
    if (how != SETTLE_DONE)
        run_count(run, COUNT_RUNS_RELEASED, 1);
    engine_unlink_run(e, run);
    run_free(run);
    delivery->settle(delivery, how, delay_ms, how == SETTLE_RELEASE ? problem : NULL);
    free(problem);
}

/* Takes over what the workers have finished. */
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
        engine_settle_run(e, run);
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

bool engine_has_room(const struct engine *e)
{
    return !e->draining && e->run_count < MAX_RUNS;
}

void engine_submit(struct engine *e, struct delivery *d)
{
    struct run *run = run_new(&e->host, d);
    engine_link_run(e, run);
    run->stopping = e->draining;
    sched_wake(e->host.sched, &run->control);
}

void engine_work(struct engine *e, void (*fn)(void *arg, struct http_client *http),
                 void (*done)(void *arg), void *arg)
{
    struct work *work = xmalloc(sizeof *work);
    *work =
        (struct work){.job = {.run = work_run}, .engine = e, .fn = fn, .done = done, .arg = arg};
    e->work_count++;
    sched_wake(e->host.sched, &work->job);
}

bool engine_busy(const struct engine *e)
{
    return e->run_count > 0 || e->work_count > 0;
}

static void engine_stop_runs(struct engine *e)
{
    for (struct run *run = e->runs; run; run = run->next_run) {
        run->stopping = true;
        sched_wake(e->host.sched, &run->control);
    }
}

static void on_stop_time(uv_timer_t *timer)
{
    engine_stop_runs(timer->data);
}

void engine_drain(struct engine *e, int64_t deadline_ms)
{
    const struct env *env = e->host.env;
    int64_t left = deadline_ms - env->clock->mono_ms(env->clock);
    left -= env->http.request_timeout_ms + DRAIN_MARGIN_MS;
    e->draining = true;
    if (left <= 0)
        engine_stop_runs(e);
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

static bool engine_open_handles(struct engine *e, struct err *err)
{
    e->wakeup = xcalloc(1, sizeof *e->wakeup);
    int code = uv_async_init(e->loop, e->wakeup, on_wakeup);
    if (code != 0) {
        free(e->wakeup);
        return err_set(err, ERR_INTERNAL, "", "cannot wake the event loop from a thread: %s",
                       uv_strerror(code));
    }
    e->stop_timer = xcalloc(1, sizeof *e->stop_timer);
    uv_timer_init(e->loop, e->stop_timer);
    e->wakeup->data = e;
    e->stop_timer->data = e;
    return true;
}

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

static void engine_close_handles(struct engine *e)
{
    uv_close((uv_handle_t *)e->wakeup, free_handle);
    uv_close((uv_handle_t *)e->stop_timer, free_handle);
}

static bool engine_start_workers(struct engine *e, struct err *err)
{
    size_t count = (size_t)e->host.env->config->daemon.workers;
    e->workers = xcalloc(count, sizeof *e->workers);
    for (; e->worker_count < count; e->worker_count++) {
        struct worker *w = &e->workers[e->worker_count];
        w->engine = e;
        w->http = http_client_new(&e->host.env->http);
        int code = pthread_create(&w->thread, NULL, worker_main, w);
        if (code == 0)
            continue;
        http_client_free(w->http);
        return err_set(
            err, ERR_INTERNAL, "",
            "only %zu of %zu worker threads could be started (%s): lower [daemon] workers or raise "
            "the limit of threads",
            e->worker_count, count, strerror(code));
    }
    return true;
}

/* Stops and frees the workers that have been started. */
static void engine_stop_workers(struct engine *e)
{
    sched_stop(e->host.sched);
    for (size_t i = 0; i < e->worker_count; i++) {
        pthread_join(e->workers[i].thread, NULL);
        http_client_free(e->workers[i].http);
    }
    free(e->workers);
}

struct engine *engine_new(const struct engine_options *options, struct err *err)
{
    struct engine *e = xcalloc(1, sizeof *e);
    e->host.env = options->env;
    e->host.share_calls = options->share_calls;
    e->host.ended = engine_run_ended;
    e->loop = options->loop;
    if (!engine_open_handles(e, err)) {
        free(e);
        return NULL;
    }
    e->host.sched = sched_new(options->env->clock);
    pthread_mutex_init(&e->lock, NULL);
    if (engine_start_workers(e, err))
        return e;
    engine_free(e);
    return NULL;
}

void engine_free(struct engine *e)
{
    if (!e)
        return;
    engine_stop_workers(e);
    pthread_mutex_destroy(&e->lock);
    engine_close_handles(e);
    sched_free(e->host.sched);
    free(e);
}
