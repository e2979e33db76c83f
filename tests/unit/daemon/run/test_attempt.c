/* What is asked before a task's steps, and before each change that they make, on the real engine:
 * whether the claim still holds, whether the daemon stops, and whether the resource may be acted on
 * at all. */
#include "tests/unit/engine_world.h"

#include "daemon/run/task.h"

#define TTL          (10 * MINUTE)
#define SUBSCRIPTION "cccccccc-1111-2222-3333-444444444444"

/* --- the test's actions --- */

/* Set by each test; NULL: all is well. */
static bool (*on_check)(struct step_ctx *ctx);
static enum verdict (*play)(struct step_ctx *ctx, int step);
static unsigned calls;              /* of steps */
static unsigned changes;            /* that were let through */
static struct memory_store *memory; /* of the test's world */

static bool check(struct step_ctx *ctx)
{
    return !on_check || on_check(ctx);
}

static enum verdict step_one(struct step_ctx *ctx)
{
    calls++;
    return play ? play(ctx, 0) : STEP_DONE;
}

static enum verdict step_two(struct step_ctx *ctx)
{
    calls++;
    return play ? play(ctx, 1) : STEP_DONE;
}

static bool anything(struct step_ctx *ctx, const json_t *value)
{
    (void)ctx, (void)value;
    return true;
}

static const struct action_step steps[] = {
    {.name = "one", .run = step_one}, {.name = "two", .run = step_two}, {0}};
static const struct action_state kept[] = {{"x", anything}, {0}};

static const struct action plain = {
    .name = "plain",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_CHANGES,
    .resource_types = (const char *const[]){"Thing", NULL},
    .state = kept,
    .check = check,
    .steps = steps,
};
static const struct action of_bucket = {
    .name = "of_bucket",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_CHANGES,
    .resource_types = (const char *const[]){"S3 Bucket", NULL},
    .steps = steps,
};
static const struct action of_azure = {
    .name = "of_azure",
    .cloud = CLOUD_AZURE,
    .effect = EFFECT_CHANGES,
    .arm_type = "Microsoft.Compute/disks",
    .resource_types = (const char *const[]){"Thing", NULL},
    .steps = steps,
};

const struct action *const action_table[] = {&plain, &of_bucket, &of_azure, NULL};

static int set_up(void **state)
{
    on_check = NULL;
    play = NULL;
    calls = changes = 0;
    int failed = world_set_up(state);
    struct engine_world *w = *state;
    w->rules.claim_ttl = TTL;
    memory = w->memory;
    return failed;
}

static struct run *run_of(const struct step_ctx *ctx)
{
    return ((struct task *)ctx->engine)->automation->run;
}

/* How often the claim has been written. */
static unsigned claims(void)
{
    unsigned count = 0;
    pthread_mutex_lock(&memory->lock);
    for (const char *at = memory->journal; (at = strstr(at, "put " PENDING "\n")); at++)
        count++;
    pthread_mutex_unlock(&memory->lock);
    return count;
}

static void run_plain(struct engine_world *w)
{
    world_put_event(w, "plain", 1);
    world_run(w);
}

/* --- before a change --- */

static unsigned before;   /* claims, when the step had taken long */
static bool refused_busy; /* the change that came after */

/* The first call takes so long that next to nothing is left of the claim. */
static enum verdict takes_long(struct step_ctx *ctx, int step)
{
    if (step > 0)
        return STEP_DONE;
    if (calls == 1) {
        before = claims();
        world_ms = run_of(ctx)->claim_until_ms - 1;
    }
    if (!ctx->before_change(ctx)) {
        refused_busy = ctx->err.kind == ERR_BUSY && ctx->err.retry_after_ms > 0;
        return STEP_FAILED;
    }
    changes++;
    ctx->after_change(ctx);
    return STEP_DONE;
}

static void a_change_waits_for_the_claim(void **state)
{
    struct engine_world *w = *state;
    refused_busy = false;
    play = takes_long;
    run_plain(w);
    assert_true(refused_busy);
    assert_int_equal(changes, 1);
    assert_int_equal(calls, 3);
    assert_true(claims() > before);
    world_expect(w, "plain", 1, 0);
}

/* The daemon is told to stop while the first step is under way. */
static enum verdict stops_before_its_change(struct step_ctx *ctx, int step)
{
    (void)step;
    run_of(ctx)->stopping = true;
    sched_wake(run_of(ctx)->host->sched, &run_of(ctx)->control);
    if (!ctx->before_change(ctx))
        return STEP_FAILED;
    changes++;
    return STEP_DONE;
}

static void a_change_is_not_begun_when_the_daemon_stops(void **state)
{
    struct engine_world *w = *state;
    play = stops_before_its_change;
    run_plain(w);
    assert_int_equal(w->how, SETTLE_RELEASE);
    assert_int_equal(changes, 0);
}

/* --- before a step --- */

static unsigned claims_in_step[2];

static enum verdict notes_claims(struct step_ctx *ctx, int step)
{
    claims_in_step[step] = claims();
    if (step == 0)
        world_ms = run_of(ctx)->claim_due_ms;
    return STEP_DONE;
}

