/* Makes one allocation of a program fail: preloaded (LD_PRELOAD) into the program under test.
 *
 * Counting begins when the program opens a file whose path ends in $FAILING_FROM. The allocation
 * with the number $FAILING_AT (from 1; 0: none) fails, and with FAILING_ALL=1 every later one too.
 * The file $FAILING_REPORT receives the line "failed" when that happens, and the number of
 * allocations when the program ends by itself. Nothing here allocates. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* glibc's own, which the names below replace. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static atomic_bool failing_counts;
static atomic_ulong failing_counted;
static atomic_bool failing_noted;
static unsigned long failing_at;
static bool failing_all;
static const char *failing_from;
static const char *failing_report;

__attribute__((constructor)) static void failing_init(void)
{
    const char *at = getenv("FAILING_AT");
    const char *all = getenv("FAILING_ALL");
    failing_at = at ? strtoul(at, NULL, 10) : 0;
    failing_all = all && strcmp(all, "1") == 0;
    failing_report = getenv("FAILING_REPORT");
    failing_from = getenv("FAILING_FROM");
}

static void failing_write(const char *text)
{
    if (!failing_report)
        return;
    int fd =
        (int)syscall(SYS_openat, AT_FDCWD, failing_report, O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        _exit(99);
    close(fd);
}

__attribute__((destructor)) static void failing_end(void)
{
    char text[32];
    snprintf(text, sizeof text, "%lu\n", atomic_load(&failing_counted));
    failing_write(text);
}

/* Whether this allocation is to fail. */
static bool failing_now(void)
{
    if (!atomic_load(&failing_counts))
        return false;
    unsigned long number = atomic_fetch_add(&failing_counted, 1) + 1;
    if (failing_at == 0 || number < failing_at || (number > failing_at && !failing_all))
        return false;
    if (number == failing_at) {
        failing_write("failed\n");
        atomic_store(&failing_noted, true);
    }
    /* A thread whose later allocation fails may end the process: not before that is noted. */
    while (!atomic_load(&failing_noted))
        sched_yield();
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return failing_now() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return failing_now() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    return failing_now() ? NULL : __libc_realloc(memory, size);
}

void *reallocarray(void *memory, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(memory, bytes);
}

void *memalign(size_t alignment, size_t size)
{
    return failing_now() ? NULL : __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

int posix_memalign(void **to, size_t alignment, size_t size)
{
    void *memory = memalign(alignment, size);
    if (!memory)
        return ENOMEM;
    *to = memory;
    return 0;
}

/* The file from which on allocations count. */
static void failing_note_open(const char *path)
{
    if (!failing_from)
        return;
    size_t n = strlen(path), end = strlen(failing_from);
    if (end <= n && strcmp(path + n - end, failing_from) == 0)
        atomic_store(&failing_counts, true);
}

int openat(int at, const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;
    va_end(more);
    failing_note_open(path);
    return (int)syscall(SYS_openat, at, path, flags, mode);
}

/* What openat becomes with _FORTIFY_SOURCE where the flags are not constant. */
int __openat_2(int at, const char *path, int flags);
int __openat_2(int at, const char *path, int flags)
{
    return openat(at, path, flags);
}
