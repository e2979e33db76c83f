/* Tests of the S3 operations over an aws_call of our own, which encodes and decodes as the real one
 * does and answers from a script instead of the network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/aws/names.h"
#include "lib/aws/s3.h"
#include "lib/json/jpath.h"

#define STEPS_MAX 6

/* What must be asked, and what is answered then. */
struct step {
    /* Method, URL, then "Name: value" for each header, a line each. */
    const char *request;
    int status;
    /* "Name: value" lines. */
    const char *headers;
    const char *body;
};

struct script {
    struct step steps[STEPS_MAX];
    size_t at;
};

/* The real struct is private to lib/aws; here it is the script. */
struct aws {
    struct script script;
};

static void add_header_lines(struct http_headers *headers, const char *lines)
{
    char name[64], value[256];
    while (lines && sscanf(lines, "%63[^:]: %255[^\n]", name, value) == 2) {
        assert_true(http_headers_add(headers, name, value));
        lines = strchr(lines, '\n');
        lines = lines ? lines + 1 : NULL;
    }
}

static void check_request(const struct aws_call *call, const char *wanted)
{
    struct http_request request;
    struct buf is = buf_make(8192);
    struct err err = ERR_INIT;
    if (!aws_encode(call, "https://s3.eu-west-1.amazonaws.com", false, &request, &err))
        fail_msg("refused: %s", err.message);
    buf_addf(&is, "%s %s\n", request.method, request.url);
    for (size_t i = 0; i < request.headers.count; i++)
        buf_addf(&is, "%s: %s\n", request.headers.at[i].name, request.headers.at[i].value);
    assert_string_equal(buf_str(&is), wanted);
    buf_free(&is);
    http_request_free(&request);
}

/* Takes the place of the one in call.c. */
bool aws_call(struct aws *aws, struct http_client *http, const struct aws_call *call,
              json_t **answer, struct err *err)
{
    const struct step *step = &aws->script.steps[aws->script.at++];
    struct http_response response = {.status = step->status, .body = buf_make(1u << 20)};
    bool ok = true;
    (void)http;
    assert_true(aws->script.at <= STEPS_MAX && step->request);
    check_request(call, step->request);
    add_header_lines(&response.headers, step->headers);
    assert_true(buf_adds(&response.body, step->body ? step->body : ""));
    if (call->raw_body && step->status / 100 == 2) {
        *answer = json_object();
        assert_true(buf_add(call->raw_body, response.body.data, response.body.size));
    } else {
        ok = aws_decode(call->op, &response, answer, err);
    }
    if (ok && call->response_headers) {
        *call->response_headers = response.headers;
        response.headers = (struct http_headers){0};
    }
    http_response_free(&response);
    return ok;
}

static const struct s3_bucket bucket = {.name = "bucket"};

#define OBJECT_URL "https://bucket.s3.eu-west-1.amazonaws.com/a/b%20c"
#define LIST_URL   "https://bucket.s3.eu-west-1.amazonaws.com/?list-type=2&prefix=a%2F"

/* --- objects --- */

static void test_get(void **state)
{
    struct aws aws = {{.steps = {{"GET " OBJECT_URL "\n", 200,
                                  "Date: Thu, 01 Jan 2026 00:00:09 GMT\n"
                                  "ETag: \"e1\"\nLast-Modified: Thu, 01 Jan 2026 00:00:01 GMT\n",
                                  "hello"}}}};
    struct buf body = buf_make(100);
    struct object_meta meta;
    struct err err = ERR_INIT;
    (void)state;
    assert_true(s3_get(&aws, NULL, &bucket, "a/b c", &body, &meta, &err));
    assert_string_equal(buf_str(&body), "hello");
    assert_string_equal(meta.etag, "\"e1\"");
    assert_int_equal(meta.modified_ms, 1767225601000);
    assert_int_equal(meta.now_ms, 1767225609000);
    assert_int_equal(meta.size, 5);
    buf_free(&body);
}

static void test_get_what_is_gone(void **state)
{
    struct aws aws = {
        {.steps = {{"GET " OBJECT_URL "\n", 404, NULL,
                    "<Error><Code>NoSuchKey</Code><Message>Gone.</Message></Error>"}}}};
    struct buf body = buf_make(100);
    struct err err = ERR_INIT;
    (void)state;
    assert_false(s3_get(&aws, NULL, &bucket, "a/b c", &body, NULL, &err));
    assert_int_equal(err.kind, ERR_NOT_FOUND);
    assert_string_equal(err.code, "NoSuchKey");
    assert_string_equal(err.operation, "GetObject");
    buf_free(&body);
}

