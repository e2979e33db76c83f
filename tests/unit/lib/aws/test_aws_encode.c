/* Tests of the encoder: every file of data/aws_encode says what botocore sends for an operation
 * (written by tests/tools/botocore_requests.py); ours must say the same. */
#include "tests/unit/aws_folder.h"

#include "lib/aws/wire/protocol.h"
#include "lib/json/jpath.h"
#include "lib/net/uri.h"

static const struct {
    /* As in botocore. */
    const char *name;
    const struct aws_service *service;
} services[] = {
    {"ec2", &aws_ec2},
    {"sts", &aws_sts},
    {"sqs", &aws_sqs},
    {"sns", &aws_sns},
    {"s3", &aws_s3},
    {"iam", &aws_iam},
    {"lambda", &aws_lambda},
    {"dynamodb", &aws_dynamodb},
    {"ecs", &aws_ecs},
    {"elbv2", &aws_elbv2},
    {"kms", &aws_kms},
    {"rds", &aws_rds},
    {"redshift", &aws_redshift},
    {"workspaces", &aws_workspaces},
};

static const struct aws_service *service_named(const char *name)
{
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++)
        if (strcmp(services[i].name, name) == 0)
            return services[i].service;
    fail_msg("no service %s", name);
    return NULL;
}

static json_t *decoded(const char *text, size_t n)
{
    struct buf b = buf_make(65536);
    json_t *value;
    assert_true(uri_decode(&b, text, n, true));
    value = json_stringn(buf_str(&b), b.size);
    assert_non_null(value);
    buf_free(&b);
    return value;
}

static bool is_before(const json_t *a, const json_t *b)
{
    int order = strcmp(jstr(a, "[0]"), jstr(b, "[0]"));
    return (order != 0 ? order : strcmp(jstr(a, "[1]"), jstr(b, "[1]"))) < 0;
}

/* "a=1&b=2" as sorted pairs: [["a","1"],["b","2"]]. */
static json_t *pairs_of(const char *text)
{
    json_t *all = json_array();
    while (*text) {
        size_t n = strcspn(text, "&");
        const char *equals = memchr(text, '=', n);
        size_t name = equals ? (size_t)(equals - text) : n;
        json_t *pair = json_array();
        size_t i = 0;
        json_array_append_new(pair, decoded(text, name));
        json_array_append_new(pair, equals ? decoded(equals + 1, n - name - 1) : json_string(""));
        while (i < json_array_size(all) && !is_before(pair, json_array_get(all, i)))
            i++;
        assert_int_equal(json_array_insert_new(all, i, pair), 0);
        text += n + (text[n] == '&');
    }
    return all;
}

static void assert_pairs_equal(const char *text, const json_t *wanted)
{
    json_t *is = pairs_of(text);
    assert_json_equal(is, wanted);
    json_decref(is);
}

static void check_url(const struct http_request *request, const char *endpoint,
                      const json_t *expect)
{
    const char *host = strstr(request->url, "://") + 3;
    size_t host_size = strcspn(host, "/");
    const char *path = host + host_size;
    size_t path_size = strcspn(path, "?");
    char part[4096];
    assert_int_equal(strncmp(request->url, endpoint, (size_t)(host - request->url)), 0);
    snprintf(part, sizeof part, "%.*s", (int)host_size, host);
    assert_string_equal(part, jstr(expect, "host"));
    snprintf(part, sizeof part, "%.*s", (int)path_size, path);
    assert_string_equal(part, jstr(expect, "path"));
    assert_pairs_equal(path[path_size] == '?' ? path + path_size + 1 : "", jget(expect, "query"));
}

static void check_headers(const struct http_request *request, const json_t *wanted)
{
    json_t *is = json_object();
    for (size_t i = 0; i < request->headers.count; i++) {
        char name[64];
        size_t n = 0;
        for (const char *c = request->headers.at[i].name; *c && n < 63; c++)
            name[n++] = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
        name[n] = '\0';
        json_object_set_new(is, name, json_string(request->headers.at[i].value));
    }
    assert_json_equal(is, wanted);
    json_decref(is);
}

static void check_body(const struct http_request *request, const json_t *expect)
{
    const char *text = request->body.data ? request->body.data : "";
    assert_int_equal(strlen(text), request->body.size);
    if (jget(expect, "form")) {
        assert_pairs_equal(text, jget(expect, "form"));
    } else if (jget(expect, "json")) {
        json_t *is = json_loads(text, 0, NULL);
        assert_json_equal(is, jget(expect, "json"));
        json_decref(is);
    } else {
        assert_string_equal(text, jstr(expect, "body"));
    }
}

