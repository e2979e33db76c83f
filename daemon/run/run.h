/* A run: the processing of one event. Private to the engine (engine.c, run.c, claim*.c, task*.c,
 * attempt.c, group.c, order.c, progress.c, finished.c).
 *
 * A run has one control job, which claims the event, reads it, waits for the tasks (renewing the
 * claim meanwhile), writes the reports and deletes the claim; and one job per resource, its tasks.
 * Only the control job does the I/O of the run, so there is never more than one write to is_pending
 * under way. run.c describes the phases and which thread may access what. */
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

/* What runs need of their surroundings; outlives them. Constant except for the counters. */
struct run_host {
    const struct env *env;
    struct sched *sched;
    /* Whether steps that can be done for several resources in one call are. */
    bool share_calls;
    _Atomic uint64_t counts[COUNT_END];
    /* Called by a worker when the run has ended; no worker accesses the run afterwards. */
    void (*ended)(struct run *run);
};

enum task_status {
    /* Not finished; `text` is its state or NULL. */
    TASK_OPEN,
    /* A step is done whose state must be stored before the next one: waits for the next write. */
    TASK_SAVING,
    /* Finished successfully. */
    TASK_PROCESSED,
    /* Finished with an error, which is `text`. */
    TASK_ERRORED,
};

struct automation;

/* One action on one resource. Members are accessed by the worker that runs the job, except that
 * status, text, step, step_since_ms, begun, durable, held and aside are also read by the control
 * job, and change under the lock of the run. */
struct task {
    /* First. */
    struct job job;
    struct automation *automation;
    /* TASK_OPEN, TASK_SAVING: the state as JSON text, or NULL. TASK_ERRORED: the error. Owned. */
    char *text;
    /* Monotonic: when the step began, if `begun`. */
    int64_t step_since_ms;
    /* With the failures of this step. */
    struct patience patience;
    /* Hash of the part of the state that tasks must have in common to share the call of this step;
     * 0: not known yet, or nothing must be. */
    uint16_t share_tag;
    /* enum task_status */
    uint8_t status;
    /* Index into the steps of the action. */
    uint8_t step;
    /* Number of resources in a shared call of this step, lowered after each failure of such a call;
     * 0: as many as the call takes. */
    uint8_t group_limit;
    bool begun;
    /* Policy and the action's own check have passed. */
    bool checked;
    /* The state was read from the store. */
    bool restored;
    /* A change has been accepted, from this process or an earlier owner of the run. */
    bool changed;
    /* TASK_SAVING: the state is in the write under way. */
    bool durable;
    /* Waits until the task of an earlier automation on its resource has finished. */
    bool held;
    /* The task of a later automation is held for this one; constant. */
    bool has_follower;
    /* Waits for a credential that has been unavailable for as long as retry_for. */
    bool aside;
};

/* A task, and the one that is held until it has finished. */
struct follower {
    struct task *task, *next;
};

/* A change that a dry run did not make. */
struct planned {
    /* Index in the automation. */
    uint32_t resource;
    /* In which it was recorded. */
    uint32_t order;
    /* {"resource","account","service","operation","params"}; owned. */
    json_t *change;
};

struct automation {
    struct run *run;
    /* Borrowed from the event of the run. */
    const struct event_automation *event;
    /* NULL if unknown; `critical` is then set. */
    const struct action *action;
    /* Validated; NULL if they are wrong; `refusal` is then set. */
    json_t *params;
    /* The critical error of the whole automation, or NULL. */
    char *critical;
    /* The error that each of its resources gets before any call is made, or NULL. */
    char *refusal;
    /* One per resource; NULL if critical or refusal is set, or if there are no resources. */
    struct task *tasks;
    /* One per account. */
    struct account_queue *queues;
    /* The rest is under the lock of the run. */
    size_t left;
    size_t errored;
    struct planned *planned;
    size_t planned_count, planned_room;
};

enum run_phase {
    /* is_pending is being created. */
    RUN_CLAIM,
    /* The event is fetched, checked and turned into tasks. */
    RUN_READ,
    /* The daemon's own identity is determined, once for all tasks. */
    RUN_IDENTIFY,
    /* Tasks run; the control job wakes up to renew the claim and store the progress. */
    RUN_TASKS,
    /* The results are stored, so that reports that are written twice are identical. */
    RUN_SAVE,
    /* Report `reports_written` is next. */
    RUN_REPORT,
    /* is_pending is being deleted. */
    RUN_UNCLAIM,
    /* The run cannot continue here: the claim is given up, with the progress in it. */
    RUN_RELEASE,
    /* To be settled by the main thread. */
    RUN_ENDED,
};

