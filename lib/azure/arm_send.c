/* Requests to Azure Resource Manager: one request, its token, its answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/azure/arm_private.h"
#include "lib/azure/classify.h"
#include "lib/json/jpath.h"
#include "lib/net/uri.h"

/* --- answers --- */

json_t *arm_document(const struct http_response *response)
{
    json_error_t ignored;
    json_t *document = json_loadb(buf_str(&response->body), response->body.size, 0, &ignored);
    if (!json_is_object(document)) {
        json_decref(document); /* an HTML page of a proxy, "null" */
        return NULL;
    }
    return document;
}

bool arm_is_page(const struct http_response *response)
{
    const char *type = http_headers_get(&response->headers, "Content-Type");
    return type && strncasecmp(type, "text/html", strlen("text/html")) == 0 &&
           response->body.size > 0;
}

/* The outer code is often but a heading ("Conflict"): the first detail goes with it. */
static void add_message(const json_t *error, struct buf *to)
{
    const char *message = jstr(error, "message");
    const char *detail = jstr(error, "details[0].message");
    const char *detail_code = jstr(error, "details[0].code");
    if (message)
        buf_addf(to, "%.500s", message);
    if (detail && (!message || strcmp(message, detail) != 0)) {
        buf_addf(to, "%s%s%s%.300s", to->size > 0 ? " " : "", detail_code ? detail_code : "",
                 detail_code ? ": " : "", detail);
    }
}

bool arm_error(const char *operation, const struct http_response *response, const json_t *document,
               struct err *err)
{
    const json_t *error = jget(document, "error");
    struct buf message = buf_make(2048);
    error = json_is_object(error) ? error : document;
    add_message(error, &message);
    azure_answer_error(operation, response, jstr(error, "code"), buf_str(&message), err);
    buf_free(&message);
    if (err->kind == ERR_NOT_FOUND && !document && arm_is_page(response))
        err->kind = ERR_PROVIDER; /* the page's owner does not know the resource, Azure may */
    if (!*err->request_id) {
        azure_copy_id(http_headers_get(&response->headers, "x-ms-correlation-request-id"),
                      err->request_id, sizeof(err->request_id));
    }
    return false;
}

/* --- sending --- */

/* Whether scheme, host and port are those of the configured endpoint. */
static bool is_ours(const struct azure *azure, const char *url)
{
    struct uri ours = {0};
    struct uri theirs = {0};
    struct err ignored = ERR_INIT; /* whatever is wrong with it, it is not ours */
    bool same = uri_parse(url, &theirs, &ignored) &&
                uri_parse(azure_cloud(azure)->arm, &ours, &ignored) &&
                strcmp(ours.scheme, theirs.scheme) == 0 && strcmp(ours.host, theirs.host) == 0 &&
                ours.port == theirs.port;
    uri_free(&ours);
    uri_free(&theirs);
    return same;
}

static bool build(const struct arm_request *r, const struct azure_token *token,
                  const char client_id[37], struct http_request *request, struct err *err)
{
    struct buf bearer = buf_make_secret(64u << 10);
    *request = (struct http_request){.method = r->method, .url = strdup(r->url)};
    bool ok = request->url && buf_addf(&bearer, "Bearer %s", token->value) &&
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
        err_set(err, ERR_INTERNAL, "", "out of memory, or the token cannot be sent");
    }
    return ok;
}

/* A line for each request, of what may be told. */
static void log_answer(const struct azure *azure, const struct arm_request *r,
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
        azure_copy_id(http_headers_get(&response->headers, names[i]), ids[i], sizeof(ids[i]));
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

/* One try under one token. */
static bool send_once(struct azure *azure, struct http_client *http, const struct arm_request *r,
                      const struct azure_token *token, struct http_response *response,
                      struct err *err)
{
    const struct clock *clock = azure_clock(azure);
    struct http_request request;
    struct err why = ERR_INIT;
    char client_id[37];
    int64_t since = clock->mono_ms(clock);
    *response = (struct http_response){0};
    clock_uuid(clock, client_id);
    if (!build(r, token, client_id, &request, err))
        return false;
    bool ok = http_perform(http, &request, response, &why);
    http_request_free(&request);
    int status = response->status;
    if (ok && (status < 200 || status > 299)) {
        json_t *document = arm_document(response);
        ok = arm_error(r->operation, response, document, &why);
        json_decref(document);
    }
    log_answer(azure, r, client_id, since, response, &why);
    if (status > 0 && r->bucket && azure_limits(azure))
        ratelimit_report(azure_limits(azure), r->bucket, why.kind == ERR_THROTTLED);
    if (!ok) {
        http_response_free(response);
        *err = why;
    }
    return ok;
}

static bool take_turn(struct azure *azure, const struct arm_request *r, struct err *err)
{
    struct ratelimit *limits = azure_limits(azure);
    int64_t wait_ms = limits && r->bucket ? ratelimit_take(limits, r->bucket) : 0;
    if (wait_ms > 0) {
        err_set(err, ERR_BUSY, "", "requests of %s are being rate-limited", r->bucket);
        err->retry_after_ms = wait_ms;
    }
    return wait_ms <= 0;
}

/* Takes a turn for one try under the token. */
static bool send_in_turn(struct azure *azure, struct http_client *http, const struct arm_request *r,
                         const struct azure_token *token, struct http_response *response,
                         struct err *err)
{
    bool ok = take_turn(azure, r, err) && send_once(azure, http, r, token, response, err);
    if (ok)
        azure_token_accepted(token);
    return ok;
}

/* Sends it, and once more with another token if the first is refused. */
static bool send_with_token(struct azure *azure, struct http_client *http,
                            const struct arm_request *r, struct http_response *response,
                            struct err *err)
{
    const char *scope = azure_arm_scope(azure);
    struct azure_token *token = azure_token(azure, http, scope, err);
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
    bool ok = is_ours(azure, r->url)
                  ? send_with_token(azure, http, r, response, err)
                  : err_set(err, ERR_PROVIDER, "ForeignUrl",
                            "the operation is to be followed on another host than %s: it is not",
                            azure_cloud(azure)->arm);
    if (!ok && !*err->operation)
        snprintf(err->operation, sizeof(err->operation), "%s", r->operation);
    return ok;
}
