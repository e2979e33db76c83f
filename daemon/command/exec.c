/* hgautod exec: carries out one event from a file, without a queue: one delivery and a store of one
 * object, on the engine of the daemon. Reports are written to a folder or printed. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/command/command.h"
#include "daemon/env.h"
#include "daemon/run/engine.h"
#include "daemon/store/store.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/printable.h"

/* The event's key in its store: its reports are below "reports/". */
#define EVENT_KEY     "events/event.json"
#define REPORT_PREFIX "reports/report_"
#define COPY_SIZE     65536

struct exec {
    /* First: the store's functions receive its address. */
    struct store store;
    struct delivery delivery;
    const struct env *env;
    uv_loop_t loop;
    /* While it runs. */
    struct engine *engine;
    const char *path;
    /* NULL: standard output. */
    const char *report_dir;
    uv_signal_t signals[2];
    /* A report cannot be written; another attempt would not help. */
    uv_async_t broken;
    bool interrupted, unwritable;
    enum settle outcome;
    /* Why the event was returned; NULL: unknown. */
    char *problem;
};

/* --- the store, called by one worker at a time, because there is one run --- */

static bool exec_file_error(struct err *err, const char *what, const char *path)
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

/* Writes a body to a stream, in pieces if it is a stream itself. */
static bool exec_write_body(FILE *to, const struct http_body *body)
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

/* Prints a report to a terminal, without control characters that names of resources may contain. */
static bool exec_show_report(const struct http_body *body)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    bool ok = to && exec_write_body(to, body);
    ok = to && fclose(to) == 0 && ok && printable_write(stdout, text, size);
    free(text);
    return ok;
}

static bool exec_print_report(const struct http_body *body, struct err *err)
{
    bool ok = isatty(STDOUT_FILENO) ? exec_show_report(body) : exec_write_body(stdout, body);
    if (ok && putchar('\n') != EOF && fflush(stdout) == 0)
        return true;
    return exec_file_error(err, "cannot write to", "standard output");
}

/* Writes a temporary file in the folder and renames it when it is complete, so that a report is
 * visible as a whole or not at all. A symbolic link of that name is replaced, not followed. */
static bool exec_write_report(int folder, const char *name, const struct http_body *body)
{
    char temporary[64];
    int fd = file_make_temporary(folder, ".hgautod.", temporary);
    FILE *to = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!to) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    bool ok = exec_write_body(to, body) && fflush(to) == 0 && fsync(fd) == 0;
    ok = fclose(to) == 0 && ok;
    ok = ok && renameat(folder, temporary, folder, name) == 0 && fsync(folder) == 0;
    int error = errno;
    if (!ok)
        unlinkat(folder, temporary, 0);
    errno = error;
    return ok;
}

static bool exec_save_report(const struct exec *x, const char *name, const struct http_body *body,
                             struct err *err)
{
    struct buf path = buf_make(8192);
    int folder = open(x->report_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = folder >= 0 && exec_write_report(folder, name, body);
    int error = errno;
    if (folder >= 0)
        close(folder);
    errno = error;
    buf_addf(&path, "%s/%s", x->report_dir, name);
    if (!ok)
        exec_file_error(err, "cannot write", buf_str(&path));
    else if (!printable_print(stdout, "%s\n", buf_str(&path)) || fflush(stdout) != 0)
        ok = exec_file_error(err, "cannot write to", "standard output");
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
    /* is_pending is not needed: no other daemon can see this event. */
    if (strncmp(put->key, REPORT_PREFIX, strlen(REPORT_PREFIX)) != 0)
        return true;
    const char *name = strrchr(put->key, '/') + 1;
    if (x->report_dir ? exec_save_report(x, name, put->body, err)
                      : exec_print_report(put->body, err))
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

/* There is never a report, so the event is always carried out. */
static bool exec_list(struct store *s, struct http_client *http, const char *prefix,
                      object_each_fn each, void *ctx, struct err *err)
{
    (void)s;
    (void)http;
    (void)prefix;
    (void)each;
    (void)ctx;
    (void)err;
    return true;
}

/* Nothing else is called: there are no claims and no earlier reports. */
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
        x->problem = xstrdup(why);
    uv_stop(&x->loop);
}

static void exec_on_signal(uv_signal_t *handle, int number)
{
    struct exec *x = handle->data;
    (void)number;
    x->interrupted = true;
    engine_drain(x->engine, 0);
}

static void exec_on_broken(uv_async_t *handle)
{
    struct exec *x = handle->data;
    x->unwritable = true;
    engine_drain(x->engine, 0);
}

static void exec_watch_signals(struct exec *x)
{
    static const int numbers[] = {SIGINT, SIGTERM};
    uv_async_init(&x->loop, &x->broken, exec_on_broken);
    x->broken.data = x;
    for (size_t i = 0; i < 2; i++) {
        uv_signal_init(&x->loop, &x->signals[i]);
        x->signals[i].data = x;
        uv_signal_start(&x->signals[i], exec_on_signal, numbers[i]);
    }
}

/* Prints why the event was not completed. Returns the exit status. */
static int exec_conclude(const struct exec *x)
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

static int exec_run_engine(struct exec *x)
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
    int status = exec_conclude(x);
    engine_free(x->engine);
    x->engine = NULL;
    return status;
}

/* Returns whether the event can be read and reports can be written; prints why not. */
static bool exec_check_files(const char *path, const char *report_dir)
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

static int exec_event(const struct env *env, const struct invocation *in)
{
    const char *path = in->operands[0];
    struct exec x = {.env = env, .path = path, .report_dir = in->report_dir};
    if (!exec_check_files(path, in->report_dir))
        return EXIT_USAGE;
    if (uv_loop_init(&x.loop) != 0) {
        printable_print(stderr, "hgautod: cannot initialize the event loop\n");
        return EXIT_WORK_FAILED;
    }
    x.store = (struct store){.ops = &exec_store_ops, .name = path, .form = &store_form_files};
    x.delivery = (struct delivery){
        .store = &x.store, .rules = &exec_rules, .key = EVENT_KEY, .id = "", .settle = exec_settle};
    exec_watch_signals(&x);
    int status = exec_run_engine(&x);
    for (size_t i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&x.signals[i], NULL);
    uv_close((uv_handle_t *)&x.broken, NULL);
    uv_run(&x.loop, UV_RUN_DEFAULT);
    uv_loop_close(&x.loop);
    free(x.problem);
    return status;
}

int cmd_exec(const struct invocation *in)
{
    struct config *config = command_config(in, true);
    if (config && in->plan)
        config->guard.dry_run = true;
    return command_with_env(in, config, exec_event);
}
