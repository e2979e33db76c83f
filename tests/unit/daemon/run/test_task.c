/* Tasks on the real engine, hours in milliseconds: how long what may pass is borne, alone and in
 * company, and what comes of a credential that cannot be had. */
#include "tests/unit/engine_world.h"

#include <signal.h>
#include <sys/wait.h>

/* --- the test's actions --- */

/* What the steps do; set by each test. `step` is the index. */
static enum verdict (*play)(struct step_ctx *ctx, int step);
static bool (*play_many)(struct step_ctx *const *ctxs, size_t count, enum verdict *verdicts);
static unsigned calls; /* of either, since the set-up */

static const char *id_of(const struct step_ctx *ctx)
{
    return json_string_value(json_object_get(ctx->resource, "id"));
}

static enum verdict step_one(struct step_ctx *ctx)
{
    calls++;
    return play(ctx, 0);
}

static enum verdict step_two(struct step_ctx *ctx)
{
    calls++;
    return play(ctx, 1);
}

static bool both(struct step_ctx *const *ctxs, size_t count, enum verdict *verdicts)
{
    if (count == 1) {
        bool first = ctxs[0]->step == ctxs[0]->action->steps;
        verdicts[0] = first ? step_one(ctxs[0]) : step_two(ctxs[0]);
        return true;
    }
    calls++;
    return play_many(ctxs, count, verdicts);
}

#define TWO_STEPS                                                                                  \
    (const struct action_step[])                                                                   \
    {                                                                                              \
        {.name = "one", .run = step_one}, {.name = "two", .run = step_two},                        \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }
static const struct action_sharing sharing = {.max = SHARED_CALL_MAX};

#define THINGS                                                                                     \
    (const char *const[])                                                                          \
    {                                                                                              \
        "Thing", NULL                                                                              \
    }

static bool anything(struct step_ctx *ctx, const json_t *value)
{
    (void)ctx, (void)value;
    return true;
}

static const struct action_state kept[] = {{"x", anything}, {"seen", NULL}, {0}};

static const struct action alone = {
    .name = "alone",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_CHANGES,
    .resource_types = THINGS,
    .state = kept,
    .steps = TWO_STEPS,
};
static const struct action shared = {
    .name = "shared",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_CHANGES,
    .resource_types = THINGS,
    .state = kept,
    .steps = (const struct action_step[]){{.name = "one", .run_all = both, .sharing = &sharing},
                                          {.name = "two", .run_all = both, .sharing = &sharing},
                                          {0}},
};

const struct action *const action_table[] = {&alone, &shared, NULL};

static int set_up(void **state)
{
    calls = 0;
    play = NULL;
    play_many = NULL;
    return world_set_up(state);
}

/* --- what steps answer --- */

static int64_t mends_after; /* since the step was begun, the fault passes */
static enum err_kind fault;

static enum verdict failing(struct step_ctx *ctx, enum err_kind kind)
{
    err_set(&ctx->err, kind, "TestFault", "a fault made by the test");
    ctx->err.http_status = 500;
    return STEP_FAILED;
}

static enum verdict mends(struct step_ctx *ctx, int step)
{
    return step > 0 || step_elapsed_ms(ctx) >= mends_after ? STEP_DONE : failing(ctx, fault);
}

/* A change in the first step, a fault that mends in the second. */
static enum verdict changes_then_mends(struct step_ctx *ctx, int step)
{
    if (step > 0)
        return step_elapsed_ms(ctx) >= mends_after ? STEP_DONE : failing(ctx, fault);
    ctx->after_change(ctx);
    return STEP_DONE;
}

static enum verdict faulty(struct step_ctx *ctx, int step)
{
    (void)step;
    return failing(ctx, fault);
}

/* --- patience is time --- */

static void run_one(struct engine_world *w, enum verdict (*how)(struct step_ctx *ctx, int step),
                    enum err_kind kind, int64_t after)
{
    play = how;
    fault = kind;
    mends_after = after;
    world_put_event(w, "alone", 1);
    world_run(w);
}

static void a_fault_that_passes_in_time_is_borne(void **state)
{
    struct engine_world *w = *state;
    run_one(w, mends, ERR_TRANSIENT, 100 * SECOND);
    world_expect(w, "alone", 1, 0);
}

