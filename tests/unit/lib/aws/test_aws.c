/* Tests of lib/aws/aws.c and call.c: settings, the credentials of several accounts, and calls
 * against a server that plays AWS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>

#include "lib/aws/aws.h"
#include "lib/aws/sqs.h"
#include "lib/json/jpath.h"
#include "tests/unit/cloud_server.h"
#include "tests/unit/fake_clock.h"

#define OWN   "111122223333"
#define OTHER "222233334444"

static const struct aws_op describe = {&aws_ec2, "DescribeRegions", .changes = false};
static const struct aws_op get_object = {&aws_s3, "GetObject", .method = "GET",
                                         .path = "/{Bucket}/{Key+}"};
static const struct aws_op list_users = {&aws_iam, "ListUsers", .changes = false};

struct world {
    struct cloud_server server;
    struct http_client *http;
    struct log *log;
    int log_fds[2];
    struct ratelimit *limits;
    struct aws_options options;
    struct aws *aws;
    /* What the server does. */
    /* So many service calls are answered with ExpiredToken. */
    _Atomic int expired;
    /* So many with Throttling. */
    _Atomic int throttled;
    /* AssumeRole is refused. */
    _Atomic int denied;
    /* AssumeRole so far. */
    _Atomic int roles;
    /* So many requests of IMDS are answered with 503. */
    _Atomic int imds_busy;
    _Atomic bool sts_outage;
    /* Requests whose head has this are refused with `refusal`; NULL: none. */
    const char *refusing;
    const char *refusal;
    /* AssumeRole whose head has this is refused with `refusal`. */
    const char *role_refusing;
    const char *role_expiration;
    /* Requests that are not signed for an hour later are refused with `refusal`. */
    bool later;
    /* While held, GetCallerIdentity waits. */
    pthread_mutex_t lock;
    pthread_cond_t moved;
    bool held;
    int waiting;
};

/* --- the server --- */

static void say_error(struct cloud_reply *reply, int status, const char *code, const char *message)
{
    reply->status = status;
    snprintf(reply->body, sizeof reply->body,
             "<Response><Errors><Error><Code>%s</Code><Message>%s</Message></Error></Errors>"
             "<RequestID>req-err</RequestID></Response>",
             code, message);
}

static void answer_identity(struct world *w, struct cloud_reply *reply)
{
    pthread_mutex_lock(&w->lock);
    w->waiting++;
    pthread_cond_broadcast(&w->moved);
    while (w->held)
        pthread_cond_wait(&w->moved, &w->lock);
    pthread_mutex_unlock(&w->lock);
    snprintf(reply->body, sizeof reply->body,
             "<GetCallerIdentityResponse><GetCallerIdentityResult>"
             "<Arn>arn:aws:sts::" OWN ":assumed-role/daemon/i-1</Arn><UserId>U</UserId>"
             "<Account>" OWN "</Account></GetCallerIdentityResult></GetCallerIdentityResponse>");
}

static void answer_role(struct world *w, const struct cloud_request *request,
                        struct cloud_reply *reply)
{
    int n = ++w->roles;
    if (w->role_refusing && strstr(request->head, w->role_refusing)) {
        say_error(reply, 403, w->refusal, "STS does not take these");
        return;
    }
    if (w->sts_outage) {
        say_error(reply, 503, "ServiceUnavailable", "STS is unwell");
        return;
    }
    if (w->denied) {
        reply->status = 403;
        snprintf(reply->body, sizeof reply->body,
                 "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User "
                 "is not authorized to perform: sts:AssumeRole</Message></Error>"
                 "<RequestId>req-role</RequestId></ErrorResponse>");
        return;
    }
    snprintf(reply->body, sizeof reply->body,
             "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE%d"
             "</AccessKeyId><SecretAccessKey>role-secret</SecretAccessKey><SessionToken>"
             "role-token</SessionToken><Expiration>%s</Expiration>"
             "</Credentials></AssumeRoleResult></AssumeRoleResponse>",
             n, w->role_expiration);
}

/* The bucket "moved" is in eu-central-1, "nowhere" says it is in another partition; the objects of
 * "endless" come without their length. */
static void answer_s3(const struct cloud_request *request, struct cloud_reply *reply)
{
    bool moved = strncmp(request->target, "/moved/", 7) == 0;
    bool nowhere = strncmp(request->target, "/nowhere/", 9) == 0;
    reply->open_ended = strncmp(request->target, "/endless/", 9) == 0;
    reply->headers = moved ? "x-amz-bucket-region: eu-central-1\r\n" : "";
    if (nowhere || (moved && !strstr(request->head, "/eu-central-1/s3/"))) {
        reply->status = 301;
        reply->headers = moved ? reply->headers : "x-amz-bucket-region: cn-north-1\r\n";
        snprintf(reply->body, sizeof reply->body,
                 "<Error><Code>PermanentRedirect</Code><Message>elsewhere</Message></Error>");
        return;
    }
    snprintf(reply->body, sizeof reply->body, "the object's bytes");
}

static void answer_imds(const struct cloud_request *request, struct cloud_reply *reply)
{
    bool put = strcmp(request->method, "PUT") == 0;
    bool region = strcmp(request->target, "/latest/meta-data/placement/region") == 0;
    reply->status = put || region ? 200 : 404;
    snprintf(reply->body, sizeof reply->body, "%s", put ? "imds-token" : "ap-southeast-2");
}

