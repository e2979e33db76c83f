/* XML answers as jansson values over expat, and the escaping of text in XML requests.
 *
 * Each open element has a frame that collects its children by name; a name that comes again makes
 * its value an array. At the element's end they become a list, an object or, when there are none,
 * the element's text. Text matters only to elements without children, so one buffer is enough: it
 * starts anew with every element. */
#include "lib/json/xml.h"

#include <expat.h>
#include <limits.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/base/utf8.h"

struct frame {
    json_t *children; /* child name -> value, or array of values; NULL as long as there are none */
    json_t *repeated; /* the names whose values are such arrays: a value may be an array itself;
                         NULL as long as there are none */
};

struct reader {
    XML_Parser parser;
    struct frame frames[XML_MAX_DEPTH + 1]; /* [0] stands for the document */
    size_t depth;                           /* open elements */
    struct buf text;
    struct err *err;
    bool failed; /* err is set */
};

static void stop(struct reader *r, enum err_kind kind, const char *problem)
{
    if (r->failed)
        return;
    r->failed = true;
    err_set(r->err, kind, "", "XML line %lu, column %lu: %s",
            (unsigned long)XML_GetCurrentLineNumber(r->parser),
            (unsigned long)XML_GetCurrentColumnNumber(r->parser) + 1, problem);
    XML_StopParser(r->parser, XML_FALSE);
}

static const char *local_name(const char *name)
{
    const char *colon = strrchr(name, ':');
    return colon != NULL ? colon + 1 : name;
}

/* Whether the frame's value of that name is an array of several children's values. */
static bool is_repeated(const struct frame *frame, const char *name)
{
    return frame->repeated != NULL && json_object_get(frame->repeated, name) != NULL;
}

/* The name's second value: both stand in an array from now on. Takes over value. */
static bool repeat_child(struct frame *frame, const char *name, json_t *first, json_t *value)
{
    json_t *list = json_array();
    bool ok = json_array_append(list, first) == 0;
    ok = json_array_append_new(list, value) == 0 && ok;
    ok = json_object_set_new(frame->children, name, list) == 0 && ok;
    if (frame->repeated == NULL)
        frame->repeated = json_object();
    return json_object_set_new(frame->repeated, name, json_true()) == 0 && ok;
}

/* Takes over value. */
static bool add_child(struct frame *frame, const char *name, json_t *value)
{
    if (frame->children == NULL && (frame->children = json_object()) == NULL) {
        json_decref(value);
        return false;
    }
    json_t *before = json_object_get(frame->children, name);
    if (before == NULL)
        return json_object_set_new(frame->children, name, value) == 0;
    if (is_repeated(frame, name))
        return json_array_append_new(before, value) == 0;
    return repeat_child(frame, name, before, value);
}

static void free_frame(struct frame *frame)
{
    json_decref(frame->children);
    json_decref(frame->repeated);
    *frame = (struct frame){0};
}

/* What EC2 and Query services call a list's elements, when all children bear that name; else NULL.
 */
static const char *list_name(const struct frame *frame)
{
    if (json_object_size(frame->children) != 1)
        return NULL;
    const char *name = json_object_iter_key(json_object_iter(frame->children));
    return strcmp(name, "item") == 0 || strcmp(name, "member") == 0 ? name : NULL;
}

/* A new reference to the element's value; NULL when out of memory. */
static json_t *frame_value(const struct reader *r, const struct frame *frame)
{
    if (frame->children == NULL)
        return json_stringn(buf_str(&r->text), r->text.size);
    /* The document is no list, even if its root is called as the elements of one. */
    const char *name = frame != r->frames ? list_name(frame) : NULL;
    if (name == NULL)
        return json_incref(frame->children);
    json_t *value = json_object_get(frame->children, name);
    if (is_repeated(frame, name))
        return json_incref(value);
    json_t *list = json_array();
    if (json_array_append(list, value) == 0)
        return list;
    json_decref(list);
    return NULL;
}

