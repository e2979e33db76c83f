/* Decodes HTTP responses of AWS services into jansson values or classified errors. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/aws/names.h"
#include "lib/aws/wire/partition.h"
#include "lib/aws/wire/protocol.h"
#include "lib/json/jpath.h"
#include "lib/json/xml.h"
#include "lib/net/retry_after.h"

/* Returns the only member of an object, as the root element of a document is, and its name. */
static json_t *decode_root(json_t *object, const char **name)
{
    void *iter = json_object_iter(object);
    *name = iter ? json_object_iter_key(iter) : "";
    return iter ? json_object_iter_value(iter) : NULL;
}

static bool decode_is_xml(enum aws_protocol protocol)
{
    return protocol == AWS_EC2 || protocol == AWS_QUERY || protocol == AWS_REST_XML;
}

/* Returns the first character of a body that is not blank: '{' for JSON, '<' for XML. */
static char decode_first_char(const struct buf *body)
{
    const char *text = buf_str(body);
    return text[strspn(text, " \t\r\n")];
}

/* Parses a body by its first character: proxies and gateways send errors in formats of their own.
 * Returns NULL if it is neither JSON nor XML. */
static json_t *decode_any(const struct buf *body)
{
    struct err ignored = ERR_INIT;
    if (decode_first_char(body) == '{')
        return json_loadb(buf_str(body), body->size, 0, NULL);
    if (decode_first_char(body) == '<')
        return xml_parse(buf_str(body), body->size, &ignored);
    return NULL;
}

/* --- errors --- */

/* The parts of an error response. All strings are borrowed from the response or the document. */
struct fault {
    /* May have a namespace before it and an address after it. */
    const char *code;
    const char *message;
    const char *request_id;
};

/* Returns the first string at one of these paths that is not empty. */
static const char *decode_first_string(const json_t *value, const char *const *paths)
{
    for (; *paths; paths++) {
        const char *text = jstr(value, *paths);
        if (text && *text)
            return text;
    }
    return NULL;
}

/* EC2 has <Response><Errors><Error>, Query <ErrorResponse><Error>, S3 <Error> itself. */
static struct fault decode_xml_fault(json_t *document)
{
    static const char *const codes[] = {"Errors[0].Error[0].Code", "Error[0].Code", "Code", NULL};
    static const char *const messages[] = {"Errors[0].Error[0].Message", "Error[0].Message",
                                           "Message", NULL};
    static const char *const ids[] = {"RequestId", "RequestID", "ResponseMetadata.RequestId", NULL};
    const char *name;
    const json_t *root = decode_root(document, &name);
    return (struct fault){decode_first_string(root, codes), decode_first_string(root, messages),
                          decode_first_string(root, ids)};
}

static struct fault decode_json_fault(const json_t *document)
{
    static const char *const codes[] = {"__type", "code", "Code", NULL};
    static const char *const messages[] = {"message", "Message", "errorMessage", NULL};
    static const char *const ids[] = {"RequestId", "requestId", NULL};
    return (struct fault){decode_first_string(document, codes),
                          decode_first_string(document, messages),
                          decode_first_string(document, ids)};
}

static const char *decode_first_header(const struct http_response *response,
                                       const char *const *names)
{
    for (; *names; names++) {
        const char *value = http_headers_get(&response->headers, *names);
        if (value && *value)
            return value;
    }
    return NULL;
}

/* Reads headers, which take precedence over the body: x-amzn-query-error ("Code;Sender") is the
 * code of a service that used the Query protocol before, x-amzn-errortype that of REST-JSON. */
static void decode_fault_headers(const struct http_response *response, struct fault *f)
{
    static const char *const codes[] = {"x-amzn-query-error", "x-amzn-errortype", NULL};
    static const char *const ids[] = {"x-amzn-requestid", "x-amz-request-id", "x-amzn-request-id",
                                      NULL};
    const char *code = decode_first_header(response, codes);
    const char *id = decode_first_header(response, ids);
    if (code)
        f->code = code;
    if (id)
        f->request_id = id;
}

/* Copies the bare code from "com.amazonaws.sqs#Code", "Code:http://..." or "Code;Sender". */
static void decode_copy_code(const char *raw, char *to, size_t size)
{
    const char *hash = strchr(raw, '#');
    const char *start = hash ? hash + 1 : raw;
    snprintf(to, size, "%.*s", (int)strcspn(start, ":; \r\n\t"), start);
}

