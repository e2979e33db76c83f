/* Tests of the sweep: which events are open, and that each is handed over once for as long as it
 * should be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/env.h"
#include "daemon/source/sweep.h"
#include "tests/unit/fake_engine.h"
#include "tests/unit/memory_store.h"

#define NOW    INT64_C(1800000000000)
#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)

/* --- which events are open --- */

struct object {
    const char *key;
    int64_t age_ms;
};

static void store_objects(struct memory_store *m, const struct object *objects, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        m->now_ms = NOW - objects[i].age_ms;
        memory_put_text(m, objects[i].key, "{}");
    }
    m->now_ms = NOW;
}

/* Lists a store that holds these objects and compares the keys found, a line each. */
static void assert_open(const char *prefix, const struct object *objects, size_t n,
                        const char *expected)
{
    struct memory_store *m = memory_store_new(NOW);
    store_objects(m, objects, n);
    struct sweep_rules rules = {
        .prefix = prefix, .now_ms = NOW, .max_age_ms = 24 * HOUR, .pending_ttl_ms = 4 * MINUTE};
    struct sweep_result found;
    struct err err = ERR_INIT;
    assert_true(sweep_list(&m->store, NULL, &rules, &found, &err));
    struct buf keys = buf_make(10000);
    for (size_t i = 0; i < found.count; i++)
        buf_addf(&keys, "%s\n", found.at[i].key);
    assert_string_equal(buf_str(&keys), expected);
    buf_free(&keys);
    sweep_result_free(&found);
    memory_store_free(m);
}

#define ASSERT_OPEN(prefix, expected, ...)                                                         \
    do {                                                                                           \
        const struct object objects_[] = {__VA_ARGS__};                                            \
        assert_open((prefix), objects_, sizeof objects_ / sizeof *objects_, (expected));           \
    } while (0)

static void test_an_event_without_report_is_open(void **state)
{
    (void)state;
    ASSERT_OPEN("", "a/events/1/event.json\nevents/2/event.json\n", {"events/2/event.json", HOUR},
                {"a/events/1/event.json", HOUR}, {"a/reports/other/report_x.json", MINUTE});
}

static void test_an_event_with_a_report_newer_than_itself_is_done(void **state)
{
    (void)state;
    ASSERT_OPEN("", "", {"a/events/1/event.json", HOUR}, {"a/reports/1/report_x.json", HOUR - 1});
    /* Written in the same second: a listing does not say which was first, the run finds out. */
    ASSERT_OPEN("", "a/events/1/event.json\n", {"a/events/1/event.json", HOUR},
                {"a/reports/1/report_x.json", HOUR});
    ASSERT_OPEN("", "", {"a/events/1/event.json", HOUR}, {"a/reports/1/report_old.json", 2 * HOUR},
                {"a/reports/1/report_new.json", MINUTE},
                {"a/reports/1/report_older.json", 3 * HOUR});
}

static void test_an_event_written_anew_is_open_again(void **state)
{
    (void)state;
    ASSERT_OPEN("", "a/events/1/event.json\n", {"a/events/1/event.json", HOUR},
                {"a/reports/1/report_x.json", HOUR + 1});
}

static void test_a_pending_event_is_left_to_its_owner_until_that_must_be_gone(void **state)
{
    (void)state;
    ASSERT_OPEN("", "", {"a/events/1/event.json", HOUR}, {"a/reports/1/is_pending", 4 * MINUTE});
    ASSERT_OPEN("", "a/events/1/event.json\n", {"a/events/1/event.json", HOUR},
                {"a/reports/1/is_pending", 4 * MINUTE + 1});
    /* Some reports are there already, but not all: it is pending. */
    ASSERT_OPEN("", "a/events/1/event.json\n", {"a/events/1/event.json", HOUR},
                {"a/reports/1/report_x.json", MINUTE}, {"a/reports/1/is_pending", 5 * MINUTE});
}

static void test_old_events_are_left_alone(void **state)
{
    (void)state;
    ASSERT_OPEN("", "a/events/new/event.json\n", {"a/events/new/event.json", 24 * HOUR},
                {"a/events/old/event.json", 24 * HOUR + 1});
}

static void test_other_keys_are_no_events(void **state)
{
    (void)state;
    ASSERT_OPEN("", "", {"event.json", 1}, {"a/event.json", 1}, {"a/events/event.json.tmp", 1},
                {"a/events/other.json", 1}, {"a/reports/event.json", 1},
                {"myevents/event.json", 1});
}

