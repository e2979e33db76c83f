/* Tests of the credential chain: every link, against a server that plays STS, the container
 * endpoint and IMDS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/aws/auth/chain.h"
#include "lib/aws/auth/chain_link.h"
#include "tests/unit/cloud_server.h"

#define DATA       "tests/unit/data/chain"
#define EXPIRES    "2033-05-18T03:33:20Z"
#define EXPIRES_MS ((int64_t)2000000000 * 1000)

/* What the server answers with. */
struct world {
    struct cloud_server server;
    struct http_client *http;
    struct aws *aws;
    struct aws_profiles *profiles;
    /* Of STS and the container endpoint; 0: 200. */
    int status;
    /* Of STS's refusal; NULL: AccessDenied. */
    const char *code;
    /* NULL: good credentials. */
    const char *answer;
    /* Of IMDS's token. */
    int token_status;
    /* NULL: none. */
    const char *token_headers;
    /* No answer comes. */
    _Atomic bool silent;
    /* IMDS's list; NULL: 404. */
    const char *roles;
};

static void answer_sts(const struct world *w, const struct cloud_request *request,
                       struct cloud_reply *reply)
{
    bool web = strstr(request->body, "Action=AssumeRoleWithWebIdentity&") != NULL;
    const char *name = web ? "AssumeRoleWithWebIdentity" : "AssumeRole";
    if (w->status) {
        reply->status = w->status;
        snprintf(reply->body, sizeof reply->body,
                 "<ErrorResponse><Error><Code>%s</Code><Message>not you</Message>"
                 "</Error><RequestId>r-1</RequestId></ErrorResponse>",
                 w->code ? w->code : "AccessDenied");
        return;
    }
    snprintf(reply->body, sizeof reply->body,
             "<%sResponse><%sResult><Credentials><AccessKeyId>ASIASTS</AccessKeyId>"
             "<SecretAccessKey>sts-secret</SecretAccessKey><SessionToken>sts-token</SessionToken>"
             "<Expiration>" EXPIRES "</Expiration></Credentials></%sResult></%sResponse>",
             name, name, name, name);
}

static void answer_json(const struct world *w, struct cloud_reply *reply)
{
    reply->status = w->status ? w->status : 200;
    snprintf(reply->body, sizeof reply->body, "%s",
             w->answer ? w->answer
                       : "{\"Code\":\"Success\",\"AccessKeyId\":\"ASIAJSON\",\"SecretAccessKey\":"
                         "\"json-secret\",\"Token\":\"json-token\",\"Expiration\":\"" EXPIRES
                         "\"}");
}

static void answer_imds(const struct world *w, const struct cloud_request *request,
                        struct cloud_reply *reply)
{
    bool has_token = strcasestr(request->head, "\r\nX-aws-ec2-metadata-token: imds-token\r\n");
    if (strcmp(request->method, "PUT") == 0) {
        bool has_ttl =
            strcasestr(request->head, "\r\nX-aws-ec2-metadata-token-ttl-seconds: 21600\r\n");
        reply->status = w->token_status ? w->token_status : has_ttl ? 200 : 400;
        reply->headers = w->token_headers ? w->token_headers : "";
        snprintf(reply->body, sizeof reply->body, "imds-token");
    } else if (!has_token) {
        reply->status = 401;
    } else if (strcmp(request->target, "/latest/meta-data/iam/security-credentials/") == 0) {
        reply->status = w->roles ? 200 : 404;
        snprintf(reply->body, sizeof reply->body, "%s", w->roles ? w->roles : "");
    } else {
        answer_json(w, reply);
    }
}

static void answer(void *ctx, const struct cloud_request *request, struct cloud_reply *reply)
{
    const struct world *w = ctx;
    reply->status = 200;
    if (w->silent)
        reply->status = 0;
    else if (strncmp(request->target, "/latest/", 8) == 0)
        answer_imds(w, request, reply);
    else if (strcmp(request->method, "GET") == 0)
        answer_json(w, reply);
    else
        answer_sts(w, request, reply);
}

static int setup(void **state)
{
    static struct world w;
    struct err err = ERR_INIT;
    struct http_options http = {.user_agent = "test"};
    struct aws_options options = {.region = "eu-west-1", .clock = &system_clock};
    w = (struct world){.roles = "web-server\n"};
    cloud_clean_environment();
    cloud_start(&w.server, answer, &w);
    setenv("AWS_CONFIG_FILE", DATA "/config", 1);
    setenv("AWS_ENDPOINT_URL_STS", w.server.url, 1);
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    w.http = http_client_new(&http);
    w.aws = aws_new(&options, &err);
    w.profiles = aws_profiles_load(NULL, NULL, &err);
    *state = &w;
    return w.http && w.aws && w.profiles ? 0 : -1;
}

