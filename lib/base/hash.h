/* FNV-1a, 32 and 64 bits. Where others choose the keys, begin with a random number beside the
 * initial value: a bad spread costs time and nothing else. Source: draft-eastlake-fnv. */
#ifndef HGAUTOD_LIB_BASE_HASH_H
#define HGAUTOD_LIB_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_INIT 2166136261u

/* Continues from `hash`: HASH_INIT, or the hash of the text before. */
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

static inline uint64_t hash64_bytes(uint64_t hash, const void *bytes, size_t n)
{
    for (const char *at = bytes; n > 0; n--)
        hash = hash64_add(hash, *at++);
    return hash;
}

#endif
