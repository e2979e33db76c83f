/* Parses XML responses into jansson values, and escapes text for XML requests.
 *
 * The rules: an element without child elements is a string (its text). One with child elements is
 * an object with the children's names as keys; children of the same name become an array. An
 * element all of whose children are named "item" or "member" (EC2 and Query lists) is an array of
 * them, even of a single one. Attributes, comments and white space between elements are dropped;
 * namespace prefixes are removed from names. The document's value is an object with one key, the
 * name of the root element. A document type declaration is rejected, so there are no entities
 * except the predefined five. Thread-safe. */
#ifndef HGAUTOD_LIB_JSON_XML_H
#define HGAUTOD_LIB_JSON_XML_H

#include <jansson.h>
#include <stddef.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"

/* The limit of nested elements. */
#define XML_MAX_DEPTH 64

/* Parses a document, whose size the caller has limited. Returns a new reference; NULL with
 * ERR_INVALID (line and column) or ERR_LIMIT (nested too deeply). */
json_t *xml_parse(const char *text, size_t size, struct err *err) MUST_CHECK;
/* Appends text with & < > " ' and carriage returns escaped. Returns false if it does not fit, or
 * contains a character that XML 1.0 cannot represent. */
bool xml_escape(struct buf *to, const char *text);

#endif
