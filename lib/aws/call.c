/* Calls to AWS: whose credentials, which endpoint, signing, sending, and what is done once more. It
 * knows nothing of where credentials come from (aws.c): STS, which hands out some, is called by it
 * too. */
#include <stdio.h>
#include <string.h>

#include "lib/aws/client.h"
#include "lib/aws/names.h"
#include "lib/json/jpath.h"

const char *aws_region(const struct aws *aws)
{
    return atomic_load(&aws->region);
}

/* --- identity --- */

const struct aws_caller *aws_get_caller(struct aws *aws, struct http_client *http, struct err *err)
{
    return aws_identity_get_caller(aws->identity, http, err);
}

/* The cache's name for an account: "" for the daemon's own. */
static bool cache_key(struct aws *aws, struct http_client *http, const char *account,
                      const char **key, struct err *err)
{
    *key = "";
    if (!account)
        return true;
    if (aws_account_problem(account))
        return err_set(err, ERR_INVALID, "", "\"%.40s\" %s", account, aws_account_problem(account));
    const struct aws_caller *caller = aws_get_caller(aws, http, err);
    if (!caller)
        return false;
    *key = strcmp(account, caller->account) == 0 ? "" : account;
    return true;
}

struct aws_creds *aws_get_creds(struct aws *aws, struct http_client *http, const char *account,
                                struct err *err)
{
    const char *key;
    return cache_key(aws, http, account, &key, err)
               ? aws_identity_creds(aws->identity, http, key, err)
               : NULL;
}

struct aws_creds *aws_peek_creds(struct aws *aws)
{
    return aws_identity_peek(aws->identity);
}

/* The cache's name for an account, from memory. */
static const char *known_key(struct aws *aws, const char *account)
{
    const struct aws_caller *caller = aws_identity_known_caller(aws->identity);
    return !account || (caller && strcmp(account, caller->account) == 0) ? "" : account;
}

void aws_expire_creds(struct aws *aws, const char *account, const struct aws_creds *creds)
{
    aws_identity_expire(aws->identity, known_key(aws, account), creds);
}

/* --- calls --- */

bool aws_keys_refused(const struct err *err)
{
    static const char *const codes[] = {"InvalidClientTokenId", "UnrecognizedClientException",
                                        "InvalidAccessKeyId", "AuthFailure", "InvalidToken"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strcmp(err->code, codes[i]) == 0)
            return true;
    return err->kind == ERR_EXPIRED;
}

static bool find_target(const struct aws *aws, const struct aws_service *service,
                        const char *region, struct aws_endpoint *target, struct err *err)
{
    const char *where = region && *region ? region : aws_region(aws);
    return where ? aws_endpoint_cache_get(aws->endpoint_cache, service, where, target, err)
                 : err_set(err, ERR_INVALID, "",
                           "no AWS region is known: set [aws] region or AWS_REGION");
}

bool aws_get_endpoint_url(struct aws *aws, const struct aws_service *service, const char *region,
                          struct buf *url, struct err *err)
{
    struct aws_endpoint target;
    return find_target(aws, service, region, &target, err) &&
           (buf_adds(url, target.url) ||
            err_set(err, ERR_INTERNAL, "", "the endpoint does not fit the buffer"));
}

/* Names the operation in an error that was made before or without an answer. */
static bool named(const struct aws_call *call, struct err *err)
{
    if (!*err->operation)
        snprintf(err->operation, sizeof err->operation, "%s", call->op->name);
    return false;
}

int64_t aws_now_ms(struct aws *aws)
{
    return skew_now(&aws->skew, aws->options.clock);
}

/* Whether a wrong time may be behind a refusal. Some services call it that, others a wrong
 * signature; then the distance from their Date decides. */
static bool may_be_time(const char *code)
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
    return may_be_time(refusal->code) &&
           skew_learn(&aws->skew, aws->options.clock, aws->options.log, signed_ms, response);
}

bool aws_prepare(struct aws *aws, const struct aws_creds *creds, const struct aws_call *call,
                 struct http_request *request, struct err *err)
{
    const struct aws_service *service = call->op->service;
    bool s3 = service->protocol == AWS_REST_XML;
    struct aws_endpoint target = {.overridden = false};
    if ((!call->origin && !find_target(aws, service, call->region, &target, err)) ||
        !aws_encode(call, call->origin ? call->origin : target.url, target.overridden, request,
                    err))
        return named(call, err);
    request->response_secret = service == &aws_sts;
    struct sigv4_options how = {
        .region = call->origin ? call->region : target.signing_region,
        .service = service->signing_name,
        .now_ms = aws_now_ms(aws),
        .normalize_path = !s3,
        .double_encode_path = !s3,
        .add_content_sha256 = s3,
        .keys = aws->keys,
    };
    if (creds && !sigv4_sign(request, creds, &how, NULL, err)) {
        http_request_free(request);
        return named(call, err);
    }
    return true;
}

