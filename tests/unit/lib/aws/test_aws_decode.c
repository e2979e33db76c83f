/* Tests of the decoder: every NAME.http of data/aws_decode is an answer, NAME.json what must come
 * of it. The codes and messages of error answers are also read with botocore's parsers, by
 * tests/tools/botocore_requests.py --check. */
#include "tests/unit/aws_folder.h"

#include "lib/aws/wire/protocol.h"
#include "lib/json/jpath.h"

static const struct aws_service *service_named(const char *name)
{
    static const struct aws_service *const all[] = {
        &aws_ec2,    &aws_sts,      &aws_sqs, &aws_sns, &aws_s3,        &aws_iam,
        &aws_lambda, &aws_dynamodb, &aws_ecs, &aws_kms, &aws_workspaces};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strcmp(all[i]->id, name) == 0)
            return all[i];
    fail_msg("no service %s", name);
    return NULL;
}

/* Reads "HTTP/1.1 200 OK", headers, an empty line, and the body. */
static struct http_response response_of(const char *text, size_t size)
{
    struct http_response r = {.status = (int)strtol(text + strlen("HTTP/1.1 "), NULL, 10),
                              .body = buf_make(1u << 20)};
    const char *line = strchr(text, '\n') + 1;
    while (*line != '\n') {
        char name[128], value[512];
        const char *end = strchr(line, '\n');
        assert_int_equal(sscanf(line, "%127[^:]: %511[^\n]", name, value), 2);
        assert_true(http_headers_add(&r.headers, name, value));
        line = end + 1;
    }
    line++;
    assert_true(buf_add(&r.body, line, size - (size_t)(line - text)));
    return r;
}

static struct http_response load_response(const char *http_path)
{
    struct buf text = folder_read(http_path, "");
    struct http_response r = response_of(text.data, text.size);
    buf_free(&text);
    return r;
}

static void check_error(const struct err *err, const json_t *wanted, const char *operation,
                        int status)
{
    const char *begins = jstr(wanted, "message_begins");
    assert_string_equal(err_kind_name(err->kind), jstr(wanted, "kind"));
    assert_string_equal(err->code, jstr(wanted, "code"));
    assert_string_equal(err->request_id, jstr(wanted, "request_id"));
    assert_string_equal(err->operation, operation);
    assert_int_equal(err->http_status, status);
    if (begins)
        assert_int_equal(strncmp(err->message, begins, strlen(begins)), 0);
    else
        assert_string_equal(err->message, jstr(wanted, "message"));
    assert_int_equal(err->retry_after_ms, jint(wanted, "retry_after_ms", -1));
}

static void test_answer(void **state)
{
    const char *path = *state;
    struct http_response response = load_response(path);
    char *expected = NULL;
    struct err err = ERR_INIT;
    json_t *answer, *wanted;
    bool ok;
    assert_true(asprintf(&expected, "%.*s.json", (int)(strlen(path) - strlen(".http")), path) > 0);
    wanted = folder_json(expected, "");
    const struct aws_op op = {.service = service_named(jstr(wanted, "service")),
                              .name = jstr(wanted, "operation"),
                              .root = jstr(wanted, "root"),
                              .changes = jbool(wanted, "changes", false),
                              .may_be_empty = jbool(wanted, "silent", false)};
    ok = aws_decode(&op, &response, &answer, &err);
    if (jget(wanted, "answer")) {
        if (!ok)
            fail_msg("not decoded: %s: %s", err.code, err.message);
        assert_json_equal(answer, jget(wanted, "answer"));
    } else {
        assert_false(ok);
        assert_null(answer);
        check_error(&err, jget(wanted, "error"), op.name, response.status);
    }
    json_decref(answer);
    json_decref(wanted);
    free(expected);
    http_response_free(&response);
}

/* --- the region of a bucket --- */

