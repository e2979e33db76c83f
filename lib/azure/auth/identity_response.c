/* Requests for tokens and their responses, which all kinds of identity share.
 * Source: RFC 6749, sections 5.1 and 5.2; "How to use managed identities ... to acquire an access
 * token". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/azure/auth/identity_kinds.h"
#include "lib/azure/auth/token.h"
#include "lib/base/secret.h"
#include "lib/json/jpath.h"
#include "lib/net/retry_after.h"
#include "lib/net/uri.h"

#define RESPONSE_MAX (256u << 10)
/* Longer is taken for this. */
#define LIFE_MAX_S     (INT64_C(7) * 24 * 3600)
#define CONNECT_MS     2000
#define TIMEOUT_MS     10000
#define DEFAULT_SUFFIX "/.default"

/* Parses a date as older versions of App Service write it, by the host's locale: "10/31/2018
 * 10:53:45 AM +00:00", "06/20/2019 02:57:58 +00:00". */
static bool token_parse_date(const char *text, int64_t *wall_ms)
{
    struct tm at = {.tm_isdst = 0};
    const char *rest = strptime(text, "%m/%d/%Y %H:%M:%S", &at);
    if (!rest)
        return false;
    bool am = strncmp(rest, " AM", 3) == 0;
    bool pm = strncmp(rest, " PM", 3) == 0;
    rest += am || pm ? 3 : 0;
    if (strcmp(rest, "") != 0 && strcmp(rest, " +00:00") != 0)
        return false;
    /* Some write "PM" after hours that count to 24. */
    if (am && at.tm_hour == 12)
        at.tm_hour = 0;
    else if (pm && at.tm_hour < 12)
        at.tm_hour += 12;
    char iso[64];
    return strftime(iso, sizeof iso, "%Y-%m-%dT%H:%M:%SZ", &at) > 0 && clock_parse(iso, wall_ms);
}

/* Returns the time in expires_on, in milliseconds since the epoch: a number of seconds, the same as
 * text, or a date. 0 if there is none. */
static int64_t token_read_expires_on(const json_t *object)
{
    int64_t seconds = jint(object, "expires_on", 0);
    if (seconds > 0)
        return (seconds < INT64_MAX / 1000 ? seconds : INT64_MAX / 1000) * 1000;
    const char *text = jstr(object, "expires_on");
    int64_t wall_ms = 0;
    return text && (token_parse_date(text, &wall_ms) || clock_parse(text, &wall_ms)) ? wall_ms : 0;
}

/* Returns when the token expires, by this host's clock; 0 if that is unknown or past. expires_on is
 * by the service's clock, which differs from this host's by the skew. */
static int64_t token_read_expiry(const struct identity_params *params, const json_t *object)
{
    int64_t left_s = jint(object, "expires_in", -1);
    int64_t until_ms = left_s < 0 ? token_read_expires_on(object) : 0;
    if (until_ms > 0)
        left_s = until_ms / 1000 - skew_now(params->skew, params->clock) / 1000;
    if (left_s <= 0)
        return 0;
    return params->clock->wall_ms(params->clock) +
           (left_s < LIFE_MAX_S ? left_s : LIFE_MAX_S) * 1000;
}

static struct azure_token *token_read(const struct identity_params *params, json_t *object,
                                      const char *service, struct err *err)
{
    const char *value = jstr(object, "access_token");
    int64_t expires_ms = token_read_expiry(params, object);
    struct azure_token *token = NULL;
    if (!value || !secret_text_valid(value))
        err_set(err, ERR_CREDENTIALS, "", "the response from the %s has no usable access_token",
                service);
    else if (expires_ms == 0)
        err_set(err, ERR_CREDENTIALS, "",
                "the response from the %s has no usable expires_in or expires_on", service);
    else
        token = azure_token_new(value, expires_ms);
    secret_wipe_json(json_object_get(object, "access_token"));
    return token;
}

