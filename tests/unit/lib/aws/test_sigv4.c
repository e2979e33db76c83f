/* Tests of SigV4 against the published vectors (tests/data/sigv4) and against botocore's
 * signatures. */
#include "tests/unit/aws_folder.h"

#include "lib/aws/auth/sigv4.h"
#include "lib/base/clock.h"
#include "lib/json/jpath.h"

/* Cuts the next line off *text and terminates it; NULL at the end. */
static char *cut_line(char **text)
{
    char *line = *text, *end;
    if (!line || !*line)
        return NULL;
    end = strchr(line, '\n');
    *text = end ? end + 1 : line + strlen(line);
    if (end)
        *end = '\0';
    return line;
}

/* Adds the header of `line`. Lines after it that begin with a blank continue its value: folding,
 * which HTTP no longer has and which is joined by a space here. */
static void add_header_lines(struct http_headers *headers, char *line, char **rest)
{
    struct buf value = buf_make(8192);
    char *colon = strchr(line, ':');
    assert_non_null(colon);
    *colon = '\0';
    buf_adds(&value, colon + 1);
    while (**rest == ' ')
        buf_addf(&value, " %s", cut_line(rest));
    assert_true(http_headers_add(headers, line, buf_str(&value)));
    buf_free(&value);
}

/* Fills a request from the raw text of request.txt. */
static void parse_request(char *text, struct http_request *request)
{
    char *line = cut_line(&text);
    char *target = strchr(line, ' ') + 1;
    char *end = strstr(target, " HTTP/1.1");
    assert_non_null(end);
    *end = '\0';
    request->method = strncmp(line, "GET ", 4) == 0 ? "GET" : "POST";
    assert_true(asprintf(&request->url, "https://example.amazonaws.com%s", target) > 0);
    while ((line = cut_line(&text)) && *line && *line != '\r')
        add_header_lines(&request->headers, line, &text);
    request->body = (struct http_body){.data = text, .size = strlen(text)};
}

static struct aws_creds *load_creds(const json_t *context)
{
    return aws_creds_new(jstr(context, "credentials.access_key_id"),
                         jstr(context, "credentials.secret_access_key"),
                         jstr(context, "credentials.token"), INT64_MAX, "test");
}

/* Compares with what a file of the vector holds. */
static void assert_file_equal(const char *dir, const char *name, const char *is)
{
    struct buf wanted = folder_read(dir, name);
    assert_string_equal(is, buf_str(&wanted));
    buf_free(&wanted);
}

static void test_vector(void **state)
{
    const char *dir = *state;
    json_t *context = folder_json(dir, "context.json");
    struct buf text = folder_read(dir, "request.txt");
    struct aws_creds *creds = load_creds(context);
    struct http_request request = {0};
    struct sigv4_trace trace;
    struct err err = ERR_INIT;
    struct sigv4_options options = {.region = jstr(context, "region"),
                                    .service = jstr(context, "service"),
                                    .normalize_path = jbool(context, "normalize", true),
                                    .double_encode_path = true,
                                    .add_content_sha256 = jbool(context, "sign_body", false),
                                    .omit_session_token =
                                        jbool(context, "omit_session_token", false)};
    const char *authorization, *signature;
    assert_true(clock_parse(jstr(context, "timestamp"), &options.now_ms));
    parse_request(text.data, &request);
    assert_true(sigv4_sign(&request, creds, &options, &trace, &err));
    assert_file_equal(dir, "header-canonical-request.txt", buf_str(&trace.canonical_request));
    assert_file_equal(dir, "header-string-to-sign.txt", buf_str(&trace.string_to_sign));
    authorization = http_headers_get(&request.headers, "Authorization");
    assert_non_null(authorization);
    signature = strstr(authorization, "Signature=");
    assert_non_null(signature);
    assert_file_equal(dir, "header-signature.txt", signature + strlen("Signature="));

    /* The whole header, and a token that is not signed, stand in the signed request. */
    struct buf signed_request = folder_read(dir, "header-signed-request.txt");
    assert_non_null(strstr(buf_str(&signed_request), authorization));
    buf_free(&signed_request);
    if (creds->session_token)
        assert_string_equal(http_headers_get(&request.headers, "X-Amz-Security-Token"),
                            creds->session_token);

    buf_free(&trace.canonical_request);
    buf_free(&trace.string_to_sign);
    http_request_free(&request);
    aws_creds_unref(creds);
    buf_free(&text);
    json_decref(context);
}

/* A body that is given out in pieces of seven bytes. */
struct stream {
    const char *text;
    size_t at;
    unsigned rewinds;
};

static size_t stream_read(void *ctx, void *to, size_t n)
{
    struct stream *s = ctx;
    size_t left = strlen(s->text + s->at);
    n = n > 7 ? 7 : n;
    n = n > left ? left : n;
    memcpy(to, s->text + s->at, n);
    s->at += n;
    return n;
}

