/* The control job of a run: takes it from the claim to the reports, phase by phase.
 *
 * PHASES
 *
 *     CLAIM -> READ -> IDENTIFY -> TASKS -> SAVE -> REPORT -> UNCLAIM -> ENDED
 *               |  |                                  ^          ^
 *               |  +-- event cannot be carried out ----+          |
 *               +----- already processed -----------------------+
 *     any phase -> RELEASE -> ENDED       (CLAIM, without a claim: -> ENDED)
 *
 * Each call of the control job runs phases until it has to wait, and then returns when it is to be
 * called again. Every phase can be repeated without harm, because the daemon may die at any moment
 * and another one starts over from the claim: a phase writes the same objects with the same
 * contents each time. A phase that fails with a retryable error is retried after a backoff. Until
 * the tasks begin, retries are limited (patience.c), and the run is released to the queue when they
 * are exhausted. After the tasks, retries continue for as long as the run holds the claim, since
 * the work is done and only has to be recorded. Only run_set_phase changes the phase.
 *
 * While a phase is in progress the claim is renewed at half its lifetime, before anything else
 * (run_keep_claim). If it cannot be renewed, no phase continues until it is; if another daemon has
 * taken it, the run stops and writes nothing more (run_lose_claim).
 *
 * THREADS
 *
 * - The main thread makes the run, sets `stopping`, and frees the run after `ended`.
 * - The control job runs on one worker at a time. It alone accesses the members below "Of the
 *   control job only" in run.h, and does all I/O of the run; so there is never more than one write
 *   to is_pending under way.
 * - Tasks run on any number of workers, only in phase TASKS. The phase is left through sched_close,
 *   which returns true once no worker has a task of the run; from then on the control job may
 *   access tasks without a lock. Before TASKS no task is in the scheduler.
 * - `lock` guards what both read and change meanwhile: status and text of tasks and the members
 *   at the end of struct run. It is held for operations on memory only; the lock of the scheduler
 *   may be taken while it is held, not the other way around.
 * - The task that finishes last wakes the control job while it holds `lock`: without the lock, the
 *   control job could end and free the run in between.
 *
 * WHAT IS DURABLE WHEN
 *
 * - From CLAIM on: the claim and the ID of the run. Only then is the first call made, so that every
 *   change belongs to a run that another daemon can find and continue.
 * - During TASKS: the progress, with each renewal, and when tasks wait for it. A step whose state
 *   must not be lost ends in TASK_SAVING; its task is woken after a write that includes the state
 *   has succeeded (run_wake_saved). Other states may be lost: their steps are run again.
 * - After SAVE: all results. Reports are written from them, so that a second daemon writes the same
 *   reports under the same names.
 * - After REPORT: the reports. Only then is the claim deleted, and only after that does the main
 *   thread settle the delivery, which deletes the message. */
#include "daemon/run/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/run/report.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/net/backoff.h"

/* The delay before a run that could not begin (no access, no network) is tried again. */
#define RELEASE_PAUSE_MS 60000
/* Between two writes of the progress that tasks have asked for lies at least this multiple of the
 * duration of the last one, so that ten thousand tasks waiting for a write share a few. */
#define SAVE_SHARE 4
/* A failed renewal is retried at least this many times per claim_ttl. */
#define RENEWALS_PER_TTL 16
/* The interval at which the daemon's identity is requested while another run is fetching it. */
#define IDENTITY_PAUSE_MS 5

static struct job_answer run_control(struct job *job, struct http_client *http);

/* --- making and freeing --- */

static void run_name_owner(struct run *run)
{
    char host[128] = "", id[37];
    gethostname(host, sizeof host - 1);
    clock_uuid(run->env->clock, id);
    snprintf(run->owner, sizeof run->owner, "%.64s/%s/%ld/%s", run->env->config->daemon.name, host,
             (long)getpid(), id);
}

struct run *run_new(struct run_host *host, struct delivery *delivery)
{
    struct run *run = xcalloc(1, sizeof *run);
    /* Each "events" in the key becomes "reports", which is one byte longer. */
    size_t folder_max = 2 * strlen(delivery->key);
    run->control.run = run_control;
    run->host = host;
    run->env = host->env;
    run->delivery = delivery;
    run->store = delivery->store;
    run->rules = delivery->rules;
    run->key = delivery->key;
    run->plan = host->env->config->guard.dry_run;
    run->folder = buf_make(folder_max);
    run->claim_key = buf_make(folder_max + sizeof "is_pending");
    run->began_ms = run_mono_ms(run);
    run->release_as = SETTLE_RELEASE;
    clock_uuid(host->env->clock, run->id);
    run_name_owner(run);
    pthread_mutex_init(&run->lock, NULL);
    return run;
}

