/* Automations of one event that name the same resource take turns on it; all else goes on at once.
 */
#include "tests/unit/engine_world.h"

#define SUBSCRIPTION "cccccccc-1111-2222-3333-444444444444"
#define MOST         64

/* --- the test's actions: each takes a minute on a resource, or what the test says --- */

static unsigned calls;       /* shared ones */
static size_t at_once, most; /* resources under way, now and at the most */
static bool overlapped;      /* two were under way on one */
static struct {
    char name[128];
    const struct action *by;
} under_way[MOST];
static enum err_kind first_fails; /* the action "first" ends so; ERR_NONE: well */
static char order[4096];          /* "first r0\n" in the order in which they ended */

/* What the resource is in truth: without regard to case where the cloud has none. */
static void truth_of(const struct step_ctx *ctx, char to[128])
{
    const char *id = json_string_value(json_object_get(ctx->resource, "id"));
    const char *arn = json_string_value(json_object_get(ctx->resource, "arn"));
    snprintf(to, 128, "%s/%s/%s", ctx->account, ctx->region, id && *id ? id : arn);
    for (char *c = to; *c && ctx->action->cloud == CLOUD_AZURE; c++)
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
}

static void enter(const struct step_ctx *ctx)
{
    char name[128];
    size_t room = MOST;
    truth_of(ctx, name);
    for (size_t i = MOST; i-- > 0;)
        if (!under_way[i].by)
            room = i;
        else if (strcmp(under_way[i].name, name) == 0)
            overlapped = true;
    assert_true(room < MOST);
    memcpy(under_way[room].name, name, sizeof name);
    under_way[room].by = ctx->action;
    if (++at_once > most)
        most = at_once;
}

static void leave(const struct step_ctx *ctx)
{
    char name[128];
    size_t n = strlen(order);
    truth_of(ctx, name);
    for (size_t i = 0; i < MOST; i++)
        if (under_way[i].by == ctx->action && strcmp(under_way[i].name, name) == 0)
            under_way[i].by = NULL;
    at_once--;
    snprintf(order + n, sizeof order - n, "%s %s\n", ctx->action->name, strrchr(name, '/') + 1);
}

static enum verdict work(struct step_ctx *ctx)
{
    bool fails = strcmp(ctx->action->name, "first") == 0 && first_fails != ERR_NONE;
    if (fails) {
        err_set(&ctx->err, first_fails, "TestFault", "a fault made by the test");
        return STEP_FAILED;
    }
    if (json_object_size(ctx->state) == 0) {
        enter(ctx);
        json_object_set_new(ctx->state, "begun", json_true());
        return step_again(ctx, MINUTE);
    }
    if (step_elapsed_ms(ctx) < MINUTE)
        return step_again(ctx, MINUTE);
    leave(ctx);
    return STEP_DONE;
}

static bool share(struct step_ctx *const *ctxs, size_t count, enum verdict *verdicts)
{
    calls++;
    (void)ctxs;
    for (size_t i = 0; i < count; i++)
        verdicts[i] = STEP_DONE;
    return true;
}

static const struct action_sharing sharing = {.max = SHARED_CALL_MAX};

#define ACTION(variable, its_name, its_cloud)                                                      \
    static const struct action variable = {                                                        \
        .name = its_name,                                                                          \
        .cloud = its_cloud,                                                                        \
        .resource_types = (const char *const[]){"Thing", NULL},                                    \
        .state = (const struct action_state[]){{"begun", NULL}, {0}},                              \
        .steps = (const struct action_step[]){{.name = "work", .run = work}, {0}},                 \
    }

ACTION(first, "first", CLOUD_AWS);
ACTION(second, "second", CLOUD_AWS);
ACTION(third, "third", CLOUD_AWS);
ACTION(azure_first, "azure_first", CLOUD_AZURE);
ACTION(azure_second, "azure_second", CLOUD_AZURE);

#define SHARED(variable, its_name)                                                                 \
    static const struct action variable = {                                                        \
        .name = its_name,                                                                          \
        .cloud = CLOUD_AWS,                                                                        \
        .resource_types = (const char *const[]){"Thing", NULL},                                    \
        .state = (const struct action_state[]){{"begun", NULL}, {0}},                              \
        .steps =                                                                                   \
            (const struct action_step[]){{.name = "share", .run_all = share, .sharing = &sharing}, \
                                         {0}},                                                     \
    }