struct run {
    /* First. */
    struct job control;
    struct run_host *host;
    /* The host's. */
    const struct env *env;
    struct delivery *delivery;
    /* These three are the delivery's. */
    struct store *store;
    const struct run_rules *rules;
    const char *key;
    /* Of the reports; ends in '/'. */
    struct buf folder;
    /* folder + "is_pending" */
    struct buf claim_key;
    /* The ID of the run, which it keeps after a takeover. */
    char id[41];
    /* This process and this attempt: "name/host/pid/uuid". */
    char owner[256];
    bool plan;
    /* The host's list of all runs; main thread. */
    struct run *next_run, *previous_run;
    /* The host's list of the runs that have ended. */
    struct run *next_ended;

    /* Of the control job only. */
    enum run_phase phase;
    /* Number of failed attempts at what the phase does. */
    unsigned attempts;
    struct patience patience;
    /* Only tasks are left that wait for a credential: the run is being released. */
    bool given_back;
    /* Since the claim was last written. */
    unsigned failed_renewals;
    /* Monotonic: the phase is not tried again before; the claim is kept meanwhile. */
    int64_t not_before_ms;
    char claim_etag[OBJECT_ETAG_SIZE];
    /* Of the event that was read. */
    char event_etag[OBJECT_ETAG_SIZE];
    /* Of an earlier owner, until the tasks are made; NULL: none. */
    json_t *progress;
    /* When the earlier owner last wrote is_pending, by the clock of the store. */
    int64_t inherited_ms;
    /* The event as a whole cannot be carried out. The reason is stored here and not on the heap, so
     * that it is never lost. */
    bool is_critical;
    char critical[2048];
    size_t reports_written;
    /* Monotonic: no write of the progress before this only because tasks wait for one. */
    int64_t save_after_ms;
    /* Another daemon may hold the claim: nothing is written any more. */
    bool lost;
    /* How the delivery is settled if the run is released, and the delay for it. */
    enum settle release_as;
    int64_t release_delay_ms;
    enum settle outcome;
    /* Monotonic. */
    int64_t began_ms;

    /* Constant while tasks run. */
    struct event event;
    struct automation *automations;
    size_t automation_count;
    /* Sorted by the address of the task. */
    struct follower *followers;
    size_t follower_count;

    /* The scheduler's. */
    struct run_queue queue;

    /* Any thread. Monotonic: how long the claim is certainly ours, and when it is to be renewed. */
    _Atomic int64_t claim_until_ms;
    _Atomic int64_t claim_due_ms;
    /* No more steps are begun. */
    _Atomic bool stopping;

    /* For what follows, and for members of tasks and automations. Held for operations on memory
     * only. */
    pthread_mutex_t lock;
    /* Number of tasks not finished; of those: in TASK_SAVING, set aside, held for another. */
    size_t left;
    size_t saving;
    size_t aside;
    size_t held;
    /* Tasks that are no longer held, for order_wake; linked by next, the last one first. */
    struct job *ready;
    /* Monotonic: when waiting tasks were last logged; 0: never. */
    int64_t warned_ms;
    /* Why the run is released; NULL: not known. Owned. */
    char *problem;
};

static inline int64_t run_mono_ms(const struct run *run)
{
    return run->env->clock->mono_ms(run->env->clock);
}

/* Adds n to a counter of the host. Any thread. */
static inline void run_count(const struct run *run, enum run_counter counter, uint64_t n)
{
    atomic_fetch_add_explicit(&run->host->counts[counter], n, memory_order_relaxed);
}

/* --- run.c --- */

/* Makes a run for a delivery, which is borrowed until the run is freed. Its control job is to be
 * passed to sched_wake. Never returns NULL. Main thread. */
struct run *run_new(struct run_host *host, struct delivery *delivery) NEVER_NULL MUST_CHECK;
/* Frees a run that no job of the scheduler belongs to. */
void run_free(struct run *run);

/* --- finished.c --- */

/* Determines whether there are reports already for the event, of which *event names the version
 * (NULL: the event does not exist). Returns false with *err if that cannot be determined. */
bool run_finished_before(struct run *run, struct http_client *http, const struct object_meta *event,
                         bool *finished, struct err *err) MUST_CHECK;

