/* Claims under a clock that the test moves: when they are renewed, what happens when they are lost,
 * and what is made of an is_pending that anybody may have written.
 *
 * The run's control job is called by hand, in the place of a worker. Time passes while a request is
 * under way, and where the job asks to be called again later. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "daemon/run/run.h"
#include "daemon/run/task.h"
#include "lib/net/http.h"
#include "tests/unit/fake_clock.h"
#include "tests/unit/memory_store.h"

#define EVENT   "x/events/rule/event.json"
#define PENDING "x/reports/rule/is_pending"
#define REPORTS "x/reports/rule/report_"
#define NOW     INT64_C(1800000000000)
#define TTL     10000
#define WRITES  512

#define BAD(id)                                                                                    \
    "{\"automation\":{\"name\":\"ec2_stop_instance\"},\"entities\":[{\"id\":\"i-"                  \
    "0aaaaaaaaaaaaaa" id                                                                           \
    "\",\"account\":\"123456789012\",\"region\":\"us-east-1\",\"type\":\"EC2 Instance\"}]}"
#define ONE "{\"name\":\"r\",\"results\":[" BAD("11") "]}"
#define VOLUME                                                                                     \
    "{\"name\":\"r\",\"results\":[{\"automation\":{\"name\":\"ebs_delete_volume\"},"               \
    "\"entities\":[{\"id\":\"vol-0aaaaaaaaaaaaaa11\"}]}]}"
#define FIVE                                                                                       \
    "{\"name\":\"r\",\"results\":[" BAD("11") "," BAD("12") "," BAD("13") "," BAD("14") "," BAD(   \
        "15") "]}"

struct fixture {
    struct config config;
    struct run_rules rules;
    struct memory_store *memory;
    struct delivery delivery;
    struct fake_clock clock;
    struct env env;
    struct run_host host;
    struct run *run;
    struct job_answer answer; /* the control job's last */
    size_t calls;             /* of the control job */
    /* While the store is asked. */
    int64_t writes[WRITES]; /* when is_pending was written */
    size_t write_count;
    const char *slow; /* operations that begin so take slow_ms */
    int64_t slow_ms;
    int64_t least_left; /* of the claim, when a report was begun */
};

static void on_ended(struct run *run)
{
    (void)run;
}

/* An operation of the store begins. */
static void on_seen(void *ctx, const char *line)
{
    struct fixture *f = ctx;
    f->memory->now_ms = f->clock.now_ms;
    if (strcmp(line, "put " PENDING "\n") == 0 && f->write_count < WRITES)
        f->writes[f->write_count++] = f->clock.now_ms;
    int64_t left = f->run ? f->run->claim_until_ms - f->clock.now_ms : 0;
    if (strncmp(line, "put " REPORTS, strlen("put " REPORTS)) == 0 && left < f->least_left)
        f->least_left = left;
    if (f->slow && strncmp(line, f->slow, strlen(f->slow)) == 0)
        f->clock.now_ms += f->slow_ms;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->config.daemon.name = (char *)"test";
    f->config.http.max_attempts = 20;
    f->config.http.retry_for = 24 * 3600 * 1000;
    f->rules.claims = true;
    f->rules.claim_ttl = TTL;
    f->clock = fake_clock_make(NOW);
    f->memory = memory_store_new(NOW);
    f->memory->seen = on_seen;
    f->memory->seen_ctx = f;
    f->delivery =
        (struct delivery){.store = &f->memory->store, .rules = &f->rules, .key = EVENT, .id = ""};
    f->env = (struct env){.config = &f->config, .clock = &f->clock.clock};
    f->host.env = &f->env;
    f->host.sched = sched_new(&f->clock.clock);
    f->host.ended = on_ended;
    f->least_left = INT64_MAX;
    *state = f;
    return 0;
}

/* Frees the run; the scheduler may have its tasks. */
static void free_run(struct fixture *f)
{
    assert_true(sched_close(f->host.sched, &f->run->queue, &f->run->control));
    run_free(f->run);
    f->run = NULL;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    if (f->run)
        free_run(f);
    sched_free(f->host.sched);
    memory_store_free(f->memory);
    free(f);
    return 0;
}

static void begin(struct fixture *f, const char *event)
{
    memory_put_text(f->memory, EVENT, event);
    f->run = run_new(&f->host, &f->delivery);
    assert_non_null(f->run);
}

