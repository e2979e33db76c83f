/* Tests of what is the daemon's own. The whole table of actions is asked about each thing of ours,
 * by every field that may name it. */
#include "tests/unit/aws_folder.h"

#include "actions/action.h"
#include "daemon/policy/own.h"
#include "lib/azure/azure.h"

#define KEY "AccountKey=a2V5;"

static struct config_source sources[] = {
    {.name = (char *)"a",
     .type = SOURCE_SQS,
     .queue_url = (char *)"https://sqs.us-east-1.amazonaws.com/123456789012/our-queue",
     .bucket = (char *)"our-bucket"},
    {.name = (char *)"b",
     .type = SOURCE_AZURE_QUEUE,
     .connection_string = (char *)"AccountName=ourstorage;" KEY,
     .container = (char *)"events"},
    {.name = (char *)"c", .type = SOURCE_S3, .bucket = (char *)"second"},
    {.name = (char *)"d", .type = SOURCE_DIRECTORY, .path = (char *)"/srv"},
    {.name = (char *)"e", .type = SOURCE_AZURE_BLOB, .account = (char *)"bytoken"},
};

static const struct store files = {.form = &store_form_files};
static const struct store bucket = {.form = &store_form_s3, .holder = "announced"};
static const struct store container = {.form = &store_form_blob, .holder = "announcedaccount"};

static int set_up(void **state)
{
    const struct config config = {.sources = sources,
                                  .source_count = sizeof sources / sizeof *sources};
    struct azure_options options = {.clock = &system_clock};
    struct err err = ERR_INIT;
    struct azure *azure = azure_new(&options, &err);
    assert_non_null(azure);
    *state = own_new(&config, azure, &err);
    if (!*state)
        fail_msg("%s", err.message);
    azure_free(azure);
    return 0;
}

static int tear_down(void **state)
{
    own_free(*state);
    return 0;
}

/* NULL: allowed. */
static void expect(const struct own *own, const struct store *store, const struct aws_caller *self,
                   const struct action *action, const char *resource, const char *refusal)
{
    struct err err = ERR_INIT;
    json_t *value = json_loads(resource, 0, NULL);
    assert_non_null(value);
    bool ok = own_allows(own, store, self, action, value, &err);
    json_decref(value);
    if (ok != !refusal)
        fail_msg("%s of %s: \"%s\"", action->name, resource, err.message);
    if (refusal && (err.kind != ERR_DENIED || !strstr(err.message, refusal)))
        fail_msg("%s of %s: \"%s\" is not \"%s\"", action->name, resource, err.message, refusal);
}

#define OF_BUCKET(name)  "the bucket \"" name "\" is the daemon's own: events come from there"
#define OF_ACCOUNT(name) "the storage account \"" name "\" is the daemon's own: events come from"
#define ARM(name)                                                                                  \
    "{\"id\":\"/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/g/providers/"    \
    "Microsoft.Storage/storageAccounts/" name "\"}"

