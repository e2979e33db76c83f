/* The order of tasks on one resource. An event may name a resource in several automations, which
 * never act on it at the same time: the task of a later automation is held until that of the one
 * before has finished.
 *
 * Resources are identified by a hash of their place and name. Two different ones with the same hash
 * wait for each other needlessly, which does no harm. */
#include <ctype.h>
#include <stdlib.h>

#include "daemon/run/task.h"
#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/json/scan.h"

/* A task, and the hash of its resource. */
struct identified {
    uint64_t hash;
    struct task *task;
};

/* --- identifying resources --- */

/* The fields that may name a resource; the first that is present counts. */
static const char *const name_fields[] = {"id", "arn", "name"};
#define NAME_FIELDS (sizeof name_fields / sizeof *name_fields)

/* Finds the name among the members of a resource. Returns false if it is not an object that can be
 * read, or has no name: its task reports that itself. */
static bool order_find_name(struct scan *s, struct scan_token *name)
{
    size_t best = NAME_FIELDS;
    struct scan_token t = scan_next(s);
    size_t end;
    if (t.type != SCAN_OBJECT)
        return false;
    while ((t = scan_next(s)).type == SCAN_KEY) {
        size_t field = 0;
        while (field < best && !scan_equals(s, &t, name_fields[field]))
            field++;
        t = scan_next(s);
        if (field < best && t.type == SCAN_STRING && t.end - t.start > 2) {
            *name = t;
            best = field;
        }
        if (!scan_skip(s, &t, &end))
            return false;
    }
    return best < NAME_FIELDS;
}

/* IDs of Azure are case-insensitive. */
static uint64_t order_hash_add(uint64_t hash, const char *text, bool any_case)
{
    for (; *text; text++)
        hash = hash64_add(hash, any_case ? (char)tolower((unsigned char)*text) : *text);
    return hash64_add(hash, '\n');
}

/* Computes the hash of the resource of a task; false if it has no name. `scratch` is emptied. */
static bool order_identify(const struct task *task, struct buf *scratch, uint64_t *hash)
{
    const struct automation *a = task->automation;
    const struct event_resource *r = &a->event->resources[task_index(task)];
    const struct event_place *place = task_place(task);
    bool azure = a->action->cloud == CLOUD_AZURE;
    struct scan_token token;
    struct scan s;
    scan_init(&s, a->run->event.text.data + r->offset, r->size);
    buf_reset(scratch);
    if (!order_find_name(&s, &token) || !scan_text(&s, &token, scratch))
        return false;
    uint64_t h = order_hash_add(HASH64_INIT, azure ? "azure" : place->region, azure);
    h = order_hash_add(h, a->event->accounts[place->account], azure);
    *hash = order_hash_add(h, buf_str(scratch), azure);
    return true;
}

/* --- the order --- */

static int compare_identified(const void *a, const void *b)
{
    const struct identified *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    /* Automations are in one array in their order, and so are the tasks of an automation. */
    if (x->task->automation != y->task->automation)
        return x->task->automation < y->task->automation ? -1 : 1;
    return x->task < y->task ? -1 : x->task > y->task;
}

static int compare_followers(const void *a, const void *b)
{
    const struct follower *x = a, *y = b;
    return x->task < y->task ? -1 : x->task > y->task;
}

/* Returns all tasks that are not finished and whose resources have names: *count of them, sorted.
 * Owned by the caller. */
static struct identified *order_identify_all(struct run *run, size_t *count)
{
    struct identified *all = xmalloc(run->left * sizeof *all);
    struct buf scratch = buf_make(EVENT_MAX_RESOURCE);
    *count = 0;
    for (size_t i = 0; i < run->automation_count; i++) {
        struct automation *a = &run->automations[i];
        for (size_t k = 0; a->tasks && k < a->event->count; k++) {
            struct task *task = &a->tasks[k];
            if (task->status == TASK_OPEN && order_identify(task, &scratch, &all[*count].hash))
                all[(*count)++].task = task;
        }
    }
    buf_free(&scratch);
    qsort(all, *count, sizeof *all, compare_identified);
    return all;
}

/* Holds each task for the one before it that has the same hash. */
static void order_link(struct run *run, const struct identified *all, size_t count)
{
    size_t links = 0;
    for (size_t i = 1; i < count; i++)
        links += all[i].hash == all[i - 1].hash;
    if (links == 0)
        return;
    run->followers = xmalloc(links * sizeof *run->followers);
    for (size_t i = 1; i < count; i++) {
        if (all[i].hash != all[i - 1].hash)
            continue;
        run->followers[run->follower_count++] =
            (struct follower){.task = all[i - 1].task, .next = all[i].task};
        all[i - 1].task->has_follower = true;
        all[i].task->held = true;
        run->held++;
    }
    qsort(run->followers, run->follower_count, sizeof *run->followers, compare_followers);
}

void order_make(struct run *run)
{
    size_t acting = 0, count;
    for (size_t i = 0; i < run->automation_count; i++)
        acting += run->automations[i].tasks != NULL;
    if (acting < 2)
        return;
    struct identified *all = order_identify_all(run, &count);
    order_link(run, all, count);
    free(all);
}

void order_free(struct run *run)
{
    free(run->followers);
    run->followers = NULL;
    run->follower_count = 0;
    run->held = 0;
    run->ready = NULL;
}

void order_release(struct task *task)
{
    struct run *run = task->automation->run;
    const struct follower key = {.task = task};
    const struct follower *found = NULL;
    if (task->has_follower)
        found = bsearch(&key, run->followers, run->follower_count, sizeof key, compare_followers);
    if (!found)
        return;
    found->next->held = false;
    found->next->job.next = run->ready;
    run->ready = &found->next->job;
    run->held--;
}

void order_wake(struct run *run)
{
    pthread_mutex_lock(&run->lock);
    struct job *last = run->ready, *first = NULL;
    run->ready = NULL;
    pthread_mutex_unlock(&run->lock);
    if (!last)
        return;
    for (struct job *before; last; last = before) {
        before = last->next;
        last->next = first;
        first = last;
    }
    sched_pause(run->host->sched, &run->queue);
    for (struct job *next; first; first = next) {
        next = first->next;
        first->next = NULL;
        sched_wake(run->host->sched, first);
    }
    sched_resume(run->host->sched, &run->queue);
}