/* Calls the control job once, when it asked to be called. */
static void turn(struct fixture *f)
{
    if (f->answer.what == JOB_AGAIN_AT && f->answer.at_ms > f->clock.now_ms)
        f->clock.now_ms = f->answer.at_ms;
    f->answer = f->run->control.run(&f->run->control, NULL);
    f->calls++;
}

static void turn_until(struct fixture *f, int64_t time_ms)
{
    while (f->answer.what != JOB_GONE && f->answer.at_ms <= time_ms)
        turn(f);
}

static void turn_to_the_end(struct fixture *f)
{
    for (int i = 0; i < 10000 && f->answer.what != JOB_GONE; i++)
        turn(f);
    assert_int_equal(f->run->phase, RUN_ENDED);
}

/* Ends the tasks as if they had been run; only their outcomes matter here. */
static void end_tasks(struct fixture *f)
{
    assert_int_equal(f->run->phase, RUN_TASKS);
    for (size_t i = 0; i < f->run->automation_count; i++)
        for (size_t k = 0; k < f->run->automations[i].event->count; k++)
            f->run->automations[i].tasks[k].status = TASK_PROCESSED;
    f->run->left = 0;
    f->answer = job_again_at(f->clock.now_ms);
}

static void turn_to_tasks(struct fixture *f)
{
    for (int i = 0; i < 1000 && !(f->run->phase == RUN_TASKS); i++)
        turn(f);
}

static void break_at(struct fixture *f, const char *line, unsigned times)
{
    snprintf(f->memory->fault_on, sizeof f->memory->fault_on, "%s", line);
    f->memory->fault_kind = ERR_TRANSIENT;
    f->memory->fault_count = times;
}

/* All writes of the claim follow one another after half its time, and the length of a request. */
static void assert_renewed_in_time(const struct fixture *f, size_t at_least)
{
    assert_in_range(f->write_count, at_least, WRITES - 1);
    for (size_t i = 1; i < f->write_count; i++)
        assert_in_range(f->writes[i] - f->writes[i - 1], 0, TTL / 2 + f->slow_ms);
}

static bool journal_has(const struct fixture *f, const char *text)
{
    return strstr(f->memory->journal, text) != NULL;
}

/* --- renewal --- */

static void test_while_tasks_wait_it_is_renewed_at_half_its_time_and_nobody_spins(void **state)
{
    struct fixture *f = *state;
    begin(f, ONE);
    turn_to_tasks(f);
    f->calls = 0;
    turn_until(f, NOW + 60000);
    assert_int_equal(f->write_count, 13); /* the first, and one each 5 s */
    for (size_t i = 1; i < f->write_count; i++)
        assert_int_equal(f->writes[i] - f->writes[i - 1], TTL / 2);
    assert_int_equal(f->calls, 12);
}

/* The two clocks of a host do not tick at the same moment: what is due by one must not wait for the
 * other. */
static int64_t odd_wall(const struct clock *c)
{
    return fake_now(c) + 1;
}

static void test_it_is_renewed_though_the_clocks_tick_apart(void **state)
{
    struct fixture *f = *state;
    f->clock.clock.wall_ms = odd_wall;
    begin(f, ONE);
    turn_to_tasks(f);
    f->calls = 0;
    turn_until(f, NOW + 60000);
    assert_int_equal(f->write_count, 13);
    assert_int_equal(f->calls, 12);
}

static void test_it_is_renewed_while_the_event_cannot_be_read(void **state)
{
    struct fixture *f = *state;
    begin(f, ONE);
    break_at(f, "get " EVENT, 15);
    turn_to_tasks(f);
    assert_int_equal(f->memory->fault_count, 0);
    assert_true(f->clock.now_ms - NOW > 4 * TTL);
    assert_renewed_in_time(f, 9);
}

static void test_it_is_renewed_while_the_identity_is_being_asked_for(void **state)
{
    struct fixture *f = *state;
    begin(f, ONE);
    turn_to_tasks(f);
    f->run->phase = RUN_IDENTIFY; /* as if another run were still asking */
    f->clock.now_ms += TTL / 2;
    turn(f);
    assert_int_equal(f->write_count, 2);
}

