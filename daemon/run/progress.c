/* The progress of a run: writes it as the body of is_pending, and restores it after a takeover.
 *
 *     {"hgautod": 1, "run": "...", "owner": "...", "event": "<etag>",
 *      "ttl_ms": N, "expires": "...", "expires_ms": N,
 *      "automations": [{"action": "...", "count": 5, "processed": "0-2,4", "errored": {"3": "..."},
 *                       "open": {"5": {"step": "...", "elapsed": N, "state": {...}}}}]}
 *
 * The claim lasts for "ttl_ms" from the moment it was written, by the clock of the store. "expires"
 * and "expires_ms" are by the clock of the writer and for information only, except that 0 means
 * that the claim was given up. "elapsed" is how long the step has been in progress, in
 * milliseconds: a duration, since the clocks of two hosts, or of one before and after it was set,
 * may differ.
 *
 * Tasks that have not begun are left out. Progress that is read back is input from outside, which
 * anyone may have written: values of any other form are ignored, and a task that was in progress
 * restarts at its first step, with what action_state_admit leaves of its state. A dry run records
 * no progress: it is repeated. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/run/run.h"
#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/json/jpath.h"

/* No step is in progress for longer, whatever is_pending contains. */
#define ELAPSED_MAX_MS (INT64_C(30) * 24 * 3600 * 1000)
/* Errors are cut to this if the body would be too large otherwise. */
#define SHORT_ERROR 100

/* --- writing --- */

static void write_quoted(struct buf *to, const char *text)
{
    jquote(to, text, strlen(text));
}

/* The indexes of processed tasks: "0-2,4". */
static void write_processed(struct buf *to, const struct automation *a)
{
    const char *comma = "";
    for (size_t i = 0; i < a->event->count; i++) {
        if (a->tasks[i].status != TASK_PROCESSED)
            continue;
        size_t last = i;
        while (last + 1 < a->event->count && a->tasks[last + 1].status == TASK_PROCESSED)
            last++;
        buf_addf(to, last > i ? "%s%zu-%zu" : "%s%zu", comma, i, last);
        comma = ",";
        i = last;
    }
}

static void write_errored(struct buf *to, const struct automation *a, size_t error_max)
{
    const char *comma = "";
    for (size_t i = 0; i < a->event->count; i++) {
        const struct task *task = &a->tasks[i];
        if (task->status != TASK_ERRORED)
            continue;
        buf_addf(to, "%s\"%zu\":", comma, i);
        size_t n = strlen(task->text);
        jquote(to, task->text, n < error_max ? n : error_max);
        comma = ",";
    }
}

static void write_open(struct buf *to, const struct automation *a)
{
    int64_t now_ms = run_mono_ms(a->run);
    const char *comma = "";
    for (size_t i = 0; i < a->event->count; i++) {
        const struct task *task = &a->tasks[i];
        bool begun = task->step > 0 || task->text;
        if (task->status != TASK_SAVING && (task->status != TASK_OPEN || !begun))
            continue;
        buf_addf(to, "%s\"%zu\":{\"step\":", comma, i);
        write_quoted(to, a->action->steps[task->step].name);
        buf_addf(to, ",\"elapsed\":%" PRId64 ",\"state\":%s}",
                 task->begun ? now_ms - task->step_since_ms : 0, task->text ? task->text : "{}");
        comma = ",";
    }
}

static void write_automation(struct buf *to, const struct automation *a, size_t error_max)
{
    buf_adds(to, "{\"action\":");
    write_quoted(to, a->event->name);
    buf_addf(to, ",\"count\":%zu", a->event->count);
    if (a->tasks) {
        buf_adds(to, ",\"processed\":\"");
        write_processed(to, a);
        buf_adds(to, "\",\"errored\":{");
        write_errored(to, a, error_max);
        buf_adds(to, "},\"open\":{");
        write_open(to, a);
        buf_addc(to, '}');
    }
    buf_addc(to, '}');
}

static void write_automations(struct buf *to, struct run *run, size_t error_max)
{
    pthread_mutex_lock(&run->lock);
    for (size_t i = 0; !run->plan && i < run->automation_count; i++) {
        if (i)
            buf_addc(to, ',');
        write_automation(to, &run->automations[i], error_max);
    }
    pthread_mutex_unlock(&run->lock);
}

/* Errors are cut to error_max bytes. */
static bool write_body(struct run *run, int64_t expires_ms, size_t error_max, struct buf *to)
{
    char expires[21];
    clock_iso(expires_ms, expires);
    buf_adds(to, "{\"hgautod\":1,\"run\":");
    write_quoted(to, run->id);
    buf_adds(to, ",\"owner\":");
    write_quoted(to, run->owner);
    buf_adds(to, ",\"event\":");
    write_quoted(to, run->event_etag);
    buf_addf(to,
             ",\"ttl_ms\":%" PRId64 ",\"expires\":\"%s\",\"expires_ms\":%" PRId64
             ",\"automations\":",
             run->rules->claim_ttl, expires, expires_ms);
    if (run->progress) {
        /* Not restored yet: the progress of an earlier owner is passed on as it is. */
        char *kept = memory_or_die(json_dumps(run->progress, JSON_COMPACT));
        buf_adds(to, kept);
        free(kept);
    } else {
        buf_addc(to, '[');
        write_automations(to, run, error_max);
        buf_addc(to, ']');
    }
    buf_addc(to, '}');
    return buf_ok(to);
}