/* As EC2 and SQS do, with the time that it is. */
static void say_refused_time(const struct world *w, const struct cloud_request *request,
                             struct cloud_reply *reply)
{
    say_error(reply, 403, w->refusal, "Not your hour");
    reply->headers = "Date: Thu, 01 Jan 2026 01:00:01 GMT\r\n";
    if (strcasestr(request->head, "AmazonSQS."))
        snprintf(reply->body, sizeof reply->body, "{\"__type\":\"%s\"}", w->refusal);
}

static void answer(void *ctx, const struct cloud_request *request, struct cloud_reply *reply)
{
    struct world *w = ctx;
    reply->status = 200;
    if (strncmp(request->target, "/latest/", 8) == 0 && w->imds_busy > 0) {
        w->imds_busy--;
        reply->status = 503;
    } else if (strncmp(request->target, "/latest/", 8) == 0) {
        answer_imds(request, reply);
    } else if (strstr(request->body, "Action=GetCallerIdentity")) {
        answer_identity(w, reply);
    } else if (strstr(request->body, "Action=AssumeRole&")) {
        answer_role(w, request, reply);
    } else if (w->later && !strcasestr(request->head, "\r\nX-Amz-Date: 20260101T01")) {
        say_refused_time(w, request, reply);
    } else if (strcasestr(request->head, "AmazonSQS.")) {
        snprintf(reply->body, sizeof reply->body, "{\"ok\":\"yes\"}");
    } else if (w->refusing && strstr(request->head, w->refusing)) {
        say_error(reply, 403, w->refusal, "The security token included is no good here");
    } else if (w->expired > 0) {
        w->expired--;
        say_error(reply, 400, "ExpiredToken", "The security token included is expired");
    } else if (w->throttled > 0) {
        w->throttled--;
        say_error(reply, 503, "RequestLimitExceeded", "slow down");
    } else if (strcmp(request->method, "GET") == 0) {
        answer_s3(request, reply);
    } else {
        reply->headers = "x-amzn-RequestId: req-7\r\n";
        bool query = strstr(request->body, "Action=ListUsers") != NULL;
        snprintf(reply->body, sizeof reply->body, "%s<ok>yes</ok>%s",
                 query ? "<ListUsersResponse><ListUsersResult>" : "<DescribeRegionsResponse>",
                 query ? "</ListUsersResult></ListUsersResponse>" : "</DescribeRegionsResponse>");
    }
}

/* --- fixture --- */

static void make_aws(struct world *w)
{
    struct err err = ERR_INIT;
    aws_free(w->aws);
    w->aws = aws_new(&w->options, &err);
    if (!w->aws)
        fail_msg("aws_new: %s", err.message);
}

static int setup(void **state)
{
    static struct world w;
    struct http_options http = {.user_agent = "test"};
    w = (struct world){.role_expiration = "2033-05-18T03:33:20Z"};
    cloud_clean_environment();
    pthread_mutex_init(&w.lock, NULL);
    pthread_cond_init(&w.moved, NULL);
    cloud_start(&w.server, answer, &w);
    setenv("AWS_ACCESS_KEY_ID", "AKIDOWN", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "own-secret", 1);
    assert_int_equal(pipe(w.log_fds), 0);
    w.log = log_new(w.log_fds[1], LOG_DEBUG_LEVEL, LOG_TEXT);
    w.limits = ratelimit_new(&system_clock);
    w.http = http_client_new(&http);
    w.options = (struct aws_options){
        .region = "eu-west-1",
        .endpoint_url = w.server.url,
        .cross_account_role = "arn:{partition}:iam::{account}:role/hg-x-account",
        .external_id = "shared & secret",
        .clock = &system_clock,
        .log = w.log,
        .limits = w.limits,
    };
    make_aws(&w);
    *state = &w;
    return w.http && w.log && w.limits ? 0 : -1;
}

static int teardown(void **state)
{
    struct world *w = *state;
    aws_free(w->aws);
    http_client_free(w->http);
    ratelimit_free(w->limits);
    log_free(w->log);
    close(w->log_fds[0]);
    close(w->log_fds[1]);
    cloud_stop(&w->server);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->moved);
    return 0;
}

static void expect_requests(struct world *w, const char *expected)
{
    char *requests = cloud_requests(&w->server);
    assert_string_equal(requests, expected);
    free(requests);
}

/* Calls, and checks "ok" or the error's text. */
static void expect_call(struct world *w, const struct aws_op *op, const char *account,
                        const char *expected)
{
    struct aws_call call = {.op = op, .account = account};
    struct err err = ERR_INIT;
    char text[2048] = "ok";
    json_t *answer_value = NULL;
    if (aws_call(w->aws, w->http, &call, &answer_value, &err))
        assert_string_equal(jstr(answer_value, "ok") ? jstr(answer_value, "ok") : "-", "yes");
    else
        err_text(&err, text, sizeof text);
    assert_string_equal(text, expected);
    json_decref(answer_value);
}

static void expect_creds(struct world *w, const char *account, const char *expected)
{
    struct err err = ERR_INIT;
    struct aws_creds *creds = aws_get_creds(w->aws, w->http, account, &err);
    assert_string_equal(creds ? creds->access_key_id : err.message, expected);
    aws_creds_unref(creds);
}

/* --- settings --- */

static void expect_refused(const struct aws_options *options, const char *message)
{
    struct err err = ERR_INIT;
    struct aws *aws = aws_new(options, &err);
    assert_null(aws);
    assert_string_equal(err.message, message);
    assert_int_equal(err.kind, ERR_INVALID);
}