static void test_as_botocore(void **state)
{
    json_t *c = folder_json(*state, "");
    const char *body = jstr(c, "body");
    const struct aws_op op = {.service = service_named(jstr(c, "service")),
                              .name = jstr(c, "operation"),
                              .method = jstr(c, "row.method"),
                              .path = jstr(c, "row.path"),
                              .query = jstr(c, "row.query")};
    struct http_header headers[4];
    struct aws_call call = {.op = &op,
                            .params = jget(c, "params"),
                            .body = {.data = body, .size = body ? strlen(body) : 0},
                            .content_type = jstr(c, "content_type"),
                            .headers = headers,
                            .content_md5 = jbool(c, "content_md5", false)};
    struct http_request request;
    struct err err = ERR_INIT;
    const char *name;
    json_t *value;
    json_object_foreach(jget(c, "headers"), name, value)
        headers[call.header_count++] = (struct http_header){name, json_string_value(value)};
    if (!aws_encode(&call, jstr(c, "endpoint"), jbool(c, "path_style", false), &request, &err))
        fail_msg("refused: %s", err.message);
    assert_string_equal(request.method, jstr(c, "expect.method"));
    check_url(&request, jstr(c, "endpoint"), jget(c, "expect"));
    check_headers(&request, jget(c, "expect.headers"));
    check_body(&request, jget(c, "expect"));
    http_request_free(&request);
    json_decref(c);
}

/* --- what botocore cannot tell --- */

static const struct aws_op get_object = {&aws_s3, "GetObject", .method = "GET",
                                         .path = "/{Bucket}/{Key+}"};
static const struct aws_op get_function = {&aws_lambda, "GetFunction", .method = "GET",
                                           .path = "/2015-03-31/functions/{FunctionName}"};
static const struct aws_op stop_instances = {&aws_ec2, "StopInstances", .changes = true};

/* Encodes and answers the URL, or the error's message. */
static void assert_encodes_to(const struct aws_op *op, const char *endpoint, const char *params,
                              const char *wanted)
{
    json_t *p = json_loads(params, 0, NULL);
    struct aws_call call = {.op = op, .params = p};
    struct http_request request;
    struct err err = ERR_INIT;
    assert_non_null(p);
    if (aws_encode(&call, endpoint, false, &request, &err)) {
        assert_string_equal(request.url, wanted);
        http_request_free(&request);
    } else {
        assert_string_equal(err.message, wanted);
        assert_int_equal(err.kind, ERR_INVALID);
        assert_string_equal(err.operation, op->name);
        assert_null(request.url);
    }
    json_decref(p);
}

static void test_labels(void **state)
{
    const char *l = "https://l";
    (void)state;
    assert_encodes_to(&get_function, l, "{\"FunctionName\":\"a/b?c\"}",
                      "https://l/2015-03-31/functions/a%2Fb%3Fc");
    assert_encodes_to(&get_function, l, "{\"FunctionName\":7}", "https://l/2015-03-31/functions/7");
    assert_encodes_to(&get_function, l, "{\"FunctionName\":\"...\"}",
                      "https://l/2015-03-31/functions/...");
    assert_encodes_to(&get_function, l, "{}", "the parameter FunctionName is missing or empty");
    assert_encodes_to(&get_function, l, "{\"FunctionName\":\"\"}",
                      "the parameter FunctionName is missing or empty");
    assert_encodes_to(&get_function, l, "{\"FunctionName\":[\"a\"]}",
                      "the parameter FunctionName is missing or empty");
    assert_encodes_to(
        &get_function, l, "{\"FunctionName\":\".\"}",
        "the parameter FunctionName contains a path segment \".\" or \"..\", which is not allowed");
    assert_encodes_to(
        &get_function, l, "{\"FunctionName\":\"..\"}",
        "the parameter FunctionName contains a path segment \".\" or \"..\", which is not allowed");
    assert_encodes_to(&get_function, l, "{\"FunctionName\":\"f\",\"Q\":{\"a\":1}}",
                      "the parameter Q cannot be sent in a URL's query");
}

