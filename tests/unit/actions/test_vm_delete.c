/* Tests of vm_delete after a takeover: what a stored state contains is deleted only if the machine
 * is gone, the part is in its group and attached to nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actions/action.h"
#include "tests/unit/azure_world.h"

#define SUB   "33333333-3333-4333-8333-333333333333"
#define GROUP "/subscriptions/" SUB "/resourceGroups/rg/providers/"
#define VM_ID GROUP "Microsoft.Compute/virtualMachines/web-1"
#define DISK  GROUP "Microsoft.Compute/disks/part"
#define NIC   GROUP "Microsoft.Network/networkInterfaces/part"
#define IP    GROUP "Microsoft.Network/publicIPAddresses/part"
#define GONE  "{\"error\":{\"code\":\"ResourceNotFound\",\"message\":\"not there\"}}"

/* --- a cloud with one machine and one part --- */

static const char *machine; /* its description; NULL: it is gone */
static const char *part;    /* the part's; NULL: it is gone */
static char deleted[4096];  /* paths, each behind a space */
static int part_reads;
static bool missed; /* DELETE does not find what is gone either */

static void answer(void *ctx, const struct cloud_request *request, struct cloud_reply *reply)
{
    size_t n = strlen(deleted);
    (void)ctx;
    *reply = (struct cloud_reply){.status = 200, .headers = "Content-Type: application/json\r\n"};
    bool of_machine = strcasestr(request->target, "/virtualMachines/web-1") != NULL;
    const char *body = of_machine ? machine : part;
    if (strcmp(request->method, "DELETE") == 0) {
        snprintf(deleted + n, sizeof deleted - n, " %.*s", (int)strcspn(request->target, "?"),
                 request->target);
        reply->status = body || !missed ? 200 : 404;
        snprintf(reply->body, sizeof reply->body, "%s", reply->status == 200 ? "" : GONE);
        return;
    }
    part_reads += !of_machine;
    reply->status = body ? 200 : 404;
    snprintf(reply->body, sizeof reply->body, "%s", body ? body : GONE);
}

/* --- the action --- */

struct end {
    char note[256], error[2048];
};

static void run_steps(struct world *w, struct step_ctx *ctx)
{
    size_t step = 0;
    for (int runs = 0; runs < 50 && ctx->action->steps[step].name; runs++) {
        ctx->err = ERR_INIT;
        ctx->step_since_ms = w->clock.mono_ms(&w->clock);
        enum verdict verdict = step_run(ctx, (unsigned)step);
        if (verdict == STEP_FAILED || verdict == STEP_FINISHED)
            return;
        step += verdict == STEP_DONE;
    }
    assert_null(ctx->action->steps[step].name);
}

/* Continues from a stored state, "disks" and so on; NULL: starts. */
static struct end carry_on(struct world *w, const char *stored)
{
    struct err err = ERR_INIT;
    struct end end = {.note = ""};
    json_t *resource = json_pack("{s:s, s:s}", "id", VM_ID, "subscription", SUB);
    json_t *given = json_pack("{s:s}", "Delete Associated Resources", "true");
    const struct action *action = action_find("vm_delete");
    json_t *params = action_params(action, given, &err);
    assert_non_null(params);
    struct step_ctx ctx = {.action = action,
                           .resource = resource,
                           .params = params,
                           .state = stored ? json_loads(stored, 0, NULL) : json_object(),
                           .restored = stored != NULL,
                           .run_id = "run-1",
                           .account = SUB,
                           .region = "",
                           .partition = "",
                           .azure = w->azure,
                           .http = w->http,
                           .clock = &w->clock,
                           .err = ERR_INIT};
    assert_non_null(ctx.state);
    deleted[0] = '\0';
    part_reads = 0;
    run_steps(w, &ctx);
    if (ctx.err.kind != ERR_NONE)
        err_text(&ctx.err, end.error, sizeof end.error);
    snprintf(end.note, sizeof end.note, "%s", ctx.note);
    json_decref(ctx.state);
    json_decref(params);
    json_decref(given);
    json_decref(resource);
    return end;
}

#define PARTS(disks, nics, ips) "{\"disks\":[" disks "],\"nics\":[" nics "],\"ips\":[" ips "]}"

