/* Records requests in a file. */
#include "tests/cloud/record.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/crypto.h"

/* libmicrohttpd: called for each header. */
static enum MHD_Result record_add_header(void *ctx, enum MHD_ValueKind kind, const char *name,
                                         const char *value)
{
    char lower[128];
    size_t n = 0;

    (void)kind;
    for (; n < sizeof lower - 1 && name[n]; n++)
        lower[n] = (char)tolower((unsigned char)name[n]);
    lower[n] = '\0';
    json_object_set_new(ctx, lower, json_string(value ? value : ""));
    return MHD_YES;
}

static json_t *record_request_json(const struct request *r)
{
    json_t *headers = json_object();
    struct buf body = buf_make((size_t)512 << 20);
    json_t *line = NULL;

    MHD_get_connection_values(r->connection, MHD_HEADER_KIND, record_add_header, headers);
    if (base64_add(&body, buf_str(&r->body), r->body.size))
        line =
            json_pack("{s:s, s:s++, s:o, s:s}", "method", r->method, "target", r->path,
                      *r->query ? "?" : "", r->query, "headers", headers, "body", buf_str(&body));
    else
        json_decref(headers);
    buf_free(&body);
    return line;
}

bool record_request(FILE *to, const struct request *r)
{
    json_t *line;
    bool ok;

    if (strncmp(request_header(r, "User-Agent"), "hgautod/", 8) != 0)
        return true;
    line = record_request_json(r);
    ok = line && json_dumpf(line, to, JSON_COMPACT) == 0 && fputc('\n', to) != EOF &&
         fflush(to) == 0;
    json_decref(line);
    return ok;
}
