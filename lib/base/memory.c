/* Allocates memory, and ends the process when there is none. */
#include "lib/base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Noreturn void die_no_memory(void)
{
    static const char line[] =
        "hgautod: out of memory; the process ends here, and events under way "
        "are resumed from their stored progress\n";
    ssize_t ignored = write(STDERR_FILENO, line, sizeof line - 1);
    (void)ignored;
    abort();
}

void *memory_or_die(void *p)
{
    if (!p)
        die_no_memory();
    return p;
}

void *xmalloc(size_t size)
{
    return memory_or_die(malloc(size ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
    return memory_or_die(count && size ? calloc(count, size) : malloc(1));
}

void *xrealloc(void *memory, size_t size)
{
    return memory_or_die(realloc(memory, size ? size : 1));
}

char *xstrdup(const char *text)
{
    return memory_or_die(strdup(text));
}

char *xstrndup(const char *text, size_t max)
{
    return memory_or_die(strndup(text, max));
}

void *xmemdup(const void *bytes, size_t size)
{
    void *copy = xmalloc(size);
    return size ? memcpy(copy, bytes, size) : copy;
}

char *xasprintf(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        die_no_memory();
    va_end(args);
    return text;
}
