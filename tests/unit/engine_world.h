/* The real engine with a simulated clock, a store in memory and actions of the test: a wait moves
 * the clock at once, so that hours pass in milliseconds and every run of a test is the same.
 *
 * One worker, so that what steps do needs no lock. The test's program defines action_table. */
#ifndef HGAUTOD_TESTS_ENGINE_WORLD_H
#define HGAUTOD_TESTS_ENGINE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <stdatomic.h>
#include <time.h>

#include "actions/action.h"
#include "daemon/env.h"
#include "daemon/run/engine.h"
#include "lib/net/http.h"
#include "tests/unit/memory_store.h"

#define EVENT   "x/events/rule/event.json"
#define PENDING "x/reports/rule/is_pending"
#define REPORTS "x/reports/rule/report_"
#define ACCOUNT "123456789012"
#define SECOND  INT64_C(1000)
#define MINUTE  (60 * SECOND)
#define HOUR    (60 * MINUTE)

/* The program's function is in the same file as its table. */
const struct action *action_find(const char *name)
{
    for (const struct action *const *a = action_table; *a; a++)
        if (strcmp((*a)->name, name) == 0)
            return *a;
    return NULL;
}

struct engine_world {
    struct delivery delivery; /* first */
    struct config config;
    struct run_rules rules;
    struct memory_store *memory;
    struct env env;
    struct clock clock;
    uv_loop_t loop;
    struct engine *engine;
    struct log *log;
    FILE *log_file;
    int settled;
    enum settle how;
    int64_t delay_ms;
    char why[2048]; /* with SETTLE_RELEASE: what was unavailable, in the last error */
    int64_t began_ms;
};

/* The time of both clocks, and the adjustment of the wall clock. */
static _Atomic int64_t world_ms, world_wall_set;

static inline int64_t world_mono(const struct clock *c)
{
    (void)c;
    return world_ms;
}

static inline int64_t world_wall(const struct clock *c)
{
    (void)c;
    return INT64_C(1800000000000) + world_ms + world_wall_set;
}

/* Replaces the function of libc: the scheduler, its only caller, does not wait. */
int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                           const struct timespec *until)
{
    struct timespec now;
    (void)cond, (void)mutex;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t ns = (until->tv_sec - now.tv_sec) * INT64_C(1000000000) + until->tv_nsec - now.tv_nsec;
    world_ms += ns > 0 ? (ns + 999999) / 1000000 : 1;
    return ETIMEDOUT;
}

static inline void world_settle(struct delivery *d, enum settle how, int64_t delay_ms,
                                const char *why)
{
    struct engine_world *w = (struct engine_world *)d;
    w->settled++;
    w->how = how;
    w->delay_ms = delay_ms;
    if (why)
        snprintf(w->why, sizeof w->why, "%s", why);
    uv_stop(&w->loop);
}

static inline int world_set_up_with(void **state, bool share_calls)
{
    struct engine_world *w = calloc(1, sizeof *w);
    struct err err = ERR_INIT;
    world_ms = HOUR;
    world_wall_set = 0;
    w->config.daemon.name = (char *)"test";
    w->config.daemon.workers = 1;
    w->config.http.max_attempts = 30;
    w->config.http.retry_for = 2 * MINUTE;
    w->config.http.throttle_patience = 10 * MINUTE;
    w->rules.claims = true;
    w->rules.claim_ttl = 30 * 24 * HOUR; /* its renewal has a test of its own */
    w->clock = system_clock;
    w->clock.wall_ms = world_wall;
    w->clock.mono_ms = world_mono;
    w->memory = memory_store_new(world_wall(NULL));
    w->delivery = (struct delivery){.store = &w->memory->store,
                                    .rules = &w->rules,
                                    .key = EVENT,
                                    .id = "",
                                    .settle = world_settle};
    w->log_file = tmpfile();
    w->log = log_new(fileno(w->log_file), LOG_INFO_LEVEL, LOG_TEXT);
    uv_loop_init(&w->loop);
    w->env = (struct env){.config = &w->config,
                          .clock = &w->clock,
                          .log = w->log,
                          .http = {.connect_timeout_ms = 1000, .request_timeout_ms = 1000}};
    struct engine_options options = {.env = &w->env, .loop = &w->loop, .share_calls = share_calls};
    w->engine = engine_new(&options, &err);
    *state = w;
    return w->engine && w->log ? 0 : -1;
}

