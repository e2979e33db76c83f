/* Determines from the reports whether an event was processed before.
 *
 * A report that hgautod wrote names the version of its event. For reports of other programs, and in
 * stores that cannot keep the version, the time decides: the report must be newer than the event.
 * The same time is not newer: S3 and Azure count whole seconds, and an event may be rewritten in
 * the second in which the report on its previous version is written. */
#include <stdlib.h>
#include <string.h>

#include "daemon/run/run.h"
#include "lib/base/memory.h"

/* How many of the newest reports are examined for the version of their event; several may have been
 * written in one second. */
#define NEWEST_MAX 16

/* The newest reports in a folder. */
struct newest {
    const char *folder;
    /* NULL: the event does not exist. */
    const struct object_meta *event;
    bool any;
    /* With the time of the reports in `keys`. */
    struct object_meta meta;
    char *keys[NEWEST_MAX];
    size_t count;
};

static int compare_times(const struct object_meta *a, const struct object_meta *b)
{
    if (a->modified_ms != b->modified_ms)
        return a->modified_ms < b->modified_ms ? -1 : 1;
    return a->modified_ns < b->modified_ns ? -1 : a->modified_ns > b->modified_ns;
}

static void newest_clear(struct newest *n)
{
    while (n->count > 0)
        free(n->keys[--n->count]);
}

/* Called for each key of a listing. */
static bool newest_add(void *ctx, const char *key, const struct object_meta *meta)
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
        newest_clear(n);
    n->meta = *meta;
    n->keys[n->count++] = xstrdup(key);
    return true;
}

/* Compares the versions that the newest reports, none older than the event, name with that of the
 * event. */
static bool newest_compare(const struct newest *n, struct run *run, struct http_client *http,
                           bool *finished, struct err *err)
{
    bool later = compare_times(&n->meta, n->event) > 0;
    for (size_t i = 0; i < n->count && !*finished; i++) {
        struct object_meta meta;
        char version[OBJECT_METADATA_SIZE] = "";
        if (run->store->ops->head(run->store, http, n->keys[i], &meta, version, err))
            *finished = *version ? strcmp(version, n->event->etag) == 0 : later;
        else if (err->kind != ERR_NOT_FOUND)
            return false;
        else /* It was deleted meanwhile. */
            *err = ERR_INIT;
    }
    return true;
}

bool run_finished_before(struct run *run, struct http_client *http, const struct object_meta *event,
                         bool *finished, struct err *err)
{
    struct newest n = {.folder = buf_str(&run->folder), .event = event};
    char *prefix = xasprintf("%sreport_", n.folder);
    *finished = false;
    bool ok = run->store->ops->list(run->store, http, prefix, newest_add, &n, err);
    if (ok && !event)
        *finished = n.any;
    else if (ok)
        ok = newest_compare(&n, run, http, finished, err);
    newest_clear(&n);
    free(prefix);
    return ok;
}