static void test_a_prefix_among_events_finds_the_reports_beside_it(void **state)
{
    (void)state;
    static const char *const prefixes[] = {"a/events/", "a/events/1", "a/ev",
                                           "a/events",  "a/",         "a"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        ASSERT_OPEN(prefixes[i], "a/events/12/event.json\n", {"a/events/11/event.json", HOUR},
                    {"a/events/12/event.json", HOUR}, {"b/events/13/event.json", HOUR},
                    {"a/reports/11/report_x.json", MINUTE});
}

static void test_young_events_are_left_to_their_notification(void **state)
{
    (void)state;
    struct memory_store *m = memory_store_new(NOW);
    store_objects(m, (struct object[]){{"events/1/event.json", MINUTE - 1}}, 1);
    struct sweep_rules rules = {
        .prefix = "", .now_ms = NOW, .max_age_ms = HOUR, .min_age_ms = MINUTE};
    struct sweep_result found;
    struct err err = ERR_INIT;
    assert_true(sweep_list(&m->store, NULL, &rules, &found, &err));
    assert_int_equal(found.count, 0);
    sweep_result_free(&found);
    m->now_ms++; /* by the store's clock, whatever the host's may be */
    rules.now_ms = 0;
    assert_true(sweep_list(&m->store, NULL, &rules, &found, &err));
    assert_int_equal(found.count, 1);
    sweep_result_free(&found);
    memory_store_free(m);
}

/* --- handing over --- */

struct fixture {
    struct config_source config;
    struct memory_store *memory;
    struct source source;
    struct env env;
    struct source_counts counts;
    struct source_host host;
    struct fake_clock clock;
    struct engine engine;
    uv_loop_t loop;
    struct sweep *sweep;
};

static struct fixture *fixture_new(int64_t recheck_ms)
{
    struct fixture *f = calloc(1, sizeof *f);
    char name[] = "test";
    f->config = (struct config_source){
        .name = strdup(name), .sweep_max_age = 24 * HOUR, .rules.claim_ttl = 2 * MINUTE};
    f->memory = memory_store_new(NOW - HOUR);
    f->clock = fake_clock_make(NOW);
    f->engine.room = FAKE_MAX;
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->env = (struct env){.clock = &f->clock.clock};
    f->host = (struct source_host){
        .env = &f->env, .engine = &f->engine, .counts = &f->counts, .loop = &f->loop};
    f->source = (struct source){
        .config = &f->config, .store = &f->memory->store, .env = &f->env, .host = &f->host};
    struct sweep_options options = {.interval_ms = HOUR, .recheck_ms = recheck_ms};
    f->sweep = sweep_new(&f->source, &options);
    return f;
}

static int set_up(void **state)
{
    *state = fixture_new(0);
    return 0;
}

static int set_up_rechecking(void **state)
{
    *state = fixture_new(200);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    sweep_stop(f->sweep);
    sweep_free(f->sweep);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    int left = uv_loop_close(&f->loop);
    memory_store_free(f->memory);
    free(f->config.name);
    free(f);
    return left;
}

/* Lets the sweep list again, after the time given: starting it again makes a listing due. */
static void sweep_after(struct fixture *f, int64_t ms)
{
    f->clock.now_ms += ms;
    sweep_start(f->sweep);
    fake_settle_down(&f->host);
}

static void start(struct fixture *f)
{
    sweep_start(f->sweep);
    fake_settle_down(&f->host);
}

static void test_open_events_are_handed_over_once(void **state)
{
    struct fixture *f = *state;
    memory_put_text(f->memory, "events/1/event.json", "{}");
    memory_put_text(f->memory, "events/2/event.json", "{}");
    start(f);
    assert_int_equal(f->engine.submitted, 2);
    assert_ptr_equal(fake_find(&f->engine, "events/2/event.json")->store, &f->memory->store);
    sweep_after(f, HOUR);
    assert_int_equal(f->engine.submitted, 2);
    assert_false(sweep_idle(f->sweep));
    assert_int_equal(f->counts.sweeps, 2);
    assert_int_equal(f->counts.swept, 2);
}

static void test_a_done_event_that_left_no_report_is_not_run_for_ever(void **state)
{
    struct fixture *f = *state;
    memory_put_text(f->memory, "events/1/event.json", "{}");
    start(f);
    assert_true(fake_settle(&f->engine, "events/1/event.json", SETTLE_DONE, 0));
    sweep_after(f, HOUR);
    sweep_after(f, HOUR);
    assert_int_equal(f->engine.submitted, 1);
    assert_true(sweep_drained(f->sweep));
    memory_put_text(f->memory, "events/1/event.json", "{}");
    sweep_after(f, MINUTE);
    assert_int_equal(f->engine.submitted, 2);
}

static void test_a_released_event_pauses_for_its_delay(void **state)
{
    struct fixture *f = *state;
    memory_put_text(f->memory, "events/1/event.json", "{}");
    start(f);
    assert_true(fake_settle(&f->engine, "events/1/event.json", SETTLE_RELEASE, 5000));
    assert_true(sweep_idle(f->sweep));
    sweep_after(f, 4999);
    assert_int_equal(f->engine.submitted, 1);
    sweep_after(f, 1);
    assert_int_equal(f->engine.submitted, 2);
}

static void test_without_room_events_wait(void **state)
{
    struct fixture *f = *state;
    f->engine.room = 1;
    memory_put_text(f->memory, "events/1/event.json", "{}");
    memory_put_text(f->memory, "events/2/event.json", "{}");
    start(f);
    assert_int_equal(f->engine.submitted, 1);
    assert_false(sweep_drained(f->sweep));
    assert_true(fake_settle(&f->engine, "events/1/event.json", SETTLE_DONE, 0));
    fake_settle_down(&f->host);
    assert_int_equal(f->engine.submitted, 2);
    assert_non_null(fake_find(&f->engine, "events/2/event.json"));
}

static void test_it_is_drained_when_a_sweep_finds_nothing_new(void **state)
{
    struct fixture *f = *state;
    f->host.once = true;
    memory_put_text(f->memory, "events/1/event.json", "{}");
    assert_false(sweep_drained(f->sweep));
    start(f);
    assert_false(sweep_drained(f->sweep));
    memory_put_text(f->memory, "reports/1/report_x.json", "{}");
    assert_true(fake_settle(&f->engine, "events/1/event.json", SETTLE_DONE, 0));
    assert_false(sweep_drained(f->sweep));
    fake_settle_down(&f->host);
    assert_true(sweep_drained(f->sweep));
    assert_int_equal(f->engine.submitted, 1);
}

static void test_a_failed_listing_is_tried_again_later(void **state)
{
    struct fixture *f = *state;
    memory_put_text(f->memory, "events/1/event.json", "{}");
    strcpy(f->memory->fault_on, "list");
    f->memory->fault_kind = ERR_TRANSIENT;
    f->memory->fault_count = 1;
    start(f);
    assert_int_equal(f->engine.submitted, 0);
    assert_false(sweep_drained(f->sweep));
    /* The timer of the pause wakes the sweep. */
    f->clock.now_ms += MINUTE;
    while (f->engine.work_count == 0)
        uv_run(&f->loop, UV_RUN_ONCE);
    fake_settle_down(&f->host);
    assert_int_equal(f->engine.submitted, 1);
}

static void test_after_stop_nothing_is_handed_over(void **state)
{
    struct fixture *f = *state;
    memory_put_text(f->memory, "events/1/event.json", "{}");
    sweep_start(f->sweep);
    while (f->engine.work_count == 0)
        uv_run(&f->loop, UV_RUN_NOWAIT);
    sweep_stop(f->sweep);
    assert_false(sweep_idle(f->sweep));
    fake_settle_down(&f->host);
    assert_true(sweep_idle(f->sweep));
    assert_int_equal(f->engine.submitted, 0);
}

static void test_an_event_is_taken_when_it_has_stopped_changing(void **state)
{
    struct fixture *f = *state;
    memory_put_text(f->memory, "events/1/event.json", "{");
    start(f);
    assert_int_equal(f->engine.submitted, 0);
    sweep_after(f, 199);
    assert_int_equal(f->engine.submitted, 0);
    memory_put_text(f->memory, "events/1/event.json", "{}");
    sweep_after(f, 1);
    assert_int_equal(f->engine.submitted, 0);
    sweep_after(f, 200);
    assert_int_equal(f->engine.submitted, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_event_without_report_is_open),
        cmocka_unit_test(test_an_event_with_a_report_newer_than_itself_is_done),
        cmocka_unit_test(test_an_event_written_anew_is_open_again),
        cmocka_unit_test(test_a_pending_event_is_left_to_its_owner_until_that_must_be_gone),
        cmocka_unit_test(test_old_events_are_left_alone),
        cmocka_unit_test(test_other_keys_are_no_events),
        cmocka_unit_test(test_a_prefix_among_events_finds_the_reports_beside_it),
        cmocka_unit_test(test_young_events_are_left_to_their_notification),
        cmocka_unit_test_setup_teardown(test_open_events_are_handed_over_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_done_event_that_left_no_report_is_not_run_for_ever,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_released_event_pauses_for_its_delay, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_without_room_events_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_it_is_drained_when_a_sweep_finds_nothing_new, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_failed_listing_is_tried_again_later, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_after_stop_nothing_is_handed_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_event_is_taken_when_it_has_stopped_changing,
                                        set_up_rechecking, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
