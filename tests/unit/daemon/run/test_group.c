/* Tasks that share their calls, on the real engine: who goes together, and what is asked before the
 * halves of a call that was refused. */
#include "tests/unit/engine_world.h"

#include "daemon/run/task.h"

#define TTL (10 * MINUTE)

/* --- the test's actions --- */

static bool (*play)(struct step_ctx *const *ctxs, size_t count, enum verdict *verdicts);
static unsigned calls;              /* shared ones */
static unsigned singles;            /* by one resource alone */
static size_t sizes[16];            /* of the shared calls */
static bool mixed;                  /* a call was shared by resources that differ */
static struct memory_store *memory; /* of the test's world */

static enum verdict single(struct step_ctx *ctx)
{
    (void)ctx;
    singles++;
    return STEP_DONE;
}

/* Whether what both must have in common is not the same. */
static bool differ(const struct step_ctx *a, const struct step_ctx *b)
{
    return strcmp(a->region, b->region) != 0 ||
           json_integer_value(json_object_get(a->state, "x")) !=
               json_integer_value(json_object_get(b->state, "x"));
}

static bool together(struct step_ctx *const *ctxs, size_t count, enum verdict *verdicts)
{
    if (count == 1) {
        verdicts[0] = single(ctxs[0]);
        return true;
    }
    if (calls < sizeof sizes / sizeof *sizes)
        sizes[calls] = count;
    calls++;
    for (size_t i = 1; i < count; i++)
        mixed = mixed || differ(ctxs[0], ctxs[i]);
    if (play)
        return play(ctxs, count, verdicts);
    for (size_t i = 0; i < count; i++)
        verdicts[i] = STEP_DONE;
    return true;
}

static bool anything(struct step_ctx *ctx, const json_t *value)
{
    (void)ctx, (void)value;
    return true;
}

static const struct action_state kept[] = {{"x", anything}, {0}};
static const struct action_sharing sharing = {.max = SHARED_CALL_MAX};
static const struct action_sharing sharing_x = {.max = SHARED_CALL_MAX, .same = "x"};

static const struct action shared = {
    .name = "shared",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_CHANGES,
    .resource_types = (const char *const[]){"Thing", NULL},
    .state = kept,
    .steps = (const struct action_step[]){{.name = "one", .run_all = together, .sharing = &sharing},
                                          {0}},
};
static const struct action alike = {
    .name = "alike",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_CHANGES,
    .resource_types = (const char *const[]){"Thing", NULL},
    .state = kept,
    .steps =
        (const struct action_step[]){{.name = "one", .run_all = together, .sharing = &sharing_x},
                                     {0}},
};

const struct action *const action_table[] = {&shared, &alike, NULL};

static int set_up_with(void **state, bool share_calls)
{
    play = NULL;
    calls = singles = 0;
    mixed = false;
    memset(sizes, 0, sizeof sizes);
    int failed = world_set_up_with(state, share_calls);
    struct engine_world *w = *state;
    w->rules.claim_ttl = TTL;
    memory = w->memory;
    return failed;
}

static int set_up(void **state)
{
    return set_up_with(state, true);
}

static int set_up_without_sharing(void **state)
{
    return set_up_with(state, false);
}

static struct run *run_of(const struct step_ctx *ctx)
{
    return ((struct task *)ctx->engine)->automation->run;
}

static unsigned claims(void)
{
    unsigned count = 0;
    pthread_mutex_lock(&memory->lock);
    for (const char *at = memory->journal; (at = strstr(at, "put " PENDING "\n")); at++)
        count++;
    pthread_mutex_unlock(&memory->lock);
    return count;
}

/* --- before each half --- */

static bool refused(struct step_ctx *ctx)
{
    return err_set(&ctx->err, ERR_PROVIDER, "TestFault", "a fault made by the test");
}

static bool stops_and_is_refused(struct step_ctx *const *ctxs, size_t count, enum verdict *verdicts)
{
    (void)count, (void)verdicts;
    run_of(ctxs[0])->stopping = true;
    sched_wake(run_of(ctxs[0])->host->sched, &run_of(ctxs[0])->control);
    return refused(ctxs[0]);
}