static void test_head(void **state)
{
    struct aws aws = {{.steps = {{"HEAD " OBJECT_URL "\n", 200,
                                  "Content-Length: 1234\nETag: \"e\"\n"
                                  "Last-Modified: Thu, 01 Jan 2026 00:00:01 GMT\n"
                                  "date: yesterday\n"},
                                 {"HEAD " OBJECT_URL "\n", 404}}}};
    struct object_meta meta;
    struct err err = ERR_INIT;
    (void)state;
    assert_true(s3_head(&aws, NULL, &bucket, "a/b c", &meta, NULL, &err));
    assert_int_equal(meta.size, 1234);
    assert_string_equal(meta.etag, "\"e\"");
    assert_int_equal(meta.modified_ms, 1767225601000);
    /* Not told. */
    assert_int_equal(meta.now_ms, 0);
    assert_false(s3_head(&aws, NULL, &bucket, "a/b c", &meta, NULL, &err));
    assert_int_equal(err.kind, ERR_NOT_FOUND);
}

static const struct http_body two_bytes = {.data = "{}", .size = 2};

static void test_put(void **state)
{
    struct aws aws = {{.steps = {{"PUT " OBJECT_URL "\nContent-Type: application/json\n", 200,
                                  "ETag: \"e2\"\n"}}}};
    char etag[128];
    struct err err = ERR_INIT;
    (void)state;
    assert_true(s3_put(&aws, NULL, &bucket,
                       &(struct object_put){
                           .key = "a/b c", .body = &two_bytes, .content_type = "application/json"},
                       etag, &err));
    assert_string_equal(etag, "\"e2\"");
}

/* One byte at a time, so that the pieces are looked at. */
struct drip {
    const char *text, *at;
};

static size_t drip_read(void *ctx, void *to, size_t n)
{
    struct drip *d = ctx;
    if (n == 0 || !*d->at)
        return 0;
    *(char *)to = *d->at++;
    return 1;
}

static void drip_rewind(void *ctx)
{
    struct drip *d = ctx;
    d->at = d->text;
}

static void expect_put(const struct s3_bucket *to, enum object_condition condition,
                       const char *headers)
{
    struct drip drip = {"123456789", "123456789"};
    const struct http_body stream = {
        .size = 9, .read = drip_read, .rewind = drip_rewind, .ctx = &drip};
    const struct http_body text = {.data = "123456789", .size = 9};
    struct buf request = buf_make(1000);
    struct err err = ERR_INIT;
    assert_true(buf_adds(&request, "PUT " OBJECT_URL "\n") && buf_adds(&request, headers));
    const struct step step = {buf_str(&request), 200, "ETag: \"e2\"\n", NULL};
    struct aws aws = {{.steps = {step, step}}};
    assert_true(s3_put(&aws, NULL, to,
                       &(struct object_put){
                           .key = "a/b c", .body = &text, .condition = condition, .etag = "\"e1\""},
                       NULL, &err));
    assert_true(
        s3_put(&aws, NULL, to,
               &(struct object_put){
                   .key = "a/b c", .body = &stream, .condition = condition, .etag = "\"e1\""},
               NULL, &err));
    assert_int_equal(aws.script.at, 2);
    /* Ready to be sent. */
    assert_ptr_equal(drip.at, drip.text);
    buf_free(&request);
}

