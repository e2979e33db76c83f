/* Keeps a warning about a value from being logged for each occurrence of that value. Main
 * thread. */
#ifndef HGAUTOD_DAEMON_SOURCE_WARN_ONCE_H
#define HGAUTOD_DAEMON_SOURCE_WARN_ONCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/hash.h"

/* More values than this, in turn, are warned of again: values come from outside. */
#define WARN_ONCE_MAX 32

/* The values that have been warned of; {0} for none. */
struct warn_once {
    uint64_t values[WARN_ONCE_MAX];
    size_t count;
};

/* Returns true if the warning about this value has not been logged lately: the caller logs it. */
static inline bool warn_once(struct warn_once *w, const char *value)
{
    uint64_t hash = HASH64_INIT;
    for (const char *at = value; *at; at++)
        hash = hash64_add(hash, *at);
    for (size_t i = 0; i < w->count && i < WARN_ONCE_MAX; i++)
        if (w->values[i] == hash)
            return false;
    w->values[w->count++ % WARN_ONCE_MAX] = hash;
    return true;
}

#endif