static int teardown(void **state)
{
    struct world *w = *state;
    aws_profiles_free(w->profiles);
    aws_free(w->aws);
    http_client_free(w->http);
    cloud_stop(&w->server);
    return 0;
}

/* Fetches with a profile, and writes what comes as "id secret token source" or "! Code: message".
 */
static const char *fetch(struct world *w, const char *profile, char to[2048], int64_t *expires_ms)
{
    struct err err = ERR_INIT;
    struct aws_chain *chain = aws_chain_new(w->aws, w->profiles, profile, &system_clock);
    assert_non_null(chain);
    struct aws_creds *c = aws_chain_fetch(chain, w->http, &err);
    if (c) {
        snprintf(to, 2048, "%s %s %s (%s)", c->access_key_id, c->secret_access_key,
                 c->session_token ? c->session_token : "-", c->source);
        *expires_ms = c->expires_ms;
    } else {
        snprintf(to, 2048, "! %s%s%s", err.code, *err.code ? ": " : "", err.message);
        *expires_ms = err.kind;
    }
    aws_creds_unref(c);
    aws_chain_free(chain);
    return to;
}

/* What a fetch must give; of an error its beginning, and its kind. */
static void expect_found(struct world *w, const char *profile, const char *expected,
                         int64_t expires_ms)
{
    char text[2048];
    int64_t until;
    assert_string_equal(fetch(w, profile, text, &until), expected);
    assert_int_equal(until, expires_ms);
}

static void expect_failure(struct world *w, const char *profile, enum err_kind kind,
                           const char *expected)
{
    char text[2048];
    int64_t is;
    fetch(w, profile, text, &is);
    text[strlen(expected) < sizeof text ? strlen(expected) : 0] = '\0';
    assert_string_equal(text, expected);
    assert_string_equal(err_kind_name((enum err_kind)is), err_kind_name(kind));
}

static void expect_requests(struct world *w, const char *expected)
{
    char *requests = cloud_requests(&w->server);
    assert_string_equal(requests, expected);
    free(requests);
}

/* --- environment --- */

static void test_environment(void **state)
{
    setenv("AWS_ACCESS_KEY_ID", "AKIDENV", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "env-secret", 1);
    expect_found(*state, NULL, "AKIDENV env-secret - (environment)", INT64_MAX);
    setenv("AWS_SESSION_TOKEN", "env-token", 1);
    setenv("AWS_PROFILE", "keys", 1);
    expect_found(*state, NULL, "AKIDENV env-secret env-token (environment)", INT64_MAX);
    /* A profile named in our own configuration goes before the environment. */
    expect_found(*state, "keys", "AKIDKEYS keys-secret keys-token (profile keys)", INT64_MAX);
}

static void test_environment_broken(void **state)
{
    setenv("AWS_ACCESS_KEY_ID", "AKIDENV", 1);
    expect_failure(*state, NULL, ERR_CREDENTIALS,
                   "! environment: AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not");
    setenv("AWS_SECRET_ACCESS_KEY", "secret\n", 1);
    expect_failure(*state, NULL, ERR_CREDENTIALS,
                   "! environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY or AWS_SESSION_TOKEN "
                   "contains white space or an unprintable character");
    unsetenv("AWS_ACCESS_KEY_ID");
    expect_failure(*state, NULL, ERR_CREDENTIALS,
                   "! environment: AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not");
}

static void test_nothing_anywhere(void **state)
{
    expect_failure(
        *state, NULL, ERR_CREDENTIALS,
        "! no AWS credentials: give the host a role, name a profile under [aws] or set "
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Tried: environment: "
        "AWS_ACCESS_KEY_ID is not set; web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set; "
        "shared files: profile default has no role_arn, web_identity_token_file, "
        "aws_access_key_id or credential_process; container endpoint: neither "
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor AWS_CONTAINER_CREDENTIALS_FULL_URI is set; "
        "instance metadata (IMDSv2): turned off by AWS_EC2_METADATA_DISABLED");
}

static void test_describe(void **state)
{
    struct world *w = *state;
    struct buf text = buf_make(4096);
    setenv("AWS_PROFILE", "keys", 1);
    aws_describe_chain(w->aws, w->http, &text);
    assert_string_equal(buf_str(&text), "environment: AWS_ACCESS_KEY_ID is not set\n"
                                        "web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set\n"
                                        "shared files: found (profile keys)\n"
                                        "container endpoint: not tried\n"
                                        "instance metadata (IMDSv2): not tried\n");
    buf_free(&text);
}

