/* A table of values by key with a limited number of entries: when it is full, the least recently
 * used one is removed. It touches memory only.
 *
 * One mutex guards the table and its values. A value of a few words is copied out and in
 * (cache_get, cache_put); a larger or changing one is used in place while the cache is locked
 * (cache_lock, cache_unlock), for memory work only. Keys are bytes of any kind. Any thread may call
 * any function but cache_free. */
#ifndef HGAUTOD_LIB_BASE_CACHE_H
#define HGAUTOD_LIB_BASE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

struct cache;

struct cache_options {
    /* Entries, at least 1. They are allocated as they are needed. */
    size_t max;
    /* Bytes of a value. */
    size_t value_size;
    /* Of the hash: random if keys come from outside. */
    uint64_t seed;
    /* Keys and values are overwritten before they are freed. */
    bool secret;
    /* True if the entry of this value must not be removed now. NULL: any may be removed. Called
     * with the cache locked. */
    bool (*keep)(const void *value);
    /* Releases what a value owns, before its entry is removed. NULL: it owns nothing. */
    void (*drop)(void *value);
};

/* Never returns NULL. */
struct cache *cache_new(const struct cache_options *options) MUST_CHECK;
/* NULL is allowed. No other thread may use the cache any more. */
void cache_free(struct cache *c);

/* Locks the cache and returns the value of `key`, which is aligned for any type. If there is none,
 * one of zero bytes is added, for which the least recently used entry may be removed. Returns NULL,
 * without locking, if the cache is full and every entry must be kept. */
void *cache_lock(struct cache *c, const void *key, size_t key_size) MUST_CHECK;
/* The same, but returns NULL, without locking, if there is no value. */
void *cache_lock_existing(struct cache *c, const void *key, size_t key_size) MUST_CHECK;
void cache_unlock(struct cache *c);

/* Copies the value of `key` to `value`. Returns false if there is none. */
bool cache_get(struct cache *c, const void *key, size_t key_size, void *value) MUST_CHECK;
/* Stores a copy of `value`, unless every entry must be kept. A value already stored is overwritten,
 * and not dropped before. */
void cache_put(struct cache *c, const void *key, size_t key_size, const void *value);

#endif
