/* HTTP answers of AWS services become jansson values or classified errors. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/aws/names.h"
#include "lib/aws/wire/partition.h"
#include "lib/aws/wire/protocol.h"
#include "lib/json/jpath.h"
#include "lib/json/xml.h"
#include "lib/net/retry_after.h"

/* The name and value of an object's only member, as a document's root element is. */
static json_t *only_member(json_t *object, const char **name)
{
    void *iter = json_object_iter(object);
    *name = iter ? json_object_iter_key(iter) : "";
    return iter ? json_object_iter_value(iter) : NULL;
}

static bool is_xml(enum aws_protocol protocol)
{
    return protocol == AWS_EC2 || protocol == AWS_QUERY || protocol == AWS_REST_XML;
}

/* The first character of a body that is not blank: '{' of JSON, '<' of XML. */
static char first_mark(const struct buf *body)
{
    const char *text = buf_str(body);
    return text[strspn(text, " \t\r\n")];
}

/* The body as a value, by what it looks like: proxies and gateways answer errors in formats of
 * their own. NULL when it is neither JSON nor XML. */
static json_t *parse_any(const struct buf *body)
{
    struct err ignored = ERR_INIT;
    if (first_mark(body) == '{')
        return json_loadb(buf_str(body), body->size, 0, NULL);
    if (first_mark(body) == '<')
        return xml_parse(buf_str(body), body->size, &ignored);
    return NULL;
}

/* --- errors --- */

/* What an error answer says, before it is put into words. All strings are borrowed from the
 * response or the document. */
struct fault {
    /* May have a namespace before and an address behind. */
    const char *code;
    const char *message;
    const char *request_id;
};

/* The first of these paths that leads to a string that is not empty. */
static const char *first_of(const json_t *value, const char *const *paths)
{
    for (; *paths; paths++) {
        const char *text = jstr(value, *paths);
        if (text && *text)
            return text;
    }
    return NULL;
}

/* EC2 has <Response><Errors><Error>, Query <ErrorResponse><Error>, S3 <Error> itself. */
static struct fault read_xml_fault(json_t *document)
{
    static const char *const codes[] = {"Errors[0].Error[0].Code", "Error[0].Code", "Code", NULL};
    static const char *const messages[] = {"Errors[0].Error[0].Message", "Error[0].Message",
                                           "Message", NULL};
    static const char *const ids[] = {"RequestId", "RequestID", "ResponseMetadata.RequestId", NULL};
    const char *name;
    const json_t *root = only_member(document, &name);
    return (struct fault){first_of(root, codes), first_of(root, messages), first_of(root, ids)};
}

static struct fault read_json_fault(const json_t *document)
{
    static const char *const codes[] = {"__type", "code", "Code", NULL};
    static const char *const messages[] = {"message", "Message", "errorMessage", NULL};
    static const char *const ids[] = {"RequestId", "requestId", NULL};
    return (struct fault){first_of(document, codes), first_of(document, messages),
                          first_of(document, ids)};
}

static const char *first_header(const struct http_response *response, const char *const *names)
{
    for (; *names; names++) {
        const char *value = http_headers_get(&response->headers, *names);
        if (value && *value)
            return value;
    }
    return NULL;
}

/* What headers say goes before what the body says: x-amzn-query-error ("Code;Sender") is what a
 * service that once spoke Query calls the error, x-amzn-errortype is REST-JSON's place for the
 * code. */
static void read_fault_headers(const struct http_response *response, struct fault *f)
{
    static const char *const codes[] = {"x-amzn-query-error", "x-amzn-errortype", NULL};
    static const char *const ids[] = {"x-amzn-requestid", "x-amz-request-id", "x-amzn-request-id",
                                      NULL};
    const char *code = first_header(response, codes);
    const char *id = first_header(response, ids);
    if (code)
        f->code = code;
    if (id)
        f->request_id = id;
}

/* Cuts the bare code out of "com.amazonaws.sqs#Code", "Code:http://..." and "Code;Sender". */
static void copy_code(const char *raw, char *to, size_t size)
{
    const char *hash = strchr(raw, '#');
    const char *start = hash ? hash + 1 : raw;
    snprintf(to, size, "%.*s", (int)strcspn(start, ":; \r\n\t"), start);
}

