/* A source's sweeps: when to list, and what becomes of each event found. */
#include "daemon/source/sweep.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/env.h"
#include "daemon/run/engine.h"
#include "daemon/source/outage.h"
#include "lib/base/container.h"
#include "lib/base/memory.h"

/* How often to check whether the engine has room again. */
#define SWEEP_ROOM_MS 500
/* A released event is not submitted again sooner. */
#define SWEEP_RELEASE_MIN_MS 1000

enum entry_state {
    /* Seen once; to be seen again unchanged at until_ms or later. */
    ENTRY_RECHECK,
    /* To be submitted when the engine has room. */
    ENTRY_WAITING,
    /* With the engine, which settles it. */
    ENTRY_SUBMITTED,
    /* Settled; kept as long as listings find it unchanged, so that it is not run again. */
    ENTRY_DONE,
    /* Released; not to be submitted before until_ms. */
    ENTRY_PAUSED,
};

/* An open event. */
struct entry {
    struct delivery delivery;
    struct sweep *sweep;
    char *key;
    char *etag;
    enum entry_state state;
    /* Monotonic. */
    int64_t until_ms;
};

struct sweep {
    /* Borrowed. */
    struct source *owner;
    struct sweep_options options;
    uv_timer_t timer;
    /* Sorted by key. */
    struct entry **entries;
    size_t count;
    size_t submitted;
    /* Monotonic; when to list next. */
    int64_t due_ms;
    bool stopped;
    /* The last listing succeeded and found nothing new. */
    bool clean;
    struct outage outage;

    /* The listing under way; the worker's between engine_work and sweep_on_listed. */
    bool listing;
    struct sweep_rules rules;
    struct sweep_result result;
    bool listed;
    struct err err;
};

static void sweep_tick(struct sweep *s);
static void sweep_settle(struct delivery *d, enum settle how, int64_t delay_ms, const char *why);

static int64_t sweep_now(const struct sweep *s)
{
    const struct clock *clock = s->owner->env->clock;
    return clock->mono_ms(clock);
}

static void entry_free(struct entry *e)
{
    free(e->key);
    free(e->etag);
    free(e);
}

static void sweep_on_timer(uv_timer_t *timer)
{
    sweep_tick(timer->data);
}

static void sweep_wake_in(struct sweep *s, int64_t ms)
{
    uv_timer_start(&s->timer, sweep_on_timer, ms > 0 ? (uint64_t)ms : 0, 0);
}

/* --- what a listing brings --- */

static void entry_reset(struct sweep *s, struct entry *e)
{
    e->state = s->options.recheck_ms > 0 ? ENTRY_RECHECK : ENTRY_WAITING;
    e->until_ms = sweep_now(s) + s->options.recheck_ms;
}

static struct entry *entry_new(struct sweep *s, struct sweep_found *found)
{
    struct entry *e = xcalloc(1, sizeof *e);
    e->key = found->key;
    e->etag = found->etag;
    found->key = found->etag = NULL;
    e->sweep = s;
    e->delivery = (struct delivery){.store = s->owner->store,
                                    .rules = &s->owner->config->rules,
                                    .key = e->key,
                                    .id = "",
                                    .settle = sweep_settle};
    entry_reset(s, e);
    return e;
}

/* Starts over with the event as it is now. */
static void entry_renew(struct sweep *s, struct entry *e, struct sweep_found *found)
{
    free(e->etag);
    e->etag = found->etag;
    found->etag = NULL;
    entry_reset(s, e);
}

/* A known event is (still) open. Returns true if that is new. */
static bool entry_found(struct sweep *s, struct entry *e, struct sweep_found *found)
{
    bool same = strcmp(e->etag, found->etag) == 0;
    switch (e->state) {
    case ENTRY_SUBMITTED:
        return false;
    case ENTRY_WAITING:
    case ENTRY_DONE:
        if (same)
            return e->state == ENTRY_WAITING;
        entry_renew(s, e, found);
        return true;
    case ENTRY_RECHECK:
        if (!same)
            entry_renew(s, e, found);
        else if (sweep_now(s) >= e->until_ms)
            e->state = ENTRY_WAITING;
        return true;
    case ENTRY_PAUSED:
        if (sweep_now(s) < e->until_ms)
            return false;
        entry_renew(s, e, found);
        return true;
    }
    return false;
}

/* Merges known entries and found events, both sorted by key, into a new list of entries. Returns
 * how many are new. */
static size_t sweep_merge(struct sweep *s, struct entry **merged, size_t *merged_count)
{
    size_t new_count = 0, n = 0, i = 0, j = 0;
    while (i < s->count || j < s->result.count) {
        struct entry *e = i < s->count ? s->entries[i] : NULL;
        struct sweep_found *f = j < s->result.count ? &s->result.at[j] : NULL;
        int order = !e ? 1 : !f ? -1 : strcmp(e->key, f->key);
        if (order < 0) {
            /* No longer open. */
            if (e->state == ENTRY_SUBMITTED)
                merged[n++] = e;
            else
                entry_free(e);
        } else if (order == 0) {
            new_count += entry_found(s, e, f);
            merged[n++] = e;
        } else if (f) {
            new_count++;
            merged[n++] = entry_new(s, f);
        }
        i += order <= 0;
        j += order >= 0;
    }
    *merged_count = n;
    return new_count;
}

static void sweep_take_result(struct sweep *s)
{
    struct entry **merged = xcalloc(s->count + s->result.count, sizeof *merged);
    size_t n;
    s->clean = sweep_merge(s, merged, &n) == 0;
    free(s->entries);
    s->entries = merged;
    s->count = n;
}

