/* A run's control job: from the claim to the reports, one phase after the other.
 *
 * Every phase may be repeated without harm. A phase that fails for a passing reason is tried again
 * after a pause; before the work has begun a run that cannot go on is released to the queue, after
 * that it goes on trying for as long as it holds the claim. A run whose last tasks wait for a
 * credential is given back with its progress. */
#include "daemon/run/run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/run/report.h"
#include "lib/aws/wire/partition.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/net/backoff.h"

/* A run that could not be begun (no access, no network) is looked at again after this. */
#define RELEASE_PAUSE_MS 60000
/* Between two writes of progress that tasks ask for lie at least this many times what the last one
 * took, so that ten thousand tasks that each want their state stored share a few writes. */
#define SAVE_SHARE 4
/* A renewal that failed is tried again at least this many times before the claim has lapsed and
 * again. */
#define RENEWALS_PER_TTL 16

static struct log *log_of(const struct run *run)
{
    return run->env->log;
}

static int64_t mono(const struct run *run)
{
    const struct clock *clock = run->env->clock;
    return clock->mono_ms(clock);
}

/* --- making and freeing --- */

static void name_owner(struct run *run)
{
    char host[128] = "", id[37];
    const struct env *env = run->env;
    gethostname(host, sizeof host - 1);
    clock_uuid(env->clock, id);
    snprintf(run->owner, sizeof run->owner, "%.64s/%s/%ld/%s", env->config->daemon.name, host,
             (long)getpid(), id);
}