/* The code for an answer that names none, as S3's answers to HEAD. */
static const char *code_of_status(int status)
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

/* Services explain a wrong signature by what they signed themselves, and that holds the session
 * token: only the first sentence is for people. */
static int shown_size(const char *message)
{
    const char *details = strstr(message, "The Canonical String");
    size_t size = details ? (size_t)(details - message) : strlen(message);
    while (size > 0 && (message[size - 1] == ' ' || message[size - 1] == '\n'))
        size--;
    return (int)size;
}

/* A signature whose date the service does not accept. */
static bool is_clock_fault(const char *code, const char *message)
{
    return strcmp(code, "RequestTimeTooSkewed") == 0 || strcmp(code, "RequestInTheFuture") == 0 ||
           strstr(message, "Signature expired") || strstr(message, "Signature not yet current");
}

/* An id is for finding things in logs: what is not printable ends it. */
static void copy_id(const char *id, char *to, size_t size)
{
    size_t n = 0;
    for (; id && id[n] > ' ' && id[n] <= '~' && n < size - 1; n++)
        to[n] = id[n];
    to[n] = '\0';
}

static void fill_error(const struct aws_op *op, const struct http_response *response,
                       const struct fault *f, struct err *err)
{
    char code[sizeof err->code];
    const char *message = f->message ? f->message : "";
    bool clock = false;
    copy_code(f->code ? f->code : code_of_status(response->status), code, sizeof code);
    if (f->message) {
        clock = is_clock_fault(code, message);
        err_set(err, clock ? ERR_INVALID : aws_classify(op->service, code, response->status), code,
                "%.*s%s", shown_size(message), message,
                clock ? " Check that this host's clock is right." : "");
    } else {
        err_set(err, aws_classify(op->service, code, response->status), code,
                "the service answered with HTTP status %d and no message", response->status);
    }
    err->http_status = response->status;
    err->retry_after_ms = retry_after_ms(response);
    snprintf(err->operation, sizeof err->operation, "%s", op->name);
    copy_id(f->request_id, err->request_id, sizeof err->request_id);
}

/* `document` is the parsed body; NULL when there is none that can be read. */
static bool decode_error(const struct aws_op *op, const struct http_response *response,
                         json_t *document, struct err *err)
{
    struct fault f = {0};
    if (document)
        f = first_mark(&response->body) == '{' ? read_json_fault(document)
                                               : read_xml_fault(document);
    read_fault_headers(response, &f);
    fill_error(op, response, &f, err);
    return false;
}

/* --- answers --- */

static bool unreadable(const struct aws_op *op, const struct http_response *response,
                       const char *why, struct err *err)
{
    struct fault f = {0};
    read_fault_headers(response, &f);
    err_set(err, ERR_TRANSIENT, "UnreadableResponse",
            "the service's answer (HTTP status %d) cannot be read: %s", response->status, why);
    err->http_status = response->status;
    snprintf(err->operation, sizeof err->operation, "%s", op->name);
    copy_id(f.request_id, err->request_id, sizeof err->request_id);
    return false;
}

static bool is_empty_text(const json_t *value)
{
    return !value || (json_is_string(value) && json_string_length(value) == 0);
}

/* A new reference to what the document says, without its wrapping: an object whenever there are
 * members, or nothing. */
static json_t *unwrap(const struct aws_op *op, json_t *document)
{
    const char *name;
    json_t *root = only_member(document, &name);
    char result[128];
    if (op->service->protocol == AWS_QUERY) {
        snprintf(result, sizeof result, "%sResult", op->name);
        root = json_object_get(root, result);
    }
    if (is_empty_text(root))
        return json_object();
    if (json_is_string(root))
        return json_incref(document);
    return json_incref(root);
}

/* Whether the root element is one that an answer of this operation has. */
static bool is_root_of(const struct aws_op *op, const char *name)
{
    static const char suffix[] = "Response";
    size_t n = strlen(op->name);
    if (op->service->protocol != AWS_REST_XML)
        return strncmp(name, op->name, n) == 0 && strcmp(name + n, suffix) == 0;
    /* Lookalikes of S3 say something where S3 says nothing; a page does not come from them. */
    return op->root ? strcmp(name, op->root) == 0 : strcasecmp(name, "html") != 0;
}

