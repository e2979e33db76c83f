/* Tests of what is taken over of a task's state, for each action of the table: progress from the
 * store is input, which anyone who can write next to the reports may have written. The engine runs
 * on a store in memory, against a server that plays both clouds and rejects everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actions/state.h"
#include "daemon/env.h"
#include "daemon/run/engine.h"
#include "tests/unit/azure_world.h"
#include "tests/unit/memory_store.h"

#define EVENT   "x/events/rule/event.json"
#define PENDING "x/reports/rule/is_pending"
#define REPORTS "x/reports/rule/report_"

#define ACCOUNT "123456789012"
#define SUB     "33333333-3333-4333-8333-333333333333"
#define OTHER   "44444444-4444-4444-8444-444444444444"
#define GROUP   "/subscriptions/" SUB "/resourceGroups/rg/providers/"
/* Part of every ID in a hostile state. */
#define MARK "f0e1f0e1"

/* --- a resource that an action takes --- */

static const char *const resources[] = {
    "{'id':'i-0123456789abcdef0'}",
    "{'id':'vol-0123456789abcdef0'}",
    "{'id':'sg-0123456789abcdef0'}",
    "{'id':'vpc-0123456789abcdef0'}",
    "{'id':'igw-0123456789abcdef0','attributes':{'VPC ID':'vpc-0123456789abcdef0'}}",
    "{'id':'orders'}",
    "{'name':'orders'}",
    "{'arn':'arn:aws:iam::" ACCOUNT ":policy/orders'}",
    "{'arn':'arn:aws:ecs:us-east-1:" ACCOUNT ":cluster/orders'}",
    "{'id':'" GROUP "Microsoft.Compute/virtualMachines/web-1'}",
    "{'id':'" GROUP "Microsoft.Compute/disks/web-1'}",
    "{'id':'" GROUP "Microsoft.Compute/images/web-1'}",
    "{'id':'" GROUP "Microsoft.Compute/sshPublicKeys/web-1'}",
    "{'id':'" GROUP "Microsoft.Network/networkInterfaces/web-1'}",
    "{'id':'" GROUP "Microsoft.Network/publicIPAddresses/web-1'}",
};

static json_t *quoted(const char *text)
{
    char *plain = strdup(text);
    for (char *c = plain; *c; c++)
        if (*c == '\'')
            *c = '"';
    json_t *value = json_loads(plain, JSON_DECODE_ANY, NULL);
    if (!value)
        fail_msg("not JSON: %s", plain);
    free(plain);
    return value;
}

static json_t *params_of(const struct action *action)
{
    struct err err = ERR_INIT;
    json_t *given = json_object();
    for (const struct action_param *p = action->params; p && p->name; p++)
        if (p->type == PARAM_STRING)
            json_object_set_new(given, p->name, json_string("something"));
        else if (p->type == PARAM_BOOLEAN)
            json_object_set_new(given, p->name, json_boolean(strcmp(p->name, "DryRun") != 0));
    json_t *params = action_params(action, given, &err);
    json_decref(given);
    assert_non_null(params);
    return params;
}

static struct step_ctx context(const struct action *action, const json_t *resource,
                               const json_t *params)
{
    return (struct step_ctx){
        .action = action,
        .resource = resource,
        .params = params,
        .run_id = "run-1",
        .account = action->cloud == CLOUD_AZURE ? SUB : ACCOUNT,
        .region = action->cloud == CLOUD_AZURE ? "" : "us-east-1",
        .partition = "aws",
        .clock = &system_clock,
        .restored = true,
        .err = ERR_INIT,
    };
}

/* The first of the resources that the action's check accepts: a new reference. */
static json_t *resource_of(const struct action *action)
{
    json_t *params = params_of(action), *found = NULL;
    for (size_t i = 0; !found && i < sizeof resources / sizeof *resources; i++) {
        json_t *resource = quoted(resources[i]);
        json_t *all = json_pack("{s:s, s:s, s:s, s:s, s:{s:i}}", "account", ACCOUNT, "subscription",
                                SUB, "region", "us-east-1", "type", action->resource_types[0],
                                "matchedAttributes", "owner", 1);
        json_object_update(all, resource);
        struct step_ctx ctx = context(action, all, params);
        if (!action->check || action->check(&ctx))
            found = json_incref(all);
        json_decref(all);
        json_decref(resource);
    }
    if (!found)
        fail_msg("no resource of this test is one of %s", action->name);
    json_decref(params);
    return found;
}

