/* The REST protocols: URLs from path templates and parameters, S3's bucket in the host, bodies.
 * Private to encode*.c. */
#ifndef HGAUTOD_LIB_AWS_WIRE_ENCODE_REST_H
#define HGAUTOD_LIB_AWS_WIRE_ENCODE_REST_H

#include <stdbool.h>

#include "lib/aws/wire/protocol.h"
#include "lib/base/attr.h"

/* Sets request->url, for every protocol. */
bool aws_rest_url(const struct aws_call *call, const char *endpoint, bool path_style,
                  struct http_request *request, struct err *err) MUST_CHECK;
/* Writes the parameters that the path does not take to owned_body, as JSON; leaves it empty if the
 * method has no body. */
bool aws_rest_json_body(const struct aws_call *call, struct http_request *request,
                        struct err *err) MUST_CHECK;
/* Copies the call's body, content type and headers. */
bool aws_rest_xml_body(const struct aws_call *call, struct http_request *request,
                       struct err *err) MUST_CHECK;

#endif