static void stream_rewind(void *ctx)
{
    struct stream *s = ctx;
    s->at = 0;
    s->rewinds++;
}

/* Signs the request of a file, from memory or as a stream, and compares with botocore's signature.
 */
static void sign_as_botocore(const char *path, bool streamed)
{
    json_t *c = folder_json(path, "");
    const char *body = jstr(c, "body");
    struct stream stream = {.text = body, .at = 3};
    struct aws_creds *creds = aws_creds_new(jstr(c, "access_key_id"), jstr(c, "secret_access_key"),
                                            jstr(c, "session_token"), INT64_MAX, "test");
    struct http_request request = {.method = jstr(c, "method"), .url = strdup(jstr(c, "url"))};
    bool s3 = strcmp(jstr(c, "service"), "s3") == 0;
    struct sigv4_options options = {.region = jstr(c, "region"),
                                    .service = jstr(c, "service"),
                                    .now_ms = jint(c, "now_ms", 0),
                                    .normalize_path = !s3,
                                    .double_encode_path = !s3,
                                    .add_content_sha256 = s3};
    struct err err = ERR_INIT;
    const char *name;
    json_t *value;
    if (streamed)
        request.body = (struct http_body){
            .size = strlen(body), .read = stream_read, .rewind = stream_rewind, .ctx = &stream};
    else
        request.body = (struct http_body){.data = body, .size = strlen(body)};
    json_object_foreach(jget(c, "headers"), name, value)
        assert_true(http_headers_add(&request.headers, name, json_string_value(value)));
    assert_true(sigv4_sign(&request, creds, &options, NULL, &err));
    assert_string_equal(http_headers_get(&request.headers, "Authorization"),
                        jstr(c, "expect.authorization"));
    if (streamed)
        /* Ready to be sent. */
        assert_int_equal(stream.at, 0);
    http_request_free(&request);
    aws_creds_unref(creds);
    json_decref(c);
}

static void test_botocore(void **state)
{
    sign_as_botocore(*state, false);
    sign_as_botocore(*state, true);
}

/* --- what is refused, and what is left alone --- */

static const struct sigv4_options plain = {
    .region = "eu-west-1", .service = "ec2", .normalize_path = true, .double_encode_path = true};

static bool sign_url(const char *url, const char *secret, struct http_request *request,
                     struct err *err)
{
    struct aws_creds *creds = aws_creds_new("AKID", secret, NULL, INT64_MAX, "environment");
    bool ok;
    request->method = "GET";
    request->url = strdup(url);
    ok = sigv4_sign(request, creds, &plain, NULL, err);
    aws_creds_unref(creds);
    return ok;
}

static void test_refuses_a_relative_url(void **state)
{
    struct http_request request = {0};
    struct err err = ERR_INIT;
    (void)state;
    assert_false(sign_url("/relative", "s", &request, &err));
    assert_int_equal(err.kind, ERR_INVALID);
    assert_string_equal(
        err.message,
        "cannot sign a request: its URL is not valid: it does not begin with http:// or "
        "https://");
    http_request_free(&request);
}

