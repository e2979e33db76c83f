/* Reads jansson values by path, from responses of XML and JSON services alike:
 * "reservationSet[0].instancesSet[0].instanceId".
 *
 * A path consists of member names separated by '.', each followed by any number of [n]. Names can
 * hold any character but '.' and '['. XML has no lists: a single repeated element is an object, and
 * none is an absent key or "". Therefore [0] of a value that is not an array is the value itself,
 * and jlist() returns an array in all these cases. What is returned is borrowed from the value
 * unless noted otherwise. A NULL value is treated as absent. Thread-safe on values that are not
 * being changed. */
#ifndef HGAUTOD_LIB_JSON_JPATH_H
#define HGAUTOD_LIB_JSON_JPATH_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"

/* Returns the value at path; NULL if absent. */
json_t *jget(const json_t *value, const char *path);
/* Returns the string at path; NULL if it is absent, not a string, or contains a NUL (where the
 * parser allowed one), at which a C string would end. */
const char *jstr(const json_t *value, const char *path);
/* Returns the boolean at path: true or false, or the strings "true" or "false" (as in XML); else
 * `otherwise`. */
bool jbool(const json_t *value, const char *path, bool otherwise);
/* Returns the integer at path: a JSON integer, or a string of digits; else `otherwise`. */
int64_t jint(const json_t *value, const char *path, int64_t otherwise);
/* Returns what is at path as a list: an array is itself; an absent value, null or "" is the empty
 * array; anything else is an array of that one value. A new reference, which the caller releases
 * with json_decref. */
json_t *jlist(const json_t *value, const char *path) NEVER_NULL MUST_CHECK;
/* Appends a string as JSON text, with quotes and escapes; invalid UTF-8 becomes U+FFFD. Returns
 * false if it does not fit. */
bool jquote(struct buf *to, const char *text, size_t n);

#endif
