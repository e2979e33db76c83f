/* The scheduler: control queue, fair flows and lanes, and the heap of parked jobs. */
#include "daemon/run/sched.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

/* How many queued jobs are looked at for a job's company. */
#define LOOKS_MAX 1000

/* Workers that find nothing to do wait on `work`. One of them at most, the timekeeper, waits no
 * longer than until the earliest wake-up in the heap; so an idle daemon wakes nobody, and a wake-up
 * wakes one thread. */
struct sched {
    const struct clock *clock;
    pthread_mutex_t lock;
    pthread_cond_t work;
    pthread_cond_t time; /* the timekeeper's */
    struct queue control;
    struct flow *turn; /* the flow before the one whose turn it is; NULL: none has queued jobs */
    struct job **heap; /* by wake_ms; heap[0] is unused so that heap_at 0 means "not in it" */
    size_t heap_count, heap_room;
    unsigned waiting; /* workers on `work` */
    bool timekeeper;  /* a worker is on `time` */
    bool stopped;
};

/* --- queues --- */

static void queue_add(struct queue *q, struct job *job)
{
    job->next = NULL;
    if (q->tail)
        q->tail->next = job;
    else
        q->head = job;
    q->tail = job;
}

static struct job *queue_take(struct queue *q)
{
    struct job *job = q->head;
    if (!job)
        return NULL;
    q->head = job->next;
    if (!q->head)
        q->tail = NULL;
    job->next = NULL;
    return job;
}

/* --- the heap of parked jobs --- */

static void heap_set(struct sched *s, size_t at, struct job *job)
{
    s->heap[at] = job;
    job->heap_at = (uint32_t)at;
}

static void heap_up(struct sched *s, size_t at)
{
    struct job *job = s->heap[at];
    while (at > 1 && s->heap[at / 2]->wake_ms > job->wake_ms) {
        heap_set(s, at, s->heap[at / 2]);
        at /= 2;
    }
    heap_set(s, at, job);
}

static void heap_down(struct sched *s, size_t at)
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

static bool heap_add(struct sched *s, struct job *job)
{
    if (s->heap_count + 1 >= s->heap_room) {
        size_t room = s->heap_room ? s->heap_room * 2 : 64;
        struct job **heap = realloc(s->heap, room * sizeof *heap);
        if (!heap)
            return false;
        s->heap = heap;
        s->heap_room = room;
    }
    heap_set(s, ++s->heap_count, job);
    heap_up(s, s->heap_count);
    return true;
}

static void heap_remove(struct sched *s, struct job *job)
{
    size_t at = job->heap_at;
    struct job *last = s->heap[s->heap_count--];
    job->heap_at = 0;
    if (last == job)
        return;
    heap_set(s, at, last);
    heap_up(s, at);
    heap_down(s, last->heap_at);
}

/* --- flows and lanes --- */

static void flow_enter(struct sched *s, struct flow *flow)
{
    if (flow->next || flow->held)
        return;
    if (s->turn) {
        flow->next = s->turn->next;
        s->turn->next = flow;
    } else {
        flow->next = flow;
    }
    s->turn = flow;
}

static void lane_enter(struct sched *s, struct lane *lane)
{
    struct flow *flow = lane->flow;
    if (!lane->next) {
        if (flow->turn) {
            lane->next = flow->turn->next;
            flow->turn->next = lane;
        } else {
            lane->next = lane;
        }
        flow->turn = lane;
    }
    flow_enter(s, flow);
}

/* Takes the flow whose turn it is out of the ring. */
static void flow_leave(struct sched *s, struct flow *before)
{
    struct flow *flow = before->next;
    if (flow == before) {
        s->turn = NULL;
    } else {
        before->next = flow->next;
        if (s->turn == flow)
            s->turn = before;
    }
    flow->next = NULL;
}

/* Takes the flow out of the ring of flows, wherever it stands. */
static void flow_remove(struct sched *s, struct flow *flow)
{
    if (!flow->next)
        return;
    struct flow *before = flow;
    while (before->next != flow)
        before = before->next;
    flow_leave(s, before);
}

