/* Calls to AWS: chooses credentials and endpoint, signs, sends, and repeats where that helps. It
 * does not know where credentials come from (aws.c): STS, which provides some, is called through
 * it. */
#include <stdio.h>
#include <string.h>

#include "lib/aws/client.h"
#include "lib/aws/names.h"
#include "lib/json/jpath.h"

const char *aws_region(const struct aws *aws)
{
    return atomic_load(&aws->region);
}

int64_t aws_now_ms(struct aws *aws)
{
    return skew_now(&aws->skew, aws->options.clock);
}

/* --- identity --- */

const struct aws_caller *aws_get_caller(struct aws *aws, struct http_client *http, struct err *err)
{
    return aws_identity_get_caller(aws->identity, http, err);
}

/* Returns the key of an account's credentials in the cache, "" for the daemon's own. caller: NULL
 * if not known yet. */
static const char *aws_creds_key(const struct aws_caller *caller, const char *account)
{
    return !account || (caller && strcmp(account, caller->account) == 0) ? "" : account;
}

struct aws_creds *aws_get_creds(struct aws *aws, struct http_client *http, const char *account,
                                struct err *err)
{
    const struct aws_caller *caller = NULL;
    if (account) {
        const char *problem = aws_account_problem(account);
        if (problem) {
            err_set(err, ERR_INVALID, "", "\"%.40s\" %s", account, problem);
            return NULL;
        }
        caller = aws_get_caller(aws, http, err);
        if (!caller)
            return NULL;
    }
    return aws_identity_creds(aws->identity, http, aws_creds_key(caller, account), err);
}

struct aws_creds *aws_peek_creds(struct aws *aws)
{
    return aws_identity_peek(aws->identity);
}

void aws_expire_creds(struct aws *aws, const char *account, const struct aws_creds *creds)
{
    const struct aws_caller *caller = aws_identity_known_caller(aws->identity);
    aws_identity_expire(aws->identity, aws_creds_key(caller, account), creds);
}

bool aws_keys_refused(const struct err *err)
{
    static const char *const codes[] = {"InvalidClientTokenId", "UnrecognizedClientException",
                                        "InvalidAccessKeyId", "AuthFailure", "InvalidToken"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strcmp(err->code, codes[i]) == 0)
            return true;
    return err->kind == ERR_EXPIRED;
}

/* --- requests --- */

static bool aws_find_endpoint(const struct aws *aws, const struct aws_service *service,
                              const char *region, struct aws_endpoint *endpoint, struct err *err)
{
    const char *where = region && *region ? region : aws_region(aws);
    return where ? aws_endpoint_cache_get(aws->endpoint_cache, service, where, endpoint, err)
                 : err_set(err, ERR_INVALID, "",
                           "no AWS region is known: set [aws] region or AWS_REGION");
}

bool aws_get_endpoint_url(struct aws *aws, const struct aws_service *service, const char *region,
                          struct buf *url, struct err *err)
{
    struct aws_endpoint endpoint;
    return aws_find_endpoint(aws, service, region, &endpoint, err) &&
           (buf_adds(url, endpoint.url) ||
            err_set(err, ERR_INTERNAL, "", "the endpoint %s is too long", endpoint.url));
}

/* Names the operation in an error that arose before or without a response. Returns false. */
static bool aws_name_operation(const struct aws_call *call, struct err *err)
{
    if (!*err->operation)
        snprintf(err->operation, sizeof err->operation, "%s", call->op->name);
    return false;
}

/* Returns true if a wrong time may be the reason for a rejection. Some services report it as such,
 * others as a wrong signature; then the distance from their Date decides. */
static bool aws_may_be_time(const char *code)
{
    static const char *const codes[] = {
        "RequestTimeTooSkewed",      "RequestInTheFuture",    "RequestExpired",
        "InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure",
    };
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strcmp(codes[i], code) == 0)
            return true;
    return false;
}

bool aws_learn_time(struct aws *aws, int64_t signed_ms, const struct http_response *response,
                    const struct err *refusal)
{
    return aws_may_be_time(refusal->code) &&
           skew_learn(&aws->skew, aws->options.clock, aws->options.log, signed_ms, response);
}

bool aws_prepare(struct aws *aws, const struct aws_creds *creds, const struct aws_call *call,
                 struct http_request *request, struct err *err)
{
    const struct aws_service *service = call->op->service;
    bool s3 = service->protocol == AWS_REST_XML;
    struct aws_endpoint endpoint = {.overridden = false};
    if ((!call->origin && !aws_find_endpoint(aws, service, call->region, &endpoint, err)) ||
        !aws_encode(call, call->origin ? call->origin : endpoint.url, endpoint.overridden, request,
                    err))
        return aws_name_operation(call, err);
    request->response_secret = service == &aws_sts;
    struct sigv4_options how = {
        .region = call->origin ? call->region : endpoint.signing_region,
        .service = service->signing_name,
        .now_ms = aws_now_ms(aws),
        .normalize_path = !s3,
        .double_encode_path = !s3,
        .add_content_sha256 = s3,
        .keys = aws->keys,
    };
    if (creds && !sigv4_sign(request, creds, &how, NULL, err)) {
        http_request_free(request);
        return aws_name_operation(call, err);
    }
    return true;
}