/* Returns the code for a response without one, as S3's responses to HEAD. */
static const char *decode_status_code(int status)
{
    static const struct {
        int status;
        const char *code;
    } codes[] = {
        {301, "PermanentRedirect"},  {304, "NotModified"},      {307, "TemporaryRedirect"},
        {400, "BadRequest"},         {401, "Unauthorized"},     {403, "AccessDenied"},
        {404, "NotFound"},           {405, "MethodNotAllowed"}, {409, "Conflict"},
        {412, "PreconditionFailed"}, {413, "RequestTooLarge"},  {416, "InvalidRange"},
        {429, "TooManyRequests"},    {500, "InternalError"},    {502, "BadGateway"},
        {503, "ServiceUnavailable"}, {504, "GatewayTimeout"},
    };

    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i].status == status)
            return codes[i].code;
    return "";
}

/* Returns the size of the part of a message that may be shown. Services explain a wrong signature
 * by what they signed themselves, which contains the session token: only the first sentence is for
 * people. */
static int decode_shown_size(const char *message)
{
    const char *details = strstr(message, "The Canonical String");
    size_t size = details ? (size_t)(details - message) : strlen(message);
    while (size > 0 && (message[size - 1] == ' ' || message[size - 1] == '\n'))
        size--;
    return (int)size;
}

/* Returns true if the service does not accept the date of the signature. */
static bool decode_is_clock_fault(const char *code, const char *message)
{
    return strcmp(code, "RequestTimeTooSkewed") == 0 || strcmp(code, "RequestInTheFuture") == 0 ||
           strstr(message, "Signature expired") || strstr(message, "Signature not yet current");
}

/* Copies a request ID up to the first character that is not printable. */
static void decode_copy_id(const char *id, char *to, size_t size)
{
    size_t n = 0;
    for (; id && id[n] > ' ' && id[n] <= '~' && n < size - 1; n++)
        to[n] = id[n];
    to[n] = '\0';
}

static void decode_fill_error(const struct aws_op *op, const struct http_response *response,
                              const struct fault *f, struct err *err)
{
    char code[sizeof err->code];
    const char *message = f->message ? f->message : "";
    bool clock = false;
    decode_copy_code(f->code ? f->code : decode_status_code(response->status), code, sizeof code);
    if (f->message) {
        clock = decode_is_clock_fault(code, message);
        err_set(err, clock ? ERR_INVALID : aws_classify(op->service, code, response->status), code,
                "%.*s%s", decode_shown_size(message), message,
                clock ? " Check this host's clock." : "");
    } else {
        err_set(err, aws_classify(op->service, code, response->status), code,
                "the service responded with HTTP status %d and no message", response->status);
    }
    err->http_status = response->status;
    err->retry_after_ms = retry_after_ms(response);
    snprintf(err->operation, sizeof err->operation, "%s", op->name);
    decode_copy_id(f->request_id, err->request_id, sizeof err->request_id);
}

/* Decodes an error response. document: the parsed body; NULL if it cannot be parsed. Returns false.
 */
static bool decode_error(const struct aws_op *op, const struct http_response *response,
                         json_t *document, struct err *err)
{
    struct fault f = {0};
    if (document)
        f = decode_first_char(&response->body) == '{' ? decode_json_fault(document)
                                                      : decode_xml_fault(document);
    decode_fault_headers(response, &f);
    decode_fill_error(op, response, &f, err);
    return false;
}

/* --- results --- */

/* Sets the error of a 2xx that is not a complete response of the operation. Returns false. */
static bool decode_fail(const struct aws_op *op, const struct http_response *response,
                        const char *why, struct err *err)
{
    struct fault f = {0};
    decode_fault_headers(response, &f);
    err_set(err, ERR_TRANSIENT, "UnreadableResponse",
            "cannot read the service's response (HTTP status %d): %s", response->status, why);
    err->http_status = response->status;
    snprintf(err->operation, sizeof err->operation, "%s", op->name);
    decode_copy_id(f.request_id, err->request_id, sizeof err->request_id);
    return false;
}

static bool decode_is_empty_text(const json_t *value)
{
    return !value || (json_is_string(value) && json_string_length(value) == 0);
}

/* Returns a new reference to the document without its wrapping: an object, also if it has no
 * members. */
static json_t *decode_unwrap(const struct aws_op *op, json_t *document)
{
    const char *name;
    json_t *root = decode_root(document, &name);
    char result[128];
    if (op->service->protocol == AWS_QUERY) {
        snprintf(result, sizeof result, "%sResult", op->name);
        root = json_object_get(root, result);
    }
    if (decode_is_empty_text(root))
        return json_object();
    if (json_is_string(root))
        return json_incref(document);
    return json_incref(root);
}