static void assert_region(const char *http, const char *wanted)
{
    struct http_response r = response_of(http, strlen(http));
    char region[33] = "none";
    assert_int_equal(aws_bucket_region(&r, region), strcmp(wanted, "none") != 0);
    assert_string_equal(region, wanted);
    http_response_free(&r);
}

static void test_bucket_region(void **state)
{
    (void)state;
    assert_region("HTTP/1.1 301 Moved\nx-amz-bucket-region: eu-west-1\n\n", "eu-west-1");
    assert_region("HTTP/1.1 200 OK\nX-Amz-Bucket-Region: eu-west-1\n\n", "eu-west-1");
    assert_region(
        "HTTP/1.1 400 Bad Request\n\n<Error><Code>AuthorizationHeaderMalformed</Code>"
        "<Message>the region 'us-east-1' is wrong</Message><Region>us-west-2</Region></Error>",
        "us-west-2");
    assert_region("HTTP/1.1 301 Moved\nx-amz-bucket-region: evil.example/\n\n", "none");
    assert_region("HTTP/1.1 301 Moved\n\n<Error><Region>@evil.example</Region></Error>", "none");
    assert_region("HTTP/1.1 301 Moved\n\n<Error><Code>PermanentRedirect</Code></Error>", "none");
    assert_region("HTTP/1.1 301 Moved\n\n", "none");
    assert_region("HTTP/1.1 200 OK\n\n<Error><Region>us-west-2</Region></Error>", "none");
}

/* --- the kinds of errors --- */