void run_free(struct run *run)
{
    run_free_tasks(run);
    event_free(&run->event);
    json_decref(run->progress);
    free(run->problem);
    buf_free(&run->folder);
    buf_free(&run->claim_key);
    pthread_mutex_destroy(&run->lock);
    free(run);
}

/* --- moving on --- */

static struct job_answer run_set_phase(struct run *run, enum run_phase phase)
{
    run->phase = phase;
    run->attempts = 0;
    run->patience = (struct patience){.kind = 0};
    run->not_before_ms = 0;
    return job_ready();
}

static struct job_answer run_finish(struct run *run, enum settle outcome)
{
    run_set_phase(run, RUN_ENDED);
    run->outcome = outcome;
    return job_gone();
}

/* The run cannot continue here. If workers still have tasks, the phase TASKS waits for them. */
static struct job_answer run_release(struct run *run)
{
    return run_set_phase(run, run->phase == RUN_TASKS ? RUN_TASKS : RUN_RELEASE);
}

/* The claim is not ours any more: the results are useless, and nothing more is written. */
static struct job_answer run_lose_claim(struct run *run, enum claim_result result)
{
    const char *message = result == CLAIM_GONE
                              ? "is_pending is gone: another daemon has finished the event, or it "
                                "was deleted; this run ends here"
                              : "The claim was lost to another daemon; this run ends here";
    log_warn(run->env->log, message, LOG_STR("event", run->key), LOG_STR("run", run->id));
    run->lost = true;
    run->release_as = SETTLE_LATER;
    run->stopping = true;
    return run_release(run);
}

/* --- failures --- */

static void run_log_failure(const struct run *run, const char *message, const struct err *err)
{
    log_warn(run->env->log, message, LOG_ERR("error", err), LOG_STR("event", run->key),
             LOG_STR("store", run->store->name), LOG_UINT("attempt", run->attempts),
             LOG_STR("run", run->id));
}

/* Retries the phase after a pause. The claim is renewed meanwhile. */
static struct job_answer run_pause(struct run *run, const struct err *err)
{
    int64_t pause = err->retry_after_ms > 0 ? err->retry_after_ms : 1;
    if (err->kind != ERR_BUSY)
        pause = backoff_pause(&backoff_calls, run->env->clock, run->attempts, err);
    run->not_before_ms = run_mono_ms(run) + pause;
    return job_ready();
}

/* Before any work: a retryable error is retried for a while; after that, or if it is not retryable,
 * the run is released. Waiting for something unavailable does not count as an attempt. */
static struct job_answer run_retry_or_release(struct run *run, const char *message,
                                              const struct err *err)
{
    char text[2048];
    int64_t again_ms;
    if (err->kind == ERR_BUSY)
        return run_pause(run, err);
    run->attempts += err->kind != ERR_UNAVAILABLE;
    run_log_failure(run, message, err);
    if (!run->stopping && err_is_retryable(err) &&
        patience_note(&run->patience, run->env->config, run->env->clock, err, &again_ms)) {
        run->not_before_ms = again_ms;
        return job_ready();
    }
    free(run->problem);
    run->problem = xstrdup(err_text(err, text, sizeof text));
    if (!run->stopping) {
        run->release_delay_ms = RELEASE_PAUSE_MS;
        run->release_as = err_is_retryable(err) ? SETTLE_RELEASE : SETTLE_FAILED;
    }
    return run->phase == RUN_CLAIM ? run_finish(run, run->release_as)
                                   : run_set_phase(run, RUN_RELEASE);
}

/* After the work: retries for as long as the daemon runs. */
static struct job_answer run_retry(struct run *run, const char *message, const struct err *err)
{
    if (run->stopping)
        return run_release(run);
    if (err->kind != ERR_BUSY) {
        run->attempts++;
        run_log_failure(run, message, err);
    }
    return run_pause(run, err);
}

