/* The scheduler: which job a worker takes next, and which jobs wait for their time.
 *
 * Control jobs (claims, events, reports, credentials) come before all tasks. Tasks stand in lanes,
 * one an account, the lanes of a run in a flow: flows take turns, and within a flow its lanes, so
 * that neither a large run nor a large account keeps others waiting. A job that waits (for a state,
 * a retry's pause, a throttled account) is parked in a heap by its wake-up time and costs no
 * thread. When its time has come it goes before the jobs of its lane that have not begun: what was
 * begun is finished first.
 *
 * All functions but sched_new and sched_free may be called on any thread. One lock, held for memory
 * work only. A job belongs to whoever made it; the scheduler holds pointers to it from sched_wake
 * until its function has said JOB_GONE. */
#ifndef HGAUTOD_DAEMON_RUN_SCHED_H
#define HGAUTOD_DAEMON_RUN_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/clock.h"

struct http_client;
struct job;
struct lane;
struct flow;
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
    JOB_OUT,     /* not in the scheduler, or idle: sched_wake brings it in */
    JOB_QUEUED,  /* in a lane's queue: a worker will take it */
    JOB_PARKED,  /* in the heap: its time or sched_wake moves it on */
    JOB_RUNNING, /* a worker has it */
    JOB_WOKEN,   /* a worker has it, and sched_wake came meanwhile: it is queued again afterwards */
};

/* Embedded in what is to be done. Zeroed but for run and lane to begin with; everything else is the
 * scheduler's. */
struct job {
    job_fn run;
    struct lane *lane; /* NULL: a control job */
    struct job *next;  /* of its queue; running: of the company */
    int64_t wake_ms;   /* parked: when its time comes */
    uint32_t heap_at;
    uint8_t state;  /* enum job_state */
    uint8_t answer; /* enum job_when, with wake_ms; see job_set_answer */
};

/* Sets the answer of a job that a worker has in company with another, for sched_back. */
static inline void job_set_answer(struct job *job, struct job_answer answer)
{
    job->answer = (uint8_t)answer.what;
    job->wake_ms = answer.at_ms;
}

struct queue {
    struct job *head, *tail;
};

/* The jobs of one account in one run. Zeroed but for flow, and the next two, to begin with. */
struct lane {
    struct flow *flow;
    /* How many may go together with the job, itself included; NULL: each goes alone. With the lock
     * held, as the next. */
    size_t (*most)(const struct job *job);
    bool (*alike)(const struct job *job, const struct job *queued); /* may they go together? */
    struct queue begun;                                             /* have run before */
    struct queue fresh;
    struct lane *next; /* ring of the flow's lanes with queued jobs; NULL: not in it */
};

/* The lanes of one run. Zeroed to begin with. */
struct flow {
    struct lane *turn;   /* the lane before the one whose turn it is; NULL: none has queued jobs */
    struct flow *next;   /* ring of flows with queued jobs; NULL: not in it */
    unsigned running;    /* of its jobs, with workers */
    bool held;           /* its jobs are queued, but not given out before sched_open */
    bool closed;         /* lets no job in any more */
    struct job *watcher; /* to be woken when the last running one is back */
};

struct sched *sched_new(const struct clock *clock) MUST_CHECK;
/* No job may be queued or parked and no thread may be inside. */
void sched_free(struct sched *s);

/* Brings a job in, or makes a parked or running one run (again) now. */
void sched_wake(struct sched *s, struct job *job);
/* Gives out none of the flow's jobs before sched_open, so that those that come in meanwhile may
 * meet. */
void sched_hold(struct sched *s, struct flow *flow);
/* Gives out the jobs of a flow that was held, all of them from the same moment on. */
void sched_open(struct sched *s, struct flow *flow);
/* The next job, waiting for one; NULL after sched_stop. Its `next` leads to the company that its
 * lane gives it: jobs that are in this worker's hands too, to be run with it. Each may be given
 * back by itself, with a `next` of NULL; those that are still there are given back with the first,
 * with the answers set by job_set_answer. */
struct job *sched_next(struct sched *s) MUST_CHECK;
/* Gives a job and its company back with what its function answered, all at the same moment; flow is
 * its lane's, NULL for control jobs (which may be gone). */
void sched_back(struct sched *s, struct job *job, struct flow *flow, struct job_answer answer);
/* Takes all queued and parked jobs of a flow out and lets none in any more. True when none of its
 * jobs is running: nothing of the flow is known to the scheduler then. Else false, and watcher (a
 * control job) is woken when that has come about: ask again. */
bool sched_close(struct sched *s, struct flow *flow, struct job *watcher) MUST_CHECK;
/* Lets every sched_next return NULL from now on. */
void sched_stop(struct sched *s);

#endif
