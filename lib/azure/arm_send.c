/* Sends requests to Azure Resource Manager with a token, and classifies the responses. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/azure/arm_private.h"
#include "lib/azure/classify.h"
#include "lib/base/memory.h"
#include "lib/json/jpath.h"
#include "lib/net/uri.h"

/* --- responses --- */

json_t *arm_read_object(const struct http_response *response)
{
    json_error_t ignored;
    json_t *value = json_loadb(buf_str(&response->body), response->body.size, 0, &ignored);
    if (json_is_object(value))
        return value;
    json_decref(value);
    return NULL;
}

bool arm_response_is_page(const struct http_response *response)
{
    const char *type = http_headers_get(&response->headers, "Content-Type");
    return type && strncasecmp(type, "text/html", strlen("text/html")) == 0 &&
           response->body.size > 0;
}

/* The outer code is often a mere heading ("Conflict"), so the first detail is appended. */
static void send_add_message(const json_t *error, struct buf *to)
{
    const char *message = jstr(error, "message");
    const char *detail = jstr(error, "details[0].message");
    const char *detail_code = jstr(error, "details[0].code");
    if (message)
        buf_addf(to, "%.500s", message);
    if (detail && (!message || strcmp(message, detail) != 0))
        buf_addf(to, "%s%s%s%.300s", to->size > 0 ? " " : "", detail_code ? detail_code : "",
                 detail_code ? ": " : "", detail);
}

bool arm_set_error(const char *operation, const struct http_response *response,
                   const json_t *object, struct err *err)
{
    const json_t *error = jget(object, "error");
    struct buf message = buf_make(2048);
    error = json_is_object(error) ? error : object;
    send_add_message(error, &message);
    azure_set_error(operation, response, jstr(error, "code"), buf_str(&message), err);
    buf_free(&message);
    /* The proxy does not know the resource, but Azure may. */
    if (err->kind == ERR_NOT_FOUND && !object && arm_response_is_page(response))
        err->kind = ERR_PROVIDER;
    if (!*err->request_id)
        azure_copy_id(http_headers_get(&response->headers, "x-ms-correlation-request-id"),
                      err->request_id, sizeof err->request_id);
    return false;
}

/* --- sending --- */

/* Returns true if scheme, host and port are those of the configured endpoint. */
static bool send_url_is_ours(const struct azure *azure, const char *url)
{
    struct uri ours = {0};
    struct uri theirs = {0};
    struct err ignored = ERR_INIT;
    bool same = uri_parse(url, &theirs, &ignored) &&
                uri_parse(azure_cloud(azure)->arm, &ours, &ignored) &&
                strcmp(ours.scheme, theirs.scheme) == 0 && strcmp(ours.host, theirs.host) == 0 &&
                ours.port == theirs.port;
    uri_free(&ours);
    uri_free(&theirs);
    return same;
}

static bool send_build_request(const struct arm_request *r, const struct azure_token *token,
                               const char client_id[37], struct http_request *request,
                               struct err *err)
{
    struct buf bearer = buf_make_secret(64u << 10);
    *request = (struct http_request){.method = r->method, .url = xstrdup(r->url)};
    bool ok = buf_addf(&bearer, "Bearer %s", token->value) &&
              http_headers_add(&request->headers, "Authorization", buf_str(&bearer)) &&
              http_headers_add(&request->headers, "Accept", "application/json") &&
              http_headers_add(&request->headers, "x-ms-client-request-id", client_id);
    if (ok && r->body) {
        ok = http_headers_add(&request->headers, "Content-Type", "application/json");
        request->body = (struct http_body){.data = r->body, .size = strlen(r->body)};
    } else if (ok && strcmp(r->method, "DELETE") == 0) {
        ok = http_headers_add(&request->headers, "Content-Length", "0");
    }
    buf_free(&bearer);
    if (!ok) {
        http_request_free(request);
        err_set(err, ERR_CREDENTIALS, "", "the token cannot be sent as a header");
    }
    return ok;
}

