/* Runs on the real engine with a store in memory: claims, takeovers, progress, reports and what
 * order they come in. The resources of these events are refused before any call is made, or were
 * finished by an earlier owner, so that no cloud is needed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <jansson.h>

#include "daemon/env.h"
#include "daemon/run/engine.h"
#include "daemon/run/report.h"
#include "lib/net/http.h"
#include "tests/unit/memory_store.h"

#define EVENT   "x/events/rule/event.json"
#define PENDING "x/reports/rule/is_pending"
#define REPORTS "x/reports/rule/report_"
#define NOW     INT64_C(1800000000000)

/* Two resources without a valid account: each is errored before any call. */
#define TWO_BAD                                                                                    \
    "{\"name\":\"r\",\"results\":[{\"automation\":{\"name\":\"ec2_stop_instance\"},"               \
    "\"entities\":[{\"id\":\"i-0aaaaaaaaaaaaaaa1\",\"account\":\"x\"},"                            \
    "{\"id\":\"i-0aaaaaaaaaaaaaaa2\",\"account\":\"y\"}]}]}"

struct fixture {
    struct delivery delivery; /* first */
    struct config config;
    struct run_rules rules;
    struct memory_store *memory;
    struct env env;
    struct clock clock;
    uv_loop_t loop;
    struct engine *engine;
    struct delivery *submitted; /* since engine_submit has returned, until it is settled */
    int settled;
    enum settle how;
    int64_t delay_ms;
};

static int64_t fixed_wall(const struct clock *c)
{
    (void)c;
    return NOW;
}

static void on_settled(struct delivery *d, enum settle how, int64_t delay_ms, const char *why)
{
    struct fixture *f = (struct fixture *)d;
    (void)why;
    assert_ptr_equal(d, f->submitted);
    f->submitted = NULL;
    f->settled++;
    f->how = how;
    f->delay_ms = delay_ms;
    uv_stop(&f->loop);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct err err = ERR_INIT;
    f->config.daemon.name = (char *)"test";
    f->config.daemon.workers = 2;
    f->config.http.max_attempts = 3;
    f->config.http.retry_for = 60000;
    f->rules.claims = true;
    f->rules.claim_ttl = 60000;
    f->clock = system_clock;
    f->clock.wall_ms = fixed_wall;
    f->memory = memory_store_new(NOW - 1000);
    f->delivery = (struct delivery){.store = &f->memory->store,
                                    .rules = &f->rules,
                                    .key = EVENT,
                                    .id = "",
                                    .settle = on_settled};
    uv_loop_init(&f->loop);
    f->env = (struct env){.config = &f->config,
                          .clock = &f->clock,
                          .http = {.connect_timeout_ms = 1000, .request_timeout_ms = 1000}};
    struct engine_options options = {.env = &f->env, .loop = &f->loop, .share_calls = true};
    f->engine = engine_new(&options, &err);
    *state = f;
    return f->engine ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    assert_false(engine_busy(f->engine));
    engine_free(f->engine);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    memory_store_free(f->memory);
    free(f);
    return 0;
}

static void run_event(struct fixture *f)
{
    int before = f->settled;
    engine_submit(f->engine, &f->delivery);
    f->submitted = &f->delivery;
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(f->settled, before + 1);
}

/* A claim as another daemon would have written it. */
static void put_claim(struct fixture *f, int64_t expires_ms, const char *event_etag,
                      const char *automations)
{
    char text[2048];
    snprintf(
        text, sizeof text,
        "{\"hgautod\":1,\"run\":\"run-of-another\",\"owner\":\"other/host/1\",\"event\":\"%s\","
        "\"expires_ms\":%lld,\"automations\":%s}",
        event_etag, (long long)expires_ms, automations);
    memory_put_text(f->memory, PENDING, text);
    if (expires_ms)
        memory_find(f->memory, PENDING)->modified_ms = expires_ms - f->rules.claim_ttl;
}