static struct job *lane_take(struct lane *lane)
{
    struct job *job = queue_take(&lane->begun);
    return job ? job : queue_take(&lane->fresh);
}

/* The next job of a flow, NULL when it has none; the turn passes to its next lane. Lanes found
 * empty (gather leaves such) leave the ring. */
static struct job *flow_take(struct flow *flow)
{
    struct job *job = NULL;
    while (!job && flow->turn) {
        struct lane *before = flow->turn, *lane = before->next;
        job = lane_take(lane);
        if (lane->begun.head || lane->fresh.head) {
            flow->turn = lane;
            continue;
        }
        if (lane == before)
            flow->turn = NULL;
        else
            before->next = lane->next;
        lane->next = NULL;
    }
    return job;
}

static struct job *take(struct sched *s)
{
    struct job *job = queue_take(&s->control);
    while (!job && s->turn) {
        struct flow *before = s->turn, *flow = before->next;
        job = flow_take(flow);
        if (flow->turn)
            s->turn = flow;
        else
            flow_leave(s, before);
    }
    return job;
}

/* Somebody shall look at the queues. */
static void rouse(struct sched *s)
{
    if (s->waiting)
        pthread_cond_signal(&s->work);
    else if (s->timekeeper)
        pthread_cond_signal(&s->time);
}

static void enqueue(struct sched *s, struct job *job, bool begun)
{
    job->state = JOB_QUEUED;
    if (job->lane) {
        queue_add(begun ? &job->lane->begun : &job->lane->fresh, job);
        lane_enter(s, job->lane);
    } else {
        queue_add(&s->control, job);
    }
}

static void move_due(struct sched *s, int64_t now)
{
    while (s->heap_count && s->heap[1]->wake_ms <= now) {
        struct job *job = s->heap[1];
        heap_remove(s, job);
        enqueue(s, job, true);
    }
}

/* Waits for work, or as the timekeeper until the heap's first job is due. */
static void wait_for_work(struct sched *s, int64_t now)
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

/* --- the interface --- */

struct sched *sched_new(const struct clock *clock)
{
    struct sched *s = calloc(1, sizeof *s);
    pthread_condattr_t attr;
    if (!s)
        return NULL;
    if (pthread_condattr_init(&attr) != 0)
        goto fail;
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    s->clock = clock;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->work, NULL);
    pthread_cond_init(&s->time, &attr);
    pthread_condattr_destroy(&attr);
    return s;
fail:
    free(s);
    return NULL;
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

/* Somebody shall look at the queues for this job, unless it is held. */
static void rouse_for(struct sched *s, const struct job *job)
{
    if (!job->lane || !job->lane->flow->held)
        rouse(s);
}

static void wake(struct sched *s, struct job *job)
{
    switch ((enum job_state)job->state) {
    case JOB_PARKED:
        heap_remove(s, job);
        enqueue(s, job, true);
        rouse_for(s, job);
        break;
    case JOB_OUT:
        if (job->lane && job->lane->flow->closed)
            break;
        enqueue(s, job, false);
        rouse_for(s, job);
        break;
    case JOB_RUNNING:
        job->state = JOB_WOKEN;
        break;
    case JOB_QUEUED:
    case JOB_WOKEN:
        break;
    }
}

void sched_wake(struct sched *s, struct job *job)
{
    pthread_mutex_lock(&s->lock);
    wake(s, job);
    pthread_mutex_unlock(&s->lock);
}

void sched_hold(struct sched *s, struct flow *flow)
{
    pthread_mutex_lock(&s->lock);
    flow->held = true;
    flow_remove(s, flow);
    pthread_mutex_unlock(&s->lock);
}

void sched_open(struct sched *s, struct flow *flow)
{
    pthread_mutex_lock(&s->lock);
    flow->held = false;
    if (flow->turn) {
        flow_enter(s, flow);
        rouse(s);
    }
    pthread_mutex_unlock(&s->lock);
}

static void start(struct job *job)
{
    job->state = JOB_RUNNING;
    if (job->lane)
        job->lane->flow->running++;
}

