/* Parses requests and builds responses in the form of each protocol. */
#include "tests/cloud/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/json/xml.h"
#include "lib/net/uri.h"

void request_init(struct request *r, const char *uri)
{
    const char *mark = strchr(uri, '?');
    size_t length = mark ? (size_t)(mark - uri) : strlen(uri);
    r->path = xstrndup(uri, length);
    r->query = xstrdup(mark ? mark + 1 : "");
    r->body = buf_make((size_t)256 << 20);
}

void request_free(struct request *r)
{
    free(r->path);
    free(r->query);
    buf_free(&r->body);
    json_decref(r->more);
}

const char *request_header(const struct request *r, const char *name)
{
    const char *value = MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
    return value ? value : "";
}

static bool request_form_add(json_t *form, const char *pair, size_t size)
{
    struct buf name = buf_make(4096);
    struct buf value = buf_make((size_t)1 << 20);
    const char *equal = memchr(pair, '=', size);
    size_t length = equal ? (size_t)(equal - pair) : size;
    bool ok = uri_decode(&name, pair, length, true) &&
              (!equal || uri_decode(&value, equal + 1, size - length - 1, true)) &&
              json_object_set_new(form, buf_str(&name), json_string(buf_str(&value))) == 0;
    buf_free(&name);
    buf_free(&value);
    return ok;
}

json_t *form_parse(const char *text, size_t size)
{
    json_t *form = json_object();
    while (form && size > 0) {
        const char *end = memchr(text, '&', size);
        size_t length = end ? (size_t)(end - text) : size;
        if (length > 0 && !request_form_add(form, text, length)) {
            json_decref(form);
            return NULL;
        }
        size_t step = end ? length + 1 : length;
        text += step;
        size -= step;
    }
    return form;
}

const char *form_get(const json_t *form, const char *name)
{
    const char *value = json_string_value(json_object_get(form, name));
    return value ? value : "";
}

void reply_header(struct reply *reply, const char *name, const char *value)
{
    if (reply->header_count == sizeof reply->headers / sizeof reply->headers[0])
        return;
    snprintf(reply->headers[reply->header_count].name, sizeof reply->headers[0].name, "%s", name);
    reply->headers[reply->header_count++].value = xstrdup(value);
}

void reply_drop_headers(struct reply *reply)
{
    for (size_t i = 0; i < reply->header_count; i++)
        free(reply->headers[i].value);
    reply->header_count = 0;
}

void reply_free(struct reply *reply)
{
    reply_drop_headers(reply);
    buf_free(&reply->body);
}

void reply_json(struct reply *reply, json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT);
    reply->type = "application/x-amz-json-1.0";
    buf_reset(&reply->body);
    if (text)
        buf_adds(&reply->body, text);
    free(text);
    json_decref(value);
}

void reply_error(const struct request *r, struct reply *reply, unsigned status, const char *code,
                 const char *message)
{
    struct buf *to = &reply->body;
    reply->status = status;
    reply->type = "text/xml;charset=UTF-8";
    buf_reset(to);
    if (strcmp(r->service, "arm") == 0 || strcmp(r->service, "entra") == 0 ||
        strcmp(r->service, "imds") == 0) {
        reply_json(reply, json_pack("{s:{s:s, s:s}}", "error", "code", code, "message", message));
        reply->type = "application/json; charset=utf-8";
        return;
    }
    if (strcmp(r->service, "sqs") == 0 || strcmp(r->service, "workspaces") == 0) {
        reply_json(reply, json_pack("{s:s, s:s}", "__type", code, "message", message));
        reply_header(reply, "x-amzn-RequestId", r->id);
        return;
    }
    const char *open = "<ErrorResponse><Error>";
    const char *close = "</Error><RequestId>%s</RequestId></ErrorResponse>";
    if (strcmp(r->service, "ec2") == 0) {
        open = "<Response><Errors><Error>";
        close = "</Error></Errors><RequestID>%s</RequestID></Response>";
    } else if (strcmp(r->service, "s3") == 0) {
        open = "<Error>";
        close = "<RequestId>%s</RequestId></Error>";
        reply_header(reply, "x-amz-request-id", r->id);
    }
    buf_adds(to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    buf_adds(to, open);
    buf_adds(to, "<Code>");
    xml_escape(to, code);
    buf_adds(to, "</Code><Message>");
    xml_escape(to, message);
    buf_adds(to, "</Message>");
    const char *hole = strstr(close, "%s");
    buf_add(to, close, (size_t)(hole - close));
    buf_adds(to, r->id);
    buf_adds(to, hole + 2);
}