static void test_it_is_renewed_while_a_report_cannot_be_written(void **state)
{
    struct fixture *f = *state;
    begin(f, ONE);
    turn_to_tasks(f);
    end_tasks(f);
    break_at(f, "put " REPORTS, 15);
    turn_to_the_end(f);
    assert_int_equal(f->run->outcome, SETTLE_DONE);
    assert_true(f->clock.now_ms - NOW > 4 * TTL);
    assert_renewed_in_time(f, 9);
}

static void test_it_is_renewed_while_reports_take_long(void **state)
{
    struct fixture *f = *state;
    begin(f, FIVE);
    f->slow = "put " REPORTS;
    f->slow_ms = TTL / 2; /* the longest that a request may take */
    turn_to_tasks(f);
    end_tasks(f);
    turn_to_the_end(f);
    assert_int_equal(f->run->outcome, SETTLE_DONE);
    assert_int_equal(f->clock.now_ms - NOW, 5 * f->slow_ms);
    assert_renewed_in_time(f, 5);
    assert_true(f->least_left > TTL / 2); /* none could outlive it */
}

static void test_it_is_renewed_while_it_cannot_be_deleted(void **state)
{
    struct fixture *f = *state;
    begin(f, ONE);
    turn_to_tasks(f);
    end_tasks(f);
    break_at(f, "del " PENDING, 15);
    turn_to_the_end(f);
    assert_int_equal(f->run->outcome, SETTLE_DONE);
    assert_true(f->clock.now_ms - NOW > 4 * TTL);
    assert_renewed_in_time(f, 9);
    assert_null(memory_text(f->memory, PENDING));
}

static void test_a_renewal_that_fails_is_tried_again_soon(void **state)
{
    struct fixture *f = *state;
    begin(f, ONE);
    turn_to_tasks(f);
    break_at(f, "put " PENDING, 8);
    turn_until(f, NOW + TTL - 1);
    assert_int_equal(f->memory->fault_count, 0);
    assert_true(claim_holds(f->run));
}

/* A service may ask to be left alone for an hour; the claim would be lost. */
static void test_a_long_pause_of_a_report_does_not_cost_the_claim(void **state)
{
    struct fixture *f = *state;
    begin(f, ONE);
    turn_to_tasks(f);
    end_tasks(f);
    f->run->phase = RUN_REPORT;
    f->run->not_before_ms = NOW + 60000;
    turn_until(f, NOW + 59000);
    assert_false(journal_has(f, "put " REPORTS));
    assert_int_equal(f->write_count, 12);
    turn_to_the_end(f);
    assert_true(journal_has(f, "put " REPORTS));
}

/* --- when it is not ours any more --- */

static void put_others(struct fixture *f)
{
    memory_put_text(f->memory, PENDING,
                    "{\"hgautod\":1,\"run\":\"r\",\"owner\":\"other\",\"event\":\"\","
                    "\"expires_ms\":1900000000000,\"automations\":[]}");
}

/* Nothing is written after the claim was lost. */
static void assert_ends_silently(struct fixture *f)
{
    turn_to_the_end(f);
    assert_int_equal(f->run->outcome, SETTLE_LATER);
    assert_false(journal_has(f, "put " REPORTS));
    char *left = memory_text(f->memory, PENDING);
    assert_non_null(left);
    assert_non_null(strstr(left, "\"owner\":\"other\""));
    free(left);
}

static void test_who_wakes_in_the_report_phase_writes_nothing_over_anothers_run(void **state)
{
    struct fixture *f = *state;
    begin(f, FIVE);
    turn_to_tasks(f);
    end_tasks(f);
    f->run->phase = RUN_REPORT;
    f->clock.now_ms += 3 * TTL;
    put_others(f);
    assert_ends_silently(f);
}

static void test_who_wakes_before_letting_go_does_not_delete_anothers_claim(void **state)
{
    struct fixture *f = *state;
    begin(f, ONE);
    turn_to_tasks(f);
    end_tasks(f);
    f->run->phase = RUN_UNCLAIM;
    f->clock.now_ms += 3 * TTL;
    put_others(f);
    assert_ends_silently(f);
}