SHARED(shared_first, "shared_first");
SHARED(shared_second, "shared_second");

const struct action *const action_table[] = {
    &first, &second, &third, &azure_first, &azure_second, &shared_first, &shared_second, NULL};

static int set_up(void **state)
{
    calls = 0;
    at_once = most = 0;
    overlapped = false;
    first_fails = ERR_NONE;
    memset(under_way, 0, sizeof under_way);
    order[0] = '\0';
    return world_set_up(state);
}

/* Carries out an event of two automations, of which each has the one entity. */
static void run_two(struct engine_world *w, const char *one, const char *entity, const char *two,
                    const char *other)
{
    char text[2048];
    snprintf(text, sizeof text,
             "{\"name\":\"rule\",\"results\":[{\"automation\":{\"name\":\"%s\"},\"entities\":[%s]},"
             "{\"automation\":{\"name\":\"%s\"},\"entities\":[%s]}]}",
             one, entity, two, other);
    memory_put_text(w->memory, EVENT, text);
    world_run(w);
    world_expect(w, one, 1, 0);
    world_expect(w, two, 1, 0);
}

/* --- the order --- */

static void automations_take_turns_on_a_resource(void **state)
{
    struct engine_world *w = *state;
    world_put_event(w, "first second third", 5);
    world_run(w);
    world_expect(w, "first", 5, 0);
    world_expect(w, "second", 5, 0);
    world_expect(w, "third", 5, 0);
    assert_false(overlapped);
    assert_int_equal(most, 5); /* the resources do not wait for one another */
    assert_in_range(world_passed(w), 3 * MINUTE, 4 * MINUTE);
    assert_true(strstr(order, "first r4\n") < strstr(order, "second r4\n"));
    assert_true(strstr(order, "second r4\n") < strstr(order, "third r4\n"));
}

static void a_resource_named_twice_by_one_automation_is_no_deadlock(void **state)
{
    struct engine_world *w = *state;
    static const char twice[] =
        "{\"id\":\"r0\",\"account\":\"" ACCOUNT "\",\"region\":\"us-east-1\"}";
    char text[2048];
    snprintf(
        text, sizeof text,
        "{\"name\":\"rule\",\"results\":[{\"automation\":{\"name\":\"first\"},\"entities\":[%s,"
        "%s]},{\"automation\":{\"name\":\"second\"},\"entities\":[%s,%s]}]}",
        twice, twice, twice, twice);
    memory_put_text(w->memory, EVENT, text);
    world_run(w);
    world_expect(w, "first", 2, 0);
    world_expect(w, "second", 2, 0);
    assert_false(overlapped);
}

static void the_next_goes_on_after_an_error(void **state)
{
    struct engine_world *w = *state;
    first_fails = ERR_DENIED;
    world_put_event(w, "first second", 3);
    world_run(w);
    world_expect(w, "first", 0, 3);
    world_expect(w, "second", 3, 0);
}

/* Those that are held for a task that waits for a credential wait with it. */
static void an_outage_gives_back_those_that_are_held_too(void **state)
{
    struct engine_world *w = *state;
    first_fails = ERR_UNAVAILABLE;
    world_put_event(w, "first second", 3);
    world_run(w);
    assert_int_equal(w->how, SETTLE_RELEASE);
    assert_string_equal(order, "");
    assert_in_range(world_passed(w), 2 * MINUTE, 3 * MINUTE);
}

static void what_is_finished_holds_nobody(void **state)
{
    struct engine_world *w = *state;
    world_put_event(w, "first second", 2);
    world_put_claim(w, "[{\"action\":\"first\",\"count\":2,\"processed\":\"0-1\",\"errored\":{},"
                       "\"open\":{}},{\"action\":\"second\",\"count\":2,\"processed\":\"\","
                       "\"errored\":{},\"open\":{}}]");
    world_run(w);
    world_expect(w, "second", 2, 0);
    assert_string_equal(order, "second r0\nsecond r1\n");
    assert_true(world_passed(w) < 2 * MINUTE);
}

/* --- what is the same --- */

#define AWS_THING(id, account, region)                                                             \
    "{\"id\":\"" id "\",\"account\":\"" account "\",\"region\":\"" region "\"}"
#define AZURE_THING(id) "{\"id\":\"" id "\",\"subscription\":\"" SUBSCRIPTION "\"}"

