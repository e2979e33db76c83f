/* Headers, requests and responses of HTTP as values. Touches memory only. */
#include "lib/net/http_message.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/array.h"
#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/base/wipe.h"

/* The characters of a token (RFC 9110, section 5.6.2). */
static const bool TOKEN[256] = {
    ['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true, ['!'] = true,  ['#'] = true,
    ['$'] = true,         ['%'] = true,         ['&'] = true,         ['\''] = true, ['*'] = true,
    ['+'] = true,         ['-'] = true,         ['.'] = true,         ['^'] = true,  ['_'] = true,
    ['`'] = true,         ['|'] = true,         ['~'] = true,
};

static bool is_token(const char *text)
{
    const char *c = text;
    while (TOKEN[(unsigned char)*c])
        c++;
    return c > text && *c == '\0';
}

static bool has_controls(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7F)
            return true;
    return false;
}

void http_headers_append(struct http_headers *h, const char *name, size_t name_size,
                         const char *value, size_t value_size)
{
    h->at = array_room(h->at, h->count, &h->room, sizeof *h->at);
    /* Name and value share one allocation. */
    char *text = xmalloc(name_size + value_size + 2);
    memcpy(text, name, name_size);
    text[name_size] = '\0';
    memcpy(text + name_size + 1, value, value_size);
    text[name_size + 1 + value_size] = '\0';
    h->at[h->count++] = (struct http_header){text, text + name_size + 1};
}

bool http_headers_add(struct http_headers *h, const char *name, const char *value)
{
    if (!is_token(name) || has_controls(value))
        return false;
    http_headers_append(h, name, strlen(name), value, strlen(value));
    return true;
}

static void header_free(struct http_header *header)
{
    wipe((char *)header->value, strlen(header->value));
    free((char *)header->name);
}

void http_headers_remove(struct http_headers *h, const char *name)
{
    for (size_t i = 0; i < h->count; i++) {
        if (strcasecmp(h->at[i].name, name) != 0)
            continue;
        header_free(&h->at[i]);
        memmove(&h->at[i], &h->at[i + 1], (--h->count - i) * sizeof *h->at);
        return;
    }
}

const char *http_headers_get(const struct http_headers *h, const char *name)
{
    for (size_t i = 0; i < h->count; i++)
        if (strcasecmp(h->at[i].name, name) == 0)
            return h->at[i].value;
    return NULL;
}

int64_t http_headers_date(const struct http_headers *h)
{
    const char *date = http_headers_get(h, "Date");
    int64_t date_ms;
    return date && clock_parse(date, &date_ms) && date_ms > 0 ? date_ms : 0;
}

void http_headers_free(struct http_headers *h)
{
    for (size_t i = 0; i < h->count; i++)
        header_free(&h->at[i]);
    free(h->at);
    *h = (struct http_headers){0};
}

void http_request_free(struct http_request *r)
{
    /* URLs hold secrets too: a SAS token is a query. */
    wipe_free(r->url);
    http_headers_free(&r->headers);
    buf_free(&r->owned_body);
    *r = (struct http_request){0};
}

void http_response_free(struct http_response *r)
{
    http_headers_free(&r->headers);
    buf_free(&r->body);
    *r = (struct http_response){0};
}
