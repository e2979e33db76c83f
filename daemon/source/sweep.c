/* A source's sweeps: when to list, and what becomes of each event found. */
#include "daemon/source/sweep.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/env.h"
#include "daemon/run/engine.h"
#include "daemon/source/trouble.h"

#define ROOM_MS        500  /* how often to look whether the engine has room again */
#define RELEASE_MIN_MS 1000 /* a released event is not offered again sooner */

enum entry_state {
    ENTRY_LOOK,    /* seen once; to be seen again unchanged at until_ms or later */
    ENTRY_WAITING, /* to be handed over when the engine has room */
    ENTRY_HAND,    /* with the engine, which settles it */
    ENTRY_DONE,    /* settled; kept while sweeps find it as it was, so that it is not run again */
    ENTRY_PAUSED,  /* released; not before until_ms */
};

/* An open event. */
struct entry {
    struct delivery delivery; /* first */
    struct sweep *sweep;
    char *key;
    char *etag;
    enum entry_state state;
    int64_t until_ms; /* monotonic */
};

struct sweep {
    struct source *owner; /* borrowed */
    struct sweep_options options;
    uv_timer_t timer;
    struct entry **entries; /* sorted by key */
    size_t count;
    size_t in_hand;
    int64_t due_ms; /* monotonic, when to list next */
    bool stopped;
    bool clean; /* the last listing went well and found nothing new */
    struct trouble trouble;

    /* The listing under way; the worker's between engine_work and on_listed. */
    bool listing;
    bool again; /* sweep_now came meanwhile */
    struct sweep_rules rules;
    struct sweep_result result;
    bool listed;
    struct err err;
};

static void tick(struct sweep *s);
static void sweep_settle(struct delivery *d, enum settle how, int64_t delay_ms, const char *why);

static int64_t now_ms(const struct sweep *s)
{
    const struct clock *clock = s->owner->env->clock;
    return clock->mono_ms(clock);
}

static struct trouble_about about(const struct sweep *s)
{
    const struct env *env = s->owner->env;
    return (struct trouble_about){env->log, env->clock, s->owner->config->name,
                                  "Cannot list the store for events; retrying",
                                  "Listing the store for events works again"};
}

static void entry_free(struct entry *e)
{
    free(e->key);
    free(e->etag);
    free(e);
}

static void on_timer(uv_timer_t *timer)
{
    tick(timer->data);
}

static void wake_in(struct sweep *s, int64_t ms)
{
    uv_timer_start(&s->timer, on_timer, ms > 0 ? (uint64_t)ms : 0, 0);
}

/* --- what a listing brings --- */

static struct entry *entry_new(struct sweep *s, struct sweep_found *found)
{
    struct entry *e = calloc(1, sizeof *e);
    if (!e)
        return NULL; /* the next sweep finds it again */
    e->key = found->key;
    e->etag = found->etag;
    found->key = found->etag = NULL;
    e->sweep = s;
    e->delivery = (struct delivery){.store = s->owner->store,
                                    .rules = &s->owner->config->rules,
                                    .key = e->key,
                                    .id = "",
                                    .settle = sweep_settle};
    e->state = s->options.look_ms > 0 ? ENTRY_LOOK : ENTRY_WAITING;
    e->until_ms = now_ms(s) + s->options.look_ms;
    return e;
}

/* The event as it is now; starts anew with it. */
static void entry_renew(struct sweep *s, struct entry *e, struct sweep_found *found)
{
    free(e->etag);
    e->etag = found->etag;
    found->etag = NULL;
    e->state = s->options.look_ms > 0 ? ENTRY_LOOK : ENTRY_WAITING;
    e->until_ms = now_ms(s) + s->options.look_ms;
}

/* A known event is found (still) open. True when that is news. */
static bool entry_found(struct sweep *s, struct entry *e, struct sweep_found *found)
{
    bool same = strcmp(e->etag, found->etag) == 0;
    switch (e->state) {
    case ENTRY_HAND:
        return false;
    case ENTRY_WAITING:
    case ENTRY_DONE:
        if (same)
            return e->state == ENTRY_WAITING;
        entry_renew(s, e, found);
        return true;
    case ENTRY_LOOK:
        if (!same)
            entry_renew(s, e, found);
        else if (now_ms(s) >= e->until_ms)
            e->state = ENTRY_WAITING;
        return true;
    case ENTRY_PAUSED:
        if (now_ms(s) < e->until_ms)
            return false;
        entry_renew(s, e, found);
        return true;
    }
    return false;
}

/* Goes through known entries and found events side by side, both sorted by key; makes the new list
 * of entries. Returns how many are news. */
static size_t merge(struct sweep *s, struct entry **merged, size_t *merged_count)
{
    size_t news = 0, n = 0, i = 0, j = 0;
    while (i < s->count || j < s->result.count) {
        struct entry *e = i < s->count ? s->entries[i] : NULL;
        struct sweep_found *f = j < s->result.count ? &s->result.at[j] : NULL;
        if (e && (!f || strcmp(e->key, f->key) < 0)) { /* no longer open */
            if (e->state == ENTRY_HAND)
                merged[n++] = e;
            else
                entry_free(e);
            i++;
            continue;
        }
        if (e && f && strcmp(e->key, f->key) == 0) {
            news += entry_found(s, e, f);
            merged[n++] = e;
            i++;
        } else if (f && (e = entry_new(s, f))) {
            merged[n++] = e;
            news++;
        }
        j++;
    }
    *merged_count = n;
    return news;
}

