/* What all encoders share: single values as text, JSON into a buffer, and errors. Private to
 * encode*.c. */
#ifndef HGAUTOD_LIB_AWS_WIRE_ENCODE_VALUE_H
#define HGAUTOD_LIB_AWS_WIRE_ENCODE_VALUE_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/net/uri.h"

/* Bytes of an encoded body. */
#define AWS_REQUEST_MAX (4u << 20)

/* Appends a string, number or boolean, percent-encoded. Returns false for anything else, and if
 * the buffer is full. */
bool aws_add_scalar(struct buf *to, const json_t *value) MUST_CHECK;
/* Appends any value as compact JSON text. */
bool aws_add_json(struct buf *to, const json_t *value) MUST_CHECK;

/* Both set *err and return false. */
bool aws_encode_params_error(struct err *err);
bool aws_encode_header_error(const char *name, struct err *err);

#endif