struct run *run_new(struct run_host *host, struct delivery *delivery)
{
    struct run *run = calloc(1, sizeof *run);
    if (!run)
        return NULL;
    run->control.run = run_control;
    run->host = host;
    run->env = host->env;
    run->delivery = delivery;
    run->store = delivery->store;
    run->rules = delivery->rules;
    run->key = delivery->key;
    run->plan = host->env->config->guard.dry_run;
    run->folder = buf_make(4096);
    run->claim_key = buf_make(4096);
    run->began_ms = mono(run);
    run->release_as = SETTLE_RELEASE;
    clock_uuid(host->env->clock, run->id);
    name_owner(run);
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

/* The one place where a run's phase changes. */
static struct job_answer enter(struct run *run, enum run_phase phase)
{
    run->phase = phase;
    run->attempts = 0;
    run->patience = (struct patience){.kind = 0};
    run->not_before_ms = 0;
    return job_ready();
}

static struct job_answer end(struct run *run, enum settle outcome)
{
    enter(run, RUN_ENDED);
    run->outcome = outcome;
    return job_gone();
}

static void log_failure(struct run *run, const char *sentence, const struct err *err)
{
    log_warn(log_of(run), sentence, LOG_ERR("error", err), LOG_STR("event", run->key),
             LOG_STR("store", run->store->name), LOG_UINT("attempt", run->attempts),
             LOG_STR("run", run->id));
}

/* Why the run is given back, for whoever waits for it. */
static void note_problem(struct run *run, const struct err *err)
{
    char text[2048];
    free(run->problem);
    run->problem = memory_or_die(strdup(err_text(err, text, sizeof text)));
}

/* What failed is tried again after a pause. The claim is renewed meanwhile. */
static struct job_answer pause_for(struct run *run, const struct err *err)
{
    const struct clock *clock = run->env->clock;
    int64_t pause = err->retry_after_ms > 0 ? err->retry_after_ms : 1;
    if (err->kind != ERR_BUSY)
        pause = backoff_pause(&backoff_calls, clock, run->attempts, err);
    run->not_before_ms = mono(run) + pause;
    return job_ready();
}

/* Before any work: a passing fault is tried again for a while; then, or when it is no passing
 * fault, the queue keeps the event. What cannot be had now is waited for likewise, and is no try.
 */
static struct job_answer retry_or_release(struct run *run, const char *sentence,
                                          const struct err *err)
{
    const struct env *env = run->env;
    int64_t again_ms;
    if (err->kind == ERR_BUSY)
        return pause_for(run, err);
    run->attempts += err->kind != ERR_UNAVAILABLE;
    log_failure(run, sentence, err);
    if (!run->stopping && err_is_retryable(err) &&
        patience_note(&run->patience, env->config, env->clock, err, &again_ms)) {
        run->not_before_ms = again_ms;
        return job_ready();
    }
    note_problem(run, err);
    if (!run->stopping) {
        run->release_delay_ms = RELEASE_PAUSE_MS;
        run->release_as = err_is_retryable(err) ? SETTLE_RELEASE : SETTLE_FAILED;
    }
    return run->phase == RUN_CLAIM ? end(run, run->release_as) : enter(run, RUN_RELEASE);
}

/* The run cannot go on here. Tasks that are still in workers' hands are waited for by the tasks
 * phase. */
static struct job_answer leave(struct run *run)
{
    return enter(run, run->phase == RUN_TASKS ? RUN_TASKS : RUN_RELEASE);
}

/* After the work: on and on, for as long as the daemon runs. */
static struct job_answer retry_forever(struct run *run, const char *sentence, const struct err *err)
{
    if (run->stopping)
        return leave(run);
    if (err->kind != ERR_BUSY) {
        run->attempts++;
        log_failure(run, sentence, err);
    }
    return pause_for(run, err);
}

/* The claim is not ours any more: what we know is of no use, and nothing more is written. */
static struct job_answer lost(struct run *run, enum claim_answer answer)
{
    const char *sentence = answer == CLAIM_GONE
                               ? "is_pending is gone: another daemon has finished the event, or it "
                                 "was deleted; this run ends here"
                               : "The claim was lost to another daemon; this run ends here";
    log_warn(log_of(run), sentence, LOG_STR("event", run->key), LOG_STR("run", run->id));
    run->lost = true;
    run->release_as = SETTLE_LATER;
    run->stopping = true;
    return leave(run);
}

/* Lets go on the tasks whose state was in the write just done, at the same moment, so that those
 * which may share a call meet. */
static void wake_saved(struct run *run)
{
    sched_hold(run->host->sched, &run->flow);
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
    sched_open(run->host->sched, &run->flow);
}

/* Writes the claim anew, with the progress. When it is lost: false, and *answer is what the control
 * job answers. When it could not be written, it is tried again at claim_due_ms. */
static bool renew(struct run *run, struct http_client *http, bool *stored,
                  struct job_answer *answer)
{
    struct err err = ERR_INIT;
    int64_t began = mono(run), ended;
    enum claim_answer is = claim_renew(run, http, &err);
    ended = mono(run);
    *stored = is == CLAIM_MINE;
    if (*stored) {
        run->failed_renewals = 0;
        run->save_after_ms = ended + SAVE_SHARE * (ended - began);
        if (run->phase == RUN_TASKS)
            wake_saved(run);
        return true;
    }
    if (is != CLAIM_FAILED) {
        *answer = lost(run, is);
        return false;
    }
    log_warn(log_of(run), "The claim and the progress of the run could not be stored",
             LOG_ERR("error", &err), LOG_STR("event", run->key), LOG_STR("store", run->store->name),
             LOG_STR("run", run->id));
    int64_t pause = backoff_pause(&backoff_calls, run->env->clock, ++run->failed_renewals, &err);
    int64_t most = run->rules->claim_ttl / RENEWALS_PER_TTL;
    run->claim_due_ms = ended + (pause < most ? pause : most);
    run->save_after_ms = run->claim_due_ms;
    return true;
}

/* Sees to it that the claim is ours while a phase goes on. If it is not, for now or for good:
 * false, and *answer is what the control job answers. */
static bool keep_claim(struct run *run, struct http_client *http, struct job_answer *answer)
{
    bool stored;
    if (run->phase == RUN_CLAIM || run->phase >= RUN_RELEASE ||
        (run->phase == RUN_TASKS && run->stopping))
        return true;
    if (mono(run) >= run->claim_due_ms && !renew(run, http, &stored, answer))
        return false;
    if (claim_holds(run))
        return true;
    *answer = run->stopping ? leave(run) : job_again_at(run->claim_due_ms);
    return false;
}

/* --- claim --- */

/* Finds the folder of the event's reports. False when there is none: *outcome says what becomes of
 * the message. A path too long even for the critical-error report is left to the queue, which gives
 * up on it in its own way: nothing has told anybody yet that the event was not carried out. */
static bool place_reports(struct run *run, enum settle *outcome)
{
    if (!report_folder(run->key, &run->folder)) {
        *outcome = SETTLE_DONE;
        if (!buf_ok(&run->folder))
            return false;
        log_error(log_of(run),
                  "Event ignored: cannot derive a report path, because its path has no folder "
                  "named events",
                  LOG_STR("event", run->key), LOG_STR("store", run->store->name));
        return false;
    }
    if (run->folder.size <= REPORT_CRITICAL_FOLDER_MAX)
        return true;
    log_error(log_of(run),
              "Event not carried out: its path is too long for the name of any report; write it to "
              "a shorter path",
              LOG_STR("event", run->key), LOG_STR("store", run->store->name),
              LOG_INT("longest_report_folder", REPORT_FOLDER_MAX));
    run->release_delay_ms = RELEASE_PAUSE_MS;
    *outcome = SETTLE_FAILED;
    return false;
}

/* Names the folder of the reports and is_pending. False: *answer is what the control job answers.
 */
static bool name_places(struct run *run, struct job_answer *answer)
{
    struct err err = ERR_INIT;
    enum settle outcome;
    bool placed = place_reports(run, &outcome);
    if (!placed && buf_ok(&run->folder)) {
        *answer = end(run, outcome);
        return false;
    }
    if (placed && buf_addf(&run->claim_key, "%sis_pending", buf_str(&run->folder)))
        return true;
    buf_reset(&run->folder);
    buf_reset(&run->claim_key);
    err_set(&err, ERR_INTERNAL, "", "out of memory for the name of is_pending");
    *answer = retry_or_release(run, "The event could not be claimed", &err);
    return false;
}

static struct job_answer phase_claim(struct run *run, struct http_client *http)
{
    struct err err = ERR_INIT;
    struct job_answer answer;
    if (run->stopping)
        return end(run, SETTLE_RELEASE);
    if (!run->claim_key.size && !name_places(run, &answer))
        return answer;
    switch (claim_take(run, http, &err)) {
    case CLAIM_MINE:
        return enter(run, RUN_READ);
    case CLAIM_OTHERS:
    case CLAIM_GONE:
        log_debug(log_of(run), "Event is claimed by another run", LOG_STR("event", run->key));
        return end(run, SETTLE_LATER);
    case CLAIM_FAILED:
        break;
    }
    return retry_or_release(run, "The event could not be claimed", &err);
}

/* --- read --- */

/* The whole event cannot be carried out: its one report says why. */
static struct job_answer critical(struct run *run, const struct err *err)
{
    run->is_critical = true;
    err_text(err, run->critical, sizeof run->critical);
    log_error(log_of(run), "The event cannot be carried out", LOG_STR("error", run->critical),
              LOG_STR("event", run->key), LOG_STR("store", run->store->name),
              LOG_STR("run", run->id));
    return enter(run, RUN_REPORT);
}

/* Whether the run id of an earlier owner stands for the event as it is now. The first claim is put
 * before the event is read and names no version of it, but its owner may have begun: what it has
 * made is found again by the run id alone. */
static bool same_run(const struct run *run, const struct object_meta *event)
{
    if (!*run->event_etag)
        return event->modified_ms <= run->inherited_ms;
    return strcmp(run->event_etag, event->etag) == 0;
}

/* What the earlier owner had done is of no use. The run id stays unless the event was written anew
 * since: then it is a new event. */
static void forget_progress(struct run *run, bool same)
{
    json_decref(run->progress);
    run->progress = NULL;
    if (!same)
        clock_uuid(run->env->clock, run->id);
}

static struct job_answer begin_tasks(struct run *run)
{
    struct err err = ERR_INIT;
    if (!run_make_tasks(run)) {
        run_free_tasks(run);
        err_set(&err, ERR_INTERNAL, "", "out of memory for the tasks of the event");
        return retry_or_release(run, "The event could not be started", &err);
    }
    log_info(log_of(run), run->plan ? "Dry run started" : "Run started", LOG_STR("event", run->key),
             LOG_STR("rule", run->event.name), LOG_UINT("resources", run->left),
             LOG_STR("run", run->id));
    run_count(run, COUNT_RUNS_STARTED, 1);
    return enter(run, RUN_IDENTIFY);
}

/* The event's bytes into *text, and whether it was finished before. False with *err, and whether it
 * is the event that may not be read. */
static bool fetch_event(struct run *run, struct http_client *http, struct buf *text,
                        struct object_meta *meta, bool *finished, bool *denied, struct err *err)
{
    struct err get_err = ERR_INIT;
    bool got = run->store->ops->get(run->store, http, run->key, text, meta, &get_err);
    *finished = false;
    *denied = !got && get_err.kind == ERR_DENIED;
    if (!got && get_err.kind != ERR_NOT_FOUND && get_err.kind != ERR_LIMIT) {
        *err = get_err;
        return false;
    }
    bool resumed =
        got && json_array_size(run->progress) > 0 && strcmp(run->event_etag, meta->etag) == 0;
    if (run->progress && !resumed)
        forget_progress(run, got && same_run(run, meta));
    /* A missing event was finished if it has any report at all; one that is too large is not read,
     * whatever its age. */
    if (!resumed && get_err.kind != ERR_LIMIT &&
        !run_finished_before(run, http, got ? meta : NULL, finished, err))
        return false;
    if (!got && !*finished)
        *err = get_err;
    return got || *finished;
}

/* Permissions take a while to take effect, so it is tried as often as a fault that may pass. Then
 * the report says what is missing: nobody would learn it from a message that comes again and again.
 */
static struct job_answer retry_or_refuse(struct run *run, const struct err *err)
{
    const struct env *env = run->env;
    struct err why = *err;
    int64_t again_ms;
    why.kind = ERR_TRANSIENT;
    run->attempts++;
    if (patience_note(&run->patience, env->config, env->clock, &why, &again_ms)) {
        log_failure(run, "The event could not be read", err);
        run->not_before_ms = again_ms;
        return job_ready();
    }
    why.kind = err->kind;
    snprintf(why.message, sizeof why.message,
             "the event may not be read: %.600s. Allow the identity of hgautod %s", err->message,
             run->store->form->read_permission);
    return critical(run, &why);
}

static struct job_answer phase_read(struct run *run, struct http_client *http)
{
    struct err err = ERR_INIT;
    struct object_meta meta = {.size = 0};
    struct buf text = buf_make(EVENT_MAX);
    bool finished, denied;
    if (run->stopping)
        return enter(run, RUN_RELEASE);
    if (run->folder.size > REPORT_FOLDER_MAX) {
        err_set(&err, ERR_LIMIT, "",
                "the event's path is too long: the folder of its reports has %zu bytes, and only "
                "%d leave room for their names; write the event to a shorter path",
                run->folder.size, REPORT_FOLDER_MAX);
        return critical(run, &err);
    }
    if (!fetch_event(run, http, &text, &meta, &finished, &denied, &err)) {
        buf_free(&text);
        if (denied)
            return retry_or_refuse(run, &err);
        if (err.kind == ERR_NOT_FOUND || err.kind == ERR_LIMIT)
            return critical(run, &err);
        return retry_or_release(run, "The event could not be read", &err);
    }
    if (finished) {
        buf_free(&text);
        log_info(log_of(run), "Event already processed: it has a report",
                 LOG_STR("event", run->key));
        return enter(run, RUN_UNCLAIM);
    }
    memcpy(run->event_etag, meta.etag, sizeof run->event_etag);
    event_free(&run->event);
    if (!event_parse(&run->event, &text, &err))
        return critical(run, &err);
    return begin_tasks(run);
}

/* --- identity --- */

/* How soon it is asked again while another run is asking. */
#define IDENTITY_PAUSE_MS 5

/* Whether an automation with tasks is of the cloud. */
static bool acts_on(const struct run *run, enum cloud cloud)
{
    for (size_t i = 0; i < run->automation_count; i++) {
        const struct automation *a = &run->automations[i];
        if (a->tasks && a->action->cloud == cloud)
            return true;
    }
    return false;
}

/* Who the daemon is, is asked here and once, before all tasks would be told to wait for the one
 * that asks. If there is no answer, each task says so itself; if there is none now, the run waits,
 * unless it has tasks that do not need it. */
static struct job_answer phase_identify(struct run *run, struct http_client *http)
{
    struct aws_self self;
    struct err err = ERR_INIT;
    struct aws *aws = acts_on(run, CLOUD_AWS) ? run->env->aws : NULL;
    if (run->stopping)
        return enter(run, RUN_RELEASE);
    if (aws && !aws_self(aws, http, &self, &err)) {
        if (err.kind == ERR_BUSY)
            return job_again_at(mono(run) + IDENTITY_PAUSE_MS);
        if (err.kind == ERR_UNAVAILABLE && !acts_on(run, CLOUD_AZURE))
            return retry_or_release(run, "The daemon's own credentials are not available", &err);
    }
    enter(run, RUN_TASKS);
    run_start_tasks(run);
    return job_ready();
}

/* --- tasks --- */

/* When a write is due that tasks wait for. */
static int64_t save_at(struct run *run)
{
    pthread_mutex_lock(&run->lock);
    int64_t at = run->saving ? run->save_after_ms : INT64_MAX;
    pthread_mutex_unlock(&run->lock);
    return at;
}

/* Whether nothing is left but tasks that wait for a credential, which another daemon, or a later
 * time, may have. */
static bool gives_back(struct run *run)
{
    char problem[2048];
    if (run->given_back)
        return true;
    pthread_mutex_lock(&run->lock);
    run->given_back = run_all_aside(run);
    size_t left = run->left;
    snprintf(problem, sizeof problem, "%s", run->problem ? run->problem : "");
    pthread_mutex_unlock(&run->lock);
    if (!run->given_back)
        return false;
    run->release_delay_ms = RELEASE_PAUSE_MS;
    log_warn(log_of(run), "Run released: the remaining resources wait for a credential",
             LOG_UINT("resources", left), LOG_STR("error", problem), LOG_STR("event", run->key),
             LOG_STR("run", run->id));
    return true;
}

static bool all_finished(struct run *run)
{
    pthread_mutex_lock(&run->lock);
    bool finished = run->left == 0;
    pthread_mutex_unlock(&run->lock);
    return finished;
}

static struct job_answer phase_tasks(struct run *run, struct http_client *http)
{
    bool finished = all_finished(run);
    order_wake(run);
    if (finished || run->stopping || gives_back(run)) {
        if (!sched_close(run->host->sched, &run->flow, &run->control))
            return job_idle(); /* until the last running task is back */
        return enter(run, all_finished(run) ? RUN_SAVE : RUN_RELEASE);
    }
    struct job_answer answer;
    bool stored;
    if (mono(run) >= save_at(run) && !renew(run, http, &stored, &answer))
        return answer;
    int64_t at_ms = save_at(run);
    return job_again_at(at_ms < run->claim_due_ms ? at_ms : run->claim_due_ms);
}

/* --- reports --- */

static struct job_answer phase_save(struct run *run, struct http_client *http)
{
    struct job_answer answer;
    bool stored = run->plan;
    if (!stored && !renew(run, http, &stored, &answer))
        return answer;
    if (stored)
        return enter(run, RUN_REPORT);
    if (run->stopping)
        return leave(run);
    return job_again_at(run->claim_due_ms);
}

static const char *error_of(void *ctx, size_t i)
{
    const struct automation *a = ctx;
    if (a->critical || a->refusal)
        return a->critical ? a->critical : a->refusal;
    if (a->tasks[i].status != TASK_ERRORED)
        return NULL;
    return a->tasks[i].text ? a->tasks[i].text : "out of memory";
}

static int compare_planned(const void *a, const void *b)
{
    const struct planned *x = a, *y = b;
    if (x->resource != y->resource)
        return x->resource < y->resource ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* The changes that the dry run left out, in the order of the resources. A new reference; NULL when
 * out of memory. */
static json_t *planned_list(struct automation *a)
{
    json_t *list = json_array();
    if (a->planned_count)
        qsort(a->planned, a->planned_count, sizeof *a->planned, compare_planned);
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < a->planned_count; i++)
        ok = json_array_append(list, a->planned[i].change) == 0;
    if (ok)
        return list;
    json_decref(list);
    return NULL;
}

/* A report keeps the version of its event. */
static bool put_body(struct run *run, struct http_client *http, const char *key,
                     const struct http_body *body, struct err *err)
{
    struct object_put put = {.key = key, .body = body, .metadata = run->event_etag};
    return run->store->ops->put(run->store, http, &put, NULL, err);
}

static bool put_report(struct run *run, struct http_client *http, const struct report_input *in,
                       struct err *err)
{
    struct buf key = buf_make(4096);
    struct report *report = report_open(in);
    bool ok = report && report_key(in, buf_str(&run->folder), &key);
    if (ok)
        ok = put_body(run, http, buf_str(&key), report_body(report), err);
    else
        err_set(err, ERR_INTERNAL, "", "out of memory for a report");
    if (report)
        report_close(report);
    buf_free(&key);
    return ok;
}

static bool put_automation(struct run *run, struct http_client *http, size_t index, struct err *err)
{
    struct automation *a = &run->automations[index];
    json_t *planned = run->plan ? planned_list(a) : NULL;
    struct report_input in = {.event = &run->event,
                              .automation = a->event,
                              .index = index,
                              .error_of = error_of,
                              .ctx = a,
                              .critical_error = a->critical,
                              .form = run->store->form,
                              .planned = planned};
    /* Without its list the report of a dry run would be one of a run. */
    bool ok = !run->plan || planned ||
              err_set(err, ERR_INTERNAL, "", "out of memory for the changes of a dry run");
    ok = ok && put_report(run, http, &in, err);
    json_decref(planned);
    return ok;
}

static bool put_critical(struct run *run, struct http_client *http, struct err *err)
{
    struct buf key = buf_make(4096), body = buf_make(1 << 20);
    bool ok = report_critical_key(buf_str(&run->folder), &key) &&
              report_critical_body(run->critical, &body);
    struct http_body out = {.data = body.data, .size = body.size};
    if (ok)
        ok = put_body(run, http, buf_str(&key), &out, err);
    else
        err_set(err, ERR_INTERNAL, "", "out of memory for a report");
    buf_free(&key);
    buf_free(&body);
    if (ok)
        run_count(run, COUNT_CRITICAL, 1);
    return ok;
}

static void log_finished(const struct run *run)
{
    size_t errors = 0, total = 0;
    for (size_t i = 0; i < run->automation_count; i++) {
        const struct automation *a = &run->automations[i];
        total += a->event->count;
        errors += a->tasks ? a->errored : a->event->count;
    }
    /* An event that could not be carried out at all is one error, whatever was in it. */
    if (run->is_critical)
        total = errors = 1;
    log_info(log_of(run), "Run finished", LOG_STR("event", run->key),
             LOG_UINT("processed", total - errors), LOG_UINT("errored", errors),
             LOG_MS("took", mono(run) - run->began_ms), LOG_STR("run", run->id));
}

/* One report a turn, so that the claim can be renewed between two of them. */
static struct job_answer phase_report(struct run *run, struct http_client *http)
{
    struct err err = ERR_INIT;
    if (run->reports_written == (run->is_critical ? 1 : run->automation_count)) {
        log_finished(run);
        return enter(run, RUN_UNCLAIM);
    }
    bool ok = run->is_critical ? put_critical(run, http, &err)
                               : put_automation(run, http, run->reports_written, &err);
    if (!ok)
        return retry_forever(run, "A report could not be written", &err);
    run->reports_written++;
    run->attempts = 0;
    return job_ready();
}

static struct job_answer phase_unclaim(struct run *run, struct http_client *http)
{
    struct err err = ERR_INIT;
    enum claim_answer answer = claim_delete(run, http, &err);
    switch (answer) {
    case CLAIM_GONE:
        run_count(run, COUNT_RUNS_FINISHED, 1);
        return end(run, SETTLE_DONE);
    case CLAIM_MINE:
    case CLAIM_OTHERS:
        return lost(run, answer);
    case CLAIM_FAILED:
        break;
    }
    if (!run->stopping)
        return retry_forever(run, "is_pending could not be deleted", &err);
    log_failure(run, "is_pending could not be deleted", &err);
    return end(run, SETTLE_RELEASE);
}

static struct job_answer phase_release(struct run *run, struct http_client *http)
{
    struct err err = ERR_INIT;
    if (run->lost)
        return end(run, run->release_as);
    bool began = run->automations || run->inherited_ms;
    if (!began && claim_delete(run, http, &err) == CLAIM_GONE)
        log_info(log_of(run), "Run released before it began", LOG_STR("event", run->key),
                 LOG_STR("run", run->id));
    else if (!claim_give_up(run, http, &err))
        log_failure(run, "The claim could not be released; it will expire", &err);
    else
        log_info(log_of(run), "Run released with its progress saved", LOG_STR("event", run->key),
                 LOG_STR("run", run->id));
    return end(run, run->release_as);
}

/* --- the job --- */

static struct job_answer phase_turn(struct run *run, struct http_client *http)
{
    switch (run->phase) {
    case RUN_CLAIM:
        return phase_claim(run, http);
    case RUN_READ:
        return phase_read(run, http);
    case RUN_IDENTIFY:
        return phase_identify(run, http);
    case RUN_TASKS:
        return phase_tasks(run, http);
    case RUN_SAVE:
        return phase_save(run, http);
    case RUN_REPORT:
        return phase_report(run, http);
    case RUN_UNCLAIM:
        return phase_unclaim(run, http);
    case RUN_RELEASE:
        return phase_release(run, http);
    case RUN_ENDED:
        break;
    }
    return job_gone();
}

/* One turn of the phase, under the claim. */
static struct job_answer step(struct run *run, struct http_client *http)
{
    struct job_answer answer;
    if (!keep_claim(run, http, &answer))
        return answer;
    if (mono(run) >= run->not_before_ms || run->stopping)
        return phase_turn(run, http);
    bool claimed = run->phase != RUN_CLAIM;
    return job_again_at(claimed && run->claim_due_ms < run->not_before_ms ? run->claim_due_ms
                                                                          : run->not_before_ms);
}

struct job_answer run_control(struct job *job, struct http_client *http)
{
    struct run *run = (struct run *)job;
    struct job_answer answer;
    do {
        answer = step(run, http);
    } while (answer.what == JOB_READY);
    if (answer.what == JOB_GONE)
        run->host->ended(run);
    return answer;
}
