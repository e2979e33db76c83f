/* Encoding an operation's parameters into an HTTP request, and an HTTP answer into a jansson value
 * or an error. Pure functions; thread-safe. Source: AWS, "Smithy" protocol specifications awsQuery,
 * ec2Query, awsJson1_0/1_1, restJson1, restXml.
 *
 * Parameters are an object by wire name. EC2 and Query flatten it:
 * {"InstanceId":["i-1","i-2"],"Force":true} becomes InstanceId.1=i-1&InstanceId.2=i-2&Force=true; a
 * Query list is written {"Tags":{"member":[...]}} (or the name the service uses, as
 * {"VpcSecurityGroupIds":{"VpcSecurityGroupId":[...]}}). JSON protocols send it as it is. REST
 * takes what the path names out of it; REST-JSON sends the rest as the JSON body, or as query
 * parameters where the method has no body (GET, HEAD, DELETE); in REST-XML the rest are query
 * parameters. A query parameter is a string, a number, a boolean, or an array of these (the name is
 * repeated). A null is left out. In Query an empty array is sent as "Name=", as the SDKs do; EC2
 * leaves it out. */
#ifndef HGAUTOD_LIB_AWS_WIRE_PROTOCOL_H
#define HGAUTOD_LIB_AWS_WIRE_PROTOCOL_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/aws/wire/op.h"
#include "lib/base/err.h"
#include "lib/net/http.h"

struct aws_call {
    const struct aws_op *op;
    /* 12 digits, whose credentials to use; NULL: the daemon's own. */
    const char *account;
    /* NULL: the configured one. */
    const char *region;
    /* Where to send to instead of the service's endpoint, scheme://host[:port]; needs `region`.
     * NULL: to the endpoint. */
    const char *origin;
    /* Borrowed; NULL: none. */
    const json_t *params;
    /* S3: the account that the bucket must belong to, or the call is refused; NULL: any. */
    const char *bucket_owner;
    /* S3: a bucket in another region than asked for is followed only where the client's
     * allow_region lets it. */
    bool guarded;
    /* REST-XML only: the body and headers that are not parameters; borrowed. */
    struct http_body body;
    /* NULL: none. */
    const char *content_type;
    /* Extra headers, signed. */
    const struct http_header *headers;
    size_t header_count;
    /* Add Content-MD5 (in-memory bodies): S3 DeleteObjects and PutBucket* want it. */
    bool content_md5;
    /* 0: HTTP_RESPONSE_MAX. */
    size_t response_max;
    /* 0: the client's. */
    int64_t timeout_ms;
    /* Not NULL: a 2xx body is put here as it is, *answer is an empty object. It is ERR_TRANSIENT
     * when the answer does not say where its body ends. */
    struct buf *raw_body;
    /* Not NULL: a 2xx answer's headers move here. */
    struct http_headers *response_headers;
};

/* Builds the unsigned request for `endpoint` (scheme://host[:port], without a trailing slash; for
 * S3 with path_style the bucket stays in the path, else it is put in front of the host, but for
 * buckets with a dot over https). ERR_INVALID: a path parameter that is missing, empty or has a
 * segment "." or "..", a malformed bucket name, a value that has no place in the protocol. */
bool aws_encode(const struct aws_call *call, const char *endpoint, bool path_style,
                struct http_request *request, struct err *err) MUST_CHECK;

/* Reads an answer. A 2xx: true, and *answer (a new reference) is the decoded body: EC2 without the
 * <XResponse> element, Query without <XResponse> and <XResult>, S3 without its root element (unless
 * that holds only text: then an object of it), JSON as it is, an empty object when a whole answer
 * of the operation may be without a body and this one is. A 2xx from S3 whose root element is
 * <Error> is an error. Else false, and *err is classified: kind, provider code, message, operation,
 * request id, Retry-After.
 *
 * A 2xx that is not a whole answer of the operation (it cannot be read, it lacks the body or the
 * root element that this operation's answers have) is ERR_TRANSIENT with the code
 * UnreadableResponse: it was cut off or comes from somebody in between. Of a change nobody knows then
 * whether it was made, as when the answer is lost. */
bool aws_decode(const struct aws_op *op, struct http_response *response, json_t **answer,
                struct err *err) MUST_CHECK;

/* The region that S3 says a bucket is in, from the x-amz-bucket-region header or an error's
 * <Region> element, whatever the status. False when the answer does not say, or names no
 * well-formed region. Ask before aws_decode, which may consume the answer. */
bool aws_bucket_region(const struct http_response *response, char region[33]);

/* The kind that an error code and status of a service (NULL: of any) stand for: the one place where
 * AWS errors are classified. */
enum err_kind aws_classify(const struct aws_service *service, const char *code, int http_status);

#endif
