/* Makes untrusted text safe to display. */
#include "lib/base/printable.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/utf8.h"

#define PRINTABLE_TEXT_MAX (4u << 20)

/* https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters */
static bool printable_is_bidirectional(uint32_t code)
{
    return code == 0x061C || code == 0x200E || code == 0x200F ||
           (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

static bool printable_is_harmful(uint32_t code)
{
    bool control = code < 0x20 || (code >= 0x7F && code <= 0x9F);
    return (control && code != '\n' && code != '\t') || printable_is_bidirectional(code);
}

bool printable_add(struct buf *to, const char *text, size_t n)
{
    bool ok = true;
    for (size_t at = 0, step; ok && at < n; at += step) {
        step = utf8_step(text + at, n - at);
        if (step == 0) {
            ok = buf_adds(to, "\xEF\xBF\xBD");
            step = 1;
        } else if (printable_is_harmful(utf8_decode(text + at, step))) {
            ok = buf_addf(to, "\\u%04x", (unsigned)utf8_decode(text + at, step));
        } else {
            ok = buf_add(to, text + at, step);
        }
    }
    return ok;
}

static bool printable_write_escaped(FILE *to, const char *text, size_t n)
{
    struct buf shown = buf_make(n > SIZE_MAX / 6 ? SIZE_MAX : 6 * n + 1);
    bool ok =
        printable_add(&shown, text, n) && fwrite(buf_str(&shown), 1, shown.size, to) == shown.size;
    buf_free(&shown);
    return ok;
}

bool printable_write(FILE *to, const char *text, size_t n)
{
    return isatty(fileno(to)) ? printable_write_escaped(to, text, n) : fwrite(text, 1, n, to) == n;
}

bool printable_print(FILE *to, const char *format, ...)
{
    struct buf text = buf_make(PRINTABLE_TEXT_MAX);
    va_list args;
    va_start(args, format);
    buf_vaddf(&text, format, args);
    va_end(args);
    bool ok = buf_ok(&text) && printable_write_escaped(to, buf_str(&text), text.size);
    buf_free(&text);
    return ok;
}