/* It was written anew between the last look and the deletion. */
static void test_it_is_deleted_only_if_it_is_ours(void **state)
{
    struct fixture *f = *state;
    begin(f, ONE);
    turn_to_tasks(f);
    end_tasks(f);
    f->run->phase = RUN_UNCLAIM;
    put_others(f);
    turn_to_the_end(f);
    assert_int_equal(f->run->outcome, SETTLE_LATER);
    char *left = memory_text(f->memory, PENDING);
    assert_non_null(left);
    assert_non_null(strstr(left, "\"owner\":\"other\""));
    free(left);
}

static void test_who_wakes_alone_renews_first_and_goes_on(void **state)
{
    struct fixture *f = *state;
    begin(f, ONE);
    turn_to_tasks(f);
    end_tasks(f);
    f->run->phase = RUN_REPORT;
    f->clock.now_ms += 3 * TTL;
    turn_to_the_end(f);
    assert_int_equal(f->run->outcome, SETTLE_DONE);
    assert_true(f->least_left > TTL / 2);
}

static void test_a_step_is_not_begun_without_the_claim(void **state)
{
    struct fixture *f = *state;
    int64_t answer;
    begin(f, ONE);
    turn_to_tasks(f);
    assert_true(attempt_may_begin(f->run, &answer));
    f->clock.now_ms += TTL - 2000;
    assert_false(attempt_may_begin(f->run, &answer));
    assert_true(answer > f->clock.now_ms);
}

/* What the log says. */
static void log_of_loss(struct fixture *f, const char *says)
{
    char text[4096] = "";
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    f->env.log = log_new(ends[1], LOG_INFO_LEVEL, LOG_TEXT);
    turn_to_the_end(f);
    log_free(f->env.log);
    f->env.log = NULL;
    close(ends[1]);
    assert_true(read(ends[0], text, sizeof text - 1) > 0);
    close(ends[0]);
    if (!strstr(text, says))
        fail_msg("\"%s\" is not in:\n%s", says, text);
}

static void test_a_claim_that_vanished_is_not_called_anothers(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    begin(f, ONE);
    turn_to_tasks(f);
    end_tasks(f);
    f->run->phase = RUN_REPORT;
    assert_true(memory_del(&f->memory->store, NULL, PENDING, NULL, &err));
    f->clock.now_ms += TTL;
    log_of_loss(f, "is_pending is gone: another daemon has finished the event, or it was deleted");
    assert_false(journal_has(f, "put " REPORTS));
}

static void test_a_claim_that_another_took_is_called_lost(void **state)
{
    struct fixture *f = *state;
    begin(f, ONE);
    turn_to_tasks(f);
    end_tasks(f);
    put_others(f);
    f->clock.now_ms += TTL;
    log_of_loss(f, "The claim was lost to another daemon");
}

static void log_of_takeover(struct fixture *f, int64_t expires_ms, const char *says)
{
    char text[512], log[4096] = "";
    int ends[2];
    snprintf(text, sizeof text,
             "{\"hgautod\":1,\"run\":\"r\",\"owner\":\"other\",\"event\":\"\",\"expires_ms\":%lld,"
             "\"automations\":[]}",
             (long long)expires_ms);
    memory_put_text(f->memory, PENDING, text);
    memory_find(f->memory, PENDING)->modified_ms = NOW - 60000;
    begin(f, ONE);
    assert_int_equal(pipe(ends), 0);
    f->env.log = log_new(ends[1], LOG_INFO_LEVEL, LOG_TEXT);
    turn(f);
    log_free(f->env.log);
    f->env.log = NULL;
    close(ends[1]);
    assert_true(read(ends[0], log, sizeof log - 1) > 0);
    close(ends[0]);
    if (!strstr(log, says))
        fail_msg("\"%s\" is not in:\n%s", says, log);
}

static void test_a_claim_that_was_given_up_is_not_called_expired(void **state)
{
    log_of_takeover(*state, 0, "Released claim taken over");
}

static void test_an_expired_claim_is_called_so(void **state)
{
    log_of_takeover(*state, NOW - 60000, "Expired claim taken over");
}

/* --- what anybody may have written --- */

/* A claim written age_ms ago; how the run fares with it. */
static enum run_phase met(struct fixture *f, const char *text, int64_t age_ms)
{
    memory_put_text(f->memory, PENDING, text);
    memory_find(f->memory, PENDING)->modified_ms = f->clock.now_ms - age_ms;
    begin(f, ONE);
    turn(f);
    return f->run->phase;
}

