/* Texts for people: names compared, lines broken. */
#include "lib/base/text.h"

#include <ctype.h>
#include <string.h>

unsigned text_distance(const char *a, const char *b)
{
    enum { MOST = 64 };
    unsigned d[3][MOST + 1]; /* the rows before last, last, and this */
    size_t n = strlen(a), m = strlen(b);

    if (n > MOST || m > MOST)
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

bool text_add_wrapped(struct buf *to, const char *text, size_t column, const char *indent)
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
    return buf_addc(to, '\n');
}

/* Adds one word of a line of mdoc, so that roff takes nothing in it for its own. */
static void add_mdoc_word(struct buf *to, const char *word, size_t n, bool line_start)
{
    if (line_start && (*word == '.' || *word == '\''))
        buf_adds(to, "\\&");
    for (size_t i = 0; i < n; i++)
        if (word[i] == '\\')
            buf_adds(to, "\\e");
        else
            buf_addc(to, word[i]);
}

bool text_add_mdoc(struct buf *to, const char *text)
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
        add_mdoc_word(to, text, n, column == 1);
        column += n;
        sentence_end = n && (text[n - 1] == '.' || text[n - 1] == '?');
        text += n + strspn(text + n, " ");
    }
    return buf_addc(to, '\n');
}
