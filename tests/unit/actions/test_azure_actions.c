/* Tests of what Azure actions share: hostile IDs, places that must agree, calls that a dry run
 * reports, and operations that are polled from one run of a step to the next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "actions/azure/call.h"
#include "actions/azure/id.h"
#include "actions/azure/names.h"
#include "lib/base/clock.h"
#include "tests/unit/cloud_server.h"

#define SUB   "33333333-3333-4333-8333-333333333333"
#define OTHER "44444444-4444-4444-8444-444444444444"
#define GROUP "/subscriptions/" SUB "/resourceGroups/rg"
#define VM    "Microsoft.Compute/virtualMachines"
#define VM_ID GROUP "/providers/" VM "/web-1"

/* --- ids --- */

static void test_ids_are_taken_apart(void **state)
{
    struct az_id id;
    (void)state;
    assert_true(az_id_parse(VM_ID, &id));
    assert_string_equal(az_id_subscription(&id), SUB);
    assert_string_equal(az_id_group(&id), "rg");
    assert_string_equal(az_id_name(&id), "web-1");
    assert_true(az_id_is(&id, VM));
    assert_true(az_id_is(&id, "microsoft.compute/VIRTUALMACHINES"));
    assert_false(az_id_is(&id, "Microsoft.Compute/virtualMachine"));
    assert_false(az_id_is(&id, "Microsoft.Compute/disks"));
    assert_false(az_id_is(&id, "Microsoft.Computer/virtualMachines"));
    az_id_free(&id);
}

static void test_an_id_within_another_is_of_no_type_of_ours(void **state)
{
    struct az_id id;
    (void)state;
    assert_true(az_id_parse(VM_ID "/extensions/agent", &id));
    assert_string_equal(az_id_name(&id), "agent");
    assert_false(az_id_is(&id, VM));
    az_id_free(&id);
}

static void test_an_id_becomes_a_path_encoded(void **state)
{
    struct az_id id;
    struct buf path = buf_make(AZ_PATH_MAX);
    (void)state;
    assert_true(
        az_id_parse("/SUBSCRIPTIONS/" SUB "/resourcegroups/r (1)/Providers/N.S/t/a&b=c+d", &id));
    assert_true(az_id_path(&id, &path));
    assert_string_equal(buf_str(&path),
                        "/SUBSCRIPTIONS/" SUB
                        "/resourcegroups/r%20%281%29/Providers/N.S/t/a%26b%3Dc%2Bd");
    buf_free(&path);
    az_id_free(&id);
}

static void test_what_is_no_id(void **state)
{
    static const char *const broken[] = {
        "",
        "/",
        "x",
        "web-1",
        "//",
        "/subscriptions",
        "/subscriptions/" SUB,
        GROUP,
        GROUP "/providers",
        GROUP "/providers/" VM,
        GROUP "/providers/" VM "/",
        GROUP "/providers//virtualMachines/x",
        GROUP "/provider/" VM "/x",
        "/subscriptions/" SUB "/groups/rg/providers/" VM "/x",
        "/subscriptions/x/resourceGroups/rg/providers/" VM "/x",
        "/subscriptions/" SUB "/resourceGroups/../providers/" VM "/x",
        "/subscriptions/" SUB "/resourceGroups/./providers/" VM "/x",
        VM_ID "/",
        VM_ID "/extensions",
        VM_ID "/../x",
        VM_ID "?api-version=1",
        VM_ID "#",
        VM_ID "%2f",
        VM_ID "\\x",
        VM_ID "\n",
        VM_ID "\x7f",
        VM_ID "\xff",
        "https://management.azure.com" VM_ID,
        VM_ID "/a/b/a/b/a/b/a/b/a/b/a/b/a/b/a/b",
    };
    struct az_id id;
    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        if (az_id_parse(broken[i], &id))
            fail_msg("\"%s\" is accepted as an ID", broken[i]);
        assert_null(id.store);
    }
}

/* --- places --- */

static struct step_ctx context(json_t *resource)
{
    return (struct step_ctx){.resource = resource, .account = SUB, .err = ERR_INIT};
}