static void test_settings_refused(void **state)
{
    struct world *w = *state;
    struct aws_options options = w->options;
    options.region = "Ireland";
    expect_refused(&options, "\"Ireland\" is not a valid AWS region (such as eu-west-1): correct "
                             "[aws] region, AWS_REGION, "
                             "AWS_DEFAULT_REGION or region of profile default");
    options = w->options;
    options.profile = "nobody";
    expect_refused(&options, "the profile \"nobody\" ([aws] profile) is in neither shared file: "
                             "add it to ~/.aws/config or name another");
    options = w->options;
    options.cross_account_role = "arn:aws:iam::1:role/x";
    expect_refused(&options, "[aws] cross_account_role must look like "
                             "arn:{partition}:iam::{account}:role/NAME");
    options = w->options;
    options.endpoint_url = "http://host/path?query";
    expect_refused(&options,
                   "[aws] endpoint_url must be scheme://host[:port][/path] without a query and "
                   "without \".\" or \"..\" in its path, at most 1023 bytes");
    setenv("AWS_PROFILE", "somebody", 1);
    expect_refused(&w->options, "the profile \"somebody\" (AWS_PROFILE) is in neither shared "
                                "file: add it to ~/.aws/config or name another");
}

static void expect_region(struct world *w, const char *expected)
{
    make_aws(w);
    assert_string_equal(aws_region(w->aws), expected);
}

static void test_region_and_ca_bundle(void **state)
{
    struct world *w = *state;
    setenv("AWS_CONFIG_FILE", "tests/unit/data/chain/config", 1);
    setenv("AWS_DEFAULT_REGION", "us-west-1", 1);
    setenv("AWS_REGION", "us-west-2", 1);
    expect_region(w, "eu-west-1");
    assert_null(aws_ca_bundle(w->aws));
    w->options.region = "";
    expect_region(w, "us-west-2");
    unsetenv("AWS_REGION");
    expect_region(w, "us-west-1");
    unsetenv("AWS_DEFAULT_REGION");
    setenv("AWS_CA_BUNDLE", "/etc/ca.pem", 1);
    /* Of [default] in the file. */
    expect_region(w, "eu-west-1");
    assert_string_equal(aws_ca_bundle(w->aws), "/etc/ca.pem");
}

static void test_region_of_the_instance(void **state)
{
    struct world *w = *state;
    struct err err = ERR_INIT;
    w->options.region = NULL;
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", w->server.url, 1);
    make_aws(w);
    assert_null(aws_region(w->aws));
    expect_call(w, &describe, NULL,
                "no AWS region is known: set [aws] region or AWS_REGION (DescribeRegions)");
    assert_non_null(aws_get_caller(w->aws, w->http, &err));
    assert_string_equal(aws_region(w->aws), "ap-southeast-2");
    expect_requests(w, "PUT /latest/api/token\nGET /latest/meta-data/placement/region\nPOST /\n");
    assert_true(cloud_saw(&w->server, "/ap-southeast-2/sts/aws4_request"));
}

/* That the service is busy does not mean that there is no region. */
static void test_region_not_known_yet(void **state)
{
    struct world *w = *state;
    struct err err = ERR_INIT;
    bool known = false;
    w->options.region = NULL;
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", w->server.url, 1);
    make_aws(w);
    w->imds_busy = 2;
    /* Asked, and remembered. */
    for (int i = 0; i < 2; i++) {
        assert_null(aws_get_caller(w->aws, w->http, &err));
        assert_string_equal(err_kind_name(err.kind), "unavailable");
        assert_string_equal(
            err.message,
            "no AWS region is set, and the instance's is not known yet: the instance "
            "metadata service returned no session token (HTTP status 503); version 1 is "
            "not used");
        assert_in_range(err.retry_after_ms, 1, 200);
    }
    for (int i = 0; !known && i < 1000; i++) {
        struct timespec pause = {.tv_nsec = 20000000};
        nanosleep(&pause, NULL);
        known = aws_get_caller(w->aws, w->http, &err) != NULL;
    }
    assert_string_equal(aws_region(w->aws), "ap-southeast-2");
    assert_int_equal(w->imds_busy, 0);
}

/* An endpoint's own path goes before those of the requests, in what is signed too. */
static void test_endpoint_with_a_path(void **state)
{
    struct world *w = *state;
    char url[128];
    struct http_request request;
    struct err err = ERR_INIT;
    json_t *params = json_pack("{s:s, s:s}", "Bucket", "a-bucket", "Key", "a key/b");
    struct aws_creds *creds = aws_creds_new("AKIDOWN", "s", NULL, INT64_MAX, "test");
    const struct aws_call calls[] = {{.op = &describe}, {.op = &get_object, .params = params}};
    static const char *const paths[] = {"/gw/aws", "/gw/aws/a-bucket/a%20key/b"};
    snprintf(url, sizeof url, "%s/gw/aws/", w->server.url);
    w->options.endpoint_url = url;
    make_aws(w);
    for (size_t i = 0; i < 2; i++) {
        assert_true(aws_prepare(w->aws, creds, &calls[i], &request, &err));
        assert_int_equal(strncmp(request.url, w->server.url, strlen(w->server.url)), 0);
        assert_string_equal(request.url + strlen(w->server.url), paths[i]);
        assert_non_null(http_headers_get(&request.headers, "Authorization"));
        http_request_free(&request);
    }
    aws_creds_unref(creds);
    json_decref(params);
    w->options.endpoint_url = w->server.url;
}

