/* Sends storage requests, and says what went wrong with them. */
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

#define SKEW_MAX_MS (INT64_C(15) * 60 * 1000) /* what the service tolerates */
#define SKEW_HINT                                                                                  \
    "; this host's clock differs from the service's by more than 15 minutes: set it right "        \
    "(NTP)"

/* The sentence before the lines "RequestId:..." and "Time:...". */
static int first_line(const char *text)
{
    size_t n = strcspn(text, "\r\n");
    return n > 500 ? 500 : (int)n;
}

/* Whether a detail of a refused authorization helps a person. Those about a signature quote it and
 * what it was made over. */
static bool is_telling(const char *detail)
{
    return !strcasestr(detail, "string to sign") && !strcasestr(detail, "signature found");
}

static bool is_about_time(const char *detail)
{
    return strcasestr(detail, "date header") || strcasestr(detail, "specified time frame");
}

/* Reads the error document's message and detail. */
static void add_message(const json_t *document, struct buf *to)
{
    const char *message = jstr(document, "Error.Message");
    const char *detail = jstr(document, "Error.AuthenticationErrorDetail");
    if (message)
        buf_addf(to, "%.*s", first_line(message), message);
    if (detail && is_telling(detail)) {
        buf_addf(to, "%s%.*s", to->size > 0 ? " " : "", first_line(detail), detail);
        if (is_about_time(detail))
            buf_adds(to, SKEW_HINT);
    }
}

void azure_storage_error(const char *operation, const struct http_response *response,
                         struct err *err)
{
    struct err ignored = ERR_INIT; /* of a body that is no XML: the status must do */
    json_t *document = response->body.size > 0
                           ? xml_parse(buf_str(&response->body), response->body.size, &ignored)
                           : NULL;
    const char *code = http_headers_get(&response->headers, "x-ms-error-code");
    struct buf message = buf_make(2048);
    add_message(document, &message);
    azure_answer_error(operation, response, code ? code : jstr(document, "Error.Code"),
                       buf_str(&message), err);
    buf_free(&message);
    json_decref(document);
}

int64_t azure_storage_now_ms(const struct azure_storage *s)
{
    return skew_now(azure_skew(s->azure), azure_clock(s->azure));
}

bool azure_storage_learn_time(const struct azure_storage *s, int64_t signed_ms,
                              const struct http_response *response)
{
    return (response->status == 403 || response->status == 401) &&
           skew_learn(azure_skew(s->azure), azure_clock(s->azure), azure_log(s->azure), signed_ms,
                      response);
}

/* The service says the time with each answer: a refusal by a clock that is off is recognized. */
static void hint_at_skew(const struct azure_storage *s, const struct http_response *response,
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
        snprintf(err->message + n, sizeof(err->message) - n, "%s", SKEW_HINT);
    }
}

static void log_answer(const struct azure_storage *s, const char *operation, int status,
                       int64_t since_ms, const struct http_response *response,
                       const struct err *err)
{
    struct log *log = azure_log(s->azure);
    if (!log_would(log, LOG_DEBUG_LEVEL))
        return;
    const struct clock *clock = azure_clock(s->azure);
    char id[128];
    azure_copy_id(http_headers_get(&response->headers, "x-ms-request-id"), id, sizeof(id));
    log_debug(log, "Azure storage request", LOG_STR("operation", operation),
              LOG_STR("account", s->account), LOG_INT("status", status),
              LOG_MS("duration", clock->mono_ms(clock) - since_ms),
              LOG_STR("request_id", *id ? id : NULL),
              LOG_STR("error", err->kind == ERR_NONE ? NULL
                               : *err->code          ? err->code
                                                     : err_kind_name(err->kind)));
}

/* One try. *again when it was refused for its time, and that is known better now. */
static bool send_signed(const struct azure_storage *s, struct http_client *http,
                        const char *operation, struct http_request *request,
                        struct http_response *response, bool *again, struct err *err)
{
    struct err why = ERR_INIT;
    const struct clock *clock = azure_clock(s->azure);
    int64_t since = clock->mono_ms(clock);
    int64_t signed_ms = azure_storage_now_ms(s);
    *again = false;
    *response = (struct http_response){0};
    if (!azure_storage_sign(s, http, request, err))
        return false;
    bool ok = http_perform(http, request, response, &why);
    int status = response->status;
    if (ok && (status < 200 || status > 299)) {
        azure_storage_error(operation, response, &why);
        hint_at_skew(s, response, &why);
        *again = azure_storage_learn_time(s, signed_ms, response);
        ok = false;
    }
    log_answer(s, operation, status, since, response, &why);
    if (!ok) {
        http_response_free(response);
        *err = why;
    }
    return ok;
}

/* Has another token fetched than the refused one that the request bears. False with *err. */
static bool renew_token(const struct azure_storage *s, struct http_client *http,
                        const struct http_request *request, struct err *err)
{
    struct azure_token *refused = storage_token_of(s, request);
    if (!refused)
        return true; /* there is another already */
    struct azure_token *other =
        azure_renew_token(s->azure, http, AZURE_SCOPE_STORAGE, refused, err);
    bool renewed = other != NULL;
    azure_token_unref(other);
    azure_token_unref(refused);
    return renewed;
}

/* Notes what became of the token that the request bears. */
static void judge_token(const struct azure_storage *s, const struct http_request *request, bool ok,
                        struct err *err)
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

static bool send_once(const struct azure_storage *s, struct http_client *http,
                      const char *operation, struct http_request *request,
                      struct http_response *response, struct err *err)
{
    bool again;
    bool ok = send_signed(s, http, operation, request, response, &again, err);
    return again ? send_signed(s, http, operation, request, response, &again, err) : ok;
}

bool azure_storage_send(const struct azure_storage *s, struct http_client *http,
                        const char *operation, struct http_request *request,
                        struct http_response *response, struct err *err)
{
    bool by_token = s->auth == STORAGE_TOKEN;
    bool ok = send_once(s, http, operation, request, response, err);
    if (!ok && by_token && err->kind == ERR_EXPIRED)
        ok = renew_token(s, http, request, err) &&
             send_once(s, http, operation, request, response, err);
    if (by_token && (ok || err->kind == ERR_EXPIRED))
        judge_token(s, request, ok, err);
    if (!ok && !*err->operation)
        snprintf(err->operation, sizeof(err->operation), "%s", operation);
    return ok;
}
