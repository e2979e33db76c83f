/* Checks, reads and writes UTF-8 according to the table of well-formed byte sequences in the
 * Unicode standard (table 3-7). */
#include "lib/base/utf8.h"

static bool utf8_is_within(unsigned char byte, unsigned char low, unsigned char high)
{
    return byte >= low && byte <= high;
}

/* The second byte carries all the restrictions: overlong forms, surrogates and the upper end. */
static bool utf8_second_fits(unsigned char first, unsigned char second)
{
    switch (first) {
    case 0xE0:
        return utf8_is_within(second, 0xA0, 0xBF);
    case 0xED:
        return utf8_is_within(second, 0x80, 0x9F);
    case 0xF0:
        return utf8_is_within(second, 0x90, 0xBF);
    case 0xF4:
        return utf8_is_within(second, 0x80, 0x8F);
    default:
        return utf8_is_within(second, 0x80, 0xBF);
    }
}

static size_t utf8_length(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (utf8_is_within(first, 0xC2, 0xDF))
        return 2;
    if (utf8_is_within(first, 0xE0, 0xEF))
        return 3;
    return utf8_is_within(first, 0xF0, 0xF4) ? 4 : 0;
}

size_t utf8_step(const char *bytes, size_t n)
{
    if (n == 0)
        return 0;
    const unsigned char *p = (const unsigned char *)bytes;
    size_t length = utf8_length(p[0]);
    if (length < 2)
        return length;
    if (length > n || !utf8_second_fits(p[0], p[1]))
        return 0;
    for (size_t i = 2; i < length; i++)
        if (!utf8_is_within(p[i], 0x80, 0xBF))
            return 0;
    return length;
}

bool utf8_valid(const char *bytes, size_t n)
{
    for (size_t at = 0; at < n;) {
        size_t step = utf8_step(bytes + at, n - at);
        if (step == 0)
            return false;
        at += step;
    }
    return true;
}

uint32_t utf8_decode(const char *bytes, size_t length)
{
    static const unsigned char first_bits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t code = (unsigned char)bytes[0] & first_bits[length];
    for (size_t i = 1; i < length; i++)
        code = code << 6 | ((unsigned char)bytes[i] & 0x3F);
    return code;
}

size_t utf8_encode(uint32_t code, char to[4])
{
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        to[0] = (char)(0xC0 | code >> 6);
        to[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        to[0] = (char)(0xE0 | code >> 12);
        to[1] = (char)(0x80 | (code >> 6 & 0x3F));
        to[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    to[0] = (char)(0xF0 | code >> 18);
    to[1] = (char)(0x80 | (code >> 12 & 0x3F));
    to[2] = (char)(0x80 | (code >> 6 & 0x3F));
    to[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}