static void a_fault_that_does_not_pass_is_given_up_after_retry_for(void **state)
{
    struct engine_world *w = *state;
    run_one(w, faulty, ERR_TRANSIENT, 0);
    world_expect(w, "alone", 0, 1);
    world_expect_error(w, "r0", "TestFault: a fault made by the test");
    /* The last try is made when the time is over, and not some of a pause later. */
    assert_in_range(world_passed(w), 2 * MINUTE, 2 * MINUTE + SECOND);
}

static void max_attempts_counts_all_tries(void **state)
{
    struct engine_world *w = *state;
    w->config.http.max_attempts = 3;
    run_one(w, faulty, ERR_TRANSIENT, 0);
    world_expect(w, "alone", 0, 1);
    assert_int_equal(calls, 3);
    assert_true(world_passed(w) < 2 * MINUTE);
}

static void throttled_tries_are_not_counted(void **state)
{
    struct engine_world *w = *state;
    w->config.http.max_attempts = 1;
    run_one(w, mends, ERR_THROTTLED, 9 * MINUTE);
    world_expect(w, "alone", 1, 0);
    assert_true(calls > 10);
}

static void throttling_is_borne_for_throttle_patience(void **state)
{
    struct engine_world *w = *state;
    run_one(w, faulty, ERR_THROTTLED, 0);
    world_expect(w, "alone", 0, 1);
    assert_in_range(world_passed(w), 10 * MINUTE, 10 * MINUTE + SECOND);
}

/* Ten minutes of throttling, and a first fault behind it. */
static enum verdict throttled_then_faulty(struct step_ctx *ctx, int step)
{
    int64_t elapsed = step_elapsed_ms(ctx);
    if (step > 0 || elapsed > 10 * MINUTE)
        return STEP_DONE;
    return failing(ctx, elapsed < 9 * MINUTE ? ERR_THROTTLED : ERR_TRANSIENT);
}

static void a_fault_has_its_whole_time_after_throttling(void **state)
{
    struct engine_world *w = *state;
    run_one(w, throttled_then_faulty, ERR_NONE, 0);
    world_expect(w, "alone", 1, 0);
}

static enum verdict comes_on(struct step_ctx *ctx, int step)
{
    if (step > 0 || step_elapsed_ms(ctx) > 20 * MINUTE)
        return STEP_DONE;
    return calls % 2 ? failing(ctx, ERR_TRANSIENT) : step_again(ctx, MINUTE);
}

static void a_success_begins_the_time_anew(void **state)
{
    struct engine_world *w = *state;
    w->config.http.max_attempts = 2;
    run_one(w, comes_on, ERR_NONE, 0);
    world_expect(w, "alone", 1, 0);
}

static enum verdict says_when(struct step_ctx *ctx, int step)
{
    if (step > 0 || step_elapsed_ms(ctx) >= 5 * MINUTE)
        return STEP_DONE;
    failing(ctx, ERR_TRANSIENT);
    ctx->err.retry_after_ms = 5 * MINUTE;
    return STEP_FAILED;
}

static void a_try_that_the_service_asks_for_is_made(void **state)
{
    struct engine_world *w = *state;
    run_one(w, says_when, ERR_NONE, 0);
    world_expect(w, "alone", 1, 0);
    assert_int_equal(calls, 3);
}

/* --- after a change --- */

static void after_a_change_what_may_pass_is_never_the_end(void **state)
{
    static const enum err_kind kinds[] = {ERR_TRANSIENT, ERR_THROTTLED};
    struct engine_world *w = *state;
    for (size_t i = 0; i < 2; i++) {
        int64_t began = world_ms;
        size_t before = world_lines(w, "retrying the next call until it succeeds");
        struct err err = ERR_INIT;
        run_one(w, changes_then_mends, kinds[i], 3 * HOUR);
        world_expect(w, "alone", 1, 0);
        size_t lines = world_lines(w, "retrying the next call until it succeeds") - before;
        assert_in_range(lines, 100, (world_ms - began) / MINUTE);
        char *report = memory_text(w->memory, REPORTS);
        assert_non_null(report);
        free(report);
        assert_true(memory_del(
            &w->memory->store, NULL,
            REPORTS "alone_total(1)_success(1)_error(0)_accounts(" ACCOUNT ")_0.json", NULL, &err));
    }
}

