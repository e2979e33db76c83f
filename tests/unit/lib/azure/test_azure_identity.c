/* Tests of the Azure identities and tokens: the choice of an identity, its requests and
 * responses, and the cache. */
#include "tests/unit/azure_world.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "lib/azure/auth/identity_kinds.h"
#include "lib/azure/auth/token.h"
#include "lib/azure/client.h"
#include "lib/azure/names.h"
#include "lib/base/crypto.h"
#include "lib/json/jpath.h"

#define REQUESTS "tests/unit/data/azure_requests"
#define KEYS     "tests/unit/data/azure_identity/"
#define SCOPE    "https://management.azure.com/.default"
#define TOKEN                                                                                      \
    "{\"access_token\":\"tok3n\",\"expires_in\":\"3599\",\"expires_on\":\"1709254797\","           \
    "\"resource\":\"r\",\"token_type\":\"Bearer\"}"

/* A world whose identity comes only from the environment. */
static struct world world;

static void start_world(void)
{
    struct err err = ERR_INIT;
    world_start(&world, cloud_answer_next);
    cloud_stop(&world.server);
    cloud_start(&world.server, cloud_answer_next, &world);
    azure_free(world.azure);
    world.options = (struct azure_options){.authority = world.server.url, .clock = &world.clock};
    world.azure = azure_new(&world.options, &err);
    assert_string_equal(world.azure ? "" : err.message, "");
    cloud_set_reply(200, "", TOKEN);
    /* Without a metadata service, unless a test sets one. */
    setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:1", 1);
}

static void stop_world(void)
{
    world_stop(&world);
    world_clean_environment();
}

static void set_client(void)
{
    setenv("AZURE_TENANT_ID", WORLD_TENANT, 1);
    setenv("AZURE_CLIENT_ID", WORLD_CLIENT, 1);
}

static struct azure_token *get_token(struct err *err)
{
    *err = (struct err)ERR_INIT;
    return azure_get_token(world.azure, world.http, SCOPE, err);
}

static void expect_token(const char *value)
{
    struct err err;
    struct azure_token *token = get_token(&err);
    assert_string_equal(token ? token->value : err.message, value);
    azure_token_unref(token);
}

static void expect_error(enum err_kind kind, const char *part)
{
    struct err err;
    struct azure_token *token = get_token(&err);
    assert_null(token);
    assert_kind(err, kind);
    if (!strstr(err.message, part))
        assert_string_equal(err.message, part);
}

/* value: of the token in memory; NULL: there is no valid one. */
static void expect_peek(const char *value)
{
    struct azure_token *token = azure_peek_token(world.azure, SCOPE);
    if (value)
        assert_string_equal(token ? token->value : "none", value);
    else
        assert_null(token);
    azure_token_unref(token);
}

/* --- requests --- */

static json_t *form_object(const char *form)
{
    json_t *pairs = world_pairs(form), *object = json_object();
    size_t i;
    json_t *pair;
    json_array_foreach(pairs, i, pair)
        json_object_set(object, json_string_value(json_array_get(pair, 0)),
                        json_array_get(pair, 1));
    json_decref(pairs);
    return object;
}

/* Compares the last request with the recorded one; *form, if given, becomes its form. */
static void check_recorded(const char *name, json_t **form)
{
    json_t *wanted = folder_json(REQUESTS, name), *value;
    char *last = cloud_last(&world.server), method[8], target[1024];
    const char *header;
    assert_int_equal(sscanf(last, "%7s %1023s", method, target), 2);
    assert_string_equal(method, json_string_value(json_object_get(wanted, "method")));
    world_check_target(target, wanted);
    json_object_foreach(json_object_get(wanted, "headers"), header, value) {
        char line[200];
        snprintf(line, sizeof line, "\r\n%s: %s\r\n", header, json_string_value(value));
        assert_non_null(strcasestr(last, line));
    }
    if (form)
        *form = form_object(strstr(last, "\r\n\r\n") + 4);
    free(last);
    json_decref(wanted);
}

static void check_form(const char *name, json_t *form)
{
    json_t *wanted = folder_json(REQUESTS, name);
    assert_json_equal(form, json_object_get(wanted, "form"));
    json_decref(wanted);
}

static void test_client_secret(void **state)
{
    json_t *form;
    (void)state;
    start_world();
    set_client();
    setenv("AZURE_CLIENT_SECRET", "s3cr~t+/=&", 1);
    expect_token("tok3n");
    check_recorded("identity_secret.json", &form);
    check_form("identity_secret.json", form);
    assert_true(cloud_saw(&world.server, "Content-Type: application/x-www-form-urlencoded\r\n"));
    json_decref(form);
    stop_world();
}

static void test_workload_identity(void **state)
{
    char path[] = "/tmp/hgautod-federated-XXXXXX";
    int fd = mkstemp(path);
    json_t *form;
    (void)state;
    start_world();
    set_client();
    setenv("AZURE_FEDERATED_TOKEN_FILE", path, 1);
    assert_int_equal(write(fd, "federated\n", 10), 10);
    expect_token("tok3n");
    check_recorded("identity_workload.json", &form);
    check_form("identity_workload.json", form);
    json_decref(form);
    /* The kubelet rewrites the file before the token expires. */
    assert_int_equal(pwrite(fd, "rewritten", 9, 0), 9);
    world.passed_ms = 3600000;
    expect_token("tok3n");
    assert_true(cloud_saw(&world.server, "client_assertion=rewritten&"));
    /* An expired one will soon be replaced. */
    cloud_set_reply(401, "",
                    "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS700024: Client "
                    "assertion is not within its valid time range.\"}");
    world.passed_ms = 7200000;
    expect_error(ERR_UNAVAILABLE,
                 "AADSTS700024: Client assertion is not within its valid time range");
    close(fd);
    unlink(path);
    stop_world();
}

/* Sets the variables of App Service, with the server as its endpoint. */
static void set_app_service(void)
{
    char endpoint[128];
    snprintf(endpoint, sizeof endpoint, "%s/msi/token", world.server.url);
    setenv("IDENTITY_ENDPOINT", endpoint, 1);
    setenv("IDENTITY_HEADER", "h34d", 1);
}