static json_t *resource(const char *id, const char *subscription, const char *group,
                        const char *name)
{
    return json_pack("{s:s, s:s*, s:s*, s:{s:s*}}", "id", id, "subscription", subscription, "name",
                     name, "attributes", "Resource Group", group);
}

static void expect_path(json_t *given, const char *path)
{
    static const struct arm_op op = {.provider = VM};
    struct step_ctx ctx = context(given);
    struct buf to = buf_make(AZ_PATH_MAX);
    if (!az_path(&ctx, &op, &to))
        fail_msg("%s", ctx.err.message);
    assert_string_equal(buf_str(&to), path);
    buf_free(&to);
    json_decref(given);
}

static void test_a_place_is_where_its_parts_or_its_id_say(void **state)
{
    (void)state;
    expect_path(resource("uid", SUB, "rg", "web-1"), VM_ID);
    expect_path(resource(VM_ID, SUB, "rg", "web-1"), VM_ID);
    expect_path(resource(VM_ID, SUB, NULL, NULL), VM_ID);
    expect_path(resource(VM_ID, SUB, "RG", "WEB-1"),
                "/subscriptions/" SUB "/resourceGroups/RG/providers/" VM "/WEB-1");
    expect_path(resource("uid", SUB, "r(g)", "w(1)"),
                "/subscriptions/" SUB "/resourceGroups/r%28g%29/providers/" VM "/w%281%29");
}

static void expect_refusal(json_t *given, const char *message)
{
    struct step_ctx ctx = context(given);
    struct az_where where;
    assert_false(az_where(&ctx, &where));
    assert_int_equal(ctx.err.kind, ERR_INVALID);
    assert_string_equal(ctx.err.message, message);
    json_decref(given);
}

static void test_places_that_cannot_be_trusted(void **state)
{
    (void)state;
    expect_refusal(
        resource("x", NULL, "rg", "a"),
        "the resource's \"subscription\" is \"\", which is not a subscription ID (a GUID)");
    expect_refusal(resource(VM_ID, OTHER, "rg", "web-1"),
                   "the resource's \"subscription\" is " OTHER ", but its \"id\" contains " SUB);
    expect_refusal(
        resource("x", SUB, NULL, "a"),
        "attribute \"Resource Group\" is missing, and the resource's \"id\" is not an ARM "
        "resource ID");
    expect_refusal(resource("x", SUB, "a/b", "a"),
                   "attribute \"Resource Group\" is \"a/b\", which cannot be part of an ARM "
                   "resource ID");
    expect_refusal(
        resource(VM_ID, SUB, "gr", "web-1"),
        "attribute \"Resource Group\" is \"gr\", but the resource's \"id\" contains \"rg\"");
    expect_refusal(resource("x", SUB, "rg", ".."),
                   "the resource's \"name\" is \"..\", which cannot be part of an ARM resource ID");
    expect_refusal(resource("x", SUB, "rg", NULL),
                   "the resource's \"name\" is missing, and the resource's \"id\" is not an ARM "
                   "resource ID");
    expect_refusal(
        resource(VM_ID, SUB, "rg", "web-2"),
        "the resource's \"name\" is \"web-2\", but the resource's \"id\" contains \"web-1\"");
    expect_refusal(resource(GROUP, SUB, "rg", "a"),
                   "the resource's \"id\" is \"" GROUP "\", which is not a valid ARM resource ID");
}

static void test_hostile_names_are_refused_by_every_action(void **state)
{
    static const char *const hostile[] = {"..", "a/b", "a?b", "a#b", "a%2fb", "a\\b", "a\nb", ""};
    size_t checked = 0;
    (void)state;
    for (const struct action *const *a = action_table; *a; a++) {
        if ((*a)->cloud != CLOUD_AZURE)
            continue;
        checked++;
        for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
            json_t *given = resource("x", SUB, "rg", hostile[i]);
            struct step_ctx ctx = context(given);
            ctx.action = *a;
            if ((*a)->check(&ctx))
                fail_msg("%s accepts the name \"%s\"", (*a)->name, hostile[i]);
            assert_int_equal(ctx.err.kind, ERR_INVALID);
            json_decref(given);
        }
    }
    assert_int_equal(checked, 13);
}

