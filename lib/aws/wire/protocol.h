/* Encodes an operation's parameters into an HTTP request, and decodes an HTTP response into a
 * jansson value or an error. Touches memory only; thread-safe. Source: AWS, "Smithy" protocol
 * specifications awsQuery, ec2Query, awsJson1_0/1_1, restJson1, restXml.
 *
 * Parameters are an object by wire name.
 * - EC2 and Query flatten it: {"InstanceId":["i-1","i-2"],"Force":true} becomes
 *   InstanceId.1=i-1&InstanceId.2=i-2&Force=true. A Query list is written {"Tags":{"member":[...]}}
 *   (or with the name that the service uses, {"VpcSecurityGroupIds":{"VpcSecurityGroupId":[...]}}).
 *   An empty array is sent as "Name=" in Query, as the SDKs do, and left out in EC2.
 * - JSON protocols send it as it is.
 * - REST protocols take from it what the path names. REST-JSON sends the rest as the JSON body, or
 * as
 *   query parameters if the method has no body (GET, HEAD, DELETE); REST-XML as query parameters. A
 *   query parameter is a string, a number, a boolean, or an array of these (the name is repeated).
 * A null is left out. */
#ifndef HGAUTOD_LIB_AWS_WIRE_PROTOCOL_H
#define HGAUTOD_LIB_AWS_WIRE_PROTOCOL_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/aws/wire/op.h"
#include "lib/base/err.h"
#include "lib/net/http.h"

/* A call of an operation. All pointers are borrowed. */
struct aws_call {
    const struct aws_op *op;
    /* The account whose credentials to use, 12 digits; NULL: the daemon's own. */
    const char *account;
    /* NULL: the configured one. */
    const char *region;
    /* Where to send to instead of the service's endpoint, scheme://host[:port]; needs `region`.
     * NULL: to the endpoint. */
    const char *origin;
    /* NULL: none. */
    const json_t *params;
    /* S3: the account that the bucket must belong to, else S3 denies the call; NULL: any. */
    const char *bucket_owner;
    /* S3: a bucket in another region than `region` is followed only where the client's allow_region
     * permits it. */
    bool guarded;
    /* REST-XML only: the body and headers that are not parameters. */
    struct http_body body;
    /* NULL: none. */
    const char *content_type;
    /* Extra headers, signed. */
    const struct http_header *headers;
    size_t header_count;
    /* Add Content-MD5 (in-memory bodies): S3 DeleteObjects and PutBucket* require it. */
    bool content_md5;
    /* Limit of the response's body, bytes; 0: HTTP_RESPONSE_MAX. */
    size_t response_max;
    /* 0: the client's. */
    int64_t timeout_ms;
    /* Not NULL: receives a 2xx body as it is; the result is an empty object. A response without a
     * length or chunks is ERR_TRANSIENT. */
    struct buf *raw_body;
    /* Not NULL: receives the headers of a 2xx response. */
    struct http_headers *response_headers;
};

/* Builds the unsigned request of a call.
 * endpoint: scheme://host[:port], without a trailing slash.
 * path_style: for S3, the bucket stays in the path; else it is put in front of the host, except for
 * buckets with a dot over https.
 * Returns false with *err: ERR_INVALID for a path parameter that is missing, empty or has a segment
 * "." or "..", a malformed bucket name, or a value that the protocol cannot represent. */
bool aws_encode(const struct aws_call *call, const char *endpoint, bool path_style,
                struct http_request *request, struct err *err) MUST_CHECK;

/* Decodes a response.
 *
 * For a 2xx, returns true, and *result (a new reference) is the body: EC2 without the <XResponse>
 * element, Query without <XResponse> and <XResult>, S3 without its root element (unless that has
 * only
 * text: then an object of it), JSON as it is; an empty object if the operation's response may have
 * no body and has none. A 2xx from S3 whose root element is <Error> is an error. For any other
 * status, returns false, and *err is classified: kind, provider's code, message, operation, request
 * ID, Retry-After.
 *
 * A 2xx that is not a complete response of the operation (it cannot be parsed, or lacks the body or
 * the root element that this operation's responses have) is ERR_TRANSIENT with the code
 * UnreadableResponse: it was cut off, or is from something in between. Whether a change was made is
 * unknown then, as when the response is lost. */
bool aws_decode(const struct aws_op *op, struct http_response *response, json_t **result,
                struct err *err) MUST_CHECK;

/* Finds the region that S3 reports for a bucket, in the x-amz-bucket-region header or an error's
 * <Region> element, whatever the status. Returns false if there is none that is well-formed. Call
 * it before aws_decode, which may consume the response. */
bool aws_bucket_region(const struct http_response *response, char region[33]);

/* Returns the kind that an error code and status of a service (NULL: any) stand for: the one place
 * where AWS errors are classified. */
enum err_kind aws_classify(const struct aws_service *service, const char *code, int http_status);

#endif
