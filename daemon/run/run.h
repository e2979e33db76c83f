/* A run: one event's processing. Private to the engine (engine.c, run.c, claim*.c, task*.c,
 * progress.c).
 *
 * A run has one control job, which claims the event, reads it, waits for the tasks (renewing the
 * claim meanwhile), writes the reports and lets go; and one job a resource, its tasks. The control
 * job alone does the run's I/O, so there is never more than one write to is_pending under way. */
#ifndef HGAUTOD_DAEMON_RUN_RUN_H
#define HGAUTOD_DAEMON_RUN_RUN_H

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actions/action.h"
#include "daemon/env.h"
#include "daemon/run/delivery.h"
#include "daemon/run/event.h"
#include "daemon/run/patience.h"
#include "daemon/run/sched.h"
#include "daemon/store/store.h"
#include "lib/base/buf.h"

enum run_counter {
    COUNT_RUNS_STARTED,
    COUNT_RUNS_FINISHED,
    COUNT_RUNS_RELEASED,
    COUNT_PROCESSED,
    COUNT_ERRORED,
    COUNT_CRITICAL,
    COUNT_RETRIES,
    COUNT_END
};

struct run;

/* What runs need of their surroundings; outlives them. Constant but for the counters. */
struct run_host {
    const struct env *env;
    struct sched *sched;
    /* Whether steps that can be done for several resources in one call are. */
    bool share_calls;
    _Atomic uint64_t counts[COUNT_END];
    /* Called by a worker when the run has ended; no worker touches the run afterwards. */
    void (*ended)(struct run *run);
};

enum task_status {
    TASK_OPEN,      /* not finished; `text` is its state or NULL */
    TASK_SAVING,    /* a step is done whose state must be stored before the next: waits for the next
                       write */
    TASK_PROCESSED, /* finished well */
    TASK_ERRORED,   /* finished with an error; `text` is the error */
};

struct automation;

/* One action on one resource. The worker that runs its job owns step, attempts and since; status
 * and text are read by the control job too and change under the run's lock. */
struct task {
    struct job job; /* first */
    struct automation *automation;
    char *text; /* TASK_OPEN, TASK_SAVING: the state as JSON text, or NULL; TASK_ERRORED: the error;
                   owned */
    int64_t step_since_ms;    /* monotonic: when the step was begun, if it was */
    struct patience patience; /* with the failures of this step */
    uint16_t share; /* of what of its state others must have to share this step's call (see
                       action_sharing.same); 0: not known yet */
    uint8_t status; /* enum task_status */
    uint8_t step;   /* index into the action's steps */
    uint8_t most;   /* resources in a shared call of this step: fewer after each failure of
                       one; 0: as many as the call takes */
    bool begun;     /* the step */
    bool checked;   /* guard and check have passed */
    bool restored;  /* its state was read from the store */
    bool changed;   /* a change has been accepted, by this process or an earlier owner */
    bool durable;   /* TASK_SAVING: in the write under way */
    bool held;      /* an earlier automation's task on its resource is not finished */
    bool followed;  /* a later automation's task is held for this one; constant */
    bool aside;     /* waits for a credential that could not be had for as long as
                       retry_for; under the run's lock */
};

/* A task, and the one that is held until it has finished. */
struct follower {
    struct task *task, *next;
};

/* A change that a dry run did not make. */
struct planned {
    uint32_t resource; /* index in the automation */
    uint32_t order;    /* of being written down */
    json_t *change;    /* {"resource","operation","params"}; owned */
};

struct automation {
    struct run *run;
    const struct event_automation *event; /* borrowed from the run's event */
    const struct action *action;          /* NULL when unknown: then critical is set */
    json_t *params;          /* validated; NULL when they are wrong: then refusal is set */
    char *critical;          /* the critical error of the whole automation; NULL: none */
    char *refusal;           /* the error of each of its resources before any call; NULL: none */
    struct task *tasks;      /* one a resource; NULL when critical or refusal is set */
    struct lane *lanes;      /* one an account */
    size_t left;             /* tasks not finished; under the run's lock */
    size_t errored;          /* finished with an error; under the run's lock */
    struct planned *planned; /* under the run's lock */
    size_t planned_count, planned_room;
};

