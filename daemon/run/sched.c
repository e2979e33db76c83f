/* The scheduler: the list of control jobs, the queues of runs and accounts, and the heap of parked
 * jobs. Touches memory only, under its own lock. */
#include "daemon/run/sched.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "lib/base/array.h"
#include "lib/base/memory.h"

/* How many queued jobs are examined for the group of a job. */
#define EXAMINED_MAX 1000

/* Workers without a job wait on `work`. At most one of them, the timekeeper, waits on `time`
 * instead, until the earliest wake-up in the heap. So an idle daemon wakes no thread, and a wake-up
 * wakes one. */
struct sched {
    const struct clock *clock;
    pthread_mutex_t lock;
    pthread_cond_t work;
    /* The timekeeper's. */
    pthread_cond_t time;
    struct job_list control;
    /* The run queue that was served last: the next one in the ring follows it. NULL: none has
     * jobs. */
    struct run_queue *last_served;
    /* By wake_ms. heap[0] is unused, so that heap_at 0 means "not in it". */
    struct job **heap;
    size_t heap_count, heap_room;
    /* Number of workers on `work`. */
    unsigned waiting;
    /* Whether a worker is on `time`. */
    bool timekeeper;
    bool stopped;
};

/* --- lists --- */

static void list_append(struct job_list *list, struct job *job)
{
    job->next = NULL;
    if (list->tail)
        list->tail->next = job;
    else
        list->head = job;
    list->tail = job;
}

/* Removes and returns the job after `before` (NULL: the first); NULL if there is none. */
static struct job *list_remove_after(struct job_list *list, struct job *before)
{
    struct job *job = before ? before->next : list->head;
    if (!job)
        return NULL;
    if (before)
        before->next = job->next;
    else
        list->head = job->next;
    if (list->tail == job)
        list->tail = before;
    job->next = NULL;
    return job;
}

/* --- the heap of parked jobs --- */

static void heap_set(struct sched *s, size_t at, struct job *job)
{
    s->heap[at] = job;
    job->heap_at = (uint32_t)at;
}

static void heap_sift_up(struct sched *s, size_t at)
{
    struct job *job = s->heap[at];
    while (at > 1 && s->heap[at / 2]->wake_ms > job->wake_ms) {
        heap_set(s, at, s->heap[at / 2]);
        at /= 2;
    }
    heap_set(s, at, job);
}

static void heap_sift_down(struct sched *s, size_t at)
{
    struct job *job = s->heap[at];
    for (;;) {
        size_t child = at * 2;
        if (child > s->heap_count)
            break;
        if (child < s->heap_count && s->heap[child + 1]->wake_ms < s->heap[child]->wake_ms)
            child++;
        if (s->heap[child]->wake_ms >= job->wake_ms)
            break;
        heap_set(s, at, s->heap[child]);
        at = child;
    }
    heap_set(s, at, job);
}

static void heap_insert(struct sched *s, struct job *job)
{
    s->heap = array_room(s->heap, s->heap_count + 1, &s->heap_room, sizeof *s->heap);
    heap_set(s, ++s->heap_count, job);
    heap_sift_up(s, s->heap_count);
}

static void heap_remove(struct sched *s, struct job *job)
{
    size_t at = job->heap_at;
    struct job *last = s->heap[s->heap_count--];
    job->heap_at = 0;
    if (last == job)
        return;
    heap_set(s, at, last);
    heap_sift_up(s, at);
    heap_sift_down(s, last->heap_at);
}

/* Removes all jobs of a run. */
static void heap_remove_run(struct sched *s, const struct run_queue *queue)
{
    size_t kept = 0;
    for (size_t i = 1; i <= s->heap_count; i++) {
        struct job *job = s->heap[i];
        if (job->queue && job->queue->run_queue == queue) {
            job->heap_at = 0;
            job->state = JOB_OUT;
        } else {
            heap_set(s, ++kept, job);
        }
    }
    s->heap_count = kept;
    for (size_t i = kept / 2; i >= 1; i--)
        heap_sift_down(s, i);
}

/* --- the rings of queues --- */

static void ring_add_run(struct sched *s, struct run_queue *queue)
{
    if (queue->next || queue->paused)
        return;
    if (s->last_served) {
        queue->next = s->last_served->next;
        s->last_served->next = queue;
    } else {
        queue->next = queue;
    }
    s->last_served = queue;
}