static void what_is_the_same_is_told_as_its_cloud_tells_it(void **state)
{
    static const struct {
        const char *one, *entity, *two, *other;
        bool same;
    } cases[] = {
        {"first", AWS_THING("i-1", ACCOUNT, "us-east-1"), "second",
         AWS_THING("i-1", ACCOUNT, "us-east-1"), true},
        {"first", AWS_THING("i-1", ACCOUNT, "us-east-1"), "second",
         AWS_THING("i-\\u0031", ACCOUNT, "us-east-1"), true},
        {"first", AWS_THING("i-1", ACCOUNT, "us-east-1"), "second",
         AWS_THING("i-1", ACCOUNT, "eu-west-1"), false},
        {"first", AWS_THING("i-1", ACCOUNT, "us-east-1"), "second",
         AWS_THING("i-1", "210987654321", "us-east-1"), false},
        {"first", AWS_THING("i-1", ACCOUNT, "us-east-1"), "second",
         AWS_THING("I-1", ACCOUNT, "us-east-1"), false},
        {"first",
         "{\"arn\":\"arn:aws:rds:us-east-1:" ACCOUNT ":db:x\",\"account\":\"" ACCOUNT "\"}",
         "second",
         "{\"account\":\"" ACCOUNT "\",\"arn\":\"arn:aws:rds:us-east-1:" ACCOUNT ":db:x\"}", true},
        /* The id names it, wherever it stands. */
        {"first",
         "{\"id\":\"i-1\",\"name\":\"a\",\"region\":\"us-east-1\",\"account\":\"" ACCOUNT "\"}",
         "second",
         "{\"name\":\"b\",\"id\":\"i-1\",\"region\":\"us-east-1\",\"account\":\"" ACCOUNT "\"}",
         true},
        {"first",
         "{\"name\":\"a\",\"id\":\"i-1\",\"region\":\"us-east-1\",\"account\":\"" ACCOUNT "\"}",
         "second",
         "{\"id\":\"i-2\",\"name\":\"a\",\"region\":\"us-east-1\",\"account\":\"" ACCOUNT "\"}",
         false},
        /* An empty one is none. */
        {"first",
         "{\"id\":\"\",\"arn\":\"arn:aws:rds:us-east-1:" ACCOUNT ":db:x\",\"account\":\"" ACCOUNT
         "\"}",
         "second",
         "{\"id\":\"\",\"arn\":\"arn:aws:rds:us-east-1:" ACCOUNT ":db:y\",\"account\":\"" ACCOUNT
         "\"}",
         false},
        {"azure_first", AZURE_THING("/subscriptions/" SUBSCRIPTION "/resourceGroups/A/x"),
         "azure_second", AZURE_THING("/subscriptions/" SUBSCRIPTION "/RESOURCEGROUPS/a/X"), true},
        {"azure_first", AZURE_THING("/subscriptions/" SUBSCRIPTION "/resourceGroups/A/x"),
         "azure_second", AZURE_THING("/subscriptions/" SUBSCRIPTION "/resourceGroups/A/y"), false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(set_up(state), 0);
        struct engine_world *w = *state;
        run_two(w, cases[i].one, cases[i].entity, cases[i].two, cases[i].other);
        size_t expected = cases[i].same ? 1 : 2;
        if (most != expected)
            print_message("%s, %s:\n", cases[i].entity, cases[i].other);
        assert_int_equal(most, expected);
        assert_false(overlapped);
        assert_int_equal(world_tear_down(state), 0);
    }
}

/* --- calls are shared as before --- */

static void those_that_were_held_share_calls(void **state)
{
    struct engine_world *w = *state;
    world_put_event(w, "shared_first shared_second", 100);
    world_run(w);
    world_expect(w, "shared_first", 100, 0);
    world_expect(w, "shared_second", 100, 0);
    assert_int_equal(calls, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(automations_take_turns_on_a_resource),
        TEST(a_resource_named_twice_by_one_automation_is_no_deadlock),
        TEST(the_next_goes_on_after_an_error),
        TEST(an_outage_gives_back_those_that_are_held_too),
        TEST(what_is_finished_holds_nobody),
        cmocka_unit_test(what_is_the_same_is_told_as_its_cloud_tells_it),
        TEST(those_that_were_held_share_calls),
    };
    if (!http_global_init())
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    http_global_cleanup();
    return failed;
}