/* Check values of "123456789": RFC 3720's CRC catalogue, and sha256sum. */
static void test_what_a_bucket_demands(void **state)
{
    struct s3_bucket to = {.name = "bucket", .checksum = "crc32"};
    struct err err = ERR_INIT;
    (void)state;
    /* 0xCBF43926. */
    expect_put(&to, OBJECT_ALWAYS, "x-amz-checksum-crc32: y/Q5Jg==\n");
    to.checksum = "crc32c";
    /* 0xE3069283. */
    expect_put(&to, OBJECT_ALWAYS, "x-amz-checksum-crc32c: 4waSgw==\n");
    to.checksum = "sha256";
    expect_put(&to, OBJECT_IF_MATCH,
               "x-amz-checksum-sha256: FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=\n"
               "If-Match: \"e1\"\n");
    to = (struct s3_bucket){.name = "bucket",
                            .owner = "123456789012",
                            .encryption = "aws:kms",
                            .kms_key_id = "alias/hg",
                            .acl = "bucket-owner-full-control",
                            .checksum = ""};
    expect_put(&to, OBJECT_IF_ABSENT,
               "x-amz-expected-bucket-owner: 123456789012\n"
               "x-amz-server-side-encryption: aws:kms\n"
               "x-amz-server-side-encryption-aws-kms-key-id: alias/hg\n"
               "x-amz-acl: bucket-owner-full-control\n"
               "If-None-Match: *\n");
    to = (struct s3_bucket){.name = "bucket", .encryption = "AES256"};
    expect_put(&to, OBJECT_ALWAYS, "x-amz-server-side-encryption: AES256\n");
    to.checksum = "md4";
    assert_false(
        s3_put(NULL, NULL, &to, &(struct object_put){.key = "k", .body = &two_bytes}, NULL, &err));
    assert_string_equal(err.message, "\"md4\" is not a checksum that S3 supports");
}

/* Whose the bucket must be goes with every request on it. */
static void test_the_owner_goes_with_each_request(void **state)
{
#define OWNED "x-amz-expected-bucket-owner: 123456789012\n"
    static const struct s3_bucket owned = {.name = "bucket", .owner = "123456789012"};
    struct aws aws = {{.steps = {{"GET " OBJECT_URL "\n" OWNED, 404},
                                 {"HEAD " OBJECT_URL "\n" OWNED, 404},
                                 {"DELETE " OBJECT_URL "\n" OWNED, 404},
                                 {"GET " LIST_URL "&encoding-type=url\n" OWNED, 404}}}};
    struct buf body = buf_make(100);
    struct object_meta meta;
    struct err err = ERR_INIT;

    (void)state;
    assert_false(s3_get(&aws, NULL, &owned, "a/b c", &body, NULL, &err));
    assert_false(s3_head(&aws, NULL, &owned, "a/b c", &meta, NULL, &err));
    assert_false(s3_delete(&aws, NULL, &owned, "a/b c", NULL, &err));
    assert_false(s3_list(&aws, NULL, &owned, "a/", NULL, NULL, &err));
    assert_int_equal(aws.script.at, 4);
    buf_free(&body);
}

static void test_put_if_absent(void **state)
{
    struct aws aws = {
        {.steps = {
             {"PUT " OBJECT_URL "\nIf-None-Match: *\n", 412, NULL,
              "<Error><Code>PreconditionFailed</Code><Message>No.</Message></Error>"},
             {"PUT " OBJECT_URL "\nIf-None-Match: *\n", 409, NULL,
              "<Error><Code>ConditionalRequestConflict</Code><Message>No.</Message></Error>"}}}};
    struct err err = ERR_INIT;
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_false(s3_put(
            &aws, NULL, &bucket,
            &(struct object_put){.key = "a/b c", .body = &two_bytes, .condition = OBJECT_IF_ABSENT},
            NULL, &err));
        assert_string_equal(err_kind_name(err.kind), "precondition");
    }
}

static void test_put_if_match(void **state)
{
    struct aws aws = {
        {.steps = {{"PUT " OBJECT_URL "\nIf-Match: \"e1\"\n", 200, "ETag: \"e2\"\n"},
                   {"PUT " OBJECT_URL "\nIf-Match: \"e1\"\n", 404, NULL,
                    "<Error><Code>NoSuchKey</Code><Message>Gone.</Message></Error>"}}}};
    struct err err = ERR_INIT;
    (void)state;
    assert_true(s3_put(
        &aws, NULL, &bucket,
        &(struct object_put){
            .key = "a/b c", .body = &two_bytes, .condition = OBJECT_IF_MATCH, .etag = "\"e1\""},
        NULL, &err));
    assert_false(s3_put(
        &aws, NULL, &bucket,
        &(struct object_put){
            .key = "a/b c", .body = &two_bytes, .condition = OBJECT_IF_MATCH, .etag = "\"e1\""},
        NULL, &err));
    assert_int_equal(err.kind, ERR_NOT_FOUND);
    assert_false(
        s3_put(&aws, NULL, &bucket,
               &(struct object_put){
                   .key = "a/b c", .body = &two_bytes, .condition = OBJECT_IF_MATCH, .etag = ""},
               NULL, &err));
    assert_int_equal(err.kind, ERR_INVALID);
    assert_int_equal(aws.script.at, 2);
}

