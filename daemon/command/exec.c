/* One event from a file: one delivery and a store of one object, on the ordinary engine. */
#include "daemon/command/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/exit_status.h"
#include "daemon/run/engine.h"
#include "daemon/store/store.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/printable.h"

/* The event's key in its store: reports are asked for below "reports/". */
#define EVENT_KEY     "events/event.json"
#define REPORT_PREFIX "reports/report_"
#define COPY_SIZE     65536

struct exec {
    struct store store; /* first: the store's functions are given its address */
    struct delivery delivery;
    const struct env *env;
    uv_loop_t loop;
    struct engine *engine; /* set while it runs */
    const char *path;
    const char *report_dir; /* NULL: stdout */
    uv_signal_t signals[2];
    uv_async_t broken; /* a report cannot be written: trying again would not help */
    bool interrupted, unwritable;
    enum settle outcome;
    char *problem; /* why the event was given back; NULL: not said */
};

/* --- the store: called by workers, but by one at a time, since there is one run --- */

static bool file_error(struct err *err, const char *what, const char *path)
{
    return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_INTERNAL, "", "%s %s: %s", what, path,
                   strerror(errno));
}

static bool exec_get(struct store *s, struct http_client *http, const char *key, struct buf *body,
                     struct object_meta *meta, struct err *err)
{
    const struct exec *x = (const struct exec *)s;
    (void)http;
    if (strcmp(key, EVENT_KEY) != 0)
        return err_set(err, ERR_NOT_FOUND, "", "no claim");
    struct err why = ERR_INIT;
    if (meta)
        *meta = (struct object_meta){.etag = "file"};
    return file_read(x->path, FILE_STREAMS, body, NULL, &why) ||
           err_set(err, why.kind, "", "cannot read %s: %s", x->path, why.message);
}

/* Writes a body to a stream, in pieces where it is one itself. */
static bool write_body(FILE *to, const struct http_body *body)
{
    char piece[COPY_SIZE];
    size_t n;
    if (body->data || !body->read)
        return fwrite(body->data ? body->data : "", 1, body->size, to) == body->size;
    body->rewind(body->ctx);
    while ((n = body->read(body->ctx, piece, sizeof piece)) > 0)
        if (fwrite(piece, 1, n, to) != n)
            return false;
    return true;
}

/* For a terminal, which the names of resources must not be able to steer, the report is made
 * harmless as a whole. */
static bool show_report(const struct http_body *body)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    bool ok = to && write_body(to, body);
    ok = to && fclose(to) == 0 && ok && printable_write(stdout, text, size);
    free(text);
    return ok;
}

static bool print_report(const struct http_body *body, struct err *err)
{
    bool ok = isatty(STDOUT_FILENO) ? show_report(body) : write_body(stdout, body);
    if (ok && putchar('\n') != EOF && fflush(stdout) == 0)
        return true;
    return file_error(err, "cannot write to", "standard output");
}

/* Writes a temporary file in the folder and gives it its name when it is complete: whoever looks
 * there sees all of a report or nothing. A symbolic link of that name is replaced, not followed. */
static bool write_report(int folder, const char *name, const struct http_body *body)
{
    char temporary[64];
    int fd = file_make_temporary(folder, ".hgautod.", temporary);
    FILE *to = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!to) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    bool ok = write_body(to, body) && fflush(to) == 0 && fsync(fd) == 0;
    ok = fclose(to) == 0 && ok;
    ok = ok && renameat(folder, temporary, folder, name) == 0 && fsync(folder) == 0;
    int error = errno;
    if (!ok)
        unlinkat(folder, temporary, 0);
    errno = error;
    return ok;
}