static void test_app_service(void **state)
{
    (void)state;
    start_world();
    set_app_service();
    expect_token("tok3n");
    check_recorded("identity_app_service.json", NULL);
    setenv("AZURE_CLIENT_ID", WORLD_CLIENT, 1);
    world.passed_ms = 3600000;
    expect_token("tok3n");
    assert_true(cloud_saw(&world.server, "&client_id=" WORLD_CLIENT " HTTP"));
    stop_world();
}

static void test_imds(void **state)
{
    (void)state;
    start_world();
    setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", world.server.url, 1);
    expect_token("tok3n");
    check_recorded("identity_imds.json", NULL);
    setenv("AZURE_CLIENT_ID", WORLD_CLIENT, 1);
    world.passed_ms = 3600000;
    expect_token("tok3n");
    assert_true(cloud_saw(&world.server, "&client_id=" WORLD_CLIENT " HTTP"));
    stop_world();
}

/* --- the assertion, parsed by OpenSSL --- */

static json_t *decode_part(const char *part, size_t n)
{
    struct buf text = buf_make(4096), base64 = buf_make(4096);
    json_error_t why;
    for (size_t i = 0; i < n; i++)
        buf_addc(&base64, part[i] == '-' ? '+' : part[i] == '_' ? '/' : part[i]);
    while (base64.size % 4)
        buf_addc(&base64, '=');
    assert_true(base64_decode(&text, base64.data, base64.size));
    json_t *value = json_loadb(text.data, text.size, 0, &why);
    assert_non_null(value);
    buf_free(&text);
    buf_free(&base64);
    return value;
}

static bool signature_holds(const char *jwt, size_t signed_size)
{
    struct buf signature = buf_make(4096), base64 = buf_make(4096);
    FILE *file = fopen(KEYS "rsa.pem", "r");
    assert_non_null(file);
    X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    assert_non_null(certificate);
    for (const char *c = jwt + signed_size + 1; *c; c++)
        buf_addc(&base64, *c == '-' ? '+' : *c == '_' ? '/' : *c);
    while (base64.size % 4)
        buf_addc(&base64, '=');
    assert_true(base64_decode(&signature, base64.data, base64.size));
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *of_key = NULL;
    assert_int_equal(
        EVP_DigestVerifyInit(ctx, &of_key, EVP_sha256(), NULL, X509_get0_pubkey(certificate)), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(of_key, RSA_PKCS1_PSS_PADDING), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(of_key, 32), 1);
    bool holds = EVP_DigestVerify(ctx, (const unsigned char *)signature.data, signature.size,
                                  (const unsigned char *)jwt, signed_size) == 1;
    EVP_MD_CTX_free(ctx);
    X509_free(certificate);
    buf_free(&signature);
    buf_free(&base64);
    return holds;
}

/* Checks the assertion against what MSAL made of the same certificate. */
static void check_assertion(const char *jwt)
{
    json_t *wanted = folder_json(REQUESTS, "identity_certificate.json");
    const char *dot = strchr(jwt, '.'), *end = strrchr(jwt, '.');
    char audience[256];
    json_t *header = decode_part(jwt, (size_t)(dot - jwt));
    json_t *claims = decode_part(dot + 1, (size_t)(end - dot - 1));
    assert_json_equal(header, json_object_get(wanted, "assertion_header"));
    snprintf(audience, sizeof audience, "%s%s", world.server.url, jstr(wanted, "path"));
    assert_string_equal(jstr(claims, "aud"), audience);
    assert_string_equal(jstr(claims, "iss"), jstr(wanted, "assertion_claims.iss"));
    assert_string_equal(jstr(claims, "sub"), jstr(wanted, "assertion_claims.sub"));
    assert_string_equal(jstr(claims, "jti"), "11111111-1111-4111-9111-111111111111");
    assert_int_equal(jint(claims, "nbf", 0),
                     skew_now(azure_skew(world.azure), &world.clock) / 1000);
    assert_int_equal(jint(claims, "exp", 0) - jint(claims, "nbf", 0),
                     jint(wanted, "assertion_life_s", 0));
    assert_true(signature_holds(jwt, (size_t)(end - jwt)));
    json_decref(header);
    json_decref(claims);
    json_decref(wanted);
}

static void expect_certificate(const char *path, const char *password)
{
    json_t *form;
    start_world();
    set_client();
    setenv("AZURE_CLIENT_CERTIFICATE_PATH", path, 1);
    if (password)
        setenv("AZURE_CLIENT_CERTIFICATE_PASSWORD", password, 1);
    expect_token("tok3n");
    check_recorded("identity_certificate.json", &form);
    check_assertion(jstr(form, "client_assertion"));
    json_object_del(form, "client_assertion");
    check_form("identity_certificate.json", form);
    json_decref(form);
    stop_world();
}

static void test_certificate(void **state)
{
    (void)state;
    expect_certificate(KEYS "rsa.pem", NULL);
    expect_certificate(KEYS "chain.pem", NULL);
    expect_certificate(KEYS "encrypted.pem", "test");
}

static void test_assertion_by_the_services_clock(void **state)
{
    json_t *form;
    (void)state;
    start_world();
    set_client();
    setenv("AZURE_CLIENT_CERTIFICATE_PATH", KEYS "rsa.pem", 1);
    atomic_store(&azure_skew(world.azure)->offset_ms, 7200000);
    expect_token("tok3n");
    check_recorded("identity_certificate.json", &form);
    check_assertion(jstr(form, "client_assertion"));
    json_decref(form);
    stop_world();
}

