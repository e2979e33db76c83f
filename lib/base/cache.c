/* A hash table with chains, and a list of its entries in the order of their last use. */
#include "lib/base/cache.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/base/wipe.h"

/* Of a full table, on average. */
#define ENTRIES_PER_CHAIN 4

struct entry {
    /* Of the chain. */
    struct entry *next;
    /* In the order of use. */
    struct entry *newer, *older;
    uint64_t hash;
    size_t key_size;
    /* The value, then the key. */
    alignas(max_align_t) unsigned char value[];
};

struct cache {
    struct cache_options options;
    /* Guards everything below, and the values. */
    pthread_mutex_t lock;
    struct entry *newest, *oldest;
    size_t count;
    /* The number of chains, less one. */
    size_t mask;
    struct entry *chains[];
};

struct cache *cache_new(const struct cache_options *options)
{
    size_t chains = 1;
    while (chains * ENTRIES_PER_CHAIN < options->max)
        chains *= 2;
    struct cache *c = xcalloc(1, sizeof *c + chains * sizeof *c->chains);
    c->options = *options;
    c->mask = chains - 1;
    pthread_mutex_init(&c->lock, NULL);
    return c;
}

static void entry_free(const struct cache *c, struct entry *e)
{
    if (c->options.drop)
        c->options.drop(e->value);
    if (c->options.secret)
        wipe(e->value, c->options.value_size + e->key_size);
    free(e);
}

void cache_free(struct cache *c)
{
    if (!c)
        return;
    while (c->newest) {
        struct entry *e = c->newest;
        c->newest = e->older;
        entry_free(c, e);
    }
    pthread_mutex_destroy(&c->lock);
    free(c);
}

/* --- the order of use; the lock is held here and below --- */

static void cache_unlink(struct cache *c, struct entry *e)
{
    *(e->newer ? &e->newer->older : &c->newest) = e->older;
    *(e->older ? &e->older->newer : &c->oldest) = e->newer;
}

static void cache_link_newest(struct cache *c, struct entry *e)
{
    e->newer = NULL;
    e->older = c->newest;
    *(c->newest ? &c->newest->newer : &c->oldest) = e;
    c->newest = e;
}

/* --- entries --- */

static struct entry **cache_chain(struct cache *c, uint64_t hash)
{
    return &c->chains[(hash ^ hash >> 32) & c->mask];
}

static struct entry *cache_find(struct cache *c, uint64_t hash, const void *key, size_t key_size)
{
    struct entry *e = *cache_chain(c, hash);
    while (e && (e->hash != hash || e->key_size != key_size ||
                 memcmp(e->value + c->options.value_size, key, key_size) != 0))
        e = e->next;
    if (e && e != c->newest) {
        cache_unlink(c, e);
        cache_link_newest(c, e);
    }
    return e;
}

static void cache_remove(struct cache *c, struct entry *e)
{
    struct entry **link = cache_chain(c, e->hash);
    while (*link != e)
        link = &(*link)->next;
    *link = e->next;
    cache_unlink(c, e);
    entry_free(c, e);
    c->count--;
}

static bool cache_make_room(struct cache *c)
{
    if (c->count < c->options.max)
        return true;
    struct entry *e = c->oldest;
    while (e && c->options.keep && c->options.keep(e->value))
        e = e->newer;
    if (e)
        cache_remove(c, e);
    return e;
}

static struct entry *cache_add(struct cache *c, uint64_t hash, const void *key, size_t key_size)
{
    if (!cache_make_room(c))
        return NULL;
    struct entry *e = xcalloc(1, sizeof *e + c->options.value_size + key_size);
    memcpy(e->value + c->options.value_size, key, key_size);
    e->key_size = key_size;
    e->hash = hash;
    e->next = *cache_chain(c, hash);
    *cache_chain(c, hash) = e;
    cache_link_newest(c, e);
    c->count++;
    return e;
}

/* --- for callers --- */

static void *cache_lock_value(struct cache *c, const void *key, size_t key_size, bool add)
{
    uint64_t hash = hash64_bytes(HASH64_INIT ^ c->options.seed, key, key_size);
    pthread_mutex_lock(&c->lock);
    struct entry *e = cache_find(c, hash, key, key_size);
    if (!e && add)
        e = cache_add(c, hash, key, key_size);
    if (e)
        return e->value;
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

void *cache_lock(struct cache *c, const void *key, size_t key_size)
{
    return cache_lock_value(c, key, key_size, true);
}

void *cache_lock_existing(struct cache *c, const void *key, size_t key_size)
{
    return cache_lock_value(c, key, key_size, false);
}

void cache_unlock(struct cache *c)
{
    pthread_mutex_unlock(&c->lock);
}

bool cache_get(struct cache *c, const void *key, size_t key_size, void *value)
{
    const void *found = cache_lock_existing(c, key, key_size);
    if (!found)
        return false;
    memcpy(value, found, c->options.value_size);
    cache_unlock(c);
    return true;
}

void cache_put(struct cache *c, const void *key, size_t key_size, const void *value)
{
    void *to = cache_lock(c, key, key_size);
    if (!to)
        return;
    memcpy(to, value, c->options.value_size);
    cache_unlock(c);
}
