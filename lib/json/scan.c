/* Reads JSON strictly and builds nothing: a state machine over the bytes, without recursion and
 * without memory.
 *
 * What may come next is one number (`expect`); which containers are open is one bit per level. A
 * string is read eight bytes at a time as long as none of them needs special treatment. */
#include "lib/json/scan.h"

#include <stddef.h>
#include <string.h>

#include "lib/base/utf8.h"

enum expect {
    /* At the beginning, after ',' in an array, and after ':'. */
    EXPECT_VALUE,
    /* After '[': a value or ']'. */
    EXPECT_FIRST,
    /* After '{': a key or '}'. */
    EXPECT_FIRST_KEY,
    /* After ',' in an object. */
    EXPECT_KEY,
    /* After a key. */
    EXPECT_COLON,
    /* After a value in a container: ',' or its end. */
    EXPECT_MORE,
    /* After the document's value. */
    EXPECT_NOTHING_MORE,
};

#define SCAN_TRUNCATED "unexpected end of the document"

/* Bytes that a string can contain as they are: not a quote, a backslash, a control character, or
 * part of a longer character. */
static const bool scan_plain[256] = {
    [0x20 ... 0x21] = true,
    [0x23 ... 0x5B] = true,
    [0x5D ... 0x7F] = true,
};

#define SCAN_EACH_BYTE(b) (0x0101010101010101ull * (b))

static uint64_t scan_zero_bytes(uint64_t word)
{
    return (word - SCAN_EACH_BYTE(0x01)) & ~word & SCAN_EACH_BYTE(0x80);
}

/* Returns true if eight bytes are all plain. */
static bool scan_all_plain(const char *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    uint64_t control = (word - SCAN_EACH_BYTE(0x20)) & ~word & SCAN_EACH_BYTE(0x80);
    return ((word & SCAN_EACH_BYTE(0x80)) | control | scan_zero_bytes(word ^ SCAN_EACH_BYTE('"')) |
            scan_zero_bytes(word ^ SCAN_EACH_BYTE('\\'))) == 0;
}