/* --- responses --- */

/* Moves a 2xx body to where the call wants it. */
static bool aws_take_raw_body(const struct aws_call *call, struct http_response *response,
                              json_t **result, struct err *err)
{
    struct buf *to = call->raw_body;
    size_t max = to->max;
    if (response->open_ended)
        return err_set(err, ERR_TRANSIENT, "UnreadableResponse",
                       "the response has neither a length nor chunks: it may have been cut off");
    if (response->body.size > max)
        return err_set(err, ERR_LIMIT, "", "the response is larger than %zu bytes", max);
    *result = json_object();
    buf_free(to);
    *to = response->body;
    to->max = max;
    response->body = buf_make(0);
    return true;
}

static bool aws_read_response(const struct aws_call *call, struct http_response *response,
                              json_t **result, struct err *err)
{
    bool success = response->status >= 200 && response->status < 300;
    bool ok = success && call->raw_body ? aws_take_raw_body(call, response, result, err)
                                        : aws_decode(call->op, response, result, err);
    if (ok && call->response_headers) {
        http_headers_free(call->response_headers);
        *call->response_headers = response->headers;
        response->headers = (struct http_headers){0};
    }
    return ok;
}

static void aws_copy_request_id(const struct http_response *response, char to[128])
{
    const char *id = http_headers_get(&response->headers, "x-amzn-requestid");
    if (!id)
        id = http_headers_get(&response->headers, "x-amz-request-id");
    snprintf(to, 128, "%s", id ? id : "");
}

/* --- calls --- */

/* An attempt at a call: whose it is, and what came of the last request. */
struct aws_attempt {
    struct aws *aws;
    struct http_client *http;
    /* NULL: unsigned. */
    const struct aws_creds *creds;
    json_t **result;
    /* Of the last response; 0: there was none. */
    int status;
    /* Where S3 reports the bucket to be; "" if it does not. */
    char bucket_region[33];
    /* The request was rejected for its time, which is known better now. */
    bool wrong_time;
};

/* Logs a request, without its parameters, headers and body, which may hold secrets. */
static void aws_log_request(const struct aws_attempt *a, const struct aws_call *call,
                            int64_t duration_ms, const char *request_id, const struct err *err)
{
    struct log *log = a->aws->options.log;
    if (!log_would(log, LOG_DEBUG_LEVEL))
        return;
    log_debug(log, "AWS request", LOG_STR("service", call->op->service->id),
              LOG_STR("operation", call->op->name),
              LOG_STR("region", call->region ? call->region : aws_region(a->aws)),
              LOG_STR("account", call->account), LOG_INT("status", a->status),
              LOG_MS("duration", duration_ms),
              LOG_STR("request_id", *request_id ? request_id : NULL),
              LOG_STR("error", !err         ? NULL
                               : *err->code ? err->code
                                            : err_kind_name(err->kind)));
}

/* Sends one request. */
static bool aws_send(struct aws_attempt *a, const struct aws_call *call, struct err *err)
{
    const struct clock *clock = a->aws->options.clock;
    struct http_request request;
    struct http_response response = {0};
    char request_id[sizeof err->request_id] = "";
    int64_t since_ms = clock->mono_ms(clock);
    int64_t signed_ms = aws_now_ms(a->aws);
    a->wrong_time = false;
    a->status = 0;
    a->bucket_region[0] = '\0';
    if (!aws_prepare(a->aws, a->creds, call, &request, err))
        return false;
    bool ok = http_perform(a->http, &request, &response, err);
    if (ok) {
        aws_copy_request_id(&response, request_id);
        a->status = response.status;
        if (call->op->service == &aws_s3 && !aws_bucket_region(&response, a->bucket_region))
            a->bucket_region[0] = '\0';
        ok = aws_read_response(call, &response, a->result, err);
        a->wrong_time = !ok && a->creds && aws_learn_time(a->aws, signed_ms, &response, err);
        http_response_free(&response);
    }
    http_request_free(&request);
    if (!ok)
        aws_name_operation(call, err);
    aws_log_request(a, call, clock->mono_ms(clock) - since_ms, request_id, ok ? NULL : err);
    return ok;
}

/* Sends one request, and again if it was rejected for its time. */
static bool aws_send_in_time(struct aws_attempt *a, const struct aws_call *call, struct err *err)
{
    bool ok = aws_send(a, call, err);
    return a->wrong_time ? aws_send(a, call, err) : ok;
}

bool aws_call_as(struct aws *aws, struct http_client *http, const struct aws_creds *creds,
                 const struct aws_call *call, json_t **result, struct err *err)
{
    struct aws_attempt a = {.aws = aws, .http = http, .creds = creds, .result = result};
    return aws_send_in_time(&a, call, err);
}

