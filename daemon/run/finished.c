/* Whether an event was finished before: by its reports.
 *
 * A report that we wrote says which version of the event it is of. Of others, and where a store
 * cannot keep that, the time tells: it must be later than the event's. The same time is not later;
 * S3 and Azure count whole seconds, and an event may be written anew in the second of the report on
 * the one before. */
#include <stdlib.h>
#include <string.h>

#include "daemon/run/run.h"

/* So many of the reports that came last are asked which version they are of; several come in one
 * second. */
#define NEWEST_MAX 16

struct newest {
    const char *folder;
    const struct object_meta *event; /* NULL: there is no event */
    bool any;
    struct object_meta meta; /* the time of those in `keys` */
    char *keys[NEWEST_MAX];
    size_t count;
    bool failed; /* out of memory */
};

static int compare_times(const struct object_meta *a, const struct object_meta *b)
{
    if (a->modified_ms != b->modified_ms)
        return a->modified_ms < b->modified_ms ? -1 : 1;
    return a->modified_ns < b->modified_ns ? -1 : a->modified_ns > b->modified_ns;
}

static void forget_keys(struct newest *n)
{
    while (n->count > 0)
        free(n->keys[--n->count]);
}

static bool see_report(void *ctx, const char *key, const struct object_meta *meta)
{
    struct newest *n = ctx;
    size_t folder = strlen(n->folder);
    if (strncmp(key, n->folder, folder) != 0 || strncmp(key + folder, "report_", 7) != 0 ||
        strchr(key + folder, '/'))
        return true;
    n->any = true;
    if (!n->event)
        return false;
    int order = n->count ? compare_times(meta, &n->meta) : 1;
    if (compare_times(meta, n->event) < 0 || order < 0 || (order == 0 && n->count == NEWEST_MAX))
        return true;
    if (order > 0)
        forget_keys(n);
    n->meta = *meta;
    n->keys[n->count] = strdup(key);
    n->failed = !n->keys[n->count];
    n->count += !n->failed;
    return !n->failed;
}

/* Asks the newest reports, which are no older than the event, of which version they are. */
static bool ask_reports(struct run *run, struct http_client *http, const struct newest *n,
                        bool *finished, struct err *err)
{
    bool later = compare_times(&n->meta, n->event) > 0;
    for (size_t i = 0; i < n->count && !*finished; i++) {
        struct object_meta meta;
        char of[128] = "";
        if (run->store->ops->head(run->store, http, n->keys[i], &meta, of, err))
            *finished = *of ? strcmp(of, n->event->etag) == 0 : later;
        else if (err->kind == ERR_NOT_FOUND)
            *err = ERR_INIT; /* deleted meanwhile */
        else
            return false;
    }
    return true;
}

bool run_finished_before(struct run *run, struct http_client *http, const struct object_meta *event,
                         bool *finished, struct err *err)
{
    struct buf prefix = buf_make(4096);
    struct newest n = {.folder = buf_str(&run->folder), .event = event};
    *finished = false;
    bool ok = buf_addf(&prefix, "%sreport_", n.folder) ||
              err_set(err, ERR_INTERNAL, "", "out of memory while looking for reports");
    ok = ok && run->store->ops->list(run->store, http, buf_str(&prefix), see_report, &n, err);
    if (ok && n.failed)
        ok = err_set(err, ERR_INTERNAL, "", "out of memory while looking for reports");
    if (ok && !event)
        *finished = n.any;
    else if (ok)
        ok = ask_reports(run, http, &n, finished, err);
    forget_keys(&n);
    buf_free(&prefix);
    return ok;
}
