/* Watching a directory and all below it.
 *
 * After each hint a worker walks the folders. New ones get a watch, and then there is another walk,
 * because something may have been put into them before they were watched. When a walk finds nothing
 * new, the caller is told. */
#include "daemon/source/watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/env.h"
#include "daemon/run/engine.h"

#define GATHER_MS   50   /* hints come in crowds; wait for the rest of one */
#define MAX_FOLDERS 8192 /* watched; below others only the caller's own looking helps */
#define MAX_DEPTH   64
#define MAX_PATH    4096

/* A folder with its watch. */
struct folder {
    uv_fs_event_t handle;
    struct watch *watch;
    char *path;
    bool stale; /* it was removed or renamed: what is there now wants a new watch */
};

/* What a worker has found: paths, sorted. */
struct walk {
    char **paths;
    size_t count;
};

struct watch {
    const struct source_host *host;
    const char *name;
    const char *root;
    void (*changed)(void *ctx);
    void *ctx;
    uv_timer_t timer;
    struct folder **folders; /* sorted by path */
    size_t count;
    size_t open_handles; /* the watch is freed when all are closed */
    struct walk walk;    /* the worker's while walking */
    bool walking;
    bool again; /* a hint came while walking */
    bool stopped;
    bool limited; /* the system refused a watch; said once */
};

/* --- walking; on a worker --- */

static bool add_path(struct walk *walk, const char *path)
{
    if (walk->count == MAX_FOLDERS)
        return false;
    if ((walk->count & (walk->count - 1)) == 0) {
        size_t room = walk->count ? walk->count * 2 : 1;
        char **paths = realloc(walk->paths, room * sizeof *paths);
        if (!paths)
            return false;
        walk->paths = paths;
    }
    char *copy = strdup(path);
    if (!copy)
        return false;
    walk->paths[walk->count++] = copy;
    return true;
}

static bool is_ours(const char *name)
{
    return strncmp(name, ".hgautod.", strlen(".hgautod.")) == 0 || strcmp(name, "reports") == 0;
}

static bool is_folder(int parent, const char *name)
{
    struct stat st;
    return fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static void walk_folder(struct walk *walk, int fd, char path[MAX_PATH], unsigned depth);

static void walk_entry(struct walk *walk, int parent, const char *name, char path[MAX_PATH],
                       unsigned depth)
{
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || is_ours(name) ||
        !is_folder(parent, name))
        return;
    size_t n = strlen(path);
    if (n + 1 + strlen(name) < MAX_PATH) {
        snprintf(path + n, MAX_PATH - n, "/%s", name);
        int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0)
            walk_folder(walk, fd, path, depth + 1);
    }
    path[n] = '\0';
}

/* Takes fd over. What cannot be read is left out: the caller's own looking says what is wrong with
 * it. */
static void walk_folder(struct walk *walk, int fd, char path[MAX_PATH], unsigned depth)
{
    if (depth >= MAX_DEPTH || !add_path(walk, path)) {
        close(fd);
        return;
    }
    DIR *dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return;
    }
    const struct dirent *entry;
    while ((entry = readdir(dir)))
        walk_entry(walk, dirfd(dir), entry->d_name, path, depth);
    closedir(dir);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void do_walk(void *arg, struct http_client *http)
{
    (void)http;
    struct watch *w = arg;
    char path[MAX_PATH];
    snprintf(path, sizeof path, "%s", w->root);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        walk_folder(&w->walk, fd, path, 0);
    if (w->walk.count > 1)
        qsort(w->walk.paths, w->walk.count, sizeof *w->walk.paths, by_path);
}

static void walk_reset(struct walk *walk)
{
    for (size_t i = 0; i < walk->count; i++)
        free(walk->paths[i]);
    free(walk->paths);
    *walk = (struct walk){0};
}

/* --- watches --- */

static void on_walked(void *arg);

static void start_walk(struct watch *w)
{
    w->walking = true;
    w->again = false;
    engine_work(w->host->engine, do_walk, on_walked, w);
}

