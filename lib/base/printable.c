/* Makes text of strangers safe to show. */
#include "lib/base/printable.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/utf8.h"

#define TEXT_MAX (4u << 20)

/* The code point of a well-formed character of `step` bytes. */
static uint32_t code_at(const char *at, size_t step)
{
    static const unsigned char first_bits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t code = (unsigned char)at[0] & first_bits[step];

    for (size_t i = 1; i < step; i++)
        code = code << 6 | ((unsigned char)at[i] & 0x3F);
    return code;
}

/* https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters */
static bool turns_text(uint32_t code)
{
    return code == 0x061C || code == 0x200E || code == 0x200F ||
           (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

static bool is_harmful(uint32_t code)
{
    bool control = code < 0x20 || (code >= 0x7F && code <= 0x9F);

    return (control && code != '\n' && code != '\t') || turns_text(code);
}

bool printable_add(struct buf *to, const char *text, size_t n)
{
    bool ok = true;

    for (size_t at = 0, step; ok && at < n; at += step) {
        step = utf8_step(text + at, n - at);
        if (step == 0) {
            ok = buf_adds(to, "\xEF\xBF\xBD");
            step = 1;
        } else if (is_harmful(code_at(text + at, step))) {
            ok = buf_addf(to, "\\u%04x", (unsigned)code_at(text + at, step));
        } else {
            ok = buf_add(to, text + at, step);
        }
    }
    return ok;
}

static bool write_printable(FILE *to, const char *text, size_t n)
{
    struct buf shown = buf_make(n > SIZE_MAX / 6 ? SIZE_MAX : 6 * n + 1);
    bool ok =
        printable_add(&shown, text, n) && fwrite(buf_str(&shown), 1, shown.size, to) == shown.size;

    buf_free(&shown);
    return ok;
}

bool printable_write(FILE *to, const char *text, size_t n)
{
    return isatty(fileno(to)) ? write_printable(to, text, n) : fwrite(text, 1, n, to) == n;
}

bool printable_print(FILE *to, const char *format, ...)
{
    struct buf text = buf_make(TEXT_MAX);
    va_list args;

    va_start(args, format);
    buf_vaddf(&text, format, args);
    va_end(args);
    bool ok = buf_ok(&text) && write_printable(to, buf_str(&text), text.size);
    buf_free(&text);
    return ok;
}
