/* The end of a process that has no memory left. */
#include "lib/base/memory.h"

#include <stddef.h>
#include <stdlib.h>
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
