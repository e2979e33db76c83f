/* Tests of every action of the table: if the fields of a resource are malformed, contradict each
 * other or are of another kind, no call is made. Each type of resource has a sample here that its
 * actions accept; the variations are made of it. A type without a sample fails the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "actions/action.h"
#include "daemon/run/task.h"
#include "lib/aws/aws.h"
#include "lib/azure/azure.h"
#include "lib/base/clock.h"
#include "tests/unit/cloud_server.h"

#define ACCOUNT "123456789012"
#define SUB     "33333333-3333-4333-8333-333333333333"
#define OTHER   "44444444-4444-4444-8444-444444444444"

/* --- resources that are good --- */

/* An AWS resource; `{id}` in `arn` stands for its ID. */
struct aws_sample {
    const char *type;      /* as the event writes it */
    const char *id;        /* good */
    const char *other;     /* as good, of another resource of the type */
    const char *arn;       /* NULL: there is none */
    const char *attribute; /* where the id stands too; NULL: nowhere */
};

static const struct aws_sample aws_samples[] = {
    {"AMI", "ami-01234567", "ami-01234568", "arn:aws:ec2:us-east-1::image/{id}", NULL},
    {"Aurora DB Cluster", "shop", "shop-2", "arn:aws:rds:us-east-1:" ACCOUNT ":cluster:{id}", NULL},
    {"Application Load Balancer", "app/front/0123456789abcdef", "app/back/0123456789abcdef",
     "arn:aws:elasticloadbalancing:us-east-1:" ACCOUNT ":loadbalancer/{id}", NULL},
    {"DynamoDB Table", "orders", "orders-2", "arn:aws:dynamodb:us-east-1:" ACCOUNT ":table/{id}",
     NULL},
    {"EBS Snapshot", "snap-01234567", "snap-01234568", "arn:aws:ec2:us-east-1::snapshot/{id}",
     "Snapshot ID"},
    {"EBS Volume", "vol-01234567", "vol-01234568", "arn:aws:ec2:us-east-1:" ACCOUNT ":volume/{id}",
     NULL},
    {"EC2 Instance", "i-01234567", "i-01234568", "arn:aws:ec2:us-east-1:" ACCOUNT ":instance/{id}",
     "Instance ID"},
    {"ECS Cluster", "jobs", "jobs-2", "arn:aws:ecs:us-east-1:" ACCOUNT ":cluster/{id}", NULL},
    {"IAM Policy", "mine", "theirs", "arn:aws:iam::" ACCOUNT ":policy/{id}", NULL},
    {"IAM User", "alice", "bob", "arn:aws:iam::" ACCOUNT ":user/{id}", NULL},
    {"Internet Gateway", "igw-01234567", "igw-01234568",
     "arn:aws:ec2:us-east-1:" ACCOUNT ":internet-gateway/{id}", NULL},
    {"Lambda Function", "worker", "worker-2", "arn:aws:lambda:us-east-1:" ACCOUNT ":function:{id}",
     NULL},
    {"NAT Gateway", "nat-01234567", "nat-01234568",
     "arn:aws:ec2:us-east-1:" ACCOUNT ":natgateway/{id}", NULL},
    {"Network ACL", "acl-01234567", "acl-01234568",
     "arn:aws:ec2:us-east-1:" ACCOUNT ":network-acl/{id}", "Network ACL ID"},
    {"Network Interface", "eni-01234567", "eni-01234568",
     "arn:aws:ec2:us-east-1:" ACCOUNT ":network-interface/{id}", NULL},
    {"Placement Group", "pg-01234567", "pg-01234568",
     "arn:aws:ec2:us-east-1:" ACCOUNT ":placement-group/mine", NULL},
    {"RDS DB Instance", "prod", "prod-2", "arn:aws:rds:us-east-1:" ACCOUNT ":db:{id}", NULL},
    {"Redshift Cluster", "dwh", "dwh-2", "arn:aws:redshift:us-east-1:" ACCOUNT ":cluster:{id}",
     NULL},
    {"Region", "us-east-1", NULL, NULL, NULL},
    {"Route Table", "rtb-01234567", "rtb-01234568",
     "arn:aws:ec2:us-east-1:" ACCOUNT ":route-table/{id}", NULL},
    {"S3 Bucket", "the-bucket", "other-bucket", "arn:aws:s3:::{id}", NULL},
    {"SNS Topic", "news", "olds", "arn:aws:sns:us-east-1:" ACCOUNT ":{id}", NULL},
    {"SQS Queue", "jobs", "jobs-2", "arn:aws:sqs:us-east-1:" ACCOUNT ":{id}", NULL},
    {"Security Group", "sg-01234567", "sg-01234568",
     "arn:aws:ec2:us-east-1:" ACCOUNT ":security-group/{id}", "Group ID"},
    {"Subnet", "subnet-01234567", "subnet-01234568",
     "arn:aws:ec2:us-east-1:" ACCOUNT ":subnet/{id}", NULL},
    {"VPC", "vpc-01234567", "vpc-01234568", "arn:aws:ec2:us-east-1:" ACCOUNT ":vpc/{id}", "VPC ID"},
    {"Workspace", "ws-0123456789", "ws-1123456789",
     "arn:aws:workspaces:us-east-1:" ACCOUNT ":workspace/{id}", NULL},
};

