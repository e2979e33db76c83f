/* Asks the EC2 instance metadata service, version 2. */
#include "lib/aws/auth/imds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/secret.h"
#include "lib/net/retry_after.h"
#include "lib/net/uri.h"

#define TIMEOUT_MS 1000
#define ANSWER_MAX (64u << 10)
#define TTL_S      "21600"
#define NAME       "the instance metadata service"
#define SILENT_MAX 3   /* sessions without an answer, of what has never answered */
#define PAUSE_MS   200 /* after the first failure, doubling with each */
#define PAUSES     5   /* then whoever remembers the failure decides */

/* The variable of the environment, else the profile's setting, else NULL. */
static const char *setting(const struct aws_profiles *profiles, const char *profile,
                           const char *variable, const char *key)
{
    const char *value = getenv(variable);
    if (!value || !*value)
        value = aws_profile_get(profiles, profile, key);
    return value && *value ? value : NULL;
}

/* The service's address without a slash at its end. */
static bool find_base(struct buf *to, const struct aws_profiles *profiles, const char *profile,
                      struct err *err)
{
    const char *endpoint = setting(profiles, profile, "AWS_EC2_METADATA_SERVICE_ENDPOINT",
                                   "ec2_metadata_service_endpoint");
    const char *mode = setting(profiles, profile, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
                               "ec2_metadata_service_endpoint_mode");
    bool v6 = mode && strcasecmp(mode, "ipv6") == 0;
    if (mode && !v6 && strcasecmp(mode, "ipv4") != 0)
        return err_set(err, ERR_CREDENTIALS, "",
                       "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE is neither IPv4 nor IPv6");
    if (!endpoint)
        endpoint = v6 ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
    struct uri uri;
    struct err why = ERR_INIT;
    if (!uri_parse(endpoint, &uri, &why))
        return err_set(err, ERR_CREDENTIALS, "",
                       "AWS_EC2_METADATA_SERVICE_ENDPOINT is not a usable URL: %s", why.message);
    bool plain = !*uri.query;
    uri_free(&uri);
    size_t n = strlen(endpoint);
    while (n > 0 && endpoint[n - 1] == '/')
        n--;
    return (plain && buf_add(to, endpoint, n)) ||
           err_set(err, ERR_CREDENTIALS, "",
                   "AWS_EC2_METADATA_SERVICE_ENDPOINT has a query or is too long");
}

/* One request; header and value may be NULL. */
static bool ask(struct imds *s, const char *method, const char *path, const char *header,
                const char *value, struct http_response *response, struct err *err)
{
    struct buf url = buf_make(2048);
    bool fits = buf_addf(&url, "%s%s", buf_str(&s->base), path);
    struct http_request request = {
        .method = method,
        .url = buf_take(&url),
        .response_max = ANSWER_MAX,
        .timeout_ms = TIMEOUT_MS,
        .connect_timeout_ms = TIMEOUT_MS,
        .direct = true,
        .response_secret = true,
    };
    bool ok = fits && request.url && http_headers_add(&request.headers, header, value);
    if (!ok)
        err_set(err, ERR_CREDENTIALS, "", NAME ": the request cannot be built");
    ok = ok && http_perform(s->http, &request, response, err);
    http_request_free(&request);
    return ok;
}

/* --- what a failure means --- */

/* It may pass: the caller comes back, soon at first. */
static bool later(struct imds_memory *m, struct err *err)
{
    err->kind = ERR_TRANSIENT;
    if (err->retry_after_ms <= 0 && m->failed < PAUSES)
        err->retry_after_ms = (int64_t)PAUSE_MS << m->failed;
    m->failed += m->failed < PAUSES;
    return false;
}

/* Nothing was heard. One reset or timeout does not mean that there is no such service: only where
 * it cannot be, or has often been silent and never answered. */
static bool silent(struct imds_memory *m, struct err *err)
{
    struct err why = *err;
    bool nothing =
        why.os_error == ECONNREFUSED || why.os_error == EHOSTUNREACH || why.os_error == ENETUNREACH;
    err_set(err, why.kind == ERR_INTERNAL ? ERR_INTERNAL : ERR_CREDENTIALS, "",
            NAME " does not answer: %s", why.message);
    if (why.kind != ERR_TRANSIENT)
        return false;
    if (!m->answered && (nothing || ++m->silent >= SILENT_MAX))
        return false;
    return later(m, err);
}

/* It answered, but not as it should. */
static void refused(struct imds_memory *m, const struct http_response *response, struct err *err)
{
    err->http_status = response->status;
    err->retry_after_ms = retry_after_ms(response);
    bool passes = response->status == 408 || response->status == 429 || response->status >= 500;
    if (passes)
        later(m, err);
}

static bool get_token(struct imds *s, struct imds_memory *memory, struct err *err)
{
    struct http_response response = {0};
    if (!ask(s, "PUT", "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", TTL_S,
             &response, err))
        return silent(memory, err);
    memory->answered = true;
    bool ok = response.status == 200 && secret_text_valid(buf_str(&response.body)) &&
              buf_adds(&s->token, buf_str(&response.body));
    if (!ok) {
        err_set(err, ERR_CREDENTIALS, "",
                NAME " gives no session token (HTTP status %d); version 1 is not used",
                response.status);
        refused(memory, &response, err);
    }
    http_response_free(&response);
    return ok;
}

bool imds_open(struct imds *s, struct imds_memory *memory, const struct aws_profiles *profiles,
               const char *profile, struct http_client *http, struct err *err)
{
    const char *disabled = getenv("AWS_EC2_METADATA_DISABLED");
    if (disabled && strcasecmp(disabled, "true") == 0)
        return err_set(err, ERR_CREDENTIALS, "", "turned off by AWS_EC2_METADATA_DISABLED");
    *s = (struct imds){.http = http, .base = buf_make(1024), .token = buf_make_secret(1024)};
    if (!find_base(&s->base, profiles, profile, err) || !get_token(s, memory, err)) {
        imds_close(s);
        return false;
    }
    return true;
}

void imds_close(struct imds *s)
{
    buf_free(&s->base);
    buf_free(&s->token);
}

bool imds_get(struct imds *s, struct imds_memory *memory, const char *path, struct buf *to,
              struct err *err)
{
    struct http_response response = {0};
    if (!ask(s, "GET", path, "X-aws-ec2-metadata-token", buf_str(&s->token), &response, err))
        return silent(memory, err);
    memory->answered = true;
    bool ok = response.status == 200;
    if (ok) {
        ok = buf_add(to, buf_str(&response.body), response.body.size) ||
             err_set(err, ERR_LIMIT, "", NAME ": the answer is too long");
    } else {
        err_set(err, response.status == 404 ? ERR_NOT_FOUND : ERR_CREDENTIALS, "",
                NAME " answered with HTTP status %d", response.status);
        refused(memory, &response, err);
    }
    http_response_free(&response);
    return ok;
}
