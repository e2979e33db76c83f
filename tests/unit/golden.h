/* Compares text with a file of the project. With UPDATE=1 in the environment, the file is rewritten
 * instead. */
#ifndef HGAUTOD_TESTS_UNIT_GOLDEN_H
#define HGAUTOD_TESTS_UNIT_GOLDEN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"

/* Appends a file's bytes; a missing file is empty. */
static inline void golden_read(const char *path, struct buf *to)
{
    FILE *f = fopen(path, "r");
    char part[4096];
    size_t n;

    while (f && (n = fread(part, 1, sizeof part, f)) > 0)
        assert_true(buf_add(to, part, n));
    if (f)
        fclose(f);
}

static inline void golden_write(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static inline bool golden_update(void)
{
    const char *update = getenv("UPDATE");

    return update && strcmp(update, "1") == 0;
}

/* Asserts that the file contains exactly this text. */
static inline void golden_compare(const char *path, const char *text)
{
    struct buf file = buf_make(1 << 20);

    if (golden_update())
        golden_write(path, text);
    golden_read(path, &file);
    if (strcmp(buf_str(&file), text) != 0)
        print_error("%s differs; UPDATE=1 writes it anew\n", path);
    assert_string_equal(text, buf_str(&file));
    buf_free(&file);
}

/* Asserts that the file contains this text between the roff comments BEGIN and END generated. */
static inline void golden_compare_part(const char *path, const char *text)
{
    static const char begin[] = ".\\\" BEGIN generated\n", end[] = ".\\\" END generated\n";
    struct buf file = buf_make(1 << 20), whole = buf_make(1 << 20);
    const char *from, *to;

    golden_read(path, &file);
    from = strstr(buf_str(&file), begin);
    to = strstr(buf_str(&file), end);
    assert_non_null(from);
    assert_non_null(to);
    buf_add(&whole, file.data, (size_t)(from - file.data) + strlen(begin));
    buf_adds(&whole, text);
    buf_adds(&whole, to);
    golden_compare(path, buf_str(&whole));
    buf_free(&file);
    buf_free(&whole);
}

#endif
