/* Encodes single parameter values as text, and JSON into a buffer. */
#include "lib/aws/wire/encode_value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Writes the shortest decimal that reads back as the same number. */
static void encode_real(double real, char *to, size_t size)
{
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(to, size, "%.*g", digits, real);
        if (strtod(to, NULL) == real)
            return;
    }
}

bool aws_add_scalar(struct buf *to, const json_t *value)
{
    char real[40];
    switch (json_typeof(value)) {
    case JSON_STRING:
        return uri_encode(to, json_string_value(value), json_string_length(value), false);
    case JSON_INTEGER:
        return buf_addf(to, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    case JSON_REAL:
        encode_real(json_real_value(value), real, sizeof real);
        return uri_encode(to, real, strlen(real), false);
    case JSON_TRUE:
        return buf_adds(to, "true");
    case JSON_FALSE:
        return buf_adds(to, "false");
    default:
        return false;
    }
}

static int encode_add_piece(const char *text, size_t size, void *to)
{
    return buf_add(to, text, size) ? 0 : -1;
}

bool aws_add_json(struct buf *to, const json_t *value)
{
    return json_dump_callback(value, encode_add_piece, to, JSON_COMPACT | JSON_ENCODE_ANY) == 0;
}

bool aws_encode_params_error(struct err *err)
{
    return err_set(err, ERR_INVALID, "",
                   "the parameters cannot be sent: they are larger than %u bytes, nested too "
                   "deeply, or contain a value of an unsupported type",
                   AWS_REQUEST_MAX);
}

bool aws_encode_header_error(const char *name, struct err *err)
{
    return err_set(err, ERR_INVALID, "",
                   "the header %s cannot be sent: its value contains a control character", name);
}
