/* FNV-1a, 32 and 64 bits, of text that nobody chooses to do harm: a bad spread costs time and
 * nothing else. Source: draft-eastlake-fnv. */
#ifndef HGAUTOD_LIB_BASE_HASH_H
#define HGAUTOD_LIB_BASE_HASH_H

#include <stdint.h>

#define HASH_INIT 2166136261u

/* Goes on from `hash`: HASH_INIT, or the hash of the text before. */
static inline uint32_t hash_add(uint32_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 16777619u;
    return hash;
}

#define HASH64_INIT UINT64_C(14695981039346656037)

static inline uint64_t hash64_add(uint64_t hash, char c)
{
    return (hash ^ (unsigned char)c) * UINT64_C(1099511628211);
}

#endif
