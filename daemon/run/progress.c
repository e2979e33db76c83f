/* Progress: how far a run is, as the body of is_pending, and its restoring after a takeover.
 *
 *     {"hgautod": 1, "run": "...", "owner": "...", "event": "<etag>", "ttl_ms": N,
 * "expires": "...", "expires_ms": N, "automations": [{"action": "...", "count": 5, "processed":
 * "0-2,4", "errored": {"3": "..."}, "open": {"5": {"step": "...", "elapsed": N, "state": {...}}}}]}
 *
 * "expires" and "expires_ms" are by the writer's clock and for people; but 0 says that the claim
 * was given up. It lasts for "ttl_ms" since it was written, by the store's clock.
 *
 * "elapsed" is how long the step has been under way, in milliseconds: a length, since the clocks of
 * two hosts, or of one before and after it was set, need not agree.
 *
 * Tasks that have not begun are not mentioned. What is restored is input, which anybody may have
 * written: what is not as it is written here counts as not there, and a task that was under way
 * begins at its first step again, with what action_state_admit leaves of its state. A dry run
 * records no progress: it is simply done again. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/run/run.h"
#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/json/jpath.h"

/* No step is under way for longer, whatever the progress says. */
#define ELAPSED_MAX_MS (INT64_C(30) * 24 * 3600 * 1000)

static int64_t mono(const struct run *run)
{
    const struct clock *clock = run->env->clock;
    return clock->mono_ms(clock);
}

/* --- writing --- */

static void add_quoted(struct buf *to, const char *text)
{
    jquote(to, text, strlen(text));
}

static void add_key(struct buf *to, const char *name)
{
    add_quoted(to, name);
    buf_addc(to, ':');
}

/* The indices of processed tasks: "0-2,4". */
static void add_processed(struct buf *to, const struct automation *a)
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

static void add_errored(struct buf *to, const struct automation *a, size_t most)
{
    const char *comma = "";
    for (size_t i = 0; i < a->event->count; i++) {
        const struct task *task = &a->tasks[i];
        if (task->status != TASK_ERRORED)
            continue;
        buf_addf(to, "%s\"%zu\":", comma, i);
        const char *text = task->text ? task->text : "out of memory";
        size_t n = strlen(text);
        jquote(to, text, n < most ? n : most);
        comma = ",";
    }
}

static void add_open(struct buf *to, struct automation *a)
{
    int64_t now_ms = mono(a->run);
    const char *comma = "";
    for (size_t i = 0; i < a->event->count; i++) {
        struct task *task = &a->tasks[i];
        if (task->status == TASK_SAVING)
            task->durable = true;
        else if (task->status != TASK_OPEN || (task->step == 0 && !task->text))
            continue;
        buf_addf(to, "%s\"%zu\":{\"step\":", comma, i);
        add_quoted(to, a->action->steps[task->step].name);
        buf_addf(to, ",\"elapsed\":%" PRId64 ",\"state\":%s}",
                 task->begun ? now_ms - task->step_since_ms : 0, task->text ? task->text : "{}");
        comma = ",";
    }
}

static void add_automation(struct buf *to, struct automation *a, size_t most)
{
    buf_addc(to, '{');
    add_key(to, "action");
    add_quoted(to, a->event->name);
    buf_addf(to, ",\"count\":%zu", a->event->count);
    if (a->tasks) {
        buf_adds(to, ",\"processed\":\"");
        add_processed(to, a);
        buf_adds(to, "\",\"errored\":{");
        add_errored(to, a, most);
        buf_adds(to, "},\"open\":{");
        add_open(to, a);
        buf_addc(to, '}');
    }
    buf_addc(to, '}');
}

/* The progress of the run's own tasks. Errors are cut to `most` bytes. */
static void add_automations(struct buf *to, struct run *run, size_t most)
{
    pthread_mutex_lock(&run->lock);
    for (size_t i = 0; !run->plan && i < run->automation_count; i++) {
        if (i)
            buf_addc(to, ',');
        add_automation(to, &run->automations[i], most);
    }
    pthread_mutex_unlock(&run->lock);
}

