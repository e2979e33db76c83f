/* Reads secrets as they are offered to a daemon: in environment variables, in files that are
 * rewritten, in JSON responses. No error contains any of their content. Thread-safe. */
#ifndef HGAUTOD_LIB_BASE_SECRET_H
#define HGAUTOD_LIB_BASE_SECRET_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"

/* Returns the value of an environment variable; NULL if it is unset or empty. */
const char *secret_env(const char *name);

/* Returns true if a key, secret or token can be sent in a header: not empty, printable ASCII
 * without spaces. */
bool secret_text_valid(const char *text);

/* Appends the bytes of a file that others cannot change; `what` is its kind for errors, such as
 * "certificate file". Returns false with ERR_CREDENTIALS, naming the file. */
bool secret_read_file(const char *path, const char *what, struct buf *to,
                      struct err *err) MUST_CHECK;
/* The same for a file with one token; white space at its end is removed. */
bool secret_read_token(const char *path, struct buf *to, struct err *err) MUST_CHECK;

/* Parses a response, which must be a JSON object; `service` is the name of its sender for errors.
 * Returns a new reference; NULL with ERR_TRANSIENT if it is not valid JSON (an incomplete
 * response), or ERR_CREDENTIALS if it is not an object. */
json_t *secret_parse_json(const struct buf *text, const char *service, struct err *err) MUST_CHECK;
/* Wipes the text of a JSON string; NULL and other types are allowed. */
void secret_wipe_json(json_t *string);

#endif