static void test_unusable_certificates(void **state)
{
    static const struct {
        const char *file, *password, *message;
    } tests[] = {
        {KEYS "none.pem", NULL,
         "client certificate: the certificate file " KEYS
         "none.pem cannot be read: No such file or directory (tried before: client secret: "
         "AZURE_CLIENT_SECRET is not set)"},
        {KEYS "encrypted.pem", NULL, "an encrypted key requires AZURE_CLIENT_CERTIFICATE_PASSWORD"},
        {KEYS "encrypted.pem", "wrong", "PEM format; check AZURE_CLIENT_CERTIFICATE_PASSWORD"},
        {KEYS "ec.pem", NULL, "ec.pem is not an RSA key, which Entra ID requires"},
        {KEYS "mismatched.pem", NULL, "has no certificate that belongs to its key"},
        {"/dev/null", NULL, "/dev/null cannot be read: it is not a regular file"},
        {"Makefile", NULL, "Makefile has no readable private key in PEM format"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        start_world();
        set_client();
        setenv("AZURE_CLIENT_CERTIFICATE_PATH", tests[i].file, 1);
        if (tests[i].password)
            setenv("AZURE_CLIENT_CERTIFICATE_PASSWORD", tests[i].password, 1);
        expect_error(ERR_CREDENTIALS, tests[i].message);
        assert_int_equal(world_count(&world), 0);
        stop_world();
    }
}

/* --- Azure Arc --- */

static char key_path[512];

static void answer_arc(void *ctx, const struct cloud_request *request, struct cloud_reply *reply)
{
    static char challenge[700];
    if (strstr(request->head, "\r\nAuthorization: Basic k3y\r\n")) {
        cloud_answer_next(ctx, request, reply);
        return;
    }
    snprintf(challenge, sizeof challenge, "WWW-Authenticate: Basic realm=%s\r\n", key_path);
    reply->status = 401;
    reply->headers = challenge;
}

/* Tries only the Arc agent, with its keys in `directory`. */
static enum identity_result try_arc(const char *directory, struct err *err, char value[64])
{
    struct identity_params params = {.cloud = azure_cloud(world.azure),
                                     .clock = &world.clock,
                                     .skew = azure_skew(world.azure),
                                     .http = world.http,
                                     .scope = SCOPE,
                                     .client_id = WORLD_CLIENT,
                                     .arc_directory = directory};
    struct azure_token *token = NULL;
    *err = (struct err)ERR_INIT;
    enum identity_result result = identity_try_arc(&params, &token, err);
    snprintf(value, 64, "%.63s", token ? token->value : err->message);
    azure_token_unref(token);
    return result;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void test_arc(void **state)
{
    char directory[] = "/tmp/hgautod-arc-XXXXXX", keys[64], path[128], endpoint[128], value[64];
    struct err err;
    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(keys, sizeof keys, "%s/", directory);
    snprintf(path, sizeof path, "%s/a.key", directory);
    write_file(path, "k3y\n");
    start_world();
    cloud_stop(&world.server);
    cloud_start(&world.server, answer_arc, NULL);
    snprintf(endpoint, sizeof endpoint, "%s/metadata/identity/oauth2/token", world.server.url);
    assert_int_equal(try_arc(keys, &err, value), IDENTITY_NOT_CONFIGURED);
    assert_string_equal(value, "IDENTITY_ENDPOINT is not set");
    setenv("IDENTITY_ENDPOINT", endpoint, 1);
    assert_int_equal(try_arc(keys, &err, value), IDENTITY_NOT_CONFIGURED);
    assert_string_equal(value, "IMDS_ENDPOINT is not set");
    setenv("IMDS_ENDPOINT", world.server.url, 1);

    snprintf(key_path, sizeof key_path, "%s", path);
    int result = try_arc(keys, &err, value);
    assert_string_equal(value, "tok3n");
    assert_int_equal(result, IDENTITY_FOUND);
    check_recorded("identity_arc.json", NULL);
    assert_int_equal(world_count(&world), 2);

    /* Only .key files in that directory are sent. */
    static const char *const others[] = {"/etc/passwd", "%sa.txt", "%s../a.key",
                                         "%ssub/a.key", "%s.key",  ""};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        int before = world_count(&world);
        snprintf(key_path, sizeof key_path, "%s%s", strncmp(others[i], "%s", 2) ? "" : keys,
                 others[i] + (strncmp(others[i], "%s", 2) ? 0 : 2));
        assert_int_equal(try_arc(keys, &err, value), IDENTITY_FAILED);
        assert_non_null(strstr(err.message, "named no .key file in"));
        assert_int_equal(world_count(&world), before + 1);
    }
    setenv("IDENTITY_ENDPOINT", "http://192.0.2.1/", 1);
    assert_int_equal(try_arc(keys, &err, value), IDENTITY_FAILED);
    assert_non_null(strstr(err.message, "is not on this machine"));
    unlink(path);
    rmdir(directory);
    stop_world();
}

/* --- the choice of an identity --- */

static void test_order(void **state)
{
    (void)state;
    start_world();
    set_app_service();
    setenv("AZURE_FEDERATED_TOKEN_FILE", KEYS "rsa.pem", 1);
    setenv("AZURE_CLIENT_CERTIFICATE_PATH", KEYS "rsa.pem", 1);
    setenv("AZURE_CLIENT_SECRET", "s3cret", 1);
    set_client();
    expect_token("tok3n");
    assert_true(cloud_saw(&world.server, "client_secret=s3cret"));
    unsetenv("AZURE_CLIENT_SECRET");
    world.passed_ms += 3600000;
    expect_token("tok3n");
    assert_true(cloud_saw(&world.server, "client_assertion=ey"));
    unsetenv("AZURE_CLIENT_CERTIFICATE_PATH");
    unsetenv("AZURE_FEDERATED_TOKEN_FILE");
    world.passed_ms += 3600000;
    /* Tenant and client alone are not an identity. */
    expect_token("tok3n");
    assert_true(cloud_saw(&world.server, "GET /msi/token?"));
    struct buf text = buf_make(4096);
    azure_describe_identity(world.azure, &text);
    assert_string_equal(
        buf_str(&text),
        "client secret: AZURE_CLIENT_SECRET is not set\n"
        "client certificate: neither AZURE_CLIENT_CERTIFICATE_PATH nor [azure] client_certificate "
        "is set\n"
        "workload identity: AZURE_FEDERATED_TOKEN_FILE is not set\n"
        "App Service: used, client ID " WORLD_CLIENT "\n"
        "Azure Arc: not tried\n"
        "instance metadata (IMDS): not tried\n");
    buf_free(&text);
    stop_world();
}

/* A configured certificate precedes a secret in the environment. */
static void test_configured_certificate(void **state)
{
    struct err err = ERR_INIT;
    (void)state;
    start_world();
    setenv("AZURE_CLIENT_SECRET", "s3cret", 1);
    azure_free(world.azure);
    world.options.tenant_id = WORLD_TENANT;
    world.options.client_id = WORLD_CLIENT;
    world.options.client_certificate = KEYS "rsa.pem";
    world.azure = azure_new(&world.options, &err);
    expect_token("tok3n");
    assert_true(cloud_saw(&world.server, "client_assertion=ey"));
    stop_world();
}

static void test_incomplete(void **state)
{
    (void)state;
    start_world();
    setenv("AZURE_CLIENT_SECRET", "s3cret", 1);
    setenv("AZURE_TENANT_ID", WORLD_TENANT, 1);
    expect_error(ERR_CREDENTIALS,
                 "client secret: AZURE_CLIENT_SECRET is set, but AZURE_CLIENT_ID ([azure] "
                 "client_id) is not");
    stop_world();
    start_world();
    setenv("AZURE_FEDERATED_TOKEN_FILE", "/nowhere", 1);
    expect_error(ERR_CREDENTIALS, "AZURE_TENANT_ID ([azure] tenant_id) is not");
    stop_world();
    start_world();
    set_client();
    setenv("AZURE_FEDERATED_TOKEN_FILE", "/nowhere", 1);
    expect_error(ERR_CREDENTIALS, "the token file /nowhere cannot be read");
    stop_world();
    start_world();
    set_client();
    setenv("AZURE_CLIENT_SECRET", "s3cret", 1);
    setenv("AZURE_TENANT_ID", "../evil", 1);
    expect_error(ERR_CREDENTIALS,
                 "\"../evil\" is not a valid tenant: it must be a GUID or a domain");
    assert_int_equal(world_count(&world), 0);
    stop_world();
}

static void test_none(void **state)
{
    struct err err;
    (void)state;
    start_world();
    setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", world.server.url, 1);
    cloud_set_reply(400, "", "{\"error\":\"invalid_request\"}");
    assert_null(get_token(&err));
    assert_kind(err, ERR_CREDENTIALS);
    assert_non_null(
        strstr(err.message, "no Azure identity: assign a managed identity to the host"));
    assert_non_null(strstr(err.message, "client secret: AZURE_CLIENT_SECRET is not set; "));
    assert_non_null(strstr(err.message, "instance metadata (IMDS): no managed identity is assigned "
                                        "to this machine"));
    stop_world();
}

/* --- responses --- */

static void expect_answer(int status, const char *headers, const char *body, enum err_kind kind,
                          int64_t retry_after_ms, const char *message)
{
    struct err err;
    start_world();
    set_client();
    setenv("AZURE_CLIENT_SECRET", "s3cret", 1);
    cloud_set_reply(status, headers, body);
    assert_null(get_token(&err));
    assert_kind(err, kind);
    assert_int_equal(err.retry_after_ms, retry_after_ms);
    assert_string_equal(err.message, message);
    stop_world();
}

static void test_refusals(void **state)
{
    (void)state;
    expect_answer(401, "",
                  "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: Invalid "
                  "client secret provided.\\r\\nTrace ID: x\"}",
                  ERR_CREDENTIALS, -1,
                  "client secret: the token service responded with HTTP status 401: AADSTS7000215: "
                  "Invalid client secret provided.");
    expect_answer(400, "", "{\"error\":\"temporarily_unavailable\"}", ERR_UNAVAILABLE, 5000,
                  "client secret: the token service responded with HTTP status 400");
    expect_answer(408, "", "", ERR_UNAVAILABLE, 5000,
                  "client secret: the token service responded with HTTP status 408");
    expect_answer(400, "", "<html>", ERR_CREDENTIALS, -1,
                  "client secret: the token service responded with HTTP status 400");
    expect_answer(503, "Retry-After: 4\r\n", "", ERR_UNAVAILABLE, 4000,
                  "client secret: the token service responded with HTTP status 503");
    expect_answer(429, "Retry-After: 4\r\n", "", ERR_UNAVAILABLE, 4000,
                  "client secret: the token service responded with HTTP status 429");
    expect_answer(200, "", "{}", ERR_CREDENTIALS, -1,
                  "client secret: the response from the token service has no usable access_token");
    expect_answer(200, "", "{\"access_token\":\"a\\nb\",\"expires_in\":10}", ERR_CREDENTIALS, -1,
                  "client secret: the response from the token service has no usable access_token");
    expect_answer(200, "", "{\"access_token\":\"s3cret\"}", ERR_CREDENTIALS, -1,
                  "client secret: the response from the token service has no usable expires_in or "
                  "expires_on");
    expect_answer(200, "", "{\"access_token\":\"s3cret\",\"expires_in\":0}", ERR_CREDENTIALS, -1,
                  "client secret: the response from the token service has no usable expires_in or "
                  "expires_on");
    static const char *const ends[] = {"0",
                                       "-5",
                                       "\"soon\"",
                                       "\"13/01/2024 00:59:58 +00:00\"",
                                       "\"03/01/2024 00:59:58 +02:00\"",
                                       "\"03/01/2024\"",
                                       "\"02/28/2024 00:59:58 +00:00\"",
                                       "true",
                                       "null"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char body[200];
        snprintf(body, sizeof body, "{\"access_token\":\"s3cret\",\"expires_on\":%s}", ends[i]);
        expect_answer(
            200, "", body, ERR_CREDENTIALS, -1,
            "client secret: the response from the token service has no usable expires_in or "
            "expires_on");
    }
    expect_answer(200, "", "[\"s3cret\"]", ERR_CREDENTIALS, -1,
                  "client secret: the response from the token service is not a JSON object");
    expect_answer(200, "", "{\"access_token\":\"s3c", ERR_UNAVAILABLE, 5000,
                  "client secret: the response from the token service is not valid JSON; it may be "
                  "incomplete");
}

static void expect_imds(int status, enum err_kind kind, const char *part)
{
    start_world();
    setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", world.server.url, 1);
    cloud_set_reply(status, "",
                    "{\"error\":\"invalid_request\",\"error_description\":\"Identity not found\"}");
    expect_error(kind, part);
    stop_world();
}

static void test_imds_refusals(void **state)
{
    (void)state;
    expect_imds(400, ERR_CREDENTIALS, "no managed identity is assigned to this machine");
    expect_imds(404, ERR_UNAVAILABLE, "HTTP status 404");
    expect_imds(410, ERR_UNAVAILABLE, "HTTP status 410");
    expect_imds(429, ERR_UNAVAILABLE, "HTTP status 429");
    expect_imds(500, ERR_UNAVAILABLE, "HTTP status 500");
    expect_imds(403, ERR_CREDENTIALS, "HTTP status 403: Identity not found");
}

/* Tries only the metadata service, at `host`: "token", "none" or "broken", the kind of error,
 * and its retry_after_ms. */
static void expect_imds_alone(const char *host, struct identity_imds_memory *memory,
                              const char *expected)
{
    struct identity_params params = {.cloud = azure_cloud(world.azure),
                                     .clock = &world.clock,
                                     .skew = azure_skew(world.azure),
                                     .http = world.http,
                                     .scope = SCOPE,
                                     .imds = host,
                                     .imds_memory = memory};
    struct azure_token *token = NULL;
    struct err err = ERR_INIT;
    char is[64];
    enum identity_result result = identity_try_imds(&params, &token, &err);
    snprintf(is, sizeof is, "%s %s %d",
             result == IDENTITY_FOUND            ? "token"
             : result == IDENTITY_NOT_CONFIGURED ? "none"
                                                 : "broken",
             err_kind_name(err.kind), (int)err.retry_after_ms);
    assert_string_equal(is, expected);
    azure_token_unref(token);
}

#define NOBODY "http://127.0.0.1:1"

/* One reset does not prove that there is no metadata service; several do if it has never
 * responded, and so does a refused connection. */
static void test_imds_silent(void **state)
{
    struct identity_imds_memory memory = {0};
    (void)state;
    start_world();
    unsetenv("AZURE_POD_IDENTITY_AUTHORITY_HOST");
    expect_imds_alone(NOBODY, &memory, "none credentials -1");
    /* The connection is accepted and closed. */
    cloud_set_reply(0, "", "");
    expect_imds_alone(world.server.url, &memory, "broken transient 200");
    expect_imds_alone(world.server.url, &memory, "broken transient 400");
    expect_imds_alone(world.server.url, &memory, "none credentials -1");
    cloud_set_reply(404, "", "{}");
    expect_imds_alone(world.server.url, &memory, "broken transient 800");
    /* It has responded, so it exists. */
    cloud_set_reply(0, "", "");
    expect_imds_alone(world.server.url, &memory, "broken transient 1600");
    expect_imds_alone(NOBODY, &memory, "broken transient 3200");
    cloud_set_reply(200, "", TOKEN);
    expect_imds_alone(world.server.url, &memory, "token none -1");
    cloud_set_reply(503, "", "");
    expect_imds_alone(world.server.url, &memory, "broken transient 200");
    cloud_set_reply(429, "Retry-After: 3\r\n", "");
    expect_imds_alone(world.server.url, &memory, "broken throttled 3000");
    stop_world();
}

/* A service named by the environment exists, even if it does not listen yet. */
static void test_imds_named(void **state)
{
    struct identity_imds_memory memory = {0};
    (void)state;
    start_world();
    setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", NOBODY, 1);
    for (int i = 0; i < 5; i++) {
        char expected[64];
        snprintf(expected, sizeof expected, "broken transient %d", 200 << i);
        expect_imds_alone(NOBODY, &memory, expected);
    }
    expect_imds_alone(NOBODY, &memory, "broken transient -1");
    expect_error(ERR_UNAVAILABLE,
                 "instance metadata (IMDS): the instance metadata service does not "
                 "respond at the address in AZURE_POD_IDENTITY_AUTHORITY_HOST: "
                 "cannot connect to 127.0.0.1:1");
    world.passed_ms += 200;
    setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", world.server.url, 1);
    expect_token("tok3n");
    stop_world();
}

static void test_expiry(void **state)
{
    static const struct {
        const char *members;
        int64_t life_s;
    } tests[] = {
        {"\"expires_in\":3599", 3599},
        {"\"expires_in\":\"86399\"", 86399},
        {"\"expires_on\":\"1709254798\"", 3600},
        {"\"expires_on\":1709254798", 3600},
        {"\"expires_in\":\"60\",\"expires_on\":\"1709254798\"", 60},
        {"\"expires_in\":99999999999", 7 * 24 * 3600},
        {"\"expires_on\":99999999999", 7 * 24 * 3600},
        {"\"expires_on\":9223372036854775807", 7 * 24 * 3600},
        {"\"expires_on\":\"03/01/2024 00:59:58 +00:00\"", 3600},
        {"\"expires_on\":\"3/1/2024 12:59:58 AM +00:00\"", 3600},
        {"\"expires_on\":\"3/1/2024 12:59:58 PM +00:00\"", 13 * 3600},
        {"\"expires_on\":\"3/1/2024 1:09:58 PM +00:00\"", 13 * 3600 + 600},
        {"\"expires_on\":\"03/01/2024 13:09:58 PM +00:00\"", 13 * 3600 + 600},
        {"\"expires_on\":\"2024-03-01T00:59:58Z\"", 3600},
        {"\"expires_in\":null,\"expires_on\":\"03/01/2024 00:59:58 +00:00\"", 3600},
    };
    (void)state;
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        char body[200];
        struct err err;
        start_world();
        set_client();
        setenv("AZURE_CLIENT_SECRET", "s3cret", 1);
        snprintf(body, sizeof body, "{\"access_token\":\"t\",%s}", tests[i].members);
        cloud_set_reply(200, "", body);
        struct azure_token *token = get_token(&err);
        assert_non_null(token);
        assert_int_equal(token->expires_ms, WORLD_NOW + tests[i].life_s * 1000);
        azure_token_unref(token);
        stop_world();
    }
}