static bool save_report(const struct exec *x, const char *name, const struct http_body *body,
                        struct err *err)
{
    struct buf path = buf_make(8192);
    int folder = open(x->report_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = folder >= 0 && write_report(folder, name, body);
    int error = errno;
    if (folder >= 0)
        close(folder);
    errno = error;
    buf_addf(&path, "%s/%s", x->report_dir, name);
    if (!ok)
        file_error(err, "cannot write", buf_str(&path));
    else if (!printable_print(stdout, "%s\n", buf_str(&path)) || fflush(stdout) != 0)
        ok = file_error(err, "cannot write to", "standard output");
    buf_free(&path);
    return ok;
}

static bool exec_put(struct store *s, struct http_client *http, const struct object_put *put,
                     char new_etag[OBJECT_ETAG_SIZE], struct err *err)
{
    struct exec *x = (struct exec *)s;
    (void)http;
    if (new_etag)
        snprintf(new_etag, OBJECT_ETAG_SIZE, "file");
    if (strncmp(put->key, REPORT_PREFIX, strlen(REPORT_PREFIX)) != 0)
        return true; /* is_pending: nobody else can see this event */
    const char *name = strrchr(put->key, '/') + 1;
    if (x->report_dir ? save_report(x, name, put->body, err) : print_report(put->body, err))
        return true;
    uv_async_send(&x->broken);
    return false;
}

static bool exec_del(struct store *s, struct http_client *http, const char *key, const char *etag,
                     struct err *err)
{
    (void)s;
    (void)http;
    (void)key;
    (void)etag;
    (void)err;
    return true;
}

static bool exec_list(struct store *s, struct http_client *http, const char *prefix,
                      object_each_fn each, void *ctx, struct err *err)
{
    (void)s;
    (void)http;
    (void)prefix;
    (void)each;
    (void)ctx;
    (void)err;
    return true; /* no report: the event is always carried out */
}

/* Nothing else is asked of it: there are no claims and no reports of before. */
static const struct store_ops exec_store_ops = {
    .get = exec_get,
    .put = exec_put,
    .del = exec_del,
    .list = exec_list,
};

/* --- the loop --- */

/* No other daemon can see this event, so it is not claimed, and no claim ever expires. */
static const struct run_rules exec_rules = {.claims = false, .claim_ttl = INT64_C(1) << 40};

static void exec_settle(struct delivery *delivery, enum settle how, int64_t delay_ms,
                        const char *why)
{
    struct exec *x = (struct exec *)((char *)delivery - offsetof(struct exec, delivery));
    (void)delay_ms;
    x->outcome = how;
    if (why)
        x->problem = memory_or_die(strdup(why));
    uv_stop(&x->loop);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct exec *x = handle->data;
    (void)number;
    x->interrupted = true;
    engine_drain(x->engine, 0);
}

static void on_broken(uv_async_t *handle)
{
    struct exec *x = handle->data;
    x->unwritable = true;
    engine_drain(x->engine, 0);
}

static void watch(struct exec *x)
{
    static const int numbers[] = {SIGINT, SIGTERM};
    uv_async_init(&x->loop, &x->broken, on_broken);
    x->broken.data = x;
    for (size_t i = 0; i < 2; i++) {
        uv_signal_init(&x->loop, &x->signals[i]);
        x->signals[i].data = x;
        uv_signal_start(&x->signals[i], on_signal, numbers[i]);
    }
}

/* Exit status and last words. */
static int conclude(const struct exec *x)
{
    struct engine_counts n;
    engine_get_counts(x->engine, &n);
    if (x->problem && !x->interrupted && !x->unwritable) {
        printable_print(stderr,
                        "hgautod: the event was not completed: %s. No report was written; see the "
                        "log for the changes made\n",
                        x->problem);
        return EXIT_WORK_FAILED;
    }
    if (x->interrupted || x->outcome != SETTLE_DONE) {
        printable_print(stderr,
                        "hgautod: %s; the reports are incomplete, see the log for the changes "
                        "made\n",
                        x->interrupted ? "interrupted" : "the event could not be carried out");
        return EXIT_WORK_FAILED;
    }
    return n.errored || n.critical ? EXIT_WORK_FAILED : EXIT_DONE;
}

static int run_engine(struct exec *x)
{
    struct err err = ERR_INIT;
    char text[2048];
    struct engine_options options = {
        .env = x->env, .loop = &x->loop, .share_calls = env_shares_calls()};
    x->engine = engine_new(&options, &err);
    if (!x->engine) {
        printable_print(stderr, "hgautod: %s\n", err_text(&err, text, sizeof text));
        return EXIT_WORK_FAILED;
    }
    engine_submit(x->engine, &x->delivery);
    uv_run(&x->loop, UV_RUN_DEFAULT);
    int status = conclude(x);
    engine_free(x->engine);
    x->engine = NULL;
    return status;
}

/* Can the files be used at all? Said before anything is begun. */
static bool usable(const char *path, const char *report_dir)
{
    struct stat st;
    if (access(path, R_OK) != 0) {
        printable_print(stderr, "hgautod: cannot read the event %s: %s\n", path, strerror(errno));
        return false;
    }
    if (!report_dir)
        return true;
    if (mkdir(report_dir, 0777) != 0 && errno != EEXIST) {
        printable_print(stderr, "hgautod: cannot create the report folder %s: %s\n", report_dir,
                        strerror(errno));
        return false;
    }
    if (stat(report_dir, &st) != 0 || !S_ISDIR(st.st_mode) || access(report_dir, W_OK) != 0) {
        printable_print(stderr, "hgautod: cannot write to the report folder %s\n", report_dir);
        return false;
    }
    return true;
}

int exec_event(const struct env *env, const char *path, const char *report_dir)
{
    struct exec x = {.env = env, .path = path, .report_dir = report_dir};
    if (!usable(path, report_dir))
        return EXIT_USAGE;
    if (uv_loop_init(&x.loop) != 0) {
        printable_print(stderr, "hgautod: cannot initialize the event loop\n");
        return EXIT_WORK_FAILED;
    }
    x.store = (struct store){.ops = &exec_store_ops, .name = path, .form = &store_form_files};
    x.delivery = (struct delivery){
        .store = &x.store, .rules = &exec_rules, .key = EVENT_KEY, .id = "", .settle = exec_settle};
    watch(&x);
    int status = run_engine(&x);
    for (size_t i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&x.signals[i], NULL);
    uv_close((uv_handle_t *)&x.broken, NULL);
    uv_run(&x.loop, UV_RUN_DEFAULT);
    uv_loop_close(&x.loop);
    free(x.problem);
    return status;
}
