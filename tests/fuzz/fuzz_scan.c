/* Fuzzes lib/json/scan.c: it agrees with jansson on what is JSON, and stays within the bytes. */
#include <jansson.h>
#include <string.h>

#include "lib/json/scan.h"
#include "tests/fuzz/target.h"

static bool accepts(const char *text, size_t size, struct scan *s)
{
    scan_init(s, text, size);
    for (;;) {
        size_t before = s->at;
        struct scan_token t = scan_next(s);
        MUST(t.start <= t.end && t.end <= size);
        if (t.type == SCAN_ERROR)
            return false;
        if (t.type == SCAN_END)
            return true;
        MUST(s->at > before && s->depth <= SCAN_MAX_DEPTH);
        if (t.type == SCAN_KEY || t.type == SCAN_STRING) {
            struct buf resolved = buf_make(size);
            bool ok = scan_text(s, &t, &resolved);
            MUST(!ok || scan_equals(s, &t, buf_str(&resolved)));
            buf_free(&resolved);
        }
    }
}

/* jansson rejects some texts that the grammar allows. */
static bool is_jansson_only(const json_error_t *why)
{
    enum json_error_code code = json_error_code(why);
    return code == json_error_numeric_overflow || code == json_error_null_byte_in_key ||
           code == json_error_null_character || strstr(why->text, "Unicode");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct scan s;
    bool ok = accepts(text, size, &s);
    if (!ok) {
        struct err err = ERR_INIT;
        scan_error(&s, &err);
        MUST(err.kind == ERR_INVALID && strncmp(err.message, "line ", 5) == 0);
    }
    json_error_t why;
    json_t *value = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
    MUST(!ok || value || is_jansson_only(&why));
    /* jansson ignores a NUL byte directly after a number. */
    MUST(ok || !value || strstr(s.problem, "64") || memchr(text, '\0', size));
    json_decref(value);
    if (ok) {
        size_t end = 0;
        scan_init(&s, text, size);
        struct scan_token first = scan_next(&s);
        MUST(scan_skip(&s, &first, &end) && end <= size && scan_next(&s).type == SCAN_END);
    }
    return 0;
}