static void ring_add_account(struct sched *s, struct account_queue *account)
{
    struct run_queue *queue = account->run_queue;
    if (!account->next) {
        if (queue->last_served) {
            account->next = queue->last_served->next;
            queue->last_served->next = account;
        } else {
            account->next = account;
        }
        queue->last_served = account;
    }
    ring_add_run(s, queue);
}

/* Removes the run queue after `before` from the ring. */
static void ring_remove_run_after(struct sched *s, struct run_queue *before)
{
    struct run_queue *queue = before->next;
    if (queue == before) {
        s->last_served = NULL;
    } else {
        before->next = queue->next;
        if (s->last_served == queue)
            s->last_served = before;
    }
    queue->next = NULL;
}

static void ring_remove_run(struct sched *s, struct run_queue *queue)
{
    if (!queue->next)
        return;
    struct run_queue *before = queue;
    while (before->next != queue)
        before = before->next;
    ring_remove_run_after(s, before);
}

/* Returns the next job of a run; NULL if it has none. Account queues without jobs (groups may have
 * emptied them) leave the ring. */
static struct job *run_queue_take(struct run_queue *queue)
{
    struct job *job = NULL;
    while (!job && queue->last_served) {
        struct account_queue *before = queue->last_served, *account = before->next;
        job = list_remove_after(&account->begun, NULL);
        if (!job)
            job = list_remove_after(&account->fresh, NULL);
        if (account->begun.head || account->fresh.head) {
            queue->last_served = account;
            continue;
        }
        if (account == before)
            queue->last_served = NULL;
        else
            before->next = account->next;
        account->next = NULL;
    }
    return job;
}

static struct job *sched_take(struct sched *s)
{
    struct job *job = list_remove_after(&s->control, NULL);
    while (!job && s->last_served) {
        struct run_queue *before = s->last_served, *queue = before->next;
        job = run_queue_take(queue);
        if (queue->last_served)
            s->last_served = queue;
        else
            ring_remove_run_after(s, before);
    }
    return job;
}

/* --- waking and waiting --- */

static void sched_wake_worker(struct sched *s)
{
    if (s->waiting)
        pthread_cond_signal(&s->work);
    else if (s->timekeeper)
        pthread_cond_signal(&s->time);
}

static void sched_enqueue(struct sched *s, struct job *job, bool begun)
{
    job->state = JOB_QUEUED;
    if (job->queue) {
        list_append(begun ? &job->queue->begun : &job->queue->fresh, job);
        ring_add_account(s, job->queue);
    } else {
        list_append(&s->control, job);
    }
}

static void sched_enqueue_due(struct sched *s, int64_t now)
{
    while (s->heap_count && s->heap[1]->wake_ms <= now) {
        struct job *job = s->heap[1];
        heap_remove(s, job);
        sched_enqueue(s, job, true);
    }
}

/* Waits for work, or as the timekeeper until the first job of the heap is due. */
static void sched_wait(struct sched *s, int64_t now)
{
    if (!s->heap_count || s->timekeeper) {
        s->waiting++;
        pthread_cond_wait(&s->work, &s->lock);
        s->waiting--;
        return;
    }
    int64_t pause = s->heap[1]->wake_ms - now;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += pause / 1000;
    until.tv_nsec += (pause % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    s->timekeeper = true;
    pthread_cond_timedwait(&s->time, &s->lock, &until);
    s->timekeeper = false;
}

static void sched_wake_locked(struct sched *s, struct job *job)
{
    switch ((enum job_state)job->state) {
    case JOB_PARKED:
        heap_remove(s, job);
        sched_enqueue(s, job, true);
        break;
    case JOB_OUT:
        if (job->queue && job->queue->run_queue->closed)
            return;
        sched_enqueue(s, job, false);
        break;
    case JOB_RUNNING:
        job->state = JOB_WOKEN;
        return;
    case JOB_QUEUED:
    case JOB_WOKEN:
        return;
    }
    if (!job->queue || !job->queue->run_queue->paused)
        sched_wake_worker(s);
}

/* --- the interface --- */

struct sched *sched_new(const struct clock *clock)
{
    struct sched *s = xcalloc(1, sizeof *s);
    s->clock = clock;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->work, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->time, &attr);
    pthread_condattr_destroy(&attr);
    return s;
}

void sched_free(struct sched *s)
{
    if (!s)
        return;
    pthread_cond_destroy(&s->time);
    pthread_cond_destroy(&s->work);
    pthread_mutex_destroy(&s->lock);
    free(s->heap);
    free(s);
}

void sched_wake(struct sched *s, struct job *job)
{
    pthread_mutex_lock(&s->lock);
    sched_wake_locked(s, job);
    pthread_mutex_unlock(&s->lock);
}