static void test_an_id_of_another_type_is_refused(void **state)
{
    json_t *given = resource(GROUP "/providers/Microsoft.Compute/disks/d", SUB, "rg", "d");
    struct step_ctx ctx = context(given);
    (void)state;
    assert_false(az_check(&ctx, VM));
    assert_string_equal(ctx.err.message,
                        "the resource's \"id\" is \"" GROUP
                        "/providers/Microsoft.Compute/disks/d\", which is not of the type " VM);
    assert_true(az_check(&ctx, "Microsoft.Compute/disks"));
    json_decref(given);
}

/* --- names --- */

#define LETTERS_64 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz01"

static void expect_names(const char *type, bool good, const char *const *names)
{
    for (; *names; names++) {
        struct err err = ERR_INIT;
        if (az_name_check(type, *names, "its name", &err) != good)
            fail_msg("%s: \"%s\": %s", type, *names, good ? err.message : "is accepted as a name");
        assert_int_equal(err.kind, good ? ERR_NONE : ERR_INVALID);
    }
}

#define NAMES(...)                                                                                 \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

static void test_names_that_a_type_can_have(void **state)
{
    static const char *const words[] = {"Microsoft.Compute/disks", "microsoft.compute/IMAGES",
                                        "Microsoft.Network/networkInterfaces",
                                        "Microsoft.Network/publicIPAddresses"};
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        expect_names(
            words[i], true,
            NAMES("a", "0", "web-1_OsDisk_1_0a1b", "a.b", "a_", LETTERS_64 "0123456789abcdef"));
        expect_names(words[i], false,
                     NAMES("", "_a", "-a", ".a", "a-", "a.", "a b", "a(1)", "a+b", "a,b",
                           "\xC3\xBC", "\xFF", LETTERS_64 "0123456789abcdefg"));
    }
    expect_names(VM, true,
                 NAMES("w", "web_1", "web.1",
                       "w\xC3\xA9"
                       "b-1",
                       "web(1)", LETTERS_64));
    expect_names(VM, false,
                 NAMES("", "_web", "web.", "web-", "web 1", "web+1", "web&1", "a@b", "a*", "a|b",
                       "a=b", "a:b",
                       "w\xE2\x80\xAE"
                       "b",
                       "w\x7F", LETTERS_64 "0"));
    expect_names("Microsoft.Compute/sshPublicKeys", true, NAMES("key", "key_1", "key-1"));
    expect_names("Microsoft.Compute/sshPublicKeys", false, NAMES("a b", "a@b", "a."));
    expect_names("Microsoft.Web/sites", true, NAMES("what we have no rule for", "_"));
}

static void test_names_of_resource_groups(void **state)
{
    (void)state;
    expect_names(AZ_GROUP_TYPE, true,
                 NAMES("rg", "-", "_rg(1).x",
                       "Gr\xC3\xBC\xC3\x9F"
                       "e",
                       "\xE6\x97\xA5\xE6\x9C\xAC", LETTERS_64 "abcdefghijklmnopqrstuvwxyz"));
    expect_names(AZ_GROUP_TYPE, false,
                 NAMES("", "rg.", "r g", "r+g", "r&g", "r@g", "r\xC2\xA0g", "r\xE3\x80\x80g",
                       LETTERS_64 "abcdefghijklmnopqrstuvwxyz0"));
}