static void test_no_region_anywhere(void **state)
{
    struct world *w = *state;
    struct err err = ERR_INIT;
    w->options.region = NULL;
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    make_aws(w);
    assert_null(aws_get_caller(w->aws, w->http, &err));
    assert_string_equal(err.message, "no AWS region is known: set [aws] region or AWS_REGION");
    expect_requests(w, "");
}

/* --- accounts --- */

static void test_caller(void **state)
{
    struct world *w = *state;
    struct err err = ERR_INIT;
    const struct aws_caller *caller = NULL;
    for (int i = 0; i < 2; i++) {
        caller = aws_get_caller(w->aws, w->http, &err);
        assert_non_null(caller);
    }
    assert_string_equal(caller->account, OWN);
    assert_string_equal(caller->arn, "arn:aws:sts::" OWN ":assumed-role/daemon/i-1");
    assert_string_equal(caller->partition->name, "aws");
    expect_requests(w, "POST /\n");
}

static void test_own_account_needs_no_role(void **state)
{
    struct world *w = *state;
    expect_creds(w, OWN, "AKIDOWN");
    expect_creds(w, NULL, "AKIDOWN");
    assert_int_equal(w->roles, 0);
    expect_requests(w, "POST /\n");
}

static void test_other_account_by_role(void **state)
{
    struct world *w = *state;
    expect_creds(w, OTHER, "ASIAROLE1");
    assert_true(
        cloud_saw(&w->server, "RoleArn=arn%3Aaws%3Aiam%3A%3A" OTHER "%3Arole%2Fhg-x-account"));
    assert_true(cloud_saw(&w->server, "RoleSessionName=HyperglanceAutomations"));
    assert_true(cloud_saw(&w->server, "ExternalId=shared%20%26%20secret"));
    assert_true(cloud_saw(&w->server, "Credential=AKIDOWN/"));
    assert_true(cloud_saw(&w->server, "/eu-west-1/sts/aws4_request"));
    expect_call(w, &describe, OTHER, "ok");
    assert_true(cloud_saw(&w->server, "Credential=ASIAROLE1/"));
    assert_true(cloud_saw(&w->server, "X-Amz-Security-Token: role-token\r\n"));
    expect_creds(w, OTHER, "ASIAROLE1");
    assert_int_equal(w->roles, 1);
}

static void test_forbidden_account_is_asked_once(void **state)
{
    struct world *w = *state;
    const char *message =
        "AccessDenied: cannot assume arn:aws:iam::" OTHER ":role/hg-x-account: User is not "
        "authorized to perform: sts:AssumeRole (AssumeRole, request id req-role)";
    w->denied = 1;
    for (int i = 0; i < 5; i++)
        expect_call(w, &describe, OTHER, message);
    assert_int_equal(w->roles, 1);
    expect_call(w, &describe, OWN, "ok");
}

static void test_no_role_configured(void **state)
{
    struct world *w = *state;
    w->options.cross_account_role = NULL;
    make_aws(w);
    expect_creds(w, OTHER,
                 "no role is configured for account " OTHER ", which is not the daemon's own (" OWN
                 "): set [aws] cross_account_role");
    w->options.cross_account_role = "arn:aws:iam::{account}:role/{nmae}";
    make_aws(w);
    expect_creds(w, OTHER,
                 "[aws] cross_account_role may contain {account} and {partition}, not \"{nmae}\"");
    assert_int_equal(w->roles, 0);
}

static void test_malformed_account_is_not_sent(void **state)
{
    struct world *w = *state;
    const char *const accounts[] = {"", "12345678901", "1234567890123", "22223333444x",
                                    "../../../etc/x"};
    for (size_t i = 0; i < sizeof accounts / sizeof *accounts; i++) {
        char message[128];
        snprintf(message, sizeof message, "\"%s\" is not a valid AWS account ID (12 digits)",
                 accounts[i]);
        expect_creds(w, accounts[i], message);
    }
    expect_requests(w, "");
}

static void test_peek(void **state)
{
    struct world *w = *state;
    assert_null(aws_peek_creds(w->aws));
    expect_creds(w, NULL, "AKIDOWN");
    struct aws_creds *creds = aws_peek_creds(w->aws);
    assert_non_null(creds);
    assert_string_equal(creds->access_key_id, "AKIDOWN");
    aws_creds_unref(creds);
    expect_requests(w, "");
}

/* --- calls --- */

static void test_expired_ones_are_refreshed_once(void **state)
{
    struct world *w = *state;
    w->expired = 1;
    expect_call(w, &describe, OTHER, "ok");
    assert_int_equal(w->roles, 2);
    assert_true(cloud_saw(&w->server, "Credential=ASIAROLE2/"));
}

static void test_still_expired_is_told(void **state)
{
    struct world *w = *state;
    w->expired = 100;
    expect_call(
        w, &describe, OTHER,
        "ExpiredToken: The security token included is expired; no service has accepted these "
        "credentials (role in account " OTHER ") yet: check this host's clock, and whether "
        "the session was revoked (DescribeRegions, request id req-err)");
    assert_int_equal(w->expired, 98);
}