static void test_delete(void **state)
{
    struct aws aws = {
        {.steps = {{"DELETE " OBJECT_URL "\n", 204},
                   {"DELETE " OBJECT_URL "\n", 404, NULL,
                    "<Error><Code>NoSuchKey</Code><Message>Gone.</Message></Error>"},
                   {"DELETE " OBJECT_URL "\n", 404, NULL,
                    "<Error><Code>NoSuchBucket</Code><Message>None.</Message></Error>"}}}};
    struct err err = ERR_INIT;
    (void)state;
    assert_true(s3_delete(&aws, NULL, &bucket, "a/b c", NULL, &err));
    assert_true(s3_delete(&aws, NULL, &bucket, "a/b c", NULL, &err));
    assert_int_equal(err.kind, ERR_NONE);
    assert_false(s3_delete(&aws, NULL, &bucket, "a/b c", NULL, &err));
    assert_string_equal(err.code, "NoSuchBucket");
}

static void test_delete_if_match(void **state)
{
    static const char request[] = "DELETE " OBJECT_URL "\nIf-Match: \"e1\"\n";
    struct aws aws = {
        {.steps = {{request, 204},
                   {request, 404, NULL, "<Error><Code>NoSuchKey</Code></Error>"},
                   {request, 412, NULL, "<Error><Code>PreconditionFailed</Code></Error>"},
                   {request, 501, NULL, "<Error><Code>NotImplemented</Code></Error>"}}}};
    struct err err = ERR_INIT;
    (void)state;
    assert_true(s3_delete(&aws, NULL, &bucket, "a/b c", "\"e1\"", &err));
    assert_true(s3_delete(&aws, NULL, &bucket, "a/b c", "\"e1\"", &err));
    assert_int_equal(err.kind, ERR_NONE);
    assert_false(s3_delete(&aws, NULL, &bucket, "a/b c", "\"e1\"", &err));
    assert_int_equal(err.kind, ERR_PRECONDITION);
    assert_false(s3_delete(&aws, NULL, &bucket, "a/b c", "\"e1\"", &err));
    assert_int_equal(err.http_status, 501);
    /* Without an ETag nothing is sent: it would delete whatever is there. */
    assert_false(s3_delete(&aws, NULL, &bucket, "a/b c", "", &err));
    assert_int_equal(err.kind, ERR_INVALID);
    assert_int_equal(aws.script.at, 4);
}

static void test_metadata_is_stored_with_an_object(void **state)
{
    struct aws aws = {
        {.steps = {
             {"PUT " OBJECT_URL "\nContent-Type: text/x\nx-amz-meta-hgautod-event: \"e1\"\n", 200,
              "ETag: \"e2\""},
             {"PUT " OBJECT_URL "\nContent-Type: text/x\n", 200, "ETag: \"e2\""},
             {"HEAD " OBJECT_URL "\n", 200,
              "ETag: \"e2\"\nContent-Length: 2\n"
              "Last-Modified: Sun, 30 Aug 2015 12:36:00 GMT\nX-Amz-Meta-Hgautod-Event: \"e1\""},
             {"HEAD " OBJECT_URL "\n", 200,
              "ETag: \"e2\"\nContent-Length: 2\n"
              "Last-Modified: Sun, 30 Aug 2015 12:36:00 GMT"}}}};
    struct object_put put = {
        .key = "a/b c", .body = &two_bytes, .content_type = "text/x", .metadata = "\"e1\""};
    struct object_meta meta;
    char metadata[OBJECT_METADATA_SIZE];
    struct err err = ERR_INIT;
    (void)state;
    assert_true(s3_put(&aws, NULL, &bucket, &put, NULL, &err));
    put.metadata = "";
    assert_true(s3_put(&aws, NULL, &bucket, &put, NULL, &err));
    assert_true(s3_head(&aws, NULL, &bucket, "a/b c", &meta, metadata, &err));
    assert_string_equal(metadata, "\"e1\"");
    assert_string_equal(meta.etag, "\"e2\"");
    assert_true(s3_head(&aws, NULL, &bucket, "a/b c", &meta, metadata, &err));
    assert_string_equal(metadata, "");
}