static void after_a_change_of_an_earlier_owner_too(void **state)
{
    struct engine_world *w = *state;
    play = changes_then_mends;
    fault = ERR_TRANSIENT;
    mends_after = 3 * HOUR;
    world_put_event(w, "alone", 1);
    world_put_claim(w, "[{\"action\":\"alone\",\"count\":1,\"processed\":\"\",\"errored\":{},"
                       "\"open\":{\"0\":{\"step\":\"two\",\"elapsed\":0,\"state\":{}}}}]");
    world_run(w);
    world_expect(w, "alone", 1, 0);
}

static void a_refusal_after_a_change_is_the_end(void **state)
{
    struct engine_world *w = *state;
    run_one(w, changes_then_mends, ERR_PROVIDER, 3 * HOUR);
    world_expect(w, "alone", 0, 1);
    assert_int_equal(calls, 2);
}

/* --- in company --- */

static enum err_kind guilt; /* of the one that is */

static bool is_guilty(const struct step_ctx *ctx)
{
    return strcmp(id_of(ctx), "r57") == 0;
}

static bool guilty_fails_all(struct step_ctx *const *ctxs, size_t count, enum verdict *verdicts)
{
    for (size_t i = 0; i < count; i++) {
        if (is_guilty(ctxs[i])) {
            failing(ctxs[0], guilt);
            return false;
        }
        verdicts[i] = STEP_DONE;
    }
    return true;
}

static enum verdict guilty_fails(struct step_ctx *ctx, int step)
{
    (void)step;
    return is_guilty(ctx) ? failing(ctx, guilt) : STEP_DONE;
}

static void run_hundred(struct engine_world *w, enum err_kind kind)
{
    play = guilty_fails;
    play_many = guilty_fails_all;
    guilt = kind;
    world_put_event(w, "shared", 100);
    world_run(w);
}

static void a_fault_of_one_of_a_hundred_is_not_the_others(void **state)
{
    static const int64_t attempts[] = {1, 2, 30};
    struct engine_world *w = *state;
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
        w->config.http.max_attempts = attempts[i];
        calls = 0;
        run_hundred(w, ERR_TRANSIENT);
        world_expect(w, "shared", 99, 1);
        world_expect_error(w, "r57", "TestFault: a fault made by the test");
        assert_true(calls < 100);
        memory_find(w->memory,
                    REPORTS "shared_total(100)_success(99)_error(1)_accounts(" ACCOUNT ")_0.json")
            ->version = 0;
    }
}

static void a_refusal_of_one_of_a_hundred_is_not_the_others(void **state)
{
    struct engine_world *w = *state;
    run_hundred(w, ERR_PROVIDER);
    world_expect(w, "shared", 99, 1);
    world_expect_error(w, "r57", "TestFault: a fault made by the test");
    assert_true(world_passed(w) < SECOND);
}

static size_t sizes[64]; /* of the calls, in order */
static int fails;        /* calls that fail */

static bool fails_for_all(struct step_ctx *const *ctxs, size_t count, enum verdict *verdicts)
{
    if (calls <= sizeof sizes / sizeof *sizes)
        sizes[calls - 1] = count;
    if (fails-- > 0) {
        failing(ctxs[0], guilt);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        verdicts[i] = STEP_DONE;
    return true;
}

static void what_is_nobodys_fault_does_not_split_a_call(void **state)
{
    static const enum err_kind kinds[] = {ERR_THROTTLED, ERR_UNAVAILABLE, ERR_BUSY};
    struct engine_world *w = *state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        calls = 0;
        play_many = fails_for_all;
        guilt = kinds[i];
        fails = 3;
        world_put_event(w, "shared", 100);
        world_run(w);
        world_expect(w, "shared", 100, 0);
        assert_int_equal(calls, 5); /* three that failed, and one each step */
        for (size_t k = 0; k < calls; k++)
            assert_int_equal(sizes[k], 100);
        memory_find(w->memory,
                    REPORTS "shared_total(100)_success(100)_error(0)_accounts(" ACCOUNT ")_0.json")
            ->version = 0;
    }
}

static void a_fault_that_passes_splits_once(void **state)
{
    struct engine_world *w = *state;
    play_many = fails_for_all;
    guilt = ERR_TRANSIENT;
    fails = 1;
    world_put_event(w, "shared", 100);
    world_run(w);
    world_expect(w, "shared", 100, 0);
    assert_int_equal(sizes[0], 100);
    assert_int_equal(sizes[1], 50);
}

