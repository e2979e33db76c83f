/* Fuzzes daemon/source/envelope_azure.c: the objects found have valid
 * names. */
#include <string.h>

#include "daemon/source/envelope.h"
#include "lib/base/utf8.h"
#include "tests/fuzz/target.h"

static void check(const struct envelope_object *o)
{
    size_t container = strlen(o->container), key = strlen(o->key);
    MUST(container >= 3 && container <= 63);
    MUST(strspn(o->container, "abcdefghijklmnopqrstuvwxyz0123456789-") == container);
    MUST(key >= strlen("event.json") && key <= 1024 && utf8_valid(o->key, key));
    MUST(strcmp(o->key + key - strlen("event.json"), "event.json") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char endpoint[] = "https://hgevents.blob.core.windows.net";
    struct envelope e;
    struct err err = ERR_INIT;
    enum envelope_kind kind = envelope_azure_parse((const char *)data, size, endpoint, &e, &err);
    MUST(kind != ENVELOPE_TEST);
    MUST((kind == ENVELOPE_UNKNOWN) == (err.kind != ERR_NONE));
    MUST(kind == ENVELOPE_EVENTS || (e.count == 0 && e.ignored == 0));
    MUST(kind != ENVELOPE_EVENTS || e.count + e.ignored > 0);
    for (size_t i = 0; i < e.count; i++)
        check(&e.objects[i]);
    envelope_free(&e);
    return 0;
}
