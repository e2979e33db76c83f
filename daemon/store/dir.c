/* The store below a directory.
 *
 * An object is a regular file; its key is its path below the root. Nothing outside the root can be
 * reached: a path is opened segment by segment, relative to the folder before it, and no symbolic
 * link is followed.
 *
 * A write goes into a temporary file of the same folder, which is renamed over the old one. Every
 * rename and removal is done under an advisory lock on one file at the root, and a conditional one
 * compares under it. The lock is held for a stat and a rename; bytes are written and synced before,
 * the folder is synced after.
 *
 * An ETag is inode, size and time of change in nanoseconds. A write sets that time itself, later
 * than that of the file it replaces, because the kernel's own stamps may be the same for two writes
 * within some milliseconds. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "daemon/store/store.h"
#include "lib/base/clock.h"
#include "lib/base/container.h"
#include "lib/base/file.h"
#include "lib/base/memory.h"
#include "lib/base/utf8.h"

/* The names of files have at most 255 bytes on Linux's file systems (NAME_MAX). */
const struct store_form store_form_files = {
    .account_noun = "accounts",
    .suffix = ".json",
    .leaf_max = 255,
    .clouds = 1u << CLOUD_AWS | 1u << CLOUD_AZURE,
    .read_permission = "to read the file and to enter its folders",
};

#define KEY_MAX_BYTES 1024
#define MAX_DEPTH     64
/* Of the names of our lock and temporary files, which are not keys. */
#define OWN_PREFIX ".hgautod."
#define LOCK_NAME  OWN_PREFIX "lock"

struct dir_store {
    struct store base;
    /* A descriptor. */
    int root;
    /* "directory /srv/events" */
    char *name;
};

static struct dir_store *dir_store_of(struct store *base)
{
    return container_of(base, struct dir_store, base);
}

static enum err_kind dir_err_kind(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return ERR_DENIED;
    case EIO:
    case ENOSPC:
    case EDQUOT:
    case ESTALE:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
    case ETIMEDOUT:
        return ERR_TRANSIENT;
    case ELOOP:
    case EISDIR:
    case ENAMETOOLONG:
        return ERR_INVALID;
    default:
        return ERR_INTERNAL;
    }
}

/* Sets the error: what was tried, and why the system refused. Returns false. */
static bool dir_failed(struct err *err, int error, const char *what, const char *key)
{
    const char *why = error == ELOOP ? "symbolic links are not followed" : strerror(error);
    return err_set(err, dir_err_kind(error), strerrorname_np(error), "cannot %s %s: %s", what, key,
                   why);
}

/* --- keys --- */

static bool dir_segment_valid(const char *at, size_t n)
{
    if (n == 0 || n > 255 || (n == 1 && at[0] == '.') || (n == 2 && memcmp(at, "..", 2) == 0))
        return false;
    if (n >= strlen(OWN_PREFIX) && memcmp(at, OWN_PREFIX, strlen(OWN_PREFIX)) == 0)
        return false;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)at[i] < 0x20 || at[i] == 0x7f)
            return false;
    return utf8_valid(at, n);
}

/* Returns true if the first n bytes are segments joined by '/'. */
static bool dir_path_valid(const char *path, size_t n)
{
    unsigned depth = 0;
    for (size_t at = 0;; depth++) {
        const char *slash = memchr(path + at, '/', n - at);
        size_t end = slash ? (size_t)(slash - path) : n;
        if (depth >= MAX_DEPTH || !dir_segment_valid(path + at, end - at))
            return false;
        if (!slash)
            return true;
        at = end + 1;
    }
}

static bool dir_check_key(const char *key, struct err *err)
{
    size_t n = strlen(key);
    if (n <= KEY_MAX_BYTES && dir_path_valid(key, n))
        return true;
    return err_set(
        err, ERR_INVALID, "",
        "\"%.200s\" is not a valid key of a directory store: it must be a relative path of at most "
        "%d bytes without empty, \".\" or \"..\" segments",
        key, KEY_MAX_BYTES);
}

/* --- folders --- */

