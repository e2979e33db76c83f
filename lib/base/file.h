/* Opens files whose names or content come from outside: only regular files, so that a FIFO blocks
 * nothing, up to a limit, and secrets only if others cannot read or change them. Thread-safe. */
#ifndef HGAUTOD_LIB_BASE_FILE_H
#define HGAUTOD_LIB_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"

enum file_rule {
    /* The last segment of the path must not be a symbolic link. */
    FILE_NO_LINKS = 1,
    /* Others must not be able to read or change it, its group not to change it. */
    FILE_SECRET = 2,
    /* Others must not be able to change it. */
    FILE_KEPT = 4,
    /* Pipes and devices are allowed too, as in "-c /dev/stdin"; reading waits for them. */
    FILE_STREAMS = 8,
};

/* Opens a file for reading, relative to the folder `at` (AT_FDCWD: the current one), subject to
 * `rules`, a set of enum file_rule. Returns a descriptor that is not inherited, and its status in
 * *st; -1 with errno, which is EISDIR for a folder, ENOTSUP for anything else that is not a regular
 * file, EMLINK for a file that others can access (*st then has its mode). */
int file_open(int at, const char *path, unsigned rules, struct stat *st) MUST_CHECK;
/* Appends everything that can be read from fd. Returns 0, EFBIG if it does not fit into *to, or
 * another errno. */
int file_read_fd(int fd, struct buf *to) MUST_CHECK;

/* Appends a whole file. *mode, if mode is not NULL, becomes the file's mode. Returns false with the
 * bare reason as *err's message ("No such file or directory", "it is larger than 65536 bytes"), to
 * which the caller adds the file's name; its kind is ERR_NOT_FOUND, ERR_LIMIT, ERR_INVALID (not a
 * regular file, accessible to others) or ERR_INTERNAL. */
bool file_read(const char *path, unsigned rules, struct buf *to, mode_t *mode,
               struct err *err) MUST_CHECK;

/* Creates a new file for writing in a folder, with a unique name that begins with `prefix` and is
 * stored in `name`. The caller renames it when it is complete. Returns a descriptor that is not
 * inherited; -1 with errno. */
int file_make_temporary(int folder, const char *prefix, char name[64]) MUST_CHECK;

#endif