/* --- web identity --- */

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void test_web_identity(void **state)
{
    struct world *w = *state;
    char path[] = "/tmp/hgautod-token-XXXXXX";
    close(mkstemp(path));
    write_text(path, "first+token\n");
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", path, 1);
    setenv("AWS_ROLE_ARN", "arn:aws:iam::222233334444:role/irsa", 1);
    setenv("AWS_ROLE_SESSION_NAME", "pod-7", 1);
    expect_found(w, NULL, "ASIASTS sts-secret sts-token (web identity)", EXPIRES_MS);
    assert_true(cloud_saw(&w->server, "RoleArn=arn%3Aaws%3Aiam%3A%3A222233334444%3Arole%2Firsa"));
    assert_true(cloud_saw(&w->server, "RoleSessionName=pod-7"));
    assert_true(cloud_saw(&w->server, "WebIdentityToken=first%2Btoken"));
    assert_false(cloud_saw(&w->server, "Authorization"));
    /* Read anew each time. */
    write_text(path, "second");
    unsetenv("AWS_ROLE_SESSION_NAME");
    expect_found(w, NULL, "ASIASTS sts-secret sts-token (web identity)", EXPIRES_MS);
    assert_true(cloud_saw(&w->server, "WebIdentityToken=second"));
    assert_true(cloud_saw(&w->server, "RoleSessionName=HyperglanceAutomations"));
    unlink(path);
}

static void test_web_identity_broken(void **state)
{
    struct world *w = *state;
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", DATA "/missing", 1);
    expect_failure(w, NULL, ERR_CREDENTIALS,
                   "! web identity: AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not "
                   "(before it, environment: AWS_ACCESS_KEY_ID is not set)");
    setenv("AWS_ROLE_ARN", "arn:aws:iam::222233334444:role/irsa", 1);
    expect_failure(w, NULL, ERR_CREDENTIALS,
                   "! web identity: the token file " DATA
                   "/missing cannot be read: No such file or directory");
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/dev/null", 1);
    expect_failure(
        w, NULL, ERR_CREDENTIALS,
        "! web identity: the token file /dev/null cannot be read: it is not a regular file");
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/dev/zero", 1);
    expect_failure(
        w, NULL, ERR_CREDENTIALS,
        "! web identity: the token file /dev/zero cannot be read: it is not a regular file");
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", DATA "/token", 1);
    w->status = 403;
    expect_failure(w, NULL, ERR_CREDENTIALS,
                   "! AccessDenied: web identity: cannot assume "
                   "arn:aws:iam::222233334444:role/irsa: not you");
    /* The token in the file is replaced before long. */
    w->code = "ExpiredTokenException";
    expect_failure(w, NULL, ERR_TRANSIENT,
                   "! ExpiredTokenException: web identity: cannot assume "
                   "arn:aws:iam::222233334444:role/irsa: not you");
    w->code = "IDPCommunicationError";
    expect_failure(w, NULL, ERR_TRANSIENT, "! IDPCommunicationError: web identity: ");
    w->code = "InvalidIdentityToken";
    expect_failure(w, NULL, ERR_CREDENTIALS, "! InvalidIdentityToken: web identity: ");
}

static void test_passing_fault_stays_one(void **state)
{
    struct world *w = *state;
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", w->server.url, 1);
    w->status = 503;
    expect_failure(w, NULL, ERR_TRANSIENT,
                   "! container endpoint: the container endpoint responded with HTTP status 503");
}

/* --- profiles --- */

static void test_profile_keys(void **state)
{
    expect_found(*state, "keys", "AKIDKEYS keys-secret keys-token (profile keys)", INT64_MAX);
    setenv("AWS_PROFILE", "keys", 1);
    expect_found(*state, NULL, "AKIDKEYS keys-secret keys-token (profile keys)", INT64_MAX);
    setenv("AWS_PROFILE", "nobody", 1);
    expect_failure(*state, NULL, ERR_CREDENTIALS,
                   "! shared files: there is no profile nobody in the shared files");
}

static void test_profile_role(void **state)
{
    struct world *w = *state;
    expect_found(w, "role", "ASIASTS sts-secret sts-token (profile role (role))", EXPIRES_MS);
    assert_true(cloud_saw(&w->server, "Action=AssumeRole&"));
    assert_true(cloud_saw(&w->server, "ExternalId=ext%201%262"));
    assert_true(cloud_saw(&w->server, "RoleSessionName=night"));
    assert_true(cloud_saw(&w->server, "DurationSeconds=1800"));
    assert_true(cloud_saw(&w->server, "Credential=AKIDKEYS/"));
    assert_true(cloud_saw(&w->server, "/eu-west-1/sts/aws4_request"));
    expect_requests(w, "POST /\n");
}

static void test_profile_role_on_role(void **state)
{
    struct world *w = *state;
    expect_found(w, "role-on-role", "ASIASTS sts-secret sts-token (profile role-on-role (role))",
                 EXPIRES_MS);
    assert_true(cloud_saw(&w->server, "Credential=ASIASTS/"));
    expect_requests(w, "POST /\nPOST /\n");
}