static void on_timer(uv_timer_t *timer)
{
    struct watch *w = timer->data;
    if (!w->walking)
        start_walk(w);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void on_hint(uv_fs_event_t *handle, const char *file, int events, int status)
{
    (void)status;
    struct folder *f = handle->data;
    struct watch *w = f->watch;
    /* What happens to the folder itself is told with its own name. */
    bool itself = (events & UV_RENAME) && file && strcmp(file, base_name(f->path)) == 0;
    f->stale = f->stale || itself;
    if (w->stopped || (!itself && file && is_ours(file)))
        return;
    w->again = true;
    if (!w->walking && !uv_is_active((uv_handle_t *)&w->timer))
        uv_timer_start(&w->timer, on_timer, GATHER_MS, 0);
}

static void handle_closed(struct watch *w)
{
    if (--w->open_handles == 0)
        free(w);
}

static void on_folder_closed(uv_handle_t *handle)
{
    struct folder *f = handle->data;
    struct watch *w = f->watch;
    free(f->path);
    free(f);
    handle_closed(w);
}

static void folder_close(struct folder *f)
{
    uv_close((uv_handle_t *)&f->handle, on_folder_closed);
}

static void say_limited(struct watch *w, int status)
{
    if (w->limited)
        return;
    w->limited = true;
    log_warn(w->host->env->log,
             "Cannot watch all folders: events in the others are only found by the regular look",
             LOG_STR("source", w->name), LOG_STR("error", status ? uv_strerror(status) : NULL),
             LOG_STR("advice", status ? "see fs.inotify.max_user_watches and max_user_instances"
                                      : "there are more than 8192"));
}

/* A watched folder; takes path over. NULL when it cannot be watched. */
static struct folder *folder_open(struct watch *w, char *path)
{
    struct folder *f = calloc(1, sizeof *f);
    if (!f) {
        free(path);
        return NULL;
    }
    f->watch = w;
    f->path = path;
    f->handle.data = f;
    if (uv_fs_event_init(w->host->loop, &f->handle) != 0) {
        free(path);
        free(f);
        return NULL;
    }
    w->open_handles++;
    int status = uv_fs_event_start(&f->handle, on_hint, path, 0);
    if (status == 0)
        return f;
    if (status != UV_ENOENT)
        say_limited(w, status);
    folder_close(f);
    return NULL;
}

/* Goes through watched and found folders side by side; returns how many watches are new. */
static size_t merge(struct watch *w, struct folder **merged)
{
    size_t added = 0, n = 0, i = 0, j = 0;
    while (i < w->count || j < w->walk.count) {
        struct folder *f = i < w->count ? w->folders[i] : NULL;
        char *path = j < w->walk.count ? w->walk.paths[j] : NULL;
        int order = !f ? 1 : !path ? -1 : strcmp(f->path, path);
        bool keep = order == 0 && !f->stale;
        if (keep)
            merged[n++] = f;
        else if (order <= 0)
            folder_close(f);
        if (!keep && order >= 0) {
            w->walk.paths[j] = NULL;
            merged[n] = folder_open(w, path);
            added += merged[n] != NULL;
            n += merged[n] != NULL;
        }
        i += order <= 0;
        j += order >= 0;
    }
    w->count = n;
    return added;
}

/* Back on the main thread. */
static void on_walked(void *arg)
{
    struct watch *w = arg;
    w->walking = false;
    size_t added = 0;
    struct folder **merged = NULL;
    if (!w->stopped)
        merged = calloc(w->count + w->walk.count + 1, sizeof(struct folder *));
    if (merged) {
        added = merge(w, merged);
        free(w->folders);
        w->folders = merged;
    }
    if (w->walk.count == MAX_FOLDERS && !w->stopped)
        say_limited(w, 0);
    walk_reset(&w->walk);
    if (w->stopped)
        return;
    if (added > 0) {
        start_walk(w);
        return;
    }
    if (w->again)
        uv_timer_start(&w->timer, on_timer, GATHER_MS, 0);
    w->changed(w->ctx);
}

/* --- the whole --- */

struct watch *watch_new(const struct source_host *host, const char *name, const char *path,
                        void (*changed)(void *ctx), void *ctx)
{
    struct watch *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    *w = (struct watch){.host = host, .name = name, .root = path, .changed = changed, .ctx = ctx};
    w->timer.data = w;
    if (uv_timer_init(host->loop, &w->timer) != 0) {
        free(w);
        return NULL;
    }
    w->open_handles = 1;
    return w;
}

void watch_start(struct watch *w)
{
    start_walk(w);
}

void watch_stop(struct watch *w)
{
    w->stopped = true;
    uv_timer_stop(&w->timer);
    for (size_t i = 0; i < w->count; i++)
        folder_close(w->folders[i]);
    w->count = 0;
}

bool watch_idle(const struct watch *w)
{
    return !w->walking;
}

bool watch_quiet(const struct watch *w)
{
    return !w->walking && !w->again;
}

static void on_timer_closed(uv_handle_t *timer)
{
    handle_closed(timer->data);
}

void watch_free(struct watch *w)
{
    watch_stop(w);
    free(w->folders);
    w->folders = NULL;
    walk_reset(&w->walk);
    uv_close((uv_handle_t *)&w->timer, on_timer_closed);
}