/* Whether progress matters for the action: it has a state, or several steps. */
static bool has_progress(const struct action *action)
{
    return !action->extra && (action->state || action->steps[1].name);
}

/* --- hostile states --- */

/* What a member would have to contain to make an action change something foreign. */
static const struct {
    const char *name, *value;
} foreign[] = {
    {"acl", "'acl-0" MARK "'"},
    {"add", "true"},
    {"addresses", "[{'allocation':'eipalloc-0" MARK "','ip':'192.0.2.1'}]"},
    {"after", "{'key-marker':'" MARK "'}"},
    {"arn", "'arn:aws:iam::aws:policy/" MARK "'"},
    {"asked", "true"},
    {"began", "7"},
    {"create", "true"},
    {"detach", "['i-0" MARK "']"},
    {"disks",
     "['/subscriptions/" OTHER "/resourceGroups/rg/providers/Microsoft.Compute/disks/" MARK "']"},
    {"entries", "[{'number':1,'egress':true}]"},
    {"failed", "{'code':'x'}"},
    {"first", "'" MARK "'"},
    {"found", "true"},
    {"group", "'sg-0" MARK "'"},
    {"groups", "['sg-0" MARK "']"},
    {"interfaces", "[{'id':'eni-0" MARK "','groups':[]}]"},
    {"ips", "['/subscriptions/" OTHER
            "/resourceGroups/rg/providers/Microsoft.Network/publicIPAddresses/" MARK "']"},
    {"keys", "[{'id':'AKIA" MARK "'}]"},
    {"last", "true"},
    {"late", "7"},
    {"markers", "{'Bucket':'" MARK "'}"},
    {"members", "['a-" MARK "']"},
    {"merge", "{'" MARK "':'x'}"},
    {"most", "7"},
    {"new", "true"},
    {"new_group", "true"},
    {"next", "'" MARK "'"},
    {"nics", "['/subscriptions/" OTHER
             "/resourceGroups/rg/providers/Microsoft.Network/networkInterfaces/" MARK "']"},
    {"old", "['" MARK "']"},
    {"parts", "{'done':1,'failed':1,'names':['" MARK "'],'first':{'code':'x'}}"},
    {"poll", "{'url':'http://127.0.0.1:1/subscriptions/" OTHER "/" MARK "','way':'status',"
             "'operation':'x','bucket':'" OTHER "/arm-x','wait_ms':1,'polls':0}"},
    {"protected", "true"},
    {"repeated", "true"},
    {"replace", "{'" MARK "':'x'}"},
    {"replaced", "{'subnet-0" MARK "':'x'}"},
    {"rule_seen", "true"},
    {"stop", "['i-0" MARK "']"},
    {"tasks", "['arn:aws:ecs:us-east-1:" ACCOUNT ":task/" MARK "']"},
    {"users", "['" MARK "']"},
    {"value", "'" MARK "'"},
    {"vpc", "'vpc-0" MARK "'"},
};

static json_t *foreign_value(const struct action *action, const char *name)
{
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (strcmp(foreign[i].name, name) == 0)
            return quoted(foreign[i].value);
    fail_msg("%s stores \"%s\" in its state: add a hostile value here", action->name, name);
    return NULL;
}

/* What no member may contain. */
static const char *const broken[] = {
    "7",
    "-1",
    "7.5",
    "null",
    "''",
    "'x'",
    "'../x'",
    "[7]",
    "[null]",
    "[[]]",
    "[{}]",
    "['']",
    "['../x']",
    "['x',7]",
    "['i-0123456789abcdef0?x=y']",
    "['/subscriptions/" SUB "/resourceGroups/rg/providers/Microsoft.Compute/disks/..']",
    "['/subscriptions/" SUB "/resourceGroups/rg/providers/Microsoft.Compute/snapshots/x']",
    "[{'id':7,'groups':7}]",
    "[{'id':'eni-0123456789abcdef0'}]",
    "{'x':7}",
    "{'code':7}",
    "{'url':7}",
    "{'url':'','way':'','operation':'','bucket':'','wait_ms':0,'polls':0}",
    "{'url':'http://127.0.0.1/subscriptions/" SUB "/../" OTHER "/x','way':'status',"
    "'operation':'x','bucket':'" SUB "/arm-x','wait_ms':1,'polls':0}",
};