static void test_profile_that_is_its_own_source(void **state)
{
    struct world *w = *state;
    expect_found(w, "self", "ASIASTS sts-secret sts-token (profile self (role))", EXPIRES_MS);
    assert_true(cloud_saw(&w->server, "Credential=AKIDSELF/"));
}

static void test_credential_sources(void **state)
{
    struct world *w = *state;
    expect_failure(w, "from-environment", ERR_CREDENTIALS,
                   "! shared files: AWS_ACCESS_KEY_ID is not set");
    setenv("AWS_ACCESS_KEY_ID", "AKIDENV", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "env-secret", 1);
    expect_found(w, "from-environment",
                 "ASIASTS sts-secret sts-token (profile from-environment (role))", EXPIRES_MS);
    assert_true(cloud_saw(&w->server, "Credential=AKIDENV/"));
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", w->server.url, 1);
    expect_found(w, "from-container",
                 "ASIASTS sts-secret sts-token (profile from-container (role))", EXPIRES_MS);
    assert_true(cloud_saw(&w->server, "Credential=ASIAJSON/"));
    setenv("AWS_EC2_METADATA_DISABLED", "false", 1);
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", w->server.url, 1);
    expect_found(w, "from-imds", "ASIASTS sts-secret sts-token (profile from-imds (role))",
                 EXPIRES_MS);
    assert_true(cloud_saw(&w->server, "Credential=ASIAJSON/"));
}

static void test_profile_web_identity(void **state)
{
    struct world *w = *state;
    expect_found(w, "web", "ASIASTS sts-secret sts-token (profile web (web identity))", EXPIRES_MS);
    assert_true(cloud_saw(&w->server, "WebIdentityToken=header.payload.signature"));
}

static void test_profile_process(void **state)
{
    expect_found(*state, "process", "ASIAPROCESS process-secret process-token (credential_process)",
                 EXPIRES_MS);
}