/* How many lines of the journal begin so. */
static int count_of(const struct fixture *f, const char *begin)
{
    int count = 0;
    for (const char *line = f->memory->journal; *line; line = strchr(line, '\n') + 1)
        count += strncmp(line, begin, strlen(begin)) == 0;
    return count;
}

static json_t *report_of(struct fixture *f)
{
    char *text = memory_text(f->memory, REPORTS);
    assert_non_null(text);
    json_t *report = json_loads(text, 0, NULL);
    free(text);
    assert_non_null(report);
    return report;
}

static void check_counts(struct fixture *f, size_t processed, size_t errored)
{
    json_t *report = report_of(f);
    assert_int_equal(json_array_size(json_object_get(report, "processed")), processed);
    assert_int_equal(json_array_size(json_object_get(report, "errored")), errored);
    json_decref(report);
}

/* --- the ordinary course --- */

static void a_run_claims_reports_and_lets_go_in_this_order(void **state)
{
    struct fixture *f = *state;
    memory_put_text(f->memory, EVENT, TWO_BAD);
    run_event(f);
    assert_int_equal(f->how, SETTLE_DONE);
    assert_string_equal(f->memory->journal,
                        "put " PENDING "\n"
                        "get " EVENT "\n"
                        "list " REPORTS "\n"
                        "put " PENDING "\n"
                        "put " REPORTS
                        "ec2_stop_instance_total(2)_success(0)_error(2)_accounts(x,y)_0.json\n"
                        "del " PENDING "\n");
    check_counts(f, 0, 2);
}

static void an_event_with_a_newer_report_is_finished(void **state)
{
    struct fixture *f = *state;
    memory_put_text(f->memory, EVENT, TWO_BAD);
    f->memory->now_ms += 1;
    memory_put_text(f->memory, REPORTS "a_0.json", "{}");
    run_event(f);
    assert_int_equal(f->how, SETTLE_DONE);
    assert_null(memory_text(f->memory, REPORTS "ec2"));
    assert_null(memory_text(f->memory, PENDING));
}

static void an_event_written_anew_after_its_report_is_a_new_event(void **state)
{
    struct fixture *f = *state;
    memory_put_text(f->memory, REPORTS "ec2_stop_instance_old_0.json", "{}");
    f->memory->now_ms += 5;
    memory_put_text(f->memory, EVENT, TWO_BAD);
    run_event(f);
    assert_int_equal(f->how, SETTLE_DONE);
    assert_non_null(strstr(f->memory->journal, "put " REPORTS "ec2_stop_instance_total(2)"));
}

/* S3 and Azure say times in whole seconds: here all that is written within the test has one. */
static void what_a_report_of_the_same_second_is_of_decides(void **state)
{
    struct fixture *f = *state;
    memory_put_text(f->memory, EVENT, TWO_BAD);
    run_event(f);
    run_event(f); /* a duplicate of the message */
    assert_int_equal(f->how, SETTLE_DONE);
    assert_int_equal(count_of(f, "put " REPORTS), 1);
    memory_put_text(f->memory, EVENT, TWO_BAD); /* a new event under the old key */
    run_event(f);
    assert_int_equal(f->how, SETTLE_DONE);
    assert_int_equal(count_of(f, "put " REPORTS), 2);
}

static void a_report_on_an_earlier_version_does_not_finish_the_event(void **state)
{
    struct fixture *f = *state;
    memory_put_text(f->memory, EVENT, TWO_BAD);
    run_event(f);
    memory_put_text(f->memory, EVENT, TWO_BAD);
    memory_find(f->memory, EVENT)->modified_ms -= 500; /* while the run was under way */
    run_event(f);
    assert_int_equal(count_of(f, "put " REPORTS), 2);
}

/* As the reports of the product that this one replaces are. */
static void a_report_that_names_no_version_counts_by_its_time(void **state)
{
    struct fixture *f = *state;
    memory_put_text(f->memory, EVENT, TWO_BAD);
    memory_put_text(f->memory, REPORTS "a_0.json", "{}");
    run_event(f);
    assert_int_equal(count_of(f, "put " REPORTS), 1); /* of the same second: not known, so run */
}