static void test_expiry_by_the_services_clock(void **state)
{
    static const int64_t ahead_s[] = {7200, -7200};
    (void)state;
    for (size_t i = 0; i < sizeof ahead_s / sizeof *ahead_s; i++) {
        char body[200];
        struct err err;
        start_world();
        set_client();
        setenv("AZURE_CLIENT_SECRET", "s3cret", 1);
        atomic_store(&azure_skew(world.azure)->offset_ms, -ahead_s[i] * 1000);
        snprintf(body, sizeof body, "{\"access_token\":\"t\",\"expires_on\":%lld}",
                 (long long)(WORLD_NOW / 1000 - ahead_s[i] + 3600));
        cloud_set_reply(200, "", body);
        struct azure_token *token = get_token(&err);
        assert_string_equal(token ? token->value : err.message, "t");
        azure_token_unref(token);
        world.passed_ms = 3590000 - 1000;
        expect_peek("t");
        world.passed_ms = 3590000;
        expect_peek(NULL);
        stop_world();
    }
}

/* The claims are in the second part, in base64url; what is not a GUID is ignored. */
static void test_token_owner(void **state)
{
    static const struct {
        const char *claims;
        struct azure_token_owner who;
    } tests[] = {
        {"{\"tid\":\"aaaaaaaa-1111-2222-3333-444444444444\","
         "\"appid\":\"bbbbbbbb-1111-2222-3333-444444444444\","
         "\"oid\":\"CCCCCCCC-1111-2222-3333-444444444444\",\"name\":\"\xc3\xbf\xc3\xbe?"
         "\xef\xbf\xbf>\"}",
         {"aaaaaaaa-1111-2222-3333-444444444444", "bbbbbbbb-1111-2222-3333-444444444444",
          "CCCCCCCC-1111-2222-3333-444444444444"}},
        {"{\"azp\":\"bbbbbbbb-1111-2222-3333-444444444444\"}",
         {"", "bbbbbbbb-1111-2222-3333-444444444444", ""}},
        {"{\"tid\":\"\\u001b[31m\",\"appid\":7,\"oid\":\"bbbbbbbb\"}", {"", "", ""}},
        {"[1]", {"", "", ""}},
        {"", {"", "", ""}},
        {"{\"tid\":", {"", "", ""}},
    };
    struct azure_token_owner who;
    (void)state;
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        struct buf value = buf_make(4096);
        buf_adds(&value, "e30.");
        base64url_add(&value, tests[i].claims, strlen(tests[i].claims));
        buf_adds(&value, ".x");
        struct azure_token *token = azure_token_new(buf_str(&value), 1);
        assert_non_null(token);
        azure_token_read_owner(token, &who);
        assert_string_equal(who.tenant, tests[i].who.tenant);
        assert_string_equal(who.client, tests[i].who.client);
        assert_string_equal(who.object, tests[i].who.object);
        azure_token_unref(token);
        buf_free(&value);
    }
}

