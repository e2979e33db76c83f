/* Encodes an operation and its parameters as an unsigned HTTP request, by the service's protocol.
 */
#include <stdio.h>
#include <string.h>

#include "lib/aws/wire/encode_rest.h"
#include "lib/aws/wire/encode_value.h"
#include "lib/aws/wire/protocol.h"

/* Bytes of a flattened parameter's name. */
#define NAME_MAX_SIZE 1024
/* Nesting of objects and arrays. */
#define DEPTH_MAX 32

/* A form body under construction. */
struct form {
    struct buf *to;
    /* Of the value being written: "Filter.1.Value.2". */
    struct buf name;
    /* An empty array is sent as "Name=". */
    bool empty_lists;
};

static bool form_add_pair(struct form *f, const json_t *value)
{
    bool ok = true;
    buf_addc(f->to, '&');
    uri_encode(f->to, buf_str(&f->name), f->name.size, false);
    buf_addc(f->to, '=');
    if (value)
        ok = aws_add_scalar(f->to, value);
    return ok && buf_ok(f->to) && buf_ok(&f->name);
}

/* Shortens the name to `size` bytes. */
static void form_cut_name(struct form *f, size_t size)
{
    f->name.size = size;
    if (f->name.data)
        f->name.data[size] = '\0';
}

static bool form_add_value(struct form *f, const json_t *value, unsigned depth);

static bool form_add_members(struct form *f, const json_t *object, unsigned depth)
{
    size_t size = f->name.size;
    bool ok = true;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value) {
        if (size > 0)
            buf_addc(&f->name, '.');
        buf_adds(&f->name, key);
        ok = ok && form_add_value(f, value, depth + 1);
        form_cut_name(f, size);
    }
    return ok;
}

static bool form_add_elements(struct form *f, const json_t *array, unsigned depth)
{
    size_t size = f->name.size;
    bool ok = true;
    if (json_array_size(array) == 0)
        return !f->empty_lists || form_add_pair(f, NULL);
    for (size_t i = 0; ok && i < json_array_size(array); i++) {
        buf_addf(&f->name, ".%zu", i + 1);
        ok = form_add_value(f, json_array_get(array, i), depth + 1);
        form_cut_name(f, size);
    }
    return ok;
}

/* Fails for a NUL in a string, a name that is too long or too deep, or a full buffer. */
static bool form_add_value(struct form *f, const json_t *value, unsigned depth)
{
    if (depth > DEPTH_MAX)
        return false;
    if (json_is_object(value))
        return form_add_members(f, value, depth);
    if (json_is_array(value))
        return form_add_elements(f, value, depth);
    return json_is_null(value) || form_add_pair(f, value);
}

static bool encode_add_header(struct http_request *request, const char *name, const char *value,
                              struct err *err)
{
    return http_headers_add(&request->headers, name, value) || aws_encode_header_error(name, err);
}

/* Makes the request's own buffer its body. */
static void encode_use_owned_body(struct http_request *request)
{
    request->body =
        (struct http_body){.data = buf_str(&request->owned_body), .size = request->owned_body.size};
}

static bool encode_form(const struct aws_call *call, struct http_request *request, struct err *err)
{
    struct form f = {.to = &request->owned_body,
                     .name = buf_make(NAME_MAX_SIZE),
                     .empty_lists = call->op->service->protocol == AWS_QUERY};
    bool ok = buf_reserve(f.to, 512);
    buf_adds(f.to, "Action=");
    buf_adds(f.to, call->op->name);
    buf_adds(f.to, "&Version=");
    buf_adds(f.to, call->op->service->version);
    ok = ok && (!call->params || form_add_members(&f, call->params, 0)) && buf_ok(f.to);
    buf_free(&f.name);
    if (!ok)
        return aws_encode_params_error(err);
    encode_use_owned_body(request);
    return encode_add_header(request, "Content-Type",
                             "application/x-www-form-urlencoded; charset=utf-8", err);
}

static bool encode_json(const struct aws_call *call, struct http_request *request, struct err *err)
{
    const struct aws_service *service = call->op->service;
    bool old = service->protocol == AWS_JSON_10;
    char target[128];
    bool ok = call->params ? aws_add_json(&request->owned_body, call->params)
                           : buf_adds(&request->owned_body, "{}");
    if (!ok)
        return aws_encode_params_error(err);
    encode_use_owned_body(request);
    if (snprintf(target, sizeof target, "%s.%s", service->target_prefix, call->op->name) >=
        (int)sizeof target)
        return err_set(err, ERR_INVALID, "", "the name of an operation is too long");
    return encode_add_header(request, "X-Amz-Target", target, err) &&
           encode_add_header(request, "Content-Type",
                             old ? "application/x-amz-json-1.0" : "application/x-amz-json-1.1",
                             err);
}

static bool encode_body(const struct aws_call *call, struct http_request *request, struct err *err)
{
    switch (call->op->service->protocol) {
    case AWS_EC2:
    case AWS_QUERY:
        return encode_form(call, request, err);
    case AWS_JSON_10:
    case AWS_JSON_11:
        return encode_json(call, request, err);
    case AWS_REST_JSON:
        if (!aws_rest_json_body(call, request, err))
            return false;
        if (request->owned_body.size == 0)
            return true;
        encode_use_owned_body(request);
        return encode_add_header(request, "Content-Type", "application/json", err);
    case AWS_REST_XML:
        return aws_rest_xml_body(call, request, err);
    }
    return err_set(err, ERR_INTERNAL, "", "an operation has no protocol");
}

bool aws_encode(const struct aws_call *call, const char *endpoint, bool path_style,
                struct http_request *request, struct err *err)
{
    *request = (struct http_request){
        .method = call->op->method ? call->op->method : "POST",
        /* Web identity tokens and passwords are among parameters. */
        .owned_body = buf_make_secret(AWS_REQUEST_MAX),
        .response_max = call->response_max,
        .timeout_ms = call->timeout_ms,
        .fresh = call->op->once,
    };
    if (aws_rest_url(call, endpoint, path_style, request, err) && encode_body(call, request, err))
        return true;
    http_request_free(request);
    snprintf(err->operation, sizeof err->operation, "%s", call->op->name);
    return false;
}
