/* Writes the lines of the log on a thread of its own. */
#include "lib/base/log_writer.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/memory.h"

#define NOTICE_MAX 4096

struct log_writer {
    int fd;
    log_dropped_fn report_dropped;
    void *ctx;
    pthread_t thread;
    pthread_mutex_t lock;
    /* There is something to do, and there is nothing left to do. */
    pthread_cond_t wake, idle;

    /* Under the lock: */
    struct buf queue;
    /* Lines, since the thread last took the queue. */
    uint64_t dropped;
    /* The thread has taken lines that are not written yet. */
    bool writing;
    bool ended;
};

void log_write_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, bytes, n);
        if (done < 0 && errno == EINTR)
            continue;
        /* Another process that shares the pipe may have made it non-blocking. */
        if (done < 0 && errno == EAGAIN) {
            struct pollfd room = {.fd = fd, .events = POLLOUT};
            poll(&room, 1, -1);
            continue;
        }
        if (done <= 0)
            return;
        bytes += done;
        n -= (size_t)done;
    }
}

static bool log_writer_has_work(const struct log_writer *w)
{
    return w->queue.size > 0 || w->dropped > 0;
}

/* Writes what was taken from the queue, without the lock. */
static void log_writer_write(const struct log_writer *w, const struct buf *taken, uint64_t dropped)
{
    struct buf notice = buf_make(NOTICE_MAX);
    log_write_all(w->fd, buf_str(taken), taken->size);
    if (dropped > 0) {
        w->report_dropped(w->ctx, dropped, &notice);
        log_write_all(w->fd, buf_str(&notice), notice.size);
    }
    buf_free(&notice);
}

static void *log_writer_run(void *arg)
{
    struct log_writer *w = arg;
    pthread_mutex_lock(&w->lock);
    while (log_writer_has_work(w) || !w->ended) {
        if (!log_writer_has_work(w)) {
            pthread_cond_wait(&w->wake, &w->lock);
            continue;
        }
        struct buf taken = w->queue;
        uint64_t dropped = w->dropped;
        w->queue = buf_make(taken.max);
        w->dropped = 0;
        w->writing = true;
        pthread_mutex_unlock(&w->lock);
        log_writer_write(w, &taken, dropped);
        buf_free(&taken);
        pthread_mutex_lock(&w->lock);
        w->writing = false;
        pthread_cond_broadcast(&w->idle);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* Signals are left to other threads: this one may be stuck in a write for ever. */
static bool log_writer_start(struct log_writer *w)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool ok = pthread_create(&w->thread, NULL, log_writer_run, w) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok;
}

static void log_writer_release(struct log_writer *w)
{
    pthread_cond_destroy(&w->idle);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    buf_free(&w->queue);
    free(w);
}

struct log_writer *log_writer_new(int fd, size_t queue_max, log_dropped_fn report_dropped,
                                  void *ctx)
{
    struct log_writer *w = xmalloc(sizeof *w);
    pthread_condattr_t monotonic;
    *w = (struct log_writer){
        .fd = fd, .report_dropped = report_dropped, .ctx = ctx, .queue = buf_make(queue_max)};
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->wake, NULL);
    pthread_cond_init(&w->idle, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (log_writer_start(w))
        return w;
    log_writer_release(w);
    return NULL;
}

void log_writer_put(struct log_writer *w, const char *line, size_t n)
{
    pthread_mutex_lock(&w->lock);
    /* After a dropped line, those that follow are dropped too until the thread takes the queue, so
     * that the count is reported where they are missing. */
    if (w->dropped > 0 || n > w->queue.max - w->queue.size || !buf_add(&w->queue, line, n))
        w->dropped++;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
}

bool log_writer_flush(struct log_writer *w, int64_t wait_ms)
{
    struct timespec until;
    int status = 0;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += wait_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&w->lock);
    while (status == 0 && (log_writer_has_work(w) || w->writing))
        status = pthread_cond_timedwait(&w->idle, &w->lock, &until);
    bool done = !log_writer_has_work(w) && !w->writing;
    pthread_mutex_unlock(&w->lock);
    return done;
}

bool log_writer_free(struct log_writer *w, int64_t wait_ms)
{
    if (!w)
        return true;
    bool done = log_writer_flush(w, wait_ms);
    pthread_mutex_lock(&w->lock);
    w->ended = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    if (!done) {
        pthread_detach(w->thread);
        return false;
    }
    pthread_join(w->thread, NULL);
    log_writer_release(w);
    return true;
}