static void test_opaque_tokens(void **state)
{
    static const char *const values[] = {"opaque", "a.b", "..", "a.!.c", "", "a.YQ==.c", "a.Y.c"};
    struct azure_token_owner who;
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct azure_token *token = azure_token_new(values[i], 1);
        assert_non_null(token);
        azure_token_read_owner(token, &who);
        assert_string_equal(who.tenant, "");
        assert_string_equal(who.client, "");
        assert_string_equal(who.object, "");
        azure_token_unref(token);
    }
}

/* --- the cache --- */

static void test_cached_by_scope(void **state)
{
    struct err err = ERR_INIT;
    (void)state;
    start_world();
    set_client();
    setenv("AZURE_CLIENT_SECRET", "s3cret", 1);
    expect_token("tok3n");
    expect_token("tok3n");
    assert_int_equal(world_count(&world), 1);
    assert_null(azure_peek_token(world.azure, AZURE_SCOPE_STORAGE));
    struct azure_token *other = azure_get_token(world.azure, world.http, AZURE_SCOPE_STORAGE, &err);
    assert_non_null(other);
    assert_int_equal(world_count(&world), 2);
    assert_true(cloud_saw(&world.server, "scope=https%3A%2F%2Fstorage.azure.com%2F.default"));
    azure_token_unref(other);
    other = azure_peek_token(world.azure, AZURE_SCOPE_STORAGE);
    assert_non_null(other);
    azure_token_unref(other);
    stop_world();
}