/* Back on the main thread. */
static void sweep_on_listed(void *arg)
{
    struct sweep *s = arg;
    s->listing = false;
    if (s->listed) {
        outage_ended(&s->outage);
        s->owner->host->counts->sweeps++;
        s->due_ms = sweep_now(s) + s->options.interval_ms;
        if (!s->stopped)
            sweep_take_result(s);
    } else {
        const char *advice =
            s->err.kind == ERR_DENIED ? "allow this identity to list the store below prefix" : NULL;
        s->clean = false;
        s->due_ms = sweep_now(s) + outage_failed(&s->outage, &s->err, advice);
    }
    sweep_result_free(&s->result);
    sweep_tick(s);
}

/* On a worker. */
static void sweep_list_store(void *arg, struct http_client *http)
{
    struct sweep *s = arg;
    s->err = ERR_INIT;
    s->listed = sweep_list(s->owner->store, http, &s->rules, &s->result, &s->err);
}

static void sweep_start_listing(struct sweep *s)
{
    const struct config_source *config = s->owner->config;
    const struct clock *clock = s->owner->env->clock;
    s->rules = (struct sweep_rules){
        .prefix = config->prefix ? config->prefix : "",
        .now_ms = clock->wall_ms(clock),
        .max_age_ms = config->sweep_max_age,
        .min_age_ms = s->options.min_age_ms,
        .pending_ttl_ms = 2 * config->rules.claim_ttl,
    };
    s->listing = true;
    engine_work(s->owner->host->engine, sweep_list_store, sweep_on_listed, s);
}

/* --- submitting and settling --- */

/* Submits what is waiting, as long as there is room; true if some is left. */
static bool sweep_submit(struct sweep *s)
{
    struct engine *engine = s->owner->host->engine;
    for (size_t i = 0; i < s->count; i++) {
        struct entry *e = s->entries[i];
        if (e->state != ENTRY_WAITING)
            continue;
        if (!engine_has_room(engine))
            return true;
        e->state = ENTRY_SUBMITTED;
        s->submitted++;
        s->owner->host->counts->swept++;
        log_info(s->owner->env->log, "Unprocessed event found",
                 LOG_STR("source", s->owner->config->name), LOG_STR("key", e->key));
        engine_submit(engine, &e->delivery);
    }
    return false;
}

/* Returns when the next listing is due, at the interval or for an entry. */
static int64_t sweep_next_due(const struct sweep *s)
{
    int64_t due_ms = s->due_ms;
    if (s->outage.failures > 0)
        return due_ms;
    for (size_t i = 0; i < s->count; i++) {
        const struct entry *e = s->entries[i];
        bool timed = e->state == ENTRY_RECHECK || e->state == ENTRY_PAUSED;
        if (timed && e->until_ms < due_ms)
            due_ms = e->until_ms;
    }
    return due_ms;
}

/* Does what is due and sets the timer to when more will be. */
static void sweep_tick(struct sweep *s)
{
    if (s->stopped) {
        uv_timer_stop(&s->timer);
        return;
    }
    if (sweep_submit(s)) {
        sweep_wake_in(s, SWEEP_ROOM_MS);
        return;
    }
    if (s->listing)
        return;
    int64_t wait_ms = sweep_next_due(s) - sweep_now(s);
    if (wait_ms > 0)
        sweep_wake_in(s, wait_ms);
    else if (!engine_has_room(s->owner->host->engine))
        sweep_wake_in(s, SWEEP_ROOM_MS);
    else
        sweep_start_listing(s);
}

static void sweep_settle(struct delivery *d, enum settle how, int64_t delay_ms, const char *why)
{
    (void)why;
    struct entry *e = container_of(d, struct entry, delivery);
    struct sweep *s = e->sweep;
    s->submitted--;
    e->state = ENTRY_DONE;
    if (how != SETTLE_DONE) {
        e->state = ENTRY_PAUSED;
        e->until_ms =
            sweep_now(s) + (delay_ms > SWEEP_RELEASE_MIN_MS ? delay_ms : SWEEP_RELEASE_MIN_MS);
    }
    if (s->owner->host->once && s->submitted == 0)
        s->due_ms = sweep_now(s);
    if (!s->stopped)
        sweep_wake_in(s, 0);
}

/* --- the sweep --- */

struct sweep *sweep_new(struct source *owner, const struct sweep_options *options)
{
    struct sweep *s = xcalloc(1, sizeof *s);
    uv_timer_init(owner->host->loop, &s->timer);
    s->timer.data = s;
    s->owner = owner;
    s->options = *options;
    s->outage = (struct outage){.log = owner->env->log,
                                .clock = owner->env->clock,
                                .source = owner->config->name,
                                .began = "Cannot list the store for events; retrying",
                                .ended = "Listing the store for events works again"};
    return s;
}

void sweep_start(struct sweep *s)
{
    s->due_ms = sweep_now(s);
    sweep_wake_in(s, 0);
}

void sweep_stop(struct sweep *s)
{
    s->stopped = true;
    uv_timer_stop(&s->timer);
}

bool sweep_idle(const struct sweep *s)
{
    return s->submitted == 0 && !s->listing;
}

bool sweep_drained(const struct sweep *s)
{
    return s->clean && sweep_idle(s);
}

bool sweep_failing(const struct sweep *s)
{
    return outage_lasts(&s->outage);
}

static void sweep_on_closed(uv_handle_t *timer)
{
    free(timer->data);
}

void sweep_free(struct sweep *s)
{
    for (size_t i = 0; i < s->count; i++)
        entry_free(s->entries[i]);
    free(s->entries);
    s->entries = NULL;
    s->count = 0;
    uv_close((uv_handle_t *)&s->timer, sweep_on_closed);
}