/* --- a machine that is gone --- */

static const struct {
    const char *stored, *id;
} kinds[] = {
    {PARTS("\"" DISK "\"", "", ""), DISK},
    {PARTS("", "\"" NIC "\"", ""), NIC},
    {PARTS("", "", "\"" IP "\""), IP},
};
#define KINDS (sizeof kinds / sizeof *kinds)

static void test_what_nothing_holds_is_deleted(void **state)
{
    struct world *w = *state;
    machine = NULL;
    part = "{\"name\":\"part\",\"managedBy\":\"\",\"properties\":{}}";
    for (size_t i = 0; i < KINDS; i++) {
        struct end end = carry_on(w, kinds[i].stored);
        assert_string_equal(end.error, "");
        assert_non_null(strstr(deleted, kinds[i].id));
        assert_int_equal(part_reads, 1);
    }
}

static const struct {
    const char *before, *after; /* of the holder's id, in the part's description */
} places[] = {
    {"{\"managedBy\":\"", "\"}"},
    {"{\"managedByExtended\":[\"", "\"]}"},
    {"{\"properties\":{\"virtualMachine\":{\"id\":\"", "\"}}}"},
    {"{\"properties\":{\"privateEndpoint\":{\"id\":\"", "\"}}}"},
    {"{\"properties\":{\"ipConfiguration\":{\"id\":\"", "\"}}}"},
    {"{\"properties\":{\"natGateway\":{\"id\":\"", "\"}}}"},
};

static void expect_held(struct world *w, const char *holder, bool held)
{
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char text[1024], error[1024] = "";
        snprintf(text, sizeof text, "%s%s%s", places[i].before, holder, places[i].after);
        part = text;
        for (size_t k = 0; k < KINDS; k++) {
            struct end end = carry_on(w, kinds[k].stored);
            if (held)
                snprintf(error, sizeof error, "%s is attached to %s; it was not deleted",
                         kinds[k].id, holder);
            assert_string_equal(end.error, error);
            if ((strstr(deleted, kinds[k].id) == NULL) != held)
                fail_msg("%s, described as %s: deleted:%s", kinds[k].id, text, deleted);
        }
    }
}

static void test_what_something_else_holds_is_let_be(void **state)
{
    static const char *const others[] = {
        GROUP "Microsoft.Compute/virtualMachines/web-2",
        "/subscriptions/" SUB "/resourceGroups/other/providers/Microsoft.Compute/virtualMachines/"
        "web-1",
        "/subscriptions/44444444-4444-4444-8444-444444444444/resourceGroups/rg/providers/"
        "Microsoft.Compute/virtualMachines/web-1",
        GROUP "Microsoft.Compute/virtualMachineScaleSets/web-1",
        "anything",
    };
    machine = NULL;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        expect_held(*state, others[i], true);
}

/* Azure may still report it for a while. */
static void test_what_the_machine_itself_held_is_deleted(void **state)
{
    machine = NULL;
    expect_held(*state, VM_ID, false);
    expect_held(*state,
                "/subscriptions/" SUB
                "/resourceGroups/RG/providers/microsoft.compute/VIRTUALMACHINES/WEB-1",
                false);
}

static void test_what_is_in_another_group_is_let_be(void **state)
{
#define ELSEWHERE                                                                                  \
    "/subscriptions/" SUB "/resourceGroups/other/providers/Microsoft.Compute/disks/part"
    struct world *w = *state;
    machine = NULL;
    part = "{\"name\":\"part\"}";
    struct end end = carry_on(w, PARTS("\"" ELSEWHERE "\"", "", ""));
    assert_string_equal(end.error, ELSEWHERE " is not in the virtual machine's resource group, and "
                                             "the machine is gone; it was not deleted");
    assert_null(strstr(deleted, "/disks/part"));
    assert_int_equal(part_reads, 0);
}

static void test_a_part_that_is_gone_too_is_no_error(void **state)
{
    struct world *w = *state;
    machine = part = NULL;
    for (size_t i = 0; i < KINDS; i++) {
        struct end end = carry_on(w, kinds[i].stored);
        assert_string_equal(end.error, "");
        assert_int_equal(part_reads, 1);
    }
}

