/* Reading jansson values by path, with answers of XML and JSON services alike:
 * "reservationSet[0].instancesSet[0].instanceId".
 *
 * A path is member names separated by '.', each followed by any number of [n]. Names hold any
 * character but '.' and '['. XML knows no lists: one repeated element alone is an object, none is
 * an absent key or "". Therefore [0] of a value that is no array is the value itself, and jlist()
 * answers an array in any of these cases. Everything returned is borrowed from the value unless
 * said otherwise. NULL values are allowed and answer as if absent. Thread-safe on values not being
 * changed. */
#ifndef HGAUTOD_LIB_JSON_JPATH_H
#define HGAUTOD_LIB_JSON_JPATH_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"

/* The value at path; NULL when it is not there. */
json_t *jget(const json_t *value, const char *path);
/* The string at path; NULL when it is not there, is no string, or holds a NUL (where the parser let
 * one through), behind which a C string would end. */
const char *jstr(const json_t *value, const char *path);
/* A boolean: true/false, or the strings "true"/"false" (as XML has it); otherwise what is given. */
bool jbool(const json_t *value, const char *path, bool otherwise);
/* An integer: a JSON integer, or a string of digits; otherwise what is given. */
int64_t jint(const json_t *value, const char *path, int64_t otherwise);
/* What is at path as a list; a NEW reference, never NULL unless memory ran out: an array is itself,
 * an absent value, null or "" is the empty array, anything else is an array of it alone. The caller
 * does json_decref. */
json_t *jlist(const json_t *value, const char *path) MUST_CHECK;
/* Appends the JSON text of a string, quotes and escapes included; invalid UTF-8 becomes U+FFFD. */
bool jquote(struct buf *to, const char *text, size_t n);

#endif
