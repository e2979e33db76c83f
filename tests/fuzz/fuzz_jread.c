/* Fuzzes lib/json/jread.c: its values equal jansson's, and it accepts nearly everything that
 * jansson accepts. */
#include <jansson.h>
#include <string.h>

#include "lib/json/jread.h"
#include "lib/json/scan.h"
#include "tests/fuzz/target.h"

/* Compares the text, since json_equal ignores order and some types. */
static void must_be_same(const json_t *own, const json_t *other)
{
    char *a = json_dumps(own, JSON_COMPACT), *b = json_dumps(other, JSON_COMPACT);
    MUST(a && b && strcmp(a, b) == 0);
    free(a);
    free(b);
}

/* jansson accepts deeper nesting, and ignores a NUL byte directly after a number. */
static bool is_more_than_scan_takes(const char *text, size_t size)
{
    struct scan s;
    scan_init(&s, text, size);
    enum scan_type type;
    do {
        type = scan_next(&s).type;
    } while (type != SCAN_ERROR && type != SCAN_END);
    return type == SCAN_ERROR && (strstr(s.problem, "64") || memchr(text, '\0', size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    json_t *own = jread(text, size);
    json_t *other = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    MUST(!own || other);
    MUST(own || !other || is_more_than_scan_takes(text, size));
    if (own)
        must_be_same(own, other);
    json_decref(own);
    json_decref(other);
    return 0;
}
