/* Calls to Azure Resource Manager: from an operation and a path to an answer. */
#include "lib/azure/arm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/azure/arm_private.h"
#include "lib/base/utf8.h"
#include "lib/net/uri.h"

#define SEGMENT_MAX 260

bool arm_path_add(struct buf *path, const char *segment)
{
    size_t n = strnlen(segment, SEGMENT_MAX + 1);
    if (n == 0 || n > SEGMENT_MAX || strcmp(segment, ".") == 0 || strcmp(segment, "..") == 0 ||
        strpbrk(segment, "/\\?#%") || !utf8_valid(segment, n))
        return false;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)segment[i] < ' ' || segment[i] == 0x7F)
            return false;
    return buf_addc(path, '/') && uri_encode(path, segment, n, false);
}

/* --- calls --- */

static bool build_url(const struct azure *azure, const struct arm_op *op, const char *path,
                      struct buf *url, struct err *err)
{
    const char *version = arm_version(azure, op->provider);
    if (!version)
        return err_set(err, ERR_INVALID, "", "there is no api-version for %s", op->provider);
    if (strncmp(path, "/subscriptions/", 15) != 0 || strpbrk(path, "?#"))
        return err_set(err, ERR_INVALID, "", "that is not a valid path of a resource");
    return buf_addf(url, "%s%s%s?api-version=%s", azure_cloud(azure)->arm, path, op->suffix,
                    version) ||
           err_set(err, ERR_INVALID, "", "the path of the resource is too long");
}

/* Whether the body, empty or any JSON value, may be that of a change: some answer with nothing, or
 * with null. */
static bool may_be_of_change(const struct http_response *response)
{
    json_error_t ignored;
    json_t *value =
        json_loadb(buf_str(&response->body), response->body.size, JSON_DECODE_ANY, &ignored);
    bool may = value || response->body.size == 0;
    json_decref(value);
    return may;
}

/* A change needs no answer in particular, a question does. What cannot be read was cut off or comes
 * from somebody in between: nobody knows what became of the call. */
static bool read_answer(const struct arm_op *op, const struct http_response *response,
                        json_t **answer, struct err *err)
{
    json_t *document = arm_document(response);
    bool asks = !op->changes && response->status != 204;
    if (!document && arm_is_page(response))
        return err_set(err, ERR_TRANSIENT, "UnreadableAnswer", ARM_PAGE);
    if (!document && (asks || !may_be_of_change(response)))
        return err_set(err, ERR_TRANSIENT, "UnreadableAnswer",
                       "the answer is not a JSON object, or is broken");
    *answer = document ? document : json_object();
    return *answer || err_set(err, ERR_INTERNAL, "", "out of memory");
}

static bool call(struct azure *azure, struct http_client *http, const struct arm_op *op,
                 const struct arm_request *r, json_t **answer, struct arm_poll *poll,
                 struct err *err)
{
    struct http_response response = {0};
    if (!arm_send(azure, http, r, &response, err))
        return false;
    bool ok = read_answer(op, &response, answer, err);
    if (ok && poll && op->changes && !arm_poll_begin(azure, r, &response, *answer, poll, err)) {
        json_decref(*answer);
        *answer = NULL;
        ok = false;
    }
    if (!ok && !*err->operation)
        snprintf(err->operation, sizeof(err->operation), "%s", op->name);
    http_response_free(&response);
    return ok;
}

bool arm_call(struct azure *azure, struct http_client *http, const struct arm_op *op,
              const char *subscription, const char *path, const json_t *body, json_t **answer,
              struct arm_poll *poll, struct err *err)
{
    struct buf url = buf_make(ARM_URL_MAX);
    char bucket[160];
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    bool ok = !body || text || err_set(err, ERR_INTERNAL, "", "the body cannot be written as JSON");
    *answer = NULL;
    if (poll)
        *poll = (struct arm_poll){0};
    snprintf(bucket, sizeof(bucket), "%.64s/arm-%s", subscription, op->provider);
    ok = ok && build_url(azure, op, path, &url, err);
    if (ok) {
        struct arm_request r = {.method = op->method,
                                .url = buf_str(&url),
                                .operation = op->name,
                                .bucket = bucket,
                                .body = text};
        ok = call(azure, http, op, &r, answer, poll, err);
    }
    free(text);
    buf_free(&url);
    return ok;
}