/* The whole event cannot be carried out: it gets one report, with the reason. */
static struct job_answer run_set_critical(struct run *run, const struct err *err)
{
    run->is_critical = true;
    err_text(err, run->critical, sizeof run->critical);
    log_error(run->env->log, "The event cannot be carried out", LOG_STR("error", run->critical),
              LOG_STR("event", run->key), LOG_STR("store", run->store->name),
              LOG_STR("run", run->id));
    return run_set_phase(run, RUN_REPORT);
}

/* --- the claim --- */

/* Wakes the tasks whose state was in the write just done, all at the same moment, so that they can
 * form groups. */
static void run_wake_saved(struct run *run)
{
    sched_pause(run->host->sched, &run->queue);
    pthread_mutex_lock(&run->lock);
    for (size_t i = 0; i < run->automation_count; i++) {
        struct automation *a = &run->automations[i];
        for (size_t k = 0; run->saving && a->tasks && k < a->event->count; k++) {
            struct task *task = &a->tasks[k];
            if (task->status != TASK_SAVING || !task->durable)
                continue;
            task->status = TASK_OPEN;
            task->durable = false;
            run->saving--;
            sched_wake(run->host->sched, &task->job);
        }
    }
    pthread_mutex_unlock(&run->lock);
    sched_resume(run->host->sched, &run->queue);
}

/* Rewrites the claim with the progress. Returns false if the claim is lost, with the answer of the
 * control job in *answer. If it could not be written, *stored is false, and it is written again at
 * claim_due_ms. */
static bool run_renew_claim(struct run *run, struct http_client *http, bool *stored,
                            struct job_answer *answer)
{
    struct err err = ERR_INIT;
    int64_t began = run_mono_ms(run);
    enum claim_result result = claim_renew(run, http, &err);
    int64_t ended = run_mono_ms(run);
    *stored = result == CLAIM_HELD;
    if (*stored) {
        run->failed_renewals = 0;
        run->save_after_ms = ended + SAVE_SHARE * (ended - began);
        if (run->phase == RUN_TASKS)
            run_wake_saved(run);
        return true;
    }
    if (result != CLAIM_FAILED) {
        *answer = run_lose_claim(run, result);
        return false;
    }
    log_warn(run->env->log, "The claim and the progress of the run could not be stored",
             LOG_ERR("error", &err), LOG_STR("event", run->key), LOG_STR("store", run->store->name),
             LOG_STR("run", run->id));
    int64_t pause = backoff_pause(&backoff_calls, run->env->clock, ++run->failed_renewals, &err);
    int64_t longest = run->rules->claim_ttl / RENEWALS_PER_TTL;
    run->claim_due_ms = ended + (pause < longest ? pause : longest);
    run->save_after_ms = run->claim_due_ms;
    return true;
}

/* Renews the claim when that is due. Returns false if the claim is not ours, for now or for good,
 * with the answer of the control job in *answer. */
static bool run_keep_claim(struct run *run, struct http_client *http, struct job_answer *answer)
{
    bool stored;
    if (run->phase == RUN_CLAIM || run->phase >= RUN_RELEASE ||
        (run->phase == RUN_TASKS && run->stopping))
        return true;
    if (run_mono_ms(run) >= run->claim_due_ms && !run_renew_claim(run, http, &stored, answer))
        return false;
    if (claim_holds(run))
        return true;
    *answer = run->stopping ? run_release(run) : job_again_at(run->claim_due_ms);
    return false;
}

/* Derives the folder of the reports and the key of is_pending from the key of the event. Returns
 * false if that is not possible, with the outcome. A path that is too long even for the
 * critical-error report is left to the queue, which gives up on the message in its own way: no
 * report has told a user yet that the event was not carried out. */
static bool run_name_folder(struct run *run, enum settle *outcome)
{
    if (!report_folder(run->key, &run->folder)) {
        log_error(run->env->log,
                  "Event ignored: cannot derive a report path, because its path has no folder "
                  "named events",
                  LOG_STR("event", run->key), LOG_STR("store", run->store->name));
        *outcome = SETTLE_DONE;
        return false;
    }
    if (run->folder.size > REPORT_CRITICAL_FOLDER_MAX) {
        log_error(run->env->log,
                  "Event not carried out: its path is too long for the name of any report; write "
                  "it to a shorter path",
                  LOG_STR("event", run->key), LOG_STR("store", run->store->name),
                  LOG_INT("longest_report_folder", REPORT_FOLDER_MAX));
        run->release_delay_ms = RELEASE_PAUSE_MS;
        *outcome = SETTLE_FAILED;
        return false;
    }
    buf_addf(&run->claim_key, "%sis_pending", buf_str(&run->folder));
    return true;
}