static void test_a_name_that_cannot_be_is_refused_before_any_call(void **state)
{
    json_t *given = resource("x", SUB, "rg", "web 1");
    struct step_ctx ctx = context(given);
    (void)state;
    assert_false(az_check(&ctx, "Microsoft.Compute/disks"));
    assert_int_equal(ctx.err.kind, ERR_INVALID);
    assert_string_equal(
        ctx.err.message,
        "the resource's \"name\" is \"web 1\", which is not a valid name of the type "
        "Microsoft.Compute/disks: a name has 1 to 80 letters, digits, \"_\", \".\" and "
        "\"-\", the first a letter or a digit, the last not \".\" or \"-\"");
    json_decref(given);
    expect_refusal(resource("x", SUB, "rg.", "web"),
                   "attribute \"Resource Group\" is \"rg.\", which is not a valid name of the type "
                   "Microsoft.Resources/resourceGroups: a name has 1 to 90 letters, digits, \"_\", "
                   "\".\", \"-\", \"(\" and \")\", the last not \".\"");
}

static void test_a_group_in_another_case_is_the_same(void **state)
{
    static const char id[] = "/subscriptions/" SUB "/resourceGroups/GR\xC3\x9C\xC3\x9F"
                             "E/providers/" VM "/web-1";
    json_t *given = resource(id, SUB,
                             "Gr\xC3\xBC\xC3\x9F"
                             "e",
                             "WEB-1");
    struct step_ctx ctx = context(given);
    (void)state;
    if (!az_check(&ctx, VM))
        fail_msg("%s", ctx.err.message);
    json_decref(given);
    expect_refusal(resource(id, SUB,
                            "Gru\xC3\x9F"
                            "e",
                            "web-1"),
                   "attribute \"Resource Group\" is \"Gru\xC3\x9F"
                   "e\", but the resource's \"id\" contains "
                   "\"GR\xC3\x9C\xC3\x9F"
                   "E\"");
}

static void test_tags_need_an_id_that_says_the_type(void **state)
{
    static const char *const names[] = {"generic_tag", "generic_untag", "generic_tag_update"};
    static const char *const ids[] = {"x-web-1", "web-1", "",
                                      "0f8fad5b-d9cb-469f-a165-70867728950e"};
    (void)state;
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
            json_t *given = resource(ids[i], SUB, "rg", "web-1");
            struct step_ctx ctx = context(given);
            if (action_find(names[n])->check(&ctx))
                fail_msg("%s accepts the ID \"%s\"", names[n], ids[i]);
            assert_int_equal(ctx.err.kind, ERR_INVALID);
            assert_non_null(strstr(ctx.err.message, "tags need an ARM resource ID"));
            json_decref(given);
        }
        json_t *given = resource(GROUP "/providers/Microsoft.Web/sites/web-1", SUB, "rg", "web-1");
        struct step_ctx ctx = context(given);
        if (!action_find(names[n])->check(&ctx))
            fail_msg("%s: %s", names[n], ctx.err.message);
        json_decref(given);
    }
}

/* --- calls --- */

static const struct arm_op start = {.provider = VM,
                                    .name = "virtualMachines/start",
                                    .method = "POST",
                                    .suffix = "/start",
                                    .changes = true};

static json_t *written;

static void write_down(struct step_ctx *ctx, const char *service, const char *operation,
                       const json_t *params)
{
    (void)ctx;
    json_array_append_new(written, json_pack("[s, s, O]", service, operation, params));
}

static void test_a_dry_run_writes_changes_down(void **state)
{
    json_t *given = resource(VM_ID, SUB, "rg", "web-1");
    struct step_ctx ctx = context(given);
    (void)state;
    ctx.plan = true;
    ctx.planned = write_down;
    written = json_array();
    assert_int_equal(az_act(&ctx, &start), STEP_DONE);
    assert_int_equal(az_long(&ctx, &start, "/x", json_pack("{s:s}", "a", "b")), STEP_DONE);
    char *text = json_dumps(written, JSON_COMPACT);
    assert_string_equal(text,
                        "[[\"Microsoft.Compute\",\"virtualMachines/start\",{\"id\":\"" VM_ID
                        "\"}],[\"Microsoft.Compute\",\"virtualMachines/start\",{\"id\":\"/x\","
                        "\"body\":{\"a\":\"b\"}}]]");
    free(text);
    json_decref(written);
    json_decref(given);
}