/* Returns true if the responses of this operation have such a root element. */
static bool decode_root_fits(const struct aws_op *op, const char *name)
{
    static const char suffix[] = "Response";
    size_t n = strlen(op->name);
    if (op->service->protocol != AWS_REST_XML)
        return strncmp(name, op->name, n) == 0 && strcmp(name + n, suffix) == 0;
    /* S3-compatible services send a body where S3 sends none; an HTML page is not from them. */
    return op->root ? strcmp(name, op->root) == 0 : strcasecmp(name, "html") != 0;
}

/* Writes why the document is not a complete response of the operation; returns false if it is one.
 */
static bool decode_find_problem(const struct aws_op *op, json_t *document, char problem[160])
{
    char result[128];
    const char *name;
    const json_t *root = decode_root(document, &name);
    snprintf(result, sizeof result, "%sResult", op->name);
    if (!decode_root_fits(op, name))
        snprintf(problem, 160, "<%.64s> is not the root element of such a response", name);
    else if (op->service->protocol == AWS_QUERY && !op->changes && !json_object_get(root, result))
        snprintf(problem, 160, "it has no <%.100s>", result);
    else
        return false;
    return true;
}

static bool decode_xml(const struct aws_op *op, const struct http_response *response,
                       json_t **result, struct err *err)
{
    struct err why = ERR_INIT;
    json_t *document = xml_parse(buf_str(&response->body), response->body.size, &why);
    const char *name;
    char problem[160];
    if (!document)
        return decode_fail(op, response, why.message, err);
    decode_root(document, &name);
    /* S3 begins some responses before it knows how they end. */
    if (op->service->protocol == AWS_REST_XML && strcmp(name, "Error") == 0)
        decode_error(op, response, document, err);
    else if (decode_find_problem(op, document, problem))
        decode_fail(op, response, problem, err);
    else
        *result = decode_unwrap(op, document);
    json_decref(document);
    return *result;
}

/* Returns true if a complete response of the operation may have no body. Those of EC2 and Query
 * always have one. */
static bool decode_may_be_empty(const struct aws_op *op, int status)
{
    switch (op->service->protocol) {
    case AWS_EC2:
    case AWS_QUERY:
        return false;
    case AWS_REST_XML:
        return !op->root;
    default:
        return op->changes || op->may_be_empty || status == 204;
    }
}

static bool decode_json(const struct aws_op *op, const struct http_response *response,
                        json_t **result, struct err *err)
{
    json_error_t at;
    char why[80];
    /* A NUL in one string, such as a message's body, must not hide all the others; see jstr. */
    *result = json_loadb(buf_str(&response->body), response->body.size,
                         JSON_DECODE_ANY | JSON_ALLOW_NUL, &at);
    if (json_is_object(*result))
        return true;
    /* Compatible services send "null" where AWS sends no body. */
    if (*result && decode_may_be_empty(op, response->status)) {
        json_decref(*result);
        *result = json_object();
        return true;
    }
    /* Without jansson's own text, which quotes what may be secret. */
    if (*result)
        snprintf(why, sizeof why, "it is not a JSON object");
    else
        snprintf(why, sizeof why, "line %d, column %d: not JSON", at.line, at.column);
    json_decref(*result);
    *result = NULL;
    return decode_fail(op, response, why, err);
}

static bool decode_result(const struct aws_op *op, const struct http_response *response,
                          json_t **result, struct err *err)
{
    if (decode_first_char(&response->body))
        return decode_is_xml(op->service->protocol) ? decode_xml(op, response, result, err)
                                                    : decode_json(op, response, result, err);
    if (!decode_may_be_empty(op, response->status))
        return decode_fail(op, response, "it has no body", err);
    *result = json_object();
    return true;
}

bool aws_decode(const struct aws_op *op, struct http_response *response, json_t **result,
                struct err *err)
{
    *result = NULL;
    if (response->status >= 200 && response->status <= 299)
        return decode_result(op, response, result, err);
    json_t *document = decode_any(&response->body);
    decode_error(op, response, document, err);
    json_decref(document);
    return false;
}

bool aws_bucket_region(const struct http_response *response, char region[33])
{
    const char *found = http_headers_get(&response->headers, "x-amz-bucket-region");
    json_t *document = NULL;
    if (!found && response->status >= 300) {
        document = decode_any(&response->body);
        found = jstr(document, "Error.Region");
    }
    bool ok = found && !aws_region_problem(found);
    if (ok)
        snprintf(region, 33, "%s", found);
    json_decref(document);
    return ok;
}
