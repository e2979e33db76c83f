/* Finds open events: one listing of events, reports and pendings, joined by folder.
 *
 * What was last written longer ago than sweep_max_age cannot belong to an event that is young
 * enough, so it is dropped as it is listed: memory is bounded by what was written within that
 * time. */
#include <stdlib.h>
#include <string.h>

#include "daemon/run/report.h"
#include "daemon/source/sweep.h"
#include "lib/base/array.h"
#include "lib/base/memory.h"

enum sweep_record_kind { RECORD_REPORT, RECORD_PENDING, RECORD_EVENT };

/* Something in a folder of reports, or an event whose reports go there. */
struct sweep_record {
    /* Ends in '/'. */
    char *folder;
    /* Of events only. */
    char *key, *etag;
    int64_t modified_ms;
    enum sweep_record_kind kind;
};

struct sweep_table {
    const struct sweep_rules *rules;
    /* As the store reported last; otherwise the rules'. */
    int64_t now_ms;
    struct sweep_record *at;
    size_t count, room;
    bool failed;
    struct err *err;
};

static void sweep_record_free(struct sweep_record *r)
{
    free(r->folder);
    free(r->key);
    free(r->etag);
}

static void sweep_table_free(struct sweep_table *t)
{
    for (size_t i = 0; i < t->count; i++)
        sweep_record_free(&t->at[i]);
    free(t->at);
}

/* Adds a record. False, with the table's error, if there are too many. */
static bool sweep_table_add(struct sweep_table *t, struct sweep_record r)
{
    if (t->count >= SWEEP_MAX_RECORDS) {
        sweep_record_free(&r);
        return err_set(t->err, ERR_LIMIT, "",
                       "there are more than %d objects younger than sweep_max_age: set a shorter "
                       "sweep_max_age or a narrower prefix",
                       SWEEP_MAX_RECORDS);
    }
    t->at = array_room(t->at, t->count, &t->room, sizeof *t->at);
    t->at[t->count++] = r;
    return true;
}

/* Adds a report or pending. Those of one folder are adjacent in most listings and need one
 * record. */
static bool sweep_add_result(struct sweep_table *t, const char *key, size_t folder_size,
                             enum sweep_record_kind kind, int64_t modified_ms)
{
    struct sweep_record *last = t->count ? &t->at[t->count - 1] : NULL;
    if (last && last->kind == kind && strncmp(last->folder, key, folder_size) == 0 &&
        last->folder[folder_size] == '\0') {
        if (modified_ms > last->modified_ms)
            last->modified_ms = modified_ms;
        return true;
    }
    return sweep_table_add(t, (struct sweep_record){.folder = xstrndup(key, folder_size),
                                                    .modified_ms = modified_ms,
                                                    .kind = kind});
}

/* Adds an event, unless it is in no folder of events: it would have no place for reports. */
static bool sweep_add_event(struct sweep_table *t, const char *key, const struct object_meta *meta)
{
    if (strncmp(key, t->rules->prefix, strlen(t->rules->prefix)) != 0)
        return true;
    struct buf folder = buf_make(2048);
    bool ok = true;
    if (report_folder(key, &folder))
        ok = sweep_table_add(t, (struct sweep_record){.folder = buf_take(&folder),
                                                      .key = xstrdup(key),
                                                      .etag = xstrdup(meta->etag),
                                                      .modified_ms = meta->modified_ms,
                                                      .kind = RECORD_EVENT});
    buf_free(&folder);
    return ok;
}

static bool sweep_on_object(void *ctx, const char *key, const struct object_meta *meta)
{
    struct sweep_table *t = ctx;
    if (meta->now_ms)
        t->now_ms = meta->now_ms;
    if (meta->modified_ms < t->now_ms - t->rules->max_age_ms)
        return true;
    const char *slash = strrchr(key, '/');
    size_t folder_size = slash ? (size_t)(slash - key) + 1 : 0;
    const char *leaf = key + folder_size;
    bool ok = true;
    if (strcmp(leaf, "event.json") == 0)
        ok = sweep_add_event(t, key, meta);
    else if (strcmp(leaf, "is_pending") == 0)
        ok = sweep_add_result(t, key, folder_size, RECORD_PENDING, meta->modified_ms);
    else if (strncmp(leaf, "report_", strlen("report_")) == 0)
        ok = sweep_add_result(t, key, folder_size, RECORD_REPORT, meta->modified_ms);
    t->failed = !ok;
    return ok;
}

/* What to list so that all events below `prefix` and all their reports are seen: `all`, and also
 * `reports` unless it is empty. A last segment that may be the beginning of "events" is cut off, as
 * the reports' path differs in it. False if the prefix is too long. */