/* --- task_make.c, task.c, group.c --- */

/* Makes the automations and tasks of the event that was read, and restores run->progress. */
void run_make_tasks(struct run *run);
void run_free_tasks(struct run *run);
/* Passes all unfinished tasks to the scheduler. */
void run_start_tasks(struct run *run);
/* The function of a task's job: runs it and its group. Worker. */
struct job_answer task_run(struct job *job, struct http_client *http);
/* Returns whether all unfinished tasks are set aside, or held for one that is. With the lock of the
 * run held. */
bool run_all_set_aside(const struct run *run);

/* --- order.c --- */

/* Holds each task whose resource an earlier automation of the event also names, until the task of
 * that automation has finished. Tasks that have finished already hold none. */
void order_make(struct run *run);
void order_free(struct run *run);
/* Makes the task that is held for a finished one ready for order_wake. With the lock of the run
 * held. */
void order_release(struct task *task);
/* Passes the ready tasks to the scheduler, all at the same moment, so that they can form groups.
 * Control job. */
void order_wake(struct run *run);

/* --- progress.c --- */

/* Marks the tasks in TASK_SAVING as durable: the next progress_write includes their state. Takes
 * the lock of the run. */
void progress_mark_durable(struct run *run);
/* Appends the body of is_pending: the claim and the progress of the run. expires_ms is by the wall
 * clock; 0: the claim is given up. Returns false if it is larger than the buffer may become. Takes
 * the lock of the run. */
bool progress_write(struct run *run, int64_t expires_ms, struct buf *to) MUST_CHECK;
/* Restores the tasks from run->progress, as far as it fits the event, and forgets it. */
void progress_restore(struct run *run);

/* --- claim_read.c --- */

/* Bytes of the largest is_pending that is written and read: enough for the states or errors of some
 * hundred thousand resources, and a bound on the memory that another program can make us use. */
#define CLAIM_MAX ((size_t)64 << 20)

/* The contents of is_pending. */
struct claim {
    /* A new reference; NULL if it is damaged or was not written by hgautod. */
    json_t *body;
    struct object_meta meta;
    /* How long it still lasts, by the clock of the store; <= 0: it has expired. */
    int64_t left_ms;
    /* Its owner has given it up: it may be taken over at once. */
    bool given_up;
    /* Its progress is trusted: it is signed, or there is no key to sign with. */
    bool trusted;
};

/* Reads is_pending. Returns false with *err: ERR_NOT_FOUND if there is none. */
bool claim_read(struct run *run, struct http_client *http, struct claim *claim,
                struct err *err) MUST_CHECK;

/* --- claim_sign.c --- */

/* Signs a body of is_pending, a JSON object, with claim_key; without a key it is not changed.
 * Returns false if it is larger than the buffer may become. */
bool claim_sign(const struct run *run, struct buf *body) MUST_CHECK;
/* Returns whether the body is signed with claim_key, for this event; true if there is no key. */
bool claim_signed(const struct run *run, const struct buf *body) MUST_CHECK;

/* --- claim.c --- */

enum claim_result {
    /* Held until run->claim_until_ms. */
    CLAIM_HELD,
    /* Another run holds it; run->release_delay_ms is when to try again. */
    CLAIM_OTHERS,
    /* There is no is_pending (any more). */
    CLAIM_GONE,
    /* With *err: to be tried again, or not. */
    CLAIM_FAILED,
};

/* Creates is_pending, or takes over an expired one, with its progress in run->progress. */
enum claim_result claim_take(struct run *run, struct http_client *http, struct err *err) MUST_CHECK;
/* Rewrites is_pending with the progress. CLAIM_OTHERS, CLAIM_GONE: the claim has been lost. */
enum claim_result claim_renew(struct run *run, struct http_client *http,
                              struct err *err) MUST_CHECK;
/* Writes is_pending with the progress and no time left, so that another daemon may take over at
 * once. */
bool claim_give_up(struct run *run, struct http_client *http, struct err *err) MUST_CHECK;
/* Deletes is_pending if it is ours. CLAIM_GONE is success. */
enum claim_result claim_delete(struct run *run, struct http_client *http,
                               struct err *err) MUST_CHECK;
/* Returns whether the claim is ours for long enough to begin a change. Any thread. */
bool claim_holds(const struct run *run) MUST_CHECK;

#endif
