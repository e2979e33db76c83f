/* Parses XML into jansson values with expat, and escapes text for XML requests.
 *
 * Each open element has a frame that collects its children by name; a repeated name makes its value
 * an array. At the element's end they become a list, an object or, when there are none, the
 * element's text. Text matters only for elements without children, so one buffer, which is reset at
 * the start of every element, is enough. */
#include "lib/json/xml.h"

#include <expat.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/base/utf8.h"

struct frame {
    /* Name of a child -> its value, or an array of values; NULL while there are none. */
    json_t *children;
    /* The names whose values are such arrays, since a single value can be an array too; NULL while
     * there are none. */
    json_t *repeated;
};

struct reader {
    XML_Parser parser;
    /* [0] is the document's. */
    struct frame frames[XML_MAX_DEPTH + 1];
    /* Open elements. */
    size_t depth;
    struct buf text;
    struct err *err;
    /* err is set. */
    bool failed;
};

static void xml_fail(struct reader *r, enum err_kind kind, const char *problem)
{
    if (r->failed)
        return;
    r->failed = true;
    err_set(r->err, kind, "", "XML line %lu, column %lu: %s",
            (unsigned long)XML_GetCurrentLineNumber(r->parser),
            (unsigned long)XML_GetCurrentColumnNumber(r->parser) + 1, problem);
    XML_StopParser(r->parser, XML_FALSE);
}

static const char *xml_local_name(const char *name)
{
    const char *colon = strrchr(name, ':');
    return colon ? colon + 1 : name;
}

/* Returns true if the frame's value of that name is an array of several children's values. */
static bool xml_is_repeated(const struct frame *frame, const char *name)
{
    return frame->repeated && json_object_get(frame->repeated, name);
}

/* Adds a child's value, which it takes over. The second value of a name makes an array of both.
 * expat has checked that names and texts are UTF-8, so jansson need not. */
static void xml_add_child(struct frame *frame, const char *name, json_t *value)
{
    if (!frame->children)
        frame->children = json_object();
    json_t *before = json_object_get(frame->children, name);
    if (!before) {
        json_object_set_new_nocheck(frame->children, name, value);
        return;
    }
    if (xml_is_repeated(frame, name)) {
        json_array_append_new(before, value);
        return;
    }
    json_t *list = json_array();
    json_array_append(list, before);
    json_array_append_new(list, value);
    json_object_set_new_nocheck(frame->children, name, list);
    if (!frame->repeated)
        frame->repeated = json_object();
    json_object_set_new_nocheck(frame->repeated, name, json_true());
}

static void xml_free_frame(struct frame *frame)
{
    json_decref(frame->children);
    json_decref(frame->repeated);
    *frame = (struct frame){0};
}

/* Returns the name that all children have if it is the one that EC2 and Query services give to a
 * list's elements; else NULL. */
static const char *xml_list_name(const struct frame *frame)
{
    if (json_object_size(frame->children) != 1)
        return NULL;
    const char *name = json_object_iter_key(json_object_iter(frame->children));
    return strcmp(name, "item") == 0 || strcmp(name, "member") == 0 ? name : NULL;
}

/* Returns a new reference to the element's value. */
static json_t *xml_frame_value(const struct reader *r, const struct frame *frame)
{
    if (!frame->children)
        return json_stringn_nocheck(buf_str(&r->text), r->text.size);
    /* The document is not a list, even if its root has the name of a list's elements. */
    const char *name = frame != r->frames ? xml_list_name(frame) : NULL;
    if (!name)
        return json_incref(frame->children);
    json_t *value = json_object_get(frame->children, name);
    if (xml_is_repeated(frame, name))
        return json_incref(value);
    json_t *list = json_array();
    json_array_append(list, value);
    return list;
}

static void xml_on_start(void *data, const XML_Char *name, const XML_Char **attributes)
{
    struct reader *r = data;
    (void)name;
    (void)attributes;
    if (r->depth == XML_MAX_DEPTH) {
        xml_fail(r, ERR_LIMIT, "elements are nested more than 64 levels deep");
        return;
    }
    /* Its frame is empty. */
    r->depth++;
    buf_reset(&r->text);
}

static void xml_on_end(void *data, const XML_Char *name)
{
    struct reader *r = data;
    if (r->failed)
        return;
    if (!buf_ok(&r->text)) {
        xml_fail(r, ERR_LIMIT, "the text of an element is too long");
        return;
    }
    struct frame *frame = &r->frames[r->depth--];
    json_t *value = xml_frame_value(r, frame);
    xml_free_frame(frame);
    xml_add_child(&r->frames[r->depth], xml_local_name(name), value);
}

static void xml_on_text(void *data, const XML_Char *text, int n)
{
    struct reader *r = data;
    if (!r->failed && !r->frames[r->depth].children)
        buf_add(&r->text, text, (size_t)n);
}

static void xml_on_doctype(void *data, const XML_Char *name, const XML_Char *system_id,
                           const XML_Char *public_id, int has_internal_subset)
{
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_internal_subset;
    xml_fail(data, ERR_INVALID, "document type declarations are not accepted");
}

json_t *xml_parse(const char *text, size_t size, struct err *err)
{
    if (size > INT_MAX) {
        err_set(err, ERR_LIMIT, "", "an XML document of %zu bytes is too large", size);
        return NULL;
    }
    static const XML_Memory_Handling_Suite memory = {xmalloc, xrealloc, free};
    struct reader r = {
        .parser = memory_or_die(XML_ParserCreate_MM(NULL, &memory, NULL)),
        /* In UTF-8, a document in another encoding is at most twice as large. */
        .text = buf_make(2 * size + 1),
        .err = err,
    };
    XML_SetUserData(r.parser, &r);
    XML_SetElementHandler(r.parser, xml_on_start, xml_on_end);
    XML_SetCharacterDataHandler(r.parser, xml_on_text);
    XML_SetStartDoctypeDeclHandler(r.parser, xml_on_doctype);
    if (XML_Parse(r.parser, text, (int)size, XML_TRUE) != XML_STATUS_OK)
        xml_fail(&r, ERR_INVALID, XML_ErrorString(XML_GetErrorCode(r.parser)));
    json_t *document = r.failed ? NULL : xml_frame_value(&r, &r.frames[0]);
    for (size_t i = 0; i <= XML_MAX_DEPTH; i++)
        xml_free_frame(&r.frames[i]);
    buf_free(&r.text);
    XML_ParserFree(r.parser);
    return document;
}

/* Returns true if XML 1.0 can represent the text: UTF-8 without most control characters, U+FFFE and
 * U+FFFF. */
static bool xml_can_represent(const char *text, size_t n)
{
    for (size_t at = 0; at < n;) {
        size_t step = utf8_step(text + at, n - at);
        if (step == 0 || ((unsigned char)text[at] < 0x20 && !strchr("\t\n\r", text[at])))
            return false;
        if (step == 3 && (memcmp(text + at, "\xEF\xBF\xBE", 3) == 0 ||
                          memcmp(text + at, "\xEF\xBF\xBF", 3) == 0))
            return false;
        at += step;
    }
    return true;
}

static const char *xml_entity_of(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&apos;";
    default:
        /* A bare carriage return would be read as a line feed. */
        return "&#13;";
    }
}

bool xml_escape(struct buf *to, const char *text)
{
    if (!xml_can_represent(text, strlen(text)))
        return false;
    bool ok = true;
    while (ok && *text) {
        size_t n = strcspn(text, "&<>\"'\r");
        ok = buf_add(to, text, n);
        text += n;
        if (ok && *text)
            ok = buf_adds(to, xml_entity_of(*text++));
    }
    return ok;
}