static void test_what_is_gone(void **state)
{
    struct step_ctx ctx = {.err = ERR_INIT};
    (void)state;
    err_set(&ctx.err, ERR_NOT_FOUND, "ResourceNotFound", "x");
    assert_true(az_gone(&ctx));
    err_set(&ctx.err, ERR_NOT_FOUND, "ResourceGroupNotFound", "x");
    assert_true(az_gone(&ctx));
    err_set(&ctx.err, ERR_NOT_FOUND, "", "x");
    assert_true(az_gone(&ctx));
    err_set(&ctx.err, ERR_NOT_FOUND, "SubscriptionNotFound", "x");
    assert_false(az_gone(&ctx));
    err_set(&ctx.err, ERR_NOT_FOUND, "InvalidResourceType", "x");
    assert_false(az_gone(&ctx));
    err_set(&ctx.err, ERR_CONFLICT, "NicInUse", "x");
    assert_false(az_gone(&ctx));
}

/* --- operations --- */

/* A server that sends its responses one after the other, and tokens. */
struct script {
    struct cloud_server server;
    const struct answer {
        int status;
        const char *headers, *body;
    } * next;
    char headers[512];
};

/* Copies text with the server's address in place of "URL". */
static void put_url(const char *text, const char *url, char *to, size_t size)
{
    const char *at = strstr(text, "URL");
    if (at)
        snprintf(to, size, "%.*s%s%s", (int)(at - text), text, url, at + 3);
    else
        snprintf(to, size, "%s", text);
}

static void play(void *arg, const struct cloud_request *request, struct cloud_reply *reply)
{
    struct script *s = arg;
    if (strstr(request->target, "/oauth2/")) {
        reply->status = 200;
        reply->headers = "Content-Type: application/json\r\n";
        snprintf(reply->body, sizeof reply->body,
                 "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"t\"}");
        return;
    }
    const struct answer *now = s->next++;
    put_url(now->headers, s->server.url, s->headers, sizeof s->headers);
    reply->status = now->status;
    reply->headers = s->headers;
    snprintf(reply->body, sizeof reply->body, "%s", now->body);
}

struct world {
    struct script script;
    struct azure *azure;
    struct http_client *http;
    struct clock clock;
    json_t *resource;
    struct step_ctx ctx;
};

static int64_t mono_ms;

static int64_t read_mono(const struct clock *clock)
{
    (void)clock;
    return mono_ms;
}

static void open_world(struct world *w, const struct answer *answers)
{
    struct err err = ERR_INIT;
    static const struct http_options http = {.request_timeout_ms = 10000};
    w->script.next = answers;
    cloud_clean_environment();
    cloud_start(&w->script.server, play, &w->script);
    setenv("AZURE_CLIENT_SECRET", "secret", 1);
    w->clock = system_clock;
    struct azure_options options = {.tenant_id = OTHER,
                                    .client_id = SUB,
                                    .authority = w->script.server.url,
                                    .arm_endpoint = w->script.server.url,
                                    .clock = &w->clock};
    w->azure = azure_new(&options, &err);
    w->http = http_client_new(&http);
    w->resource = resource(VM_ID, SUB, "rg", "web-1");
    if (!w->azure)
        fail_msg("%s", err.message);
    assert_non_null(w->http);
    w->ctx = context(w->resource);
    w->ctx.state = json_object();
    w->ctx.azure = w->azure;
    w->ctx.http = w->http;
    w->ctx.clock = &w->clock;
    w->ctx.step_since_ms = system_clock.mono_ms(&system_clock);
}

static void close_world(struct world *w)
{
    json_decref(w->ctx.state);
    json_decref(w->resource);
    http_client_free(w->http);
    azure_free(w->azure);
    cloud_stop(&w->script.server);
    unsetenv("AZURE_CLIENT_SECRET");
}

#define FOLLOW "Azure-AsyncOperation: URL/subscriptions/" SUB "/o/1?api-version=1\r\n"

