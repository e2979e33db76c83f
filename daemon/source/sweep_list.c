/* Finding open events: one listing of events, reports and pendings, joined by folder.
 *
 * Whatever was last written longer ago than an event may be old cannot belong to an event that is
 * young enough, so it is dropped as it is listed: memory is bounded by what was written within that
 * time. */
#include <stdlib.h>
#include <string.h>

#include "daemon/run/report.h"
#include "daemon/source/sweep.h"

enum record_kind { RECORD_REPORT, RECORD_PENDING, RECORD_EVENT };

/* Something in a folder of reports, or an event whose reports go there. */
struct record {
    char *folder; /* ends in '/' */
    char *key;    /* events only */
    char *etag;   /* events only */
    int64_t modified_ms;
    enum record_kind kind;
};

struct table {
    const struct sweep_rules *rules;
    int64_t now_ms; /* as the store told last; else the rules' */
    struct record *at;
    size_t count, room;
    bool failed;
    struct err *err;
};

static void record_free(struct record *r)
{
    free(r->folder);
    free(r->key);
    free(r->etag);
}

static void table_free(struct table *t)
{
    for (size_t i = 0; i < t->count; i++)
        record_free(&t->at[i]);
    free(t->at);
}

static bool table_grow(struct table *t)
{
    if (t->count >= SWEEP_MAX_RECORDS) {
        err_set(t->err, ERR_LIMIT, "",
                "there are more than %d objects younger than sweep_max_age: set a shorter "
                "sweep_max_age or a narrower prefix",
                SWEEP_MAX_RECORDS);
        return false;
    }
    if (t->at && t->count < t->room)
        return true;
    size_t room = t->room ? t->room * 2 : 64;
    struct record *at = realloc(t->at, room * sizeof *at);
    if (!at) {
        err_set(t->err, ERR_INTERNAL, "", "out of memory");
        return false;
    }
    t->at = at;
    t->room = room;
    return true;
}

/* Adds a report or pending. Those of one folder stand together in most listings and need one
 * record. */
static bool add_result(struct table *t, const char *key, size_t folder_size, enum record_kind kind,
                       int64_t modified_ms)
{
    struct record *last = t->count ? &t->at[t->count - 1] : NULL;
    if (last && last->kind == kind && strncmp(last->folder, key, folder_size) == 0 &&
        last->folder[folder_size] == '\0') {
        if (modified_ms > last->modified_ms)
            last->modified_ms = modified_ms;
        return true;
    }
    if (!table_grow(t))
        return false;
    char *folder = strndup(key, folder_size);
    if (!folder)
        return err_set(t->err, ERR_INTERNAL, "", "out of memory");
    t->at[t->count++] = (struct record){.folder = folder, .modified_ms = modified_ms, .kind = kind};
    return true;
}

/* Adds an event, unless it lies in no folder of events: then it would have no place for reports. */
static bool add_event(struct table *t, const char *key, const struct object_meta *meta)
{
    struct buf folder = buf_make(2048);
    if (strncmp(key, t->rules->prefix, strlen(t->rules->prefix)) != 0 ||
        !report_folder(key, &folder)) {
        buf_free(&folder);
        return true;
    }
    struct record r = {.folder = buf_take(&folder),
                       .key = strdup(key),
                       .etag = strdup(meta->etag),
                       .modified_ms = meta->modified_ms,
                       .kind = RECORD_EVENT};
    buf_free(&folder);
    bool ok = r.folder && r.key && r.etag;
    if (!ok)
        err_set(t->err, ERR_INTERNAL, "", "out of memory");
    if (!ok || !table_grow(t)) {
        record_free(&r);
        return false;
    }
    t->at[t->count++] = r;
    return true;
}