static void on_start(void *data, const XML_Char *name, const XML_Char **attributes)
{
    struct reader *r = data;
    (void)name;
    (void)attributes;
    if (r->depth == XML_MAX_DEPTH) {
        stop(r, ERR_LIMIT, "more than 64 elements within one another");
        return;
    }
    r->depth++; /* its frame is empty */
    buf_reset(&r->text);
}

static void on_end(void *data, const XML_Char *name)
{
    struct reader *r = data;
    if (r->failed)
        return;
    struct frame *frame = &r->frames[r->depth--];
    json_t *value = buf_ok(&r->text) ? frame_value(r, frame) : NULL;
    free_frame(frame);
    if (value == NULL || !add_child(&r->frames[r->depth], local_name(name), value))
        stop(r, ERR_INTERNAL, "out of memory");
}

static void on_text(void *data, const XML_Char *text, int n)
{
    struct reader *r = data;
    if (!r->failed && r->frames[r->depth].children == NULL)
        buf_add(&r->text, text, (size_t)n);
}

static void on_doctype(void *data, const XML_Char *name, const XML_Char *system_id,
                       const XML_Char *public_id, int has_internal_subset)
{
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_internal_subset;
    stop(data, ERR_INVALID, "a document type declaration is not accepted");
}

json_t *xml_parse(const char *text, size_t size, struct err *err)
{
    if (size > INT_MAX) {
        err_set(err, ERR_LIMIT, "", "an XML document of %zu bytes is too large", size);
        return NULL;
    }
    static const XML_Memory_Handling_Suite memory = {xmalloc, xrealloc, free};
    struct reader r = {.parser = memory_or_die(XML_ParserCreate_MM(NULL, &memory, NULL)),
                       .err = err};
    /* UTF-8 of an answer in another encoding may be larger than the answer, at most twice. */
    r.text = buf_make(2 * size + 1);
    XML_SetUserData(r.parser, &r);
    XML_SetElementHandler(r.parser, on_start, on_end);
    XML_SetCharacterDataHandler(r.parser, on_text);
    XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
    if (XML_Parse(r.parser, text, (int)size, XML_TRUE) != XML_STATUS_OK)
        stop(&r, ERR_INVALID, XML_ErrorString(XML_GetErrorCode(r.parser)));
    json_t *document = r.failed ? NULL : frame_value(&r, &r.frames[0]);
    if (document == NULL)
        stop(&r, ERR_INTERNAL, "out of memory");
    for (size_t i = 0; i <= XML_MAX_DEPTH; i++)
        free_frame(&r.frames[i]);
    buf_free(&r.text);
    XML_ParserFree(r.parser);
    return document;
}

/* Whether XML 1.0 can hold the text: UTF-8 without most control characters, U+FFFE and U+FFFF. */
static bool fits_xml(const char *text, size_t n)
{
    for (size_t at = 0; at < n;) {
        size_t step = utf8_step(text + at, n - at);
        if (step == 0 || ((unsigned char)text[at] < 0x20 && strchr("\t\n\r", text[at]) == NULL))
            return false;
        if (step == 3 && (memcmp(text + at, "\xEF\xBF\xBE", 3) == 0 ||
                          memcmp(text + at, "\xEF\xBF\xBF", 3) == 0))
            return false;
        at += step;
    }
    return true;
}

static const char *entity_of(char c)
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
    default: /* a bare carriage return would be read as a line feed */
        return "&#13;";
    }
}

bool xml_escape(struct buf *to, const char *text)
{
    if (!fits_xml(text, strlen(text)))
        return false;
    bool ok = true;
    while (ok && *text != '\0') {
        size_t n = strcspn(text, "&<>\"'\r");
        ok = buf_add(to, text, n);
        text += n;
        if (ok && *text != '\0')
            ok = buf_adds(to, entity_of(*text++));
    }
    return ok;
}