static void test_profiles_broken(void **state)
{
    static const struct {
        const char *profile, *message;
    } cases[] = {
        {"half", "profile half has aws_access_key_id, but no aws_secret_access_key"},
        {"bad-key", "a key of profile bad-key contains white space or an unprintable character"},
        {"loop-a", "the source_profile of profile loop-b leads back to it"},
        {"deep1", "the source_profile of profile deep11 is more than ten steps away"},
        {"from-nowhere", "credential_source of profile from-nowhere is not one of Environment, "
                         "EcsContainer, Ec2InstanceMetadata"},
        {"both", "profile both has a role_arn and both source_profile and credential_source: set "
                 "exactly one of them"},
        {"neither", "profile neither has a role_arn and neither source_profile nor "
                    "credential_source: set exactly one of them"},
        {"lost-source",
         "the source_profile nobody of profile lost-source is in neither shared file"},
        {"empty-source", "profile settings-only has no role_arn, web_identity_token_file, "
                         "aws_access_key_id or credential_process"},
        {"mfa", "profile mfa has an mfa_serial: a daemon cannot enter a code"},
        {"long", "duration_seconds of profile long is not a number from 900 to 43200"},
        {"sso", "profile sso signs in with SSO, which needs a person: give the daemon a role"},
        {"web-without-role",
         "profile web-without-role has a web_identity_token_file, but no role_arn"},
        {"settings-only", "profile settings-only has no role_arn, web_identity_token_file, "
                          "aws_access_key_id or credential_process"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char expected[512];
        snprintf(
            expected, sizeof expected,
            "! shared files: %s (before it, environment: not used because [aws] profile is set; "
            "web identity: not used because [aws] profile is set)",
            cases[i].message);
        expect_failure(*state, cases[i].profile, ERR_CREDENTIALS, expected);
    }
    expect_requests(*state, "");
}

/* Keys that are rotated in the file are found without a restart; half a file is no end. */
static void test_rotated_keys(void **state)
{
    struct world *w = *state;
    char path[] = "/tmp/hgautod-credentials-XXXXXX";
    struct err err = ERR_INIT;
    close(mkstemp(path));
    write_text(path, "[default]\naws_access_key_id = A1\naws_secret_access_key = S\n");
    aws_profiles_free(w->profiles);
    w->profiles = aws_profiles_load(NULL, path, &err);
    struct aws_chain *chain = aws_chain_new(w->aws, w->profiles, NULL, &system_clock);
    assert_non_null(chain);
    for (int i = 1; i <= 3; i++) {
        struct aws_creds *creds = aws_chain_fetch(chain, w->http, &err);
        assert_string_equal(creds ? creds->access_key_id : err.message, i < 2 ? "A1" : "A22");
        aws_creds_unref(creds);
        if (i == 1)
            write_text(path, "[default]\naws_access_key_id = A22\naws_secret_access_key = S\n");
    }
    write_text(path, "[default]\naws_access_key_id = A333\naws_secret");
    assert_null(aws_chain_fetch(chain, w->http, &err));
    assert_string_equal(err_kind_name(err.kind), "transient");
    assert_non_null(strstr(err.message, ", line 3: neither a [section]"));
    write_text(path, "[default]\naws_access_key_id = A333\naws_secret_access_key = S\n");
    struct aws_creds *creds = aws_chain_fetch(chain, w->http, &err);
    assert_string_equal(creds ? creds->access_key_id : err.message, "A333");
    aws_creds_unref(creds);
    aws_chain_free(chain);
    unlink(path);
}

/* --- credential_process --- */

static void expect_process_kind(struct world *w, const char *command, int timeout_ms,
                                enum err_kind kind, const char *expected)
{
    struct link_params ask = {.profile = "p", .clock = &system_clock, .http = w->http};
    struct aws_creds *creds = NULL;
    struct err err = ERR_INIT;
    enum link_result result = link_process(&ask, command, timeout_ms, &creds, &err);
    assert_string_equal(creds ? creds->access_key_id : err.message, expected);
    assert_int_equal(result, creds ? LINK_FOUND : LINK_BROKEN);
    assert_string_equal(err_kind_name(err.kind), err_kind_name(kind));
    aws_creds_unref(creds);
}

static void expect_process(struct world *w, const char *command, const char *expected)
{
    expect_process_kind(w, command, 10000, ERR_CREDENTIALS, expected);
}

#define KEYS "\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\""

static void test_process_answers(void **state)
{
    static const char *const good[] = {
        "printf '{" KEYS "}'",
        /* What is null is not there. */
        "printf '{" KEYS ",\"SessionToken\":null,\"Expiration\":null}'",
        "printf '{" KEYS ",\"SessionToken\":\"\"}'",
        "printf '{" KEYS ",\"SessionToken\":\"T\",\"Expiration\":null}'",
        "printf '{" KEYS ",\"SessionToken\":null,\"Expiration\":\"2033-05-18T03:33:20Z\"}'",
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        expect_process_kind(w, good[i], 10000, ERR_NONE, "A");
    expect_process(w, "printf '{\"Version\":2,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\"}'",
                   "the output of the credential_process has no \"Version\": 1");
    expect_process(w, "printf '{\"Version\":1,\"AccessKeyId\":\"A\"}'",
                   "the credentials from the credential_process have no SecretAccessKey");
    expect_process(w, "printf '{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":null}'",
                   "the credentials from the credential_process have no SecretAccessKey");
    expect_process(w, "printf '{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":7}'",
                   "the credentials from the credential_process have a malformed SecretAccessKey");
    expect_process(w, "printf '{" KEYS ",\"SessionToken\":7}'",
                   "the credentials from the credential_process have a malformed SessionToken");
    expect_process(w, "printf '{" KEYS ",\"Expiration\":\"soon\"}'",
                   "the credentials from the credential_process have a malformed Expiration");
    expect_process(w, "printf '{" KEYS ",\"Expiration\":true}'",
                   "the credentials from the credential_process have a malformed Expiration");
    expect_process_kind(
        w, "echo not json", 10000, ERR_TRANSIENT,
        "the response from the credential_process is not valid JSON; it may be incomplete");
    expect_process(w, "echo []", "the response from the credential_process is not a JSON object");
    /* No shell: the dollar sign and the semicolon are words like others. */
    expect_process_kind(
        w, "printf '{\"Version\":1,\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"S\"}' $HOME;",
        10000, ERR_NONE, "$HOME;");
}

/* A program that fails may do better the next time: it asks services of its own. One that is not
 * there does not. */
static void test_process_misbehaves(void **state)
{
    struct world *w = *state;
    expect_process_kind(w, "sh -c 'echo {}; exit 3'", 10000, ERR_TRANSIENT,
                        "credential_process: sh ended with exit status 3");
    expect_process_kind(w, "sh -c 'kill -9 $$'", 10000, ERR_TRANSIENT,
                        "credential_process: sh was killed by a signal");
    expect_process(w, "/nonexistent/tool --x",
                   "credential_process: cannot run /nonexistent/tool: No such file or "
                   "directory");
    expect_process_kind(w, "sleep 1000", 50, ERR_TRANSIENT,
                        "credential_process: the program did not end within 50 ms");
    expect_process_kind(w, "sh -c 'exec 1>&-; sleep 1000'", 50, ERR_TRANSIENT,
                        "credential_process: the program did not end within 50 ms");
    expect_process(w, "yes", "credential_process: the program printed more than 64 KiB");
    expect_process(w, "it's",
                   "credential_process is not a valid command line: unterminated quote or trailing "
                   "backslash");
    expect_process(w, " ", "credential_process is empty");
    /* What it leaves behind holds the pipe open, and is not waited for. */
    expect_process_kind(
        w,
        "sh -c 'sleep 1000 & printf \"{\\\"Version\\\":1,\\\"AccessKeyId\\\":\\\"A\\\","
        "\\\"SecretAccessKey\\\":\\\"S\\\"}\"'",
        60000, ERR_NONE, "A");
}