/* Types with the names of another type. */
static const char *const aliases[][2] = {
    {"EC2 Snapshot", "EBS Snapshot"},
    {"Network Load Balancer", "Application Load Balancer"},
};

/* Actions that read a parameter and nothing of the resource, whatever its type. */
static const char *const by_parameter[] = {"ec2_delete_key_pair", "kms_enable_rotation"};

static const struct azure_sample {
    const char *type, *arm;
} azure_samples[] = {
    {"Disk", "Microsoft.Compute/disks"},
    {"Event Grid Topic", "Microsoft.EventGrid/topics"},
    {"Function App", "Microsoft.Web/sites"},
    {"Image", "Microsoft.Compute/images"},
    {"Logic App", "Microsoft.Logic/workflows"},
    {"Network Interface", "Microsoft.Network/networkInterfaces"},
    {"Public IP Address", "Microsoft.Network/publicIPAddresses"},
    {"SSH Public Key", "Microsoft.Compute/sshPublicKeys"},
    {"Storage Account", "Microsoft.Storage/storageAccounts"},
    {"Subnet", "Microsoft.Network/virtualNetworks/vnet/subnets"},
    {"Virtual Machine", "Microsoft.Compute/virtualMachines"},
    {"Virtual Network", "Microsoft.Network/virtualNetworks"},
};

static const struct aws_sample *aws_sample_of(const struct action *action, const char *type)
{
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (strcmp(aliases[i][0], type) == 0)
            type = aliases[i][1];
    for (size_t i = 0; i < sizeof aws_samples / sizeof *aws_samples; i++)
        if (strcmp(aws_samples[i].type, type) == 0)
            return &aws_samples[i];
    fail_msg("%s: there is no sample of a \"%s\" in aws_samples: add a row", action->name, type);
    return NULL;
}

static bool reads_resource(const struct action *action)
{
    for (size_t i = 0; i < sizeof by_parameter / sizeof *by_parameter; i++)
        if (strcmp(by_parameter[i], action->name) == 0)
            return false;
    return true;
}

/* Owned by the caller. */
static json_t *arn_of(const struct aws_sample *sample, const char *id)
{
    const char *at = sample->arn ? strstr(sample->arn, "{id}") : NULL;
    if (sample->arn && !at)
        return json_string(sample->arn);
    return at ? json_sprintf("%.*s%s", (int)(at - sample->arn), sample->arn, id) : json_string("");
}

static json_t *aws_resource(const struct aws_sample *sample, const char *type)
{
    bool global = strncmp(type, "IAM ", 4) == 0;
    json_t *made = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:{s:s*}}", "datasource", "AWS", "type", type,
        "account", ACCOUNT, "region", global ? "" : "us-east-1", "id", sample->id, "name",
        sample->id, "arn", arn_of(sample, sample->id), "attributes",
        sample->attribute ? sample->attribute : "none", sample->attribute ? sample->id : NULL);
    assert_non_null(made);
    return made;
}

static json_t *azure_id(const char *subscription, const char *group, const char *arm,
                        const char *name)
{
    return json_sprintf("/subscriptions/%s/resourceGroups/%s/providers/%s/%s", subscription, group,
                        arm, name);
}

static json_t *azure_resource(const struct azure_sample *sample)
{
    json_t *made = json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:{s:s}}", "datasource", "Azure",
                             "type", sample->type, "subscription", SUB, "region", "westeurope",
                             "id", azure_id(SUB, "rg", sample->arm, "web1"), "name", "web1",
                             "attributes", "Resource Group", "rg");
    assert_non_null(made);
    return made;
}

/* --- trying --- */

/* STS, which returns the identity of the daemon; no other service. */
static struct cloud_server server;
static unsigned calls;
static struct aws *aws;
static struct azure *azure;
static struct http_client *http;