static void test_keys(void **state)
{
    const char *s3 = "https://s3.r.x";
    const char *dots =
        "the parameter Key contains a path segment \".\" or \"..\", which is not allowed";
    (void)state;
    assert_encodes_to(&get_object, s3, "{\"Bucket\":\"abc\",\"Key\":\"/a//b/\"}",
                      "https://abc.s3.r.x//a//b/");
    assert_encodes_to(&get_object, s3, "{\"Bucket\":\"abc\",\"Key\":\"..a/b..\"}",
                      "https://abc.s3.r.x/..a/b..");
    assert_encodes_to(&get_object, s3, "{\"Bucket\":\"abc\",\"Key\":\"..\"}", dots);
    assert_encodes_to(&get_object, s3, "{\"Bucket\":\"abc\",\"Key\":\"../other\"}", dots);
    assert_encodes_to(&get_object, s3, "{\"Bucket\":\"abc\",\"Key\":\"a/./b\"}", dots);
    assert_encodes_to(&get_object, s3, "{\"Bucket\":\"abc\",\"Key\":\"a/..\"}", dots);
}

#define BUCKET_RULE "is not a valid bucket name: use 3 to 255 of the characters A-Z a-z 0-9 . _ -"

static void test_buckets(void **state)
{
    const char *s3 = "https://s3.r.x";
    (void)state;
    assert_encodes_to(&get_object, "http://s3.r.x:9000", "{\"Bucket\":\"a.b\",\"Key\":\"k\"}",
                      "http://a.b.s3.r.x:9000/k");
    assert_encodes_to(&get_object, s3, "{\"Bucket\":\"a.b\",\"Key\":\"k\"}",
                      "https://s3.r.x/a.b/k");
    /* no host can have these */
    assert_encodes_to(&get_object, s3, "{\"Bucket\":\"My_Old.Bucket\",\"Key\":\"k\"}",
                      "https://s3.r.x/My_Old.Bucket/k");
    assert_encodes_to(&get_object, "http://s3.r.x", "{\"Bucket\":\"a..b\",\"Key\":\"k\"}",
                      "http://s3.r.x/a..b/k");
    assert_encodes_to(&get_object, s3, "{\"Bucket\":\"evil.example/\",\"Key\":\"k\"}",
                      "\"evil.example/\" " BUCKET_RULE);
    assert_encodes_to(&get_object, s3, "{\"Bucket\":\"u@evil\",\"Key\":\"k\"}",
                      "\"u@evil\" " BUCKET_RULE);
    assert_encodes_to(&get_object, s3, "{\"Key\":\"k\"}", "\"\" " BUCKET_RULE);
}

static void expect_owner(const struct aws_op *op, const char *owner, const char *wanted)
{
    json_t *params = json_pack("{s:s}", "Bucket", "bucket");
    struct aws_call call = {.op = op, .params = params, .bucket_owner = owner};
    struct http_request request;
    struct err err = ERR_INIT;
    assert_true(aws_encode(&call, "https://s3.r.x", false, &request, &err));
    const char *is = http_headers_get(&request.headers, "x-amz-expected-bucket-owner");
    assert_string_equal(is ? is : "", wanted);
    http_request_free(&request);
    json_decref(params);
}

/* Whose the bucket must be goes with each call, but for the one that makes it. */
static void test_the_owner_that_is_expected(void **state)
{
    static const struct aws_op head = {&aws_s3, "HeadBucket", .method = "HEAD",
                                       .path = "/{Bucket}"};
    static const struct aws_op create = {&aws_s3, "CreateBucket", .method = "PUT",
                                         .path = "/{Bucket}", .makes_bucket = true};
    (void)state;
    expect_owner(&head, "123456789012", "123456789012");
    expect_owner(&head, NULL, "");
    expect_owner(&create, "123456789012", "");
}

static void test_a_long_key_fits_and_a_longer_one_does_not(void **state)
{
    struct buf params = buf_make(32768);
    struct buf url = buf_make(32768);
    (void)state;
    buf_adds(&params, "{\"Bucket\":\"abc\",\"Key\":\"");
    buf_adds(&url, "https://abc.s3.r.x/");
    for (int i = 0; i < 1024; i++) {
        buf_adds(&params, "+");
        buf_adds(&url, "%2B");
    }
    buf_adds(&params, "\"}");
    assert_encodes_to(&get_object, "https://s3.r.x", buf_str(&params), buf_str(&url));
    params.size -= 2;
    for (int i = 0; i < 5000; i++)
        buf_adds(&params, "+");
    buf_adds(&params, "\"}");
    assert_encodes_to(&get_object, "https://s3.r.x", buf_str(&params),
                      "the URL is longer than 16384 bytes");
    buf_free(&params);
    buf_free(&url);
}