static void expect_call_in(struct world *w, const char *region, enum err_kind kind)
{
    struct aws_call call = {.op = &describe, .account = OTHER, .region = region};
    struct err err = ERR_INIT;
    json_t *value = NULL;
    bool ok = aws_call(w->aws, w->http, &call, &value, &err);
    assert_string_equal(err_kind_name(ok ? ERR_NONE : err.kind), err_kind_name(kind));
    if (!ok)
        assert_string_equal(err.code, w->refusal);
    json_decref(value);
}

/* A region's refusals are its own (one that the account has not opted into, say): whatever it says,
 * the credentials stay for all others. */
static void test_refusals_of_one_region(void **state)
{
    static const char *const refusals[] = {"ExpiredToken", "InvalidClientTokenId", "AuthFailure",
                                           "UnrecognizedClientException"};
    struct world *w = *state;
    w->refusing = "/me-south-1/ec2/";
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        w->refusal = refusals[i];
        for (int k = 0; k < 5; k++) {
            expect_call_in(w, "eu-west-1", ERR_NONE);
            expect_call_in(w, "me-south-1", ERR_DENIED);
        }
    }
    assert_int_equal(w->roles, 2);
}

static void write_keys(const char *path, const char *id)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fprintf(file, "[default]\naws_access_key_id = %s\naws_secret_access_key = s\n", id);
    assert_int_equal(fclose(file), 0);
}

/* Keys of the shared file that a service refuses are read there again, and the call is made with
 * the new ones; expired ones that nobody has replaced yet are waited for. */
static void test_rotated_keys(void **state)
{
    struct world *w = *state;
    char path[] = "/tmp/hgautod-credentials-XXXXXX";
    struct err err = ERR_INIT;
    struct aws_call call = {.op = &describe};
    json_t *value = NULL;
    close(mkstemp(path));
    unsetenv("AWS_ACCESS_KEY_ID");
    unsetenv("AWS_SECRET_ACCESS_KEY");
    setenv("AWS_SHARED_CREDENTIALS_FILE", path, 1);
    write_keys(path, "AKIDFIRST");
    make_aws(w);
    expect_call(w, &describe, NULL, "ok");
    w->refusing = "Credential=AKIDFIRST/";
    w->refusal = "InvalidClientTokenId";
    write_keys(path, "AKIDSECOND");
    expect_call(w, &describe, NULL, "ok");
    expect_creds(w, NULL, "AKIDSECOND");
    /* It is not a minute later, but another daemon. */
    make_aws(w);
    expect_call(w, &describe, NULL, "ok");
    w->refusing = "Credential=AKIDSECOND/";
    w->refusal = "ExpiredToken";
    assert_false(aws_call(w->aws, w->http, &call, &value, &err));
    assert_string_equal(err_kind_name(err.kind), "unavailable");
    assert_string_equal(err.message,
                        "the credentials (profile default) are accepted no longer, and where they "
                        "come from there are no newer ones yet: renew them there");
    unlink(path);
}

static void expect_refusal(struct world *w, bool known)
{
    struct aws_call call = {.op = &describe};
    struct err err = ERR_INIT;
    json_t *value = NULL;
    assert_false(aws_call(w->aws, w->http, &call, &value, &err));
    assert_string_equal(err.code, w->refusal);
    assert_string_equal(err_kind_name(err.kind), "denied");
    if ((strstr(err.message, "; no service has accepted these credentials") == NULL) != known)
        fail_msg("%s", err.message);
}

/* Keys that a service has accepted are not said to be unknown to all. */
static void test_accepted_once(void **state)
{
    struct world *w = *state;
    w->refusal = "AuthFailure";
    w->refusing = "/ec2/";
    expect_refusal(w, false);
    make_aws(w);
    w->refusing = NULL;
    expect_call(w, &describe, NULL, "ok");
    w->refusing = "/ec2/";
    expect_refusal(w, true);
}

/* STS refuses the keys of the shared file, which have been replaced there. */
static void test_rotated_keys_of_a_role(void **state)
{
    struct world *w = *state;
    char path[] = "/tmp/hgautod-credentials-XXXXXX";
    close(mkstemp(path));
    unsetenv("AWS_ACCESS_KEY_ID");
    unsetenv("AWS_SECRET_ACCESS_KEY");
    setenv("AWS_SHARED_CREDENTIALS_FILE", path, 1);
    write_keys(path, "AKIDFIRST");
    make_aws(w);
    expect_call(w, &describe, NULL, "ok");
    w->role_refusing = "Credential=AKIDFIRST/";
    w->refusal = "ExpiredToken";
    write_keys(path, "AKIDSECOND");
    expect_creds(w, OTHER, "ASIAROLE2");
    w->refusing = "/ec2/";
    w->refusal = "AuthFailure";
    /* STS has taken them. */
    expect_refusal(w, true);
    w->refusing = NULL;
    make_aws(w);
    /* These and the next. */
    w->role_refusing = "Credential=AKID";
    expect_creds(w, NULL, "AKIDSECOND");
    struct err err = ERR_INIT;
    write_keys(path, "AKIDTHIRD");
    assert_null(aws_get_creds(w->aws, w->http, OTHER, &err));
    assert_string_equal(err_kind_name(err.kind), "denied");
    assert_non_null(strstr(err.message, "STS does not take these; no service has accepted these "
                                        "credentials (profile default) yet"));
    unlink(path);
}

