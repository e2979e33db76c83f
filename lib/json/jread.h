/* Parses JSON text into jansson values: faster than json_loadb, with the same result. */
#ifndef HGAUTOD_LIB_JSON_JREAD_H
#define HGAUTOD_LIB_JSON_JREAD_H

#include <jansson.h>
#include <stddef.h>

#include "lib/base/attr.h"

/* Parses an object or array like json_loadb with JSON_REJECT_DUPLICATES, except that more than
 * SCAN_MAX_DEPTH levels are rejected too. Returns a new reference; NULL if the text is not
 * accepted, without a reason: a caller that needs one parses the text again with json_loadb.
 * Thread-safe. */
json_t *jread(const char *text, size_t size) MUST_CHECK;

#endif