/* Some members are numbers or booleans, or cannot contain anything foreign. */
static bool may_be(const char *name, const char *value)
{
    return (strcmp(name, "began") == 0 && strcmp(value, "7") == 0);
}

static void admit_one(const struct action *action, const struct action_state *row, json_t *value,
                      const char *text)
{
    json_t *resource = resource_of(action), *params = params_of(action);
    json_t *state = json_pack("{s:o}", row->name, value);
    struct step_ctx ctx = context(action, resource, params);
    bool admitted = action_state_admit(&ctx, state);
    if (!row->admit) {
        assert_true(admitted);
        assert_int_equal(json_object_size(state), 0); /* It is found again. */
    } else if (admitted) {
        fail_msg("%s accepts %s for \"%s\" from a stored state", action->name, text, row->name);
    } else {
        assert_int_equal(ctx.err.kind, ERR_INVALID);
        assert_non_null(strstr(ctx.err.message, row->name));
    }
    json_decref(state);
    json_decref(params);
    json_decref(resource);
}

static json_t *too_many(void)
{
    json_t *list = json_array();
    for (size_t i = 0; i <= STATE_LIST_MAX; i++)
        json_array_append_new(list, json_string(GROUP "Microsoft.Compute/disks/x"));
    return list;
}

static json_t *too_long(void)
{
    char text[1 << 16];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    return json_pack("{s:s, s:[s]}", "code", text, "x", text);
}

static void test_no_member_is_taken_over_broken(void **state)
{
    (void)state;
    for (const struct action *const *a = action_table; *a; a++) {
        for (const struct action_state *row = (*a)->state; row && row->name; row++) {
            for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
                if (!may_be(row->name, broken[i]))
                    admit_one(*a, row, quoted(broken[i]), broken[i]);
            admit_one(*a, row, too_many(), "too many");
            admit_one(*a, row, too_long(), "too long a text");
        }
    }
}

/* IDs of another subscription, and of another kind than the member's. */
static void test_no_foreign_id_is_taken_over(void **state)
{
    static const char *const lists[] = {"disks", "nics", "ips", "poll"};
    (void)state;
    for (const struct action *const *a = action_table; *a; a++)
        for (const struct action_state *row = (*a)->state; row && row->name; row++)
            for (size_t i = 0; row->admit && i < sizeof lists / sizeof *lists; i++)
                admit_one(*a, row, foreign_value(*a, lists[i]), lists[i]);
}

static void test_a_member_that_the_action_does_not_have_spoils_the_whole(void **state)
{
    (void)state;
    for (const struct action *const *a = action_table; *a; a++) {
        if (!has_progress(*a))
            continue;
        json_t *resource = resource_of(*a), *params = params_of(*a);
        json_t *stored = json_pack("{s:s}", "not-a-member", "x");
        struct step_ctx ctx = context(*a, resource, params);
        assert_false(action_state_admit(&ctx, stored));
        assert_string_equal(ctx.err.message, "the stored state has a member \"not-a-member\", "
                                             "which the action does not declare");
        ctx.err = ERR_INIT;
        ctx.state = stored;
        assert_false(action_state_declared(&ctx));
        assert_string_equal(ctx.err.message, "the action stores \"not-a-member\" in its state, "
                                             "which it does not declare");
        json_decref(stored);
        json_decref(params);
        json_decref(resource);
    }
}

