/* Values that are fetched, used until they expire and refreshed before that, such as credentials,
 * tokens and lists. It touches memory only; the fetching comes in as a function.
 *
 * - One caller at a time fetches the value of a key, without any lock. The others go on with the
 *   value they have, or get ERR_BUSY: no worker waits for another.
 * - A value is refreshed five minutes before it expires, or when a tenth of its life is left if
 *   that is later. If that fails, it stays in use until it expires.
 * - A failure is remembered for as long as the service asked for, else for 5 s, growing to 60 s.
 *   Meanwhile it is returned to all callers without a value.
 * - A failure that may pass becomes ERR_UNAVAILABLE with the pause as its retry_after_ms: nothing
 *   has been tried, and the callers wait.
 * - A value that a service rejected is fetched again, but at most once a minute: if the new one is
 *   rejected too, the cause is the request.
 *
 * Any thread may call any function but fresh_free. */
#ifndef HGAUTOD_LIB_NET_FRESH_H
#define HGAUTOD_LIB_NET_FRESH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/net/http.h"

struct fresh;

/* What is fetched, and how it is handled. The functions are called without a lock unless stated
 * otherwise. */
struct fresh_kind {
    /* A noun for errors: "a token". */
    const char *what;
    /* Keys. Beyond them the least recently used is removed if `evicts`, which never concerns the
     * empty key; else further ones get ERR_LIMIT. */
    size_t max;
    bool evicts;
    /* Fetches the value of a key. A new reference, or NULL with *err. */
    void *(*fetch)(void *ctx, struct http_client *http, const char *key, struct err *err);
    /* Takes and releases a reference; `ref` is called with a lock held. Without `ref`, a value is
     * borrowed until fresh_free and must never expire. */
    void *(*ref)(void *value);
    void (*unref)(void *value);
    /* When a value expires (wall clock; INT64_MAX: never). NULL: lifetime_ms after it was fetched.
     */
    int64_t (*expires_ms)(const void *value);
    int64_t lifetime_ms;
    /* A value is no longer used so long before it expires, or in the last twentieth of its life if
     * that is later: a request that is on its way then would be rejected. */
    int64_t margin_ms;
    /* For fresh_renew, else NULL. Whether two values are the same but for their references. */
    bool (*same)(const void *a, const void *b);
    /* Makes the rejection of `value`, in *err, final. */
    void (*refusal_stands)(const void *value, struct err *err);
    /* Judges what was fetched because `old` was rejected at refused_at_ms (monotonic clock) as
     * expired. False with *err: it is of no use. Called with a lock held. NULL: always of use. */
    bool (*renews)(const void *old, const void *fetched, int64_t refused_at_ms, struct err *err);
};

/* `kind` and `clock` are borrowed; ctx is passed to `fetch`. Never returns NULL. */
struct fresh *fresh_new(const struct fresh_kind *kind, const struct clock *clock,
                        void *ctx) MUST_CHECK;
/* NULL is allowed. */
void fresh_free(struct fresh *f);

/* The value of a key ("" for the only one), fetched if necessary. Blocks while it fetches. A new
 * reference, or NULL with *err: ERR_BUSY, ERR_UNAVAILABLE, ERR_LIMIT or what the fetch failed with.
 */
void *fresh_get(struct fresh *f, struct http_client *http, const char *key,
                struct err *err) MUST_CHECK;
/* Another value than `refused`, which a service has just rejected with *err. A new reference; NULL
 * with the reason in *err, or with the rejection, made final: another value was fetched within the
 * last minute, or the fetch brought the same. Other callers may go on using `refused`. Blocks
 * while it fetches. */
void *fresh_renew(struct fresh *f, struct http_client *http, const char *key, const void *refused,
                  struct err *err) MUST_CHECK;
/* The value from memory. A new reference, or NULL if there is none, it has expired, or it was
 * rejected and no fetch has been tried since. *due: there is one that has not expired, but should
 * be fetched again now. Never blocks. */
void *fresh_peek(struct fresh *f, const char *key, bool *due) MUST_CHECK;
/* Reports that a service rejected `value` as expired: it is then due, unless that has been done
 * within the last minute. Never blocks. */
void fresh_expire(struct fresh *f, const char *key, const void *value);

#endif
