/* Fuzzes lib/json/xml.c: any bytes as a document, and any text escaped and parsed again. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/json/xml.h"
#include "tests/fuzz/target.h"

static void parse(const char *text, size_t size)
{
    struct err err = ERR_INIT;
    json_t *document = xml_parse(text, size, &err);
    MUST(!document || (json_is_object(document) && json_object_size(document) == 1));
    MUST(document || err.kind != ERR_NONE);
    json_decref(document);
}

static void escape_and_back(const char *text, size_t size)
{
    struct buf xml = buf_make(size * 6 + 16);
    buf_adds(&xml, "<a>");
    if (xml_escape(&xml, text)) {
        struct err err = ERR_INIT;
        buf_adds(&xml, "</a>");
        json_t *document = xml_parse(buf_str(&xml), xml.size, &err);
        MUST(document);
        MUST(strcmp(json_string_value(json_object_get(document, "a")), text) == 0);
        json_decref(document);
    }
    buf_free(&xml);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    parse((const char *)data, size);
    char *text = xstrndup((const char *)data, size);
    escape_and_back(text, strlen(text));
    free(text);
    return 0;
}