static const char *claim_until(const char *expires, const char *more)
{
    static char text[512];
    snprintf(text, sizeof text,
             "{\"hgautod\":1,\"run\":\"r\",\"owner\":\"other\",\"event\":\"\",\"expires_ms\":%s%s,"
             "\"automations\":[]}",
             expires, more);
    return text;
}

static void test_a_claim_lasts_no_longer_than_one_written_then(void **state)
{
    struct fixture *f = *state;
    static const char *const ends[] = {"9223372036854775807",
                                       "2115360000000",
                                       "\"2115360000000\"",
                                       "-9223372036854775808",
                                       "1e300",
                                       "null",
                                       "[]"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        print_message("%s\n", ends[i]);
        assert_int_equal(met(f, claim_until(ends[i], ""), TTL + 4000), RUN_ENDED);
        assert_int_equal(f->run->outcome, SETTLE_LATER);
        assert_int_equal(f->run->release_delay_ms, 1000);
        free_run(f);
        f->answer = job_again_at(0);
        assert_int_equal(met(f, claim_until(ends[i], ""), TTL + 5000), RUN_TASKS);
        turn_to_tasks(f);
        f->run->stopping = true;
        turn_to_the_end(f);
        free_run(f);
        f->answer = job_again_at(0);
    }
}

/* --- whose clock counts --- */

static int64_t wall_ahead(const struct clock *c)
{
    return fake_now(c) + 3600000;
}

static int64_t wall_behind(const struct clock *c)
{
    return fake_now(c) - 3600000;
}

/* As daemons of this version write it, whose clock is ahead of the store's by so much. */
static const char *claim_by_clock(int64_t ahead_ms)
{
    char expires[32];
    snprintf(expires, sizeof expires, "%lld", (long long)(NOW + TTL + ahead_ms));
    return claim_until(expires, ",\"ttl_ms\":10000");
}

static void assert_left_alone(struct fixture *f, const char *text, int64_t age_ms)
{
    assert_int_equal(met(f, text, age_ms), RUN_ENDED);
    assert_int_equal(f->run->outcome, SETTLE_LATER);
    assert_int_equal(f->run->release_delay_ms, 1000); /* a tenth of its time */
    char *left = memory_text(f->memory, PENDING);
    assert_string_equal(left, text);
    free(left);
}

static void test_a_host_whose_clock_is_ahead_leaves_live_claims_alone(void **state)
{
    struct fixture *f = *state;
    f->clock.clock.wall_ms = wall_ahead;
    assert_left_alone(f, claim_by_clock(0), 1000);
}

static void test_a_host_whose_clock_is_behind_takes_expired_claims_over(void **state)
{
    struct fixture *f = *state;
    f->clock.clock.wall_ms = wall_behind;
    assert_int_equal(met(f, claim_by_clock(0), TTL + 5000), RUN_TASKS);
}

static void test_claims_of_a_host_whose_clock_is_behind_are_left_alone(void **state)
{
    struct fixture *f = *state;
    assert_left_alone(f, claim_by_clock(-3600000), 1000);
}

static void test_claims_of_a_host_whose_clock_is_ahead_expire_all_the_same(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(met(f, claim_by_clock(3600000), TTL + 5000), RUN_TASKS);
}

/* Its write's answer was lost, and it finds its own claim: it goes on, but renews it first, as it
 * cannot know how long ago that was. */
static void test_whose_answer_was_lost_renews_before_anything_else(void **state)
{
    struct fixture *f = *state;
    break_at(f, "put " PENDING, 1);
    f->memory->fault_done = true;
    begin(f, ONE);
    turn_to_tasks(f);
    assert_true(journal_has(f, "get " PENDING "\nput " PENDING "\nget " EVENT "\n"));
    assert_true(claim_holds(f->run));
}

static void test_where_the_store_does_not_tell_the_hosts_clock_must_do(void **state)
{
    struct fixture *f = *state;
    f->memory->tells_no_time = true;
    assert_left_alone(f, claim_by_clock(0), TTL + 4000);
    free_run(f);
    f->answer = job_again_at(0);
    assert_int_equal(met(f, claim_by_clock(0), TTL + 5000), RUN_TASKS);
}

/* Daemons whose claim_ttl differs leave one another's claims alone; none may have more than an
 * hour. */