/* Appends as much of the text as fits before `end`, and a NUL. */
static char *limit_name_append(char *at, const char *end, const char *text)
{
    while (*text && at < end)
        *at++ = *text++;
    *at = '\0';
    return at;
}

/* Writes "123456789012/eu-west-1/ec2". Without snprintf, since it is part of every call. */
static void limit_name_make(char to[128], const char *account, const char *region,
                            const char *service)
{
    const char *const parts[] = {account, "/", region ? region : "", "/", service};
    char *at = to;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        at = limit_name_append(at, to + 127, parts[i]);
}

/* Sends a request within the rate limit of its account, region and service. */
static bool aws_send_limited(struct aws_attempt *a, const struct aws_call *call, struct err *err)
{
    struct ratelimit *limits = a->aws->options.limits;
    const struct aws_caller *caller = aws_identity_known_caller(a->aws->identity);
    const char *account = call->account ? call->account : caller ? caller->account : "own";
    const char *region = call->region ? call->region : aws_region(a->aws);
    char name[128];
    limit_name_make(name, account, region, call->op->service->id);
    int64_t wait_ms = limits ? ratelimit_take(limits, name) : 0;
    if (wait_ms > 0) {
        err_set(err, ERR_BUSY, "",
                "requests to %s in account %s and region %s are being rate-limited",
                call->op->service->id, account, region ? region : "-");
        err->retry_after_ms = wait_ms;
        return aws_name_operation(call, err);
    }
    bool ok = aws_send_in_time(a, call, err);
    if (limits && a->status > 0)
        ratelimit_report(limits, name, !ok && err->kind == ERR_THROTTLED);
    return ok;
}

/* Returns true if a bucket in `found` may be followed there from `region`: never to another
 * partition. */
static bool aws_may_follow(const char *found, const char *region)
{
    return *found && region && strcmp(found, region) != 0 &&
           aws_partition_of_region(found) == aws_partition_of_region(region);
}

/* Returns true if the call may be made in the region of its bucket; else false with *err. */
static bool aws_allows_region(const struct aws *aws, const struct aws_call *call,
                              const char *bucket, const char *found, struct err *err)
{
    struct err why = ERR_INIT;
    if (!call->guarded || !aws->options.allow_region ||
        aws->options.allow_region(aws->options.allow_region_ctx, found, &why))
        return true;
    err_set(err, ERR_DENIED, "", "the bucket %s is not in the requested region, but in %s: %s",
            bucket, found, why.message);
    return aws_name_operation(call, err);
}

/* Sends a request and, if S3 has the bucket in another region, one there. */
static bool aws_send_following(struct aws_attempt *a, const struct aws_call *call, struct err *err)
{
    struct aws *aws = a->aws;
    struct aws_call here = *call;
    a->status = 0;
    char region[33];
    const char *bucket = call->op->service == &aws_s3 ? jstr(call->params, "Bucket") : NULL;
    if (bucket && aws_bucket_cache_get(aws->bucket_cache, bucket, region)) {
        if (!aws_allows_region(aws, call, bucket, region, err))
            return false;
        here.region = region;
    }
    bool ok = aws_send_limited(a, &here, err);
    const char *requested = here.region ? here.region : aws_region(aws);
    /* Any other rejection comes from the bucket's own region, or would come from there too. */
    bool elsewhere = a->status == 301 || a->status == 307 || a->status == 400;
    if (ok || !bucket || !elsewhere || !aws_may_follow(a->bucket_region, requested))
        return ok;
    aws_bucket_cache_put(aws->bucket_cache, bucket, a->bucket_region);
    if (!aws_allows_region(aws, call, bucket, a->bucket_region, err))
        return false;
    memcpy(region, a->bucket_region, sizeof region);
    here.region = region;
    return aws_send_limited(a, &here, err);
}

/* Makes an attempt, and records that its credentials were accepted. */
static bool aws_attempt_call(struct aws_attempt *a, const struct aws_call *call, struct err *err)
{
    bool ok = aws_send_following(a, call, err);
    if (ok)
        aws_creds_accepted(a->creds, a->aws->options.clock->mono_ms(a->aws->options.clock));
    return ok;
}

bool aws_call(struct aws *aws, struct http_client *http, const struct aws_call *call,
              json_t **result, struct err *err)
{
    struct aws_creds *creds = aws_get_creds(aws, http, call->account, err);
    if (!creds)
        return false;
    struct aws_attempt a = {.aws = aws, .http = http, .creds = creds, .result = result};
    bool ok = aws_attempt_call(&a, call, err);
    if (!ok && aws_keys_refused(err)) {
        const struct aws_caller *caller = aws_identity_known_caller(aws->identity);
        struct aws_creds *others = aws_identity_renew(
            aws->identity, http, aws_creds_key(caller, call->account), creds, err);
        aws_creds_unref(creds);
        creds = others;
        a.creds = creds;
        ok = creds && aws_attempt_call(&a, call, err);
        if (creds && !ok && aws_keys_refused(err))
            aws_identity_refusal_stands(creds, err);
    }
    aws_creds_unref(creds);
    return ok;
}