static void when_a_report_cannot_be_asked_the_event_is_not_begun(void **state)
{
    struct fixture *f = *state;
    memory_put_text(f->memory, EVENT, TWO_BAD);
    memory_put_text(f->memory, REPORTS "a_0.json", "{}");
    snprintf(f->memory->fault_on, sizeof f->memory->fault_on, "head ");
    f->memory->fault_kind = ERR_DENIED;
    f->memory->fault_count = 1;
    run_event(f);
    assert_int_equal(f->how, SETTLE_FAILED);
    assert_int_equal(count_of(f, "put " REPORTS), 0);
    assert_null(memory_text(f->memory, PENDING)); /* nothing was begun */
}

/* It says nothing about the event, whatever the kind of the failure. */
static void when_reports_cannot_be_listed_the_event_gets_no_critical_error(void **state)
{
    struct fixture *f = *state;
    memory_put_text(f->memory, EVENT, TWO_BAD);
    snprintf(f->memory->fault_on, sizeof f->memory->fault_on, "list ");
    f->memory->fault_kind = ERR_LIMIT;
    f->memory->fault_count = 1;
    run_event(f);
    assert_int_equal(f->how, SETTLE_FAILED);
    assert_int_equal(count_of(f, "put " REPORTS), 0);
}

static void an_event_without_an_events_folder_is_ignored(void **state)
{
    struct fixture *f = *state;
    f->delivery.key = "elsewhere/event.json";
    run_event(f);
    assert_int_equal(f->how, SETTLE_DONE);
    assert_string_equal(f->memory->journal, "");
}

/* A key whose folder has `size` bytes. */
static void make_long_key(char key[1100], size_t size)
{
    strcpy(key, "events/");
    for (size_t i = strlen(key); i < size; i++)
        key[i] = i % 50 ? 'd' : '/';
    strcpy(key + size, "/event.json");
}

/* One whose path leaves no room for the reports' names, but for that of a critical error. */
static void an_event_with_a_long_path_gets_a_critical_error(void **state)
{
    struct fixture *f = *state;
    char key[1100], report[1400];
    make_long_key(key, REPORT_FOLDER_MAX);
    f->delivery.key = key;
    memory_put_text(f->memory, key, "{\"name\":\"r\",\"results\":[]}");
    run_event(f);
    assert_int_equal(f->how, SETTLE_DONE);
    snprintf(report, sizeof report,
             "reports/%.*s/report_critical_error_total(0)_success(0)_error("
             "0)_accounts()_0.json",
             REPORT_FOLDER_MAX - 7, key + 7);
    char *text = memory_text(f->memory, report);
    assert_non_null(text);
    assert_non_null(strstr(text, "the event's path is too long: the folder of its reports has 770 "
                                 "bytes, and only 768 leave room for their names; write the event "
                                 "to a shorter path"));
    free(text);
}

/* One for which not even that report has room: nobody has been told, so the queue keeps it. */
static void an_event_whose_reports_would_find_no_place_is_left_to_the_queue(void **state)
{
    struct fixture *f = *state;
    char key[1100];
    make_long_key(key, REPORT_CRITICAL_FOLDER_MAX);
    f->delivery.key = key;
    run_event(f);
    assert_int_equal(f->how, SETTLE_FAILED);
    assert_string_equal(f->memory->journal, "");
}

/* --- critical errors --- */

static void critical_says(struct fixture *f, const char *what)
{
    char *text = memory_text(f->memory, REPORTS
                             "critical_error_total(0)_success(0)_error(0)_accounts()_0.json");
    assert_non_null(text);
    json_t *report = json_loads(text, 0, NULL);
    free(text);
    const char *error = json_string_value(json_object_get(report, "critical_error"));
    assert_non_null(error);
    if (!strstr(error, what))
        fail_msg("\"%s\" does not hold \"%s\"", error, what);
    json_decref(report);
}

static void a_missing_event_is_a_critical_error(void **state)
{
    struct fixture *f = *state;
    run_event(f);
    assert_int_equal(f->how, SETTLE_DONE);
    critical_says(f, "NoSuchKey: there is no " EVENT);
}