static struct job_answer run_phase_claim(struct run *run, struct http_client *http)
{
    struct err err = ERR_INIT;
    enum settle outcome;
    if (run->stopping)
        return run_finish(run, SETTLE_RELEASE);
    if (!run->claim_key.size && !run_name_folder(run, &outcome))
        return run_finish(run, outcome);
    switch (claim_take(run, http, &err)) {
    case CLAIM_HELD:
        return run_set_phase(run, RUN_READ);
    case CLAIM_OTHERS:
    case CLAIM_GONE:
        log_debug(run->env->log, "Event is claimed by another run", LOG_STR("event", run->key));
        return run_finish(run, SETTLE_LATER);
    case CLAIM_FAILED:
        break;
    }
    return run_retry_or_release(run, "The event could not be claimed", &err);
}

/* --- the event --- */

enum fetched {
    FETCH_READ,
    /* There are reports for this version of the event. */
    FETCH_FINISHED,
    /* With *err: the event does not exist, or is too large. */
    FETCH_IMPOSSIBLE,
    /* With *err: access to the event is denied. */
    FETCH_DENIED,
    /* With *err: another failure. */
    FETCH_FAILED,
};

/* Returns whether the run of an earlier owner was for the event as it is now. The first claim is
 * written before the event is read and does not contain its version; its owner may have begun
 * nevertheless, and what it has created can be found by the ID of the run alone. */
static bool run_is_same(const struct run *run, const struct object_meta *event)
{
    if (!*run->event_etag)
        return event->modified_ms <= run->inherited_ms;
    return strcmp(run->event_etag, event->etag) == 0;
}

/* Discards the progress of an earlier owner. The run keeps its ID unless the event has been
 * rewritten since: that is a new event. */
static void run_forget_progress(struct run *run, bool same)
{
    json_decref(run->progress);
    run->progress = NULL;
    if (!same)
        clock_uuid(run->env->clock, run->id);
}

/* Reads the event into *text. A missing event counts as processed if it has any report at all. For
 * one that is too large, reports are not looked up: it has no version to compare with. */
static enum fetched run_fetch_event(struct run *run, struct http_client *http, struct buf *text,
                                    struct object_meta *meta, struct err *err)
{
    bool got = run->store->ops->get(run->store, http, run->key, text, meta, err);
    bool too_large = !got && err->kind == ERR_LIMIT;
    if (!got && !too_large && err->kind != ERR_NOT_FOUND)
        return err->kind == ERR_DENIED ? FETCH_DENIED : FETCH_FAILED;
    bool resumed =
        got && json_array_size(run->progress) > 0 && strcmp(run->event_etag, meta->etag) == 0;
    if (run->progress && !resumed)
        run_forget_progress(run, got && run_is_same(run, meta));
    if (!resumed && !too_large) {
        struct err list_err = ERR_INIT;
        bool finished;
        if (!run_finished_before(run, http, got ? meta : NULL, &finished, &list_err)) {
            *err = list_err;
            return FETCH_FAILED;
        }
        if (finished)
            return FETCH_FINISHED;
    }
    return got ? FETCH_READ : FETCH_IMPOSSIBLE;
}

/* A new permission needs time to take effect, so a denial is retried as often as a fault. After
 * that a report names the missing permission; otherwise the message would keep coming back. */
static struct job_answer run_retry_denied(struct run *run, const struct err *err)
{
    struct err why = *err;
    int64_t again_ms;
    why.kind = ERR_TRANSIENT;
    run->attempts++;
    if (patience_note(&run->patience, run->env->config, run->env->clock, &why, &again_ms)) {
        run_log_failure(run, "The event could not be read", err);
        run->not_before_ms = again_ms;
        return job_ready();
    }
    why.kind = err->kind;
    snprintf(why.message, sizeof why.message,
             "access to the event is denied: %.600s. Allow the identity of hgautod %s",
             err->message, run->store->form->read_permission);
    return run_set_critical(run, &why);
}