static void test_a_key_must_be_utf8(void **state)
{
    struct aws aws = {0};
    struct err err = ERR_INIT;
    (void)state;
    assert_false(s3_delete(&aws, NULL, &bucket, "\xff", NULL, &err));
    assert_int_equal(err.kind, ERR_INVALID);
    assert_string_equal(err.message, "the key of an object is not valid UTF-8");
}

/* What an answer lacks that each of its kind has, in the order in which it is looked for. */
static void expect_lack(const struct err *err, const char *operation, const char *what)
{
    char message[100];
    snprintf(message, sizeof message, "the response has no %s", what);
    assert_string_equal(err_kind_name(err->kind), "transient");
    assert_string_equal(err->code, "UnreadableResponse");
    assert_string_equal(err->operation, operation);
    assert_string_equal(err->message, message);
}

#define AT_ONE "Last-Modified: Thu, 01 Jan 2026 00:00:01 GMT\n"

/* One that was cut off, or that somebody in between has given. */
static void test_an_answer_without_what_it_must_have_is_no_answer(void **state)
{
    struct aws aws = {
        {.steps = {{"GET " OBJECT_URL "\n", 200, AT_ONE, ""},
                   {"GET " OBJECT_URL "\n", 200, "ETag: \"e\"\n", "{}"},
                   {"GET " OBJECT_URL "\n", 200, "ETag: \"e\"\nLast-Modified: rubbish\n", "{}"},
                   {"HEAD " OBJECT_URL "\n", 200, AT_ONE},
                   {"HEAD " OBJECT_URL "\n", 200, AT_ONE "ETag: \"e\"\n"},
                   {"PUT " OBJECT_URL "\n", 200}}}};
    struct buf body = buf_make(100);
    struct object_meta meta;
    struct err err = ERR_INIT;
    (void)state;
    assert_false(s3_get(&aws, NULL, &bucket, "a/b c", &body, NULL, &err));
    expect_lack(&err, "GetObject", "ETag");
    for (int i = 0; i < 2; i++) {
        assert_false(s3_get(&aws, NULL, &bucket, "a/b c", &body, &meta, &err));
        expect_lack(&err, "GetObject", "readable Last-Modified");
    }
    assert_false(s3_head(&aws, NULL, &bucket, "a/b c", &meta, NULL, &err));
    expect_lack(&err, "HeadObject", "ETag");
    assert_false(s3_head(&aws, NULL, &bucket, "a/b c", &meta, NULL, &err));
    expect_lack(&err, "HeadObject", "Content-Length");
    assert_false(s3_put(&aws, NULL, &bucket,
                        &(struct object_put){.key = "a/b c", .body = &two_bytes}, NULL, &err));
    expect_lack(&err, "PutObject", "ETag");
    buf_free(&body);
}

/* --- listings --- */

/* What a listing has given, a line each; stops after `most`. */
struct seen {
    struct buf lines;
    unsigned count, most;
};

static bool note(void *ctx, const char *key, const struct object_meta *meta)
{
    struct seen *s = ctx;
    buf_addf(&s->lines, "%s %zu %s %lld", key, meta->size, meta->etag,
             (long long)meta->modified_ms);
    if (meta->now_ms)
        buf_addf(&s->lines, " at %lld", (long long)meta->now_ms);
    buf_adds(&s->lines, "\n");
    return ++s->count < s->most;
}

#define WRITTEN "<ETag>&quot;x&quot;</ETag><LastModified>2026-01-01T00:00:02.000Z</LastModified>"

static const char first_page[] =
    "<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
    "<NextContinuationToken>1/t+=</NextContinuationToken>"
    "<Contents><Key>a/b+c%2Bd%C3%BC</Key><Size>5</Size><ETag>&quot;e&quot;</ETag>"
    "<LastModified>2026-01-01T00:00:01.000Z</LastModified></Contents>"
    "<Contents><Key>a/x</Key><Size>0</Size>" WRITTEN "</Contents></ListBucketResult>";

#define FIRST_LIST  "GET " LIST_URL "&encoding-type=url\n"
#define SECOND_LIST "GET " LIST_URL "&encoding-type=url&continuation-token=1%2Ft%2B%3D\n"