static void test_the_time_that_a_claim_says_it_lasts_counts_to_an_hour(void **state)
{
    struct fixture *f = *state;
    const char *hour = ",\"ttl_ms\":3600000", *more = ",\"ttl_ms\":9223372036854775807";
    assert_int_equal(met(f, claim_until("2115360000000", hour), 3600000 + 4000), RUN_ENDED);
    free_run(f);
    f->answer = job_again_at(0);
    assert_int_equal(met(f, claim_until("2115360000000", more), 3600000 + 4000), RUN_ENDED);
    free_run(f);
    f->answer = job_again_at(0);
    assert_int_not_equal(met(f, claim_until("2115360000000", more), 3600000 + 5000), RUN_ENDED);
}

static size_t allocated;

static void *count_malloc(size_t n)
{
    allocated += n;
    return malloc(n);
}

/* A body of n times `piece`, in a claim that has expired. */
static void met_large(struct fixture *f, const char *begin_with, const char *piece, size_t n)
{
    struct buf text = buf_make((size_t)200 << 20);
    buf_adds(&text, begin_with);
    for (size_t i = 0; i < n; i++)
        buf_adds(&text, piece);
    assert_true(buf_ok(&text));
    pthread_mutex_lock(&f->memory->lock);
    size_t size = text.size;
    memory_store_bytes(f->memory, PENDING, buf_take(&text), size);
    pthread_mutex_unlock(&f->memory->lock);
    memory_find(f->memory, PENDING)->modified_ms = NOW - 60000;
    begin(f, ONE);
    allocated = 0;
    json_set_alloc_funcs(count_malloc, free);
    turn_to_tasks(f);
    json_set_alloc_funcs(malloc, free);
}

static void test_brackets_cost_no_memory(void **state)
{
    struct fixture *f = *state;
    met_large(f, "", "[", 18000000);
    assert_int_equal(f->run->phase, RUN_TASKS);
    assert_in_range(allocated, 0, 100000);
}

static void test_a_flat_list_costs_no_memory(void **state)
{
    struct fixture *f = *state;
    met_large(f, "[0", ",0", 20000000);
    assert_int_equal(f->run->phase, RUN_TASKS);
    assert_in_range(allocated, 0, 100000);
}

static void test_what_is_larger_than_any_claim_of_ours_is_one_of_another_program(void **state)
{
    struct fixture *f = *state;
    met_large(f, "{\"a\":\"", "0123456789abcdef", 5000000);
    assert_int_equal(f->run->phase, RUN_TASKS);
    assert_true(journal_has(f, "head " PENDING));
}

/* Progress of the event that was given up; its one resource's task, after the restoring. */
static struct task *restored_in(struct fixture *f, const char *event, const char *action,
                                const char *rest)
{
    char text[1024];
    snprintf(text, sizeof text,
             "{\"hgautod\":1,\"run\":\"r\",\"owner\":\"other\",\"event\":\"\\\"%u\\\"\","
             "\"expires_ms\":0,\"automations\":[{\"action\":\"%s\",\"count\":1%s}]}",
             f->memory->writes + 2, action, rest);
    memory_put_text(f->memory, PENDING, text);
    begin(f, event);
    turn_to_tasks(f);
    return &f->run->automations[0].tasks[0];
}

static struct task *restored(struct fixture *f, const char *rest)
{
    return restored_in(f, ONE, "ec2_stop_instance", rest);
}

static void test_ranges_must_ascend_and_lie_within_the_automation(void **state)
{
    struct fixture *f = *state;
    static const char *const sets[] = {"0,0",
                                       "0-0,0-0",
                                       "0-1",
                                       "1",
                                       "0-",
                                       "-0",
                                       "0,",
                                       ",0",
                                       "0 ",
                                       " 0",
                                       "0x0",
                                       "18446744073709551616",
                                       "0-18446744073709551616"};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        char rest[128];
        print_message("%s\n", sets[i]);
        snprintf(rest, sizeof rest, ",\"processed\":\"%s\",\"errored\":{},\"open\":{}", sets[i]);
        assert_int_equal(restored(f, rest)->status, TASK_OPEN);
        free_run(f);
    }
    assert_int_equal(restored(f, ",\"processed\":\"0\",\"errored\":{},\"open\":{}")->status,
                     TASK_PROCESSED);
}