static bool sweep_list_prefixes(const char *prefix, struct buf *all, struct buf *reports)
{
    const char *slash = strrchr(prefix, '/');
    size_t folder = slash ? (size_t)(slash - prefix) + 1 : 0;
    const char *rest = prefix + folder;
    if (strncmp("events", rest, strlen(rest)) == 0)
        rest = "";
    buf_add(all, prefix, folder);
    struct buf example = buf_make(2048);
    buf_add(&example, prefix, folder);
    buf_adds(&example, "event.json");
    if (buf_ok(&example) && report_folder(buf_str(&example), reports))
        buf_adds(reports, rest);
    else
        buf_reset(reports);
    buf_adds(all, rest);
    bool ok = buf_ok(&example) && buf_ok(all) && buf_ok(reports);
    buf_free(&example);
    return ok;
}

static bool sweep_table_fill(struct sweep_table *t, struct store *store, struct http_client *http)
{
    struct buf all = buf_make(2048), reports = buf_make(2048);
    bool ok = sweep_list_prefixes(t->rules->prefix, &all, &reports);
    if (!ok)
        err_set(t->err, ERR_LIMIT, "", "the prefix is longer than a key may be");
    ok = ok && store->ops->list(store, http, buf_str(&all), sweep_on_object, t, t->err) &&
         !t->failed;
    if (ok && reports.size > 0)
        ok = store->ops->list(store, http, buf_str(&reports), sweep_on_object, t, t->err) &&
             !t->failed;
    buf_free(&all);
    buf_free(&reports);
    return ok;
}

static int sweep_compare_folders(const void *a, const void *b)
{
    const struct sweep_record *x = a, *y = b;
    int order = strcmp(x->folder, y->folder);
    return order ? order : (int)x->kind - (int)y->kind;
}

static int sweep_compare_keys(const void *a, const void *b)
{
    const struct sweep_found *x = a, *y = b;
    return strcmp(x->key, y->key);
}

/* When the last report of a folder was written, and its is_pending. */
struct sweep_folder {
    const char *folder;
    int64_t report_ms, pending_ms;
};

static bool sweep_is_open(const struct sweep_table *t, const struct sweep_record *event,
                          const struct sweep_folder *state)
{
    const struct sweep_rules *rules = t->rules;
    if (event->modified_ms > t->now_ms - rules->min_age_ms && rules->min_age_ms > 0)
        return false;
    if (state->pending_ms != INT64_MIN)
        return state->pending_ms < t->now_ms - rules->pending_ttl_ms;
    /* If both are of the same second, the run finds out. */
    return state->report_ms <= event->modified_ms;
}

/* Moves the open events into *to. */
static void sweep_join(struct sweep_table *t, struct sweep_result *to)
{
    to->at = xcalloc(t->count, sizeof *to->at);
    if (t->count > 0)
        qsort(t->at, t->count, sizeof *t->at, sweep_compare_folders);
    struct sweep_folder state = {.folder = ""};
    for (size_t i = 0; i < t->count; i++) {
        struct sweep_record *r = &t->at[i];
        if (i == 0 || strcmp(state.folder, r->folder) != 0)
            state = (struct sweep_folder){r->folder, INT64_MIN, INT64_MIN};
        if (r->kind == RECORD_REPORT && r->modified_ms > state.report_ms)
            state.report_ms = r->modified_ms;
        if (r->kind == RECORD_PENDING && r->modified_ms > state.pending_ms)
            state.pending_ms = r->modified_ms;
        if (r->kind == RECORD_EVENT && sweep_is_open(t, r, &state)) {
            to->at[to->count++] = (struct sweep_found){.key = r->key, .etag = r->etag};
            r->key = r->etag = NULL;
        }
    }
    qsort(to->at, to->count, sizeof *to->at, sweep_compare_keys);
}

bool sweep_list(struct store *store, struct http_client *http, const struct sweep_rules *rules,
                struct sweep_result *to, struct err *err)
{
    *to = (struct sweep_result){0};
    struct sweep_table t = {.rules = rules, .now_ms = rules->now_ms, .err = err};
    bool ok = sweep_table_fill(&t, store, http);
    if (ok)
        sweep_join(&t, to);
    sweep_table_free(&t);
    return ok;
}

void sweep_result_free(struct sweep_result *r)
{
    for (size_t i = 0; i < r->count; i++) {
        free(r->at[i].key);
        free(r->at[i].etag);
    }
    free(r->at);
    *r = (struct sweep_result){0};
}
