/* Calls to Azure Resource Manager: from an operation and a path to a response. */
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

static bool arm_build_url(const struct azure *azure, const struct arm_call *call, struct buf *url,
                          struct err *err)
{
    const char *version = arm_version(azure, call->op->provider);
    if (!version)
        return err_set(err, ERR_INVALID, "", "there is no api-version for %s", call->op->provider);
    if (strncmp(call->path, "/subscriptions/", 15) != 0 || strpbrk(call->path, "?#"))
        return err_set(err, ERR_INVALID, "", "not a valid path of a resource");
    return buf_addf(url, "%s%s%s?api-version=%s", azure_cloud(azure)->arm, call->path,
                    call->op->suffix, version) ||
           err_set(err, ERR_INVALID, "", "the path of the resource is too long");
}

/* The response to a change may have an empty body, or any JSON value such as null. */
static bool arm_body_fits_change(const struct http_response *response)
{
    if (response->body.size == 0)
        return true;
    json_error_t ignored;
    json_t *value =
        json_loadb(buf_str(&response->body), response->body.size, JSON_DECODE_ANY, &ignored);
    json_decref(value);
    return value != NULL;
}

/* A change needs no particular body, a read does. What cannot be parsed was cut off or comes from a
 * proxy: the outcome of the call is unknown. Returns a new reference, or NULL with *err. */
static json_t *arm_read_response(const struct arm_op *op, const struct http_response *response,
                                 struct err *err)
{
    json_t *object = arm_read_object(response);
    if (object)
        return object;
    bool needed = !op->changes && response->status != 204;
    if (arm_response_is_page(response))
        err_set(err, ERR_TRANSIENT, "UnreadableResponse", ARM_PAGE);
    else if (needed || !arm_body_fits_change(response))
        err_set(err, ERR_TRANSIENT, "UnreadableResponse",
                "the response is not a JSON object, or was cut off");
    else
        object = json_object();
    return object;
}

static json_t *arm_call_url(struct azure *azure, struct http_client *http, const struct arm_op *op,
                            const struct arm_request *r, struct arm_poll *poll, struct err *err)
{
    struct http_response response = {0};
    if (!arm_send(azure, http, r, &response, err))
        return NULL;
    json_t *object = arm_read_response(op, &response, err);
    if (object && poll && op->changes && !arm_poll_begin(azure, r, &response, object, poll, err)) {
        json_decref(object);
        object = NULL;
    }
    if (!object && !*err->operation)
        snprintf(err->operation, sizeof err->operation, "%s", op->name);
    http_response_free(&response);
    return object;
}

json_t *arm_call(struct azure *azure, struct http_client *http, const struct arm_call *call,
                 struct arm_poll *poll, struct err *err)
{
    if (poll)
        *poll = (struct arm_poll){0};
    struct buf url = buf_make(ARM_URL_MAX);
    char bucket[160];
    snprintf(bucket, sizeof bucket, "%.64s/arm-%s", call->subscription, call->op->provider);
    char *body = call->body ? json_dumps(call->body, JSON_COMPACT) : NULL;
    json_t *object = NULL;
    if (call->body && !body) {
        err_set(err, ERR_INTERNAL, "", "the request's body cannot be written as JSON");
    } else if (arm_build_url(azure, call, &url, err)) {
        struct arm_request r = {.method = call->op->method,
                                .url = buf_str(&url),
                                .operation = call->op->name,
                                .bucket = bucket,
                                .body = body};
        object = arm_call_url(azure, http, call->op, &r, poll, err);
    }
    free(body);
    buf_free(&url);
    return object;
}