/* code: of RFC 6749, section 4.1.2.1; NULL: none. */
static enum err_kind token_error_kind(int status, const char *code)
{
    bool passing =
        code && (strcmp(code, "temporarily_unavailable") == 0 || strcmp(code, "server_error") == 0);
    if (status == 429)
        return ERR_THROTTLED;
    return status == 408 || status >= 500 || passing ? ERR_TRANSIENT : ERR_CREDENTIALS;
}

/* Reads the code and the first line of the description; trace IDs follow on others. */
static void token_read_error(const struct http_response *response, const char *service,
                             struct err *err)
{
    /* Without a JSON body the status alone decides. */
    struct err ignored = ERR_INIT;
    json_t *object = secret_parse_json(&response->body, service, &ignored);
    const char *code = jstr(object, "error");
    const char *description = jstr(object, "error_description");
    if (!description) {
        /* Of Arc and of some versions of App Service. */
        description = jstr(object, "error.message");
        code = description ? jstr(object, "error.code") : code;
    }
    size_t n = description ? strcspn(description, "\r\n") : 0;
    err_set(err, token_error_kind(response->status, code), code && strlen(code) < 90 ? code : "",
            "the %s responded with HTTP status %d%s%.*s", service, response->status,
            n > 0 ? ": " : "", n > 300 ? 300 : (int)n, n > 0 ? description : "");
    err->http_status = response->status;
    err->retry_after_ms = retry_after_ms(response);
    json_decref(object);
}

struct azure_token *identity_read_token(const struct identity_params *params,
                                        const struct http_response *response, const char *service,
                                        struct err *err)
{
    if (response->status != 200) {
        token_read_error(response, service, err);
        return NULL;
    }
    json_t *object = secret_parse_json(&response->body, service, err);
    struct azure_token *token = object ? token_read(params, object, service, err) : NULL;
    json_decref(object);
    if (!token)
        err->http_status = response->status;
    return token;
}

struct azure_token *identity_send(const struct identity_params *params,
                                  struct http_request *request, const char *service,
                                  struct err *err)
{
    struct http_response response = {0};
    struct azure_token *token = NULL;
    request->response_max = RESPONSE_MAX;
    request->response_secret = true;
    if (http_perform(params->http, request, &response, err)) {
        token = identity_read_token(params, &response, service, err);
        http_response_free(&response);
    }
    http_request_free(request);
    return token;
}

/* Appends the resource of a scope: what v2.0 endpoints call a scope is a resource for managed
 * identities, without "/.default". */
static void identity_add_resource(struct buf *to, const char *scope)
{
    size_t n = strlen(scope);
    size_t suffix = strlen(DEFAULT_SUFFIX);
    if (n > suffix && strcmp(scope + n - suffix, DEFAULT_SUFFIX) == 0)
        n -= suffix;
    uri_encode(to, scope, n, false);
}

bool identity_build_request(const struct identity_params *params,
                            const struct identity_endpoint *endpoint, struct http_request *request,
                            struct err *err)
{
    struct buf url = buf_make(8192);
    buf_addf(&url, "%s%capi-version=%s&resource=", endpoint->url,
             strchr(endpoint->url, '?') ? '&' : '?', endpoint->version);
    identity_add_resource(&url, params->scope);
    if (params->client_id) {
        buf_adds(&url, "&client_id=");
        uri_encode(&url, params->client_id, strlen(params->client_id), false);
    }
    *request = (struct http_request){.method = "GET",
                                     .url = buf_take(&url),
                                     .timeout_ms = TIMEOUT_MS,
                                     .connect_timeout_ms = CONNECT_MS,
                                     .direct = true};
    buf_free(&url);
    if (request->url && http_headers_add(&request->headers, endpoint->header, endpoint->value))
        return true;
    http_request_free(request);
    return err_set(err, ERR_CREDENTIALS, "",
                   "cannot request a token: the endpoint is too long, or %s has a control "
                   "character",
                   endpoint->header);
}
