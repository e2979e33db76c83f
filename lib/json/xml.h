/* XML answers as jansson values, and the escaping of text that goes into XML requests.
 *
 * The rules: an element without child elements is a string (its text). One with child elements is
 * an object by child name; children of the same name become an array. An element all of whose
 * children are named "item" or "member" (EC2 and Query lists) is an array of them, even of one.
 * Attributes, comments and white space between elements are dropped; namespace prefixes are cut off
 * names. The document's value is an object with one key, the root element's name. No DTD, no
 * entities beyond the predefined five: a document type declaration is refused. */
#ifndef HGAUTOD_LIB_JSON_XML_H
#define HGAUTOD_LIB_JSON_XML_H

#include <jansson.h>
#include <stddef.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"

#define XML_MAX_DEPTH 64

/* A new reference, or NULL with ERR_INVALID (line and column) or ERR_LIMIT (too deep). Size is
 * bounded by the caller. */
json_t *xml_parse(const char *text, size_t size, struct err *err) MUST_CHECK;
/* Appends text with & < > " ' escaped; control characters that XML 1.0 cannot hold fail. */
bool xml_escape(struct buf *to, const char *text);

#endif