/* --- container --- */

static void test_container(void **state)
{
    struct world *w = *state;
    char url[128];
    snprintf(url, sizeof url, "%s/v1/creds?id=7", w->server.url);
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url, 1);
    expect_found(w, NULL, "ASIAJSON json-secret json-token (container endpoint)", EXPIRES_MS);
    expect_requests(w, "GET /v1/creds?id=7\n");
    assert_false(cloud_saw(&w->server, "Authorization"));
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic abc", 1);
    expect_found(w, NULL, "ASIAJSON json-secret json-token (container endpoint)", EXPIRES_MS);
    assert_true(cloud_saw(&w->server, "Authorization: Basic abc\r\n"));
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", DATA "/token", 1);
    expect_found(w, NULL, "ASIAJSON json-secret json-token (container endpoint)", EXPIRES_MS);
    assert_true(cloud_saw(&w->server, "Authorization: header.payload.signature\r\n"));
}

static void test_container_broken(void **state)
{
    struct world *w = *state;
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", w->server.url, 1);
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "x\r\nHost: evil", 1);
    expect_failure(
        w, NULL, ERR_CREDENTIALS,
        "! container endpoint: AWS_CONTAINER_AUTHORIZATION_TOKEN contains a line break or "
        "control character");
    expect_requests(w, "");
    unsetenv("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    w->status = 403;
    expect_failure(w, NULL, ERR_CREDENTIALS,
                   "! container endpoint: the container endpoint responded with HTTP status 403");
    w->status = 200;
    w->answer = "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\",\"Token\":\"T\"}";
    expect_failure(
        w, NULL, ERR_CREDENTIALS,
        "! container endpoint: the credentials from the container endpoint have no Expiration");
    w->answer = "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\",\"Token\":\"T\\r\\nX: y\"}";
    expect_failure(
        w, NULL, ERR_CREDENTIALS,
        "! container endpoint: the credentials from the container endpoint have a malformed "
        "Token");
}

static void expect_container_url(const char *relative, const char *full, enum link_result result,
                                 const char *expected)
{
    struct buf url = buf_make(4096);
    struct err err = ERR_INIT;
    setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", relative, 1);
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", full, 1);
    enum link_result is = link_container_url(&url, &err);
    assert_string_equal(is == LINK_FOUND ? buf_str(&url) : err.message, expected);
    assert_int_equal(is, result);
    buf_free(&url);
}

static void test_container_urls(void **state)
{
    static const char *const allowed[] = {
        "https://anywhere.test/creds", "http://127.0.0.1:8080/x",
        "http://127.9.9.9/",           "http://[::1]:1/",
        "http://localhost/x",          "http://169.254.170.2/x",
        "http://169.254.170.23/v1",    "http://[fd00:ec2::23]/v1"};
    static const char *const refused[] = {
        "169.254.169.254", "10.0.0.1",      "localhost.evil.test", "127.0.0.1.evil.test",
        "169.254.170.20",  "fd00:ec2::254", "1.2.3.127",           "localhos",
    };
    (void)state;
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        expect_container_url("", allowed[i], LINK_FOUND, allowed[i]);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        char url[128];
        char message[256];
        bool v6 = strchr(refused[i], ':');
        snprintf(url, sizeof url, v6 ? "http://[%s]/" : "http://%s/", refused[i]);
        snprintf(message, sizeof message,
                 "AWS_CONTAINER_CREDENTIALS_FULL_URI names the host %s: without https, credentials "
                 "are requested only from this machine, 169.254.170.2, 169.254.170.23 and "
                 "[fd00:ec2::23]",
                 refused[i]);
        expect_container_url("", url, LINK_BROKEN, message);
    }
    expect_container_url("/v2/creds/1?x", "http://evil.test/", LINK_FOUND,
                         "http://169.254.170.2/v2/creds/1?x");
    expect_container_url(".evil.test/", "", LINK_BROKEN,
                         "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with '/'");
}

/* --- IMDS --- */

static void enable_imds(struct world *w)
{
    char url[80];
    snprintf(url, sizeof url, "%s/", w->server.url);
    unsetenv("AWS_EC2_METADATA_DISABLED");
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url, 1);
}

static void test_imds(void **state)
{
    struct world *w = *state;
    enable_imds(w);
    /* Never through it. */
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    expect_found(w, NULL, "ASIAJSON json-secret json-token (instance metadata)", EXPIRES_MS);
    expect_requests(w, "PUT /latest/api/token\n"
                       "GET /latest/meta-data/iam/security-credentials/\n"
                       "GET /latest/meta-data/iam/security-credentials/web-server\n");
}

