/* JSON text made into jansson values,. */
#ifndef HGAUTOD_LIB_JSON_JREAD_H
#define HGAUTOD_LIB_JSON_JREAD_H

#include <jansson.h>
#include <stddef.h>

#include "lib/base/attr.h"

/* A new reference to the object or array that the text holds, as json_loadb with
 * JSON_REJECT_DUPLICATES makes it. NULL for text that is not accepted, without a reason: whoever
 * needs one asks json_loadb, which accepts whatever this does. (This one refuses a little more:
 * more than SCAN_MAX_DEPTH levels.) */
json_t *jread(const char *text, size_t size) MUST_CHECK;

#endif