/* Without a stored state its parts are unknown; with one they are still to be deleted. */
static void test_a_machine_that_is_gone_is_finished_only_without_a_stored_state(void **state)
{
    struct world *w = *state;
    machine = NULL;
    part = "{\"name\":\"part\"}";
    struct end end = carry_on(w, NULL);
    assert_string_equal(end.note,
                        "already deleted; what had been attached to it is not known any more");
    assert_string_equal(deleted, "");
    for (int i = 0; i < 2; i++) {
        missed = i;
        end = carry_on(w, kinds[0].stored);
        assert_string_equal(end.note, "");
        assert_non_null(strstr(deleted, DISK));
    }
}

/* --- a machine on its way out --- */

#define MACHINE(now)                                                                               \
    "{\"properties\":{\"provisioningState\":\"" now "\",\"storageProfile\":{\"osDisk\":"           \
    "{\"managedDisk\":{\"id\":\"" GROUP "Microsoft.Compute/disks/os\"}}},"                         \
    "\"networkProfile\":{\"networkInterfaces\":[]}}}"

static void test_of_a_machine_on_its_way_out_what_was_stored_is_deleted_too(void **state)
{
    struct world *w = *state;
    machine = MACHINE("Deleting");
    part = "{\"name\":\"part\"}";
    struct end end = carry_on(w, kinds[0].stored);
    assert_string_equal(end.error, "");
    assert_non_null(strstr(deleted, DISK));
    assert_non_null(strstr(deleted, "/disks/os"));
}

/* Nor is what it contains deleted unchecked: an attacker may have written the state. */
static void test_what_a_machine_on_its_way_out_names_is_looked_at(void **state)
{
    struct world *w = *state;
    machine = MACHINE("Deleting");
    part = "{\"managedBy\":\"" GROUP "Microsoft.Compute/virtualMachines/web-2\"}";
    carry_on(w, kinds[0].stored);
    assert_null(strstr(deleted, "/disks/"));
}

static void test_of_a_machine_that_is_there_only_what_it_names_is_deleted(void **state)
{
    struct world *w = *state;
    machine = MACHINE("Succeeded");
    part = "{\"name\":\"part\"}";
    struct end end = carry_on(w, kinds[0].stored);
    assert_string_equal(end.error, "");
    assert_null(strstr(deleted, DISK));
    assert_non_null(strstr(deleted, "/disks/os"));
}

/* --- a machine of which not all is said --- */

static void test_a_machine_without_its_profiles_is_not_deleted(void **state)
{
    static const char *const broken[] = {
        "{\"properties\":{\"networkProfile\":{\"networkInterfaces\":[]}}}",
        "{\"properties\":{\"storageProfile\":{\"osDisk\":{}}}}",
        "{\"properties\":{\"storageProfile\":[],\"networkProfile\":{}}}",
        "{\"properties\":{\"storageProfile\":{},\"networkProfile\":null}}",
        "{\"name\":\"web-1\"}",
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        machine = broken[i];
        struct end end = carry_on(w, NULL);
        assert_non_null(strstr(end.error, "does not list disks or network interfaces"));
        assert_string_equal(deleted, "");
    }
}

static struct world world;

static int set_up(void **state)
{
    world_start(&world, answer);
    missed = false;
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    world_stop(*state);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_nothing_holds_is_deleted),
        TEST(test_what_something_else_holds_is_let_be),
        TEST(test_what_the_machine_itself_held_is_deleted),
        TEST(test_what_is_in_another_group_is_let_be),
        TEST(test_a_part_that_is_gone_too_is_no_error),
        TEST(test_a_machine_that_is_gone_is_finished_only_without_a_stored_state),
        TEST(test_of_a_machine_on_its_way_out_what_was_stored_is_deleted_too),
        TEST(test_what_a_machine_on_its_way_out_names_is_looked_at),
        TEST(test_of_a_machine_that_is_there_only_what_it_names_is_deleted),
        TEST(test_a_machine_without_its_profiles_is_not_deleted),
    };
    return cmocka_run_group_tests_name("vm_delete", tests, NULL, NULL);
}
