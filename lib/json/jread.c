/* Parses JSON text into jansson values with our own scanner, which reads each byte once. */
#include "lib/json/jread.h"

#include "lib/base/buf.h"
#include "lib/json/scan.h"

struct reader {
    struct scan scan;
    /* Open containers, beginning with the outermost, which is owned. */
    json_t *open[SCAN_MAX_DEPTH];
    size_t depth;
    /* Of the member whose value comes next. */
    struct scan_token key;
    /* For texts with escapes. */
    struct buf scratch;
};

/* Returns the text of a key or string token, unescaped and without its quotes; NULL if a C string
 * cannot hold it. */
static const char *jread_text(struct reader *r, const struct scan_token *t, size_t *size)
{
    if (!t->escaped) {
        *size = t->end - t->start - 2;
        return r->scan.text + t->start + 1;
    }
    buf_reset(&r->scratch);
    if (!scan_text(&r->scan, t, &r->scratch))
        return NULL;
    *size = r->scratch.size;
    return buf_str(&r->scratch);
}

/* The scanner has checked that texts are UTF-8, so jansson need not. */
static json_t *jread_string(struct reader *r, const struct scan_token *t)
{
    size_t size = 0;
    const char *text = jread_text(r, t, &size);
    return text ? json_stringn_nocheck(text, size) : NULL;
}

static json_t *jread_value(struct reader *r, const struct scan_token *t)
{
    switch (t->type) {
    case SCAN_OBJECT:
        return json_object();
    case SCAN_ARRAY:
        return json_array();
    case SCAN_STRING:
        return jread_string(r, t);
    case SCAN_NUMBER:
        /* Rare in what we read: jansson decides what is an integer. */
        return json_loadb(r->scan.text + t->start, t->end - t->start, JSON_DECODE_ANY, NULL);
    case SCAN_TRUE:
        return json_true();
    case SCAN_FALSE:
        return json_false();
    case SCAN_NULL:
        return json_null();
    default:
        return NULL;
    }
}

/* Adds the value, which it takes over, to the innermost open container. Returns false for a
 * repeated key. */
static bool jread_attach(struct reader *r, json_t *value)
{
    json_t *parent = r->open[r->depth - 1];
    if (json_is_array(parent))
        return json_array_append_new(parent, value) == 0;
    size_t size = 0;
    const char *key = jread_text(r, &r->key, &size);
    if (!key) {
        json_decref(value);
        return false;
    }
    size_t before = json_object_size(parent);
    return json_object_setn_new_nocheck(parent, key, size, value) == 0 &&
           json_object_size(parent) > before;
}

static bool jread_is_container(const struct scan_token *t)
{
    return t->type == SCAN_OBJECT || t->type == SCAN_ARRAY;
}

/* Processes one token. Returns false if the text is not accepted. */
static bool jread_token(struct reader *r, const struct scan_token *t)
{
    if (t->type == SCAN_KEY) {
        r->key = *t;
        return true;
    }
    if (t->type == SCAN_OBJECT_END || t->type == SCAN_ARRAY_END) {
        r->depth--;
        return true;
    }
    if (r->depth == 0 && !jread_is_container(t))
        return false;
    json_t *value = jread_value(r, t);
    if (!value || (r->depth > 0 && !jread_attach(r, value)))
        return false;
    if (jread_is_container(t))
        r->open[r->depth++] = value;
    return true;
}

json_t *jread(const char *text, size_t size)
{
    struct reader r = {.scratch = buf_make(size)};
    struct scan_token t;
    bool ok = true;
    scan_init(&r.scan, text, size);
    while (ok && (t = scan_next(&r.scan)).type != SCAN_END)
        ok = jread_token(&r, &t);
    buf_free(&r.scratch);
    if (ok)
        return r.open[0];
    json_decref(r.open[0]);
    return NULL;
}
