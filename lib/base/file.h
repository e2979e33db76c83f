/* Opening files whose names or content come from elsewhere: only regular files, so that a FIFO
 * stops nobody, within bounds, and secrets only where others cannot read or change them.
 * Thread-safe. */
#ifndef HGAUTOD_LIB_BASE_FILE_H
#define HGAUTOD_LIB_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"

enum file_rule {
    FILE_NO_LINKS = 1, /* the last segment of the path is not a symbolic link */
    FILE_SECRET = 2,   /* others can neither read nor change it, its group not change it */
    FILE_KEPT = 4,     /* others cannot change it */
    FILE_STREAMS = 8, /* pipes and devices will do too, as in "-c /dev/stdin", and are waited for */
};

/* Opens a file for reading, relative to the folder `at` (AT_FDCWD: the current one), by the rules,
 * a set of enum file_rule. Returns a descriptor that is not inherited, and its status in *st; -1
 * with errno, which is EISDIR for a folder, ENOTSUP for what else is not a regular file, EMLINK for
 * what is open to others (*st then has its mode). */
int file_open(int at, const char *path, unsigned rules, struct stat *st) MUST_CHECK;
/* Appends all that can be read from fd. 0; EFBIG when it is more than *to may hold, else errno. */
int file_read_fd(int fd, struct buf *to) MUST_CHECK;

/* Appends a whole file. False with the reason alone as *err's message ("No such file or directory",
 * "it is larger than 65536 bytes"), for the caller to say whose file it is; its kind is
 * ERR_NOT_FOUND, ERR_LIMIT, ERR_INVALID (not a regular file, open to others) or
 * ERR_INTERNAL. mode, which may be NULL, becomes the file's mode. */
bool file_read(const char *path, unsigned rules, struct buf *to, mode_t *mode,
               struct err *err) MUST_CHECK;

/* Makes a new file in a folder for writing, with a name of its own that begins with `prefix`, which
 * goes to `name`. It is to be renamed to what it should be called when it is complete. A descriptor
 * that is not inherited; -1 with errno. */
int file_make_temporary(int folder, const char *prefix, char name[64]) MUST_CHECK;

#endif