static void answer(void *arg, const struct cloud_request *request, struct cloud_reply *reply)
{
    (void)arg;
    reply->status = 200;
    if (strstr(request->body, "Action=GetCallerIdentity"))
        snprintf(reply->body, sizeof reply->body,
                 "<GetCallerIdentityResponse><GetCallerIdentityResult>"
                 "<Arn>arn:aws:iam::" ACCOUNT ":user/daemon</Arn><UserId>U</UserId>"
                 "<Account>" ACCOUNT "</Account>"
                 "</GetCallerIdentityResult></GetCallerIdentityResponse>");
    else
        calls++;
}

static int set_up(void **state)
{
    struct err err = ERR_INIT;
    static const struct http_options options = {.request_timeout_ms = 10000};
    (void)state;
    cloud_clean_environment();
    cloud_start(&server, answer, NULL);
    setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    setenv("AZURE_CLIENT_SECRET", "secret", 1);
    struct aws_options in_aws = {
        .region = "us-east-1", .endpoint_url = server.url, .clock = &system_clock};
    struct azure_options in_azure = {.tenant_id = OTHER,
                                     .client_id = SUB,
                                     .authority = server.url,
                                     .arm_endpoint = server.url,
                                     .clock = &system_clock};
    aws = aws_new(&in_aws, &err);
    azure = azure_new(&in_azure, &err);
    http = http_client_new(&options);
    if (err.kind != ERR_NONE)
        print_error("%s\n", err.message);
    return aws && azure && http ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    http_client_free(http);
    azure_free(azure);
    aws_free(aws);
    cloud_stop(&server);
    return 0;
}

/* Every string parameter gets a valid value: the resource is tested. */
static json_t *some_params(const struct action *action)
{
    json_t *given = json_object();
    for (const struct action_param *p = action->params; p && p->name; p++)
        if (p->type == PARAM_STRING)
            json_object_set_new(given, p->name, json_string("something"));
    struct err err = ERR_INIT;
    json_t *params = action_params(action, given, &err);
    json_decref(given);
    assert_non_null(params);
    return params;
}

/* What the engine does before the first step: whether it accepts the resource (stolen). */
static bool passes(const struct action *action, json_t *resource, struct err *err)
{
    json_t *params = some_params(action);
    struct step_ctx ctx = {.action = action,
                           .resource = resource,
                           .params = params,
                           .state = json_object(),
                           .run_id = "run-1",
                           .account = "",
                           .region = "",
                           .partition = "",
                           .aws = aws,
                           .azure = azure,
                           .http = http,
                           .clock = &system_clock,
                           .err = ERR_INIT};
    calls = 0;
    bool ok = place_resource(&ctx) && (!action->check || action->check(&ctx));
    *err = ctx.err;
    json_decref(ctx.state);
    json_decref(params);
    json_decref(resource);
    return ok;
}

/* The resource with another value in a member; "attributes.X" is one of the attributes. */
static json_t *with(json_t *resource, const char *member, json_t *value)
{
    json_t *in = resource;
    if (strncmp(member, "attributes.", 11) == 0) {
        in = json_object_get(resource, "attributes");
        member += 11;
    }
    json_object_set_new(in, member, value);
    return resource;
}

/* Both are stolen. */
static void expect_refused(const struct action *action, json_t *resource, const char *member,
                           json_t *value, const char *why)
{
    struct err err;
    char *shown = json_dumps(value, JSON_ENCODE_ANY);
    if (passes(action, with(resource, member, value), &err))
        fail_msg("%s accepts a resource whose \"%s\" is %s", action->name, member, shown);
    if (err.kind != ERR_INVALID || !strstr(err.message, why))
        fail_msg("%s, \"%s\" is %s: kind %d, \"%s\", which does not contain \"%s\"", action->name,
                 member, shown, err.kind, err.message, why);
    if (calls != 0)
        fail_msg("%s, \"%s\" is %s: %u calls were made", action->name, member, shown, calls);
    free(shown);
}

typedef void (*aws_test)(const struct action *action, const struct aws_sample *sample,
                         const char *type);

static void each_aws(aws_test test)
{
    for (const struct action *const *a = action_table; *a; a++)
        for (const char *const *type = (*a)->resource_types; (*a)->cloud == CLOUD_AWS && *type;
             type++)
            test(*a, aws_sample_of(*a, *type), *type);
}

typedef void (*azure_test)(const struct action *action, const struct azure_sample *sample);

