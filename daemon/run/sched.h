/* The scheduler: decides which job a worker takes next, and holds the jobs that wait for a time.
 *
 * Control jobs (claims, events, reports, credentials) come before all tasks. The tasks of a run
 * stand in one queue per account, and these in the queue of the run. Runs are served round-robin,
 * and so are the accounts within a run: neither a large run nor a large account keeps others
 * waiting. A job that waits (for a state, a backoff, a throttled account) is parked in a heap
 * ordered by wake-up time and occupies no thread. When its time has come it goes before the jobs of
 * its account that have not begun: what was begun is finished first.
 *
 * A worker gets a job together with compatible jobs of the same account queue, its group, so that
 * they can share a call.
 *
 * All functions except sched_new and sched_free may be called on any thread. There is one lock,
 * held for operations on memory only; it may be taken while the lock of a run is held, never the
 * other way around. A job is owned by the caller; the scheduler keeps a pointer to it from
 * sched_wake until its function has returned JOB_GONE. */
#ifndef HGAUTOD_DAEMON_RUN_SCHED_H
#define HGAUTOD_DAEMON_RUN_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/clock.h"

struct account_queue;
struct http_client;
struct job;
struct run_queue;
struct sched;

/* When a job is to be run again, as its function returns it. */
struct job_answer {
    enum job_when {
        /* At at_ms (monotonic), or on sched_wake if that is earlier. */
        JOB_AGAIN_AT,
        /* At once, after other jobs have had their turn. */
        JOB_READY,
        /* Not before sched_wake. */
        JOB_IDLE,
        /* Never: it is done, and its memory may already be freed. */
        JOB_GONE,
    } what;
    int64_t at_ms;
};

static inline struct job_answer job_again_at(int64_t at_ms)
{
    return (struct job_answer){JOB_AGAIN_AT, at_ms};
}

static inline struct job_answer job_ready(void)
{
    return (struct job_answer){JOB_READY, 0};
}

static inline struct job_answer job_idle(void)
{
    return (struct job_answer){JOB_IDLE, 0};
}

static inline struct job_answer job_gone(void)
{
    return (struct job_answer){JOB_GONE, 0};
}

typedef struct job_answer (*job_fn)(struct job *job, struct http_client *http);

enum job_state {
    /* Not in the scheduler, or idle: sched_wake queues it. */
    JOB_OUT,
    /* In a queue: a worker will take it. */
    JOB_QUEUED,
    /* In the heap, until its time or sched_wake. */
    JOB_PARKED,
    /* A worker has it. */
    JOB_RUNNING,
    /* A worker has it, and sched_wake was called meanwhile: it is queued again afterwards. */
    JOB_WOKEN,
};

/* Embedded in the object that is to be worked on. Initially zero except for run and queue; all
 * other members belong to the scheduler. */
struct job {
    job_fn run;
    /* NULL: a control job. */
    struct account_queue *queue;
    /* The next job of its list; while running, of its group. */
    struct job *next;
    /* When parked: the wake-up time. */
    int64_t wake_ms;
    uint32_t heap_at;
    /* enum job_state */
    uint8_t state;
    /* enum job_when, with wake_ms: see job_set_answer. */
    uint8_t answer;
};

/* Sets the answer of a job that is in the group of another, for sched_return. */
static inline void job_set_answer(struct job *job, struct job_answer answer)
{
    job->answer = (uint8_t)answer.what;
    job->wake_ms = answer.at_ms;
}

struct job_list {
    struct job *head, *tail;
};

/* The jobs of one account in one run. Initially zero except for run_queue and the two functions,
 * which are called with the lock held. */
struct account_queue {
    struct run_queue *run_queue;
    /* Returns how many jobs may form a group with `job`, itself included; NULL: each goes alone. */
    size_t (*group_limit)(const struct job *job);
    /* Returns whether `queued` may join the group of `job`. */
    bool (*may_join)(const struct job *job, const struct job *queued);
    /* Jobs that have run before. */
    struct job_list begun;
    struct job_list fresh;
    /* In the ring of the run's account queues that have jobs; NULL: not in it. */
    struct account_queue *next;
};

/* The account queues of one run. Initially zero. */
struct run_queue {
    /* The account queue that was served last: the next one in the ring follows it. NULL: none has
     * jobs. */
    struct account_queue *last_served;
    /* In the ring of run queues that have jobs; NULL: not in it. */
    struct run_queue *next;
    /* Number of its jobs that workers have. */
    unsigned running;
    /* Its jobs are queued, but not handed out before sched_resume. */
    bool paused;
    /* Accepts no more jobs. */
    bool closed;
    /* The job to wake when the last running one has been returned. */
    struct job *watcher;
};

/* Makes a scheduler. The clock is borrowed. Never returns NULL. Free it with sched_free. */
struct sched *sched_new(const struct clock *clock) NEVER_NULL MUST_CHECK;
/* Frees the scheduler; NULL is allowed. No job may be queued or parked, no thread in a call. */
void sched_free(struct sched *s);

/* Queues a job, or makes a parked or running one run (again) at once. */
void sched_wake(struct sched *s, struct job *job);
/* Hands out no jobs of the queue until sched_resume, so that those queued meanwhile can form
 * groups. */
void sched_pause(struct sched *s, struct run_queue *queue);
/* Hands out the jobs of a paused queue again. */
void sched_resume(struct sched *s, struct run_queue *queue);
/* Returns the next job, after waiting for one if necessary; NULL after sched_stop. Its `next` links
 * the other jobs of its group, which belong to this worker too. Each of them may be returned
 * separately, with `next` set to NULL; those that are left are returned together with the first,
 * with the answers set by job_set_answer. */
struct job *sched_next(struct sched *s) MUST_CHECK;
/* Returns a job, whose function gave this answer, and its group, all at the same moment. `queue` is
 * that of its run; NULL for control jobs (which may be freed already). */
void sched_return(struct sched *s, struct job *job, struct run_queue *queue,
                  struct job_answer answer);
/* Removes all queued and parked jobs of a queue and accepts none from now on. Returns true when
 * none of its jobs is running: the scheduler then knows nothing of the queue. Otherwise returns
 * false, and `watcher` (a control job) is woken when that is the case: call this again then. */
bool sched_close(struct sched *s, struct run_queue *queue, struct job *watcher) MUST_CHECK;
/* Lets every sched_next return NULL from now on. */
void sched_stop(struct sched *s);

#endif