void sched_pause(struct sched *s, struct run_queue *queue)
{
    pthread_mutex_lock(&s->lock);
    queue->paused = true;
    ring_remove_run(s, queue);
    pthread_mutex_unlock(&s->lock);
}

void sched_resume(struct sched *s, struct run_queue *queue)
{
    pthread_mutex_lock(&s->lock);
    queue->paused = false;
    if (queue->last_served) {
        ring_add_run(s, queue);
        sched_wake_worker(s);
    }
    pthread_mutex_unlock(&s->lock);
}

static void job_set_running(struct job *job)
{
    job->state = JOB_RUNNING;
    if (job->queue)
        job->queue->run_queue->running++;
}

/* Links the queued jobs that may form a group with a job that is being handed out. The others keep
 * their order. */
static void sched_form_group(struct job *job)
{
    struct account_queue *account = job->queue;
    size_t room = account && account->group_limit ? account->group_limit(job) : 1;
    struct job_list *const lists[] = {account ? &account->begun : NULL,
                                      account ? &account->fresh : NULL};
    struct job *last = job;
    unsigned left = EXAMINED_MAX;
    for (size_t i = 0; room > 1 && i < 2; i++) {
        struct job *before = NULL, *at = lists[i]->head;
        for (struct job *next; at && room > 1 && left > 0; at = next, left--) {
            next = at->next;
            if (account->may_join(job, at)) {
                last->next = list_remove_after(lists[i], before);
                last = at;
                job_set_running(at);
                room--;
            } else {
                before = at;
            }
        }
    }
}

struct job *sched_next(struct sched *s)
{
    struct job *job = NULL;
    pthread_mutex_lock(&s->lock);
    while (!s->stopped) {
        int64_t now = s->clock->mono_ms(s->clock);
        sched_enqueue_due(s, now);
        job = sched_take(s);
        if (job)
            break;
        sched_wait(s, now);
    }
    if (job) {
        job_set_running(job);
        sched_form_group(job);
        /* A worker that leaves with a job wakes another one to watch the queues and the heap. */
        if (s->control.head || s->last_served || (s->heap_count && !s->timekeeper))
            sched_wake_worker(s);
    }
    pthread_mutex_unlock(&s->lock);
    return job;
}

/* Queues, parks or sets aside a job by its answer, which is not JOB_GONE. */
static void sched_put_back(struct sched *s, struct job *job, const struct run_queue *queue,
                           struct job_answer answer)
{
    if (queue && queue->closed) {
        job->state = JOB_OUT;
    } else if (job->state == JOB_WOKEN || answer.what == JOB_READY) {
        /* No worker is woken: the sched_next of this one takes it, or wakes another. */
        sched_enqueue(s, job, true);
    } else if (answer.what == JOB_IDLE) {
        job->state = JOB_OUT;
    } else {
        job->wake_ms = answer.at_ms;
        job->state = JOB_PARKED;
        heap_insert(s, job);
        if (s->heap[1] == job && s->timekeeper)
            pthread_cond_signal(&s->time);
    }
}

void sched_return(struct sched *s, struct job *job, struct run_queue *queue,
                  struct job_answer answer)
{
    struct job *member = queue ? job->next : NULL;
    pthread_mutex_lock(&s->lock);
    if (answer.what != JOB_GONE)
        sched_put_back(s, job, queue, answer);
    for (struct job *next; member; member = next) {
        next = member->next;
        queue->running--;
        if (member->answer != JOB_GONE)
            sched_put_back(s, member, queue,
                           (struct job_answer){(enum job_when)member->answer, member->wake_ms});
    }
    if (queue && --queue->running == 0 && queue->watcher)
        sched_wake_locked(s, queue->watcher);
    pthread_mutex_unlock(&s->lock);
}

bool sched_close(struct sched *s, struct run_queue *queue, struct job *watcher)
{
    pthread_mutex_lock(&s->lock);
    if (!queue->closed) {
        queue->closed = true;
        ring_remove_run(s, queue);
        heap_remove_run(s, queue);
    }
    bool quiet = queue->running == 0;
    queue->watcher = quiet ? NULL : watcher;
    pthread_mutex_unlock(&s->lock);
    return quiet;
}

void sched_stop(struct sched *s)
{
    pthread_mutex_lock(&s->lock);
    s->stopped = true;
    pthread_cond_broadcast(&s->work);
    pthread_cond_broadcast(&s->time);
    pthread_mutex_unlock(&s->lock);
}