static void test_what_an_action_has_kept_is_taken_over(void **state)
{
    static const struct {
        const char *action, *state;
    } good[] = {
        {"vm_delete", "{'disks':['" GROUP "Microsoft.Compute/disks/a'],'nics':[],'ips':['" GROUP
                      "Microsoft.Network/publicIPAddresses/b'],'failed':{'code':'ScopeLocked',"
                      "'message':'x','operation':'','request_id':''}}"},
        {"vm_start", "{'poll':{'url':'https://management.azure.com/subscriptions/" SUB
                     "/providers/Microsoft.Compute/locations/w/operations/1?api-version=x',"
                     "'way':'status','operation':'virtualMachines/start','bucket':'" SUB
                     "/arm-Microsoft.Compute/virtualMachines','wait_ms':1,'polls':3}}"},
        {"generic_tag_update", "{'found':true}"},
        {"ec2_release_eips",
         "{'addresses':[{'allocation':'eipalloc-0123456789abcdef0','ip':'192.0.2.1'}]}"},
        {"iam_delete_default_policy_version", "{'old':'v1','new':'v12'}"},
        {"update_tag", "{'old':['owner']}"},
        {"ec2_quarantine_instance",
         "{'interfaces':[{'id':'eni-0123456789abcdef0','groups':['sg-0123456789abcdef0']}],"
         "'new_group':true,'rule_seen':false}"},
        {"rds_quarantine_instance", "{'groups':['sg-0123456789abcdef0']}"},
        {"s3_clear_bucket", "{'began':7}"},
        {"ec2_attach_role", "{'new':true}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        const struct action *action = action_find(good[i].action);
        json_t *resource = resource_of(action), *params = params_of(action);
        json_t *stored = quoted(good[i].state), *before = json_deep_copy(stored);
        struct step_ctx ctx = context(action, resource, params);
        if (!action_state_admit(&ctx, stored))
            fail_msg("%s: %s", action->name, ctx.err.message);
        assert_true(json_equal(stored, before));
        json_decref(before);
        json_decref(stored);
        json_decref(params);
        json_decref(resource);
    }
}

/* They are not to be deleted. */
static void test_parts_of_a_machine_are_not_taken_over_when_it_goes_alone(void **state)
{
    const struct action *action = action_find("vm_delete");
    json_t *resource = resource_of(action);
    json_t *params = json_pack("{s:b}", "Delete Associated Resources", 0);
    json_t *stored = json_pack("{s:[s]}", "disks", GROUP "Microsoft.Compute/disks/a");
    struct step_ctx ctx = context(action, resource, params);
    (void)state;
    assert_false(action_state_admit(&ctx, stored));
    json_decref(stored);
    json_decref(params);
    json_decref(resource);
}

/* --- hostile progress --- */

struct fixture {
    struct world world; /* first: it is the server's */
    struct config config;
    struct run_rules rules;
    struct memory_store *memory;
    struct delivery delivery;
    uv_loop_t loop;
    struct aws *aws;
    struct env env;
    struct engine *engine;
    int settled;
    pthread_mutex_t lock;
    struct buf seen; /* all requests, whole */
};

/* Returns the identity of the daemon; everything else is rejected. Nothing exists in Azure: of a
 * machine that is gone, the attached resources are unknown. */
static void refuse_all(void *ctx, const struct cloud_request *request, struct cloud_reply *reply)
{
    struct fixture *f = ctx;
    if (strstr(request->body, "Action=GetCallerIdentity")) {
        *reply = (struct cloud_reply){.status = 200, .headers = ""};
        snprintf(reply->body, sizeof reply->body,
                 "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:sts::" ACCOUNT
                 ":assumed-role/d/i-1</Arn><UserId>U</UserId><Account>" ACCOUNT
                 "</Account></GetCallerIdentityResult></GetCallerIdentityResponse>");
        return;
    }
    pthread_mutex_lock(&f->lock);
    buf_adds(&f->seen, request->head);
    buf_addc(&f->seen, '\n');
    pthread_mutex_unlock(&f->lock);
    bool azure = strncmp(request->target, "/subscriptions/", strlen("/subscriptions/")) == 0;
    *reply = (struct cloud_reply){.status = azure ? 404 : 400, .headers = ""};
    snprintf(reply->body, sizeof reply->body, "%s",
             azure ? "{\"error\":{\"code\":\"ResourceNotFound\",\"message\":\"Not there.\"}}"
                   : "<Response><Errors><Error><Code>Refused</Code><Message>No.</Message></Error>"
                     "</Errors><RequestID>r</RequestID></Response>");
}

static void on_settled(struct delivery *d, enum settle how, int64_t delay_ms, const char *why)
{
    struct fixture *f = (struct fixture *)((char *)d - offsetof(struct fixture, delivery));
    (void)delay_ms, (void)why;
    assert_int_equal(how, SETTLE_DONE);
    f->settled++;
    uv_stop(&f->loop);
}

static void start_engine(struct fixture *f)
{
    struct err err = ERR_INIT;
    struct aws_options aws = {
        .region = "us-east-1", .endpoint_url = f->world.server.url, .clock = &system_clock};
    setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    f->aws = aws_new(&aws, &err);
    assert_non_null(f->aws);
    f->config.daemon.name = (char *)"test";
    f->config.daemon.workers = 2;
    f->config.http.max_attempts = 1;
    f->rules.claims = true;
    f->rules.claim_ttl = 60000;
    f->delivery = (struct delivery){.store = &f->memory->store,
                                    .rules = &f->rules,
                                    .key = EVENT,
                                    .id = "",
                                    .settle = on_settled};
    uv_loop_init(&f->loop);
    f->env = (struct env){.config = &f->config,
                          .clock = &system_clock,
                          .http = f->world.http_options,
                          .aws = f->aws,
                          .azure = f->world.azure};
    struct engine_options options = {.env = &f->env, .loop = &f->loop, .share_calls = true};
    f->engine = engine_new(&options, &err);
    assert_non_null(f->engine);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->seen = buf_make(1u << 22);
    pthread_mutex_init(&f->lock, NULL);
    world_start(&f->world, refuse_all);
    f->memory = memory_store_new(system_clock.wall_ms(&system_clock) - 3600000);
    start_engine(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    engine_free(f->engine);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    aws_free(f->aws);
    world_stop(&f->world);
    memory_store_free(f->memory);
    buf_free(&f->seen);
    pthread_mutex_destroy(&f->lock);
    free(f);
    return 0;
}

static void put_json(struct fixture *f, const char *key, json_t *value)
{
    char *text = json_dumps(value, 0);
    memory_put_text(f->memory, key, text);
    free(text);
    json_decref(value);
}

/* Runs the action on the resource (stolen) from an expired claim with the task at the step, and the
 * state (stolen). Nothing foreign may be named in any request. */
static void take_over(struct fixture *f, const struct action *action, json_t *resource,
                      const char *step, json_t *stored)
{
    struct err err = ERR_INIT;
    json_t *params = params_of(action);
    char etag[32];
    put_json(f, EVENT,
             json_pack("{s:s, s:[{s:{s:s, s:o}, s:[o]}]}", "name", "r", "results", "automation",
                       "name", action->name, "params", params, "entities", resource));
    snprintf(etag, sizeof etag, "\"%u\"", memory_find(f->memory, EVENT)->version);
    put_json(
        f, PENDING,
        json_pack("{s:i, s:s, s:s, s:s, s:i, s:[{s:s, s:i, s:s, s:{}, s:{s:{s:s, s:i, s:o}}}]}",
                  "hgautod", 1, "run", "run-of-another", "owner", "other/host/1", "event", etag,
                  "expires_ms", 0, "automations", "action", action->name, "count", 1, "processed",
                  "", "errored", "open", "0", "step", step, "elapsed", 0, "state", stored));
    int before = f->settled;
    engine_submit(f->engine, &f->delivery);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(f->settled, before + 1);
    for (size_t i = 0; i < MEMORY_OBJECTS; i++)
        if (strncmp(f->memory->objects[i].key, REPORTS, strlen(REPORTS)) == 0)
            f->memory->objects[i].version = 0;
    assert_true(memory_find(f->memory, EVENT) != NULL && err.kind == ERR_NONE);
}

static void expect_nothing_foreign(struct fixture *f, const struct action *action, const char *step)
{
    const char *at = strstr(buf_str(&f->seen), MARK);
    if (at)
        fail_msg("%s at %s has sent:\n%s", action->name, step, buf_str(&f->seen));
    buf_reset(&f->seen);
}

/* Each member is what an attacker would write, in one state. */
static json_t *hostile_state(const struct action *action)
{
    json_t *state = json_object();
    for (const struct action_state *row = action->state; row && row->name; row++)
        json_object_set_new(state, row->name, foreign_value(action, row->name));
    return state;
}

/* Only of members that are found again, so that the others do not invalidate the state. */
static json_t *unkept_state(const struct action *action)
{
    json_t *state = json_object();
    for (const struct action_state *row = action->state; row && row->name; row++)
        if (!row->admit)
            json_object_set_new(state, row->name, foreign_value(action, row->name));
    return state;
}

/* Wrong types where the steps expect something. */
static json_t *senseless_state(const struct action *action, const char *value)
{
    json_t *state = json_object();
    for (const struct action_state *row = action->state; row && row->name; row++)
        json_object_set_new(state, row->name, quoted(value));
    return state;
}

static void test_hostile_progress_makes_no_action_work_on_something_foreign(void **state)
{
    struct fixture *f = *state;
    for (const struct action *const *a = action_table; *a; a++) {
        if (!has_progress(*a))
            continue;
        for (const struct action_step *step = (*a)->steps; step->name; step++) {
            take_over(f, *a, resource_of(*a), step->name, hostile_state(*a));
            expect_nothing_foreign(f, *a, step->name);
            take_over(f, *a, resource_of(*a), step->name, unkept_state(*a));
            expect_nothing_foreign(f, *a, step->name);
            take_over(f, *a, resource_of(*a), step->name, senseless_state(*a, "[7]"));
            take_over(f, *a, resource_of(*a), step->name, senseless_state(*a, "{'x':[null]}"));
            expect_nothing_foreign(f, *a, step->name);
        }
    }
}

/* What comes first (a check, a snapshot) is not skipped because a claim contains that it was
 * done. */
static void test_no_step_is_left_out_because_progress_says_so(void **state)
{
    struct fixture *f = *state;
    for (const struct action *const *a = action_table; *a; a++) {
        if (!has_progress(*a))
            continue;
        take_over(f, *a, resource_of(*a), (*a)->steps[0].name, json_object());
        const char *end = strstr(buf_str(&f->seen), "\r\n");
        char *first = strndup(buf_str(&f->seen), end ? (size_t)(end - buf_str(&f->seen)) : 0);
        char *action = strstr(buf_str(&f->seen), "Action=");
        char *first_action = strndup(action ? action : "", 60);
        buf_reset(&f->seen);
        for (const struct action_step *step = (*a)->steps + 1; step[-1].name && step->name;
             step++) {
            take_over(f, *a, resource_of(*a), step->name, json_object());
            if (strncmp(buf_str(&f->seen), first, strlen(first)) != 0 ||
                (*first_action && !strstr(buf_str(&f->seen), first_action)))
                fail_msg("%s begins at %s with:\n%s", (*a)->name, step->name, buf_str(&f->seen));
            buf_reset(&f->seen);
        }
        free(first);
        free(first_action);
    }
}

/* An ID that the action's check rejects is rejected at every step. */
static void test_check_is_made_whatever_progress_says(void **state)
{
    struct fixture *f = *state;
    for (const struct action *const *a = action_table; *a; a++) {
        if (!has_progress(*a))
            continue;
        assert_non_null((*a)->check);
        for (const struct action_step *step = (*a)->steps; step->name; step++) {
            json_t *resource =
                json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "account", ACCOUNT, "subscription", SUB,
                          "region", "us-east-1", "id", "a b/../" MARK, "name", "a b/../" MARK,
                          "type", (*a)->resource_types[0]);
            take_over(f, *a, resource, step->name, json_object());
            if (f->seen.size > 0)
                fail_msg("%s at %s has sent:\n%s", (*a)->name, step->name, buf_str(&f->seen));
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_member_is_taken_over_broken),
        cmocka_unit_test(test_no_foreign_id_is_taken_over),
        cmocka_unit_test(test_a_member_that_the_action_does_not_have_spoils_the_whole),
        cmocka_unit_test(test_what_an_action_has_kept_is_taken_over),
        cmocka_unit_test(test_parts_of_a_machine_are_not_taken_over_when_it_goes_alone),
        TEST(test_hostile_progress_makes_no_action_work_on_something_foreign),
        TEST(test_no_step_is_left_out_because_progress_says_so),
        TEST(test_check_is_made_whatever_progress_says),
    };
    if (!http_global_init())
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    http_global_cleanup();
    return failed;
}