/* Takes what stands behind `before` (NULL: the head) out of the queue. */
static struct job *queue_pick(struct queue *q, struct job *before)
{
    if (!before)
        return queue_take(q);
    struct job *job = before->next;
    before->next = job->next;
    if (q->tail == job)
        q->tail = before;
    job->next = NULL;
    return job;
}

/* Gives a job that is being handed out its company: those queued behind it that may go with it. The
 * others keep their order. */
static void gather(struct job *job)
{
    struct lane *lane = job->lane;
    size_t room = lane && lane->most ? lane->most(job) : 1;
    struct queue *const queues[] = {lane ? &lane->begun : NULL, lane ? &lane->fresh : NULL};
    struct job *last = job;
    unsigned looks = LOOKS_MAX;
    for (size_t i = 0; room > 1 && i < 2; i++) {
        struct job *before = NULL, *at = queues[i]->head;
        for (struct job *next; at && room > 1 && looks > 0; at = next, looks--) {
            next = at->next;
            if (lane->alike(job, at)) {
                last->next = queue_pick(queues[i], before);
                last = at;
                start(at);
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
        move_due(s, now);
        job = take(s);
        if (job)
            break;
        wait_for_work(s, now);
    }
    if (job) {
        start(job);
        gather(job);
        /* Whoever leaves with a job hands on the watch: the queues for more work, the heap for the
         * time. */
        if (s->control.head || s->turn || (s->heap_count && !s->timekeeper))
            rouse(s);
    }
    pthread_mutex_unlock(&s->lock);
    return job;
}

/* Puts a job that is not gone where its answer says. */
static void put_back(struct sched *s, struct job *job, const struct flow *flow,
                     struct job_answer answer)
{
    if (flow && flow->closed) {
        job->state = JOB_OUT;
    } else if (job->state == JOB_WOKEN || answer.what == JOB_READY) {
        enqueue(s, job, true); /* this worker's own sched_next takes it, or passes it on */
    } else if (answer.what == JOB_IDLE) {
        job->state = JOB_OUT;
    } else {
        job->wake_ms = answer.at_ms;
        job->state = JOB_PARKED;
        /* Without memory for the heap it cannot wait: it goes round instead, which costs time, not
         * correctness. */
        if (!heap_add(s, job))
            enqueue(s, job, true);
        else if (s->heap[1] == job && s->timekeeper)
            pthread_cond_signal(&s->time);
    }
}

void sched_back(struct sched *s, struct job *job, struct flow *flow, struct job_answer answer)
{
    struct job *company = flow ? job->next : NULL;
    pthread_mutex_lock(&s->lock);
    if (answer.what != JOB_GONE)
        put_back(s, job, flow, answer);
    for (struct job *next; company; company = next) {
        next = company->next;
        flow->running--;
        if (company->answer != JOB_GONE)
            put_back(s, company, flow,
                     (struct job_answer){(enum job_when)company->answer, company->wake_ms});
    }
    if (flow && --flow->running == 0 && flow->watcher)
        wake(s, flow->watcher);
    pthread_mutex_unlock(&s->lock);
}

/* Takes the jobs of a flow out of the heap. */
static void heap_drop(struct sched *s, const struct flow *flow)
{
    size_t kept = 0;
    for (size_t i = 1; i <= s->heap_count; i++) {
        struct job *job = s->heap[i];
        if (job->lane && job->lane->flow == flow) {
            job->heap_at = 0;
            job->state = JOB_OUT;
        } else {
            heap_set(s, ++kept, job);
        }
    }
    s->heap_count = kept;
    for (size_t i = kept / 2; i >= 1; i--)
        heap_down(s, i);
}

bool sched_close(struct sched *s, struct flow *flow, struct job *watcher)
{
    pthread_mutex_lock(&s->lock);
    if (!flow->closed) {
        flow->closed = true;
        flow_remove(s, flow);
        heap_drop(s, flow);
    }
    bool quiet = flow->running == 0;
    flow->watcher = quiet ? NULL : watcher;
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