static void an_event_that_may_not_be_read_gets_a_report_after_all_tries(void **state)
{
    struct fixture *f = *state;
    memory_put_text(f->memory, EVENT, TWO_BAD);
    snprintf(f->memory->fault_on, sizeof f->memory->fault_on, "get " EVENT);
    f->memory->fault_kind = ERR_DENIED;
    f->memory->fault_count = 3;
    run_event(f);
    assert_int_equal(f->how, SETTLE_DONE);
    critical_says(f,
                  "TestFault: access to the event is denied: a fault made by the test. Allow the "
                  "identity of hgautod to read the memory");
    assert_null(memory_text(f->memory, PENDING));
}

static void an_event_that_may_be_read_at_the_last_try_is_run(void **state)
{
    struct fixture *f = *state;
    memory_put_text(f->memory, EVENT, TWO_BAD);
    snprintf(f->memory->fault_on, sizeof f->memory->fault_on, "get " EVENT);
    f->memory->fault_kind = ERR_DENIED;
    f->memory->fault_count = 2;
    run_event(f);
    check_counts(f, 0, 2);
}

static bool no_memory;

/* In the place of the library's. */
char *strdup(const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = no_memory && strstr(text, "NoSuchKey") ? NULL : malloc(n);
    return copy ? memcpy(copy, text, n) : NULL;
}

static void a_critical_error_needs_no_memory(void **state)
{
    struct fixture *f = *state;
    no_memory = true;
    run_event(f);
    no_memory = false;
    assert_int_equal(f->how, SETTLE_DONE);
    critical_says(f, "NoSuchKey: there is no " EVENT);
}

static void a_broken_event_is_a_critical_error_with_line_and_column(void **state)
{
    struct fixture *f = *state;
    memory_put_text(f->memory, EVENT, "{\"name\":\"r\",\n \"results\":[,]}");
    run_event(f);
    assert_int_equal(f->how, SETTLE_DONE);
    critical_says(f, "line 2, column 13");
    assert_null(memory_text(f->memory, PENDING));
}

static void an_unknown_action_does_not_keep_the_others_back(void **state)
{
    struct fixture *f = *state;
    memory_put_text(
        f->memory, EVENT,
        "{\"name\":\"r\",\"results\":["
        "{\"automation\":{\"name\":\"no_such\"},\"entities\":[{\"account\":\"1\"}]},"
        "{\"automation\":{\"name\":\"ec2_stop_instance\"},\"entities\":[{\"account\":\"1\"}]}]}");
    run_event(f);
    assert_int_equal(f->how, SETTLE_DONE);
    char *first = memory_text(f->memory, REPORTS "no_such_total(1)_success(0)_error(1)");
    char *second = memory_text(f->memory, REPORTS "ec2_stop_instance_total(1)_success(0)_error(1)");
    assert_non_null(first);
    assert_non_null(strstr(first, "\"critical_error\":\"the action \\\"no_such\\\" is not known"));
    assert_non_null(second);
    assert_non_null(strstr(second, "\"critical_error\":null"));
    free(first);
    free(second);
}

/* --- claims --- */

static void a_live_claim_of_another_is_left_alone(void **state)
{
    struct fixture *f = *state;
    memory_put_text(f->memory, EVENT, TWO_BAD);
    put_claim(f, NOW + 30000, "x", "[]");
    run_event(f);
    assert_int_equal(f->how, SETTLE_LATER);
    assert_int_equal(f->delay_ms, 6000); /* a tenth of claim_ttl */
    assert_null(memory_text(f->memory, REPORTS));
}

static void an_expired_claim_is_taken_over_with_its_progress(void **state)
{
    struct fixture *f = *state;
    memory_put_text(f->memory, EVENT, TWO_BAD);
    put_claim(f, NOW - 30000, "\\\"1\\\"",
              "[{\"action\":\"ec2_stop_instance\",\"count\":2,\"processed\":\"1\","
              "\"errored\":{\"0\":\"said before\"},\"open\":{}}]");
    run_event(f);
    assert_int_equal(f->how, SETTLE_DONE);
    json_t *report = report_of(f);
    json_t *errored = json_object_get(report, "errored");
    assert_int_equal(json_array_size(json_object_get(report, "processed")), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(errored, 0), "error")),
                        "said before");
    json_decref(report);
    assert_null(strstr(f->memory->journal, "list ")); /* it was not finished: no need to look */
}