static inline int world_set_up(void **state)
{
    return world_set_up_with(state, true);
}

static inline int world_tear_down(void **state)
{
    struct engine_world *w = *state;
    assert_false(engine_busy(w->engine));
    engine_free(w->engine);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    memory_store_free(w->memory);
    log_free(w->log);
    fclose(w->log_file);
    free(w);
    return 0;
}

/* Carries out the stored event until it is settled. */
static inline void world_run(struct engine_world *w)
{
    int before = w->settled;
    w->began_ms = world_ms;
    engine_submit(w->engine, &w->delivery);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(w->settled, before + 1);
}

/* Returns how long ago the run began. */
static inline int64_t world_passed(const struct engine_world *w)
{
    return world_ms - w->began_ms;
}

/* Stores an event with automations: `names` of actions, separated by spaces, each for `count`
 * resources "r0", "r1", ... */
static inline void world_put_event(struct engine_world *w, const char *names, size_t count)
{
    json_t *results = json_array();
    char copy[256], id[24], *rest;
    snprintf(copy, sizeof copy, "%s", names);
    for (char *name = strtok_r(copy, " ", &rest); name; name = strtok_r(NULL, " ", &rest)) {
        json_t *entities = json_array();
        for (size_t i = 0; i < count; i++) {
            snprintf(id, sizeof id, "r%zu", i);
            json_array_append_new(entities,
                                  json_pack("{s:s, s:s, s:s, s:s}", "id", id, "account", ACCOUNT,
                                            "region", "us-east-1", "type", "Thing"));
        }
        json_array_append_new(
            results, json_pack("{s:{s:s}, s:o}", "automation", "name", name, "entities", entities));
    }
    json_t *event = json_pack("{s:s, s:o}", "name", "rule", "results", results);
    char *text = json_dumps(event, JSON_COMPACT);
    memory_put_text(w->memory, EVENT, text);
    free(text);
    json_decref(event);
}

/* Stores an expired claim whose owner has left this progress of the event's automations. */
static inline void world_put_claim(struct engine_world *w, const char *automations)
{
    char text[4096], etag[16];
    snprintf(etag, sizeof etag, "\\\"%u\\\"", memory_find(w->memory, EVENT)->version);
    snprintf(
        text, sizeof text,
        "{\"hgautod\":1,\"run\":\"run-of-another\",\"owner\":\"other/host/1\",\"event\":\"%s\","
        "\"expires_ms\":0,\"automations\":%s}",
        etag, automations);
    memory_put_text(w->memory, PENDING, text);
}

/* Returns the parsed content of the first key with this prefix; NULL if there is none. */
static inline json_t *world_stored(struct engine_world *w, const char *prefix)
{
    char *text = memory_text(w->memory, prefix);
    json_t *stored = text ? json_loads(text, 0, NULL) : NULL;
    free(text);
    return stored;
}

/* Asserts the numbers of processed and errored resources in the report of the action. */
static inline void world_expect(struct engine_world *w, const char *action, size_t processed,
                                size_t errored)
{
    char prefix[128];
    snprintf(prefix, sizeof prefix, REPORTS "%s_", action);
    json_t *report = world_stored(w, prefix);
    assert_int_equal(w->how, SETTLE_DONE);
    assert_non_null(report);
    assert_int_equal(json_array_size(json_object_get(report, "processed")), processed);
    assert_int_equal(json_array_size(json_object_get(report, "errored")), errored);
    json_decref(report);
}

/* Asserts ID and error of the first errored resource of the only report. */
static inline void world_expect_error(struct engine_world *w, const char *id, const char *error)
{
    json_t *report = world_stored(w, REPORTS);
    const json_t *first = json_array_get(json_object_get(report, "errored"), 0);
    assert_non_null(first);
    assert_string_equal(json_string_value(json_object_get(first, "id")), id);
    const char *text = json_string_value(json_object_get(first, "error"));
    if (!text || !strstr(text, error))
        fail_msg("\"%s\" does not hold \"%s\"", text ? text : "", error);
    json_decref(report);
}

/* Returns the number of lines of the log that contain the text. */
static inline size_t world_lines(struct engine_world *w, const char *text)
{
    char line[8192];
    size_t n = 0;
    rewind(w->log_file);
    while (fgets(line, sizeof line, w->log_file))
        n += strstr(line, text) != NULL;
    return n;
}

#endif