static void every_action_leaves_our_own_alone(void **state)
{
    static const struct {
        enum cloud cloud;
        const char *resource, *refusal;
    } cases[] = {
        {CLOUD_AWS, "{\"arn\":\"arn:aws:s3:::our-bucket\"}", OF_BUCKET("our-bucket")},
        {CLOUD_AWS, "{\"id\":\"arn:aws:s3:::second\"}", OF_BUCKET("second")},
        {CLOUD_AWS, "{\"arn\":\"arn:aws:s3:::announced\"}", OF_BUCKET("announced")},
        {CLOUD_AWS, "{\"arn\":\"arn:aws:s3:::our-bucket/a/b\"}", OF_BUCKET("our-bucket")},
        {CLOUD_AWS, "{\"type\":\"S3 Bucket\",\"id\":\"our-bucket\"}", OF_BUCKET("our-bucket")},
        {CLOUD_AWS, "{\"type\":\"S3 Bucket\",\"id\":\"x\",\"name\":\"second\"}",
         OF_BUCKET("second")},
        {CLOUD_AWS, "{\"arn\":\"arn:aws:sqs:us-east-1:123456789012:our-queue\"}",
         "the queue \"our-queue\" is the daemon's own"},
        {CLOUD_AZURE, ARM("ourstorage"), OF_ACCOUNT("ourstorage")},
        {CLOUD_AZURE, ARM("OurStorage"), OF_ACCOUNT("ourstorage")},
        {CLOUD_AZURE, ARM("ourstorage/blobServices/default"), OF_ACCOUNT("ourstorage")},
        {CLOUD_AZURE, ARM("bytoken"), OF_ACCOUNT("bytoken")},
        {CLOUD_AZURE, ARM("announcedaccount"), OF_ACCOUNT("announcedaccount")},
        {CLOUD_AWS, "{\"arn\":\"arn:aws:s3:::our-bucket2\"}", NULL},
        {CLOUD_AWS, "{\"arn\":\"arn:aws:sqs:us-east-1:123456789012:our-queue-2\"}", NULL},
        {CLOUD_AZURE, ARM("ourstorage2"), NULL},
    };
    for (const struct action *const *a = action_table; *a; a++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            if (cases[i].cloud == (*a)->cloud)
                expect(*state, (*a)->cloud == CLOUD_AWS ? &bucket : &container, NULL, *a,
                       cases[i].resource, cases[i].refusal);
}

/* What the rule's type leaves open: an instance may be called as a bucket is. */
static void only_actions_on_buckets_take_a_bare_name_for_one(void **state)
{
    for (const struct action *const *a = action_table; *a; a++) {
        bool of_buckets = false;
        for (const char *const *t = (*a)->resource_types; *t; t++)
            of_buckets = of_buckets || strcmp(*t, "S3 Bucket") == 0;
        expect(*state, &files, NULL, *a, "{\"id\":\"our-bucket\",\"name\":\"our-bucket\"}",
               of_buckets && (*a)->cloud == CLOUD_AWS ? OF_BUCKET("our-bucket") : NULL);
    }
}

#define OF_SELF(type, name)                                                                        \
    "the " type " \"" name "\" is the daemon's own: hgautod acts as it, and no action may change " \
    "it"

static void who_the_daemon_is_is_left_alone(void **state)
{
    static const struct aws_caller user = {.account = "123456789012",
                                           .arn = "arn:aws:iam::123456789012:user/ops/hgautod"};
    static const struct aws_caller role = {
        .account = "123456789012",
        .arn = "arn:aws:sts::123456789012:assumed-role/hgautod/i-0123456789abcdef0"};
    static const char *const users[] = {"IAM User", NULL}, *const all[] = {NULL};
    static const struct action on_users = {.name = "a", .resource_types = users};
    static const struct action on_all = {.name = "b", .resource_types = all};
    static const struct {
        const struct aws_caller *self;
        const struct action *action;
        const char *resource, *refusal;
    } cases[] = {
        {&user, &on_users, "{\"account\":\"123456789012\",\"name\":\"hgautod\"}",
         OF_SELF("user", "hgautod")},
        {&user, &on_users, "{\"id\":\"hgautod\"}", OF_SELF("user", "hgautod")},
        {&user, &on_all, "{\"arn\":\"arn:aws:iam::123456789012:user/ops/hgautod\"}",
         OF_SELF("user", "hgautod")},
        {&user, &on_users, "{\"account\":\"210987654321\",\"name\":\"hgautod\"}", NULL},
        {&user, &on_users, "{\"name\":\"ops\"}", NULL},
        {&user, &on_all, "{\"arn\":\"arn:aws:iam::123456789012:role/hgautod\"}", NULL},
        {&role, &on_all, "{\"arn\":\"arn:aws:iam::123456789012:role/service/hgautod\"}",
         OF_SELF("role", "hgautod")},
        {&role, &on_users, "{\"name\":\"hgautod\"}", NULL},
        {&role, &on_all, "{\"type\":\"IAM Role\",\"name\":\"hgautod\"}",
         OF_SELF("role", "hgautod")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *resource = json_loads(cases[i].resource, 0, NULL);
        assert_true(own_needs_caller(cases[i].action, resource));
        json_decref(resource);
        expect(*state, &files, cases[i].self, cases[i].action, cases[i].resource, cases[i].refusal);
    }
}

static void a_connection_string_that_is_not_valid_is_named_by_its_source(void **state)
{
    struct config_source broken = {
        .name = (char *)"x", .type = SOURCE_AZURE_BLOB, .connection_string = (char *)"garbage"};
    const struct config config = {.sources = &broken, .source_count = 1};
    struct azure_options options = {.clock = &system_clock};
    struct err err = ERR_INIT;
    struct azure *azure = azure_new(&options, &err);
    (void)state;
    assert_null(own_new(&config, azure, &err));
    assert_int_equal(strncmp(err.message, "source \"x\": ", 12), 0);
    azure_free(azure);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_action_leaves_our_own_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_actions_on_buckets_take_a_bare_name_for_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_the_daemon_is_is_left_alone, set_up, tear_down),
        cmocka_unit_test(a_connection_string_that_is_not_valid_is_named_by_its_source),
    };
    if (!http_global_init())
        return 1;
    int failed = cmocka_run_group_tests_name("own", tests, NULL, NULL);
    http_global_cleanup();
    return failed;
}