static void test_imds_expired_ones_are_used_longer(void **state)
{
    struct world *w = *state;
    char text[2048];
    int64_t until;
    int64_t before = system_clock.wall_ms(&system_clock);
    enable_imds(w);
    w->answer = "{\"Code\":\"Success\",\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\","
                "\"Token\":\"T\",\"Expiration\":\"2020-01-01T00:00:00Z\"}";
    assert_string_equal(fetch(w, NULL, text, &until), "A S T (instance metadata)");
    assert_in_range(until, before + 600000, system_clock.wall_ms(&system_clock) + 600000);
}

/* Expired by the services' clock, once that is known: here two hours ahead of this host's. */
static void test_imds_expired_by_the_services_clock(void **state)
{
    struct world *w = *state;
    struct err refusal = ERR_INIT;
    struct http_response response = {.status = 403};
    char date[30], text[2048], answer[256], expiration[21];
    int64_t ahead = INT64_C(2) * 60 * 60 * 1000, until;
    int64_t before = system_clock.wall_ms(&system_clock);
    clock_http_date(before + ahead, date);
    assert_true(http_headers_add(&response.headers, "Date", date));
    err_set(&refusal, ERR_INVALID, "RequestTimeTooSkewed", "no");
    assert_true(aws_learn_time(w->aws, before, &response, &refusal));
    http_response_free(&response);
    enable_imds(w);
    clock_iso(before + ahead / 2, expiration);
    snprintf(answer, sizeof answer,
             "{\"Code\":\"Success\",\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\","
             "\"Token\":\"T\",\"Expiration\":\"%s\"}",
             expiration);
    w->answer = answer;
    assert_string_equal(fetch(w, NULL, text, &until), "A S T (instance metadata)");
    /* The Date header has whole seconds. */
    assert_in_range(until, before + ahead + 600000 - 2000,
                    system_clock.wall_ms(&system_clock) + ahead + 600000);
}

static void expect_imds_note(struct world *w, const char *note)
{
    char text[2048];
    char expected[512];
    int64_t kind;
    snprintf(expected, sizeof expected, "instance metadata (IMDSv2): %s", note);
    fetch(w, NULL, text, &kind);
    const char *found = strstr(text, "instance metadata (IMDSv2): ");
    assert_non_null(found);
    text[(size_t)(found - text) + strlen(expected)] = '\0';
    assert_string_equal(found, expected);
    assert_string_equal(err_kind_name((enum err_kind)kind), "credentials");
}

static void test_imds_without_answer(void **state)
{
    struct world *w = *state;
    enable_imds(w);
    w->token_status = 403;
    expect_imds_note(w,
                     "the instance metadata service returned no session token (HTTP status 403); "
                     "version 1 is not used");
    expect_requests(w, "PUT /latest/api/token\n");
    w->token_status = 0;
    w->roles = NULL;
    expect_imds_note(w, "the instance has no role (instance profile)");
    w->roles = "../../user-data";
    expect_imds_note(w, "the instance metadata service returned no usable role");
    w->roles = "r";
    w->answer = "{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"x\"}";
    expect_imds_note(w, "the instance metadata service has no credentials for the role: "
                        "AssumeRoleUnauthorizedAccess");
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1", 1);
    expect_imds_note(w, "the instance metadata service does not respond: ");
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "imds", 1);
    expect_imds_note(w, "AWS_EC2_METADATA_SERVICE_ENDPOINT is not a usable URL: ");
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv5", 1);
    expect_imds_note(w, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE is neither IPv4 nor IPv6");
}

/* What one chain, asked again and again, says: "found", or the kind and when to come back. */
static void expect_again(struct aws_chain *chain, struct world *w, const char *expected)
{
    struct err err = ERR_INIT;
    char is[64] = "found";
    struct aws_creds *creds = aws_chain_fetch(chain, w->http, &err);
    if (!creds)
        snprintf(is, sizeof is, "%s %d", err_kind_name(err.kind), (int)err.retry_after_ms);
    assert_string_equal(is, expected);
    aws_creds_unref(creds);
}

static struct aws_chain *new_chain(struct world *w)
{
    struct aws_chain *chain = aws_chain_new(w->aws, w->profiles, NULL, &system_clock);
    assert_non_null(chain);
    return chain;
}

/* It is busy soon after boot and under load: the host has a role for all that. */
static void test_imds_busy(void **state)
{
    static const int statuses[] = {503, 500, 429, 408, 502, 503};
    static const char *const said[] = {"transient 200",  "transient 400",  "transient 800",
                                       "transient 1600", "transient 3200", "transient -1"};
    struct world *w = *state;
    struct aws_chain *chain = new_chain(w);
    enable_imds(w);
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        w->token_status = statuses[i];
        expect_again(chain, w, said[i]);
    }
    w->token_status = 0;
    expect_again(chain, w, "found");
    w->token_status = 503;
    w->token_headers = "Retry-After: 3\r\n";
    expect_again(chain, w, "transient 3000");
    w->token_status = 0;
    w->token_headers = NULL;
    expect_again(chain, w, "found");
    /* Of the role's credentials. */
    w->status = 503;
    expect_again(chain, w, "transient 200");
    expect_again(chain, w, "transient 400");
    w->status = 0;
    expect_again(chain, w, "found");
    aws_chain_free(chain);
}