/* Refreshes fail, less and less often; the main thread has the old token until shortly before it
 * expires. */
static void test_old_token_while_refreshes_fail(void **state)
{
    static const int64_t pauses[] = {5000, 10000, 20000, 40000, 60000, 60000};
    unsigned tries = 1;
    (void)state;
    start_world();
    set_client();
    setenv("AZURE_CLIENT_SECRET", "s3cret", 1);
    expect_token("tok3n");
    cloud_set_reply(503, "", "");
    world.passed_ms = 3599000 - 300000;
    for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++) {
        expect_peek("tok3n");
        assert_true(azure_token_due(world.azure, SCOPE));
        expect_token("tok3n");
        assert_int_equal(world_count(&world), ++tries);
        world.passed_ms += pauses[i] - 1;
        assert_false(azure_token_due(world.azure, SCOPE));
        expect_peek("tok3n");
        world.passed_ms += 1;
    }
    world.passed_ms = 3599000 - 10001;
    expect_peek("tok3n");
    world.passed_ms += 1;
    expect_peek(NULL);
    /* One is needed, not only due. */
    assert_false(azure_token_due(world.azure, SCOPE));
    stop_world();
}

/* Of a life of 10 s, the last 0.5 s are not used. */
static void test_margin_of_a_short_life(void **state)
{
    (void)state;
    start_world();
    set_client();
    setenv("AZURE_CLIENT_SECRET", "s3cret", 1);
    cloud_set_reply(200, "", "{\"access_token\":\"brief\",\"expires_in\":10}");
    expect_token("brief");
    world.passed_ms = 9499;
    expect_peek("brief");
    world.passed_ms += 1;
    expect_peek(NULL);
    stop_world();
}

