/* A store in memory for tests: conditional writes, a journal of operations, and faults on demand.
 */
#ifndef HGAUTOD_TESTS_MEMORY_STORE_H
#define HGAUTOD_TESTS_MEMORY_STORE_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store/store.h"

#define MEMORY_OBJECTS 32

struct memory_object {
    char key[1100];
    char *data;
    size_t size;
    unsigned version; /* the ETag; 0: no object here */
    int64_t modified_ms;
    char metadata[OBJECT_METADATA_SIZE];
};

struct memory_store {
    struct store store; /* first */
    pthread_mutex_t lock;
    struct memory_object objects[MEMORY_OBJECTS];
    unsigned writes;
    int64_t now_ms;     /* its clock */
    bool tells_no_time; /* and does not report it */
    /* "put KEY\n" ... of everything that succeeded, writes of claims included. */
    char journal[8192];
    /* The next `fault_count` operations whose line begins with fault_on fail with fault_kind; with
     * fault_done they take effect anyway (a lost response). */
    char fault_on[128];
    enum err_kind fault_kind;
    unsigned fault_count;
    bool fault_done;
    /* Called before every operation, with the lock held; may be NULL. */
    void (*seen)(void *ctx, const char *line);
    void *seen_ctx;
};

static inline struct memory_object *memory_find(struct memory_store *m, const char *key)
{
    for (size_t i = 0; i < MEMORY_OBJECTS; i++)
        if (m->objects[i].version && strcmp(m->objects[i].key, key) == 0)
            return &m->objects[i];
    return NULL;
}

static inline struct memory_object *memory_room(struct memory_store *m, const char *key)
{
    struct memory_object *o = memory_find(m, key);
    for (size_t i = 0; !o && i < MEMORY_OBJECTS; i++)
        if (!m->objects[i].version)
            o = &m->objects[i];
    if (!o)
        abort();
    return o;
}

/* Stores bytes (stolen) under a key. */
static inline struct memory_object *memory_store_bytes(struct memory_store *m, const char *key,
                                                       char *data, size_t size)
{
    struct memory_object *o = memory_room(m, key);
    free(o->data);
    snprintf(o->key, sizeof o->key, "%s", key);
    o->data = data;
    o->size = size;
    o->version = ++m->writes;
    o->modified_ms = m->now_ms;
    return o;
}

static inline void memory_put_text(struct memory_store *m, const char *key, const char *text)
{
    pthread_mutex_lock(&m->lock);
    memory_store_bytes(m, key, strdup(text), strlen(text));
    pthread_mutex_unlock(&m->lock);
}

/* Returns the text of the first object whose key begins with prefix, to be freed by the caller;
 * NULL if there is none. */
static inline char *memory_text(struct memory_store *m, const char *prefix)
{
    char *text = NULL;
    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; !text && i < MEMORY_OBJECTS; i++) {
        const struct memory_object *o = &m->objects[i];
        if (o->version && strncmp(o->key, prefix, strlen(prefix)) == 0)
            text = strndup(o->data, o->size);
    }
    pthread_mutex_unlock(&m->lock);
    return text;
}

/* Records an operation, with the lock held. Returns true if it must fail. */
static inline bool memory_note(struct memory_store *m, const char *what, const char *key,
                               struct err *err)
{
    char line[640];
    snprintf(line, sizeof line, "%s %s\n", what, key);
    if (m->seen)
        m->seen(m->seen_ctx, line);
    bool fault = m->fault_count && strncmp(line, m->fault_on, strlen(m->fault_on)) == 0;
    if (fault) {
        m->fault_count--;
        err_set(err, m->fault_kind, "TestFault", "a fault made by the test");
    }
    if (!fault || m->fault_done)
        strncat(m->journal, line, sizeof m->journal - strlen(m->journal) - 1);
    return fault;
}

static inline void memory_meta(const struct memory_store *m, const struct memory_object *o,
                               struct object_meta *meta)
{
    if (!meta)
        return;
    *meta = (struct object_meta){
        .modified_ms = o->modified_ms, .now_ms = m->tells_no_time ? 0 : m->now_ms, .size = o->size};
    snprintf(meta->etag, sizeof meta->etag, "\"%u\"", o->version);
}

static inline bool memory_get(struct store *s, struct http_client *http, const char *key,
                              struct buf *body, struct object_meta *meta, struct err *err)
{
    struct memory_store *m = (struct memory_store *)s;
    (void)http;
    pthread_mutex_lock(&m->lock);
    bool ok = !memory_note(m, "get", key, err);
    const struct memory_object *o = memory_find(m, key);
    if (ok && !o)
        ok = err_set(err, ERR_NOT_FOUND, "NoSuchKey", "there is no %s", key);
    if (ok && !buf_add(body, o->data, o->size))
        ok = err_set(err, ERR_LIMIT, "", "%s is too large", key);
    if (ok)
        memory_meta(m, o, meta);
    pthread_mutex_unlock(&m->lock);
    return ok;
}