static void a_claim_that_is_due_is_renewed_before_the_next_step(void **state)
{
    struct engine_world *w = *state;
    play = notes_claims;
    run_plain(w);
    world_expect(w, "plain", 1, 0);
    assert_int_equal(claims_in_step[1], claims_in_step[0] + 1);
}

/* What was asked about the resource has taken all that was left of the claim. */
static bool check_takes_long(struct step_ctx *ctx)
{
    before = claims();
    world_ms = run_of(ctx)->claim_until_ms - 1;
    return true;
}

static void a_step_is_not_begun_when_its_check_took_the_claims_time(void **state)
{
    struct engine_world *w = *state;
    on_check = check_takes_long;
    play = notes_claims;
    run_plain(w);
    world_expect(w, "plain", 1, 0);
    assert_int_equal(claims_in_step[0], before + 1);
}

static bool check_stops(struct step_ctx *ctx)
{
    run_of(ctx)->stopping = true;
    sched_wake(run_of(ctx)->host->sched, &run_of(ctx)->control);
    return true;
}

static void a_step_is_not_begun_when_the_daemon_stops_in_its_check(void **state)
{
    struct engine_world *w = *state;
    on_check = check_stops;
    run_plain(w);
    assert_int_equal(w->how, SETTLE_RELEASE);
    assert_int_equal(calls, 0);
}

/* --- stored state --- */

static size_t members;
static int64_t elapsed;

static enum verdict notes_state(struct step_ctx *ctx, int step)
{
    if (step == 0) {
        members = json_object_size(ctx->state);
        elapsed = step_elapsed_ms(ctx);
    }
    return STEP_DONE;
}

static void run_stored(struct engine_world *w, const char *stored)
{
    char claim[512];
    snprintf(claim, sizeof claim,
             "[{\"action\":\"plain\",\"count\":1,\"processed\":\"\",\"errored\":{},\"open\":{\"0\":"
             "{\"step\":\"one\",\"elapsed\":540000,\"state\":%s}}}]",
             stored);
    play = notes_state;
    world_put_event(w, "plain", 1);
    world_put_claim(w, claim);
    world_run(w);
    world_expect(w, "plain", 1, 0);
}

static void a_stored_state_is_taken_over(void **state)
{
    struct engine_world *w = *state;
    run_stored(w, "{\"x\":1}");
    assert_int_equal(members, 1);
    assert_in_range(elapsed, 540000, 541000);
    assert_int_equal(world_lines(w, "Stored state refused"), 0);
}

/* A member that the action does not keep spoils all of it, and the time of the step too. */
static void nothing_is_left_of_a_stored_state_that_is_refused(void **state)
{
    struct engine_world *w = *state;
    run_stored(w, "{\"x\":1,\"foreign\":1}");
    assert_int_equal(members, 0);
    assert_in_range(elapsed, 0, 1000);
    assert_int_equal(world_lines(w, "Stored state refused"), 1);
}

/* --- what may be acted on --- */

static void the_bucket_that_events_come_from_is_not_acted_on(void **state)
{
    struct engine_world *w = *state;
    w->memory->store.holder = "r1";
    world_put_event(w, "of_bucket", 2);
    world_run(w);
    world_expect(w, "of_bucket", 1, 1);
    world_expect_error(w, "r1", "the bucket \"r1\" is the daemon's own");
    assert_int_equal(calls, 2); /* the other's */
}

/* Where the resource is cannot be asked: so nobody knows whether it is in an allowed region. */
static void a_resource_of_unknown_location_is_not_acted_on(void **state)
{
    static const char event[] =
        "{\"name\":\"rule\",\"results\":[{\"automation\":{\"name\":\"of_azure\"},\"entities\":["
        "{\"id\":\"r0\",\"region\":\"westeurope\",\"subscription\":\"" SUBSCRIPTION "\"}]}]}";
    char *allowed[] = {(char *)"westeurope"};
    struct engine_world *w = *state;
    memory_put_text(w->memory, EVENT, event);
    w->config.guard.allow_regions = (struct config_list){.at = allowed, .count = 1};
    world_run(w);
    world_expect(w, "of_azure", 0, 1);
    world_expect_error(w, "r0", "attribute \"Resource Group\" is missing");
    assert_int_equal(calls, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_change_waits_for_the_claim),
        TEST(a_change_is_not_begun_when_the_daemon_stops),
        TEST(a_claim_that_is_due_is_renewed_before_the_next_step),
        TEST(a_step_is_not_begun_when_its_check_took_the_claims_time),
        TEST(a_step_is_not_begun_when_the_daemon_stops_in_its_check),
        TEST(a_stored_state_is_taken_over),
        TEST(nothing_is_left_of_a_stored_state_that_is_refused),
        TEST(the_bucket_that_events_come_from_is_not_acted_on),
        TEST(a_resource_of_unknown_location_is_not_acted_on),
    };
    if (!http_global_init())
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    http_global_cleanup();
    return failed;
}