static void progress_of_another_version_of_the_event_is_forgotten(void **state)
{
    struct fixture *f = *state;
    memory_put_text(f->memory, EVENT, TWO_BAD);
    put_claim(f, NOW - 30000, "\\\"another\\\"",
              "[{\"action\":\"ec2_stop_instance\",\"count\":2,\"processed\":\"0-1\","
              "\"errored\":{},\"open\":{}}]");
    run_event(f);
    assert_int_equal(f->how, SETTLE_DONE);
    check_counts(f, 0, 2);
}

/* A claim taken before the event was read names no version of it. The listing fails, so that the
 * claim is left there with the run id that this owner goes by. */
static void check_run_id_kept(struct fixture *f, int64_t later_ms, bool kept)
{
    memory_put_text(f->memory, EVENT, TWO_BAD);
    put_claim(f, NOW - 30000, "", "[]");
    memory_find(f->memory, EVENT)->modified_ms =
        memory_find(f->memory, PENDING)->modified_ms + later_ms;
    snprintf(f->memory->fault_on, sizeof f->memory->fault_on, "list ");
    f->memory->fault_kind = ERR_DENIED;
    f->memory->fault_count = 1;
    run_event(f);
    assert_int_equal(f->how, SETTLE_FAILED);
    char *left = memory_text(f->memory, PENDING);
    assert_non_null(left);
    json_t *claim = json_loads(left, 0, NULL);
    const char *id = json_string_value(json_object_get(claim, "run"));
    assert_non_null(id);
    if (kept)
        assert_string_equal(id, "run-of-another");
    else
        assert_string_not_equal(id, "run-of-another");
    json_decref(claim);
    free(left);
}

static void a_run_id_outlives_an_owner_that_had_stored_nothing(void **state)
{
    struct fixture *f = *state;
    check_run_id_kept(f, 0, true);
}

static void an_event_written_after_the_claim_is_a_new_run(void **state)
{
    struct fixture *f = *state;
    check_run_id_kept(f, 1, false);
}

static void a_claim_that_was_given_up_is_taken_over_at_once(void **state)
{
    struct fixture *f = *state;
    memory_put_text(f->memory, EVENT, TWO_BAD);
    put_claim(f, 0, "\\\"1\\\"", "[]");
    run_event(f);
    assert_int_equal(f->how, SETTLE_DONE);
    check_counts(f, 0, 2);
}

static void a_foreign_marker_counts_from_its_own_time(void **state)
{
    struct fixture *f = *state;
    memory_put_text(f->memory, EVENT, TWO_BAD);
    memory_put_text(f->memory, PENDING, "");
    run_event(f);
    assert_int_equal(f->how, SETTLE_LATER);
    f->memory->objects[1].modified_ms = NOW - 3600000;
    run_event(f);
    assert_int_equal(f->how, SETTLE_DONE);
    check_counts(f, 0, 2);
}

static void a_claim_whose_answer_was_lost_is_still_ours(void **state)
{
    struct fixture *f = *state;
    memory_put_text(f->memory, EVENT, TWO_BAD);
    snprintf(f->memory->fault_on, sizeof f->memory->fault_on, "put " PENDING);
    f->memory->fault_kind = ERR_TRANSIENT;
    f->memory->fault_count = 1;
    f->memory->fault_done = true;
    run_event(f);
    assert_int_equal(f->how, SETTLE_DONE);
    check_counts(f, 0, 2);
    assert_null(memory_text(f->memory, PENDING));
}

