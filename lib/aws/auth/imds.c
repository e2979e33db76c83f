/* Sends requests to the EC2 instance metadata service, version 2. */
#include "lib/aws/auth/imds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/secret.h"
#include "lib/net/retry_after.h"
#include "lib/net/uri.h"

#define TIMEOUT_MS   1000
#define RESPONSE_MAX (64u << 10)
#define TTL_S        "21600"
#define NAME         "the instance metadata service"
/* Sessions without a response from a service that has never responded. */
#define SILENT_MAX 3
/* After the first failure; doubles with each. */
#define PAUSE_MS 200
/* Pauses requested here; after them, the memory of the failure (lib/net/fresh.h) decides. */
#define PAUSES 5

/* Returns the variable of the environment, else the profile's setting, else NULL. */
static const char *imds_setting(const struct aws_profiles *profiles, const char *profile,
                                const char *variable, const char *key)
{
    const char *value = getenv(variable);
    if (!value || !*value)
        value = aws_profile_get(profiles, profile, key);
    return value && *value ? value : NULL;
}

/* Appends the address of the service, without a trailing slash. */
static bool imds_find_base(struct buf *to, const struct aws_profiles *profiles, const char *profile,
                           struct err *err)
{
    const char *endpoint = imds_setting(profiles, profile, "AWS_EC2_METADATA_SERVICE_ENDPOINT",
                                        "ec2_metadata_service_endpoint");
    const char *mode = imds_setting(profiles, profile, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
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

/* Sends one request with one header. */
static bool imds_send(struct imds *s, const char *method, const char *path, const char *header,
                      const char *value, struct http_response *response, struct err *err)
{
    struct buf url = buf_make(2048);
    bool fits = buf_addf(&url, "%s%s", buf_str(&s->base), path);
    struct http_request request = {
        .method = method,
        .url = buf_take(&url),
        .response_max = RESPONSE_MAX,
        .timeout_ms = TIMEOUT_MS,
        .connect_timeout_ms = TIMEOUT_MS,
        .direct = true,
        .response_secret = true,
    };
    bool ok = fits && request.url && http_headers_add(&request.headers, header, value);
    if (!ok)
        err_set(err, ERR_CREDENTIALS, "", NAME ": cannot build the request");
    ok = ok && http_perform(s->http, &request, response, err);
    http_request_free(&request);
    return ok;
}

/* --- failures --- */

/* Makes a failure one that may pass, with a pause that is short at first. Returns false. */
static bool imds_fail_later(struct imds_memory *m, struct err *err)
{
    err->kind = ERR_TRANSIENT;
    if (err->retry_after_ms <= 0 && m->failed < PAUSES)
        err->retry_after_ms = (int64_t)PAUSE_MS << m->failed;
    m->failed += m->failed < PAUSES;
    return false;
}

/* Handles a request without a response. One reset or timeout does not mean that there is no such
 * service; no route, a refused connection, or repeated silence of a service that has never
 * responded does. Returns false. */
static bool imds_fail_silent(struct imds_memory *m, struct err *err)
{
    struct err why = *err;
    bool unreachable =
        why.os_error == ECONNREFUSED || why.os_error == EHOSTUNREACH || why.os_error == ENETUNREACH;
    err_set(err, why.kind == ERR_INTERNAL ? ERR_INTERNAL : ERR_CREDENTIALS, "",
            NAME " does not respond: %s", why.message);
    if (why.kind != ERR_TRANSIENT)
        return false;
    if (!m->answered && (unreachable || ++m->silent >= SILENT_MAX))
        return false;
    return imds_fail_later(m, err);
}

/* Handles a response with another status than 200. */
static void imds_fail_status(struct imds_memory *m, const struct http_response *response,
                             struct err *err)
{
    err->http_status = response->status;
    err->retry_after_ms = retry_after_ms(response);
    bool passes = response->status == 408 || response->status == 429 || response->status >= 500;
    if (passes)
        imds_fail_later(m, err);
}

static bool imds_get_token(struct imds *s, struct imds_memory *memory, struct err *err)
{
    struct http_response response = {0};
    if (!imds_send(s, "PUT", "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", TTL_S,
                   &response, err))
        return imds_fail_silent(memory, err);
    memory->answered = true;
    bool ok = response.status == 200 && secret_text_valid(buf_str(&response.body)) &&
              buf_adds(&s->token, buf_str(&response.body));
    if (!ok) {
        err_set(err, ERR_CREDENTIALS, "",
                NAME " returned no session token (HTTP status %d); version 1 is not used",
                response.status);
        imds_fail_status(memory, &response, err);
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
    if (!imds_find_base(&s->base, profiles, profile, err) || !imds_get_token(s, memory, err)) {
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
    if (!imds_send(s, "GET", path, "X-aws-ec2-metadata-token", buf_str(&s->token), &response, err))
        return imds_fail_silent(memory, err);
    memory->answered = true;
    bool ok = response.status == 200;
    if (ok) {
        ok = buf_add(to, buf_str(&response.body), response.body.size) ||
             err_set(err, ERR_LIMIT, "", NAME ": the response is too long");
    } else {
        err_set(err, response.status == 404 ? ERR_NOT_FOUND : ERR_CREDENTIALS, "",
                NAME " responded with HTTP status %d", response.status);
        imds_fail_status(memory, &response, err);
    }
    http_response_free(&response);
    return ok;
}