static void test_list(void **state)
{
    struct aws aws = {{.steps = {{FIRST_LIST, 200, NULL, first_page},
                                 {SECOND_LIST, 200, "Date: Thu, 01 Jan 2026 00:00:09 GMT\n",
                                  "<ListBucketResult><IsTruncated>false</IsTruncated>"
                                  "<Contents><Key>not%20encoded+</Key>" WRITTEN "</Contents>"
                                  "</ListBucketResult>"}}}};
    struct seen seen = {.lines = buf_make(1000), .most = 100};
    struct err err = ERR_INIT;
    (void)state;
    assert_true(s3_list(&aws, NULL, &bucket, "a/", note, &seen, &err));
    assert_string_equal(buf_str(&seen.lines), "a/b c+d\xc3\xbc 5 \"e\" 1767225601000\n"
                                              "a/x 0 \"x\" 1767225602000\n"
                                              "not%20encoded+ 0 \"x\" 1767225602000 at "
                                              "1767225609000\n");
    assert_int_equal(aws.script.at, 2);
    buf_free(&seen.lines);
}

static void test_list_stops_when_told(void **state)
{
    struct aws aws = {{.steps = {{FIRST_LIST, 200, NULL, first_page}}}};
    struct seen seen = {.lines = buf_make(1000), .most = 1};
    struct err err = ERR_INIT;
    (void)state;
    assert_true(s3_list(&aws, NULL, &bucket, "a/", note, &seen, &err));
    assert_int_equal(seen.count, 1);
    assert_int_equal(aws.script.at, 1);
    buf_free(&seen.lines);
}

static void test_an_empty_listing(void **state)
{
    struct aws aws = {{.steps = {{FIRST_LIST, 200, NULL,
                                  "<ListBucketResult><IsTruncated>false</IsTruncated>"
                                  "<KeyCount>0</KeyCount></ListBucketResult>"}}}};
    struct seen seen = {.lines = buf_make(1000), .most = 1};
    struct err err = ERR_INIT;
    (void)state;
    assert_true(s3_list(&aws, NULL, &bucket, "a/", note, &seen, &err));
    assert_int_equal(seen.count, 0);
    buf_free(&seen.lines);
}

/* A listing that would never end. */
static void test_a_listing_must_go_on(void **state)
{
    struct aws aws = {
        {.steps = {{FIRST_LIST, 200, NULL, first_page}, {SECOND_LIST, 200, NULL, first_page}}}};
    struct seen seen = {.lines = buf_make(1000), .most = 100};
    struct err err = ERR_INIT;
    (void)state;
    assert_false(s3_list(&aws, NULL, &bucket, "a/", note, &seen, &err));
    assert_int_equal(err.kind, ERR_TRANSIENT);
    assert_string_equal(err.message, "truncated listing without a continuation token");
    buf_free(&seen.lines);
}

static void expect_no_listing(const char *page, const char *message)
{
    struct aws aws = {{.steps = {{FIRST_LIST, 200, NULL, page}}}};
    struct seen seen = {.lines = buf_make(1000), .most = 100};
    struct err err = ERR_INIT;
    assert_false(s3_list(&aws, NULL, &bucket, "a/", note, &seen, &err));
    assert_string_equal(err_kind_name(err.kind), "transient");
    assert_string_equal(err.code, "UnreadableResponse");
    assert_string_equal(err.message, message);
    assert_int_equal(seen.count, 0);
    buf_free(&seen.lines);
}

/* A listing that lacks something is none, and above all not an empty one. */
static void test_a_listing_must_be_whole(void **state)
{
    static const char when[] = "a listing contains an object without an ETag or a readable time";
    static const char whether[] = "a listing does not indicate whether it is complete";
    (void)state;
    expect_no_listing("", "cannot read the service's response (HTTP status 200): it has no body");
    expect_no_listing("<DeleteResult><IsTruncated>false</IsTruncated></DeleteResult>",
                      "cannot read the service's response (HTTP status 200): <DeleteResult> is "
                      "not the root element of such a response");
    expect_no_listing("<ListBucketResult></ListBucketResult>", whether);
    expect_no_listing("<ListBucketResult><IsTruncated>maybe</IsTruncated></ListBucketResult>",
                      whether);
    expect_no_listing("<ListBucketResult><Contents><Key>a</Key><ETag>e</ETag></Contents>"
                      "<IsTruncated>false</IsTruncated></ListBucketResult>",
                      when);
    expect_no_listing("<ListBucketResult><Contents><Key>a</Key>"
                      "<LastModified>2026-01-01T00:00:02.000Z</LastModified></Contents>"
                      "<IsTruncated>false</IsTruncated></ListBucketResult>",
                      when);
}