static void test_query_values(void **state)
{
    json_t *p = json_pack("{s:f, s:f, s:I, s:n, s:[s,n], s:{}}", "Tenth", 0.1, "Big", 1e100, "Min",
                          (json_int_t)INT64_MIN, "None", "List", "a", "Empty");
    struct aws_call call = {.op = &stop_instances, .params = p};
    struct http_request request;
    struct err err = ERR_INIT;
    (void)state;
    assert_true(aws_encode(&call, "https://e", false, &request, &err));
    assert_string_equal(request.body.data,
                        "Action=StopInstances&Version=2016-11-15&Tenth=0.1&Big=1e%2B100"
                        "&Min=-9223372036854775808&List.1=a");
    http_request_free(&request);
    json_decref(p);
}

static void test_refuses_deep_parameters(void **state)
{
    json_t *p = json_pack("{s:s}", "a", "b");
    struct aws_call call = {.op = &stop_instances};
    struct http_request request;
    struct err err = ERR_INIT;
    (void)state;
    for (int i = 0; i < 40; i++)
        p = json_pack("{s:o}", "a", p);
    call.params = p;
    assert_false(aws_encode(&call, "https://e", false, &request, &err));
    assert_int_equal(err.kind, ERR_INVALID);
    assert_non_null(strstr(err.message, "nested too deeply"));
    json_decref(p);
}

static void test_refuses_header_injection(void **state)
{
    json_t *p = json_pack("{s:s, s:s}", "Bucket", "abc", "Key", "k");
    struct http_header header = {"If-Match", "\"a\"\r\nHost: evil"};
    struct aws_call call = {.op = &get_object, .params = p, .headers = &header, .header_count = 1};
    struct http_request request;
    struct err err = ERR_INIT;
    (void)state;
    assert_false(aws_encode(&call, "https://e", false, &request, &err));
    assert_int_equal(err.kind, ERR_INVALID);
    assert_non_null(strstr(err.message, "the header If-Match cannot be sent"));
    json_decref(p);
}

static size_t read_nothing(void *ctx, void *to, size_t n)
{
    (void)ctx, (void)to, (void)n;
    return 0;
}

static void test_refuses_md5_of_a_stream(void **state)
{
    json_t *p = json_pack("{s:s, s:s}", "Bucket", "abc", "Key", "k");
    struct aws_call call = {
        .op = &get_object, .params = p, .content_md5 = true, .body.read = read_nothing};
    struct http_request request;
    struct err err = ERR_INIT;
    (void)state;
    assert_false(aws_encode(&call, "https://e", false, &request, &err));
    assert_string_equal(err.message, "Content-MD5 of a streamed body is not supported");
    json_decref(p);
}

static void test_limits_are_passed_on(void **state)
{
    struct aws_call call = {.op = &stop_instances, .response_max = 123, .timeout_ms = 456};
    struct http_request request;
    struct err err = ERR_INIT;
    (void)state;
    assert_true(aws_encode(&call, "https://e", false, &request, &err));
    assert_int_equal(request.response_max, 123);
    assert_int_equal(request.timeout_ms, 456);
    assert_true(request.owned_body.secret);
    http_request_free(&request);
}

static void test_refuses_a_relative_endpoint(void **state)
{
    (void)state;
    assert_encodes_to(&stop_instances, "ec2.example", "{}",
                      "the endpoint ec2.example is not an absolute URL");
}

int main(void)
{
    static struct folder_tests tests;
    folder_add(&tests, "tests/unit/data/aws_encode", ".json", test_as_botocore);
    folder_add_test(&tests, "labels", test_labels);
    folder_add_test(&tests, "keys", test_keys);
    folder_add_test(&tests, "buckets", test_buckets);
    folder_add_test(&tests, "the owner that is expected", test_the_owner_that_is_expected);
    folder_add_test(&tests, "a long key fits and a longer one does not",
                    test_a_long_key_fits_and_a_longer_one_does_not);
    folder_add_test(&tests, "query values", test_query_values);
    folder_add_test(&tests, "refuses deep parameters", test_refuses_deep_parameters);
    folder_add_test(&tests, "refuses header injection", test_refuses_header_injection);
    folder_add_test(&tests, "refuses MD5 of a stream", test_refuses_md5_of_a_stream);
    folder_add_test(&tests, "limits are passed on", test_limits_are_passed_on);
    folder_add_test(&tests, "refuses a relative endpoint", test_refuses_a_relative_endpoint);
    return folder_run("aws_encode", &tests);
}
