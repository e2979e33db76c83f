/* Secrets as the environment offers them to a daemon: in variables, in files that are rewritten, in
 * JSON answers. Nothing here says their content in an error. Thread-safe. */
#ifndef HGAUTOD_LIB_BASE_SECRET_H
#define HGAUTOD_LIB_BASE_SECRET_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"

/* A variable of the environment; NULL when it is not set or empty. */
const char *secret_env(const char *name);

/* Whether a key, secret or token may be sent in a header: not empty, printable ASCII without
 * spaces. */
bool secret_text_valid(const char *text);

/* Appends the bytes of a file that others cannot change; `what` names its kind in
 * errors: "certificate file". False with ERR_CREDENTIALS naming the file. */
bool secret_read_file(const char *path, const char *what, struct buf *to,
                      struct err *err) MUST_CHECK;
/* The same for a file of one token, without the white space behind it. */
bool secret_read_token(const char *path, struct buf *to, struct err *err) MUST_CHECK;

/* A JSON object out of an answer's bytes, for the service called `who`; a new reference. NULL with
 * ERR_TRANSIENT when it cannot be read (an answer that was cut off), or ERR_CREDENTIALS. */
json_t *secret_parse_json(const struct buf *text, const char *who, struct err *err) MUST_CHECK;
/* Wipes a string within a JSON value; NULL and other types are allowed. */
void secret_wipe_json(json_t *string);

#endif