static struct job_answer run_begin_tasks(struct run *run)
{
    run_make_tasks(run);
    log_info(run->env->log, run->plan ? "Dry run started" : "Run started",
             LOG_STR("event", run->key), LOG_STR("rule", run->event.name),
             LOG_UINT("resources", run->left), LOG_STR("run", run->id));
    run_count(run, COUNT_RUNS_STARTED, 1);
    return run_set_phase(run, RUN_IDENTIFY);
}

static struct job_answer run_phase_read(struct run *run, struct http_client *http)
{
    struct err err = ERR_INIT;
    struct object_meta meta = {.size = 0};
    struct buf text = buf_make(EVENT_MAX);
    if (run->stopping)
        return run_set_phase(run, RUN_RELEASE);
    if (run->folder.size > REPORT_FOLDER_MAX) {
        err_set(&err, ERR_LIMIT, "",
                "the event's path is too long: the folder of its reports has %zu bytes, and only "
                "%d leave room for their names; write the event to a shorter path",
                run->folder.size, REPORT_FOLDER_MAX);
        return run_set_critical(run, &err);
    }
    enum fetched fetched = run_fetch_event(run, http, &text, &meta, &err);
    if (fetched == FETCH_READ) {
        memcpy(run->event_etag, meta.etag, sizeof run->event_etag);
        event_free(&run->event);
        if (!event_parse(&run->event, &text, &err))
            return run_set_critical(run, &err);
        return run_begin_tasks(run);
    }
    buf_free(&text);
    switch (fetched) {
    case FETCH_READ:
    case FETCH_FINISHED:
        log_info(run->env->log, "Event already processed: it has a report",
                 LOG_STR("event", run->key));
        return run_set_phase(run, RUN_UNCLAIM);
    case FETCH_IMPOSSIBLE:
        return run_set_critical(run, &err);
    case FETCH_DENIED:
        return run_retry_denied(run, &err);
    case FETCH_FAILED:
        break;
    }
    return run_retry_or_release(run, "The event could not be read", &err);
}

/* --- the identity --- */

/* Returns whether an automation with tasks is of the cloud. */
static bool run_acts_on(const struct run *run, enum cloud cloud)
{
    for (size_t i = 0; i < run->automation_count; i++) {
        const struct automation *a = &run->automations[i];
        if (a->tasks && a->action->cloud == cloud)
            return true;
    }
    return false;
}

/* Determines the daemon's identity once, since otherwise all tasks would wait for the first one
 * that asks. If it cannot be determined, each task reports that itself; if it is unavailable, the
 * run waits unless it has tasks that do not need it. */
static struct job_answer run_phase_identify(struct run *run, struct http_client *http)
{
    struct err err = ERR_INIT;
    struct aws *aws = run_acts_on(run, CLOUD_AWS) ? run->env->aws : NULL;
    if (run->stopping)
        return run_set_phase(run, RUN_RELEASE);
    if (aws && !aws_get_caller(aws, http, &err)) {
        if (err.kind == ERR_BUSY)
            return job_again_at(run_mono_ms(run) + IDENTITY_PAUSE_MS);
        if (err.kind == ERR_UNAVAILABLE && !run_acts_on(run, CLOUD_AZURE))
            return run_retry_or_release(run, "The daemon's own credentials are not available",
                                        &err);
    }
    run_set_phase(run, RUN_TASKS);
    run_start_tasks(run);
    return job_ready();
}

/* --- the tasks --- */

/* When a write is due that tasks wait for. */
static int64_t run_save_due_ms(struct run *run)
{
    pthread_mutex_lock(&run->lock);
    int64_t at_ms = run->saving ? run->save_after_ms : INT64_MAX;
    pthread_mutex_unlock(&run->lock);
    return at_ms;
}

/* Returns whether only tasks are left that wait for a credential, which another daemon may have, or
 * this one later. */
static bool run_is_given_back(struct run *run)
{
    char problem[2048];
    if (run->given_back)
        return true;
    pthread_mutex_lock(&run->lock);
    run->given_back = run_all_set_aside(run);
    size_t left = run->left;
    snprintf(problem, sizeof problem, "%s", run->problem ? run->problem : "");
    pthread_mutex_unlock(&run->lock);
    if (!run->given_back)
        return false;
    run->release_delay_ms = RELEASE_PAUSE_MS;
    log_warn(run->env->log, "Run released: the remaining resources wait for a credential",
             LOG_UINT("resources", left), LOG_STR("error", problem), LOG_STR("event", run->key),
             LOG_STR("run", run->id));
    return true;
}

