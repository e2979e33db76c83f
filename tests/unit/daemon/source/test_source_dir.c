/* Tests of the directory source on a real directory: what is there at the start, and what appears
 * later, is found by sweeps. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/env.h"
#include "daemon/source/kinds.h"
#include "tests/unit/fake_engine.h"
#include "tests/unit/scratch_dir.h"

#define HOUR (3600 * INT64_C(1000))

struct fixture {
    char root[256];
    struct config_source config;
    struct env env;
    struct source_counts counts;
    struct source_host host;
    struct engine engine;
    uv_loop_t loop;
    struct source *source;
    uv_timer_t turn; /* work that a timer hands to the workers must not wait for the next thing to
                        happen */
    uint64_t limit;
    bool late;
};

static void on_turn(uv_timer_t *timer)
{
    struct fixture *f = timer->data;
    f->late = uv_now(&f->loop) > f->limit;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct err err = ERR_INIT;
    scratch_make(f->root);
    f->engine.room = FAKE_MAX;
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->env = (struct env){.clock = &system_clock};
    f->host = (struct source_host){
        .env = &f->env, .engine = &f->engine, .counts = &f->counts, .loop = &f->loop};
    f->config = (struct config_source){.type = SOURCE_DIRECTORY,
                                       .path = f->root,
                                       .sweep_interval = 20,
                                       .sweep_max_age = 24 * HOUR,
                                       .rules.claim_ttl = 120000};
    f->config.name = strdup("test");
    f->limit = uv_now(&f->loop) + 20000;
    uv_timer_init(&f->loop, &f->turn);
    f->turn.data = f;
    uv_timer_start(&f->turn, on_turn, 5, 5);
    f->source = source_new(&f->host, &f->config, &err);
    if (!f->source)
        fail_msg("source_new: %s", err.message);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    f->source->ops->stop(f->source);
    while (fake_do_work(&f->engine))
        continue;
    f->source->ops->free(f->source);
    uv_close((uv_handle_t *)&f->turn, NULL);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    int left = uv_loop_close(&f->loop);
    scratch_remove(f->root);
    free(f->config.name);
    free(f);
    return left;
}

static void start(struct fixture *f)
{
    f->source->ops->start(f->source);
}

/* Runs loop and workers until the source has handed over this event. */
static struct delivery *await_event(struct fixture *f, const char *key)
{
    struct delivery *d;
    while (!(d = fake_find(&f->engine, key)) && !f->late) {
        uv_run(&f->loop, UV_RUN_ONCE);
        while (fake_do_work(&f->engine))
            continue;
    }
    if (!d)
        fail_msg("%s has not been handed over", key);
    return d;
}

static void await_drained(struct fixture *f)
{
    while (!f->source->ops->drained(f->source) && !f->late) {
        uv_run(&f->loop, UV_RUN_ONCE);
        while (fake_do_work(&f->engine))
            continue;
    }
    assert_true(f->source->ops->drained(f->source));
}

/* By a second: what is written at once may have one time. */
static void make_older(const char *root, const char *key)
{
    char path[512];
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}};
    snprintf(path, sizeof path, "%s/%s", root, key);
    assert_int_equal(clock_gettime(CLOCK_REALTIME, &times[1]), 0);
    times[1].tv_sec--;
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void test_events_there_at_the_start_are_taken_and_finished_ones_are_not(void **state)
{
    struct fixture *f = *state;
    scratch_write(f->root, "x/events/done/event.json", "{}");
    make_older(f->root, "x/events/done/event.json");
    scratch_write(f->root, "x/reports/done/report_a.json", "{}");
    scratch_write(f->root, "x/events/open/event.json", "{}");
    start(f);
    const struct delivery *d = await_event(f, "x/events/open/event.json");
    assert_ptr_equal(d->store, f->source->store);
    assert_ptr_equal(d->rules, &f->config.rules);
    assert_int_equal(f->engine.submitted, 1);
}

static void test_an_event_that_appears_in_new_folders_is_taken(void **state)
{
    struct fixture *f = *state;
    start(f);
    await_drained(f);
    scratch_write(f->root, "a/b/events/c/d/event.json", "{}");
    await_event(f, "a/b/events/c/d/event.json");
    scratch_write(f->root, "a/b/events/c/e/event.json", "{}");
    await_event(f, "a/b/events/c/e/event.json");
    assert_int_equal(f->engine.submitted, 2);
}

static void test_an_event_renamed_into_place_is_taken(void **state)
{
    struct fixture *f = *state;
    scratch_write(f->root, "events/1/event.json.part", "{}");
    start(f);
    await_drained(f);
    char from[512], to[512];
    snprintf(from, sizeof from, "%s/events/1/event.json.part", f->root);
    snprintf(to, sizeof to, "%s/events/1/event.json", f->root);
    assert_int_equal(rename(from, to), 0);
    await_event(f, "events/1/event.json");
}

static void test_an_event_in_a_folder_that_is_made_anew_is_taken(void **state)
{
    struct fixture *f = *state;
    scratch_write(f->root, "events/1/event.json", "{}");
    start(f);
    await_event(f, "events/1/event.json");
    assert_true(fake_settle(&f->engine, "events/1/event.json", SETTLE_DONE, 0));
    char path[512];
    snprintf(path, sizeof path, "%s/events", f->root);
    scratch_remove(path);
    scratch_mkdir(f->root, "events/1");
    await_drained(f);
    scratch_write(f->root, "events/1/event.json", "{ }");
    await_event(f, "events/1/event.json");
}

static void test_a_missing_directory_is_refused(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    char missing[] = "/no/such/directory";
    f->config.path = missing;
    assert_null(source_new(&f->host, &f->config, &err));
    assert_string_equal(err.message,
                        "source \"test\": cannot open the directory /no/such/directory: No such "
                        "file or directory");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_events_there_at_the_start_are_taken_and_finished_ones_are_not),
        TEST(test_an_event_that_appears_in_new_folders_is_taken),
        TEST(test_an_event_renamed_into_place_is_taken),
        TEST(test_an_event_in_a_folder_that_is_made_anew_is_taken),
        TEST(test_a_missing_directory_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
