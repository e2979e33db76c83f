/* FNV-1a hashes of 32 and 64 bits. If others choose the keys, mix a random number into the initial
 * value: collisions cost time and nothing else. Thread-safe. Source: draft-eastlake-fnv. */
#ifndef HGAUTOD_LIB_BASE_HASH_H
#define HGAUTOD_LIB_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_INIT 2166136261u

/* Returns the hash of the text before and this one; `hash` is that of the text before, or
 * HASH_INIT. */
static inline uint32_t hash_add(uint32_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 16777619u;
    return hash;
}

/* The same for one character and 64 bits, beginning with HASH64_INIT. */
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