/* Takes a 2xx body as it is, without a copy. */
static bool take_raw(const struct aws_call *call, struct http_response *response, json_t **answer,
                     struct err *err)
{
    struct buf *to = call->raw_body;
    size_t max = to->max;
    if (response->open_ended)
        return err_set(err, ERR_TRANSIENT, "UnreadableResponse",
                       "the answer does not say where it ends: it may have been cut off");
    if (response->body.size > max)
        return err_set(err, ERR_LIMIT, "", "the answer is larger than %zu bytes", max);
    *answer = json_object();
    if (!*answer)
        return err_set(err, ERR_INTERNAL, "", "out of memory");
    buf_free(to);
    *to = response->body;
    to->max = max;
    response->body = buf_make(0);
    return true;
}

static bool read_answer(const struct aws_call *call, struct http_response *response,
                        json_t **answer, struct err *err)
{
    bool good = response->status >= 200 && response->status < 300;
    bool ok = good && call->raw_body ? take_raw(call, response, answer, err)
                                     : aws_decode(call->op, response, answer, err);
    if (ok && call->response_headers) {
        http_headers_free(call->response_headers);
        *call->response_headers = response->headers;
        response->headers = (struct http_headers){0};
    }
    return ok;
}

/* A line for each request, of what may be told: no parameters, headers or bodies. */
static void log_call(const struct aws *aws, const struct aws_call *call, int status, bool ok,
                     int64_t since_ms, const char *request_id, const struct err *err)
{
    if (!log_would(aws->options.log, LOG_DEBUG_LEVEL))
        return;
    const struct clock *clock = aws->options.clock;
    log_debug(aws->options.log, "AWS request", LOG_STR("service", call->op->service->id),
              LOG_STR("operation", call->op->name),
              LOG_STR("region", call->region ? call->region : aws_region(aws)),
              LOG_STR("account", call->account), LOG_INT("status", status),
              LOG_MS("duration", clock->mono_ms(clock) - since_ms),
              LOG_STR("request_id", request_id),
              LOG_STR("error", ok           ? NULL
                               : *err->code ? err->code
                                            : err_kind_name(err->kind)));
}

static const char *request_id_of(const struct http_response *response)
{
    const char *id = http_headers_get(&response->headers, "x-amzn-requestid");
    return id ? id : http_headers_get(&response->headers, "x-amz-request-id");
}

/* One request, signed once. *status is 0 when there was no answer; bucket_region ("" if none) is
 * where S3 says the bucket is; *again when it was refused for its time, and that is known better
 * now. */
static bool send_signed(struct aws *aws, struct http_client *http, const struct aws_creds *creds,
                        const struct aws_call *call, json_t **answer, int *status,
                        char bucket_region[33], bool *again, struct err *err)
{
    struct http_request request;
    struct http_response response = {0};
    char request_id[sizeof err->request_id] = "";
    int64_t since = aws->options.clock->mono_ms(aws->options.clock);
    int64_t signed_ms = aws_now_ms(aws);
    *again = false;
    *status = 0;
    bucket_region[0] = '\0';
    if (!aws_prepare(aws, creds, call, &request, err))
        return false;
    bool ok = http_perform(http, &request, &response, err);
    if (ok) {
        const char *id = request_id_of(&response);
        snprintf(request_id, sizeof request_id, "%s", id ? id : "");
        *status = response.status;
        if (call->op->service == &aws_s3 && !aws_bucket_region(&response, bucket_region))
            bucket_region[0] = '\0';
        ok = read_answer(call, &response, answer, err);
        *again = !ok && creds && aws_learn_time(aws, signed_ms, &response, err);
        http_response_free(&response);
    }
    http_request_free(&request);
    if (!ok)
        named(call, err);
    log_call(aws, call, *status, ok, since, *request_id ? request_id : NULL, err);
    return ok;
}

/* One request, and once more after one that was refused for its time. */
static bool send_once(struct aws *aws, struct http_client *http, const struct aws_creds *creds,
                      const struct aws_call *call, json_t **answer, int *status,
                      char bucket_region[33], struct err *err)
{
    bool again;
    bool ok = send_signed(aws, http, creds, call, answer, status, bucket_region, &again, err);
    if (!again)
        return ok;
    return send_signed(aws, http, creds, call, answer, status, bucket_region, &again, err);
}

bool aws_call_as(struct aws *aws, struct http_client *http, const struct aws_creds *creds,
                 const struct aws_call *call, json_t **answer, struct err *err)
{
    int status;
    char bucket_region[33];
    return send_once(aws, http, creds, call, answer, &status, bucket_region, err);
}

/* Appends as much of the text as there is room for before `end`, and a NUL. */
static char *append(char *at, const char *end, const char *text)
{
    while (*text && at < end)
        *at++ = *text++;
    *at = '\0';
    return at;
}