/* What is refused for its time is signed once more, and what follows is signed rightly at once. */
static void test_wrong_clock(void **state)
{
    static struct fake_clock clock;
    struct world *w = *state;
    struct sqs_queue queue;
    struct err err = ERR_INIT;
    json_t *value = NULL, *params = json_object();
    char url[128];
    /* Thu, 01 Jan 2026 00:00:01 GMT. */
    clock = fake_clock_make(INT64_C(1767225601000));
    w->options.clock = &clock.clock;
    w->later = true;
    make_aws(w);
    w->refusal = "UnauthorizedOperation";
    expect_call(w, &describe, NULL,
                "UnauthorizedOperation: Not your hour (DescribeRegions, request id req-err)");
    expect_requests(w, "POST /\n");
    w->refusal = "RequestTimeTooSkewed";
    expect_call(w, &describe, NULL, "ok");
    expect_call(w, &describe, NULL, "ok");
    expect_requests(w, "POST /\nPOST /\nPOST /\nPOST /\n");
    /* And a queue of an origin of its own. */
    w->options.endpoint_url = NULL;
    make_aws(w);
    snprintf(url, sizeof url, "%s/1/q", w->server.url);
    assert_true(sqs_queue_init(&queue, url, "eu-west-1", NULL, &err));
    struct aws_call call;
    assert_true(sqs_make_call(w->aws, &queue, &sqs_get_queue_attributes, params, &call, &err));
    assert_true(aws_call(w->aws, w->http, &call, &value, &err));
    expect_requests(w, "POST /\nPOST /\nPOST /\nPOST /\nPOST /\nPOST /\n");
    json_decref(value);
    json_decref(params);
    sqs_queue_free(&queue);
}

/* Once the service's time is known, credentials expire by it. */
static void test_wrong_clock_and_expiry(void **state)
{
    static struct fake_clock clock;
    struct world *w = *state;
    /* Thu, 01 Jan 2026 00:00:01 GMT. */
    clock = fake_clock_make(INT64_C(1767225601000));
    w->options.clock = &clock.clock;
    w->later = true;
    w->refusal = "RequestTimeTooSkewed";
    w->role_expiration = "2026-01-01T02:00:01Z";
    make_aws(w);
    expect_call(w, &describe, NULL, "ok");
    expect_call(w, &describe, OTHER, "ok");
    expect_call(w, &describe, OTHER, "ok");
    assert_int_equal(w->roles, 1);
    clock.now_ms += INT64_C(56) * 60 * 1000;
    expect_call(w, &describe, OTHER, "ok");
    assert_int_equal(w->roles, 2);
}

/* An outage of STS is no refusal, and the memory of it no second one. */
static void test_sts_outage(void **state)
{
    struct world *w = *state;
    struct aws_call call = {.op = &describe, .account = OTHER};
    w->sts_outage = true;
    for (int i = 0; i < 3; i++) {
        struct err err = ERR_INIT;
        json_t *value = NULL;
        assert_false(aws_call(w->aws, w->http, &call, &value, &err));
        assert_string_equal(err_kind_name(err.kind), "unavailable");
        assert_in_range(err.retry_after_ms, 1, 5000);
        assert_string_equal(err.code, "ServiceUnavailable");
        assert_string_equal(err.message, "cannot assume arn:aws:iam::" OTHER
                                         ":role/hg-x-account: STS is unwell");
    }
    assert_int_equal(w->roles, 1);
    expect_creds(w, OWN, "AKIDOWN");
}

static void test_throttling_slows_down(void **state)
{
    struct world *w = *state;
    struct aws_call call = {.op = &describe};
    struct err err = ERR_INIT;
    json_t *value = NULL;
    w->throttled = 1000;
    int busy = 0;
    for (int i = 0; i < 1000 && !busy; i++) {
        assert_false(aws_call(w->aws, w->http, &call, &value, &err));
        busy = err.kind == ERR_BUSY;
        assert_true(busy || err.kind == ERR_THROTTLED);
    }
    assert_int_equal(busy, 1);
    assert_true(err.retry_after_ms >= 1);
    assert_string_equal(err.message,
                        "requests to ec2 in account own and region eu-west-1 are being "
                        "rate-limited");
}

/* Gets an object; "ok" or the error's code. */
static void expect_object(struct world *w, const char *bucket, const char *expected)
{
    json_t *params = json_pack("{s:s, s:s}", "Bucket", bucket, "Key", "a b/c");
    struct buf body = buf_make(1024);
    struct http_headers headers = {0};
    struct aws_call call = {
        .op = &get_object, .params = params, .raw_body = &body, .response_headers = &headers};
    struct err err = ERR_INIT;
    json_t *value = NULL;
    bool ok = aws_call(w->aws, w->http, &call, &value, &err);
    assert_string_equal(ok ? "ok" : err.code, expected);
    assert_string_equal(buf_str(&body), ok ? "the object's bytes" : "");
    assert_int_equal(headers.count > 0, ok);
    http_headers_free(&headers);
    buf_free(&body);
    json_decref(value);
    json_decref(params);
}

static void test_bucket_elsewhere_is_followed_once(void **state)
{
    struct world *w = *state;
    expect_object(w, "moved", "ok");
    expect_requests(w, "GET /moved/a%20b/c\nGET /moved/a%20b/c\n");
    assert_true(cloud_saw(&w->server, "/eu-central-1/s3/aws4_request"));
    /* It is known by now. */
    expect_object(w, "moved", "ok");
    expect_object(w, "here", "ok");
    assert_true(cloud_saw(&w->server, "/eu-west-1/s3/aws4_request"));
    expect_requests(w, "GET /moved/a%20b/c\nGET /moved/a%20b/c\nGET /moved/a%20b/c\n"
                       "GET /here/a%20b/c\n");
}

