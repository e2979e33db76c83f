/* Compares names, checks lines, breaks lines. */
#include "lib/base/text.h"

#include <ctype.h>
#include <string.h>

#include "lib/base/utf8.h"

#define NAME_MAX_BYTES 64

unsigned text_distance(const char *a, const char *b)
{
    /* Row i is in d[i % 3]: only the last two rows are needed. */
    unsigned d[3][NAME_MAX_BYTES + 1];
    size_t n = strlen(a), m = strlen(b);
    if (n > NAME_MAX_BYTES || m > NAME_MAX_BYTES)
        return 99;
    for (size_t j = 0; j <= m; j++)
        d[0][j] = d[1][j] = d[2][j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        unsigned *before = d[(i + 1) % 3], *last = d[(i + 2) % 3], *row = d[i % 3];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
            unsigned best = last[j - 1] + (same ? 0 : 1);
            if (last[j] + 1 < best)
                best = last[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            row[j] = best;
        }
    }
    return d[n % 3][m];
}

void text_match_offer(struct text_match *match, const char *candidate)
{
    unsigned distance = text_distance(match->written, candidate);
    bool similar = distance <= 2 || (distance < 99 && distance <= strlen(match->written) / 2);
    if (!similar || (match->name && distance >= match->distance))
        return;
    match->name = candidate;
    match->distance = distance;
}

const char *text_problem(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (((unsigned char)text[i] < 0x20 && text[i] != '\t') || text[i] == 0x7f)
            return "contains a control character";
    return utf8_valid(text, n) ? NULL : "is not UTF-8";
}

void text_add_wrapped(struct buf *to, const char *text, size_t column, const char *indent)
{
    size_t indented = strlen(indent);
    while (*text) {
        size_t n = strcspn(text, " ");
        if (column > indented && column + 1 + n > TEXT_WIDTH) {
            buf_addf(to, "\n%s", indent);
            column = indented;
        } else if (column > indented) {
            buf_addc(to, ' ');
            column++;
        }
        buf_add(to, text, n);
        column += n;
        text += n + strspn(text + n, " ");
    }
    buf_addc(to, '\n');
}

/* Appends a word of a line of mdoc, escaping what roff would interpret. */
static void text_add_mdoc_word(struct buf *to, const char *word, size_t n, bool line_start)
{
    if (line_start && (*word == '.' || *word == '\''))
        buf_adds(to, "\\&");
    for (size_t i = 0; i < n; i++)
        if (word[i] == '\\')
            buf_adds(to, "\\e");
        else
            buf_addc(to, word[i]);
}

void text_add_mdoc(struct buf *to, const char *text)
{
    bool sentence_end = false;
    size_t column = 0;
    while (*text) {
        size_t n = strcspn(text, " ");
        if (column && (sentence_end || column + 1 + n > TEXT_WIDTH)) {
            buf_addc(to, '\n');
            column = 0;
        }
        if (column++)
            buf_addc(to, ' ');
        text_add_mdoc_word(to, text, n, column == 1);
        column += n;
        sentence_end = n && (text[n - 1] == '.' || text[n - 1] == '?');
        text += n + strspn(text + n, " ");
    }
    buf_addc(to, '\n');
}