static const struct {
    const char *code;
    int status;
    enum err_kind kind;
} kinds[] = {
    /* botocore's throttling codes, but LimitExceededException, which is a quota */
    {"Throttling", 400, ERR_THROTTLED},
    {"ThrottlingException", 400, ERR_THROTTLED},
    {"ThrottledException", 400, ERR_THROTTLED},
    {"RequestThrottledException", 400, ERR_THROTTLED},
    {"RequestThrottled", 403, ERR_THROTTLED},
    {"TooManyRequestsException", 429, ERR_THROTTLED},
    {"ProvisionedThroughputExceededException", 400, ERR_THROTTLED},
    {"TransactionInProgressException", 400, ERR_THROTTLED},
    {"RequestLimitExceeded", 503, ERR_THROTTLED},
    {"BandwidthLimitExceeded", 400, ERR_THROTTLED},
    {"SlowDown", 503, ERR_THROTTLED},
    {"PriorRequestNotComplete", 400, ERR_THROTTLED},
    {"EC2ThrottledException", 502, ERR_THROTTLED},
    {"KMS.ThrottlingException", 400, ERR_THROTTLED},
    {"", 429, ERR_THROTTLED},
    {"LimitExceededException", 400, ERR_PROVIDER},
    {"LimitExceeded", 409, ERR_PROVIDER},
    {"VpcLimitExceeded", 400, ERR_PROVIDER},
    {"InternalError", 500, ERR_TRANSIENT},
    {"InternalFailure", 500, ERR_TRANSIENT},
    {"ServiceUnavailable", 503, ERR_TRANSIENT},
    {"Unavailable", 503, ERR_TRANSIENT},
    {"RequestTimeout", 400, ERR_TRANSIENT},
    {"IDPCommunicationError", 400, ERR_TRANSIENT},
    {"WhateverElse", 500, ERR_TRANSIENT},
    {"WhateverElse", 504, ERR_TRANSIENT},
    /* No capacity: no fault that passes in a moment */
    {"InsufficientInstanceCapacity", 500, ERR_PROVIDER},
    {"InsufficientHostCapacity", 500, ERR_PROVIDER},
    {"InsufficientReservedInstanceCapacity", 500, ERR_PROVIDER},
    {"InsufficientVolumeCapacity", 500, ERR_PROVIDER},
    {"InsufficientCapacity", 500, ERR_PROVIDER},
    {"InsufficientDBInstanceCapacityFault", 400, ERR_PROVIDER},
    {"SpotMaxPriceTooLow", 500, ERR_PROVIDER},
    {"VcpuLimitExceeded", 500, ERR_PROVIDER},
    {"MaxSpotInstanceCountExceeded", 500, ERR_PROVIDER},
    {"RequestTimeTooSkewed", 403, ERR_INVALID},
    {"ExpiredToken", 400, ERR_EXPIRED},
    {"ExpiredTokenException", 400, ERR_EXPIRED},
    {"RequestExpired", 400, ERR_EXPIRED},
    {"TokenRefreshRequired", 400, ERR_EXPIRED},
    {"AccessDenied", 403, ERR_DENIED},
    {"AccessDeniedException", 400, ERR_DENIED},
    {"UnauthorizedOperation", 403, ERR_DENIED},
    {"UnauthorizedAccess", 400, ERR_DENIED},
    {"AuthFailure", 401, ERR_DENIED},
    {"InvalidClientTokenId", 403, ERR_DENIED},
    {"SignatureDoesNotMatch", 403, ERR_DENIED},
    {"UnrecognizedClientException", 400, ERR_DENIED},
    {"OptInRequired", 401, ERR_DENIED},
    {"KMSOptInRequired", 403, ERR_DENIED},
    {"SomethingNew", 403, ERR_DENIED},
    {"InvalidVolume.NotFound", 400, ERR_NOT_FOUND},
    {"NoSuchBucket", 404, ERR_NOT_FOUND},
    {"NoSuchEntity", 404, ERR_NOT_FOUND},
    {"ResourceNotFoundException", 400, ERR_NOT_FOUND},
    {"DBInstanceNotFound", 404, ERR_NOT_FOUND},
    {"DBClusterNotFoundFault", 404, ERR_NOT_FOUND},
    {"QueueDoesNotExist", 400, ERR_NOT_FOUND},
    {"SomethingNew", 404, ERR_NOT_FOUND},
    {"PreconditionFailed", 412, ERR_PRECONDITION},
    {"ConditionalRequestConflict", 409, ERR_PRECONDITION},
    {"ConditionalCheckFailedException", 400, ERR_PRECONDITION},
    {"DryRunOperation", 412, ERR_PROVIDER},
    {"EntityAlreadyExists", 409, ERR_CONFLICT},
    {"BucketAlreadyOwnedByYou", 409, ERR_CONFLICT},
    {"InvalidGroup.Duplicate", 400, ERR_CONFLICT},
    {"IncorrectInstanceState", 400, ERR_CONFLICT},
    {"IncorrectState", 400, ERR_CONFLICT},
    {"InvalidDBInstanceState", 400, ERR_CONFLICT},
    {"InvalidDBClusterStateFault", 400, ERR_CONFLICT},
    {"InvalidResourceStateException", 400, ERR_CONFLICT},
    {"InvalidClusterState", 400, ERR_CONFLICT},
    {"InvalidGroup.InUse", 400, ERR_CONFLICT},
    {"VolumeInUse", 400, ERR_CONFLICT},
    {"ResourceInUseException", 400, ERR_CONFLICT},
    {"DependencyViolation", 400, ERR_CONFLICT},
    {"DeleteConflict", 409, ERR_CONFLICT},
    {"ConflictException", 409, ERR_CONFLICT},
    {"SomethingNew", 409, ERR_CONFLICT},
    {"ValidationError", 400, ERR_INVALID},
    {"ValidationException", 400, ERR_INVALID},
    {"InvalidParameterValue", 400, ERR_INVALID},
    {"InvalidInstanceID.Malformed", 400, ERR_INVALID},
    {"MalformedPolicyDocument", 400, ERR_INVALID},
    {"MissingParameter", 400, ERR_INVALID},
    {"OperationNotPermitted", 400, ERR_PROVIDER},
    {"UnsupportedOperation", 400, ERR_PROVIDER},
    {"OverLimit", 403, ERR_PROVIDER},
    {"PurgeQueueInProgress", 403, ERR_CONFLICT},
    {"SomethingNew", 400, ERR_PROVIDER},
    {NULL, 301, ERR_PROVIDER},
    /* what passes, as each service's documentation says */
    {"ConcurrentModification", 409, ERR_TRANSIENT},
    {"ConcurrentModificationException", 400, ERR_TRANSIENT},
    {"EntityTemporarilyUnmodifiable", 409, ERR_TRANSIENT},
    {"ConcurrentTagAccess", 400, ERR_TRANSIENT},
    {"ConcurrentAccessException", 400, ERR_TRANSIENT},
    {"OperationAborted", 409, ERR_TRANSIENT},
    {"DependentServiceUnavailableFault", 400, ERR_TRANSIENT},
    {"TooManyUpdates", 400, ERR_THROTTLED},
    {"SnapshotCreationPerVolumeRateExceeded", 400, ERR_THROTTLED},
    {"ConcurrentSnapshotLimitExceeded", 400, ERR_THROTTLED},
};