static void throttling_of_many_ends_after_throttle_patience(void **state)
{
    struct engine_world *w = *state;
    play_many = fails_for_all;
    guilt = ERR_THROTTLED;
    fails = INT32_MAX;
    world_put_event(w, "shared", 3);
    world_run(w);
    world_expect(w, "shared", 0, 3);
    assert_in_range(world_passed(w), 10 * MINUTE, 10 * MINUTE + SECOND);
}

/* --- a change for all, and none --- */

static bool makes_change;

static bool looks_then_fails(struct step_ctx *const *ctxs, size_t count, enum verdict *verdicts)
{
    if (step_elapsed_ms(ctxs[0]) == 0 && json_object_size(ctxs[0]->state) == 0) {
        if (makes_change)
            ctxs[0]->after_change(ctxs[0]);
        for (size_t i = 0; i < count; i++) {
            json_object_set_new(ctxs[i]->state, "seen", json_true());
            verdicts[i] = STEP_DONE;
        }
        return true;
    }
    return failing(ctxs[0], ERR_TRANSIENT) == STEP_DONE;
}

static enum verdict mends_late(struct step_ctx *ctx, int step)
{
    (void)step;
    return step_elapsed_ms(ctx) > HOUR ? STEP_DONE : failing(ctx, ERR_TRANSIENT);
}

static void a_change_that_was_made_for_all_is_everybodys(void **state)
{
    struct engine_world *w = *state;
    makes_change = true;
    play_many = looks_then_fails;
    play = mends_late;
    world_put_event(w, "shared", 10);
    world_run(w);
    world_expect(w, "shared", 10, 0);
}

static void a_look_is_no_change(void **state)
{
    struct engine_world *w = *state;
    makes_change = false;
    play_many = looks_then_fails;
    play = mends_late;
    world_put_event(w, "shared", 10);
    world_run(w);
    world_expect(w, "shared", 0, 10);
    assert_true(world_passed(w) < 5 * MINUTE);
}

/* --- what cannot be had now --- */

static bool waits_for_credential(const struct step_ctx *ctx)
{
    return strcmp(id_of(ctx), "r1") == 0;
}

static enum verdict some_unavailable(struct step_ctx *ctx, int step)
{
    if (waits_for_credential(ctx) && step == 0 && step_elapsed_ms(ctx) < mends_after)
        return failing(ctx, ERR_UNAVAILABLE);
    return step == 0 && !waits_for_credential(ctx) && step_elapsed_ms(ctx) < 15 * MINUTE
               ? step_again(ctx, MINUTE)
               : STEP_DONE;
}

static void an_outage_is_waited_for_and_is_no_try(void **state)
{
    struct engine_world *w = *state;
    w->config.http.max_attempts = 1;
    run_one(w, mends, ERR_UNAVAILABLE, 100 * SECOND);
    world_expect(w, "alone", 1, 0);
    assert_in_range(calls, 3, 110); /* a second apart at least */
    assert_true(world_lines(w, "Credential not available") >= 1);
}

static void an_outage_that_lasts_gives_the_run_back(void **state)
{
    struct engine_world *w = *state;
    run_one(w, faulty, ERR_UNAVAILABLE, 0);
    assert_int_equal(w->how, SETTLE_RELEASE);
    assert_int_equal(w->delay_ms, MINUTE);
    assert_string_equal(w->why, "TestFault: a fault made by the test");
    assert_null(memory_text(w->memory, REPORTS));
    json_t *claim = world_stored(w, PENDING);
    assert_int_equal(json_integer_value(json_object_get(claim, "expires_ms")), 0);
    json_decref(claim);
    assert_int_equal(world_lines(w, "Run released: the remaining resources wait for a credential"),
                     1);
}

/* The other resource takes a quarter of an hour; then the run is given back with what it did. */
static void others_go_on_before_the_run_is_given_back(void **state)
{
    struct engine_world *w = *state;
    play = some_unavailable;
    mends_after = INT64_MAX;
    world_put_event(w, "alone", 2);
    world_run(w);
    assert_int_equal(w->how, SETTLE_RELEASE);
    assert_in_range(world_passed(w), 15 * MINUTE, 17 * MINUTE);
    assert_null(memory_text(w->memory, REPORTS));
    json_t *claim = world_stored(w, PENDING);
    const json_t *first = json_array_get(json_object_get(claim, "automations"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "processed")), "0");
    assert_int_equal(json_object_size(json_object_get(first, "errored")), 0);
    json_decref(claim);
}

