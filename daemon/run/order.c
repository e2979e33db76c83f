/* The order of tasks on one resource: an event may name it in several automations, and they never
 * act on it at the same time. The task of a later one is held until that of the one before has
 * finished.
 *
 * Which resources are the same is told by a hash of where they are and what they are called. Two
 * with one hash that are not the same wait for one another in vain, which does no harm. */
#include <ctype.h>
#include <stdlib.h>

#include "daemon/run/task.h"
#include "lib/base/hash.h"
#include "lib/json/scan.h"

/* A task, and what its resource is called. */
struct named {
    uint64_t name;
    struct task *task;
};

/* --- what a resource is called --- */

/* The fields that name a resource; the first that is there counts. */
static const char *const fields[] = {"id", "arn", "name"};
#define FIELDS (sizeof fields / sizeof *fields)

/* Finds the fields' strings among the members of a resource. False when it is no object that can be
 * read, or has none of them: its task says so itself. */
static bool find_name(struct scan *s, struct scan_token *name)
{
    size_t best = FIELDS;
    struct scan_token t = scan_next(s);
    size_t end;
    if (t.type != SCAN_OBJECT)
        return false;
    while ((t = scan_next(s)).type == SCAN_KEY) {
        size_t field = 0;
        while (field < best && !scan_equals(s, &t, fields[field]))
            field++;
        t = scan_next(s);
        if (field < best && t.type == SCAN_STRING && t.end - t.start > 2) {
            *name = t;
            best = field;
        }
        if (!scan_skip(s, &t, &end))
            return false;
    }
    return best < FIELDS;
}

/* Azure does not tell upper case from lower in its ids. */
static uint64_t add_text(uint64_t hash, const char *text, bool any_case)
{
    for (; *text; text++)
        hash = hash64_add(hash, any_case ? (char)tolower((unsigned char)*text) : *text);
    return hash64_add(hash, '\n');
}

/* The hash of the resource's name; false when it has none. `scratch` is emptied. */
static bool name_of(const struct task *task, struct buf *scratch, uint64_t *name)
{
    const struct automation *a = task->automation;
    const struct event_resource *r = &a->event->resources[task_index(task)];
    const struct event_place *place = task_place(task);
    bool azure = a->action->cloud == CLOUD_AZURE;
    struct scan_token token;
    struct scan s;
    scan_init(&s, a->run->event.text.data + r->offset, r->size);
    buf_reset(scratch);
    if (!find_name(&s, &token) || !scan_text(&s, &token, scratch))
        return false;
    uint64_t hash = add_text(HASH64_INIT, azure ? "azure" : place->region, azure);
    hash = add_text(hash, a->event->accounts[place->account], azure);
    *name = add_text(hash, buf_str(scratch), azure);
    return true;
}

/* --- the order --- */

static int compare_named(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    if (x->name != y->name)
        return x->name < y->name ? -1 : 1;
    /* Automations stand in one array in their order, and so do an automation's tasks. */
    if (x->task->automation != y->task->automation)
        return x->task->automation < y->task->automation ? -1 : 1;
    return x->task < y->task ? -1 : x->task > y->task;
}

static int compare_followers(const void *a, const void *b)
{
    const struct follower *x = a, *y = b;
    return x->task < y->task ? -1 : x->task > y->task;
}

/* All tasks that are not finished and whose resources have names: *count of them, sorted. NULL when
 * out of memory. */
static struct named *name_all(struct run *run, size_t *count)
{
    struct named *all = malloc((run->left ? run->left : 1) * sizeof *all);
    struct buf scratch = buf_make(EVENT_MAX_RESOURCE);
    *count = 0;
    for (size_t i = 0; all && i < run->automation_count; i++) {
        struct automation *a = &run->automations[i];
        for (size_t k = 0; a->tasks && k < a->event->count; k++) {
            struct task *task = &a->tasks[k];
            if (task->status == TASK_OPEN && name_of(task, &scratch, &all[*count].name))
                all[(*count)++].task = task;
        }
    }
    buf_free(&scratch);
    if (all)
        qsort(all, *count, sizeof *all, compare_named);
    return all;
}

/* Has each task wait for the one before it that has the same name. */
static bool link_all(struct run *run, const struct named *all, size_t count)
{
    size_t links = 0;
    for (size_t i = 1; i < count; i++)
        links += all[i].name == all[i - 1].name;
    if (links == 0)
        return true;
    run->followers = malloc(links * sizeof *run->followers);
    if (!run->followers)
        return false;
    for (size_t i = 1; i < count; i++) {
        if (all[i].name != all[i - 1].name)
            continue;
        run->followers[run->follower_count++] =
            (struct follower){.task = all[i - 1].task, .next = all[i].task};
        all[i - 1].task->followed = true;
        all[i].task->held = true;
        run->held++;
    }
    qsort(run->followers, run->follower_count, sizeof *run->followers, compare_followers);
    return true;
}

bool order_make(struct run *run)
{
    size_t acting = 0, count;
    for (size_t i = 0; i < run->automation_count; i++)
        acting += run->automations[i].tasks != NULL;
    if (acting < 2)
        return true;
    struct named *all = name_all(run, &count);
    bool ok = all && link_all(run, all, count);
    free(all);
    return ok;
}

void order_free(struct run *run)
{
    free(run->followers);
    run->followers = NULL;
    run->follower_count = 0;
    run->held = 0;
    run->ready = NULL;
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
    sched_hold(run->host->sched, &run->flow);
    for (struct job *next; first; first = next) {
        next = first->next;
        first->next = NULL;
        sched_wake(run->host->sched, first);
    }
    sched_open(run->host->sched, &run->flow);
}
