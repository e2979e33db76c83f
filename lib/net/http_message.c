/* Headers, requests and responses of HTTP as values. */
#include "lib/net/http_message.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/clock.h"
#include "lib/base/wipe.h"

/* The characters of a token (RFC 9110, section 5.6.2). */
static const bool TOKEN[256] = {
    ['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true, ['!'] = true,  ['#'] = true,
    ['$'] = true,         ['%'] = true,         ['&'] = true,         ['\''] = true, ['*'] = true,
    ['+'] = true,         ['-'] = true,         ['.'] = true,         ['^'] = true,  ['_'] = true,
    ['`'] = true,         ['|'] = true,         ['~'] = true,
};

/* A field name is a token. */
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

static bool headers_reserve(struct http_headers *h)
{
    if (h->count < h->room)
        return true;

    size_t room = h->room ? h->room * 2 : 16;
    struct http_header *at = realloc(h->at, room * sizeof *at);
    if (!at)
        return false;
    h->at = at;
    h->room = room;
    return true;
}

bool http_headers_append(struct http_headers *h, const char *name, size_t name_size,
                         const char *value, size_t value_size)
{
    if (!headers_reserve(h))
        return false;

    /* Name and value share one allocation. */
    char *text = malloc(name_size + value_size + 2);
    if (!text)
        return false;
    memcpy(text, name, name_size);
    text[name_size] = '\0';
    memcpy(text + name_size + 1, value, value_size);
    text[name_size + 1 + value_size] = '\0';
    h->at[h->count].name = text;
    h->at[h->count].value = text + name_size + 1;
    h->count++;
    return true;
}

bool http_headers_add(struct http_headers *h, const char *name, const char *value)
{
    if (!is_token(name) || has_controls(value))
        return false;
    return http_headers_append(h, name, strlen(name), value, strlen(value));
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
    for (size_t i = 0; i < h->count; i++) {
        wipe(h->at[i].value, strlen(h->at[i].value));
        free(h->at[i].name);
    }
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