static bool write_body(struct run *run, int64_t expires_ms, size_t most, struct buf *to)
{
    char expires[21];
    clock_iso(expires_ms, expires);
    buf_adds(to, "{\"hgautod\":1,\"run\":");
    add_quoted(to, run->id);
    buf_adds(to, ",\"owner\":");
    add_quoted(to, run->owner);
    buf_adds(to, ",\"event\":");
    add_quoted(to, run->event_etag);
    buf_addf(to,
             ",\"ttl_ms\":%" PRId64 ",\"expires\":\"%s\",\"expires_ms\":%" PRId64
             ",\"automations\":",
             run->rules->claim_ttl, expires, expires_ms);
    if (run->progress) {
        /* Not restored yet: what an earlier owner had done is handed on as it is. */
        char *kept = json_dumps(run->progress, JSON_COMPACT);
        bool ok = kept && buf_adds(to, kept);
        free(kept);
        return ok && buf_addc(to, '}');
    }
    buf_addc(to, '[');
    add_automations(to, run, most);
    buf_adds(to, "]}");
    return buf_ok(to);
}

/* Errors are cut when there are so many that they would not fit. */
#define SHORT_ERROR 100

bool progress_write(struct run *run, int64_t expires_ms, struct buf *to)
{
    if (write_body(run, expires_ms, SIZE_MAX, to))
        return true;
    buf_reset(to);
    return write_body(run, expires_ms, SHORT_ERROR, to);
}

/* --- restoring --- */

static void set_finished(struct automation *a, size_t i, const char *error)
{
    struct task *task = &a->tasks[i];
    if (i >= a->event->count || task->status != TASK_OPEN)
        return;
    task->text = error ? memory_or_die(strdup(error)) : NULL;
    task->status = error ? TASK_ERRORED : TASK_PROCESSED;
    a->errored += error != NULL;
    a->left--;
    a->run->left--;
}

/* An index below count at *at, which it is moved behind. */
static bool take_index(const char **at, size_t count, size_t *index)
{
    size_t value = 0;
    const char *begin = *at;
    for (; **at >= '0' && **at <= '9' && value < count; (*at)++)
        value = value * 10 + (size_t)(**at - '0');
    *index = value;
    return *at > begin && value < count;
}

/* Sets what "0-2,4" names to processed, or, with `only_look`, says whether it is such a text:
 * ascending, and within the automation. So it costs no more than there are resources. */
static bool walk_processed(struct automation *a, const char *set, bool only_look)
{
    size_t count = a->event->count, next = 0, first, last;
    while (*set) {
        if (!take_index(&set, count, &first) || first < next)
            return false;
        last = first;
        if (*set == '-') {
            set++;
            if (!take_index(&set, count, &last) || last < first)
                return false;
        }
        for (size_t i = first; !only_look && i <= last; i++)
            set_finished(a, i, NULL);
        next = last + 1;
        if (*set && (*set++ != ',' || !*set))
            return false;
    }
    return true;
}

/* The index that a member's name stands for; SIZE_MAX when it stands for none of the automation's.
 */
static size_t index_of(const struct automation *a, const char *name)
{
    size_t i;
    return take_index(&name, a->event->count, &i) && !*name ? i : SIZE_MAX;
}

static void restore_elapsed(struct task *task, int64_t elapsed_ms)
{
    if (elapsed_ms < 0)
        elapsed_ms = 0;
    else if (elapsed_ms > ELAPSED_MAX_MS)
        elapsed_ms = ELAPSED_MAX_MS;
    task->step_since_ms = mono(task->automation->run) - elapsed_ms;
    task->begun = true;
}

static void restore_open(struct automation *a, size_t i, const json_t *open)
{
    struct task *task = &a->tasks[i];
    const char *name = jstr(open, "step");
    const json_t *state = json_object_get(open, "state");
    if (task->status != TASK_OPEN || !name)
        return;
    /* From the first step, whichever it says: steps may be run again without harm, but one that is
     * left out (a snapshot, a look at whose it is) does harm. */
    bool first = strcmp(a->action->steps[0].name, name) == 0;
    task->restored = true;
    if (first)
        restore_elapsed(task, jint(open, "elapsed", 0));
    free(task->text); /* of the same task under another spelling of its index */
    task->text = json_object_size(state) ? memory_or_die(json_dumps(state, JSON_COMPACT)) : NULL;
    /* As far as anybody knows: what was begun is seen through. */
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
        !walk_processed(a, processed, true))
        return;
    walk_processed(a, processed, false);
    json_object_foreach(json_object_get(saved, "errored"), key, value) {
        size_t i = index_of(a, key);
        if (i != SIZE_MAX && json_is_string(value))
            set_finished(a, i, json_string_value(value));
    }
    json_object_foreach(json_object_get(saved, "open"), key, value) {
        size_t i = index_of(a, key);
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