/* "123456789012/eu-west-1/ec2". Not by snprintf: this is asked with each call. */
static void name_limit(char to[128], const char *account, const char *region, const char *service)
{
    const char *const parts[] = {account, "/", region ? region : "", "/", service};
    char *at = to;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        at = append(at, to + 127, parts[i]);
}

/* One request that keeps to the token bucket of its account, region and service. */
static bool send_limited(struct aws *aws, struct http_client *http, const struct aws_creds *creds,
                         const struct aws_call *call, json_t **answer, int *status,
                         char bucket_region[33], struct err *err)
{
    struct ratelimit *limits = aws->options.limits;
    const struct aws_caller *caller = aws_identity_known_caller(aws->identity);
    const char *region = call->region ? call->region : aws_region(aws);
    const char *account = call->account ? call->account : caller ? caller->account : "own";
    char name[128];
    name_limit(name, account, region, call->op->service->id);
    int64_t wait_ms = limits ? ratelimit_take(limits, name) : 0;
    if (wait_ms > 0) {
        err_set(err, ERR_BUSY, "",
                "requests to %s in account %s and region %s are being "
                "rate-limited",
                call->op->service->id, account, region ? region : "-");
        err->retry_after_ms = wait_ms;
        return named(call, err);
    }
    bool ok = send_once(aws, http, creds, call, answer, status, bucket_region, err);
    if (limits && *status > 0)
        ratelimit_report(limits, name, !ok && err->kind == ERR_THROTTLED);
    return ok;
}

/* Whether a bucket that S3 says is in `found` may be followed there from `region`: never out of the
 * partition. */
static bool may_follow(const char *found, const char *region)
{
    return *found && region && strcmp(found, region) != 0 &&
           aws_partition_of_region(found) == aws_partition_of_region(region);
}

/* Whether the call may be made where its bucket is found to be. */
static bool allows(const struct aws *aws, const struct aws_call *call, const char *bucket,
                   const char *found, struct err *err)
{
    struct err why = ERR_INIT;
    if (!call->guarded || !aws->options.allow_region ||
        aws->options.allow_region(aws->options.allow_region_ctx, found, &why))
        return true;
    err_set(err, ERR_DENIED, "", "the bucket %s is not in the region asked for, but in %s: %s",
            bucket, found, why.message);
    return named(call, err);
}

/* One request and, if S3 has the bucket in another region, one there. */
static bool send_following(struct aws *aws, struct http_client *http, const struct aws_creds *creds,
                           const struct aws_call *call, json_t **answer, struct err *err)
{
    struct aws_call here = *call;
    int status = 0;
    char known[33];
    char found[33] = "";
    const char *bucket = call->op->service == &aws_s3 ? jstr(call->params, "Bucket") : NULL;
    if (bucket && aws_bucket_cache_get(aws->bucket_cache, bucket, known)) {
        if (!allows(aws, call, bucket, known, err))
            return false;
        here.region = known;
    }
    bool ok = send_limited(aws, http, creds, &here, answer, &status, found, err);
    const char *asked = here.region ? here.region : aws_region(aws);
    /* Any other refusal comes from the bucket's own region, or would come from there too. */
    bool elsewhere = status == 301 || status == 307 || status == 400;
    if (ok || !bucket || !elsewhere || !may_follow(found, asked))
        return ok;
    aws_bucket_cache_put(aws->bucket_cache, bucket, found);
    if (!allows(aws, call, bucket, found, err))
        return false;
    memcpy(known, found, sizeof known);
    here.region = known;
    return send_limited(aws, http, creds, &here, answer, &status, found, err);
}

/* One try under given credentials. */
static bool call_with(struct aws *aws, struct http_client *http, const struct aws_creds *creds,
                      const struct aws_call *call, json_t **answer, struct err *err)
{
    bool ok = send_following(aws, http, creds, call, answer, err);
    if (ok)
        aws_creds_accepted(creds, aws->options.clock->mono_ms(aws->options.clock));
    return ok;
}

bool aws_call(struct aws *aws, struct http_client *http, const struct aws_call *call,
              json_t **answer, struct err *err)
{
    struct aws_creds *creds = aws_get_creds(aws, http, call->account, err);
    if (!creds)
        return false;
    bool ok = call_with(aws, http, creds, call, answer, err);
    if (!ok && aws_keys_refused(err)) {
        const char *key = known_key(aws, call->account);
        struct aws_creds *others = aws_identity_renew(aws->identity, http, key, creds, err);
        aws_creds_unref(creds);
        creds = others;
        ok = creds && call_with(aws, http, creds, call, answer, err);
        if (creds && !ok && aws_keys_refused(err))
            aws_identity_refusal_stands(creds, err);
    }
    aws_creds_unref(creds);
    return ok;
}