static bool allow_but_frankfurt(const void *ctx, const char *region, struct err *err)
{
    (void)ctx;
    return strcmp(region, "eu-central-1") != 0 ||
           err_set(err, ERR_DENIED, "", "%s is not allowed", region);
}

/* A guarded call goes where it may only: neither after S3's own word, nor by memory. */
static void test_bucket_is_followed_where_that_is_allowed(void **state)
{
    struct world *w = *state;
    json_t *params = json_pack("{s:s, s:s}", "Bucket", "moved", "Key", "a b/c");
    struct aws_call call = {.op = &get_object, .params = params, .guarded = true};
    w->options.allow_region = allow_but_frankfurt;
    make_aws(w);
    for (int i = 0; i < 2; i++) {
        json_t *answer = NULL;
        struct err err = ERR_INIT;
        assert_false(aws_call(w->aws, w->http, &call, &answer, &err));
        assert_int_equal(err.kind, ERR_DENIED);
        assert_string_equal(err.message, "the bucket moved is not in the requested region, but in "
                                         "eu-central-1: eu-central-1 is not allowed");
        assert_string_equal(err.operation, "GetObject");
    }
    assert_false(cloud_saw(&w->server, "/eu-central-1/s3/aws4_request"));
    expect_requests(w, "GET /moved/a%20b/c\n");
    /* Not guarded. */
    expect_object(w, "moved", "ok");
    json_decref(params);
}

static void test_bucket_is_not_followed_out_of_the_partition(void **state)
{
    struct world *w = *state;
    expect_object(w, "nowhere", "PermanentRedirect");
    expect_requests(w, "GET /nowhere/a%20b/c\n");
}

static void test_raw_answer_keeps_to_its_maximum(void **state)
{
    struct world *w = *state;
    json_t *params = json_pack("{s:s, s:s}", "Bucket", "here", "Key", "k");
    struct buf body = buf_make(5);
    struct aws_call call = {.op = &get_object, .params = params, .raw_body = &body};
    struct err err = ERR_INIT;
    json_t *value = NULL;
    assert_false(aws_call(w->aws, w->http, &call, &value, &err));
    assert_string_equal(err.message, "the response is larger than 5 bytes");
    assert_int_equal(err.kind, ERR_LIMIT);
    assert_int_equal(body.size, 0);
    json_decref(params);
}

/* Without a length or chunks, one that was cut off looks like a whole one. */
static void test_raw_answer_must_say_where_it_ends(void **state)
{
    struct world *w = *state;
    json_t *params = json_pack("{s:s, s:s}", "Bucket", "endless", "Key", "k");
    struct buf body = buf_make(1024);
    struct aws_call call = {.op = &get_object, .params = params, .raw_body = &body};
    struct err err = ERR_INIT;
    json_t *value = NULL;
    assert_false(aws_call(w->aws, w->http, &call, &value, &err));
    assert_string_equal(err.code, "UnreadableResponse");
    assert_int_equal(err.kind, ERR_TRANSIENT);
    assert_string_equal(err.message,
                        "the response has neither a length nor chunks: it may have been cut off");
    assert_int_equal(body.size, 0);
    expect_object(w, "here", "ok");
    json_decref(params);
}

static void test_global_service_signs_for_its_region(void **state)
{
    struct world *w = *state;
    expect_call(w, &list_users, NULL, "ok");
    assert_true(cloud_saw(&w->server, "/us-east-1/iam/aws4_request"));
}

static void test_region_of_the_call(void **state)
{
    struct world *w = *state;
    struct aws_call call = {.op = &describe, .region = "us-east-1.evil.test/"};
    struct err err = ERR_INIT;
    json_t *value = NULL;
    assert_false(aws_call(w->aws, w->http, &call, &value, &err));
    assert_string_equal(err.message,
                        "\"us-east-1.evil.test/\" is not a valid AWS region (such as eu-west-1)");
    assert_string_equal(err.operation, "DescribeRegions");
    call.region = "ca-central-1";
    assert_true(aws_call(w->aws, w->http, &call, &value, &err));
    assert_true(cloud_saw(&w->server, "/ca-central-1/ec2/aws4_request"));
    json_decref(value);
}

static void test_prepare(void **state)
{
    struct world *w = *state;
    struct aws_call call = {.op = &describe, .region = "eu-west-1"};
    struct http_request request;
    struct err err = ERR_INIT;
    w->options.endpoint_url = NULL;
    make_aws(w);
    struct aws_creds *creds = aws_creds_new("AKIDX", "s", "tok", INT64_MAX, "test");
    assert_non_null(creds);
    assert_true(aws_prepare(w->aws, creds, &call, &request, &err));
    assert_string_equal(request.url, "https://ec2.eu-west-1.amazonaws.com/");
    assert_string_equal(http_headers_get(&request.headers, "x-amz-security-token"), "tok");
    assert_non_null(strstr(http_headers_get(&request.headers, "authorization"), "AKIDX/"));
    http_request_free(&request);
    aws_creds_unref(creds);
    expect_requests(w, "");
}

