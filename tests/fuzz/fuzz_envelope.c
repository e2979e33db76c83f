/* Fuzzes daemon/source/envelope.c: the objects found have valid names. */
#include <string.h>

#include "daemon/source/envelope.h"
#include "lib/base/utf8.h"
#include "tests/fuzz/target.h"

static void check(const struct envelope_object *o)
{
    size_t bucket = strlen(o->container), key = strlen(o->key);
    MUST(bucket >= 3 && bucket <= 63);
    MUST(strspn(o->container, "abcdefghijklmnopqrstuvwxyz0123456789.-") == bucket);
    MUST(key >= strlen("event.json") && key <= 1024 && utf8_valid(o->key, key));
    MUST(strcmp(o->key + key - strlen("event.json"), "event.json") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct envelope e;
    struct err err = ERR_INIT;
    enum envelope_kind kind = envelope_parse((const char *)data, size, &e, &err);
    MUST((kind == ENVELOPE_UNKNOWN) == (err.kind != ERR_NONE));
    MUST(kind == ENVELOPE_EVENTS || (e.count == 0 && e.ignored == 0));
    MUST(kind != ENVELOPE_EVENTS || e.count + e.ignored > 0);
    for (size_t i = 0; i < e.count; i++)
        check(&e.objects[i]);
    envelope_free(&e);
    return 0;
}