enum run_phase {
    RUN_CLAIM,    /* is_pending is being put */
    RUN_READ,     /* the event is fetched, checked and made into tasks */
    RUN_IDENTIFY, /* the daemon's own identity is learned, once for all tasks */
    RUN_TASKS,    /* tasks are run; the control job wakes to store progress */
    RUN_SAVE,     /* the outcome is stored, so that reports written twice are the same */
    RUN_REPORT,   /* report `reports_written` is next */
    RUN_UNCLAIM,  /* is_pending is being deleted */
    RUN_RELEASE,  /* cannot go on here: the claim is given up with the progress in it */
    RUN_ENDED,    /* to be settled by the main thread */
};

struct run {
    struct job control; /* first */
    struct run_host *host;
    const struct env *env; /* the host's */
    struct delivery *delivery;
    struct store *store; /* the delivery's, as are rules and key */
    const struct run_rules *rules;
    const char *key;      /* of the event */
    struct buf folder;    /* of the reports, ends in '/' */
    struct buf claim_key; /* folder + "is_pending" */
    char id[41];          /* the run id, also after a takeover */
    char owner[256];      /* this process and this attempt: "name/host/pid/uuid" */
    bool plan;
    struct run *next_run, *previous_run; /* the host's list; main thread */
    struct run *next_ended;              /* the host's list of those that have ended */

    /* The control job's own. */
    enum run_phase phase;
    unsigned attempts;        /* failed tries of what the phase does */
    struct patience patience; /* with them */
    bool
        given_back; /* only tasks are left that wait for a credential: it goes back to its source */
    unsigned failed_renewals; /* since the claim was last written */
    int64_t not_before_ms;    /* monotonic: what failed is not tried again before; the claim is kept
                                 meanwhile */
    char claim_etag[128];
    char event_etag[128]; /* of the event that was read */
    json_t *progress;     /* of an earlier owner, until the tasks are made; NULL: none */
    int64_t inherited_ms; /* when the earlier owner last wrote is_pending, by the store's clock */
    bool is_critical;     /* the event as a whole cannot be carried out */
    char critical[2048];  /* why; here and not on the heap, so that it is never lost */
    size_t reports_written;
    int64_t
        save_after_ms; /* monotonic: before this no progress is written just because tasks ask */
    bool lost;         /* the claim is not ours any more: nothing is written */
    enum settle release_as;   /* how it is settled when it is given back */
    int64_t release_delay_ms; /* for that */
    enum settle outcome;
    int64_t began_ms; /* monotonic */

    /* Constant while tasks run. */
    struct event event;
    struct automation *automations;
    size_t automation_count;
    struct follower *followers; /* sorted by the address of task */
    size_t follower_count;
    struct flow flow;

    _Atomic int64_t claim_until_ms; /* monotonic: as far as we know it is ours for so long */
    _Atomic int64_t claim_due_ms;   /* monotonic: then it is renewed */
    _Atomic bool stopping;          /* begin no more steps */

    pthread_mutex_t lock; /* status and text of tasks, and what follows; memory work only */
    size_t left;          /* tasks not finished */
    size_t saving;        /* tasks in TASK_SAVING */
    size_t aside;         /* tasks set aside */
    size_t held;          /* tasks that are held for another */
    struct job *ready;    /* tasks that are held no longer, for order_wake; linked by next, the last
                             first */
    int64_t warned_ms;    /* monotonic: when the log last said that tasks wait; 0: never */
    char *problem;        /* why the run is given back; NULL: not said; owned */
};

/* Adds n to one of the host's counters. Any thread. */
static inline void run_count(const struct run *run, enum run_counter counter, uint64_t n)
{
    atomic_fetch_add_explicit(&run->host->counts[counter], n, memory_order_relaxed);
}

/* --- run.c --- */

struct run *run_new(struct run_host *host, struct delivery *delivery) MUST_CHECK;
void run_free(struct run *run);
/* The job of the control: moves the run on as far as it gets. */
struct job_answer run_control(struct job *job, struct http_client *http);