static void without_access_the_event_is_released_and_nothing_is_done(void **state)
{
    struct fixture *f = *state;
    memory_put_text(f->memory, EVENT, TWO_BAD);
    snprintf(f->memory->fault_on, sizeof f->memory->fault_on, "put " PENDING);
    f->memory->fault_kind = ERR_DENIED;
    f->memory->fault_count = 1;
    run_event(f);
    assert_int_equal(f->how, SETTLE_FAILED);
    assert_int_equal(f->delay_ms, 60000);
    assert_string_equal(f->memory->journal, "");
}

static void a_report_that_cannot_be_written_is_tried_until_it_can(void **state)
{
    struct fixture *f = *state;
    memory_put_text(f->memory, EVENT, TWO_BAD);
    snprintf(f->memory->fault_on, sizeof f->memory->fault_on, "put " REPORTS);
    f->memory->fault_kind = ERR_DENIED;
    f->memory->fault_count = 2;
    run_event(f);
    assert_int_equal(f->how, SETTLE_DONE);
    check_counts(f, 0, 2);
}

static void without_conditional_writes_a_live_claim_still_counts(void **state)
{
    struct fixture *f = *state;
    f->rules.claims = false;
    memory_put_text(f->memory, EVENT, TWO_BAD);
    put_claim(f, NOW + 30000, "x", "[]");
    run_event(f);
    assert_int_equal(f->how, SETTLE_LATER);
    struct err err = ERR_INIT;
    assert_true(memory_del(&f->memory->store, NULL, PENDING, NULL, &err));
    run_event(f);
    assert_int_equal(f->how, SETTLE_DONE);
    check_counts(f, 0, 2);
}

static void a_draining_engine_releases_what_comes_in(void **state)
{
    struct fixture *f = *state;
    memory_put_text(f->memory, EVENT, TWO_BAD);
    engine_drain(f->engine, 0);
    assert_false(engine_has_room(f->engine));
    run_event(f);
    assert_int_equal(f->how, SETTLE_RELEASE);
    assert_int_equal(f->delay_ms, 0);
    assert_string_equal(f->memory->journal, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_run_claims_reports_and_lets_go_in_this_order),
        TEST(an_event_with_a_newer_report_is_finished),
        TEST(an_event_written_anew_after_its_report_is_a_new_event),
        TEST(what_a_report_of_the_same_second_is_of_decides),
        TEST(a_report_on_an_earlier_version_does_not_finish_the_event),
        TEST(a_report_that_names_no_version_counts_by_its_time),
        TEST(when_a_report_cannot_be_asked_the_event_is_not_begun),
        TEST(when_reports_cannot_be_listed_the_event_gets_no_critical_error),
        TEST(an_event_that_may_not_be_read_gets_a_report_after_all_tries),
        TEST(an_event_that_may_be_read_at_the_last_try_is_run),
        TEST(a_critical_error_needs_no_memory),
        TEST(an_event_without_an_events_folder_is_ignored),
        TEST(an_event_with_a_long_path_gets_a_critical_error),
        TEST(an_event_whose_reports_would_find_no_place_is_left_to_the_queue),
        TEST(a_missing_event_is_a_critical_error),
        TEST(a_broken_event_is_a_critical_error_with_line_and_column),
        TEST(an_unknown_action_does_not_keep_the_others_back),
        TEST(a_live_claim_of_another_is_left_alone),
        TEST(an_expired_claim_is_taken_over_with_its_progress),
        TEST(progress_of_another_version_of_the_event_is_forgotten),
        TEST(a_run_id_outlives_an_owner_that_had_stored_nothing),
        TEST(an_event_written_after_the_claim_is_a_new_run),
        TEST(a_claim_that_was_given_up_is_taken_over_at_once),
        TEST(a_foreign_marker_counts_from_its_own_time),
        TEST(a_claim_whose_answer_was_lost_is_still_ours),
        TEST(without_access_the_event_is_released_and_nothing_is_done),
        TEST(a_report_that_cannot_be_written_is_tried_until_it_can),
        TEST(without_conditional_writes_a_live_claim_still_counts),
        TEST(a_draining_engine_releases_what_comes_in),
    };
    if (!http_global_init())
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    http_global_cleanup();
    return failed;
}