static bool run_has_finished(struct run *run)
{
    pthread_mutex_lock(&run->lock);
    bool finished = run->left == 0;
    pthread_mutex_unlock(&run->lock);
    return finished;
}

static struct job_answer run_phase_tasks(struct run *run, struct http_client *http)
{
    bool finished = run_has_finished(run);
    order_wake(run);
    if (finished || run->stopping || run_is_given_back(run)) {
        /* If workers have tasks, this job is woken when the last one has been returned. */
        if (!sched_close(run->host->sched, &run->queue, &run->control))
            return job_idle();
        return run_set_phase(run, run_has_finished(run) ? RUN_SAVE : RUN_RELEASE);
    }
    struct job_answer answer;
    bool stored;
    if (run_mono_ms(run) >= run_save_due_ms(run) && !run_renew_claim(run, http, &stored, &answer))
        return answer;
    int64_t at_ms = run_save_due_ms(run);
    return job_again_at(at_ms < run->claim_due_ms ? at_ms : run->claim_due_ms);
}

static struct job_answer run_phase_save(struct run *run, struct http_client *http)
{
    struct job_answer answer;
    /* A dry run has no progress: it is repeated instead. */
    bool stored = run->plan;
    if (!stored && !run_renew_claim(run, http, &stored, &answer))
        return answer;
    if (stored)
        return run_set_phase(run, RUN_REPORT);
    if (run->stopping)
        return run_release(run);
    return job_again_at(run->claim_due_ms);
}

/* --- the reports --- */

/* The report's error_of. */
static const char *automation_error_of(void *ctx, size_t i)
{
    const struct automation *a = ctx;
    if (a->critical || a->refusal)
        return a->critical ? a->critical : a->refusal;
    return a->tasks[i].status == TASK_ERRORED ? a->tasks[i].text : NULL;
}

