/* Opens and reads files. */
#include "lib/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "lib/base/wipe.h"

/* Returns the bits of the mode that a file must not have. */
static mode_t file_forbidden_bits(unsigned rules)
{
    if (rules & FILE_SECRET)
        return S_IROTH | S_IWOTH | S_IWGRP;
    return rules & FILE_KEPT ? S_IWOTH : 0;
}

/* Returns 0, or the errno with which the file is rejected. */
static int file_check_status(const struct stat *st, unsigned rules)
{
    if (S_ISDIR(st->st_mode))
        return EISDIR;
    if (!S_ISREG(st->st_mode))
        return rules & FILE_STREAMS ? 0 : ENOTSUP;
    return st->st_mode & file_forbidden_bits(rules) ? EMLINK : 0;
}

int file_open(int at, const char *path, unsigned rules, struct stat *st)
{
    /* O_NONBLOCK: opening a FIFO does not wait for a writer. */
    int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    int fd = openat(at, path, flags | (rules & FILE_NO_LINKS ? O_NOFOLLOW : 0));
    if (fd < 0)
        return -1;
    int why = fstat(fd, st) != 0 ? errno : file_check_status(st, rules);
    /* A stream that was allowed is read with blocking calls. */
    if (why == 0 && !S_ISREG(st->st_mode) && fcntl(fd, F_SETFL, 0) != 0)
        why = errno;
    if (why == 0)
        return fd;
    close(fd);
    errno = why;
    return -1;
}

int file_read_fd(int fd, struct buf *to)
{
    char part[16384];
    int why = 0;

    while (why == 0) {
        ssize_t n = read(fd, part, sizeof part);
        if (n == 0)
            break;
        if (n < 0 && errno != EINTR)
            why = errno;
        else if (n > 0 && !buf_add(to, part, (size_t)n))
            why = EFBIG;
    }
    wipe(part, sizeof part);
    return why;
}

/* Sets the error with the reason why a file was rejected. */
static bool file_set_error(struct err *err, int why, const char *path, mode_t mode, size_t max)
{
    switch (why) {
    case ENOENT:
    case ENOTDIR:
        return err_set(err, ERR_NOT_FOUND, "", "%s", strerror(why));
    case EFBIG:
        return err_set(err, ERR_LIMIT, "", "it is larger than %zu bytes", max);
    case EISDIR:
        return err_set(err, ERR_INVALID, "", "it is a directory");
    case ENOTSUP:
        return err_set(err, ERR_INVALID, "", "it is not a regular file");
    case EMLINK:
        return err_set(err, ERR_INVALID, "",
                       "others can read or change it (mode %04o): run chmod 600 %s",
                       (unsigned)mode & 07777u, path);
    default:
        return err_set(err, ERR_INTERNAL, "", "%s", strerror(why));
    }
}

bool file_read(const char *path, unsigned rules, struct buf *to, mode_t *mode, struct err *err)
{
    struct stat st = {0};
    int fd = file_open(AT_FDCWD, path, rules, &st);
    int why = fd < 0 ? errno : file_read_fd(fd, to);

    if (fd >= 0)
        close(fd);
    if (mode)
        *mode = st.st_mode;
    return why == 0 || file_set_error(err, why, path, st.st_mode, to->max);
}

int file_make_temporary(int folder, const char *prefix, char name[64])
{
    for (int tries = 0; tries < 8; tries++) {
        uint64_t random;
        if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
            continue;
        snprintf(name, 64, "%.32s%" PRIx64 ".tmp", prefix, random);
        int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    errno = EEXIST;
    return -1;
}