/* Writes what makes the document something else than a whole answer of the operation; false when
 * nothing does. */
static bool has_problem(const struct aws_op *op, json_t *document, char problem[160])
{
    char result[128];
    const char *name;
    const json_t *root = only_member(document, &name);
    snprintf(result, sizeof result, "%sResult", op->name);
    if (!is_root_of(op, name))
        snprintf(problem, 160, "<%.64s> is not the root element of such an answer", name);
    else if (op->service->protocol == AWS_QUERY && !op->changes && !json_object_get(root, result))
        snprintf(problem, 160, "it has no <%.100s>", result);
    else
        return false;
    return true;
}

static bool decode_xml(const struct aws_op *op, const struct http_response *response,
                       json_t **answer, struct err *err)
{
    struct err why = ERR_INIT;
    json_t *document = xml_parse(buf_str(&response->body), response->body.size, &why);
    const char *name;
    char problem[160];
    if (!document)
        return unreadable(op, response, why.message, err);
    only_member(document, &name);
    /* S3 begins some answers before it knows how they end. */
    if (op->service->protocol == AWS_REST_XML && strcmp(name, "Error") == 0)
        decode_error(op, response, document, err);
    else if (has_problem(op, document, problem))
        unreadable(op, response, problem, err);
    else if (!(*answer = unwrap(op, document)))
        err_set(err, ERR_INTERNAL, "", "out of memory while reading an answer");
    json_decref(document);
    return *answer != NULL;
}

/* Whether a whole answer of the operation may be without a body. EC2's and Query's never are. */
static bool may_be_bodiless(const struct aws_op *op, int status)
{
    switch (op->service->protocol) {
    case AWS_EC2:
    case AWS_QUERY:
        return false;
    case AWS_REST_XML:
        return !op->root;
    default:
        return op->changes || op->silent || status == 204;
    }
}

static bool decode_json(const struct aws_op *op, const struct http_response *response,
                        json_t **answer, struct err *err)
{
    json_error_t at;
    char why[80];

    /* A NUL in one string, such as a message's body, must not hide all the others; see jstr. */
    *answer = json_loadb(buf_str(&response->body), response->body.size,
                         JSON_DECODE_ANY | JSON_ALLOW_NUL, &at);
    if (json_is_object(*answer))
        return true;
    /* Lookalikes of AWS say "null" where it says nothing. */
    if (*answer && may_be_bodiless(op, response->status)) {
        json_decref(*answer);
        *answer = json_object();
        return *answer || err_set(err, ERR_INTERNAL, "", "out of memory while reading an answer");
    }
    if (*answer)
        snprintf(why, sizeof why, "it is not a JSON object");
    else /* without jansson's own text, which quotes what may be secret */
        snprintf(why, sizeof why, "line %d, column %d: not JSON", at.line, at.column);
    json_decref(*answer);
    *answer = NULL;
    return unreadable(op, response, why, err);
}

static bool decode_answer(const struct aws_op *op, const struct http_response *response,
                          json_t **answer, struct err *err)
{
    if (first_mark(&response->body) != '\0')
        return is_xml(op->service->protocol) ? decode_xml(op, response, answer, err)
                                             : decode_json(op, response, answer, err);
    if (!may_be_bodiless(op, response->status))
        return unreadable(op, response, "it has no body", err);
    *answer = json_object();
    return *answer || err_set(err, ERR_INTERNAL, "", "out of memory while reading an answer");
}

bool aws_decode(const struct aws_op *op, struct http_response *response, json_t **answer,
                struct err *err)
{
    json_t *document;
    *answer = NULL;
    if (response->status >= 200 && response->status <= 299)
        return decode_answer(op, response, answer, err);
    document = parse_any(&response->body);
    decode_error(op, response, document, err);
    json_decref(document);
    return false;
}

bool aws_bucket_region(const struct http_response *response, char region[33])
{
    const char *found = http_headers_get(&response->headers, "x-amz-bucket-region");
    json_t *document = NULL;
    bool ok;
    if (!found && response->status >= 300) {
        document = parse_any(&response->body);
        found = jstr(document, "Error.Region");
    }
    ok = found && !aws_region_problem(found);
    if (ok)
        snprintf(region, 33, "%s", found);
    json_decref(document);
    return ok;
}