/* Logs one line per request, without secrets. */
static void send_log(const struct azure *azure, const struct arm_request *r,
                     const char client_id[37], int64_t since_ms,
                     const struct http_response *response, const struct err *err)
{
    struct log *log = azure_log(azure);
    if (!log_would(log, LOG_DEBUG_LEVEL))
        return;
    static const char *const names[] = {"x-ms-request-id", "x-ms-correlation-request-id",
                                        "x-ms-arm-service-request-id",
                                        "x-ms-ratelimit-remaining-resource"};
    char ids[4][128];
    const struct clock *clock = azure_clock(azure);
    for (size_t i = 0; i < 4; i++)
        azure_copy_id(http_headers_get(&response->headers, names[i]), ids[i], sizeof ids[i]);
    log_debug(
        log, "Azure request", LOG_STR("operation", r->operation), LOG_STR("method", r->method),
        LOG_INT("status", response->status), LOG_MS("duration", clock->mono_ms(clock) - since_ms),
        LOG_STR("client_request_id", client_id), LOG_STR("request_id", *ids[0] ? ids[0] : NULL),
        LOG_STR("correlation_id", *ids[1] ? ids[1] : NULL),
        LOG_STR("service_request_id", *ids[2] ? ids[2] : NULL),
        LOG_STR("remaining", *ids[3] ? ids[3] : NULL),
        LOG_STR("error", err->kind == ERR_NONE ? NULL
                         : *err->code          ? err->code
                                               : err_kind_name(err->kind)));
}

/* Sends the request once, with this token. */
static bool send_once(struct azure *azure, struct http_client *http, const struct arm_request *r,
                      const struct azure_token *token, struct http_response *response,
                      struct err *err)
{
    const struct clock *clock = azure_clock(azure);
    int64_t since = clock->mono_ms(clock);
    char client_id[37];
    clock_uuid(clock, client_id);
    *response = (struct http_response){0};
    struct http_request request;
    struct err why = ERR_INIT;
    if (!send_build_request(r, token, client_id, &request, err))
        return false;
    bool ok = http_perform(http, &request, response, &why);
    http_request_free(&request);
    int status = response->status;
    if (ok && (status < 200 || status > 299)) {
        json_t *object = arm_read_object(response);
        ok = arm_set_error(r->operation, response, object, &why);
        json_decref(object);
    }
    send_log(azure, r, client_id, since, response, &why);
    if (status > 0 && r->bucket && azure_limits(azure))
        ratelimit_report(azure_limits(azure), r->bucket, why.kind == ERR_THROTTLED);
    if (!ok) {
        http_response_free(response);
        *err = why;
    }
    return ok;
}

/* Takes a token of the bucket. False with ERR_BUSY and the pause if there is none. */
static bool send_take_turn(struct azure *azure, const struct arm_request *r, struct err *err)
{
    struct ratelimit *limits = azure_limits(azure);
    int64_t wait_ms = limits && r->bucket ? ratelimit_take(limits, r->bucket) : 0;
    if (wait_ms > 0) {
        err_set(err, ERR_BUSY, "", "requests of %s are being rate-limited", r->bucket);
        err->retry_after_ms = wait_ms;
    }
    return wait_ms <= 0;
}

static bool send_in_turn(struct azure *azure, struct http_client *http, const struct arm_request *r,
                         const struct azure_token *token, struct http_response *response,
                         struct err *err)
{
    bool ok = send_take_turn(azure, r, err) && send_once(azure, http, r, token, response, err);
    if (ok)
        azure_token_accepted(token);
    return ok;
}

/* Sends the request, and once more with another token if the first one is rejected. */
static bool send_with_token(struct azure *azure, struct http_client *http,
                            const struct arm_request *r, struct http_response *response,
                            struct err *err)
{
    const char *scope = azure_arm_scope(azure);
    struct azure_token *token = azure_get_token(azure, http, scope, err);
    if (!token)
        return false;
    bool ok = send_in_turn(azure, http, r, token, response, err);
    if (!ok && err->kind == ERR_EXPIRED) {
        struct azure_token *other = azure_renew_token(azure, http, scope, token, err);
        azure_token_unref(token);
        token = other;
        ok = token && send_in_turn(azure, http, r, token, response, err);
        if (token && !ok && err->kind == ERR_EXPIRED)
            azure_token_refusal_stands(token, err);
    }
    azure_token_unref(token);
    return ok;
}

bool arm_send(struct azure *azure, struct http_client *http, const struct arm_request *r,
              struct http_response *response, struct err *err)
{
    bool ok = send_url_is_ours(azure, r->url)
                  ? send_with_token(azure, http, r, response, err)
                  : err_set(err, ERR_PROVIDER, "ForeignUrl",
                            "Azure named a URL that is not on %s; it was not requested",
                            azure_cloud(azure)->arm);
    if (!ok && !*err->operation)
        snprintf(err->operation, sizeof err->operation, "%s", r->operation);
    return ok;
}