static int compare_planned(const void *a, const void *b)
{
    const struct planned *x = a, *y = b;
    if (x->resource != y->resource)
        return x->resource < y->resource ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* Returns the changes that a dry run did not make, in the order of the resources. A new reference.
 */
static json_t *automation_planned(struct automation *a)
{
    json_t *list = json_array();
    if (a->planned_count)
        qsort(a->planned, a->planned_count, sizeof *a->planned, compare_planned);
    for (size_t i = 0; i < a->planned_count; i++)
        json_array_append(list, a->planned[i].change);
    return list;
}

/* Stores the version of the event with the report. */
static bool run_put_body(struct run *run, struct http_client *http, const char *key,
                         const struct http_body *body, struct err *err)
{
    struct object_put put = {.key = key, .body = body, .metadata = run->event_etag};
    return run->store->ops->put(run->store, http, &put, NULL, err);
}

static bool run_put_report(struct run *run, struct http_client *http, size_t index, struct err *err)
{
    struct automation *a = &run->automations[index];
    json_t *planned = run->plan ? automation_planned(a) : NULL;
    struct report_input in = {.event = &run->event,
                              .automation = a->event,
                              .index = index,
                              .error_of = automation_error_of,
                              .ctx = a,
                              .critical_error = a->critical,
                              .form = run->store->form,
                              .planned = planned};
    struct buf key = buf_make(REPORT_KEY_MAX);
    struct report *report = report_open(&in);
    bool ok = report_key(&in, buf_str(&run->folder), &key)
                  ? run_put_body(run, http, buf_str(&key), report_body(report), err)
                  : err_set(err, ERR_LIMIT, "", "the name of the report is too long");
    report_close(report);
    buf_free(&key);
    json_decref(planned);
    return ok;
}

static bool run_put_critical_report(struct run *run, struct http_client *http, struct err *err)
{
    struct buf key = buf_make(REPORT_KEY_MAX), body = buf_make(1 << 20);
    report_critical_key(buf_str(&run->folder), &key);
    report_critical_body(run->critical, &body);
    struct http_body out = {.data = body.data, .size = body.size};
    bool ok = run_put_body(run, http, buf_str(&key), &out, err);
    buf_free(&key);
    buf_free(&body);
    if (ok)
        run_count(run, COUNT_CRITICAL, 1);
    return ok;
}

static void run_log_finished(const struct run *run)
{
    size_t errors = 0, total = 0;
    for (size_t i = 0; i < run->automation_count; i++) {
        const struct automation *a = &run->automations[i];
        total += a->event->count;
        errors += a->tasks ? a->errored : a->event->count;
    }
    /* An event that cannot be carried out counts as one error, whatever its contents. */
    if (run->is_critical)
        total = errors = 1;
    log_info(run->env->log, "Run finished", LOG_STR("event", run->key),
             LOG_UINT("processed", total - errors), LOG_UINT("errored", errors),
             LOG_MS("took", run_mono_ms(run) - run->began_ms), LOG_STR("run", run->id));
}

/* Writes one report per call, so that the claim can be renewed between two of them. */
static struct job_answer run_phase_report(struct run *run, struct http_client *http)
{
    struct err err = ERR_INIT;
    if (run->reports_written == (run->is_critical ? 1 : run->automation_count)) {
        run_log_finished(run);
        return run_set_phase(run, RUN_UNCLAIM);
    }
    bool ok = run->is_critical ? run_put_critical_report(run, http, &err)
                               : run_put_report(run, http, run->reports_written, &err);
    if (!ok)
        return run_retry(run, "A report could not be written", &err);
    run->reports_written++;
    run->attempts = 0;
    return job_ready();
}

/* --- the end --- */

static struct job_answer run_phase_unclaim(struct run *run, struct http_client *http)
{
    struct err err = ERR_INIT;
    enum claim_result result = claim_delete(run, http, &err);
    switch (result) {
    case CLAIM_GONE:
        run_count(run, COUNT_RUNS_FINISHED, 1);
        return run_finish(run, SETTLE_DONE);
    case CLAIM_HELD:
    case CLAIM_OTHERS:
        return run_lose_claim(run, result);
    case CLAIM_FAILED:
        break;
    }
    if (!run->stopping)
        return run_retry(run, "is_pending could not be deleted", &err);
    run_log_failure(run, "is_pending could not be deleted", &err);
    return run_finish(run, SETTLE_RELEASE);
}

/* A run that has neither begun nor inherited progress deletes its claim; any other gives it up. */
static struct job_answer run_phase_release(struct run *run, struct http_client *http)
{
    struct err err = ERR_INIT;
    if (run->lost)
        return run_finish(run, run->release_as);
    bool began = run->automations || run->inherited_ms;
    if (!began && claim_delete(run, http, &err) == CLAIM_GONE)
        log_info(run->env->log, "Run released before it began", LOG_STR("event", run->key),
                 LOG_STR("run", run->id));
    else if (!claim_give_up(run, http, &err))
        run_log_failure(run, "The claim could not be released; it will expire", &err);
    else
        log_info(run->env->log, "Run released with its progress saved", LOG_STR("event", run->key),
                 LOG_STR("run", run->id));
    return run_finish(run, run->release_as);
}

/* --- the job --- */

static struct job_answer run_phase(struct run *run, struct http_client *http)
{
    switch (run->phase) {
    case RUN_CLAIM:
        return run_phase_claim(run, http);
    case RUN_READ:
        return run_phase_read(run, http);
    case RUN_IDENTIFY:
        return run_phase_identify(run, http);
    case RUN_TASKS:
        return run_phase_tasks(run, http);
    case RUN_SAVE:
        return run_phase_save(run, http);
    case RUN_REPORT:
        return run_phase_report(run, http);
    case RUN_UNCLAIM:
        return run_phase_unclaim(run, http);
    case RUN_RELEASE:
        return run_phase_release(run, http);
    case RUN_ENDED:
        break;
    }
    return job_gone();
}

/* Runs the present phase once, under the claim, unless it is to be retried later. */
static struct job_answer run_advance(struct run *run, struct http_client *http)
{
    struct job_answer answer;
    if (!run_keep_claim(run, http, &answer))
        return answer;
    if (run_mono_ms(run) >= run->not_before_ms || run->stopping)
        return run_phase(run, http);
    bool claimed = run->phase != RUN_CLAIM;
    return job_again_at(claimed && run->claim_due_ms < run->not_before_ms ? run->claim_due_ms
                                                                          : run->not_before_ms);
}

/* The function of the control job. */
static struct job_answer run_control(struct job *job, struct http_client *http)
{
    struct run *run = (struct run *)job;
    struct job_answer answer;
    do
        answer = run_advance(run, http);
    while (answer.what == JOB_READY);
    if (answer.what == JOB_GONE)
        run->host->ended(run);
    return answer;
}