/* The refresh is five minutes ahead; if it fails, the old token is used until shortly before it
 * expires. */
static void test_refreshed_ahead(void **state)
{
    (void)state;
    start_world();
    set_client();
    setenv("AZURE_CLIENT_SECRET", "s3cret", 1);
    expect_token("tok3n");
    world.passed_ms = 3599000 - 300001;
    expect_token("tok3n");
    assert_int_equal(world_count(&world), 1);
    assert_false(azure_token_due(world.azure, SCOPE));
    world.passed_ms += 1;
    expect_peek("tok3n");
    assert_true(azure_token_due(world.azure, SCOPE));
    cloud_set_reply(503, "", "");
    expect_token("tok3n");
    assert_int_equal(world_count(&world), 2);
    /* A refresh has just failed. */
    assert_false(azure_token_due(world.azure, SCOPE));
    expect_token("tok3n");
    assert_int_equal(world_count(&world), 2);
    world.passed_ms = 3599000 - 10000;
    expect_error(ERR_UNAVAILABLE, "HTTP status 503");
    assert_int_equal(world_count(&world), 3);
    cloud_set_reply(200, "", "{\"access_token\":\"new\",\"expires_in\":3599}");
    /* The failure is remembered. */
    expect_error(ERR_UNAVAILABLE, "HTTP status 503");
    assert_int_equal(world_count(&world), 3);
    world.passed_ms += 10000;
    expect_token("new");
    stop_world();
}

static void test_refused_by_a_service(void **state)
{
    struct err err;
    (void)state;
    start_world();
    set_client();
    setenv("AZURE_CLIENT_SECRET", "s3cret", 1);
    struct azure_token *first = get_token(&err), *second;
    assert_non_null(first);
    azure_expire_token(world.azure, SCOPE, first);
    assert_null(azure_peek_token(world.azure, SCOPE));
    cloud_set_reply(200, "", "{\"access_token\":\"new\",\"expires_in\":3599}");
    second = get_token(&err);
    assert_string_equal(second ? second->value : err.message, "new");
    /* This one is not in use. */
    azure_expire_token(world.azure, SCOPE, first);
    expect_token("new");
    assert_int_equal(world_count(&world), 2);
    /* It was fetched less than a minute ago, and stays for those whom it serves. */
    azure_expire_token(world.azure, SCOPE, second);
    expect_peek("new");
    expect_token("new");
    assert_int_equal(world_count(&world), 2);
    azure_token_unref(first);
    azure_token_unref(second);
    stop_world();
}

/* *err: the rejection, and what it becomes. */
static struct azure_token *renew_token(const struct azure_token *refused, struct err *err)
{
    err_set(err, ERR_EXPIRED, "InvalidAuthenticationToken", "not yours");
    return azure_renew_token(world.azure, world.http, SCOPE, refused, err);
}

static void test_renewed_after_a_refusal(void **state)
{
    struct err err;
    (void)state;
    start_world();
    set_client();
    setenv("AZURE_CLIENT_SECRET", "s3cret", 1);
    struct azure_token *first = get_token(&err), *other;
    assert_non_null(first);
    /* No other is available: the old one stays for others, whose attempts do not fail. */
    cloud_set_reply(503, "Retry-After: 7\r\n", "");
    for (int i = 0; i < 2; i++) {
        assert_null(renew_token(first, &err));
        assert_kind(err, ERR_UNAVAILABLE);
        assert_int_equal(err.retry_after_ms, 7000);
        expect_peek("tok3n");
        expect_token("tok3n");
    }
    assert_int_equal(world_count(&world), 2);
    world.passed_ms += 7000;
    cloud_set_reply(200, "", "{\"access_token\":\"new\",\"expires_in\":3599}");
    other = renew_token(first, &err);
    assert_string_equal(other ? other->value : err.message, "new");
    azure_token_accepted(other);
    /* The rejection came late: there is another token already. */
    struct azure_token *there = renew_token(first, &err);
    assert_string_equal(there ? there->value : err.message, "new");
    assert_int_equal(world_count(&world), 3);
    azure_token_unref(there);
    /* Less than a minute later: the cause is the request. */
    assert_null(renew_token(other, &err));
    assert_kind(err, ERR_DENIED);
    assert_string_equal(err.message, "not yours");
    expect_token("new");
    assert_int_equal(world_count(&world), 3);
    /* A metadata service may return the same token again. */
    world.passed_ms += 60000;
    assert_null(renew_token(other, &err));
    assert_kind(err, ERR_DENIED);
    assert_int_equal(world_count(&world), 4);
    expect_token("new");
    azure_token_unref(first);
    azure_token_unref(other);
    stop_world();
}

static void test_many_scopes(void **state)
{
    struct err err = ERR_INIT;
    (void)state;
    start_world();
    set_client();
    setenv("AZURE_CLIENT_SECRET", "s3cret", 1);
    for (int i = 0; i < 17; i++) {
        char scope[64];
        snprintf(scope, sizeof scope, "https://%d.example.com/.default", i);
        struct azure_token *token = azure_get_token(world.azure, world.http, scope, &err);
        assert_int_equal(token != NULL, i < 16);
        azure_token_unref(token);
    }
    assert_kind(err, ERR_LIMIT);
    stop_world();
}

static void *get_tokens_in_thread(void *arg)
{
    struct world *w = arg;
    struct http_client *http = http_client_new(&w->http_options);
    for (int i = 0; i < 50; i++) {
        struct err err = ERR_INIT;
        struct azure_token *token = azure_get_token(w->azure, http, SCOPE, &err);
        struct buf text = buf_make(4096);
        azure_describe_identity(w->azure, &text);
        buf_free(&text);
        if (token && i % 10 == 9)
            azure_expire_token(w->azure, SCOPE, token);
        azure_token_unref(token);
        azure_token_unref(azure_peek_token(w->azure, SCOPE));
    }
    http_client_free(http);
    return NULL;
}

