/* JSON text made into jansson values over our own scanner, which looks at each byte once. */
#include "lib/json/jread.h"

#include "lib/base/buf.h"
#include "lib/json/scan.h"

struct reader {
    struct scan scan;
    json_t *open[SCAN_MAX_DEPTH]; /* containers under way, the outermost, which is owned, first */
    size_t depth;
    struct scan_token key; /* of the member whose value comes next */
    struct buf scratch;    /* for texts with escapes */
};

/* What a key or string token stands for, without its quotes. */
static const char *token_text(struct reader *r, const struct scan_token *t, size_t *size)
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
static json_t *make_string(struct reader *r, const struct scan_token *t)
{
    size_t size = 0;
    const char *text = token_text(r, t, &size);
    return text ? json_stringn_nocheck(text, size) : NULL;
}

static json_t *make_value(struct reader *r, const struct scan_token *t)
{
    switch (t->type) {
    case SCAN_OBJECT:
        return json_object();
    case SCAN_ARRAY:
        return json_array();
    case SCAN_STRING:
        return make_string(r, t);
    case SCAN_NUMBER: /* rare in what we read: jansson decides what is an integer */
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

/* Puts the value into the innermost open container; takes it over. False for a key that was there
 * before. */
static bool attach(struct reader *r, json_t *value)
{
    json_t *parent = r->open[r->depth - 1];
    if (json_is_array(parent))
        return json_array_append_new(parent, value) == 0;
    size_t size = 0;
    const char *key = token_text(r, &r->key, &size);
    if (!key) {
        json_decref(value);
        return false;
    }
    size_t before = json_object_size(parent);
    return json_object_setn_new_nocheck(parent, key, size, value) == 0 &&
           json_object_size(parent) > before;
}

static bool is_container(const struct scan_token *t)
{
    return t->type == SCAN_OBJECT || t->type == SCAN_ARRAY;
}

/* Takes in one token. False when the text is not accepted. */
static bool take(struct reader *r, const struct scan_token *t)
{
    if (t->type == SCAN_KEY) {
        r->key = *t;
        return true;
    }
    if (t->type == SCAN_OBJECT_END || t->type == SCAN_ARRAY_END) {
        r->depth--;
        return true;
    }
    if (r->depth == 0 && !is_container(t))
        return false;
    json_t *value = make_value(r, t);
    if (!value || (r->depth > 0 && !attach(r, value)))
        return false;
    if (is_container(t))
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
        ok = take(&r, &t);
    buf_free(&r.scratch);
    if (ok)
        return r.open[0];
    json_decref(r.open[0]);
    return NULL;
}
