/* Reads a number of seconds, or a date. */
#include "lib/net/retry_after.h"

#include <string.h>

#include "lib/base/clock.h"

#define RETRY_AFTER_MAX_MS INT64_C(86400000)

int64_t retry_after_ms(const struct http_response *response)
{
    const char *text = http_headers_get(&response->headers, "Retry-After");
    const char *date = http_headers_get(&response->headers, "Date");
    int64_t until, now, ms = 0;
    if (!text || !*text)
        return -1;
    if (!text[strspn(text, "0123456789")]) {
        for (; *text && ms < RETRY_AFTER_MAX_MS; text++)
            ms = ms * 10 + 1000 * (int64_t)(*text - '0');
    } else if (date && clock_parse(text, &until) && clock_parse(date, &now)) {
        /* Relative to the Date of the response: the clock of this host may be wrong. */
        ms = until > now ? until - now : 0;
    } else {
        return -1;
    }
    return ms < RETRY_AFTER_MAX_MS ? ms : RETRY_AFTER_MAX_MS;
}
