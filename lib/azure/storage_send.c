/* Sends storage requests and classifies the responses. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/azure/classify.h"
#include "lib/azure/client.h"
#include "lib/azure/storage_private.h"
#include "lib/json/jpath.h"
#include "lib/json/xml.h"

/* Tolerated by the service. */
#define SKEW_MAX_MS (INT64_C(15) * 60 * 1000)
#define SKEW_HINT                                                                                  \
    "; this host's clock differs from the service's by more than 15 minutes: synchronize it (NTP)"

/* Returns the length of the first line; the next ones are "RequestId:..." and "Time:...". */
static int error_first_line(const char *text)
{
    size_t n = strcspn(text, "\r\n");
    return n > 500 ? 500 : (int)n;
}

/* Returns true if a detail of a rejected authorization is useful. Those about a signature quote
 * it and the text that was signed. */
static bool error_detail_is_useful(const char *detail)
{
    return !strcasestr(detail, "string to sign") && !strcasestr(detail, "signature found");
}

static bool error_detail_is_about_time(const char *detail)
{
    return strcasestr(detail, "date header") || strcasestr(detail, "specified time frame");
}

/* Appends the message and the detail of an error document. */
static void error_add_message(const json_t *document, struct buf *to)
{
    const char *message = jstr(document, "Error.Message");
    const char *detail = jstr(document, "Error.AuthenticationErrorDetail");
    if (message)
        buf_addf(to, "%.*s", error_first_line(message), message);
    if (detail && error_detail_is_useful(detail)) {
        buf_addf(to, "%s%.*s", to->size > 0 ? " " : "", error_first_line(detail), detail);
        if (error_detail_is_about_time(detail))
            buf_adds(to, SKEW_HINT);
    }
}

void azure_storage_set_error(const char *operation, const struct http_response *response,
                             struct err *err)
{
    /* Without an XML body the status alone decides. */
    struct err ignored = ERR_INIT;
    json_t *document = response->body.size > 0
                           ? xml_parse(buf_str(&response->body), response->body.size, &ignored)
                           : NULL;
    const char *code = http_headers_get(&response->headers, "x-ms-error-code");
    struct buf message = buf_make(2048);
    error_add_message(document, &message);
    azure_set_error(operation, response, code ? code : jstr(document, "Error.Code"),
                    buf_str(&message), err);
    buf_free(&message);
    json_decref(document);
}

bool azure_storage_learn_time(const struct azure_storage *s, int64_t signed_ms,
                              const struct http_response *response)
{
    return (response->status == 403 || response->status == 401) &&
           skew_learn(azure_skew(s->azure), azure_clock(s->azure), azure_log(s->azure), signed_ms,
                      response);
}

/* Appends a hint if the Date of a rejection differs from the time that the request was signed
 * with. */
static void error_add_skew_hint(const struct azure_storage *s, const struct http_response *response,
                                struct err *err)
{
    const char *date = http_headers_get(&response->headers, "Date");
    int64_t theirs;
    if (response->status != 403 || !date || !clock_parse(date, &theirs) ||
        strstr(err->message, SKEW_HINT))
        return;
    int64_t skew = azure_storage_now_ms(s) - theirs;
    if (skew > SKEW_MAX_MS || skew < -SKEW_MAX_MS) {
        size_t n = strlen(err->message);
        snprintf(err->message + n, sizeof err->message - n, "%s", SKEW_HINT);
    }
}

static void send_log(const struct azure_storage *s, const char *operation, int status,
                     int64_t since_ms, const struct http_response *response, const struct err *err)
{
    struct log *log = azure_log(s->azure);
    if (!log_would(log, LOG_DEBUG_LEVEL))
        return;
    const struct clock *clock = azure_clock(s->azure);
    char id[128];
    azure_copy_id(http_headers_get(&response->headers, "x-ms-request-id"), id, sizeof id);
    log_debug(log, "Azure storage request", LOG_STR("operation", operation),
              LOG_STR("account", s->account), LOG_INT("status", status),
              LOG_MS("duration", clock->mono_ms(clock) - since_ms),
              LOG_STR("request_id", *id ? id : NULL),
              LOG_STR("error", err->kind == ERR_NONE ? NULL
                               : *err->code          ? err->code
                                                     : err_kind_name(err->kind)));
}

/* Sends the request once. *again: it was rejected because of its time, which is known better
 * now. */
static bool send_once(const struct azure_storage *s, struct http_client *http,
                      const char *operation, struct http_request *request,
                      struct http_response *response, bool *again, struct err *err)
{
    const struct clock *clock = azure_clock(s->azure);
    int64_t since = clock->mono_ms(clock);
    int64_t signed_ms = azure_storage_now_ms(s);
    struct err why = ERR_INIT;
    *again = false;
    *response = (struct http_response){0};
    if (!azure_storage_sign(s, http, request, err))
        return false;
    bool ok = http_perform(http, request, response, &why);
    int status = response->status;
    if (ok && (status < 200 || status > 299)) {
        azure_storage_set_error(operation, response, &why);
        error_add_skew_hint(s, response, &why);
        *again = azure_storage_learn_time(s, signed_ms, response);
        ok = false;
    }
    send_log(s, operation, status, since, response, &why);
    if (!ok) {
        http_response_free(response);
        *err = why;
    }
    return ok;
}

/* Fetches another token than the rejected one of the request. */
static bool send_renew_token(const struct azure_storage *s, struct http_client *http,
                             const struct http_request *request, struct err *err)
{
    struct azure_token *refused = storage_token_of(s, request);
    /* There is another one already. */
    if (!refused)
        return true;
    struct azure_token *other =
        azure_renew_token(s->azure, http, AZURE_SCOPE_STORAGE, refused, err);
    bool renewed = other != NULL;
    azure_token_unref(other);
    azure_token_unref(refused);
    return renewed;
}

/* Notes whether the service accepted the token of the request. */
static void send_judge_token(const struct azure_storage *s, const struct http_request *request,
                             bool ok, struct err *err)
{
    struct azure_token *token = storage_token_of(s, request);
    if (token && ok)
        azure_token_accepted(token);
    else if (token)
        azure_token_refusal_stands(token, err);
    else if (!ok)
        err->kind = ERR_DENIED;
    azure_token_unref(token);
}

static bool send_with_retry(const struct azure_storage *s, struct http_client *http,
                            const char *operation, struct http_request *request,
                            struct http_response *response, struct err *err)
{
    bool again;
    bool ok = send_once(s, http, operation, request, response, &again, err);
    return again ? send_once(s, http, operation, request, response, &again, err) : ok;
}

bool azure_storage_send(const struct azure_storage *s, struct http_client *http,
                        const char *operation, struct http_request *request,
                        struct http_response *response, struct err *err)
{
    bool by_token = s->auth == AZURE_AUTH_TOKEN;
    bool ok = send_with_retry(s, http, operation, request, response, err);
    if (!ok && by_token && err->kind == ERR_EXPIRED)
        ok = send_renew_token(s, http, request, err) &&
             send_with_retry(s, http, operation, request, response, err);
    if (by_token && (ok || err->kind == ERR_EXPIRED))
        send_judge_token(s, request, ok, err);
    if (!ok && !*err->operation)
        snprintf(err->operation, sizeof err->operation, "%s", operation);
    return ok;
}