static void test_refuses_too_many_parameters(void **state)
{
    struct http_request request = {0};
    struct err err = ERR_INIT;
    struct buf url = buf_make(4096);
    (void)state;
    buf_adds(&url, "https://h/?");
    for (int i = 0; i < 65; i++)
        buf_addf(&url, "p%d=1&", i);
    assert_false(sign_url(buf_str(&url), "s", &request, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    assert_non_null(strstr(err.message, "64 query parameters"));
    http_request_free(&request);
    buf_free(&url);
}

static void test_says_where_a_broken_secret_comes_from(void **state)
{
    struct http_request request = {0};
    struct err err = ERR_INIT;
    char secret[600];
    (void)state;
    memset(secret, 'S', sizeof secret - 1);
    secret[sizeof secret - 1] = '\0';
    assert_false(sign_url("https://h/", secret, &request, &err));
    assert_int_equal(err.kind, ERR_CREDENTIALS);
    assert_string_equal(err.message,
                        "the secret access key (from environment) is longer than 508 characters");
    http_request_free(&request);
}

static void test_refuses_a_stream_of_another_size(void **state)
{
    struct stream stream = {.text = "ten bytes."};
    struct http_request request = {
        .body = {.size = 11, .read = stream_read, .rewind = stream_rewind, .ctx = &stream}};
    struct err err = ERR_INIT;
    (void)state;
    assert_false(sign_url("https://h/", "s", &request, &err));
    assert_string_equal(err.message, "a request's body gave 10 bytes where 11 were announced");
    http_request_free(&request);
}

static void test_keeps_a_given_date_and_host(void **state)
{
    struct http_request request = {0};
    struct err err = ERR_INIT;
    (void)state;
    assert_true(http_headers_add(&request.headers, "x-amz-date", "20150830T123600Z"));
    assert_true(http_headers_add(&request.headers, "host", "other"));
    assert_true(sign_url("https://h/", "s", &request, &err));
    assert_int_equal(request.headers.count, 3);
    assert_non_null(strstr(http_headers_get(&request.headers, "Authorization"),
                           "Credential=AKID/20150830/eu-west-1/ec2/aws4_request, "
                           "SignedHeaders=host;x-amz-date, "));
    http_request_free(&request);
}

static void test_takes_a_payload_hash_as_it_is(void **state)
{
    struct http_request request = {.method = "PUT", .url = strdup("https://b.s3.amazonaws.com/k")};
    struct aws_creds *creds = aws_creds_new("AKID", "s", NULL, INT64_MAX, "test");
    struct sigv4_options options = {.region = "eu-west-1",
                                    .service = "s3",
                                    .add_content_sha256 = true,
                                    .payload_hash = "UNSIGNED-PAYLOAD"};
    struct err err = ERR_INIT;
    (void)state;
    assert_true(sigv4_sign(&request, creds, &options, NULL, &err));
    assert_string_equal(http_headers_get(&request.headers, "x-amz-content-sha256"),
                        "UNSIGNED-PAYLOAD");
    http_request_free(&request);
    aws_creds_unref(creds);
}

/* Signs the same request with the key of `secret`, at that time, for that region and service. */
static char *authorization(const char *secret, const struct sigv4_options *options)
{
    struct http_request request = {.method = "GET", .url = strdup("https://h/")};
    struct aws_creds *creds = aws_creds_new("AKID", secret, NULL, INT64_MAX, "test");
    struct err err = ERR_INIT;
    assert_true(sigv4_sign(&request, creds, options, NULL, &err));
    char *text = strdup(http_headers_get(&request.headers, "Authorization"));
    http_request_free(&request);
    aws_creds_unref(creds);
    return text;
}

/* Also where a secret was corrected under the same access key id, and more keys than are kept. */
static void test_kept_keys_sign_as_new_ones_do(void **state)
{
    static const char *const regions[] = {"eu-west-1", "eu-west-10", "us-east-1"};
    static const char *const services[] = {"ec2", "s3", "a-service-with-a-name-of-0123456789"};
    struct sigv4_keys *keys = sigv4_keys_new();
    (void)state;
    assert_non_null(keys);
    for (unsigned i = 0; i < 2 * 3 * 3 * 2 * 12; i++) {
        char secret[16];
        snprintf(secret, sizeof secret, "s%u", i % 2);
        struct sigv4_options options = {.region = regions[i / 2 % 3],
                                        .service = services[i / 6 % 3],
                                        .now_ms = (int64_t)(i / 36) * 86400000};
        char *fresh = authorization(secret, &options);
        options.keys = keys;
        char *first = authorization(secret, &options);
        char *again = authorization(secret, &options);
        assert_string_equal(first, fresh);
        assert_string_equal(again, fresh);
        free(fresh);
        free(first);
        free(again);
    }
    sigv4_keys_free(keys);
}

/* A scope too long to be kept. */
static void test_signs_for_a_long_region(void **state)
{
    struct sigv4_keys *keys = sigv4_keys_new();
    char region[200];
    memset(region, 'r', sizeof region - 1);
    region[sizeof region - 1] = '\0';
    struct sigv4_options options = {.region = region, .service = "ec2"};

    (void)state;
    char *fresh = authorization("s", &options);
    options.keys = keys;
    char *kept = authorization("s", &options);
    assert_string_equal(kept, fresh);
    free(fresh);
    free(kept);
    sigv4_keys_free(keys);
}

int main(void)
{
    static struct folder_tests tests;
    folder_add(&tests, "tests/data/sigv4", "", test_vector);
    folder_add(&tests, "tests/unit/data/sigv4", ".json", test_botocore);
    folder_add_test(&tests, "refuses a relative URL", test_refuses_a_relative_url);
    folder_add_test(&tests, "refuses too many parameters", test_refuses_too_many_parameters);
    folder_add_test(&tests, "says where a broken secret comes from",
                    test_says_where_a_broken_secret_comes_from);
    folder_add_test(&tests, "refuses a stream of another size",
                    test_refuses_a_stream_of_another_size);
    folder_add_test(&tests, "keeps a given date and host", test_keeps_a_given_date_and_host);
    folder_add_test(&tests, "takes a payload hash as it is", test_takes_a_payload_hash_as_it_is);
    folder_add_test(&tests, "kept keys sign as new ones do", test_kept_keys_sign_as_new_ones_do);
    folder_add_test(&tests, "signs for a long region", test_signs_for_a_long_region);
    return folder_run("sigv4", &tests);
}