static void test_endpoint(void **state)
{
    struct world *w = *state;
    struct buf url = buf_make(256);
    struct err err = ERR_INIT;
    w->options.endpoint_url = NULL;
    make_aws(w);
    assert_true(aws_get_endpoint_url(w->aws, &aws_sqs, "us-gov-west-1", &url, &err));
    assert_string_equal(buf_str(&url), "https://sqs.us-gov-west-1.amazonaws.com");
    buf_free(&url);
}

/* A line a request, and no secret in any. */
static void test_log(void **state)
{
    struct world *w = *state;
    static const char *const secrets[] = {"own-secret", "role-secret", "role-token",
                                          "shared &",   "AWS4-HMAC",   "Signature"};
    char text[16384];
    expect_call(w, &describe, OTHER, "ok");
    ssize_t n = read(w->log_fds[0], text, sizeof text - 1);
    assert_true(n > 0);
    text[n] = '\0';
    assert_non_null(strstr(text, "DescribeRegions"));
    assert_non_null(strstr(text, "req-7"));
    assert_non_null(strstr(text, OTHER));
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
        assert_null(strstr(text, secrets[i]));
}

/* --- threads --- */

#define THREADS 6

struct asker {
    struct world *w;
    struct err err;
    bool ok;
};

static void *ask_for_role(void *arg)
{
    struct asker *a = arg;
    struct http_options options = {.user_agent = "test"};
    struct http_client *http = http_client_new(&options);
    a->err = ERR_INIT;
    struct aws_creds *creds = aws_get_creds(a->w->aws, http, OTHER, &a->err);
    a->ok = creds != NULL;
    aws_creds_unref(creds);
    http_client_free(http);
    return NULL;
}

static void hold(struct world *w, bool held)
{
    pthread_mutex_lock(&w->lock);
    w->held = held;
    pthread_cond_broadcast(&w->moved);
    pthread_mutex_unlock(&w->lock);
}

/* While one worker asks who the daemon is, the others are told to come back. */
static void test_one_worker_asks(void **state)
{
    struct world *w = *state;
    struct asker first = {.w = w};
    struct asker others[THREADS];
    pthread_t asking;
    pthread_t threads[THREADS];
    hold(w, true);
    assert_int_equal(pthread_create(&asking, NULL, ask_for_role, &first), 0);
    pthread_mutex_lock(&w->lock);
    while (w->waiting == 0)
        pthread_cond_wait(&w->moved, &w->lock);
    pthread_mutex_unlock(&w->lock);
    for (int i = 0; i < THREADS; i++) {
        others[i] = (struct asker){.w = w};
        assert_int_equal(pthread_create(&threads[i], NULL, ask_for_role, &others[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(others[i].err.kind, ERR_BUSY);
        assert_in_range(others[i].err.retry_after_ms, 100, 200);
    }
    hold(w, false);
    pthread_join(asking, NULL);
    assert_true(first.ok);
    /* GetCallerIdentity, AssumeRole. */
    expect_requests(w, "POST /\nPOST /\n");
}

static void *call_often(void *arg)
{
    struct asker *a = arg;
    struct http_options options = {.user_agent = "test"};
    struct http_client *http = http_client_new(&options);
    for (int i = 0; i < 20; i++) {
        struct aws_call call = {.op = &describe, .account = i % 2 ? OWN : OTHER};
        json_t *value = NULL;
        a->err = ERR_INIT;
        a->ok = aws_call(a->w->aws, http, &call, &value, &a->err);
        json_decref(value);
    }
    http_client_free(http);
    return NULL;
}

/* For the thread sanitizer; at the end all is well. */
static void test_all_at_once(void **state)
{
    struct world *w = *state;
    struct asker askers[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        askers[i] = (struct asker){.w = w};
        assert_int_equal(pthread_create(&threads[i], NULL, call_often, &askers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    expect_call(w, &describe, OTHER, "ok");
    assert_int_equal(w->roles, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_settings_refused),
        TEST(test_region_and_ca_bundle),
        TEST(test_region_of_the_instance),
        TEST(test_region_not_known_yet),
        TEST(test_endpoint_with_a_path),
        TEST(test_no_region_anywhere),
        TEST(test_caller),
        TEST(test_own_account_needs_no_role),
        TEST(test_other_account_by_role),
        TEST(test_forbidden_account_is_asked_once),
        TEST(test_no_role_configured),
        TEST(test_malformed_account_is_not_sent),
        TEST(test_peek),
        TEST(test_expired_ones_are_refreshed_once),
        TEST(test_still_expired_is_told),
        TEST(test_refusals_of_one_region),
        TEST(test_sts_outage),
        TEST(test_rotated_keys),
        TEST(test_rotated_keys_of_a_role),
        TEST(test_accepted_once),
        TEST(test_wrong_clock),
        TEST(test_wrong_clock_and_expiry),
        TEST(test_throttling_slows_down),
        TEST(test_bucket_elsewhere_is_followed_once),
        TEST(test_bucket_is_followed_where_that_is_allowed),
        TEST(test_bucket_is_not_followed_out_of_the_partition),
        TEST(test_raw_answer_keeps_to_its_maximum),
        TEST(test_raw_answer_must_say_where_it_ends),
        TEST(test_global_service_signs_for_its_region),
        TEST(test_region_of_the_call),
        TEST(test_prepare),
        TEST(test_endpoint),
        TEST(test_log),
        TEST(test_one_worker_asks),
        TEST(test_all_at_once),
    };
    if (!http_global_init())
        return 1;
    int failed = cmocka_run_group_tests_name("aws", tests, NULL, NULL);
    http_global_cleanup();
    return failed;
}