static bool scan_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int scan_hex_digit(char c)
{
    if (scan_is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static struct scan_token scan_fail(struct scan *s, size_t at, const char *problem)
{
    s->at = at;
    s->problem = problem;
    return (struct scan_token){.type = SCAN_ERROR, .start = at, .end = at};
}

void scan_init(struct scan *s, const char *text, size_t size)
{
    *s = (struct scan){.text = text, .size = size, .expect = EXPECT_VALUE};
    if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        s->problem = "byte order mark before the document";
}

static void scan_skip_space(struct scan *s)
{
    size_t at = s->at;
    while (at < s->size && (s->text[at] == ' ' || s->text[at] == '\n' || s->text[at] == '\r' ||
                            s->text[at] == '\t'))
        at++;
    s->at = at;
}

/* Checks the escape whose backslash is at `at`. Returns the offset after it, 0 if it is invalid. */
static size_t scan_pass_escape(const struct scan *s, size_t at)
{
    if (at + 1 >= s->size)
        return 0;
    if (s->text[at + 1] != 'u') {
        bool known = s->text[at + 1] && strchr("\"\\/bfnrt", s->text[at + 1]);
        return known ? at + 2 : 0;
    }
    if (s->size - at < 6)
        return 0;
    for (size_t i = at + 2; i < at + 6; i++)
        if (scan_hex_digit(s->text[i]) < 0)
            return 0;
    return at + 6;
}

/* Passes an escape or a longer character at `at`. Returns the offset after it, 0 after scan_fail().
 */
static size_t scan_pass_special(struct scan *s, size_t at, struct scan_token *token)
{
    size_t next;
    if (s->text[at] == '\\') {
        token->escaped = true;
        next = scan_pass_escape(s, at);
        if (next == 0)
            *token = scan_fail(s, at, "invalid escape in a string");
        return next;
    }
    if ((unsigned char)s->text[at] < 0x20) {
        *token = scan_fail(s, at, "unescaped control character in a string");
        return 0;
    }
    next = utf8_step(s->text + at, s->size - at);
    if (next == 0) {
        *token = scan_fail(s, at, "invalid UTF-8 in a string");
        return 0;
    }
    return at + next;
}

static struct scan_token scan_read_string(struct scan *s, enum scan_type type)
{
    struct scan_token token = {.type = type, .start = s->at};
    size_t at = s->at + 1;
    for (;;) {
        while (s->size - at >= sizeof(uint64_t) && scan_all_plain(s->text + at))
            at += sizeof(uint64_t);
        while (at < s->size && scan_plain[(unsigned char)s->text[at]])
            at++;
        if (at == s->size)
            return scan_fail(s, at, "unterminated string");
        if (s->text[at] == '"')
            break;
        at = scan_pass_special(s, at, &token);
        if (at == 0)
            return token;
    }
    s->at = token.end = at + 1;
    return token;
}

static size_t scan_pass_digits(const struct scan *s, size_t at)
{
    while (at < s->size && scan_is_digit(s->text[at]))
        at++;
    return at;
}

static bool scan_has(const struct scan *s, size_t at, char a, char b)
{
    return at < s->size && (s->text[at] == a || s->text[at] == b);
}

static struct scan_token scan_read_number(struct scan *s)
{
    struct scan_token token = {.type = SCAN_NUMBER, .start = s->at};
    size_t from = scan_has(s, s->at, '-', '-') ? s->at + 1 : s->at;
    size_t at = scan_pass_digits(s, from);
    if (at == from)
        return scan_fail(s, at, "number without digits");
    if (s->text[from] == '0' && at > from + 1)
        return scan_fail(s, from, "number with a leading zero");
    if (scan_has(s, at, '.', '.')) {
        from = at + 1;
        at = scan_pass_digits(s, from);
        if (at == from)
            return scan_fail(s, at, "number without digits after the decimal point");
    }
    if (scan_has(s, at, 'e', 'E')) {
        from = scan_has(s, at + 1, '+', '-') ? at + 2 : at + 1;
        at = scan_pass_digits(s, from);
        if (at == from)
            return scan_fail(s, at, "number without digits in the exponent");
    }
    s->at = token.end = at;
    return token;
}

static struct scan_token scan_read_word(struct scan *s, const char *word, enum scan_type type)
{
    size_t n = strlen(word);
    if (s->size - s->at < n || memcmp(s->text + s->at, word, n) != 0)
        return scan_fail(s, s->at, "expected a value");
    s->at += n;
    return (struct scan_token){.type = type, .start = s->at - n, .end = s->at};
}

static struct scan_token scan_open_container(struct scan *s, bool is_object)
{
    if (s->depth == SCAN_MAX_DEPTH)
        return scan_fail(s, s->at, "arrays and objects are nested more than 64 levels deep");
    uint64_t bit = 1ull << s->depth++;
    s->is_object = is_object ? s->is_object | bit : s->is_object & ~bit;
    s->expect = is_object ? EXPECT_FIRST_KEY : EXPECT_FIRST;
    s->at++;
    return (struct scan_token){
        .type = is_object ? SCAN_OBJECT : SCAN_ARRAY, .start = s->at - 1, .end = s->at};
}

static struct scan_token scan_close_container(struct scan *s, enum scan_type type)
{
    s->depth--;
    s->expect = s->depth == 0 ? EXPECT_NOTHING_MORE : EXPECT_MORE;
    s->at++;
    return (struct scan_token){.type = type, .start = s->at - 1, .end = s->at};
}

static struct scan_token scan_read_scalar(struct scan *s)
{
    switch (s->text[s->at]) {
    case '"':
        return scan_read_string(s, SCAN_STRING);
    case 't':
        return scan_read_word(s, "true", SCAN_TRUE);
    case 'f':
        return scan_read_word(s, "false", SCAN_FALSE);
    case 'n':
        return scan_read_word(s, "null", SCAN_NULL);
    default:
        if (scan_is_digit(s->text[s->at]) || s->text[s->at] == '-')
            return scan_read_number(s);
        return scan_fail(s, s->at, "expected a value");
    }
}

static struct scan_token scan_read_value(struct scan *s)
{
    char c = s->text[s->at];
    if (c == '{' || c == '[')
        return scan_open_container(s, c == '{');
    struct scan_token token = scan_read_scalar(s);
    s->expect = s->depth == 0 ? EXPECT_NOTHING_MORE : EXPECT_MORE;
    return token;
}

static struct scan_token scan_read_key(struct scan *s)
{
    if (s->text[s->at] != '"')
        return scan_fail(s, s->at, "expected a key in double quotes");
    struct scan_token token = scan_read_string(s, SCAN_KEY);
    s->expect = EXPECT_COLON;
    return token;
}

/* Reads what follows a value: the end of the container, or a comma and what must follow it. */
static struct scan_token scan_read_more(struct scan *s)
{
    bool is_object = (s->is_object >> (s->depth - 1) & 1) != 0;
    char c = s->text[s->at];
    if (c == (is_object ? '}' : ']'))
        return scan_close_container(s, is_object ? SCAN_OBJECT_END : SCAN_ARRAY_END);
    if (c != ',')
        return scan_fail(s, s->at, is_object ? "expected ',' or '}'" : "expected ',' or ']'");
    s->at++;
    scan_skip_space(s);
    if (s->at == s->size)
        return scan_fail(s, s->at, SCAN_TRUNCATED);
    return is_object ? scan_read_key(s) : scan_read_value(s);
}

static struct scan_token scan_read_colon(struct scan *s)
{
    if (s->text[s->at] != ':')
        return scan_fail(s, s->at, "expected ':' after the key");
    s->at++;
    scan_skip_space(s);
    return s->at == s->size ? scan_fail(s, s->at, SCAN_TRUNCATED) : scan_read_value(s);
}

static struct scan_token scan_read_end(struct scan *s)
{
    if (s->expect == EXPECT_NOTHING_MORE)
        return (struct scan_token){.type = SCAN_END, .start = s->at, .end = s->at};
    return scan_fail(s, s->at, s->depth == 0 ? "the document is empty" : SCAN_TRUNCATED);
}

struct scan_token scan_next(struct scan *s)
{
    if (s->problem)
        return scan_fail(s, s->at, s->problem);
    scan_skip_space(s);
    if (s->at == s->size)
        return scan_read_end(s);
    switch ((enum expect)s->expect) {
    case EXPECT_FIRST:
        return s->text[s->at] == ']' ? scan_close_container(s, SCAN_ARRAY_END) : scan_read_value(s);
    case EXPECT_FIRST_KEY:
        return s->text[s->at] == '}' ? scan_close_container(s, SCAN_OBJECT_END) : scan_read_key(s);
    case EXPECT_KEY:
        return scan_read_key(s);
    case EXPECT_COLON:
        return scan_read_colon(s);
    case EXPECT_MORE:
        return scan_read_more(s);
    case EXPECT_NOTHING_MORE:
        return scan_fail(s, s->at, "unexpected text after the document");
    case EXPECT_VALUE:
        break;
    }
    return scan_read_value(s);
}

bool scan_skip(struct scan *s, const struct scan_token *first, size_t *end)
{
    struct scan_token token = *first;
    if (token.type == SCAN_KEY)
        token = scan_next(s);
    if (token.type == SCAN_OBJECT || token.type == SCAN_ARRAY) {
        unsigned outside = s->depth - 1;
        do {
            token = scan_next(s);
        } while (token.type != SCAN_ERROR && s->depth > outside);
    }
    *end = token.end;
    return token.type != SCAN_ERROR;
}

void scan_where(const char *text, size_t size, size_t offset, unsigned *line, unsigned *column)
{
    size_t end = offset < size ? offset : size;
    size_t begin = 0;
    *line = 1;
    const char *newline;
    while (begin < end && (newline = memchr(text + begin, '\n', end - begin))) {
        begin = (size_t)(newline - text) + 1;
        ++*line;
    }
    *column = (unsigned)(end - begin) + 1;
}

void scan_error(const struct scan *s, struct err *err)
{
    unsigned line, column;
    scan_where(s->text, s->size, s->at, &line, &column);
    err_set(err, ERR_INVALID, "", "line %u, column %u: %s", line, column,
            s->problem ? s->problem : "no problem");
}

static uint32_t scan_code_unit(const char *escape)
{
    uint32_t code = 0;
    for (int i = 2; i < 6; i++)
        code = code << 4 | (uint32_t)scan_hex_digit(escape[i]);
    return code;
}

/* Decodes the \u escape at p, a surrogate pair as one. Returns the number of bytes read; 0 for NUL
 * and for a lone surrogate, which a C string in UTF-8 cannot contain. */
static size_t scan_decode_unicode(const char *p, const char *end, char to[4], size_t *n)
{
    uint32_t code = scan_code_unit(p);
    size_t read = 6;
    if (code >= 0xD800 && code <= 0xDBFF && end - p >= 12 && p[6] == '\\' && p[7] == 'u') {
        uint32_t low = scan_code_unit(p + 6);
        if (low >= 0xDC00 && low <= 0xDFFF) {
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
            read = 12;
        }
    }
    if (code == 0 || (code >= 0xD800 && code <= 0xDFFF))
        return 0;
    *n = utf8_encode(code, to);
    return read;
}

/* Decodes the next byte or escape of a checked string at p into the *n bytes of `to`. Returns the
 * number of bytes read, 0 as above. */
static size_t scan_decode(const char *p, const char *end, char to[4], size_t *n)
{
    *n = 1;
    to[0] = p[0];
    if (p[0] != '\\')
        return 1;
    switch (p[1]) {
    case 'u':
        return scan_decode_unicode(p, end, to, n);
    case 'b':
        to[0] = '\b';
        break;
    case 'f':
        to[0] = '\f';
        break;
    case 'n':
        to[0] = '\n';
        break;
    case 'r':
        to[0] = '\r';
        break;
    case 't':
        to[0] = '\t';
        break;
    default:
        /* '"', '\\' and '/' stand for themselves. */
        to[0] = p[1];
        break;
    }
    return 2;
}

bool scan_equals(const struct scan *s, const struct scan_token *token, const char *text)
{
    const char *p = s->text + token->start + 1;
    const char *end = s->text + token->end - 1;
    if (!token->escaped) {
        size_t n = (size_t)(end - p);
        return strlen(text) == n && memcmp(p, text, n) == 0;
    }
    while (p < end) {
        char bytes[4];
        size_t n;
        size_t read = scan_decode(p, end, bytes, &n);
        if (read == 0 || strncmp(text, bytes, n) != 0)
            return false;
        text += n;
        p += read;
    }
    return !*text;
}

bool scan_text(const struct scan *s, const struct scan_token *token, struct buf *to)
{
    const char *p = s->text + token->start + 1;
    const char *end = s->text + token->end - 1;
    if (!token->escaped)
        return buf_add(to, p, (size_t)(end - p));
    while (p < end) {
        char bytes[4];
        size_t n;
        size_t read = scan_decode(p, end, bytes, &n);
        if (read == 0 || !buf_add(to, bytes, n))
            return false;
        p += read;
    }
    return true;
}
