/* Makes cmocka tests from folders of data: every file (or folder) in them is a test with its name.
 */
#ifndef HGAUTOD_TESTS_UNIT_AWS_FOLDER_H
#define HGAUTOD_TESTS_UNIT_AWS_FOLDER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"

#define FOLDER_TESTS_MAX 256

struct folder_tests {
    struct CMUnitTest at[FOLDER_TESTS_MAX];
    size_t count;
};

/* Adds a test for every entry of `folder` whose name ends with `suffix`; its state is the entry's
 * path. */
static inline void folder_add(struct folder_tests *tests, const char *folder, const char *suffix,
                              CMUnitTestFunction run)
{
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, NULL, alphasort);

    if (n < 0) {
        fprintf(stderr, "%s: cannot be listed; run the tests from the project's root\n", folder);
        exit(1);
    }
    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name;
        size_t size = strlen(name), end = strlen(suffix);
        char *path = NULL;

        if (name[0] != '.' && strcmp(name, "README.md") != 0 && size >= end &&
            strcmp(name + size - end, suffix) == 0 && tests->count < FOLDER_TESTS_MAX &&
            asprintf(&path, "%s/%s", folder, name) > 0)
            tests->at[tests->count++] =
                (struct CMUnitTest){.name = path, .test_func = run, .initial_state = path};
        free(entries[i]);
    }
    free(entries);
}

/* Adds an ordinary test. */
static inline void folder_add_test(struct folder_tests *tests, const char *name,
                                   CMUnitTestFunction run)
{
    tests->at[tests->count++] = (struct CMUnitTest){.name = name, .test_func = run};
}

/* Runs them, frees the paths and returns the number of failures. */
static inline int folder_run(const char *group, struct folder_tests *tests)
{
    int failed = _cmocka_run_group_tests(group, tests->at, tests->count, NULL, NULL);

    for (size_t i = 0; i < tests->count; i++)
        free(tests->at[i].initial_state);
    return failed;
}

/* Returns the bytes of dir/name. */
static inline struct buf folder_read(const char *dir, const char *name)
{
    struct buf b = buf_make(1u << 20);
    char path[512], piece[4096];
    FILE *file;
    size_t n;

    snprintf(path, sizeof(path), "%s%s%s", dir, name[0] ? "/" : "", name);
    file = fopen(path, "rb");
    if (!file)
        fail_msg("%s cannot be read", path);
    else {
        while ((n = fread(piece, 1, sizeof(piece), file)) > 0)
            assert_true(buf_add(&b, piece, n));
        fclose(file);
    }
    return b;
}

static inline json_t *folder_json(const char *dir, const char *name)
{
    struct buf text = folder_read(dir, name);
    json_error_t why;
    json_t *value = json_loadb(buf_str(&text), text.size, JSON_DECODE_ANY, &why);

    if (!value)
        fail_msg("%s/%s, line %d: %s", dir, name, why.line, why.text);
    buf_free(&text);
    return value;
}

/* Asserts that two values are equal, showing both as text. The order of members does not matter. */
static inline void assert_json_equal(const json_t *is, const json_t *wanted)
{
    char *a = json_dumps(is, JSON_SORT_KEYS | JSON_COMPACT | JSON_ENCODE_ANY);
    char *b = json_dumps(wanted, JSON_SORT_KEYS | JSON_COMPACT | JSON_ENCODE_ANY);

    assert_non_null(a);
    assert_non_null(b);
    assert_string_equal(a, b);
    free(a);
    free(b);
}

#endif