static void test_an_operation_is_followed_from_one_run_to_the_next(void **state)
{
    static const struct answer answers[] = {
        {202, FOLLOW "Retry-After: 7\r\n", ""},
        {200, "Retry-After: 5\r\n", "{\"status\":\"InProgress\"}"},
        {200, "", "{\"status\":\"Succeeded\"}"},
    };
    struct world w = {0};
    (void)state;
    open_world(&w, answers);
    assert_int_equal(az_act(&w.ctx, &start), STEP_AGAIN);
    assert_int_equal(w.ctx.again_ms, 7000);
    /* As after a crash: the state is kept as text. */
    char *text = json_dumps(w.ctx.state, JSON_COMPACT);
    json_decref(w.ctx.state);
    w.ctx.state = json_loads(text, 0, NULL);
    free(text);
    assert_int_equal(az_act(&w.ctx, &start), STEP_AGAIN);
    assert_int_equal(w.ctx.again_ms, 5000);
    assert_int_equal(az_act(&w.ctx, &start), STEP_DONE);
    assert_int_equal(json_object_size(w.ctx.state), 0);
    char *requests = cloud_requests(&w.script.server);
    assert_string_equal(requests, "POST /" OTHER "/oauth2/v2.0/token\n"
                                  "POST " VM_ID "/start?api-version=2022-08-01\n"
                                  "GET /subscriptions/" SUB "/o/1?api-version=1\n"
                                  "GET /subscriptions/" SUB "/o/1?api-version=1\n");
    free(requests);
    close_world(&w);
}

static bool refuse_change(struct step_ctx *ctx)
{
    return err_set(&ctx->err, ERR_BUSY, "", "not now");
}

static int noted;

static void note_change(struct step_ctx *ctx)
{
    (void)ctx;
    noted++;
}

/* The hooks of the engine are called before and after each change. */
static void test_the_engine_has_a_say_in_changes(void **state)
{
    static const struct answer answers[] = {{409, "", ""}, {200, "", ""}};
    struct world w = {0};
    (void)state;
    noted = 0;
    open_world(&w, answers);
    w.ctx.before_change = refuse_change;
    w.ctx.after_change = note_change;
    assert_int_equal(az_act(&w.ctx, &start), STEP_FAILED);
    assert_int_equal(w.ctx.err.kind, ERR_BUSY);
    char *requests = cloud_requests(&w.script.server);
    assert_string_equal(requests, "");
    free(requests);
    w.ctx.before_change = NULL;
    assert_int_equal(az_act(&w.ctx, &start), STEP_FAILED); /* refused: nothing was changed */
    assert_int_equal(noted, 0);
    w.ctx.err = ERR_INIT;
    assert_int_equal(az_act(&w.ctx, &start), STEP_DONE);
    assert_int_equal(noted, 1);
    close_world(&w);
}

/* A stored operation is polled only within the resource's subscription. */
static void test_which_operation_is_followed(void **state)
{
    static const struct {
        const char *url, *bucket;
        bool valid;
    } cases[] = {
        {"https://h/subscriptions/" SUB "/o/1", SUB "/arm-x", true},
        {"https://h/SUBSCRIPTIONS/" SUB "/o/1", SUB "/arm-x", true},
        {"https://h/subscriptions/" OTHER "/o/1", SUB "/arm-x", false},
        {"https://h/subscriptions/" SUB "/o/1", OTHER "/arm-x", false},
        {"https://h/subscriptions/" SUB "/o/1", SUB "/x", false},
        {"https://h/subscriptions/" SUB "/../" OTHER "/o/1", SUB "/arm-x", false},
        {"https://h/subscriptions/" SUB "/%2e%2e/" OTHER "/o/1", SUB "/arm-x", false},
        {"https://h/subscriptions/" SUB "x/o/1", SUB "/arm-x", false},
    };
    struct step_ctx ctx = context(NULL);
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *poll =
            json_pack("{s:s, s:s, s:s, s:s, s:i, s:i}", "url", cases[i].url, "way", "status",
                      "operation", "x", "bucket", cases[i].bucket, "wait_ms", 1, "polls", 0);
        if (az_operation_valid(&ctx, poll) != cases[i].valid)
            fail_msg("%s, %s", cases[i].url, cases[i].bucket);
        json_decref(poll);
    }
}