static void an_outage_may_end_while_others_go_on(void **state)
{
    struct engine_world *w = *state;
    play = some_unavailable;
    mends_after = 10 * MINUTE;
    world_put_event(w, "alone", 2);
    world_run(w);
    world_expect(w, "alone", 2, 0);
}

static void after_a_change_an_outage_errors_nobody(void **state)
{
    struct engine_world *w = *state;
    run_one(w, changes_then_mends, ERR_UNAVAILABLE, HOUR);
    assert_int_equal(w->how, SETTLE_RELEASE);
    json_t *claim = world_stored(w, PENDING);
    const json_t *first = json_array_get(json_object_get(claim, "automations"), 0);
    const json_t *open = json_object_get(json_object_get(first, "open"), "0");
    assert_string_equal(json_string_value(json_object_get(open, "step")), "two");
    json_decref(claim);
}

/* The phases before the tasks, whose store needs a credential too. */
static void store_unavailable(struct engine_world *w, const char *line, unsigned times)
{
    play = mends;
    mends_after = 0;
    world_put_event(w, "alone", 1);
    snprintf(w->memory->fault_on, sizeof w->memory->fault_on, "%s", line);
    w->memory->fault_kind = ERR_UNAVAILABLE;
    w->memory->fault_count = times;
    world_run(w);
}

static void an_outage_is_waited_for_before_the_work_too(void **state)
{
    static const char *const lines[] = {"put " PENDING, "get " EVENT, "list " REPORTS};
    struct engine_world *w = *state;
    w->config.http.max_attempts = 1;
    for (size_t i = 0; i < 3; i++) {
        store_unavailable(w, lines[i], 3);
        world_expect(w, "alone", 1, 0);
        memory_find(w->memory,
                    REPORTS "alone_total(1)_success(1)_error(0)_accounts(" ACCOUNT ")_0.json")
            ->version = 0;
    }
}

static void an_outage_that_lasts_releases_the_event_before_the_work_too(void **state)
{
    static const char *const lines[] = {"put " PENDING, "get " EVENT, "list " REPORTS};
    struct engine_world *w = *state;
    for (size_t i = 0; i < 3; i++) {
        store_unavailable(w, lines[i], UINT32_MAX);
        assert_int_equal(w->how, SETTLE_RELEASE);
        assert_int_equal(w->delay_ms, MINUTE);
        assert_in_range(world_passed(w), 2 * MINUTE, 3 * MINUTE);
        assert_string_equal(w->why, "TestFault: a fault made by the test");
        assert_int_equal(calls, 0);
        w->memory->fault_count = 0;
    }
}

/* --- clocks that are set --- */

static int64_t set_by; /* how much the wall clock is set, once */
static int64_t waited;

static enum verdict waits(struct step_ctx *ctx, int step)
{
    if (step > 0)
        return STEP_DONE;
    if (step_elapsed_ms(ctx) > MINUTE)
        world_wall_set = set_by;
    waited = step_elapsed_ms(ctx);
    return step_wait(ctx, 10 * MINUTE, "the test");
}

static void a_clock_that_is_set_neither_ends_nor_prolongs_a_wait(void **state)
{
    static const int64_t jumps[] = {HOUR, -HOUR};
    struct engine_world *w = *state;
    for (size_t i = 0; i < 2; i++) {
        world_wall_set = 0;
        set_by = jumps[i];
        play = waits;
        world_put_event(w, "alone", 1);
        world_run(w);
        world_expect_error(w, "r0", "waited 10 min for the test");
        world_expect(w, "alone", 0, 1);
        /* The claim, which goes by the wall clock, may have to be renewed before the task goes on.
         */
        assert_in_range(waited, 10 * MINUTE, 12 * MINUTE);
        memory_find(w->memory,
                    REPORTS "alone_total(1)_success(0)_error(1)_accounts(" ACCOUNT ")_0.json")
            ->version = 0;
    }
}