/* One reset does not mean that there is no such service; several of what has never answered do. */
static void test_imds_resets(void **state)
{
    struct world *w = *state;
    struct aws_chain *chain = new_chain(w);
    enable_imds(w);
    w->silent = true;
    expect_again(chain, w, "transient 200");
    expect_again(chain, w, "transient 400");
    expect_again(chain, w, "credentials -1");
    /* It is known now: one try suffices. */
    expect_again(chain, w, "credentials -1");
    expect_requests(w, "PUT /latest/api/token\nPUT /latest/api/token\nPUT /latest/api/token\n"
                       "PUT /latest/api/token\n");
    w->silent = false;
    expect_again(chain, w, "found");
    /* What has answered is there. */
    w->silent = true;
    expect_again(chain, w, "transient 200");
    expect_again(chain, w, "transient 400");
    expect_again(chain, w, "transient 800");
    expect_again(chain, w, "transient 1600");
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1", 1);
    expect_again(chain, w, "transient 3200");
    expect_again(chain, w, "transient -1");
    aws_chain_free(chain);
}

/* Outside of EC2 nothing listens: that is known at once. */
static void test_imds_not_there(void **state)
{
    struct world *w = *state;
    struct aws_chain *chain = new_chain(w);
    enable_imds(w);
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1", 1);
    expect_again(chain, w, "credentials -1");
    aws_chain_free(chain);
}

/* A listening socket that nobody serves: connections are taken, and no word comes. */
static void test_imds_timeouts(void **state)
{
    struct world *w = *state;
    struct aws_chain *chain = new_chain(w);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    char url[64];
    int mute = socket(AF_INET, SOCK_STREAM, 0);
    enable_imds(w);
    assert_int_equal(bind(mute, (struct sockaddr *)&at, size), 0);
    assert_int_equal(listen(mute, 8), 0);
    assert_int_equal(getsockname(mute, (struct sockaddr *)&at, &size), 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", ntohs(at.sin_port));
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url, 1);
    expect_again(chain, w, "transient 200");
    enable_imds(w);
    /* It had been but slow. */
    expect_again(chain, w, "found");
    close(mute);
    aws_chain_free(chain);
}

/* Every secret that goes through the chain, once in each message of an error or description. */
static void test_no_secret_is_told(void **state)
{
    struct world *w = *state;
    char text[2048];
    int64_t kind;
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", DATA "/token", 1);
    setenv("AWS_ROLE_ARN", "arn:aws:iam::222233334444:role/irsa", 1);
    w->status = 400;
    fetch(w, NULL, text, &kind);
    assert_null(strstr(text, "header.payload"));
    unsetenv("AWS_WEB_IDENTITY_TOKEN_FILE");
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", w->server.url, 1);
    w->status = 200;
    w->answer = "{\"SecretAccessKey\":\"very-secret\" oops";
    expect_failure(w, NULL, ERR_TRANSIENT,
                   "! container endpoint: the response from the container endpoint is not "
                   "valid JSON; it may be incomplete");
    assert_null(strstr(fetch(w, NULL, text, &kind), "very-secret"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_environment),
        TEST(test_environment_broken),
        TEST(test_nothing_anywhere),
        TEST(test_describe),
        TEST(test_web_identity),
        TEST(test_web_identity_broken),
        TEST(test_passing_fault_stays_one),
        TEST(test_profile_keys),
        TEST(test_profile_role),
        TEST(test_profile_role_on_role),
        TEST(test_profile_that_is_its_own_source),
        TEST(test_credential_sources),
        TEST(test_profile_web_identity),
        TEST(test_profile_process),
        TEST(test_profiles_broken),
        TEST(test_rotated_keys),
        TEST(test_process_answers),
        TEST(test_process_misbehaves),
        TEST(test_container),
        TEST(test_container_broken),
        TEST(test_container_urls),
        TEST(test_imds),
        TEST(test_imds_expired_ones_are_used_longer),
        TEST(test_imds_expired_by_the_services_clock),
        TEST(test_imds_without_answer),
        TEST(test_imds_busy),
        TEST(test_imds_resets),
        TEST(test_imds_not_there),
        TEST(test_imds_timeouts),
        TEST(test_no_secret_is_told),
    };
    if (!http_global_init())
        return 1;
    int failed = cmocka_run_group_tests_name("chain", tests, NULL, NULL);
    http_global_cleanup();
    return failed;
}