static void each_azure(azure_test test)
{
    for (const struct action *const *a = action_table; *a; a++) {
        for (const char *const *type = (*a)->resource_types; (*a)->cloud == CLOUD_AZURE && *type;
             type++) {
            const struct azure_sample *sample = NULL;
            for (size_t i = 0; i < sizeof azure_samples / sizeof *azure_samples; i++)
                if (strcmp(azure_samples[i].type, *type) == 0)
                    sample = &azure_samples[i];
            if (!sample)
                fail_msg("%s: there is no sample of a \"%s\" in azure_samples: add a row",
                         (*a)->name, *type);
            test(*a, sample);
        }
    }
}

/* --- AWS --- */

static void takes_sample(const struct action *action, const struct aws_sample *sample,
                         const char *type)
{
    struct err err;
    if (!passes(action, aws_resource(sample, type), &err))
        fail_msg("%s rejects the sample of a \"%s\": %s", action->name, type, err.message);
    if (calls != 0)
        fail_msg("%s makes %u calls in its check", action->name, calls);
}

static void test_every_action_takes_its_sample(void **state)
{
    (void)state;
    each_aws(takes_sample);
}

static void refuses_wrong_types(const struct action *action, const struct aws_sample *sample,
                                const char *type)
{
    static const char *const members[] = {"id", "name", "arn", "account", "region", "type"};
    static const char *const values[] = {"7", "true", "[]", "{}"};
    char why[80];
    for (size_t m = 0; m < sizeof members / sizeof *members; m++) {
        snprintf(why, sizeof why, "the resource's \"%s\" is not a string", members[m]);
        for (size_t v = 0; v < sizeof values / sizeof *values; v++)
            expect_refused(action, aws_resource(sample, type), members[m],
                           json_loads(values[v], JSON_DECODE_ANY, NULL), why);
    }
    expect_refused(action, aws_resource(sample, type), "attributes", json_integer(7),
                   "the resource's \"attributes\" is not an object");
    if (sample->attribute && reads_resource(action)) {
        char member[64];
        snprintf(member, sizeof member, "attributes.%s", sample->attribute);
        expect_refused(action, aws_resource(sample, type), member, json_integer(7),
                       "is not a string");
    }
}

static void test_a_value_of_a_wrong_type_is_refused(void **state)
{
    (void)state;
    each_aws(refuses_wrong_types);
}

static void refuses_malformed(const struct action *action, const struct aws_sample *sample,
                              const char *type)
{
    expect_refused(action, aws_resource(sample, type), "arn", json_string("x"),
                   "which is not a valid ARN");
    expect_refused(action, aws_resource(sample, type), "region", json_string("Ireland"),
                   "which is not a valid AWS region");
    expect_refused(action, aws_resource(sample, type), "account", json_string("12345678901"),
                   "which is not a valid AWS account ID (12 digits)");
    if (!reads_resource(action))
        return;
    expect_refused(action, aws_resource(sample, type), "id", json_string("evil/../key?"),
                   "is not a valid");
    if (sample->attribute) {
        char member[64];
        snprintf(member, sizeof member, "attributes.%s", sample->attribute);
        expect_refused(action, aws_resource(sample, type), member, json_string("evil/../key?"),
                       "is not a valid");
    }
}

static void test_what_is_malformed_is_refused_though_the_rest_is_good(void **state)
{
    (void)state;
    each_aws(refuses_malformed);
}

static void refuses_contradictions(const struct action *action, const struct aws_sample *sample,
                                   const char *type)
{
    if (sample->arn) {
        json_t *astray = arn_of(sample, sample->id);
        char *text = strdup(json_string_value(astray)), *account = strstr(text, ACCOUNT);
        if (account) {
            memcpy(account, "222222222222", 12);
            expect_refused(action, aws_resource(sample, type), "arn", json_string(text),
                           "but its \"arn\" contains 222222222222");
        }
        char *region = strstr(text, "us-east-1");
        if (region) {
            memcpy(text, json_string_value(astray), strlen(text));
            memcpy(region, "us-west-2", 9);
            expect_refused(action, aws_resource(sample, type), "arn", json_string(text),
                           "but its \"arn\" contains \"us-west-2\"");
        }
        free(text);
        json_decref(astray);
    }
    if (!reads_resource(action))
        return;
    if (!strstr(sample->arn, "{id}")) /* it names the resource in another way */
        return;
    expect_refused(action, aws_resource(sample, type), "id", json_string(sample->other), "its \"");
    expect_refused(action, aws_resource(sample, type), "id", arn_of(sample, sample->other),
                   "its \"");
    expect_refused(action, aws_resource(sample, type), "arn", arn_of(sample, sample->other),
                   "its \"");
    if (sample->attribute) {
        char member[64];
        snprintf(member, sizeof member, "attributes.%s", sample->attribute);
        expect_refused(action, aws_resource(sample, type), member, json_string(sample->other),
                       "but its");
    }
}