/* A wait is carried on by the next owner, whatever its host's clock says. */
static void a_wait_is_carried_over(void **state)
{
    static const struct {
        const char *elapsed;
        int64_t left;
    } cases[] = {{"540000", MINUTE},
                 {"0", 10 * MINUTE},
                 {"-9223372036854775808", 10 * MINUTE},
                 {"9223372036854775807", 0}};
    struct engine_world *w = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char progress[512];
        set_by = 0;
        play = waits;
        world_put_event(w, "alone", 1);
        snprintf(progress, sizeof progress,
                 "[{\"action\":\"alone\",\"count\":1,\"processed\":\"\",\"errored\":{},\"open\":{"
                 "\"0\":{\"step\":\"one\",\"elapsed\":%s,\"state\":{\"x\":1}}}}]",
                 cases[i].elapsed);
        world_put_claim(w, progress);
        world_run(w);
        world_expect_error(w, "r0", "waited 10 min for the test");
        assert_in_range(world_passed(w), cases[i].left, cases[i].left + SECOND);
        memory_find(w->memory,
                    REPORTS "alone_total(1)_success(0)_error(1)_accounts(" ACCOUNT ")_0.json")
            ->version = 0;
    }
}

/* --- memory that runs out --- */

static void *no_memory(size_t size)
{
    (void)size;
    return NULL;
}

/* All is well, but what the next step has to know cannot be kept. */
static enum verdict knows_too_much(struct step_ctx *ctx, int step)
{
    if (step > 0)
        _exit(2); /* begun without it */
    json_object_set_new(ctx->state, "seen", json_true());
    json_set_alloc_funcs(no_memory, free);
    return STEP_DONE;
}

/* In a process of its own: the lines that it ends with are in the file. */
static int end_without_memory(FILE *lines)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        void *state = NULL;
        signal(SIGABRT, SIG_DFL);
        dup2(fileno(lines), STDERR_FILENO);
        if (set_up(&state) == 0)
            run_one(state, knows_too_much, ERR_NONE, 0);
        _exit(1);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void a_state_that_cannot_be_kept_ends_the_process(void **state)
{
    char line[256] = "";
    FILE *lines = tmpfile();
    (void)state;
    int status = end_without_memory(lines);
    rewind(lines);
    assert_non_null(fgets(line, sizeof line, lines));
    fclose(lines);
    assert_string_equal(line, "hgautod: out of memory; the process ends here, and events under "
                              "way are resumed from their stored progress\n");
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_fault_that_passes_in_time_is_borne),
        TEST(a_fault_that_does_not_pass_is_given_up_after_retry_for),
        TEST(max_attempts_counts_all_tries),
        TEST(throttled_tries_are_not_counted),
        TEST(throttling_is_borne_for_throttle_patience),
        TEST(a_fault_has_its_whole_time_after_throttling),
        TEST(a_success_begins_the_time_anew),
        TEST(a_try_that_the_service_asks_for_is_made),
        TEST(after_a_change_what_may_pass_is_never_the_end),
        TEST(after_a_change_of_an_earlier_owner_too),
        TEST(a_refusal_after_a_change_is_the_end),
        TEST(a_fault_of_one_of_a_hundred_is_not_the_others),
        TEST(a_refusal_of_one_of_a_hundred_is_not_the_others),
        TEST(what_is_nobodys_fault_does_not_split_a_call),
        TEST(a_fault_that_passes_splits_once),
        TEST(throttling_of_many_ends_after_throttle_patience),
        TEST(a_change_that_was_made_for_all_is_everybodys),
        TEST(a_look_is_no_change),
        TEST(an_outage_is_waited_for_and_is_no_try),
        TEST(an_outage_that_lasts_gives_the_run_back),
        TEST(others_go_on_before_the_run_is_given_back),
        TEST(an_outage_may_end_while_others_go_on),
        TEST(after_a_change_an_outage_errors_nobody),
        TEST(an_outage_is_waited_for_before_the_work_too),
        TEST(an_outage_that_lasts_releases_the_event_before_the_work_too),
        TEST(a_clock_that_is_set_neither_ends_nor_prolongs_a_wait),
        TEST(a_wait_is_carried_over),
        cmocka_unit_test(a_state_that_cannot_be_kept_ends_the_process),
    };
    if (!http_global_init())
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    http_global_cleanup();
    return failed;
}