static void test_classify(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        enum err_kind kind = aws_classify(NULL, kinds[i].code, kinds[i].status);
        if (kind != kinds[i].kind)
            print_message("%s with status %d:\n", kinds[i].code, kinds[i].status);
        assert_string_equal(err_kind_name(kind), err_kind_name(kinds[i].kind));
    }
}

/* What has another meaning at one service. */
static void test_classify_by_service(void **state)
{
    static const struct {
        const char *service, *code;
        enum err_kind kind;
    } own[] = {
        {"dynamodb", "LimitExceededException", ERR_THROTTLED},
        {"kms", "LimitExceededException", ERR_PROVIDER},
        {"iam", "LimitExceeded", ERR_PROVIDER},
        {"workspaces", "OperationInProgressException", ERR_TRANSIENT},
        {"ecs", "OperationInProgressException", ERR_CONFLICT},
        {"dynamodb", "ResourceNotFoundException", ERR_NOT_FOUND},
    };
    (void)state;
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        enum err_kind kind = aws_classify(service_named(own[i].service), own[i].code, 400);
        assert_string_equal(err_kind_name(kind), err_kind_name(own[i].kind));
    }
}

/* Every prefix of every answer must be decoded or refused, without a crash, a leak or an empty
 * error. */
static void test_truncated(void **state)
{
    struct buf text = folder_read(*state, "");
    const struct aws_service *service = service_named("s3");
    struct http_response whole = response_of(text.data, text.size);
    for (size_t n = 0; n < whole.body.size; n++) {
        static const enum aws_protocol protocols[] = {AWS_EC2, AWS_QUERY, AWS_JSON_11,
                                                      AWS_REST_XML};
        struct http_response r = {.status = whole.status, .body = buf_make(1u << 20)};
        assert_true(buf_add(&r.body, whole.body.data, n));
        for (size_t p = 0; p < sizeof protocols / sizeof protocols[0]; p++) {
            struct aws_service other = *service;
            const struct aws_op op = {.service = &other, .name = "X"};
            struct err err = ERR_INIT;
            json_t *answer;
            other.protocol = protocols[p];
            if (aws_decode(&op, &r, &answer, &err))
                assert_non_null(answer);
            else
                assert_int_not_equal(err.kind, ERR_NONE);
            json_decref(answer);
        }
        http_response_free(&r);
    }
    http_response_free(&whole);
    buf_free(&text);
}

int main(void)
{
    static struct folder_tests tests;
    folder_add(&tests, "tests/unit/data/aws_decode", ".http", test_answer);
    folder_add(&tests, "tests/unit/data/aws_decode", ".http", test_truncated);
    folder_add_test(&tests, "bucket region", test_bucket_region);
    folder_add_test(&tests, "classify", test_classify);
    folder_add_test(&tests, "classify by service", test_classify_by_service);
    return folder_run("aws_decode", &tests);
}