static int dir_open_folder(int at, const char *name)
{
    return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Opens a folder in `at`, created if it is missing. -1 with errno. */
static int dir_make_folder(int at, const char *name)
{
    if (mkdirat(at, name, 0777) == 0) {
        if (fsync(at) != 0)
            return -1;
    } else if (errno != EEXIST) {
        return -1;
    }
    return dir_open_folder(at, name);
}

/* Opens the folder at the first n bytes of a valid path ("a/b"), n == 0: the root. -1 with
 * errno. */
static int dir_walk(const struct dir_store *s, const char *path, size_t n, bool create)
{
    int fd = dir_open_folder(s->root, ".");
    char name[256];
    for (size_t at = 0; fd >= 0 && at < n;) {
        const char *slash = memchr(path + at, '/', n - at);
        size_t size = (slash ? (size_t)(slash - path) : n) - at;
        memcpy(name, path + at, size);
        name[size] = '\0';
        int next = dir_open_folder(fd, name);
        if (next < 0 && errno == ENOENT && create)
            next = dir_make_folder(fd, name);
        int error = errno;
        close(fd);
        errno = error;
        fd = next;
        at += size + 1;
    }
    return fd;
}

/* Opens the folder that holds a key; *leaf becomes its last segment. */
static int dir_open_parent(const struct dir_store *s, const char *key, bool create,
                           const char **leaf)
{
    const char *slash = strrchr(key, '/');
    *leaf = slash ? slash + 1 : key;
    return dir_walk(s, key, slash ? (size_t)(slash - key) : 0, create);
}

/* --- metadata --- */

/* The clock is the one that dir_stamp() sets times by. */
static void dir_fill_meta(struct object_meta *meta, const struct stat *st)
{
    meta->now_ms = system_clock.wall_ms(&system_clock);
    snprintf(meta->etag, sizeof meta->etag, "\"%jx-%jx-%jx.%lx\"", (uintmax_t)st->st_ino,
             (uintmax_t)st->st_size, (uintmax_t)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
    meta->modified_ms = (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
    meta->modified_ns = (int32_t)(st->st_mtim.tv_nsec % 1000000);
    meta->size = (size_t)st->st_size;
}

/* --- reading --- */

static bool dir_read_all(int fd, const char *key, struct buf *body, struct err *err)
{
    int why = file_read_fd(fd, body);
    if (why == EFBIG)
        return err_set(err, ERR_LIMIT, "", "%s is larger than %zu bytes, the limit", key,
                       body->max);
    return why == 0 || dir_failed(err, why, "read", key);
}

/* Opens a key's file for reading. -1 with *err. */
static int dir_open_file(const struct dir_store *s, const char *key, struct stat *st,
                         struct err *err)
{
    if (!dir_check_key(key, err))
        return -1;
    const char *leaf;
    int parent = dir_open_parent(s, key, false, &leaf);
    if (parent < 0) {
        dir_failed(err, errno, "open", key);
        return -1;
    }
    int fd = file_open(parent, leaf, FILE_NO_LINKS, st);
    int error = errno;
    close(parent);
    if (fd < 0 && (error == ENOTSUP || error == EISDIR))
        err_set(err, ERR_INVALID, "", "cannot read %s: it is not a regular file", key);
    else if (fd < 0)
        dir_failed(err, error, "open", key);
    return fd;
}

static bool dir_store_get(struct store *base, struct http_client *http, const char *key,
                          struct buf *body, struct object_meta *meta, struct err *err)
{
    (void)http;
    struct stat st;
    int fd = dir_open_file(dir_store_of(base), key, &st, err);
    if (fd < 0)
        return false;
    bool ok = dir_read_all(fd, key, body, err);
    close(fd);
    if (ok && meta)
        dir_fill_meta(meta, &st);
    return ok;
}

/* The extended attribute with an object's metadata, on file systems that have such attributes. */
#define METADATA_NAME "user.hgautod.event"

static bool dir_store_head(struct store *base, struct http_client *http, const char *key,
                           struct object_meta *meta, char metadata[OBJECT_METADATA_SIZE],
                           struct err *err)
{
    (void)http;
    struct stat st;
    int fd = dir_open_file(dir_store_of(base), key, &st, err);
    if (fd < 0)
        return false;
    ssize_t n = metadata ? fgetxattr(fd, METADATA_NAME, metadata, OBJECT_METADATA_SIZE - 1) : 0;
    if (metadata)
        metadata[n > 0 ? n : 0] = '\0';
    close(fd);
    dir_fill_meta(meta, &st);
    return true;
}

/* --- writing --- */

/* Takes the lock that makes comparison and rename atomic. Returns a descriptor, which releases the
 * lock when it is closed; -1 with errno. */
static int dir_lock(const struct dir_store *s)
{
    int fd = openat(s->root, LOCK_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0)
        return -1;
    while (flock(fd, LOCK_EX) != 0) {
        if (errno == EINTR)
            continue;
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static bool dir_write_bytes(int fd, const char *at, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, at, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return false;
        at += done;
        n -= (size_t)done;
    }
    return true;
}

static bool dir_write_body(int fd, const struct http_body *body)
{
    if (body->data || !body->read)
        return dir_write_bytes(fd, body->data, body->size);
    char chunk[65536];
    body->rewind(body->ctx);
    for (size_t left = body->size; left > 0;) {
        size_t n = body->read(body->ctx, chunk, left < sizeof chunk ? left : sizeof chunk);
        if (n == 0) {
            /* The stream is shorter than its size. */
            errno = EIO;
            return false;
        }
        if (!dir_write_bytes(fd, chunk, n))
            return false;
        left -= n;
    }
    return true;
}

/* Sets the new file's time to now, or to just after that of the file that it replaces. */
static bool dir_stamp(int fd, const struct stat *old)
{
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return false;
    if (old && (old->st_mtim.tv_sec > now.tv_sec ||
                (old->st_mtim.tv_sec == now.tv_sec && old->st_mtim.tv_nsec >= now.tv_nsec))) {
        now = old->st_mtim;
        if (++now.tv_nsec == 1000000000) {
            now.tv_sec++;
            now.tv_nsec = 0;
        }
    }
    return futimens(fd, (struct timespec[2]){{.tv_nsec = UTIME_OMIT}, now}) == 0;
}

/* A write under way. */
struct dir_write {
    /* Descriptors of the folder, and of the temporary file in it. */
    int parent, fd;
    /* The file's name; "" once it has been renamed. */
    char temporary[64];
    const char *leaf;
    const struct object_put *put;
};

static bool dir_rename(const struct dir_write *p)
{
    if (p->put->condition == OBJECT_IF_ABSENT) {
        /* Guards against writers that do not take our lock; not every file system has it. */
        if (renameat2(p->parent, p->temporary, p->parent, p->leaf, RENAME_NOREPLACE) == 0)
            return true;
        if (errno != EINVAL)
            return false;
    }
    return renameat(p->parent, p->temporary, p->parent, p->leaf) == 0;
}

/* Under the lock: compares and renames. */
static bool dir_replace(const struct dir_write *p, struct err *err)
{
    struct stat old;
    bool exists = fstatat(p->parent, p->leaf, &old, AT_SYMLINK_NOFOLLOW) == 0;
    if (!exists && errno != ENOENT)
        return dir_failed(err, errno, "write", p->put->key);
    if (p->put->condition == OBJECT_IF_ABSENT && exists)
        return err_set(err, ERR_PRECONDITION, "", "%s already exists", p->put->key);
    if (p->put->condition == OBJECT_IF_MATCH) {
        struct object_meta meta = {.size = 0};
        if (exists)
            dir_fill_meta(&meta, &old);
        if (!exists || strcmp(meta.etag, p->put->etag) != 0)
            return err_set(err, ERR_PRECONDITION, "", "%s has been %s since it was read",
                           p->put->key, exists ? "changed" : "deleted");
    }
    if (dir_stamp(p->fd, exists ? &old : NULL) && dir_rename(p))
        return true;
    if (errno == EEXIST)
        return err_set(err, ERR_PRECONDITION, "", "%s already exists", p->put->key);
    return dir_failed(err, errno, "write", p->put->key);
}

/* Writes the temporary file, renames it over the old one, and makes both durable. */
static bool dir_write_file(const struct dir_store *s, struct dir_write *p,
                           char new_etag[OBJECT_ETAG_SIZE], struct err *err)
{
    const char *metadata = p->put->metadata;
    if (metadata && *metadata)
        (void)fsetxattr(p->fd, METADATA_NAME, metadata, strlen(metadata), 0);
    if (!dir_write_body(p->fd, p->put->body) || fsync(p->fd) != 0)
        return dir_failed(err, errno, "write", p->put->key);
    int lock = dir_lock(s);
    if (lock < 0)
        return dir_failed(err, errno, "lock the store to write", p->put->key);
    bool ok = dir_replace(p, err);
    close(lock);
    if (!ok)
        return false;
    p->temporary[0] = '\0';
    struct stat st;
    if (fsync(p->parent) != 0 || fstat(p->fd, &st) != 0)
        return dir_failed(err, errno, "write", p->put->key);
    if (new_etag) {
        struct object_meta meta = {.size = 0};
        dir_fill_meta(&meta, &st);
        memcpy(new_etag, meta.etag, sizeof meta.etag);
    }
    return true;
}

static bool dir_store_put(struct store *base, struct http_client *http,
                          const struct object_put *put, char new_etag[OBJECT_ETAG_SIZE],
                          struct err *err)
{
    (void)http;
    const struct dir_store *s = dir_store_of(base);
    const char *key = put->key;
    if (!dir_check_key(key, err))
        return false;
    struct dir_write p = {.put = put};
    p.parent = dir_open_parent(s, key, put->condition != OBJECT_IF_MATCH, &p.leaf);
    if (p.parent < 0 && errno == ENOENT && put->condition == OBJECT_IF_MATCH)
        return err_set(err, ERR_PRECONDITION, "", "%s has been deleted since it was read", key);
    if (p.parent < 0)
        return dir_failed(err, errno, "open the folder of", key);
    p.fd = file_make_temporary(p.parent, OWN_PREFIX, p.temporary);
    if (p.fd < 0) {
        dir_failed(err, errno, "create a temporary file next to", key);
        close(p.parent);
        return false;
    }
    bool ok = dir_write_file(s, &p, new_etag, err);
    if (p.temporary[0])
        unlinkat(p.parent, p.temporary, 0);
    close(p.fd);
    close(p.parent);
    return ok;
}

/* Under the lock: removes the file, if it has this ETag (NULL: in any case). */
static bool dir_remove(int parent, const char *leaf, const char *key, const char *etag,
                       struct err *err)
{
    struct stat st;
    struct object_meta meta = {.size = 0};
    if (etag && fstatat(parent, leaf, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        dir_fill_meta(&meta, &st);
        if (strcmp(meta.etag, etag) != 0)
            return err_set(err, ERR_PRECONDITION, "", "%s has been changed since it was read", key);
    }
    return unlinkat(parent, leaf, 0) == 0 || errno == ENOENT ||
           dir_failed(err, errno, "delete", key);
}

static bool dir_store_del(struct store *base, struct http_client *http, const char *key,
                          const char *etag, struct err *err)
{
    (void)http;
    const struct dir_store *s = dir_store_of(base);
    if (!dir_check_key(key, err))
        return false;
    const char *leaf;
    int parent = dir_open_parent(s, key, false, &leaf);
    if (parent < 0)
        return errno == ENOENT || dir_failed(err, errno, "delete", key);
    int lock = dir_lock(s);
    bool ok = lock >= 0 ? dir_remove(parent, leaf, key, etag, err)
                        : dir_failed(err, errno, "lock the store to delete", key);
    if (lock >= 0)
        close(lock);
    if (ok && fsync(parent) != 0)
        ok = dir_failed(err, errno, "delete", key);
    close(parent);
    return ok;
}

/* --- listing --- */

struct dir_listing {
    const char *prefix;
    object_each_fn each;
    void *ctx;
    /* Of the folder being read, with a '/' at its end unless it is the root. */
    struct buf path;
    bool stopped;
    struct err *err;
};

static bool dir_list_folder(struct dir_listing *l, int fd, unsigned depth);

/* Returns true if keys that begin with l->path may begin with the prefix. */
static bool dir_may_match(const struct dir_listing *l)
{
    size_t n = strlen(l->prefix);
    if (l->path.size < n)
        n = l->path.size;
    return memcmp(buf_str(&l->path), l->prefix, n) == 0;
}

static bool dir_list_file(struct dir_listing *l, const struct stat *st)
{
    if (l->path.size < strlen(l->prefix))
        return true;
    struct object_meta meta = {.size = 0};
    dir_fill_meta(&meta, st);
    l->stopped = !l->each(l->ctx, buf_str(&l->path), &meta);
    return true;
}

/* Lists an entry of a folder, whose path is l->path. What has just been removed is left out. */
static bool dir_list_entry(struct dir_listing *l, int parent, const char *name, unsigned depth)
{
    struct stat st;
    if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT || dir_failed(l->err, errno, "list", buf_str(&l->path));
    if (S_ISREG(st.st_mode))
        return dir_list_file(l, &st);
    if (!S_ISDIR(st.st_mode) || depth + 1 >= MAX_DEPTH)
        return true;
    int fd = dir_open_folder(parent, name);
    if (fd < 0)
        return errno == ENOENT || dir_failed(l->err, errno, "list", buf_str(&l->path));
    if (!buf_addc(&l->path, '/')) {
        /* What is below is too long for keys. */
        close(fd);
        return true;
    }
    return dir_list_folder(l, fd, depth + 1);
}

/* Lists a folder; closes fd. */
static bool dir_list_folder(struct dir_listing *l, int fd, unsigned depth)
{
    DIR *dir = fdopendir(fd);
    if (!dir) {
        dir_failed(l->err, errno, "list", buf_str(&l->path));
        close(fd);
        return false;
    }
    size_t base = l->path.size;
    bool ok = true;
    while (ok && !l->stopped) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry) {
            ok = errno == 0 || dir_failed(l->err, errno, "list", buf_str(&l->path));
            break;
        }
        if (!dir_segment_valid(entry->d_name, strlen(entry->d_name)))
            continue;
        if (buf_adds(&l->path, entry->d_name) && dir_may_match(l))
            ok = dir_list_entry(l, dirfd(dir), entry->d_name, depth);
        l->path.size = base;
        if (l->path.data)
            l->path.data[base] = '\0';
    }
    closedir(dir);
    return ok;
}

static bool dir_store_list(struct store *base, struct http_client *http, const char *prefix,
                           object_each_fn each, void *ctx, struct err *err)
{
    (void)http;
    const struct dir_store *s = dir_store_of(base);
    const char *slash = strrchr(prefix, '/');
    size_t n = slash ? (size_t)(slash - prefix) : 0;
    if (slash && !dir_path_valid(prefix, n))
        return err_set(err, ERR_INVALID, "",
                       "\"%.200s\" is not a prefix of valid keys of a directory store", prefix);
    int fd = dir_walk(s, prefix, n, false);
    if (fd < 0)
        return errno == ENOENT || dir_failed(err, errno, "list", prefix);
    struct dir_listing l = {.prefix = prefix, .each = each, .ctx = ctx, .err = err};
    l.path = buf_make(KEY_MAX_BYTES);
    bool ok = true;
    if (slash && !buf_add(&l.path, prefix, n + 1)) {
        close(fd);
        ok = err_set(err, ERR_LIMIT, "", "the prefix is longer than a key may be");
    } else {
        ok = dir_list_folder(&l, fd, 0);
    }
    buf_free(&l.path);
    return ok;
}

/* --- the store --- */

static void dir_store_free(struct store *base)
{
    struct dir_store *s = dir_store_of(base);
    close(s->root);
    free(s->name);
    free(s);
}

static const struct store_ops dir_store_ops = {
    .get = dir_store_get,
    .head = dir_store_head,
    .put = dir_store_put,
    .del = dir_store_del,
    .list = dir_store_list,
    .free = dir_store_free,
};

struct store *store_dir_new(const char *path, struct err *err)
{
    int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) {
        dir_failed(err, errno, "open the directory", path);
        return NULL;
    }
    struct dir_store *s = xcalloc(1, sizeof *s);
    s->root = root;
    s->name = xasprintf("directory %s", path);
    s->base = (struct store){.ops = &dir_store_ops, .name = s->name, .form = &store_form_files};
    return &s->base;
}