static inline char *memory_read_body(const struct http_body *body)
{
    char *data = malloc(body->size + 1);
    if (body->data) {
        memcpy(data, body->data, body->size);
        return data;
    }
    size_t at = 0, n;
    body->rewind(body->ctx);
    while (at < body->size && (n = body->read(body->ctx, data + at, body->size - at)) > 0)
        at += n;
    if (at != body->size)
        abort();
    return data;
}

static inline bool memory_put(struct store *s, struct http_client *http,
                              const struct object_put *put, char new_etag[OBJECT_ETAG_SIZE],
                              struct err *err)
{
    struct memory_store *m = (struct memory_store *)s;
    struct object_meta meta = {.size = 0};
    (void)http;
    pthread_mutex_lock(&m->lock);
    struct memory_object *o = memory_find(m, put->key);
    if (o)
        memory_meta(m, o, &meta);
    bool fault = memory_note(m, "put", put->key, err), ok = !fault;
    if ((put->condition == OBJECT_IF_ABSENT && o) ||
        (put->condition == OBJECT_IF_MATCH && (!o || strcmp(meta.etag, put->etag) != 0))) {
        ok = err_set(err, ERR_PRECONDITION, "PreconditionFailed", "the condition does not hold");
    } else if (!fault || m->fault_done) {
        o = memory_store_bytes(m, put->key, memory_read_body(put->body), put->body->size);
        snprintf(o->metadata, sizeof o->metadata, "%s", put->metadata ? put->metadata : "");
        memory_meta(m, o, &meta);
        if (new_etag && ok)
            memcpy(new_etag, meta.etag, OBJECT_ETAG_SIZE);
    }
    pthread_mutex_unlock(&m->lock);
    return ok;
}

static inline bool memory_head(struct store *s, struct http_client *http, const char *key,
                               struct object_meta *meta, char metadata[OBJECT_METADATA_SIZE],
                               struct err *err)
{
    struct memory_store *m = (struct memory_store *)s;
    (void)http;
    pthread_mutex_lock(&m->lock);
    bool ok = !memory_note(m, "head", key, err);
    const struct memory_object *o = memory_find(m, key);
    if (ok && !o)
        ok = err_set(err, ERR_NOT_FOUND, "NoSuchKey", "there is no %s", key);
    if (ok)
        memory_meta(m, o, meta);
    if (ok && metadata)
        memcpy(metadata, o->metadata, OBJECT_METADATA_SIZE);
    pthread_mutex_unlock(&m->lock);
    return ok;
}

static inline bool memory_del(struct store *s, struct http_client *http, const char *key,
                              const char *etag, struct err *err)
{
    struct memory_store *m = (struct memory_store *)s;
    struct object_meta meta = {.size = 0};
    (void)http;
    pthread_mutex_lock(&m->lock);
    struct memory_object *o = memory_find(m, key);
    if (o)
        memory_meta(m, o, &meta);
    bool ok = !memory_note(m, "del", key, err);
    if (ok && o && etag && strcmp(meta.etag, etag) != 0)
        ok = err_set(err, ERR_PRECONDITION, "PreconditionFailed", "the condition does not hold");
    if (ok && o) {
        free(o->data);
        *o = (struct memory_object){.version = 0};
    }
    pthread_mutex_unlock(&m->lock);
    return ok;
}

static inline bool memory_list(struct store *s, struct http_client *http, const char *prefix,
                               object_each_fn each, void *ctx, struct err *err)
{
    struct memory_store *m = (struct memory_store *)s;
    struct object_meta meta;
    (void)http;
    pthread_mutex_lock(&m->lock);
    bool ok = !memory_note(m, "list", prefix, err);
    for (size_t i = 0; ok && i < MEMORY_OBJECTS; i++) {
        const struct memory_object *o = &m->objects[i];
        if (!o->version || strncmp(o->key, prefix, strlen(prefix)) != 0)
            continue;
        memory_meta(m, o, &meta);
        if (!each(ctx, o->key, &meta))
            break;
    }
    pthread_mutex_unlock(&m->lock);
    return ok;
}

static inline struct memory_store *memory_store_new(int64_t now_ms)
{
    static const struct store_ops ops = {.get = memory_get,
                                         .put = memory_put,
                                         .head = memory_head,
                                         .del = memory_del,
                                         .list = memory_list};
    static const struct store_form form = {.account_noun = "accounts",
                                           .suffix = ".json",
                                           .clouds = 1u << CLOUD_AWS | 1u << CLOUD_AZURE,
                                           .read_permission = "to read the memory"};
    struct memory_store *m = calloc(1, sizeof *m);
    m->store = (struct store){.ops = &ops, .name = "memory", .form = &form};
    m->now_ms = now_ms;
    pthread_mutex_init(&m->lock, NULL);
    return m;
}

static inline void memory_store_free(struct memory_store *m)
{
    for (size_t i = 0; i < MEMORY_OBJECTS; i++)
        free(m->objects[i].data);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

#endif