static void take_in(struct sweep *s)
{
    struct entry **merged = calloc(s->count + s->result.count + 1, sizeof(struct entry *));
    if (!merged)
        return; /* the next sweep finds the same */
    size_t n;
    size_t news = merge(s, merged, &n);
    free(s->entries);
    s->entries = merged;
    s->count = n;
    s->clean = news == 0;
}

/* Back on the main thread. */
static void on_listed(void *arg)
{
    struct sweep *s = arg;
    s->listing = false;
    struct trouble_about what = about(s);
    if (s->listed) {
        trouble_over(&s->trouble, &what);
        s->owner->host->counts->sweeps++;
        s->due_ms = now_ms(s) + s->options.interval_ms;
        if (!s->stopped)
            take_in(s);
    } else {
        s->clean = false;
        const char *advice =
            s->err.kind == ERR_DENIED ? "allow this identity to list the store below prefix" : NULL;
        s->due_ms = now_ms(s) + trouble_met(&s->trouble, &what, advice, &s->err);
    }
    sweep_result_free(&s->result);
    if (s->again)
        sweep_now(s);
    tick(s);
}

/* On a worker. */
static void list_store(void *arg, struct http_client *http)
{
    struct sweep *s = arg;
    s->err = ERR_INIT;
    s->listed = sweep_list(s->owner->store, http, &s->rules, &s->result, &s->err);
}

static void start_listing(struct sweep *s)
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
    engine_work(s->owner->host->engine, list_store, on_listed, s);
}

/* --- handing over and settling --- */

/* Hands over what waits, as long as there is room; true when some is left. */
static bool hand_over(struct sweep *s)
{
    const struct source_host *host = s->owner->host;
    for (size_t i = 0; i < s->count; i++) {
        struct entry *e = s->entries[i];
        if (e->state != ENTRY_WAITING)
            continue;
        if (!engine_has_room(host->engine))
            return true;
        e->state = ENTRY_HAND;
        s->in_hand++;
        host->counts->swept++;
        log_info(host->env->log, "Unprocessed event found",
                 LOG_STR("source", s->owner->config->name), LOG_STR("key", e->key));
        engine_submit(host->engine, &e->delivery);
    }
    return false;
}

/* When the next entry that pauses or is to be looked at again wants a listing. */
static int64_t next_due(const struct sweep *s)
{
    int64_t due = s->due_ms;
    if (s->trouble.attempts > 0)
        return due;
    for (size_t i = 0; i < s->count; i++) {
        const struct entry *e = s->entries[i];
        bool wants = e->state == ENTRY_LOOK || e->state == ENTRY_PAUSED;
        if (wants && e->until_ms < due)
            due = e->until_ms;
    }
    return due;
}

/* Does what is to be done now and sets the timer to when more will be. */
static void tick(struct sweep *s)
{
    if (s->stopped) {
        uv_timer_stop(&s->timer);
        return;
    }
    if (hand_over(s)) {
        wake_in(s, ROOM_MS);
        return;
    }
    if (s->listing)
        return;
    int64_t wait = next_due(s) - now_ms(s);
    if (wait > 0)
        wake_in(s, wait);
    else if (!engine_has_room(s->owner->host->engine))
        wake_in(s, ROOM_MS);
    else
        start_listing(s);
}

static void sweep_settle(struct delivery *d, enum settle how, int64_t delay_ms, const char *why)
{
    (void)why;
    struct entry *e = (struct entry *)d;
    struct sweep *s = e->sweep;
    s->in_hand--;
    e->state = ENTRY_DONE;
    if (how != SETTLE_DONE) {
        e->state = ENTRY_PAUSED;
        e->until_ms = now_ms(s) + (delay_ms > RELEASE_MIN_MS ? delay_ms : RELEASE_MIN_MS);
    }
    if (s->owner->host->once && s->in_hand == 0)
        s->due_ms = now_ms(s);
    if (!s->stopped)
        wake_in(s, 0);
}

/* --- the sweep --- */

struct sweep *sweep_new(struct source *owner, const struct sweep_options *options)
{
    struct sweep *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    if (uv_timer_init(owner->host->loop, &s->timer) != 0) {
        free(s);
        return NULL;
    }
    s->timer.data = s;
    s->owner = owner;
    s->options = *options;
    return s;
}

void sweep_start(struct sweep *s)
{
    s->due_ms = now_ms(s);
    wake_in(s, 0);
}

void sweep_now(struct sweep *s)
{
    if (s->stopped)
        return;
    s->clean = false;
    s->again = s->listing;
    if (s->trouble.attempts == 0)
        s->due_ms = now_ms(s);
    wake_in(s, 0);
}

void sweep_stop(struct sweep *s)
{
    s->stopped = true;
    uv_timer_stop(&s->timer);
}

bool sweep_idle(const struct sweep *s)
{
    return s->in_hand == 0 && !s->listing;
}

bool sweep_drained(const struct sweep *s)
{
    return s->clean && sweep_idle(s);
}

bool sweep_failing(const struct sweep *s)
{
    return trouble_lasts(&s->trouble);
}

static void on_closed(uv_handle_t *timer)
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
    uv_close((uv_handle_t *)&s->timer, on_closed);
}