static void test_values_of_wrong_types_count_as_absent(void **state)
{
    struct fixture *f = *state;
    static const char *const rests[] = {
        ",\"processed\":7,\"errored\":{\"0\":\"x\"}",
        ",\"processed\":[\"0\"],\"errored\":[],\"open\":7",
        ",\"processed\":\"\",\"errored\":{\"0\":7},\"open\":[]",
        ",\"processed\":\"\",\"errored\":{\"+0\":\"x\"},\"open\":{\"0\":7}",
        ",\"processed\":\"\",\"errored\":\"\",\"open\":{\"0\":{\"step\":7,\"since\":{}}}",
        ",\"processed\":null,\"errored\":null,\"open\":{\"0\":{\"step\":null}}",
    };
    for (size_t i = 0; i < sizeof rests / sizeof *rests; i++) {
        print_message("%s\n", rests[i]);
        const struct task *task = restored(f, rests[i]);
        assert_int_equal(task->status, TASK_OPEN);
        assert_int_equal(task->step, 0);
        assert_null(task->text);
        free_run(f);
    }
}

static void test_a_step_began_no_later_than_now_and_not_for_ever_ago(void **state)
{
    struct fixture *f = *state;
    const char *action = "ebs_delete_volume", *step = action_find(action)->steps[0].name;
    static const struct {
        const char *elapsed;
        int64_t is;
    } cases[] = {{"9223372036854775807", INT64_C(30) * 24 * 3600 * 1000},
                 {"-9223372036854775808", 0},
                 {"1000", 1000},
                 {"\"x\"", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char rest[256];
        snprintf(rest, sizeof rest,
                 ",\"processed\":\"\",\"errored\":{},\"open\":{\"0\":{\"step\":\"%s\","
                 "\"elapsed\":%s,\"state\":{}}}",
                 step, cases[i].elapsed);
        const struct task *task = restored_in(f, VOLUME, action, rest);
        assert_true(task->begun);
        assert_int_equal(f->clock.now_ms - task->step_since_ms, cases[i].is);
        free_run(f);
    }
}

/* --- the signature --- */

#define KEY "0123456789abcdef"

/* What a daemon with `key` leaves of a run with one resource processed, when it gives up. */
static char *left_behind(struct fixture *f, const char *key)
{
    f->config.daemon.claim_key = (char *)key;
    begin(f, ONE);
    turn_to_tasks(f);
    f->run->automations[0].tasks[0].status = TASK_PROCESSED;
    f->run->stopping = true;
    turn_to_the_end(f);
    free_run(f);
    f->answer = job_again_at(0);
    return memory_text(f->memory, PENDING);
}

/* Whether a daemon with KEY goes on where `text` says. The event stays as it is. */
static bool goes_on_from(struct fixture *f, const char *text)
{
    f->config.daemon.claim_key = (char *)KEY;
    memory_put_text(f->memory, PENDING, text);
    memory_find(f->memory, PENDING)->modified_ms = NOW - 60000;
    f->run = run_new(&f->host, &f->delivery);
    turn_to_tasks(f);
    bool processed = f->run->automations[0].tasks[0].status == TASK_PROCESSED;
    free_run(f);
    f->answer = job_again_at(0);
    return processed;
}

static void test_signed_progress_is_believed(void **state)
{
    struct fixture *f = *state;
    char *text = left_behind(f, KEY);
    assert_non_null(strstr(text, "\"signature\":\""));
    assert_true(goes_on_from(f, text));
    free(text);
}

static void test_unsigned_progress_is_not_believed(void **state)
{
    struct fixture *f = *state;
    char *text = left_behind(f, NULL);
    assert_null(strstr(text, "signature"));
    assert_false(goes_on_from(f, text));
    free(text);
}

static void test_progress_signed_with_another_key_is_not_believed(void **state)
{
    struct fixture *f = *state;
    char *text = left_behind(f, KEY "x");
    assert_false(goes_on_from(f, text));
    free(text);
}

static void test_signed_progress_that_was_changed_is_not_believed(void **state)
{
    struct fixture *f = *state;
    char *text = left_behind(f, KEY);
    for (size_t i = 0, size = strlen(text); i < size; i += 7) {
        char was = text[i];
        text[i] = was == '0' ? '1' : '0';
        if (goes_on_from(f, text))
            fail_msg("byte %zu of %s", i, text);
        text[i] = was;
    }
    char more[4096];
    snprintf(more, sizeof more, "%s ", text);
    assert_false(goes_on_from(f, more));
    assert_true(goes_on_from(f, text));
    free(text);
}

static void test_progress_signed_for_another_event_is_not_believed(void **state)
{
    struct fixture *f = *state;
    f->delivery.key = "x/events/other/event.json";
    memory_put_text(f->memory, "x/events/other/event.json", ONE);
    begin(f, ONE);
    f->config.daemon.claim_key = (char *)KEY;
    turn_to_tasks(f);
    f->run->automations[0].tasks[0].status = TASK_PROCESSED;
    f->run->stopping = true;
    turn_to_the_end(f);
    free_run(f);
    f->answer = job_again_at(0);
    char *text = memory_text(f->memory, "x/reports/other/is_pending");
    assert_non_null(text);
    f->delivery.key = EVENT;
    /* As if the events were the same to the byte. */
    memory_find(f->memory, EVENT)->version =
        memory_find(f->memory, "x/events/other/event.json")->version;
    assert_false(goes_on_from(f, text));
    free(text);
}

static void test_an_unsigned_claim_is_a_claim_all_the_same(void **state)
{
    struct fixture *f = *state;
    f->config.daemon.claim_key = (char *)KEY;
    assert_int_equal(met(f, claim_until("1800000009000", ""), 0), RUN_ENDED);
    assert_int_equal(f->run->outcome, SETTLE_LATER);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_while_tasks_wait_it_is_renewed_at_half_its_time_and_nobody_spins),
        TEST(test_it_is_renewed_though_the_clocks_tick_apart),
        TEST(test_it_is_renewed_while_the_event_cannot_be_read),
        TEST(test_it_is_renewed_while_the_identity_is_being_asked_for),
        TEST(test_it_is_renewed_while_a_report_cannot_be_written),
        TEST(test_it_is_renewed_while_reports_take_long),
        TEST(test_it_is_renewed_while_it_cannot_be_deleted),
        TEST(test_a_renewal_that_fails_is_tried_again_soon),
        TEST(test_a_long_pause_of_a_report_does_not_cost_the_claim),
        TEST(test_who_wakes_in_the_report_phase_writes_nothing_over_anothers_run),
        TEST(test_who_wakes_before_letting_go_does_not_delete_anothers_claim),
        TEST(test_it_is_deleted_only_if_it_is_ours),
        TEST(test_who_wakes_alone_renews_first_and_goes_on),
        TEST(test_a_step_is_not_begun_without_the_claim),
        TEST(test_a_claim_that_vanished_is_not_called_anothers),
        TEST(test_a_claim_that_another_took_is_called_lost),
        TEST(test_a_claim_that_was_given_up_is_not_called_expired),
        TEST(test_an_expired_claim_is_called_so),
        TEST(test_a_claim_lasts_no_longer_than_one_written_then),
        TEST(test_the_time_that_a_claim_says_it_lasts_counts_to_an_hour),
        TEST(test_a_host_whose_clock_is_ahead_leaves_live_claims_alone),
        TEST(test_a_host_whose_clock_is_behind_takes_expired_claims_over),
        TEST(test_claims_of_a_host_whose_clock_is_behind_are_left_alone),
        TEST(test_claims_of_a_host_whose_clock_is_ahead_expire_all_the_same),
        TEST(test_whose_answer_was_lost_renews_before_anything_else),
        TEST(test_where_the_store_does_not_tell_the_hosts_clock_must_do),
        TEST(test_brackets_cost_no_memory),
        TEST(test_a_flat_list_costs_no_memory),
        TEST(test_what_is_larger_than_any_claim_of_ours_is_one_of_another_program),
        TEST(test_ranges_must_ascend_and_lie_within_the_automation),
        TEST(test_values_of_wrong_types_count_as_absent),
        TEST(test_signed_progress_is_believed),
        TEST(test_unsigned_progress_is_not_believed),
        TEST(test_progress_signed_with_another_key_is_not_believed),
        TEST(test_signed_progress_that_was_changed_is_not_believed),
        TEST(test_progress_signed_for_another_event_is_not_believed),
        TEST(test_an_unsigned_claim_is_a_claim_all_the_same),
        TEST(test_a_step_began_no_later_than_now_and_not_for_ever_ago),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