static bool on_object(void *ctx, const char *key, const struct object_meta *meta)
{
    struct table *t = ctx;
    if (meta->now_ms)
        t->now_ms = meta->now_ms;
    if (meta->modified_ms < t->now_ms - t->rules->max_age_ms)
        return true;
    const char *slash = strrchr(key, '/');
    size_t folder_size = slash ? (size_t)(slash - key) + 1 : 0;
    const char *leaf = key + folder_size;
    bool ok = true;
    if (strcmp(leaf, "event.json") == 0)
        ok = add_event(t, key, meta);
    else if (strcmp(leaf, "is_pending") == 0)
        ok = add_result(t, key, folder_size, RECORD_PENDING, meta->modified_ms);
    else if (strncmp(leaf, "report_", strlen("report_")) == 0)
        ok = add_result(t, key, folder_size, RECORD_REPORT, meta->modified_ms);
    t->failed = !ok;
    return ok;
}

/* What to list so that all events below `prefix` and all their reports are seen: `all`, and
 * `reports` too unless it is empty. A last segment that may go on to become "events" is cut off, as
 * the reports' path would differ in it. */
static bool listing_prefixes(const char *prefix, struct buf *all, struct buf *reports)
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

static bool fill(struct table *t, struct store *store, struct http_client *http)
{
    struct buf all = buf_make(2048), reports = buf_make(2048);
    bool ok = listing_prefixes(t->rules->prefix, &all, &reports);
    if (!ok)
        err_set(t->err, ERR_LIMIT, "", "the prefix is longer than a key may be");
    ok = ok && store->ops->list(store, http, buf_str(&all), on_object, t, t->err) && !t->failed;
    if (ok && reports.size > 0)
        ok = store->ops->list(store, http, buf_str(&reports), on_object, t, t->err) && !t->failed;
    buf_free(&all);
    buf_free(&reports);
    return ok;
}

static int by_folder(const void *a, const void *b)
{
    const struct record *x = a, *y = b;
    int order = strcmp(x->folder, y->folder);
    return order ? order : (int)x->kind - (int)y->kind;
}

static int by_key(const void *a, const void *b)
{
    const struct sweep_found *x = a, *y = b;
    return strcmp(x->key, y->key);
}

/* When the last report of the folder being looked at was written, and its is_pending. */
struct folder_state {
    const char *folder;
    int64_t report_ms, pending_ms;
};

static bool is_open(const struct table *t, const struct record *event,
                    const struct folder_state *state)
{
    const struct sweep_rules *rules = t->rules;
    if (event->modified_ms > t->now_ms - rules->min_age_ms && rules->min_age_ms > 0)
        return false;
    if (state->pending_ms != INT64_MIN)
        return state->pending_ms < t->now_ms - rules->pending_ttl_ms;
    return state->report_ms <= event->modified_ms; /* within one second the run finds out */
}

/* Moves the open events into *to. */
static bool join(struct table *t, struct sweep_result *to)
{
    to->at = calloc(t->count + 1, sizeof *to->at);
    if (!to->at)
        return err_set(t->err, ERR_INTERNAL, "", "out of memory");
    if (t->count > 0)
        qsort(t->at, t->count, sizeof *t->at, by_folder);
    struct folder_state state = {.folder = ""};
    for (size_t i = 0; i < t->count; i++) {
        struct record *r = &t->at[i];
        if (i == 0 || strcmp(state.folder, r->folder) != 0)
            state = (struct folder_state){r->folder, INT64_MIN, INT64_MIN};
        if (r->kind == RECORD_REPORT && r->modified_ms > state.report_ms)
            state.report_ms = r->modified_ms;
        if (r->kind == RECORD_PENDING && r->modified_ms > state.pending_ms)
            state.pending_ms = r->modified_ms;
        if (r->kind == RECORD_EVENT && is_open(t, r, &state)) {
            to->at[to->count++] = (struct sweep_found){.key = r->key, .etag = r->etag};
            r->key = r->etag = NULL;
        }
    }
    qsort(to->at, to->count, sizeof *to->at, by_key);
    return true;
}

bool sweep_list(struct store *store, struct http_client *http, const struct sweep_rules *rules,
                struct sweep_result *to, struct err *err)
{
    *to = (struct sweep_result){0};
    struct table t = {.rules = rules, .now_ms = rules->now_ms, .err = err};
    bool ok = fill(&t, store, http) && join(&t, to);
    table_free(&t);
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
