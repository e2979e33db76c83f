/* Overwrites secrets. */
#include "lib/base/wipe.h"

#include <stdlib.h>
#include <string.h>

void wipe(void *bytes, size_t n)
{
    explicit_bzero(bytes, n);
}

void wipe_free(char *text)
{
    if (!text)
        return;
    wipe(text, strlen(text));
    free(text);
}