static void test_a_failed_operation_leaves_nothing_to_follow(void **state)
{
    static const struct answer answers[] = {
        {202, FOLLOW "Retry-After: 1\r\n", ""},
        {200, "", "{\"status\":\"Failed\",\"error\":{\"code\":\"NoRoom\",\"message\":\"None.\"}}"},
    };
    struct world w = {0};
    (void)state;
    open_world(&w, answers);
    assert_int_equal(az_act(&w.ctx, &start), STEP_AGAIN);
    assert_int_equal(az_act(&w.ctx, &start), STEP_FAILED);
    assert_string_equal(w.ctx.err.code, "NoRoom");
    assert_int_equal(json_object_size(w.ctx.state), 0);
    close_world(&w);
}

static void test_a_poll_that_fails_in_passing_keeps_the_operation(void **state)
{
    static const struct answer answers[] = {
        {202, FOLLOW, ""},
        {503, "", ""},
        {200, "", "{\"status\":\"Succeeded\"}"},
    };
    struct world w = {0};
    (void)state;
    open_world(&w, answers);
    assert_int_equal(az_act(&w.ctx, &start), STEP_AGAIN);
    assert_int_equal(az_act(&w.ctx, &start), STEP_FAILED);
    assert_int_equal(w.ctx.err.kind, ERR_TRANSIENT);
    assert_non_null(json_object_get(w.ctx.state, "poll"));
    w.ctx.err = ERR_INIT;
    assert_int_equal(az_act(&w.ctx, &start), STEP_DONE);
    close_world(&w);
}

static void test_an_operation_that_never_ends_is_given_up(void **state)
{
    static const struct answer answers[] = {
        {202, FOLLOW, ""},
        {200, "", "{\"status\":\"InProgress\"}"},
    };
    struct world w = {0};
    (void)state;
    open_world(&w, answers);
    assert_int_equal(az_act(&w.ctx, &start), STEP_AGAIN);
    struct clock later = system_clock;
    mono_ms = w.ctx.step_since_ms + (int64_t)5 * 3600 * 1000;
    later.mono_ms = read_mono;
    w.ctx.clock = &later;
    assert_int_equal(az_act(&w.ctx, &start), STEP_FAILED);
    assert_string_equal(w.ctx.err.message, "the operation is still in progress after 4 hours");
    w.ctx.clock = &w.clock;
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids_are_taken_apart),
        cmocka_unit_test(test_an_id_within_another_is_of_no_type_of_ours),
        cmocka_unit_test(test_an_id_becomes_a_path_encoded),
        cmocka_unit_test(test_what_is_no_id),
        cmocka_unit_test(test_a_place_is_where_its_parts_or_its_id_say),
        cmocka_unit_test(test_places_that_cannot_be_trusted),
        cmocka_unit_test(test_hostile_names_are_refused_by_every_action),
        cmocka_unit_test(test_an_id_of_another_type_is_refused),
        cmocka_unit_test(test_names_that_a_type_can_have),
        cmocka_unit_test(test_names_of_resource_groups),
        cmocka_unit_test(test_a_name_that_cannot_be_is_refused_before_any_call),
        cmocka_unit_test(test_a_group_in_another_case_is_the_same),
        cmocka_unit_test(test_tags_need_an_id_that_says_the_type),
        cmocka_unit_test(test_a_dry_run_writes_changes_down),
        cmocka_unit_test(test_what_is_gone),
        cmocka_unit_test(test_an_operation_is_followed_from_one_run_to_the_next),
        cmocka_unit_test(test_a_failed_operation_leaves_nothing_to_follow),
        cmocka_unit_test(test_the_engine_has_a_say_in_changes),
        cmocka_unit_test(test_which_operation_is_followed),
        cmocka_unit_test(test_a_poll_that_fails_in_passing_keeps_the_operation),
        cmocka_unit_test(test_an_operation_that_never_ends_is_given_up),
    };
    return cmocka_run_group_tests_name("azure_actions", tests, NULL, NULL);
}