static void halves_are_not_begun_when_the_daemon_stops(void **state)
{
    struct engine_world *w = *state;
    play = stops_and_is_refused;
    world_put_event(w, "shared", 8);
    world_run(w);
    assert_int_equal(w->how, SETTLE_RELEASE);
    assert_int_equal(calls, 1);
    assert_int_equal(singles, 0);
}

static unsigned claims_then[2]; /* at the first call, and at the next */

/* The first call takes all that is left of the claim, and is refused. */
static bool takes_long(struct step_ctx *const *ctxs, size_t count, enum verdict *verdicts)
{
    if (calls <= 2)
        claims_then[calls - 1] = claims();
    if (calls == 1) {
        world_ms = run_of(ctxs[0])->claim_until_ms - 1;
        return refused(ctxs[0]);
    }
    for (size_t i = 0; i < count; i++)
        verdicts[i] = STEP_DONE;
    return true;
}

static void halves_wait_for_the_claim(void **state)
{
    struct engine_world *w = *state;
    play = takes_long;
    world_put_event(w, "shared", 8);
    world_run(w);
    world_expect(w, "shared", 8, 0);
    assert_true(calls >= 2);
    assert_true(claims_then[1] > claims_then[0]);
}

/* --- who goes together --- */

#define ENTITY(partition, n)                                                                       \
    "{\"id\":\"r" n "\",\"account\":\"" ACCOUNT "\",\"type\":\"Thing\",\"arn\":\"arn:" partition   \
    ":iam::" ACCOUNT ":thing/r" n "\"}"

/* Resources that name no region are in their partition's own. */
static void resources_of_two_regions_share_no_call(void **state)
{
    struct engine_world *w = *state;
    memory_put_text(w->memory, EVENT,
                    "{\"name\":\"rule\",\"results\":[{\"automation\":{\"name\":\"shared\"},"
                    "\"entities\":[" ENTITY("aws", "0") "," ENTITY("aws-cn", "1") "," ENTITY(
                        "aws", "2") "," ENTITY("aws-cn", "3") "]}]}");
    world_run(w);
    world_expect(w, "shared", 4, 0);
    assert_false(mixed);
    assert_true(calls >= 1);
    assert_int_equal(sizes[0], 2); /* those of one region do */
}

static void resources_whose_state_differs_share_no_call(void **state)
{
    struct engine_world *w = *state;
#define OPEN(n, x) "\"" n "\":{\"step\":\"one\",\"elapsed\":0,\"state\":{\"x\":" x "}}"
    world_put_event(w, "alike", 4);
    world_put_claim(w, "[{\"action\":\"alike\",\"count\":4,\"processed\":\"\",\"errored\":{},"
                       "\"open\":{" OPEN("0", "1") "," OPEN("1", "2") "," OPEN("2", "1") "," OPEN(
                           "3", "2") "}}]");
    world_run(w);
    world_expect(w, "alike", 4, 0);
    assert_false(mixed);
    assert_true(calls >= 1);
    assert_int_equal(sizes[0], 2); /* those whose state is the same do */
}

static void without_sharing_each_resource_has_a_call_of_its_own(void **state)
{
    struct engine_world *w = *state;
    world_put_event(w, "shared", 8);
    world_run(w);
    world_expect(w, "shared", 8, 0);
    assert_int_equal(calls, 0);
    assert_int_equal(singles, 8);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(halves_are_not_begun_when_the_daemon_stops),
        TEST(halves_wait_for_the_claim),
        TEST(resources_of_two_regions_share_no_call),
        TEST(resources_whose_state_differs_share_no_call),
        cmocka_unit_test_setup_teardown(without_sharing_each_resource_has_a_call_of_its_own,
                                        set_up_without_sharing, world_tear_down),
    };
    if (!http_global_init())
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    http_global_cleanup();
    return failed;
}