/* --- finished.c --- */

/* Whether the event, of which *event says the version (NULL: it is not there), has reports already.
 * False with *err when it cannot be known. */
bool run_finished_before(struct run *run, struct http_client *http, const struct object_meta *event,
                         bool *finished, struct err *err) MUST_CHECK;

/* --- task_make.c, task.c, group.c --- */

/* Makes the automations and tasks of the event that was read, restoring run->progress. False when
 * out of memory. */
bool run_make_tasks(struct run *run) MUST_CHECK;
void run_free_tasks(struct run *run);
/* Brings all unfinished tasks into the scheduler. */
void run_start_tasks(struct run *run);
struct job_answer task_run(struct job *job, struct http_client *http);
/* Whether all tasks that are not finished wait for a credential, or for one that does; with the
 * run's lock held. */
bool run_all_aside(const struct run *run);
/* The index of a task among its automation's resources. */
size_t task_index(const struct task *task);

/* --- order.c --- */

/* Holds tasks whose resource an earlier automation of the event names too, each until the one
 * before it has finished; those that are finished already hold nobody. False when out of memory. */
bool order_make(struct run *run) MUST_CHECK;
void order_free(struct run *run);
/* Brings what is ready into the scheduler, all at the same moment, so that tasks which may share a
 * call meet. On the control job. */
void order_wake(struct run *run);

/* --- progress.c --- */

/* Appends the body of is_pending: the claim, and how far the run is. Tasks in TASK_SAVING become
 * durable. Takes the run's lock. */
bool progress_write(struct run *run, int64_t expires_ms, struct buf *to) MUST_CHECK;
/* Restores statuses, steps, states and errors of the tasks from run->progress, as far as they fit
 * the event. */
void progress_restore(struct run *run);

/* --- claim_read.c --- */

/* The largest is_pending that is written and read. */
#define CLAIM_MAX ((size_t)64 << 20)

/* What is_pending says. */
struct claim {
    json_t *body; /* a new reference; NULL when it is not one of ours, or broken */
    struct object_meta meta;
    int64_t left_ms; /* how long it lasts from now on, by the store's clock; <= 0: it has expired */
    bool given_up;   /* by its owner: may be taken over at once */
    bool believed;   /* what it says was done: it is signed, or there is no key to sign with */
};

/* ERR_NOT_FOUND when there is none. */
bool claim_read(struct run *run, struct http_client *http, struct claim *claim,
                struct err *err) MUST_CHECK;

/* --- claim_sign.c --- */

/* Signs a body of is_pending, a JSON object, with claim_key; without a key it stays as it is. False
 * when out of memory, or when it is too large. */
bool claim_sign(const struct run *run, struct buf *body) MUST_CHECK;
/* Whether the body is signed with claim_key, for this event; without a key always. */
bool claim_signed(const struct run *run, const struct buf *body) MUST_CHECK;

/* --- claim.c --- */

enum claim_answer {
    CLAIM_MINE,   /* held until run->claim_until_ms */
    CLAIM_OTHERS, /* somebody else's live claim; run->release_delay_ms says when to look again */
    CLAIM_GONE,   /* there is no is_pending (any more) */
    CLAIM_FAILED, /* *err: try again or give up */
};

/* Puts is_pending, or takes over an expired one (its progress is left in run->progress). */
enum claim_answer claim_take(struct run *run, struct http_client *http, struct err *err) MUST_CHECK;
/* Writes is_pending anew with the progress. CLAIM_OTHERS, CLAIM_GONE: it has been lost. */
enum claim_answer claim_renew(struct run *run, struct http_client *http,
                              struct err *err) MUST_CHECK;
/* Writes is_pending with the progress and no time left, so that another may take over at once. */
bool claim_give_up(struct run *run, struct http_client *http, struct err *err) MUST_CHECK;
/* Deletes is_pending if it is ours. CLAIM_GONE is success. */
enum claim_answer claim_delete(struct run *run, struct http_client *http,
                               struct err *err) MUST_CHECK;
/* Whether the claim is ours for long enough to change something now. Any thread. */
bool claim_holds(const struct run *run) MUST_CHECK;

#endif