static void test_a_listing_with_a_broken_key(void **state)
{
    struct aws aws = {{.steps = {{FIRST_LIST, 200, NULL,
                                  "<ListBucketResult><EncodingType>url</EncodingType>"
                                  "<Contents><Key>a%2</Key></Contents></ListBucketResult>"}}}};
    struct seen seen = {.lines = buf_make(1000), .most = 100};
    struct err err = ERR_INIT;
    (void)state;
    assert_false(s3_list(&aws, NULL, &bucket, "a/", note, &seen, &err));
    assert_int_equal(err.kind, ERR_TRANSIENT);
    assert_int_equal(seen.count, 0);
    buf_free(&seen.lines);
}

/* --- names --- */

#define A50 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void test_bucket_names(void **state)
{
    static const struct {
        const char *name;
        bool valid, host;
    } names[] = {
        {"abc", true, true},
        {"my.bucket-1", true, true},
        {"0ab", true, true},
        {"123456789012s3accesslogsus-east-1", true, true},
        {"123456789012", true, true},
        {"1.23", true, true},
        /* 63 characters, and 64: an old name, which no host can have, as those below. */
        {A50 "aaaaaaaaaaaaa", true, true},
        {A50 "aaaaaaaaaaaaaa", true, false},
        {"My_Old.Bucket", true, false},
        {"Abc", true, false},
        {"a_bc", true, false},
        {"-abc", true, false},
        {"abc-", true, false},
        {".abc", true, false},
        {"abc.", true, false},
        {"a..b", true, false},
        {"a.-b", true, false},
        /* 255 characters, and 256. */
        {A50 A50 A50 A50 A50 "aaaaa", true, false},
        {A50 A50 A50 A50 A50 "aaaaaa", false, false},
        {"ab", false, false},
        {"", false, false},
        {"..", false, false},
        {"...", false, false},
        {"192.168.5.4", false, false},
        {"a/bc", false, false},
        {"a/../b", false, false},
        {"a%2fb", false, false},
        {"a@bc", false, false},
        {"a:bc", false, false},
        {"a?bc", false, false},
        {"a#bc", false, false},
        {"a bc", false, false},
        {"a\\bc", false, false},
        {"abc\n", false, false},
        {"abc\x7f", false, false},
        {"\xc3\xa4\xc3\xb6", false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        print_message("bucket \"%s\"\n", names[i].name);
        assert_int_equal(!aws_bucket_problem(names[i].name), names[i].valid);
        assert_int_equal(aws_bucket_is_host(names[i].name), names[i].host);
    }
    assert_string_equal(
        aws_bucket_problem("a/bc"),
        "is not a valid bucket name: use 3 to 255 of the characters A-Z a-z 0-9 . _ -");
    assert_string_equal(aws_bucket_problem("192.168.5.4"),
                        "is not a valid bucket name: it looks like an IP address");
    assert_string_equal(aws_bucket_problem("___"),
                        "is not a valid bucket name: it contains neither a letter nor a digit");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_get_what_is_gone),
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_put),
        cmocka_unit_test(test_what_a_bucket_demands),
        cmocka_unit_test(test_the_owner_goes_with_each_request),
        cmocka_unit_test(test_put_if_absent),
        cmocka_unit_test(test_put_if_match),
        cmocka_unit_test(test_delete),
        cmocka_unit_test(test_delete_if_match),
        cmocka_unit_test(test_metadata_is_stored_with_an_object),
        cmocka_unit_test(test_a_key_must_be_utf8),
        cmocka_unit_test(test_an_answer_without_what_it_must_have_is_no_answer),
        cmocka_unit_test(test_a_listing_must_be_whole),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_list_stops_when_told),
        cmocka_unit_test(test_an_empty_listing),
        cmocka_unit_test(test_a_listing_must_go_on),
        cmocka_unit_test(test_a_listing_with_a_broken_key),
        cmocka_unit_test(test_bucket_names),
    };
    return cmocka_run_group_tests_name("s3", tests, NULL, NULL);
}
