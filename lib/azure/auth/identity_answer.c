/* Requests for tokens and their answers, which all kinds of identity share.
 * Source: RFC 6749, sections 5.1 and 5.2; "How to use managed identities ... to acquire an access
 * token". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/azure/auth/identity_link.h"
#include "lib/azure/auth/token.h"
#include "lib/base/secret.h"
#include "lib/json/jpath.h"
#include "lib/net/retry_after.h"
#include "lib/net/uri.h"

#define ANSWER_MAX     (256u << 10)
#define LIFE_MAX_S     (INT64_C(7) * 24 * 3600) /* longer is not believed */
#define CONNECT_MS     2000
#define TIMEOUT_MS     10000
#define DEFAULT_SUFFIX "/.default"

/* A date as older versions of App Service write it, by the host's locale: "10/31/2018 10:53:45 AM
 * +00:00", "06/20/2019 02:57:58 +00:00". False when it is none. */
static bool parse_date(const char *text, int64_t *wall_ms)
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
    /* Some write "PM" behind hours that count to 24. */
    if (am && at.tm_hour == 12)
        at.tm_hour = 0;
    else if (pm && at.tm_hour < 12)
        at.tm_hour += 12;
    char iso[64];
    return strftime(iso, sizeof(iso), "%Y-%m-%dT%H:%M:%SZ", &at) > 0 && clock_parse(iso, wall_ms);
}

/* When the token runs out by expires_on: seconds since the epoch, as a number or text, or a date; 0
 * when it does not say. */
static int64_t read_expires_on(const json_t *object)
{
    const char *text = jstr(object, "expires_on");
    int64_t seconds = jint(object, "expires_on", 0);
    int64_t wall_ms = 0;
    if (seconds > 0)
        return (seconds < INT64_MAX / 1000 ? seconds : INT64_MAX / 1000) * 1000;
    return text && (parse_date(text, &wall_ms) || clock_parse(text, &wall_ms)) ? wall_ms : 0;
}

/* When the token runs out; 0 when the answer does not say. */
static int64_t read_expiry(const json_t *object, int64_t now_ms)
{
    int64_t seconds = jint(object, "expires_in", -1);
    int64_t until_ms = seconds < 0 ? read_expires_on(object) : 0;
    if (until_ms > 0)
        seconds = until_ms / 1000 - now_ms / 1000;
    return seconds > 0 ? now_ms + (seconds < LIFE_MAX_S ? seconds : LIFE_MAX_S) * 1000 : 0;
}

static struct azure_token *read_token(const struct identity_ask *ask, json_t *object,
                                      const char *who, struct err *err)
{
    const char *value = jstr(object, "access_token");
    int64_t expires_ms = read_expiry(object, ask->clock->wall_ms(ask->clock));
    struct azure_token *token = NULL;
    if (!value || !secret_text_valid(value)) {
        err_set(err, ERR_CREDENTIALS, "", "the answer of the %s has no usable access_token", who);
    } else if (expires_ms == 0) {
        err_set(err, ERR_CREDENTIALS, "",
                "the answer of the %s has no usable expires_in or expires_on", who);
    } else {
        token = azure_token_new(value, expires_ms);
        if (!token)
            err_set(err, ERR_INTERNAL, "", "out of memory");
    }
    secret_wipe_json(json_object_get(object, "access_token"));
    return token;
}

/* code is that of RFC 6749, section 4.1.2.1; NULL: none. */
static enum err_kind kind_of(int status, const char *code)
{
    bool unwell =
        code && (strcmp(code, "temporarily_unavailable") == 0 || strcmp(code, "server_error") == 0);
    if (status == 429)
        return ERR_THROTTLED;
    return status == 408 || status >= 500 || unwell ? ERR_TRANSIENT : ERR_CREDENTIALS;
}

/* The first line of error_description; trace ids follow on others. */
static void read_error(const struct http_response *response, const char *who, struct err *err)
{
    struct err ignored = ERR_INIT; /* a body that is no JSON: the status must do */
    json_t *object = secret_parse_json(&response->body, who, &ignored);
    const char *code = jstr(object, "error");
    const char *description = jstr(object, "error_description");
    size_t n = description ? strcspn(description, "\r\n") : 0;
    if (!description) {
        description = jstr(object, "error.message"); /* of Arc and some App Service versions */
        code = description ? jstr(object, "error.code") : code;
        n = description ? strcspn(description, "\r\n") : 0;
    }
    err_set(err, kind_of(response->status, code), code && strlen(code) < 90 ? code : "",
            "the %s answered with HTTP status %d%s%.*s", who, response->status, n > 0 ? ": " : "",
            n > 300 ? 300 : (int)n, n > 0 ? description : "");
    err->http_status = response->status;
    err->retry_after_ms = retry_after_ms(response);
    json_decref(object);
}

struct azure_token *identity_read(const struct identity_ask *ask,
                                  const struct http_response *response, const char *who,
                                  struct err *err)
{
    if (response->status != 200) {
        read_error(response, who, err);
        return NULL;
    }
    json_t *object = secret_parse_json(&response->body, who, err);
    struct azure_token *token = object ? read_token(ask, object, who, err) : NULL;
    json_decref(object);
    if (!token)
        err->http_status = response->status;
    return token;
}

struct azure_token *identity_request(const struct identity_ask *ask, struct http_request *request,
                                     const char *who, struct err *err)
{
    struct http_response response = {0};
    struct azure_token *token = NULL;
    request->response_max = ANSWER_MAX;
    request->response_secret = true;
    if (http_perform(ask->http, request, &response, err)) {
        token = identity_read(ask, &response, who, err);
        http_response_free(&response);
    }
    http_request_free(request);
    return token;
}

/* What v2.0 endpoints call a scope, managed identities call a resource: the same without
 * "/.default". */
static bool add_resource(struct buf *to, const char *scope)
{
    size_t n = strlen(scope);
    size_t suffix = strlen(DEFAULT_SUFFIX);
    if (n > suffix && strcmp(scope + n - suffix, DEFAULT_SUFFIX) == 0)
        n -= suffix;
    return uri_encode(to, scope, n, false);
}

bool identity_endpoint(const struct identity_ask *ask, const char *endpoint, const char *version,
                       const char *header, const char *value, struct http_request *request,
                       struct err *err)
{
    struct buf url = buf_make(8192);
    buf_addf(&url, "%s%capi-version=%s&resource=", endpoint, strchr(endpoint, '?') ? '&' : '?',
             version);
    add_resource(&url, ask->scope);
    if (ask->client_id) {
        buf_adds(&url, "&client_id=");
        uri_encode(&url, ask->client_id, strlen(ask->client_id), false);
    }
    *request = (struct http_request){.method = "GET",
                                     .url = buf_take(&url),
                                     .timeout_ms = TIMEOUT_MS,
                                     .connect_timeout_ms = CONNECT_MS,
                                     .direct = true};
    buf_free(&url);
    if (request->url && http_headers_add(&request->headers, header, value))
        return true;
    http_request_free(request);
    return err_set(err, ERR_CREDENTIALS, "",
                   "the request cannot be built: the endpoint is too long, or %s has a control "
                   "character",
                   header);
}