static void test_threads(void **state)
{
    pthread_t threads[4];
    (void)state;
    start_world();
    set_client();
    setenv("AZURE_CLIENT_SECRET", "s3cret", 1);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, get_tokens_in_thread, &world), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_true(world_count(&world) >= 1);
    stop_world();
}

/* --- clouds and settings --- */

static void test_clouds(void **state)
{
    (void)state;
    assert_string_equal(azure_cloud_by_name("public")->arm, "https://management.azure.com");
    assert_string_equal(azure_cloud_by_name("AzureCloud")->name, "public");
    assert_string_equal(azure_cloud_by_name("azureusgovernment")->authority,
                        "https://login.microsoftonline.us");
    assert_string_equal(azure_cloud_by_name("usgov")->storage_suffix, "core.usgovcloudapi.net");
    assert_string_equal(azure_cloud_by_name("AzureChinaCloud")->name, "china");
    assert_null(azure_cloud_by_name("germany"));
    assert_null(azure_cloud_by_name(""));
}

static struct azure *make_azure(const struct azure_options *given, struct err *err)
{
    struct azure_options options = *given;
    options.clock = &system_clock;
    *err = (struct err)ERR_INIT;
    return azure_new(&options, err);
}

static void expect_settings(const struct azure_options *options, const char *authority,
                            const char *arm, const char *suffix)
{
    struct err err;
    struct azure *azure = make_azure(options, &err);
    assert_string_equal(azure ? "" : err.message, "");
    assert_string_equal(azure_cloud(azure)->authority, authority);
    assert_string_equal(azure_cloud(azure)->arm, arm);
    assert_string_equal(azure_cloud(azure)->storage_suffix, suffix);
    azure_free(azure);
}

static void test_settings(void **state)
{
    struct err err;
    (void)state;
    world_clean_environment();
    expect_settings(&(struct azure_options){0}, "https://login.microsoftonline.com",
                    "https://management.azure.com", "core.windows.net");
    expect_settings(&(struct azure_options){.cloud = "china"}, "https://login.chinacloudapi.cn",
                    "https://management.chinacloudapi.cn", "core.chinacloudapi.cn");
    setenv("AZURE_AUTHORITY_HOST", "login.microsoftonline.us", 1);
    expect_settings(&(struct azure_options){.cloud = ""}, "https://login.microsoftonline.us",
                    "https://management.azure.com", "core.windows.net");
    expect_settings(&(struct azure_options){.authority = "https://a.example.com/adfs/",
                                            .arm_endpoint = "https://arm.example.com//",
                                            .storage_suffix = "storage.example.com"},
                    "https://a.example.com/adfs", "https://arm.example.com", "storage.example.com");
    struct azure *azure =
        make_azure(&(struct azure_options){.arm_endpoint = "https://arm.example.com/"}, &err);
    assert_string_equal(azure_arm_scope(azure), "https://arm.example.com/.default");
    azure_free(azure);
    world_clean_environment();
}

static void test_invalid_settings(void **state)
{
    static const struct {
        struct azure_options options;
        const char *message;
    } tests[] = {
        {{.cloud = "mars"}, "\"mars\" is not an Azure cloud: use public, usgov or china"},
        {{.authority = "http://login.example.com"},
         "authority is not an https URL: tokens and secrets are sent without TLS only to this "
         "machine"},
        {{.arm_endpoint = "http://arm.example.com"},
         "arm_endpoint is not an https URL: tokens and secrets are sent without TLS only to this "
         "machine"},
        {{.arm_endpoint = "https://arm.example.com/?a=b"}, "arm_endpoint has a query; remove it"},
    };
    struct err err;
    (void)state;
    world_clean_environment();
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        assert_null(make_azure(&tests[i].options, &err));
        assert_kind(err, ERR_INVALID);
        assert_string_equal(err.message, tests[i].message);
    }
    setenv("AZURE_AUTHORITY_HOST", "http://login.example.com", 1);
    assert_null(make_azure(&(struct azure_options){0}, &err));
    assert_non_null(strstr(err.message, "AZURE_AUTHORITY_HOST is not an https URL"));
    world_clean_environment();
}

static void test_guids(void **state)
{
    (void)state;
    assert_true(!azure_guid_problem("aaaaaaaa-1111-2222-3333-44444444444F"));
    assert_false(!azure_guid_problem("aaaaaaaa-1111-2222-3333-444444444444 "));
    assert_false(!azure_guid_problem("aaaaaaaa-1111-2222-3333-44444444444"));
    assert_false(!azure_guid_problem("aaaaaaaa-1111-2222-3333_444444444444"));
    assert_false(!azure_guid_problem("gaaaaaaa-1111-2222-3333-444444444444"));
    assert_false(!azure_guid_problem(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_client_secret),
        cmocka_unit_test(test_workload_identity),
        cmocka_unit_test(test_app_service),
        cmocka_unit_test(test_imds),
        cmocka_unit_test(test_certificate),
        cmocka_unit_test(test_unusable_certificates),
        cmocka_unit_test(test_arc),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_configured_certificate),
        cmocka_unit_test(test_incomplete),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_imds_refusals),
        cmocka_unit_test(test_imds_silent),
        cmocka_unit_test(test_imds_named),
        cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_expiry_by_the_services_clock),
        cmocka_unit_test(test_assertion_by_the_services_clock),
        cmocka_unit_test(test_token_owner),
        cmocka_unit_test(test_opaque_tokens),
        cmocka_unit_test(test_cached_by_scope),
        cmocka_unit_test(test_refreshed_ahead),
        cmocka_unit_test(test_old_token_while_refreshes_fail),
        cmocka_unit_test(test_margin_of_a_short_life),
        cmocka_unit_test(test_refused_by_a_service),
        cmocka_unit_test(test_renewed_after_a_refusal),
        cmocka_unit_test(test_many_scopes),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_clouds),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_invalid_settings),
        cmocka_unit_test(test_guids),
    };
    if (!http_global_init())
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    http_global_cleanup();
    return failed;
}