static void test_what_contradicts_itself_is_refused(void **state)
{
    (void)state;
    each_aws(refuses_contradictions);
}

/* ARNs of every other type, with the ID of this one. */
static void refuses_other_kinds(const struct action *action, const struct aws_sample *sample,
                                const char *type)
{
    if (!reads_resource(action))
        return;
    for (size_t i = 0; i < sizeof aws_samples / sizeof *aws_samples; i++) {
        const struct aws_sample *other = &aws_samples[i];
        if (!other->arn || strcmp(other->arn, sample->arn) == 0)
            continue;
        json_t *arn = arn_of(other, sample->id);
        expect_refused(action, aws_resource(sample, type), "arn", json_incref(arn),
                       "the action needs");
        expect_refused(action, aws_resource(sample, type), "id", arn, "the action needs");
    }
}

static void test_an_arn_of_another_kind_is_refused(void **state)
{
    (void)state;
    each_aws(refuses_other_kinds);
}

/* The daemon's credentials are of the partition aws. */
static void refuses_other_partitions(const struct action *action, const struct aws_sample *sample,
                                     const char *type)
{
    struct err err;
    json_t *resource = aws_resource(sample, type);
    json_object_set_new(resource, "region", json_string("us-gov-west-1"));
    json_object_set_new(resource, "arn", json_string(""));
    if (passes(action, resource, &err) || calls != 0)
        fail_msg("%s continues with a resource of another partition (%u calls)", action->name,
                 calls);
    assert_string_equal(err.message,
                        "the resource is in the partition aws-us-gov, but the daemon's "
                        "credentials are for aws");
}

static void test_a_resource_of_another_partition_is_refused(void **state)
{
    (void)state;
    each_aws(refuses_other_partitions);
}

/* --- Azure --- */

static void azure_takes_sample(const struct action *action, const struct azure_sample *sample)
{
    struct err err;
    if (!passes(action, azure_resource(sample), &err))
        fail_msg("%s rejects the sample of a \"%s\": %s", action->name, sample->type, err.message);
    if (calls != 0)
        fail_msg("%s makes %u calls in its check", action->name, calls);
}

static void azure_refuses(const struct action *action, const struct azure_sample *sample)
{
    static const char *const members[] = {"id", "name", "subscription", "region", "type"};
    char why[80];
    for (size_t m = 0; m < sizeof members / sizeof *members; m++) {
        snprintf(why, sizeof why, "the resource's \"%s\" is not a string", members[m]);
        expect_refused(action, azure_resource(sample), members[m], json_integer(7), why);
        expect_refused(action, azure_resource(sample), members[m], json_array(), why);
    }
    expect_refused(action, azure_resource(sample), "attributes.Resource Group", json_integer(7),
                   "attribute \"Resource Group\" is not a string");
    expect_refused(action, azure_resource(sample), "attributes", json_array(),
                   "the resource's \"attributes\" is not an object");
    expect_refused(action, azure_resource(sample), "id", azure_id(OTHER, "rg", sample->arm, "web1"),
                   "is not in its \"subscription\"");
    expect_refused(action, azure_resource(sample), "id", azure_id(SUB, "gr", sample->arm, "web1"),
                   "the resource's \"id\" contains \"gr\"");
    expect_refused(action, azure_resource(sample), "id", azure_id(SUB, "rg", sample->arm, "web2"),
                   "the resource's \"id\" contains \"web2\"");
    expect_refused(action, azure_resource(sample), "id", json_string("/subscriptions/" SUB "/x"),
                   "which is not a valid ARM resource ID");
    expect_refused(action, azure_resource(sample), "name", json_string("web2"), "is \"web2\"");
    expect_refused(action, azure_resource(sample), "attributes.Resource Group", json_string("gr"),
                   "is \"gr\"");
}

static void test_azure_resources(void **state)
{
    (void)state;
    each_azure(azure_takes_sample);
    each_azure(azure_refuses);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_action_takes_its_sample),
        cmocka_unit_test(test_a_value_of_a_wrong_type_is_refused),
        cmocka_unit_test(test_what_is_malformed_is_refused_though_the_rest_is_good),
        cmocka_unit_test(test_what_contradicts_itself_is_refused),
        cmocka_unit_test(test_an_arn_of_another_kind_is_refused),
        cmocka_unit_test(test_a_resource_of_another_partition_is_refused),
        cmocka_unit_test(test_azure_resources),
    };
    return cmocka_run_group_tests_name("action_ids", tests, set_up, tear_down);
}