void progress_mark_durable(struct run *run)
{
    pthread_mutex_lock(&run->lock);
    for (size_t i = 0; run->saving && i < run->automation_count; i++) {
        struct automation *a = &run->automations[i];
        for (size_t k = 0; a->tasks && k < a->event->count; k++)
            if (a->tasks[k].status == TASK_SAVING)
                a->tasks[k].durable = true;
    }
    pthread_mutex_unlock(&run->lock);
}

bool progress_write(struct run *run, int64_t expires_ms, struct buf *to)
{
    if (write_body(run, expires_ms, SIZE_MAX, to))
        return true;
    buf_reset(to);
    return write_body(run, expires_ms, SHORT_ERROR, to);
}

/* --- restoring --- */

static void restore_finished(struct automation *a, size_t i, const char *error)
{
    struct task *task = &a->tasks[i];
    if (task->status != TASK_OPEN)
        return;
    task->text = error ? xstrdup(error) : NULL;
    task->status = error ? TASK_ERRORED : TASK_PROCESSED;
    a->errored += error != NULL;
    a->left--;
    a->run->left--;
}

/* Reads an index below `count` at *at, and moves *at past it. Returns false if there is none. */
static bool read_index(const char **at, size_t count, size_t *index)
{
    size_t value = 0;
    const char *begin = *at;
    for (; **at >= '0' && **at <= '9' && value < count; (*at)++)
        value = value * 10 + (size_t)(**at - '0');
    *index = value;
    return *at > begin && value < count;
}

/* Returns whether `set` is a text like "0-2,4", ascending and within the automation, so that its
 * size is bounded by the number of resources. With `apply`, marks these tasks as processed. */
static bool restore_processed(struct automation *a, const char *set, bool apply)
{
    size_t count = a->event->count, next = 0, first, last;
    while (*set) {
        if (!read_index(&set, count, &first) || first < next)
            return false;
        last = first;
        if (*set == '-') {
            set++;
            if (!read_index(&set, count, &last) || last < first)
                return false;
        }
        for (size_t i = first; apply && i <= last; i++)
            restore_finished(a, i, NULL);
        next = last + 1;
        if (*set && (*set++ != ',' || !*set))
            return false;
    }
    return true;
}

/* Returns the index that a key is; SIZE_MAX if it is none of the automation's. */
static size_t index_of_key(const struct automation *a, const char *key)
{
    size_t i;
    return read_index(&key, a->event->count, &i) && !*key ? i : SIZE_MAX;
}

static void restore_open(struct automation *a, size_t i, const json_t *open)
{
    struct task *task = &a->tasks[i];
    const char *name = jstr(open, "step");
    const json_t *state = json_object_get(open, "state");
    if (task->status != TASK_OPEN || !name)
        return;
    /* The task restarts at its first step, whatever the name: steps can be repeated without harm,
     * but one that is left out (a snapshot, an ownership check) does harm. */
    bool first = strcmp(a->action->steps[0].name, name) == 0;
    task->restored = true;
    if (first) {
        int64_t elapsed_ms = jint(open, "elapsed", 0);
        if (elapsed_ms < 0)
            elapsed_ms = 0;
        else if (elapsed_ms > ELAPSED_MAX_MS)
            elapsed_ms = ELAPSED_MAX_MS;
        task->step_since_ms = run_mono_ms(a->run) - elapsed_ms;
        task->begun = true;
    }
    /* An index may have been restored before, under another spelling of its key. */
    free(task->text);
    task->text = json_object_size(state) ? memory_or_die(json_dumps(state, JSON_COMPACT)) : NULL;
    /* As far as is known: what was begun is completed. */
    task->changed = !first || task->text;
}

static void restore_automation(struct automation *a, json_t *saved)
{
    const char *name = jstr(saved, "action");
    const char *processed = jstr(saved, "processed");
    const char *key;
    json_t *value;
    if (!a->tasks || !name || strcmp(name, a->event->name) != 0 ||
        jint(saved, "count", -1) != (int64_t)a->event->count || !processed ||
        !restore_processed(a, processed, false))
        return;
    restore_processed(a, processed, true);
    json_object_foreach(json_object_get(saved, "errored"), key, value) {
        size_t i = index_of_key(a, key);
        if (i != SIZE_MAX && json_is_string(value))
            restore_finished(a, i, json_string_value(value));
    }
    json_object_foreach(json_object_get(saved, "open"), key, value) {
        size_t i = index_of_key(a, key);
        if (i != SIZE_MAX)
            restore_open(a, i, value);
    }
}

void progress_restore(struct run *run)
{
    for (size_t i = 0; i < run->automation_count; i++)
        restore_automation(&run->automations[i], json_array_get(run->progress, i));
    json_decref(run->progress);
    run->progress = NULL;
}
